"""Working exchanges for the tests of this room: one node an engine, kept for the whole run, because most tests only add
documents of their own to it.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.exchange.passing import passed
from tests.support.node import running_node
from tests.support.office import DISTRICT, PROVINCE, Exchange, exchange_on
from tests.support.postgres import PostgresServer
from tests.support.unhurried import unhurried

QUIET = {"log_level": "error", "deadline_interval_seconds": 3600}
"""A node's settings under test: one log line a request helps nobody here, nobody is told of what is late while others
count what lies in the node.
"""


def signed_in(exchange: Exchange) -> Exchange:
    """Sign everybody in, so that no call of a test leaves that event too."""
    for system in (exchange.auditor, *(office.system for office in exchange.offices.values())):
        assert system.token
    return exchange


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Exchange]:
    """The exchange on SQLite."""
    folder = tmp_path_factory.mktemp("exchange-sqlite")
    shutil.copyfile(migrated_sqlite, folder / "node.sqlite")
    url = f"sqlite:///{folder / 'node.sqlite'}"
    with running_node(folder / "data", url, **QUIET) as running, exchange_on(running) as working:
        unhurried(running)
        yield signed_in(working)


@pytest.fixture(scope="session")
def on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, migrated_postgres: str
) -> Iterator[Exchange]:
    """The exchange on PostgreSQL."""
    url = postgres_server.create_database(template=migrated_postgres)
    folder = tmp_path_factory.mktemp("exchange-postgresql")
    with running_node(folder / "data", url, **QUIET) as running, exchange_on(running) as working:
        unhurried(running)
        yield signed_in(working)
    postgres_server.drop_database(url)


@pytest.fixture
def shared(on_sqlite: Exchange) -> Exchange:
    """The exchange on SQLite, for what does not hang on the database; other tests have left their documents in it."""
    return on_sqlite


@pytest.fixture
def exchange(engine_name: str, request: pytest.FixtureRequest) -> Exchange:
    """The exchange on either engine, each test once on each; other tests have left their documents in it."""
    working: Exchange = request.getfixturevalue(f"on_{engine_name}")
    return working


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is given back at the end of the test."""
    with ExitStack() as held:
        yield held


@pytest.fixture(scope="session")
def late_on_sqlite(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Exchange]:
    """An exchange on SQLite in which time may pass: what is made late there is late for nobody else."""
    folder = tmp_path_factory.mktemp("late-sqlite")
    shutil.copyfile(migrated_sqlite, folder / "node.sqlite")
    yield from _late(folder, f"sqlite:///{folder / 'node.sqlite'}")


@pytest.fixture(scope="session")
def late_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, migrated_postgres: str
) -> Iterator[Exchange]:
    """The same on PostgreSQL."""
    url = postgres_server.create_database(template=migrated_postgres)
    yield from _late(tmp_path_factory.mktemp("late-postgresql"), url)
    postgres_server.drop_database(url)


@pytest.fixture
def late(engine_name: str, request: pytest.FixtureRequest) -> Iterator[Exchange]:
    """The exchange in which time may pass, on either engine; each test leaves nothing that could become late."""
    working: Exchange = request.getfixturevalue(f"late_on_{engine_name}")
    yield working
    passed(working, days=3650)


def _late(folder: Path, url: str) -> Iterator[Exchange]:
    # Neither looks by itself: the tests say when.
    with (
        running_node(folder / "data", url, **QUIET) as running,
        exchange_on(running, only=(PROVINCE, DISTRICT)) as working,
    ):
        unhurried(running)
        yield signed_in(working)
