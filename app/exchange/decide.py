"""What a document that will be accepted becomes: the rows, the receipt and the events of its one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.edxml.document_types import classify
from app.edxml.model import DocumentMessage
from app.exchange import receipts
from app.exchange.desk import Desk
from app.exchange.links import links_in, resolved
from app.exchange.receive import Body
from app.exchange.route import Route
from app.exchange.states import Progress
from app.exchange.verify import Verified, verification_record
from app.findings import Verdict
from app.ids import new_id
from app.ledger.events import Event, EventKind
from app.registry.model import Agency, Client
from app.registry.once import Once


@dataclass(frozen=True, slots=True)
class Routed:
    """A message whose parties are known."""

    message: DocumentMessage
    sender: Agency
    routes: tuple[Route, ...]
    directory: Mapping[str, Agency]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """A document that will be accepted: the rows and events of its one transaction."""

    document: Mapping[str, Any]
    deliveries: Sequence[Mapping[str, Any]]
    links: Sequence[Mapping[str, Any]]
    events: Sequence[Event]
    once: Once | None = None


async def decide(
    desk: Desk,
    routed: Routed,
    verified: Verified,
    body: Body,
    *,
    client: Client,
    once: Once | None,
    at: datetime,
) -> Decision:
    """Make the rows, the receipt and the events of a document that passed.

    Args:
        once: its Idempotency-Key, to be remembered with it.

    Raises:
        Unavailable: the database does not answer.
    """
    message, sender = routed.message, routed.sender
    certificate = verified.certificate
    assert certificate is not None, "a verdict that passed names its certificate"
    document = new_id()
    planned = [(new_id(), leg) for leg in routed.routes]
    document_type = classify(message.document_type.name)
    owners = {code: agency.organ_id.text for code, agency in routed.directory.items()}
    links: Sequence[Mapping[str, Any]] = ()
    if said := links_in(message):
        async with desk.database.read() as tx:
            links = await resolved(tx, said, document=document, sender=sender.organ_id.text, owners=owners)
    claims = receipts.document_claims(
        issuer=desk.policy.issuer,
        document=document,
        sender=sender.organ_id.text,
        document_id=message.document_id,
        sha256=body.sha256,
        size=body.size,
        kind=message.kind.slug,
        certificate=certificate.sha256,
        accepted_at=at,
        deliveries=[(delivery, leg.recipient.organ_id.text) for delivery, leg in planned],
    )
    row = {
        "id": document,
        "sender": sender.organ_id.text,
        "document_id": message.document_id,
        "sha256": body.sha256,
        "size": body.size,
        "kind": message.kind.slug,
        "code": message.code.text,
        "subject": message.subject or "",
        "document_type": document_type,
        "type_name": message.document_type.name or "",
        "priority": message.priority,
        "promulgation_date": message.promulgated_on,
        "due_date": message.due_date,
        "with_paper": bool(message.business and message.business.paper),
        "client_id": client.client_id,
        "accepted_at": at,
        "verification": verification_record(routed.verdict, certificate.sha256, verified.attachments),
        "receipt": desk.key.sign_jws(claims, typ=receipts.RECEIPT_TYPE),
    }
    return Decision(
        row, [_delivery(row, *leg) for leg in planned], links, _events(row, sender, planned, links, client), once
    )


def _delivery(document: Mapping[str, Any], delivery: str, leg: Route) -> dict[str, Any]:
    return {
        "id": delivery,
        "document": document["id"],
        "kind": "document",
        "status_report": None,
        "recipient": leg.recipient.organ_id.text,
        "addressed_to": leg.addressed_to,
        "progress": Progress.AVAILABLE.value,
        "change": None,
        "priority": document["priority"],
        "available_at": document["accepted_at"],
        "in_inbox": True,
    }


def _events(
    document: Mapping[str, Any],
    sender: Agency,
    planned: Sequence[tuple[str, Route]],
    links: Sequence[Mapping[str, Any]],
    client: Client,
) -> list[Event]:
    def event(kind: EventKind, agency: Agency, **rest: Any) -> Event:
        return Event(
            id=new_id(),
            kind=kind,
            at=document["accepted_at"],
            actor=client.client_id,
            standing=agency.standing,
            document_type=document["document_type"],
            document=document["id"],
            **rest,
        )

    accepted = event(
        EventKind.DOCUMENT_ACCEPTED,
        sender,
        detail={
            "document_id": document["document_id"],
            "sha256": document["sha256"],
            "size": document["size"],
            "kind": document["kind"],
            "signed": True,
            "paper": document["with_paper"],
            "certificate": document["verification"]["certificate"],
            "recipients": len(planned),
            "links": [{"relation": link["relation"], "document_id": link["concerned_document_id"]} for link in links],
        },
    )
    available = [
        event(
            EventKind.DELIVERY_AVAILABLE,
            leg.recipient,
            delivery=delivery,
            detail={
                "sender": document["sender"],
                "addressed_to": leg.addressed_to,
                "priority": document["priority"],
                "state": Progress.AVAILABLE.value,
            },
        )
        for delivery, leg in planned
    ]
    return [accepted, *available]
