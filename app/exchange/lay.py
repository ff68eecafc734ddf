"""Laying a document into an inbox: the row of the delivery and what is told of it. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.exchange.deadlines import moments_of
from app.exchange.notices import NoticeKind, notice
from app.exchange.route import Route
from app.exchange.states import Progress
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind
from app.registry.model import Agency
from app.regulations.provisions import Regulations


@dataclass(frozen=True, slots=True)
class Original:
    """A document as its deliveries need to know it.

    Attributes:
        sender_tier: tier of its sender when it was accepted; None where that was not kept yet.
    """

    id: str
    document_id: str
    sender: Agency
    sender_tier: str | None
    document_type: str
    priority: int
    due_date: date | None


@dataclass(frozen=True, slots=True)
class Laid:
    """A delivery that is made: its row first, then what else goes into inboxes, and the events of all of it."""

    rows: tuple[dict[str, Any], ...]
    events: tuple[Event, ...]


def laid(
    original: Original,
    delivery: str,
    leg: Route,
    *,
    at: datetime,
    actor: str,
    regulations: Regulations,
    added_by: str | None = None,
) -> Laid:
    """Lay a document into one recipient's inbox; the sender is told where that is not the agency it addressed.

    Args:
        delivery: id of the delivery.
        at: from when on it is available.
        actor: client whose act it is.
        regulations: how long it may lie there.
        added_by: update that added this recipient, where it was not among the first.
    """
    row = {
        "id": delivery,
        "document": original.id,
        "kind": "document",
        "status_report": None,
        "recipient": leg.recipient.organ_id.text,
        "addressed_to": leg.addressed_to,
        "progress": Progress.AVAILABLE.value,
        "change": None,
        "priority": original.priority,
        "available_at": at,
        "added_by": added_by,
        "in_inbox": True,
        **moments_of(regulations, accepted_at=at, due_date=original.due_date),
    }

    def event(kind: EventKind, **detail: JsonValue) -> Event:
        return Event(
            id=new_id(),
            kind=kind,
            at=at,
            actor=actor,
            standing=leg.recipient.standing,
            document_type=original.document_type,
            peer_tier=original.sender_tier,
            document=original.id,
            delivery=delivery,
            detail={"addressed_to": leg.addressed_to, "state": Progress.AVAILABLE.value, **detail},
        )

    told: dict[str, JsonValue] = {"sender": original.sender.organ_id.text, "priority": original.priority}
    if added_by is not None:
        told["added_by"] = added_by
    available = event(EventKind.DELIVERY_AVAILABLE, **told)
    if not leg.redirected:
        return Laid((row,), (available,))
    told_row, told_event = notice(
        NoticeKind.REDIRECTED,
        to=original.sender,
        document=original.id,
        document_type=original.document_type,
        concerns=delivery,
        at=at,
        actor=actor,
    )
    return Laid((row, told_row), (available, event(EventKind.DELIVERY_REDIRECTED), told_event))
