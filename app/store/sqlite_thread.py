"""Connections to SQLite that ask their thread once for each statement.

A statement through aiosqlite is four questions to the connection's thread: for a cursor, to execute, for the rows, to
close. Each costs two changes of thread, which is more than most statements themselves. Nearly all have few rows, so one
question does all four, and nobody who is cancelled meanwhile leaves an open cursor behind. Of many rows the first come
at once and the others as they are asked for, so that a stream holds no more than it gives.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Self, TypeVar

import aiosqlite
from typing_extensions import override

T = TypeVar("T")


AT_ONCE: Final = 1_000
"""Rows that come with the execution of a statement, at most."""


class _Done(NamedTuple):
    """What came of a statement; `open` has the rows that are left, None where there are none."""

    description: Any
    rowcount: int
    lastrowid: int | None
    rows: list[Any]
    open: sqlite3.Cursor | None


class Connection(aiosqlite.Connection):
    """A connection as SQLAlchemy's dialect uses one."""

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(lambda: sqlite3.connect(path, **options), iter_chunk_size=64)
        # A process that ends does not wait for a connection that nobody closed.
        self._thread.daemon = True

    @override
    def cursor(self) -> "Cursor":  # type: ignore[override]
        """Give what executes a statement, without asking the thread."""
        return Cursor(self)

    async def run(self, operation: str, parameters: Iterable[Any], *, many: bool) -> _Done:
        """Execute a statement and read its first rows."""
        done: _Done = await self._execute(_run, self._conn, operation, parameters, many=many)  # type: ignore[no-untyped-call]
        return done

    async def ask(self, question: Callable[..., T], *arguments: Any) -> T:
        """Have the thread do something with an open cursor."""
        answer: T = await self._execute(question, *arguments)  # type: ignore[no-untyped-call]
        return answer


class Cursor:
    """A statement that was, or will be, executed.

    Attributes:
        description: of the columns (PEP 249); None for a statement without rows.
        rowcount: rows that were changed; -1 where that is not known.
        lastrowid: of the last row that was inserted.
        arraysize: rows of a `fetchmany` that does not say how many.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self._open: sqlite3.Cursor | None = None
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, operation: str, parameters: Iterable[Any] = ()) -> Self:
        """Execute a statement."""
        return self._told(await self._connection.run(operation, parameters, many=False))

    async def executemany(self, operation: str, parameters: Iterable[Iterable[Any]]) -> Self:
        """Execute a statement for each of several sets of parameters."""
        return self._told(await self._connection.run(operation, parameters, many=True))

    async def fetchall(self) -> Sequence[Any]:
        """Give the rows that are left, once."""
        rows, self._rows = self._rows, []
        if self._open is not None:
            rows += await self._connection.ask(self._open.fetchall)
            await self.close()
        return rows

    async def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        """Give the next rows; fewer than asked for: these are the last."""
        size = size or self.arraysize
        if self._open is not None and len(self._rows) < size:
            read = await self._connection.ask(self._open.fetchmany, max(size - len(self._rows), AT_ONCE))
            self._rows += read
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def fetchone(self) -> Any:
        """Give the next row; None: there is none."""
        return next(iter(await self.fetchmany(1)), None)

    async def close(self) -> None:
        """Give up the rows that were not read."""
        opened, self._open = self._open, None
        if opened is not None:
            await self._connection.ask(opened.close)

    def _told(self, done: _Done) -> Self:
        self.description, self.rowcount, self.lastrowid, self._rows, self._open = done
        return self


def _run(connection: sqlite3.Connection, operation: str, parameters: Any, *, many: bool) -> _Done:
    cursor, whole = connection.cursor(), True
    try:
        (cursor.executemany if many else cursor.execute)(operation, parameters)
        rows = cursor.fetchmany(AT_ONCE) if cursor.description else []
        whole = len(rows) < AT_ONCE
        return _Done(cursor.description, cursor.rowcount, cursor.lastrowid, rows, None if whole else cursor)
    finally:
        if whole:
            cursor.close()
