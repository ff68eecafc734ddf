"""An exchange whose agencies also speak the protocols of other exchanges; one node a module and engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.edxml.organ_id import OrganId
from app.ids import new_id
from app.ledger.seal import seal_all
from app.node import Node
from app.registry import system_key_acts
from app.registry.acts import Act
from app.registry.model import Scope
from app.routers import clock
from app.store.schema import deliveries
from tests.routers.conftest import node_on
from tests.support.node import RunningNode
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, Exchange, created, exchange_on
from tests.support.vxp import Sdk

FORMS = ("unsigned", "foreign-namespace")
"""What systems that use the axis' library send instead of a signature."""


@dataclass(frozen=True)
class Doors:
    """An exchange with a service object of the SDK for each of its agencies."""

    exchange: Exchange
    sdk: dict[str, Sdk]

    def fresh(self, agency: str) -> Sdk:
        """Make a service object of which nobody has asked anything yet."""
        known = self.sdk[agency]
        return Sdk(known.url, known.system_id, known.secret)

    def seal(self) -> None:
        """See to it that everything that was accepted is where it is listed."""

        async def seal(node: Node) -> None:
            await seal_all(node.database, now=clock.now())

        self.exchange.running.run(seal)

    def waiting(self, sdk: Sdk, messagetype: str = "edoc") -> list[dict[str, str]]:
        """List what waits for a unit."""
        self.seal()
        answer = sdk.call("getReceivedEdocList", servicetype="eDoc", messagetype=messagetype)
        items: list[dict[str, str]] = answer.ok()["data"]
        return items

    @contextmanager
    def crowded(self, *, behind: str, before: str, count: int) -> Iterator[list[str]]:
        """Let copies of a delivery wait between two that do, as their rows are after so many documents."""
        ids, ledger = [new_id() for _ in range(count)], deliveries.c.position

        async def crowd(node: Node) -> None:
            async with node.database.write() as tx:
                shown = (await tx.execute(sa.select(deliveries).where(deliveries.c.id == behind))).mappings().one()
                row = dict(shown) | {"undelivered_at": None, "expires_at": None, "due_at": None}
                copies = [row | {"id": each, "position": row["position"] + at} for at, each in enumerate(ids, start=1)]
                await tx.execute(deliveries.insert(), copies)
                await tx.execute(deliveries.update().where(deliveries.c.id == before).values(position=ledger + count))

        async def leave(node: Node) -> None:
            async with node.database.write() as tx:
                await tx.execute(deliveries.delete().where(deliveries.c.id.in_(ids)))
                await tx.execute(deliveries.update().where(deliveries.c.id == before).values(position=ledger - count))

        self.exchange.running.run(crowd)
        try:
            yield ids
        finally:
            self.exchange.running.run(leave)


@pytest.fixture(scope="module")
def engine() -> str:
    """Where nothing hangs on the database; modules for which it does override it."""
    return "sqlite"


@pytest.fixture(scope="module")
def node(
    engine: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningNode]:
    """A node of the module's own: its agencies are those of an exchange, with an anchor of their own."""
    with node_on(engine, request, tmp_path_factory.mktemp("doors")) as running:
        yield running


@pytest.fixture(scope="module")
def doors(node: RunningNode) -> Iterator[Doors]:
    """Two agencies that are let in unsigned, each with the system id of its code."""
    agencies = (GOVERNMENT_OFFICE, PROVINCE)
    with exchange_on(node, only=agencies) as exchange:
        today = datetime.now(UTC).date()
        period = {"valid_from": f"{today - timedelta(days=2)}", "valid_to": f"{today + timedelta(days=30)}"}
        for agency in agencies:
            policies = [{"mode": form, **period} for form in FORMS]
            created(exchange.administrator.patch(f"/v1/agencies/{agency}", json={"policies": policies}), 200)
        yield Doors(exchange, {agency: let_in(node, agency) for agency in agencies})


def let_in(running: RunningNode, agency: str, *scopes: Scope, system_id: str | None = None, client_id: str = "") -> Sdk:
    """Give a client of an agency a system id and a secret, as the operator does; return its service object."""
    if not client_id:
        client_id = running.client(Scope.EXCHANGE, *scopes, agencies=[agency], name=f"VXP {agency}").client_id

    async def issue(node: Node) -> Sdk:
        done = await system_key_acts.issue(
            node.systems,
            Act("operator", datetime.now(UTC)),
            client_id,
            agency=OrganId.parse(agency),
            system_id=system_id,
        )
        assert done.value.secret is not None
        return Sdk(running.url, done.value.key.system_id, done.value.secret)

    return running.run(issue)
