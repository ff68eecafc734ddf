"""Transactions: one snapshot to read, all or nothing to write, durable, and a clear word when the database is away."""

import asyncio
import gc
import socket
import sqlite3
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.errors import RequestInvalid, TrucError, Unavailable
from app.store import database as database_module
from app.store.database import Database
from app.store.schema import document_links, registry_versions
from app.store.sqlite_thread import AT_ONCE
from tests.support.postgres import PostgresServer

OTHER_ID = "01900000-0000-7000-8000-000000000001"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database."""
    opened = Database(database_url)
    yield opened
    await opened.close()


async def _put(tx: Any, part: str, version: int = 1) -> None:
    await tx.execute(registry_versions.insert(), [{"part": part, "version": version}])


async def _parts(database: Database) -> set[str]:
    async with database.read() as tx:
        return set((await tx.execute(sa.select(registry_versions.c.part))).scalars())


async def _scalar(tx: Any, query: str) -> Any:
    return (await tx.execute(sa.text(query))).scalar_one()


async def test_what_is_written_is_there_afterwards(database: Database) -> None:
    async with database.write() as tx:
        await _put(tx, "one")
    assert await _parts(database) == {"one"}


async def test_a_glance_sees_one_snapshot_of_what_was_committed_and_cannot_write(database: Database) -> None:
    await _committed(database, "one")
    async with database.glance() as tx:
        assert (await tx.execute(sa.select(registry_versions.c.part))).scalars().all() == ["one"]
        await _committed(database, "two")
        assert (await tx.execute(sa.select(registry_versions.c.part))).scalars().all() == ["one"]
    # A look within a look, as requests have them that get their turn between two statements.
    async with database.glance() as outer, database.glance() as inner, database.glance() as third:
        for tx in (outer, inner, third):
            assert len((await tx.execute(sa.select(registry_versions.c.part))).all()) == 2
    with pytest.raises((TrucError, sa.exc.DBAPIError)):
        await _written_at_a_glance(database)


_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"


@pytest.mark.parametrize("count", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE])
async def test_all_rows_come_in_their_order_however_they_are_read(database: Database, count: int) -> None:
    query = sa.text(f"{_NUMBERS.format(count=count)} SELECT i FROM n WHERE i <= {count} ORDER BY i")
    async with database.read() as tx:
        assert (await tx.execute(query)).scalars().all() == list(range(1, count + 1))
        streamed = await tx.stream(query, execution_options={"yield_per": 300})
        assert [row.i async for row in streamed] == list(range(1, count + 1))


async def test_a_stream_holds_no_more_than_it_gives_and_may_be_left(database: Database) -> None:
    wide = "repeat('x', 10000)" if database.dialect == "postgresql" else "printf('%.10000c', 'x')"
    query = sa.text(f"{_NUMBERS.format(count=6000)} SELECT i, {wide} AS wide FROM n")
    tracemalloc.start()
    try:
        async with database.read() as tx:
            streamed = await tx.stream(query, execution_options={"yield_per": 100})
            assert [row.i async for row in streamed] == list(range(1, 6001))
        # Sixty megabytes went by.
        assert tracemalloc.get_traced_memory()[1] < 25_000_000
    finally:
        tracemalloc.stop()
    async with database.read() as tx:
        streamed = await tx.stream(query, execution_options={"yield_per": 100})
        assert (await anext(aiter(streamed))).i == 1
    assert await _parts(database) == set()


async def _committed(database: Database, part: str) -> None:
    async with database.write() as tx:
        await _put(tx, part)


async def _written_at_a_glance(database: Database) -> None:
    async with database.glance() as tx:
        await _put(tx, "three")


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt, asyncio.CancelledError])
async def test_an_exception_leaves_nothing(database: Database, raised: type[BaseException]) -> None:
    async def work() -> None:
        async with database.write() as tx:
            await _put(tx, "one")
            raise raised

    with pytest.raises(raised):
        await work()
    assert await _parts(database) == set()
    async with database.write() as tx:
        await _put(tx, "two")
    assert await _parts(database) == {"two"}


async def test_a_failing_statement_leaves_nothing_of_its_transaction(database: Database) -> None:
    async def work() -> None:
        async with database.write() as tx:
            await _put(tx, "one")
            await _put(tx, "one")

    with pytest.raises(sa.exc.IntegrityError):
        await work()
    assert await _parts(database) == set()


async def test_a_statement_that_is_wrong_is_a_fault_of_ours_and_not_of_the_database(database: Database) -> None:
    async def work() -> None:
        async with database.write() as tx:
            await tx.execute(sa.text("SELECT nothing FROM nowhere"))

    with pytest.raises(sa.exc.DBAPIError, match="nowhere"):
        await work()


async def test_a_failing_statement_does_not_tell_the_log_what_it_was_to_write(database: Database) -> None:
    """What is unexpected is logged with its message; subjects, contacts and secrets go through the same statements."""
    row = {"part": "quite secret", "version": 1}
    with pytest.raises(sa.exc.DBAPIError) as failed:
        async with database.write() as tx:
            await tx.execute(sa.text("INSERT INTO nowhere (part, version) VALUES (:part, :version)"), row)
    assert "nowhere" in str(failed.value)
    assert "quite secret" not in str(failed.value)


async def test_a_cancelled_task_leaves_nothing_and_the_database_usable(database: Database) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with database.write() as tx:
            await _put(tx, "one")
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for part in ("two", "three"):
        async with database.write() as tx:
            await _put(tx, part)
    assert await _parts(database) == {"two", "three"}


_SLOW = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 200000)
SELECT count(*) FROM number
"""


