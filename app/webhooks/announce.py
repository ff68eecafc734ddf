"""Making messages: the log is read in its order, once, and what concerns a subscriber becomes a message to it.

The messages of a stretch of the log and the mark that it was read are one transaction, and the mark moves only from
where it was seen: so from any number of processes nothing is left out and nothing told twice, whenever one dies.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.ids import new_id
from app.ledger.events import EventKind, instant_text
from app.regulations.calendar import day_of
from app.store import documents, journal
from app.store import webhook_messages as messages
from app.store import webhooks as rows
from app.store.database import Transaction
from app.webhooks.concern import Circle, codes_of
from app.webhooks.hooks import Hooks
from app.webhooks.model import MessageState
from app.webhooks.topics import TOLD_TO_SENDER, Topic

BATCH_MAX: Final = 500
"""Events looked through at once: a fraction of a second, and one transaction of at most so many times the subscribers
of one agency."""

TOPICS: Final = frozenset(topic.value for topic in Topic)
_TOLD_TO_SENDER: Final = frozenset(topic.value for topic in TOLD_TO_SENDER)
_SHOWN: Final = (
    "state", "status", "report", "change", "notice", "concerns", "by", "relation", "asks", "addressed_to", "on_time",
    "problem", "sha256", "days", "not_after", "indication", "reason", "source", "fresh_until",
)  # fmt: skip
"""Members of an event's detail that its message repeats where they are there: states, ids and digests."""
_IN_INBOX: Final = frozenset({EventKind.DELIVERY_AVAILABLE, EventKind.STATUS_AVAILABLE, EventKind.NOTICE_AVAILABLE})


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Part of the log that was read, and what is to be told of it.

    Attributes:
        seen: the mark as it was.
        to: the mark as it will be.
    """

    seen: int
    to: int
    made: Sequence[Mapping[str, Any]]


async def announce(hooks: Hooks, *, at: datetime) -> int | None:
    """Make the messages of the next stretch of the log.

    Returns:
        How many events were read, 0 at the end of the log; None where nobody is to be told of anything.

    Raises:
        Unavailable: the database does not answer; nothing was made.
    """
    async with hooks.database.read() as tx:
        if not await rows.any_enabled(tx):
            return None
        stretch = await _read(tx, hooks, at=at)
    if stretch is None:
        return 0
    async with hooks.database.write() as tx:
        mine = await rows.move_cursor(tx, seen=stretch.seen, to=stretch.to)
        if mine:
            # One that was disabled or removed since it was read is told nothing any more.
            there = await rows.hold(tx, {row["webhook"] for row in stretch.made})
            await messages.insert(tx, [row for row in stretch.made if row["webhook"] in there])
        # Leaving the block commits mark and messages. Where another process was here first, nothing is written.
    if mine:
        hooks.figures.made(len(stretch.made))
    return stretch.to - stretch.seen


def content(event: Any, *, sender: str | None, public_url: str) -> str:
    """Write the body of a message: what happened to what, and where to read more; nothing that people wrote.

    Args:
        event: row of the log.
        sender: code of the agency that sent the document, where that is known.
    """
    detail = json.loads(event.body).get("detail", {})
    told = {
        "event": event.position,
        "agency": event.agency,
        "sender": sender,
        "document": event.document,
        "delivery": event.delivery,
        **{name: detail.get(name) for name in _SHOWN},
        "links": _links(event, public_url),
    }
    kept = {name: value for name, value in told.items() if value is not None}
    return written(event.kind, at=event.at, data=kept)


def written(kind: str, *, at: datetime, data: Mapping[str, Any]) -> str:
    """Write a body as Standard Webhooks has it: type, timestamp, data."""
    body = {"type": kind, "timestamp": instant_text(at), "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


async def _read(tx: Transaction, hooks: Hooks, *, at: datetime) -> _Stretch | None:
    seen = await rows.cursor(tx)
    read = await journal.page(tx, journal.EventFilter(), after=seen, limit=BATCH_MAX)
    if not read:
        return None
    public = [event for event in read if event.kind in TOPICS]
    if not public:
        return _Stretch(seen, read[-1].position, ())
    named = {event.document for event in public if event.document is not None}
    senders = {row.id: row.sender for row in await documents.senders_of(tx, named)}
    codes = {event.agency for event in public} | {
        senders.get(event.document) for event in public if event.kind in _TOLD_TO_SENDER
    }
    circle = await Circle.of(tx, {code for code in codes if code is not None}, on=day_of(at))
    register = await hooks.known.current(tx)
    made = []
    for event in public:
        sender = senders.get(event.document)
        concerned = circle.around(codes_of(event.kind, agency=event.agency, sender=sender))
        told = register.told(event.kind, concerned)
        if told:
            text = content(event, sender=sender, public_url=hooks.policy.public_url)
            made += [_message(each.webhook, event.position, event.kind, text, at=at) for each in told]
    return _Stretch(seen, read[-1].position, made)


def _message(webhook: str, position: int, kind: str, text: str, *, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "webhook": webhook,
        "position": position,
        "type": kind,
        "content": text,
        "state": MessageState.PENDING.value,
        "attempts": 0,
        "next_attempt_at": at,
        "created_at": at,
    }


def _links(event: Any, public_url: str) -> dict[str, str] | None:
    if event.document is None:
        return None
    document = f"{public_url}/v1/documents/{event.document}"
    links = {"document": document, "history": f"{document}/history"}
    if event.kind in _IN_INBOX:
        links["inbox"] = f"{public_url}/v1/inbox?agency={event.agency}"
    return links
