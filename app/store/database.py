"""The one place that opens transactions, the same for SQLite and PostgreSQL.

`read()` gives a connection that cannot write; `write()` one transaction that is durable when the block ends without an
exception and leaves nothing when it does not. Follows the rule: decide first, then open the transaction.
"""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.errors import RequestInvalid, Unavailable
from app.store.sqlite_thread import Connection

Transaction = AsyncConnection
"""What a store function takes first: an open transaction it never ends."""

StatementFailed = DBAPIError
"""What a statement raises that the database refused or could not read for."""

_NOTED = "truc.noted"
_BUSY_TIMEOUT_MS = 10_000
_NEAR_TIMEOUT_MS = 100
"""Readers of a WAL wait for nobody but who recovers it; the event loop waits for that no longer."""
_CONNECT_SECONDS_MAX = 5.0
"""Per host; long enough for a busy server, short enough to reach the next one before a client gives up."""
_READERS_MAX = 8
_QUIET: Final = {"hide_parameters": True}
"""What fails unexpectedly is logged with its message, which must not hold the subjects or secrets that were written."""
_NO_ANSWER = "the database does not answer; nothing of this transaction was kept"


class Database:
    """A database by its driver-less URL, `sqlite:///path` or `postgresql://…`.

    SQLite gets one writing connection (WAL, `synchronous=FULL`: a committed transaction survives power loss) and a few
    reading ones; PostgreSQL one pool. Both speak through the same SQLAlchemy Core statements.

    Attributes:
        changes: how often this process has committed what was noted, for those who keep a copy of it in memory.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.changes: Counter[str] = Counter()
        self.dialect = urlsplit(url).scheme
        self._near: sa.Engine | None = None
        match self.dialect:
            case "sqlite":
                self._writer, self._reader = _sqlite_engines(url)
                self._near = _near_engine(url)
            case "postgresql":
                self._writer = _postgresql_engine(url)
                self._reader = self._writer.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            case other:
                raise RequestInvalid(f"database URL scheme {other!r}: use sqlite:///… or postgresql://…")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Open a transaction for reading: all of it sees one snapshot, nothing can be written.

        Raises:
            Unavailable: the database does not answer.
        """
        async with _opened(self._reader) as connection:
            yield connection

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[Transaction]:
        """Open a transaction for reading a few rows by an index, as each request does; otherwise as `read`.

        On SQLite a statement then runs on the event loop itself and takes some ten microseconds, where handing it to a
        thread and back takes milliseconds under load. Nobody else gets a turn meanwhile, so what may look through many
        rows is not for here.

        Raises:
            Unavailable: the database does not answer.
        """
        if self._near is None:
            async with self.read() as connection:
                yield connection
            return
        with _passing_told(), self._near.begin() as near:
            yield cast(Transaction, _Near(near))

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Open a transaction for writing, commit it at the end of the block, roll back on an exception.

        Raises:
            Unavailable: the database does not answer, or stayed locked too long; nothing was written.
        """
        noted: set[str] = set()
        try:
            async with _opened(self._writer) as connection:
                connection.info[_NOTED] = noted
                yield connection
        finally:
            # Also where it failed: a commit whose answer was lost may have happened.
            self.changes.update(noted)

    async def close(self) -> None:
        """Give back every connection."""
        await self._writer.dispose()
        await self._reader.dispose()
        if self._near is not None:
            self._near.dispose()


def note(tx: Transaction, what: str) -> None:
    """Say that a transaction changes something a process keeps a copy of; counted in `Database.changes` at its end."""
    tx.info.setdefault(_NOTED, set()).add(what)


def upsert(tx: Transaction, table: sa.Table) -> Any:
    """Return an INSERT of the transaction's dialect, on which both dialects spell ON CONFLICT alike."""
    return insert_of(tx.dialect.name, table)


def insert_of(dialect: str, table: sa.Table) -> Any:
    """Return the same by the dialect's name, for a statement that is made once and kept."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


_PASSING_STATES = ("08", "25006", "25P03", "40", "53", "55P03", "57", "58")
"""SQLSTATEs, by beginning, of what passes by itself: connection, read-only after a failover, silence in a transaction,
rollback by the server, no room or memory, somebody else's lock, intervention of an operator, system error (PostgreSQL,
Appendix A).
"""


class _Near:
    """A transaction whose statements run where they are awaited; has of a `Transaction` what reading takes."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[*tuple[Any, ...]]:
        return self._connection.execute(statement, parameters)