async def test_a_task_cancelled_in_a_statement_keeps_no_lock(database: Database) -> None:
    """What the cancelled task leaves behind is not collected here, as it need not be for long in a node that works."""

    async def write_and_look() -> None:
        async with database.write() as tx:
            await _put(tx, "cancelled")
            written.set()
            await tx.execute(sa.text(_SLOW))

    gc.disable()
    try:
        for number in range(4):
            written = asyncio.Event()
            task = asyncio.create_task(write_and_look())
            await written.wait()
            await asyncio.sleep(number / 200)
            task.cancel()
            await asyncio.wait([task])
            async with database.write() as tx:
                await _put(tx, f"after {number}")
    finally:
        gc.enable()
    assert await _parts(database) == {f"after {number}" for number in range(4)}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO registry_versions (part, version) VALUES ('x', 1)",
        "UPDATE ledger_state SET size = 7",
        "DELETE FROM ledger_state",
        "CREATE TABLE another (id integer)",
        "DROP TABLE figures",
    ],
)
async def test_a_reading_transaction_cannot_write(database: Database, statement: str) -> None:
    async def work() -> None:
        async with database.read() as tx:
            await tx.execute(sa.text(statement))

    with pytest.raises((sa.exc.DBAPIError, TrucError)):
        await work()
    async with database.read() as tx:
        assert await _scalar(tx, "SELECT size FROM ledger_state") == 0
        assert await _scalar(tx, "SELECT count(*) FROM figures") == 0
    assert await _parts(database) == set()


async def test_a_reading_transaction_sees_one_snapshot(database: Database) -> None:
    async with database.read() as tx:
        assert await _scalar(tx, "SELECT count(*) FROM registry_versions") == 0
        async with database.write() as other:
            await _put(other, "one")
        assert await _parts(database) == {"one"}
        assert await _scalar(tx, "SELECT count(*) FROM registry_versions") == 0


async def test_writing_after_reading_and_reading_after_writing_each_keep_to_their_kind(database: Database) -> None:
    """PostgreSQL uses one pool for both: what made a connection read-only must not stay with it."""
    for turn in range(30):
        async with database.read() as tx:
            await _scalar(tx, "SELECT 1")
        async with database.write() as tx:
            await _put(tx, f"{turn}")
    assert len(await _parts(database)) == 30


async def test_a_row_that_refers_to_nothing_is_refused(database: Database) -> None:
    link = {"document": OTHER_ID, "ordinal": 0, "relation": "answers", "concerned_document_id": "x"}
    with pytest.raises(sa.exc.IntegrityError):
        async with database.write() as tx:
            await tx.execute(document_links.insert(), [link])


