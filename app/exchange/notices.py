"""Notices: what the node itself tells an agency about a document, in that agency's inbox.

A notice lies in the inbox like anything else and is acknowledged like anything else, so that nobody has to ask in order
to learn how a delivery ended. It repeats nothing of the document; it names the document, the delivery it is about, and
what happened to that delivery. Ours, decision 0009.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.exchange.states import Progress
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind
from app.registry.model import Agency


class NoticeKind(StrEnum):
    """What a notice tells, and whom."""

    UNDELIVERED = "undelivered"
    """To the sender: nobody fetched the document in time; it still waits."""
    EXPIRED = "expired"
    """To the sender: nobody fetched the document, and it left the recipient's inbox."""
    REDIRECTED = "redirected"
    """To the sender: the code it wrote is closed, and the document went to the successor."""
    OVERDUE = "overdue"
    """To recipient and sender: the due date is over, and the document is not completed."""
    DROPPED = "dropped"
    """To a recipient: an update took it off the list of recipients."""
    SUPERSEDED = "superseded"
    """To a recipient: another document, which it does not itself receive, holds instead of the one it has."""
    WITHDRAWN = "withdrawn"
    """To a recipient: the document it has was withdrawn without its being asked."""
    JUDGED = "judged"
    """To sender and recipients: what could not be proven of the signature when it was accepted is known now."""


def notice(
    kind: NoticeKind,
    *,
    to: Agency,
    document: str,
    document_type: str,
    concerns: str | None,
    at: datetime,
    actor: str,
    peer_tier: str | None = None,
    detail: Mapping[str, JsonValue] | None = None,
) -> tuple[dict[str, Any], Event]:
    """Make a notice: its row for `deliveries.insert` and its event for `record`, for one transaction.

    Args:
        to: who is told.
        document: id of the document it is about.
        concerns: id of the delivery it is about, one of that document's; None where it is about no single one.
        actor: whose act it follows from: a client id, or `node`.
        peer_tier: tier of the document's sender when it was accepted.
        detail: further ids and codes for the event.
    """
    row: dict[str, Any] = {
        "id": new_id(),
        "document": document,
        "kind": "notice",
        "status_report": None,
        "notice": kind.value,
        "concerns": concerns,
        "recipient": to.organ_id.text,
        "addressed_to": to.organ_id.text,
        "progress": Progress.AVAILABLE.value,
        "change": None,
        "priority": 0,
        "available_at": at,
        "in_inbox": True,
    }
    told: dict[str, JsonValue] = {"notice": kind.value, "state": Progress.AVAILABLE.value}
    if concerns is not None:
        told["concerns"] = concerns
    event = Event(
        id=new_id(),
        kind=EventKind.NOTICE_AVAILABLE,
        at=at,
        actor=actor,
        standing=to.standing,
        document_type=document_type,
        peer_tier=peer_tier,
        document=document,
        delivery=row["id"],
        detail={**(detail or {}), **told},
    )
    return row, event
