"""Exchanges whose nodes may call servers on this machine, one an engine for the whole run, and subscribers' servers."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.node import running_node
from tests.support.office import Exchange, exchange_on
from tests.support.postgres import PostgresServer
from tests.support.unhurried import resting
from tests.webhooks.receiver import Receiver

OPEN = {"log_level": "error", "webhook_private_targets": True}


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Exchange]:
    """The exchange on SQLite."""
    folder = tmp_path_factory.mktemp("webhooks-sqlite")
    shutil.copyfile(migrated_sqlite, folder / "node.sqlite")
    url = f"sqlite:///{folder / 'node.sqlite'}"
    with running_node(folder / "data", url, **OPEN) as running, exchange_on(resting(running)) as working:
        yield working


@pytest.fixture(scope="session")
def on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, migrated_postgres: str
) -> Iterator[Exchange]:
    """The exchange on PostgreSQL."""
    url = postgres_server.create_database(template=migrated_postgres)
    folder = tmp_path_factory.mktemp("webhooks-postgresql")
    with running_node(folder / "data", url, **OPEN) as running, exchange_on(resting(running)) as working:
        yield working
    postgres_server.drop_database(url)


@pytest.fixture
def shared(on_sqlite: Exchange) -> Exchange:
    """The exchange on SQLite, for what does not hang on the database."""
    return on_sqlite


@pytest.fixture
def exchange(engine_name: str, request: pytest.FixtureRequest) -> Exchange:
    """The exchange on either engine, each test once on each; other tests have left their subscriptions in it."""
    working: Exchange = request.getfixturevalue(f"on_{engine_name}")
    return working


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A subscriber's server over plain HTTP."""
    with Receiver() as working:
        yield working