async def test_settings_that_keep_commits_over_a_power_cut_are_in_force(database: Database) -> None:
    settings = {
        "sqlite": {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000},
        "postgresql": {"synchronous_commit": "on", "TimeZone": "UTC"},
    }[database.dialect]
    word = "PRAGMA" if database.dialect == "sqlite" else "SHOW"
    for transaction in (database.read, database.write):
        async with transaction() as tx:
            for name, value in settings.items():
                assert await _scalar(tx, f"{word} {name}") == value, name
    if database.dialect == "postgresql":
        async with database.read() as tx:
            assert await _scalar(tx, "SHOW transaction_isolation") == "repeatable read"
            assert await _scalar(tx, "SHOW transaction_read_only") == "on"
        async with database.write() as tx:
            assert await _scalar(tx, "SHOW transaction_isolation") == "read committed"
            assert await _scalar(tx, "SHOW transaction_read_only") == "off"
    else:
        async with database.read() as tx:
            assert await _scalar(tx, "PRAGMA query_only") == 1
        async with database.write() as tx:
            assert await _scalar(tx, "PRAGMA query_only") == 0


async def test_many_write_at_once_and_none_is_lost(database: Database) -> None:
    others = [database, Database(database.url), Database(database.url)]

    async def write(number: int) -> None:
        async with others[number % 3].write() as tx:
            await _put(tx, f"{number}")
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(45):
            group.create_task(write(number))
    assert len(await _parts(database)) == 45
    for other in others[1:]:
        await other.close()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://host/path",
        "mysql://localhost/x",
        "",
        "truc.db",
        "postgresql+asyncpg://localhost/x",
    ],
)
def test_a_url_that_is_none_of_the_two_databases_is_refused(url: str) -> None:
    with pytest.raises(RequestInvalid, match="sqlite:///"):
        Database(url)


@pytest.mark.parametrize("name", ["plain.db", "with blank.db", "tỉnh Nghệ An.db", "a?b=c.db", "a%20b.db", "a#b.db"])
async def test_a_file_of_any_name_is_that_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "not yet there" / name
    database = Database(f"sqlite:///{path}")
    async with database.write() as tx:
        await tx.execute(sa.text("CREATE TABLE here (id integer)"))
    await database.close()
    assert [each.name for each in path.parent.iterdir()] == [name]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM here").fetchone() == (0,)
    connection.close()


