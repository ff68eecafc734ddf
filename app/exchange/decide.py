"""What a document that will be accepted becomes: the rows, the receipt and the events of its one transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.edxml.document_types import classify
from app.edxml.links import Link
from app.edxml.model import DocumentMessage
from app.exchange import links, receipts
from app.exchange.desk import Desk
from app.exchange.effects import Cause, Order
from app.exchange.lay import Original, laid
from app.exchange.receive import Body
from app.exchange.route import Route
from app.exchange.steps import Step
from app.exchange.verification_report import XML, Examined, report_of
from app.exchange.verify import Verified, verification_record
from app.findings import Verdict
from app.ids import new_id
from app.ledger.events import Event, EventKind
from app.ledger.verified import MEMBER, digest_of
from app.registry.model import Agency, Client
from app.registry.once import Once
from app.signing import legacy


@dataclass(frozen=True, slots=True)
class Routed:
    """A message whose parties are known.

    Attributes:
        links: what it says about other documents, each with the other's id where it is here.
        orders: what it does to the deliveries of other documents.
    """

    message: DocumentMessage
    sender: Agency
    routes: tuple[Route, ...]
    links: tuple[tuple[Link, str | None], ...]
    orders: tuple[Order, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """A document that will be accepted: the rows and events of its one transaction.

    Attributes:
        report: the row of its verification report, revision 0.
        notices: what else goes into inboxes with it.
        orders: what it does to the deliveries of other documents, which only the transaction can judge.
        cause: the document itself, as those deliveries need to know it.
    """

    document: Mapping[str, Any]
    report: Mapping[str, Any]
    deliveries: Sequence[Mapping[str, Any]]
    notices: Sequence[Mapping[str, Any]]
    links: Sequence[Mapping[str, Any]]
    events: Sequence[Event]
    orders: Sequence[Order]
    cause: Cause
    once: Once | None = None


def decide(
    desk: Desk,
    routed: Routed,
    verified: Verified,
    body: Body,
    *,
    client: Client,
    once: Once | None,
    kept: Collection[str],
    at: datetime,
) -> Decision:
    """Make the rows, the receipt and the events of a document that passed.

    Args:
        once: its Idempotency-Key, to be remembered with it.
        kept: digests of the evidence that is kept.
    """
    message, sender, regulations = routed.message, routed.sender, desk.policy.regulations
    certificate = verified.certificate.sha256 if verified.certificate else None
    assert certificate or verified.legacy, "a verdict that passed names its certificate"
    document = new_id()
    planned = [(new_id(), leg) for leg in routed.routes]
    claims = receipts.document_claims(
        issuer=desk.policy.issuer,
        document=document,
        sender=sender.organ_id.text,
        document_id=message.document_id,
        sha256=body.sha256,
        size=body.size,
        kind=message.kind.slug,
        signature=verified.signature,
        certificate=certificate,
        accepted_at=at,
        deliveries=[(delivery, leg.recipient.organ_id.text) for delivery, leg in planned],
    )
    row = {
        "id": document,
        "sender": sender.organ_id.text,
        "sender_tier": sender.tier.value,
        "document_id": message.document_id,
        "sha256": body.sha256,
        "size": body.size,
        "kind": message.kind.slug,
        "code": message.code.text,
        "subject": message.subject or "",
        "document_type": classify(message.document_type.name),
        "type_name": message.document_type.name or "",
        "priority": message.priority,
        "promulgation_date": message.promulgated_on,
        "due_date": message.due_date,
        "with_paper": bool(message.business and message.business.paper),
        "on_time": regulations.sent_on_time(message.promulgated_on, at=at),
        "client_id": client.client_id,
        "accepted_at": at,
        "verification": verification_record(routed.verdict, verified),
        "receipt": desk.key.sign_jws(claims, typ=receipts.RECEIPT_TYPE),
        "indication": routed.verdict.indication.value,
        "signature": verified.signature,
        "certificate": certificate,
    }
    original = _original(row, sender)
    report = _report(document, routed, verified, body, kept=kept, at=at)
    accepted = _accepted(row, sender, routed, report=report["report"])
    legs = [
        laid(original, delivery, leg, at=at, actor=client.client_id, regulations=regulations)
        for delivery, leg in planned
    ]
    return Decision(
        document=row,
        report=report,
        deliveries=[leg.rows[0] for leg in legs],
        notices=[told for leg in legs for told in leg.rows[1:]],
        links=links.rows(document, routed.links),
        events=[accepted, *(event for leg in legs for event in leg.events)],
        orders=routed.orders,
        cause=Cause(document, at, client.client_id, regulations),
        once=once,
    )


def _report(
    document: str, routed: Routed, verified: Verified, body: Body, *, kept: Collection[str], at: datetime
) -> dict[str, Any]:
    examined = Examined(XML, body.sha256, body.size)
    report = report_of(examined, verified, routed.verdict, at=at, taken=(Step.SIGNER, Step.ROUTE), kept=kept)
    return {
        "document": document,
        "revision": 0,
        "indication": report["indication"],
        "sub_indication": report["signature"]["sub_indication"],
        "report": report,
        "made_at": at,
    }


def _original(document: Mapping[str, Any], sender: Agency) -> Original:
    same = ("id", "document_id", "sender_tier", "document_type", "priority", "due_date")
    return Original(sender=sender, **{name: document[name] for name in same})


def _accepted(document: Mapping[str, Any], sender: Agency, routed: Routed, *, report: Mapping[str, Any]) -> Event:
    detail = {
        "document_id": document["document_id"],
        "sha256": document["sha256"],
        "size": document["size"],
        "kind": document["kind"],
        "signed": document["signature"] == legacy.VALID,
        "signature": document["signature"],
        "indication": document["indication"],
        MEMBER: digest_of(report),
        "paper": document["with_paper"],
        "certificate": document["verification"]["certificate"],
        "recipients": len(routed.routes),
        "links": links.told(link for link, _ in routed.links),
    }
    if document["on_time"] is not None:
        detail["on_time"] = document["on_time"]
    return Event(
        id=new_id(),
        kind=EventKind.DOCUMENT_ACCEPTED,
        at=document["accepted_at"],
        actor=document["client_id"],
        standing=sender.standing,
        document_type=document["document_type"],
        document=document["id"],
        detail=detail,
    )
