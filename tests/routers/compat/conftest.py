"""An exchange whose agencies also speak the protocols of other exchanges; one node a module and engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from app.ids import new_id
from app.node import Node
from app.registry.model import Scope
from app.registry.system_keys import sealed_for
from app.store import system_keys
from app.store.versions import Part, move
from tests.support.node import RunningNode
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, Exchange, created, exchange_on
from tests.support.vxp import Sdk

SECRETS = {GOVERNMENT_OFFICE: "c2VjcmV0IG9mIEcyMg==", PROVINCE: "Qm90IG1hdCBjdWEgSDQx"}


@dataclass(frozen=True)
class Doors:
    """An exchange with a service object of the SDK for each of its agencies."""

    exchange: Exchange
    sdk: dict[str, Sdk]

    def fresh(self, agency: str) -> Sdk:
        """Make a service object of which nobody has asked anything yet."""
        return Sdk(self.exchange.running.url, agency, SECRETS[agency])


@pytest.fixture(scope="module")
def engine() -> str:
    """Where nothing hangs on the database; modules for which it does override it."""
    return "sqlite"


@pytest.fixture(scope="module")
def doors(node: RunningNode) -> Iterator[Doors]:
    """Two agencies that are let in unsigned, each with the system id of its code."""
    with exchange_on(node, only=(GOVERNMENT_OFFICE, PROVINCE)) as exchange:
        today = datetime.now(UTC).date()
        period = {"valid_from": f"{today - timedelta(days=2)}", "valid_to": f"{today + timedelta(days=30)}"}
        for agency in (GOVERNMENT_OFFICE, PROVINCE):
            forms = [{"mode": form, **period} for form in ("unsigned", "foreign-namespace")]
            created(exchange.administrator.patch(f"/v1/agencies/{agency}", json={"policies": forms}), 200)
            let_in(node, agency, SECRETS[agency])
        yield Doors(exchange, {code: Sdk(node.url, code, SECRETS[code]) for code in SECRETS})


def let_in(node: RunningNode, agency: str, secret: str, *scopes: Scope, system_id: str | None = None) -> None:
    """Give a client of an agency a system id and its secret, as the operator does."""
    client = node.client(*(scopes or (Scope.EXCHANGE,)), agencies=[agency], name=f"VXP {agency}")
    key, system = new_id(), system_id or agency

    async def insert(opened: Node) -> None:
        now = datetime.now(UTC)
        row = {
            "id": key,
            "client_id": client.client_id,
            "system_id": system,
            "agency": agency,
            "valid_from": now - timedelta(days=1),
            "valid_until": None,
            "revoked_at": None,
            "created_at": now,
            "key_number": 1,
            "secret": opened.systems.sealing.seal(secret.encode(), belongs_to=sealed_for(key, system)),
        }
        async with opened.database.write() as tx:
            await move(tx, Part.CLIENTS)
            await system_keys.insert(tx, row)
        opened.systems.forget()

    node.run(insert)
