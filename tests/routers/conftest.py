"""Nodes for the tests of the rim, and systems that speak to them.

A node takes a second to start, so one per engine serves a module: tests use codes of agencies that nobody else uses.
Those that look at everything there is ask for a fresh one.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.registry.model import Scope
from tests.conftest import ENGINES
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode, running_node
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine of this run of the module; modules that do not care override it."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def node(
    engine: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningNode]:
    """The node of this module."""
    with _node(engine, request, tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture
def fresh_node(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningNode]:
    """A node of which nobody has asked anything yet."""
    with _node(engine, request, tmp_path) as running:
        yield running


@pytest.fixture
def admin(node: RunningNode) -> Iterator[AgencySystem]:
    """An administrator's tool."""
    with node.system(Scope.REGISTRY_WRITE, name="administrator") as system:
        yield system


@pytest.fixture
def reader(node: RunningNode) -> Iterator[AgencySystem]:
    """A client that may read the directory and nothing else."""
    with node.system(Scope.REGISTRY_READ, name="reader") as system:
        yield system


@contextmanager
def _node(engine: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[RunningNode]:
    if engine == "sqlite":
        path = folder / "node.sqlite"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        with running_node(folder / "data", f"sqlite:///{path}") as running:
            yield running
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database(template=request.getfixturevalue("migrated_postgres"))
    try:
        with running_node(folder / "data", url) as running:
            yield running
    finally:
        server.drop_database(url)
