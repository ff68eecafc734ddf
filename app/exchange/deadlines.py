"""What happens to deliveries by the passing of time alone, and who is told.

Nobody fetched a document in time: its sender is told, and it goes on waiting. Still nobody: it expires, and its sender
is told. Its due date is over and it is not completed: recipient and sender are told. The spans are dated configuration
(`app/regulations`), judged by the day a document was accepted. Ours, decision 0009; QĐ 28/2018/QĐ-TTg Đ6 (promptly,
followed automatically), Đ8 (the sender checks delivery).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.exchange.desk import Desk
from app.exchange.notices import NoticeKind, notice
from app.exchange.states import Progress
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import NODE_ACTOR, Event, EventKind, record
from app.registry import directory
from app.registry.model import Agency
from app.regulations.calendar import day_of, end_of
from app.regulations.provisions import Regulations
from app.store import deadlines as rows
from app.store import deliveries
from app.store.database import Transaction
from app.store.deadlines import Moment

BATCH_MAX = 200
"""Deliveries of one transaction: short enough not to hold up those who send."""

_DONE = frozenset({Progress.COMPLETED, Progress.REFUSED, Progress.WITHDRAWN, Progress.EXPIRED})


@dataclass(frozen=True, slots=True)
class Passed:
    """How many deliveries were found undelivered, expired and overdue."""

    undelivered: int = 0
    expired: int = 0
    overdue: int = 0

    def __add__(self, other: "Passed") -> "Passed":
        """Count both."""
        return Passed(self.undelivered + other.undelivered, self.expired + other.expired, self.overdue + other.overdue)


def moments_of(regulations: Regulations, *, accepted_at: datetime, due_date: date | None) -> dict[str, datetime | None]:
    """Return the moments of a new delivery, as columns of its row.

    A due date that was over when the document was accepted is nobody's to keep, and makes nothing overdue.
    """
    waiting = regulations.waiting_on(day_of(accepted_at))
    due_at = end_of(due_date) if due_date is not None else None
    return {
        Moment.UNDELIVERED: accepted_at + waiting.undelivered_after if waiting.undelivered_after else None,
        Moment.EXPIRY: accepted_at + waiting.expires_after if waiting.expires_after else None,
        Moment.DUE: due_at if due_at is not None and due_at > accepted_at else None,
    }


async def settle(desk: Desk, *, at: datetime) -> Passed:
    """Do all that is due, in bounded transactions; safe from any number of processes at the same time.

    Raises:
        Unavailable: the database does not answer; what was committed before stays done, the rest is still due.
    """
    async with desk.database.read() as tx:
        if not await rows.any_due(tx, at=at):
            return Passed()
    total = Passed()
    for moment, effect in _EFFECTS.items():
        while True:
            claimed, passed = await _batch(desk, moment, effect, at=at)
            total += passed
            if claimed < BATCH_MAX:
                break
    if total != Passed():
        desk.doorbell.nudge()
    return total


@dataclass(slots=True)
class _Outcome:
    """What one batch writes besides the deliveries themselves."""

    agencies: Mapping[str, Agency]
    at: datetime
    events: list[Event]
    notices: list[Mapping[str, Any]]

    def happened(self, row: Any, kind: EventKind, **detail: JsonValue) -> None:
        """Put it on record, for the recipient."""
        self.events.append(
            Event(
                id=new_id(),
                kind=kind,
                at=self.at,
                actor=NODE_ACTOR,
                standing=self.agencies[row.recipient].standing,
                document_type=row.document_type,
                peer_tier=row.sender_tier,
                document=row.document,
                delivery=row.id,
                detail=detail,
            )
        )

    def tell(self, code: str, row: Any, kind: NoticeKind) -> None:
        """Lay a notice about it into an agency's inbox."""
        made, event = notice(
            kind,
            to=self.agencies[code],
            document=row.document,
            document_type=row.document_type,
            concerns=row.id,
            at=self.at,
            actor=NODE_ACTOR,
            peer_tier=row.sender_tier,
        )
        self.notices.append(made)
        self.events.append(event)


