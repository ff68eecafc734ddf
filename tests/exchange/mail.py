"""Short words for what the tests of this room do all the time: a document on its way, an agency of its own."""

import itertools
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from app.edxml.model import StatusCode
from app.ids import new_id
from app.ledger.events import OPERATOR_ACTOR, Event, EventKind, Standing, record
from app.node import Node
from app.registry.model import Scope
from app.routers import clock
from app.store.schema import agencies
from tests.support.office import Exchange, Office, created, current_seal, register_certificate

_provinces = itertools.count(100)


@dataclass(frozen=True)
class Sent:
    """An accepted document.

    Attributes:
        body: exactly what was sent.
        receipt: the answer.
    """

    office: Office
    body: bytes
    receipt: dict[str, Any]

    @property
    def id(self) -> str:
        """The node's id."""
        return str(self.receipt["id"])

    @property
    def named(self) -> dict[str, Any]:
        """The document as a status message names it."""
        return {"document_id": self.receipt["document_id"], "code": "7816/VPCP-KSTT"}

    def seen_by(self, office: Office) -> dict[str, Any]:
        """The document's record as an agency sees it."""
        return created(office.system.get(f"/v1/documents/{self.id}"), 200)

    def state_at(self, recipient: str) -> str:
        """Where the delivery to an agency stands, as the sender sees it."""
        [state] = [leg["state"] for leg in self.seen_by(self.office)["deliveries"] if leg["recipient"] == recipient]
        return str(state)

    def delivery_to(self, recipient: str) -> str:
        """Id of the delivery to an agency."""
        [delivery] = [leg["id"] for leg in self.receipt["deliveries"] if leg["recipient"] == recipient]
        return str(delivery)


def send(office: Office, *recipients: str, **changes: Any) -> Sent:
    """Send a new document and insist that it is accepted."""
    body = office.signed(office.paper(*recipients, **changes))
    return Sent(office, body, created(office.system.send(body)))


def report(office: Office, sent: Sent, code: str, *, owner: str | None = None, reason: str | None = None) -> Any:
    """Report on a document, or ask for it back from `owner`; returns the answer."""
    owner = owner or sent.office.organ_id
    return office.system.report(office.status(sent.named, StatusCode(code), owner=owner, reason=reason))


def enlist(exchange: Exchange, stack: ExitStack, **how: Any) -> Office:
    """Register an agency nobody has written to yet, with its seal and its system."""
    code = how.get("organ_id") or f"000.00.00.T{next(_provinces)}"
    fields = {"organ_id": code, "name": f"Cơ quan {code}", "tier": "province", "branch": "state"} | how
    created(exchange.administrator.post("/v1/agencies", json=fields))
    seal = current_seal(exchange.pki, code, fields["name"])
    register_certificate(exchange.administrator, code, seal, exchange.pki)
    system = stack.enter_context(exchange.running.system(Scope.EXCHANGE, agencies=[code], name=code))
    # Signed in now, so that its first call later leaves no event of its own.
    assert system.token
    return Office(code, seal, system)


def close(exchange: Exchange, office: Office, successor: Office) -> None:
    """Close an agency in favour of another, as a reorganisation will."""

    async def write(node: Node) -> None:
        values = {"status": "closed", "successor": successor.organ_id}
        async with node.database.write() as tx:
            await tx.execute(agencies.update().where(agencies.c.organ_id == office.organ_id).values(**values))
            await record(tx, [closing(office.organ_id, successor=successor.organ_id)])

    exchange.running.run(write)


def closing(code: str, *, successor: str | None) -> Event:
    """What the log says when an agency of tests ends."""
    return Event(
        id=new_id(),
        kind=EventKind.AGENCY_CLOSED,
        at=clock.now(),
        actor=OPERATOR_ACTOR,
        standing=Standing(code, "province", "state"),
        detail={"successor": successor},
    )


def enlist_many(exchange: Exchange, count: int) -> list[str]:
    """Register agencies that only receive, all at once; returns their codes in order."""
    number = next(_provinces)
    codes = [f"000.{place:02}.{number}.H41" for place in range(count)]
    rows = [f"{code},Xã {code},commune,state" for code in codes]
    answer = exchange.administrator.post(
        "/v1/agencies/import",
        content="\n".join(["organ_id,name,tier,branch", *rows]).encode(),
        headers={"Content-Type": "text/csv"},
    )
    created(answer, 200)
    return codes