@asynccontextmanager
async def _opened(engine: AsyncEngine) -> AsyncIterator[Transaction]:
    with _passing_told():
        async with engine.begin() as connection:
            yield connection


@contextmanager
def _passing_told() -> Iterator[None]:
    try:
        yield
    except (PoolTimeout, asyncpg.PostgresError, ConnectionError) as error:
        raise Unavailable(_NO_ANSWER) from error
    except DBAPIError as error:
        if not _passing(error):
            raise
        raise Unavailable(_NO_ANSWER) from error


def _passing(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        # SQLite calls a statement that is wrong an operational error, too; that one will be wrong for ever.
        return isinstance(error, OperationalError) and code & 0xFF != sqlite3.SQLITE_ERROR
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return True
    return str(getattr(error.orig, "sqlstate", None) or "").startswith(_PASSING_STATES)


def _sqlite_engines(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    path = url.removeprefix("sqlite:///")
    if path in ("", ":memory:") or path == url:
        raise RequestInvalid("an SQLite database must be a file: sqlite:///path/to/truc.db")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    # Not as text: a path may hold signs that mean something in a URL.
    address = sa.URL.create("sqlite+aiosqlite", database=path)
    how: dict[str, Any] = {"max_overflow": 0, "pool_timeout": 60, "connect_args": {"async_creator_fn": Connection}}
    writer = create_async_engine(address, pool_size=1, **how, **_QUIET)
    reader = create_async_engine(address, pool_size=_READERS_MAX, **how, **_QUIET)
    for engine, begin in ((writer, "BEGIN IMMEDIATE"), (reader, "BEGIN")):
        _configure_sqlite(engine.sync_engine, begin=begin, query_only=engine is reader)
    return writer, reader


def _near_engine(url: str) -> sa.Engine:
    address = sa.URL.create("sqlite", database=url.removeprefix("sqlite:///"))
    # Never waits for one of its connections: whoever has it could not give it back meanwhile.
    engine = sa.create_engine(address, pool_size=2, max_overflow=-1, **_QUIET)
    _configure_sqlite(engine, begin="BEGIN", query_only=True, busy_ms=_NEAR_TIMEOUT_MS)
    return engine


def _configure_sqlite(engine: sa.Engine, *, begin: str, query_only: bool, busy_ms: int = _BUSY_TIMEOUT_MS) -> None:
    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={busy_ms}")
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL, not NORMAL: with NORMAL the last commits of a WAL may be lost when the power goes.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA query_only={'ON' if query_only else 'OFF'}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    @sa.event.listens_for(engine, "invalidate")
    def _dropped(connection: Any, _record: Any, _failure: BaseException | None) -> None:
        # A task that is cancelled in the middle of a statement leaves a cursor behind that only the garbage collector
        # closes, and until then SQLite keeps the transaction of a closed connection, and its lock on the file.
        connection.rollback()


def _postgresql_engine(url: str) -> AsyncEngine:
    addresses = _addresses(url)

    async def connect() -> asyncpg.Connection:
        failure: Exception | None = None
        for address in addresses:
            try:
                return await asyncpg.connect(
                    address,
                    timeout=_CONNECT_SECONDS_MAX,
                    server_settings={"synchronous_commit": "on", "TimeZone": "UTC"},
                )
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                failure = error
        raise Unavailable("the database does not answer") from failure

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_size=10, max_overflow=10, pool_timeout=30, **_QUIET
    )


def _addresses(url: str) -> list[str]:
    """Split a URL of several hosts, as libpq users write it, into one URL a host, in their order.

    asyncpg would take the whole, but with one time limit for all hosts: a first host that is switched off, and so does
    not even refuse, would keep it from ever asking the second.
    """
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    return [urlunsplit(parts._replace(netloc=f"{login}{at}{host}")) for host in hosts.split(",")]
