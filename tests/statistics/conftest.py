"""A node with a year of made events, once a session on each engine."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.registry.model import Scope
from tests.conftest import ENGINES, migrated_database
from tests.statistics.land import Land, settle
from tests.support.node import running_node
from tests.support.unhurried import unhurried


@pytest.fixture(scope="package", params=ENGINES)
def land(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Land]:
    """A node whose figures are asked about; tests change nothing that counts."""
    folder = tmp_path_factory.mktemp("land")
    with ExitStack() as stack:
        url = stack.enter_context(migrated_database(request, folder, request.param))
        running = unhurried(stack.enter_context(running_node(folder / "data", url, log_level="error")))
        running.run(settle)
        auditor = stack.enter_context(running.system(Scope.AUDIT))
        statistician = stack.enter_context(running.system(Scope.STATISTICS))
        yield Land(running, auditor, statistician)
