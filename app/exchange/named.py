"""What an id stands for, for clients that know but one kind of id: a delivery, a document or a status report.

The doors of older protocols give senders the id of the message and recipients the id of its delivery. Who may see what
is decided where it is fetched, as ever.
"""

from dataclasses import dataclass
from uuid import UUID

from app.errors import NotFound
from app.exchange.desk import Desk
from app.exchange.inbox import InboxKind
from app.store import deliveries, documents


@dataclass(frozen=True, slots=True)
class Named:
    """A message by one of its ids.

    Attributes:
        kind: a document or a status report.
        message: the node's id of it.
    """

    kind: InboxKind
    message: str


async def named(desk: Desk, text: str) -> Named:
    """Return the message an id stands for; nothing is said about who may have it.

    Raises:
        NotFound: it is nobody's id, or that of a notice of the node.
    """
    asked = text.strip().lower()
    found = await _found(desk, asked) if _is_id(asked) else None
    if found is None:
        raise NotFound(f"no message has the id {text[:40]!r}")
    return found


async def _found(desk: Desk, asked: str) -> Named | None:
    async with desk.database.read() as tx:
        for delivery in await deliveries.by_ids(tx, {asked}):
            if delivery.kind == InboxKind.STATUS.value:
                return Named(InboxKind.STATUS, delivery.status_report)
            return Named(InboxKind.DOCUMENT, delivery.document) if delivery.kind == InboxKind.DOCUMENT.value else None
        if await documents.by_id(tx, asked) is not None:
            return Named(InboxKind.DOCUMENT, asked)
        if await documents.report_by_id(tx, asked) is not None:
            return Named(InboxKind.STATUS, asked)
    return None


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
