"""Working exchanges for the tests of this room: one node an engine, kept for the whole run, because most tests only add
documents of their own to it.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.node import running_node
from tests.support.office import Exchange, exchange_on
from tests.support.postgres import PostgresServer

QUIET = {"log_level": "error"}
"""A node's settings under test: one log line a request helps nobody here."""


@pytest.fixture(scope="session")
def working(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Exchange]]:
    """Give the exchange on an engine, started when it is asked for first."""
    exchanges: dict[str, Exchange] = {}
    with ExitStack() as stack:

        def on(engine: str) -> Exchange:
            if engine not in exchanges:
                folder = tmp_path_factory.mktemp(f"exchange-{engine}")
                if engine == "sqlite":
                    shutil.copyfile(request.getfixturevalue("migrated_sqlite"), folder / "node.sqlite")
                    url = f"sqlite:///{folder / 'node.sqlite'}"
                else:
                    server: PostgresServer = request.getfixturevalue("postgres_server")
                    url = server.create_database(template=request.getfixturevalue("migrated_postgres"))
                    stack.callback(server.drop_database, url)
                running = stack.enter_context(running_node(folder / "data", url, **QUIET))
                exchanges[engine] = stack.enter_context(exchange_on(running))
            return exchanges[engine]

        yield on


@pytest.fixture
def shared(working: Callable[[str], Exchange]) -> Exchange:
    """The exchange on SQLite, for what does not hang on the database; other tests have left their documents in it."""
    return working("sqlite")


@pytest.fixture
def exchange(engine_name: str, working: Callable[[str], Exchange]) -> Exchange:
    """The exchange on either engine, each test once on each; other tests have left their documents in it."""
    return working(engine_name)
