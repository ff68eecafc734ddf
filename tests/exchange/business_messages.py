"""Short words for messages about documents that were sent before, and for what becomes of those."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.edxml.model import (
    Business,
    DocumentKind,
    DocumentMessage,
    Receiver,
    ReceiverChange,
    Replacement,
    Update,
)
from app.edxml.organ_id import OrganId
from app.exchange.desk import Policy
from app.ledger.seal import seal_all
from app.node import Node
from app.regulations.calendar import day_of
from app.regulations.provisions import ChangeEffects, Effect
from app.store.schema import deliveries
from tests.exchange.mail import Sent
from tests.support.office import Exchange, Office, business, created

HEADER = "/edXML/edXMLEnvelope/edXMLHeader"
BUSINESS = f"{HEADER}/TraceHeaderList/Bussiness"
REMOVED, ADDED = ReceiverChange.REMOVED, ReceiverChange.ADDED


def id_of(sent: Sent) -> str:
    """DocumentId of a document that was sent."""
    return str(sent.receipt["document_id"])


def revocation(document_id: str) -> Business:
    return business(DocumentKind.REVOCATION, document_id=document_id)


def update(document_id: str, *receivers: tuple[str, ReceiverChange]) -> Business:
    """Change a document, and perhaps its receivers."""
    listed = tuple(Receiver(OrganId.parse(code), change) for code, change in receivers)
    said = Update(document_changed=True, receivers_changed=bool(listed), receivers=listed)
    return business(DocumentKind.UPDATE, document_id=document_id, update=said)


def replacement(*documents: tuple[str, Sequence[str]]) -> Business:
    """Replace documents, each for these agencies; none: for all."""
    listed = tuple(
        Replacement(document_id, tuple(OrganId.parse(code) for code in codes)) for document_id, codes in documents
    )
    return business(DocumentKind.REPLACEMENT, replacements=listed)


def written(office: Office, said: Business, *recipients: str) -> DocumentMessage:
    """Write a message that does something to others."""
    return office.paper(*recipients, business=said)


def remarks(sent: Sent) -> dict[str, dict[str, Any]]:
    """What the node had to say of an accepted message beyond rules and signature, by the last part of its code."""
    return {
        finding["code"].rpartition(".")[2]: finding
        for finding in sent.receipt["verification"]["findings"]
        if finding["code"].startswith(("ours.exchange.", "ours.route."))
    }


def refusing(answer: Any) -> list[dict[str, Any]]:
    """The findings that refuse a message, each whole."""
    assert answer.status_code == 422, answer.text
    found = [each for each in answer.json()["findings"] if each["severity"] in ("error", "fatal")]
    assert all(each["message"] and each["fix"] and each["source"] and each["location"] for each in found)
    return found


def leg(sent: Sent, recipient: str) -> dict[str, Any]:
    """The newest delivery of a document to an agency, as its sender sees it."""
    legs = [each for each in sent.seen_by(sent.office)["deliveries"] if each["recipient"] == recipient]
    assert legs, f"no delivery to {recipient}"
    return dict(legs[-1])


def standing(sent: Sent, recipient: str, *fields: str) -> tuple[Any, ...]:
    """These fields of that delivery, looked up once."""
    found = leg(sent, recipient)
    return tuple(found[field] for field in fields)


def told(exchange: Exchange, office: Office, kind: str, sent: Sent) -> list[dict[str, Any]]:
    """Notices of a kind about a document in an agency's inbox, when all of it is sealed."""
    found = waiting(exchange, office, "notice")
    return [item for item in found if item["notice"]["kind"] == kind and item["document"]["id"] == sent.id]


def waiting(exchange: Exchange, office: Office, kind: str) -> list[dict[str, Any]]:
    """What of a kind waits in an agency's inbox, when all of it is sealed."""

    async def settle(node: Node) -> None:
        await seal_all(node.database, now=datetime.now(UTC))

    exchange.running.run(settle)
    return list(office.system.pages("/v1/inbox", agency=office.organ_id, kind=kind, limit=500))


def happened(sent: Sent, *events: str) -> list[dict[str, Any]]:
    """Events of a document in their order, of these kinds."""
    trail = created(sent.office.system.get(f"/v1/documents/{sent.id}/history"), 200)
    return [event for event in trail if event["event"] in events]


def kept(exchange: Exchange, delivery: str) -> Any:
    """A delivery's row."""

    async def read(node: Node) -> Any:
        async with node.database.read() as tx:
            return (await tx.execute(deliveries.select().where(deliveries.c.id == delivery))).one()

    return exchange.running.run(read)


def under(exchange: Exchange, **effects: Effect) -> Policy:
    """The node's policy, with another rule of when documents about others take effect, in force today alone."""
    policy = exchange.running.node.desk.policy
    usual = {"revocation": Effect.ON_ANSWER, "update": Effect.ON_ANSWER, "replacement": Effect.AT_ONCE}
    today = day_of(datetime.now(UTC))
    dated = (
        ChangeEffects(source="before", in_force_from=date(2000, 1, 1), **usual),
        # From yesterday on, so that a test across midnight is no other test.
        ChangeEffects(source="a test", in_force_from=today - timedelta(days=1), **(usual | effects)),
        ChangeEffects(source="to come", in_force_from=today + timedelta(days=2), **usual),
    )
    return replace(policy, regulations=replace(policy.regulations, change_effects=dated))
