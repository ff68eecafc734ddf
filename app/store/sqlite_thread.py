"""Connections to SQLite that ask their thread once for each statement.

A statement through aiosqlite is four questions to the connection's thread: for a cursor, to execute, for the rows, to
close. Each costs two changes of thread, which is more than most statements themselves. SQLAlchemy reads all rows at
once anyway, so one question does all four; and nobody who is cancelled meanwhile leaves an open cursor behind.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import aiosqlite
from typing_extensions import override


class _Done(NamedTuple):
    description: Any
    rowcount: int
    lastrowid: int | None
    rows: list[Any]


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
        """Execute a statement and read all its rows."""
        done: _Done = await self._execute(_run, self._conn, operation, parameters, many=many)  # type: ignore[no-untyped-call]
        return done


class Cursor:
    """A statement that was, or will be, executed.

    Attributes:
        description: of the columns (PEP 249); None for a statement without rows.
        rowcount: rows that were changed; -1 where that is not known.
        lastrowid: of the last row that was inserted.
        arraysize: part of the interface; rows are read all at once.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
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
        """Give the rows, once."""
        rows, self._rows = self._rows, []
        return rows

    async def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        """Give the next rows, as a statement that is streamed asks for them; they were read with all others."""
        size = size or self.arraysize
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def fetchone(self) -> Any:
        """Give the next row; None: there is none."""
        return next(iter(await self.fetchmany(1)), None)

    async def close(self) -> None:
        """Nothing is open."""

    def _told(self, done: _Done) -> Self:
        self.description, self.rowcount, self.lastrowid, self._rows = done
        return self


def _run(connection: sqlite3.Connection, operation: str, parameters: Any, *, many: bool) -> _Done:
    cursor = connection.cursor()
    try:
        (cursor.executemany if many else cursor.execute)(operation, parameters)
        rows = cursor.fetchall() if cursor.description else []
        return _Done(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    finally:
        cursor.close()
