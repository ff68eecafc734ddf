"""A fresh node for each test of the rim, once on each engine, and systems that speak to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.registry.model import Scope
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode, running_node


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[RunningNode]:
    """A fresh node, once on each engine."""
    with running_node(tmp_path / "data", database_url) as running:
        yield running


@pytest.fixture
def admin(node: RunningNode) -> Iterator[AgencySystem]:
    """An administrator's tool."""
    with node.system(Scope.REGISTRY_WRITE, name="administrator") as system:
        yield system


@pytest.fixture
def reader(node: RunningNode) -> Iterator[AgencySystem]:
    """A client that was granted nothing."""
    with node.system(Scope.REGISTRY_READ, name="reader") as system:
        yield system
