"""The whole API against its own description: no 5xx, no answer that is not described, no wrong input that is taken.

Deterministic and bounded: what it finds becomes a test of its own. Positive acceptance is not checked, for a body can
fit its schema and still break a rule of the registry.
"""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from app.node import Node
from app.registry import clients
from app.registry.acts import Act
from app.registry.model import ClientStatus, Grant, Scope
from app.routers import access
from tests.routers.registered import register, trust
from tests.support.node import RunningNode, running_node
from tests.support.pki import shared_pki

ANSWERS = 350
"""Enough to meet every kind of call; how long they take is a matter of the machine."""
SECONDS_MAX = 120
SEED = 102
REFUSALS = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422"]
OFFICE = "H26.1"


@pytest.fixture
def node(migrated_sqlite: Path, tmp_path: Path) -> Any:
    """A node that has somebody and something in it."""
    path = tmp_path / "node.sqlite"
    path.write_bytes(migrated_sqlite.read_bytes())
    with running_node(tmp_path / "data", f"sqlite:///{path}", long_poll_seconds_max=0, log_level="error") as running:
        with running.system(Scope.REGISTRY_WRITE) as admin:
            register(admin, OFFICE)
            trust(admin, shared_pki())
        yield running


def access_to(node: RunningNode) -> type:
    """Give tokens of a client that may do everything, also after the fuzzing has changed it: it finds its own id."""
    client_id = node.client(*Scope, agencies=[OFFICE]).client_id
    everything: clients.ClientChanges = {
        "scopes": frozenset(Scope),
        "agencies": (Grant.parse(OFFICE),),
        "status": ClientStatus.ACTIVE,
    }

    async def token(node: Node) -> str:
        at = datetime.now(UTC)
        done = await clients.change(node.database, client_id, everything, act=Act("operator", at))
        url = node.settings.public_url
        return access.issue(node.key, done.value, scopes=frozenset(Scope), issuer=url, at=at, seconds=3600)

    class Access:
        def get(self, _case: Any, _context: Any) -> str:
            return node.run(token)

        def set(self, case: Any, bearer: str, _context: Any) -> None:
            case.headers["Authorization"] = f"Bearer {bearer}"

    return Access


@pytest.mark.timeout(300)
def test_nothing_breaks_and_nothing_is_undocumented(node: RunningNode) -> None:
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "max-time": SECONDS_MAX,
            "continue-on-failure": True,
            "generation": {
                "max-examples": 6,
                "deterministic": True,
                "with-security-parameters": False,
                "database": "none",
            },
            "checks": {
                "positive_data_acceptance": {"enabled": False},
                "negative_data_rejection": {"expected-statuses": REFUSALS},
            },
        }
    )
    schema = schemathesis.openapi.from_url(f"{node.url}/openapi.json", config=config)
    schema.auth(refresh_interval=None)(access_to(node))
    failures: dict[tuple[str | None, str], str] = {}
    answered: Counter[int] = Counter()
    running = from_schema(schema).execute()
    for event in running:
        assert not isinstance(event, events.NonFatalError | events.FatalError), event
        if isinstance(event, events.ScenarioFinished):
            for interaction in event.recorder.interactions.values():
                if interaction.response is not None:
                    answered[interaction.response.status_code] += 1
            for check in (each for checks in event.recorder.checks.values() for each in checks):
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    sample = re.sub(r"(.{1500}).*", r"\1…", check.failure_info.code_sample, flags=re.DOTALL)
                    failures.setdefault((failure.operation, failure.title), f"{failure.message}\n{sample}")
        if answered.total() >= ANSWERS:
            running.stop()
    report = "\n\n".join(f"{operation}: {title}\n{text}" for (operation, title), text in failures.items())
    assert not failures, report
    assert answered[200] + answered[201] > answered.total() / 20 > 1, f"hardly anything was let in: {answered}"
    assert not any(status >= 500 for status in answered), answered
