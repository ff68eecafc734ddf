"""Nodes for the tests of the rim, and systems that speak to them.

A node takes a while to start, so one serves the room: tests use codes of agencies that nobody else uses. Those that
look at everything there is ask for a fresh one. What the rim asks of a database is asked on both engines by tests of
other rooms; that it comes through on PostgreSQL, too, is in test_on_postgresql.py.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.registry.model import Scope
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode, running_node
from tests.support.postgres import PostgresServer
from tests.support.unhurried import resting


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """The node of this room."""
    with node_on("sqlite", request, tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture
def fresh_node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningNode]:
    """A node of which nobody has asked anything yet."""
    with node_on("sqlite", request, tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def admin(node: RunningNode) -> Iterator[AgencySystem]:
    """An administrator's tool."""
    with node.system(Scope.REGISTRY_WRITE, name="administrator") as system:
        yield system


@pytest.fixture(scope="module")
def reader(node: RunningNode) -> Iterator[AgencySystem]:
    """A client that may read the directory and nothing else."""
    with node.system(Scope.REGISTRY_READ, name="reader") as system:
        yield system


@contextmanager
def node_on(engine: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[RunningNode]:
    """Run a node on a fresh database of an engine."""
    if engine == "sqlite":
        path = folder / "node.sqlite"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        with running_node(folder / "data", f"sqlite:///{path}") as running:
            yield resting(running)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database(template=request.getfixturevalue("migrated_postgres"))
    try:
        with running_node(folder / "data", url) as running:
            yield resting(running)
    finally:
        server.drop_database(url)