async def test_an_sqlite_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "truc.db").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'truc.db'}")
    for transaction in (database.read, database.write):
        with pytest.raises(Unavailable):
            async with transaction():
                pass
    await database.close()
    # The thread of a connection that did not come about reports its end to this event loop.
    await asyncio.sleep(0.2)


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that the test may kill."""
    server = PostgresServer.own()
    yield server
    server.stop()


async def test_a_server_that_is_killed_is_unavailable_until_it_is_back(own_server: PostgresServer) -> None:
    database = Database(own_server.create_database())
    async with database.write() as tx:
        await tx.execute(sa.text("CREATE TABLE here (id integer)"))
    # Several idle connections that will turn out to be dead.
    await asyncio.gather(*(_slow_look(database) for _ in range(5)))

    async def work() -> None:
        async with database.write() as tx:
            await tx.execute(sa.text("INSERT INTO here VALUES (1)"))
            own_server.kill()
            await tx.execute(sa.text("INSERT INTO here VALUES (2)"))

    with pytest.raises(Unavailable):
        await work()
    for transaction in (database.read, database.write):
        for _ in range(6):
            with pytest.raises(Unavailable):
                async with transaction() as tx:
                    await _scalar(tx, "SELECT 1")

    own_server.restart()
    async with asyncio.timeout(60):
        assert await _until_available(database) == 0
    await asyncio.gather(*(_slow_look(database) for _ in range(5)))
    await database.close()


async def _slow_look(database: Database) -> None:
    async with database.read() as tx:
        await _scalar(tx, "SELECT count(*) FROM here, pg_sleep(0.05)")


async def _until_available(database: Database) -> int:
    while True:
        try:
            async with database.read() as tx:
                return int(await _scalar(tx, "SELECT count(*) FROM here"))
        except Unavailable:
            await asyncio.sleep(0.05)


async def test_dead_connections_of_a_restarted_server_cost_at_most_one_failure(own_server: PostgresServer) -> None:
    database = Database(own_server.create_database())
    async with database.write() as tx:
        await tx.execute(sa.text("CREATE TABLE here (id integer)"))
    await asyncio.gather(*(_slow_look(database) for _ in range(5)))
    own_server.kill()
    own_server.restart()
    failures = 0
    for _ in range(10):
        try:
            await _slow_look(database)
        except Unavailable:
            failures += 1
    await database.close()
    assert failures <= 1


@pytest.fixture
def mute_host() -> Iterator[str]:
    """A host that takes connections and never says a word, as one does whose machine hangs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def dead_host() -> str:
    """A host where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _with_hosts(url: str, *hosts: str, query: str = "") -> str:
    parts = urlsplit(url)
    login, _, own = parts.netloc.rpartition("@")
    names = ",".join(host or own for host in hosts)
    return parts._replace(netloc=f"{login}@{names}", query=query).geturl()


async def _answers(url: str) -> int:
    database = Database(url)
    try:
        async with database.write() as tx:
            return int(await _scalar(tx, "SELECT 1"))
    finally:
        await database.close()


async def test_the_second_host_is_asked_when_the_first_is_dead(postgres_server: PostgresServer, dead_host: str) -> None:
    assert await _answers(_with_hosts(postgres_server.url, dead_host, "")) == 1
    assert await _answers(_with_hosts(postgres_server.url, "no-such-host.invalid:5432", dead_host, "")) == 1


async def test_the_second_host_is_asked_when_the_first_says_nothing(
    postgres_server: PostgresServer, mute_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert database_module._CONNECT_SECONDS_MAX <= 5
    monkeypatch.setattr(database_module, "_CONNECT_SECONDS_MAX", 2.0)
    # The mute host alone would be waited for without end.
    async with asyncio.timeout(60):
        assert await _answers(_with_hosts(postgres_server.url, mute_host, "")) == 1


async def test_a_host_that_may_be_written_to_can_be_asked_for(postgres_server: PostgresServer, dead_host: str) -> None:
    writable = "target_session_attrs=read-write"
    assert await _answers(_with_hosts(postgres_server.url, dead_host, "", query=writable)) == 1
    with pytest.raises(Unavailable):
        await _answers(_with_hosts(postgres_server.url, "", dead_host, query="target_session_attrs=standby"))


@pytest.mark.parametrize("hosts", [("no-such-host.invalid:5432",), ("127.0.0.1:1", "127.0.0.1:2")])
async def test_no_host_that_answers_is_unavailable(postgres_server: PostgresServer, hosts: tuple[str, ...]) -> None:
    with pytest.raises(Unavailable):
        await _answers(_with_hosts(postgres_server.url, *hosts))


async def test_a_database_that_is_not_there_is_unavailable(postgres_server: PostgresServer) -> None:
    with pytest.raises(Unavailable):
        await _answers(urlsplit(postgres_server.url)._replace(path="/truc_no_such_database").geturl())


def test_a_database_may_be_opened_before_any_event_loop_runs(database_url: str) -> None:
    database = Database(database_url)

    async def work() -> set[str]:
        try:
            return await _parts(database)
        finally:
            await database.close()

    found: list[set[str]] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(work())))
    thread.start()
    thread.join(30)
    assert found == [set()]


async def test_a_statement_asks_the_thread_of_sqlite_once(tmp_path: Path) -> None:
    opened = Database(f"sqlite:///{tmp_path / 'node.sqlite'}")
    asked: list[str] = []
    async with opened.write() as tx:
        await tx.exec_driver_sql("CREATE TABLE given (id INTEGER PRIMARY KEY, name TEXT)")
        connection = (await tx.get_raw_connection()).driver_connection
        assert connection is not None
        real = connection._execute

        async def noted(work: Any, *arguments: Any, **options: Any) -> Any:
            asked.append(work.__name__)
            return await real(work, *arguments, **options)

        connection._execute = noted
        inserted = await tx.exec_driver_sql("INSERT INTO given (name) VALUES (?)", ("one",))
        assert (inserted.lastrowid, inserted.rowcount) == (1, 1)
        await tx.exec_driver_sql("INSERT INTO given (name) VALUES (?)", [("two",), ("three",)])
        changed = await tx.exec_driver_sql("UPDATE given SET name = upper(name) WHERE id > 1 RETURNING name")
        assert changed.scalars().all() == ["TWO", "THREE"]
        with pytest.raises(sa.exc.IntegrityError):
            await tx.exec_driver_sql("INSERT INTO given (id) VALUES (1)")
        assert (await tx.exec_driver_sql("SELECT name FROM given WHERE id = 9")).all() == []
        assert asked == ["_run"] * 5
        connection._execute = real
    await opened.close()