async def _batch(desk: Desk, moment: Moment, effect: "_Effect", *, at: datetime) -> tuple[int, Passed]:
    """Take what is due of one kind; returns how many were looked at, and what became of them."""
    async with desk.database.write() as tx:
        # Held, so what a delivery is judged by is what it is until the commit.
        claimed = await rows.claim_due(tx, moment, at=at, limit=BATCH_MAX)
        if not claimed:
            return 0, Passed()
        codes = {code for row in claimed for code in (row.recipient, row.sender)}
        outcome = _Outcome(await directory.resolve(tx, codes, on=day_of(at)), at, [], [])
        passed = await effect(tx, claimed, outcome)
        await deliveries.insert(tx, outcome.notices)
        await record(tx, outcome.events)
    # Durable together: the deliveries, who is told, and the record of it. Before this line, all of it is still due.
    return len(claimed), passed


async def _undelivered(tx: Transaction, claimed: Sequence[Any], outcome: _Outcome) -> Passed:
    await rows.forget(tx, [row.id for row in claimed], Moment.UNDELIVERED)
    late = [row for row in claimed if _unfetched(row)]
    for row in late:
        outcome.happened(row, EventKind.DELIVERY_UNDELIVERED, state=_shown(row))
        outcome.tell(row.sender, row, NoticeKind.UNDELIVERED)
    return Passed(undelivered=len(late))


async def _expired(tx: Transaction, claimed: Sequence[Any], outcome: _Outcome) -> Passed:
    gone = [row for row in claimed if _unfetched(row)]
    await rows.forget(tx, [row.id for row in claimed if not _unfetched(row)], Moment.EXPIRY)
    await rows.expire(tx, [row.id for row in gone])
    for row in gone:
        outcome.happened(row, EventKind.DELIVERY_EXPIRED, state=Progress.EXPIRED.value, in_inbox=False)
        outcome.tell(row.sender, row, NoticeKind.EXPIRED)
    return Passed(expired=len(gone))


async def _overdue(tx: Transaction, claimed: Sequence[Any], outcome: _Outcome) -> Passed:
    late = [row for row in claimed if _still_due(row)]
    await rows.forget(tx, [row.id for row in claimed if not _still_due(row)], Moment.DUE)
    await rows.mark_overdue(tx, {row.id: row.sender for row in late}, at=outcome.at)
    for row in late:
        outcome.happened(row, EventKind.DELIVERY_OVERDUE, state=_shown(row), due_date=row.due_date.isoformat())
        for code in dict.fromkeys((row.recipient, row.sender)):
            outcome.tell(code, row, NoticeKind.OVERDUE)
    return Passed(overdue=len(late))


_Effect = Callable[[Transaction, Sequence[Any], _Outcome], Awaitable[Passed]]

_EFFECTS: Mapping[Moment, _Effect] = {
    Moment.UNDELIVERED: _undelivered,
    Moment.DUE: _overdue,
    Moment.EXPIRY: _expired,
}
"""In this order, so that after a time in which no node ran, each thing is still told that would have been told."""


def _unfetched(row: Any) -> bool:
    # A recipient that reports on a document has it, whatever it forgot to acknowledge.
    return bool(row.in_inbox) and row.acknowledged_at is None and row.progress == Progress.AVAILABLE.value


def _still_due(row: Any) -> bool:
    if Progress(row.progress) in _DONE or row.superseded_by is not None:
        return False
    expired_first = _unfetched(row) and row.expires_at is not None and row.expires_at <= row.due_at
    # What was due before it came is nobody's to keep: the sender was late, not the recipient.
    return row.available_at < row.due_at and not expired_first


def _shown(row: Any) -> str:
    return str(row.change or row.progress)
