"""The inbox: what waits for an agency, waiting for more, and taking over.

Listing changes nothing. A delivery shows once the ledger has placed it, and stays until it is acknowledged, so a
client that crashes between fetching and acknowledging sees it again: at least once, never lost, and detectable by its
delivery id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from app.exchange.desk import Desk
from app.exchange.doorbell import Listening
from app.exchange.quiet import FOLLOWED
from app.exchange.states import Progress
from app.ids import new_id
from app.ledger.events import Event, EventKind, Standing, record
from app.registry import directory, succession
from app.registry.model import Client
from app.statistics.periods import ZONE
from app.store import deliveries
from app.store.database import Transaction
from app.store.versions import currents

Rows = TypeVar("Rows", bound=Sequence[Any] | None)

GONE_SECONDS = 5.0
"""How often a waiting poll looks whether its client is still there."""


class InboxKind(StrEnum):
    """What to list."""

    DOCUMENT = "document"
    """Documents only."""
    STATUS = "status"
    """Status reports only."""
    NOTICE = "notice"
    """Notices of the node only."""


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """What a poll asks for.

    Attributes:
        agencies: registry codes, at least one.
        kind: None for all.
        by_urgency: most urgent first instead of oldest first (QĐ 28/2018/QĐ-TTg Đ6).
        after: (priority, position) of the last row of the page before; None for the first page.
        limit: most rows of a page.
    """

    agencies: tuple[str, ...]
    kind: InboxKind | None = None
    by_urgency: bool = False
    after: tuple[int, int] | None = None
    limit: int = 50

    @property
    def amid_urgency(self) -> bool:
        """Whether it goes on in the order of urgency, where mail of any ledger index may come behind another."""
        return self.by_urgency and self.after is not None

    @property
    def behind(self) -> int:
        """The ledger index all it may find is behind."""
        return -1 if self.after is None or self.by_urgency else self.after[1]


_TAKEN_OVER = {
    InboxKind.DOCUMENT: EventKind.DELIVERY_ACKNOWLEDGED,
    InboxKind.STATUS: EventKind.STATUS_ACKNOWLEDGED,
    InboxKind.NOTICE: EventKind.NOTICE_ACKNOWLEDGED,
}


class Acknowledgement(StrEnum):
    """What became of one delivery id."""

    ACKNOWLEDGED = "acknowledged"
    """Taken over now."""
    ALREADY_ACKNOWLEDGED = "already-acknowledged"
    """Taken over before; nothing changed."""
    NOT_FOUND = "not-found"
    """Unknown, somebody else's, or no longer in the inbox."""


async def look(
    desk: Desk,
    query: InboxQuery,
    *,
    wait_seconds: float = 0,
    gone: Callable[[], Awaitable[bool]] | None = None,
) -> Sequence[Any]:
    """Return a page of the inbox; while it is empty, wait for mail up to so many seconds.

    Args:
        gone: tells whether the client still waits for the answer; asked now and then.

    Raises:
        Unavailable: the database does not answer.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + wait_seconds
    # Listen before looking: mail that is sealed in between rings the bell instead of falling through.
    with desk.doorbell.listen(query.agencies) as bell:
        rows = await _page(desk, query, bell)
        while not rows and (left := until - clock()) > 0 and not desk.doorbell.closed:
            if await bell.rung(seconds=min(left, GONE_SECONDS)):
                rows = await _page(desk, query, bell)
            elif gone is not None and await gone():
                break
    return rows


async def look_by(desk: Desk, query: InboxQuery, read: Callable[[], Awaitable[Rows]]) -> Rows | tuple[()]:
    """Return what another look than a page of the inbox finds; remembers where that is nothing, as `look` does.

    Args:
        query: what is looked for.
        read: looks; None for what it could not look for is not remembered.

    Raises:
        Unavailable: the database does not answer.
    """
    with desk.doorbell.listen(query.agencies) as bell:
        return await _learning(desk, query, bell, read)


async def count(desk: Desk, agencies: Sequence[str], *, kind: InboxKind) -> int:
    """Return how much of a kind waits for these agencies, by their registry codes.

    Raises:
        Unavailable: the database does not answer.
    """
    async with desk.database.read() as tx:
        return await deliveries.count_waiting(tx, agencies, kind=kind.value)


async def acknowledge(
    desk: Desk, ids: Sequence[str], *, client: Client, at: datetime
) -> list[tuple[str, Acknowledgement]]:
    """Take deliveries over, each once, all in one transaction.

    Returns:
        One entry per id asked for, in the same order; durable.

    Raises:
        Unavailable: the database does not answer; nothing was taken over.
    """
    day = at.astimezone(ZONE).date()
    async with desk.database.write() as tx:
        found = {row.id: row for row in await deliveries.by_ids(tx, {each for each in ids if _is_id(each)}, lock=True)}
        agencies = await directory.resolve(tx, {row.recipient for row in found.values()}, on=day)
        # The client of a successor takes over what waits for a closed agency; on record it stays that agency's.
        reached = await succession.within_reach(tx, agencies, client=client, on=day)
        own = {row.id: row for row in found.values() if row.recipient in reached}
        fresh = {
            row.id: row
            for row in own.values()
            if row.in_inbox and row.acknowledged_at is None and row.position is not None
        }
        if fresh:
            await deliveries.take_over(tx, fresh.keys(), at=at)
            await record(tx, [_taken_over(row, agencies[row.recipient].standing, client, at) for row in fresh.values()])
    # Durable together: out of the inbox and on record, or neither.
    if fresh:
        desk.doorbell.nudge()
    outcomes = []
    for asked in ids:
        if asked in fresh:
            outcomes.append((asked, Acknowledgement.ACKNOWLEDGED))
        elif asked in own and own[asked].acknowledged_at is not None:
            outcomes.append((asked, Acknowledgement.ALREADY_ACKNOWLEDGED))
        else:
            outcomes.append((asked, Acknowledgement.NOT_FOUND))
    return outcomes


def _is_id(text: str) -> bool:
    # Only the form that ids are given out in: anything else is nobody's, and PostgreSQL would not even compare it.
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def known_empty(desk: Desk, query: InboxQuery) -> bool:
    """Tell whether it is known without a query that this finds nothing."""
    now, quiet = asyncio.get_running_loop().time(), desk.doorbell.quiet
    return quiet.follows(desk.database.changes, now=now) and quiet.nothing(
        query.agencies, query.kind, behind=query.behind, now=now
    )


async def _page(desk: Desk, query: InboxQuery, bell: Listening) -> Sequence[Any]:
    return await _learning(desk, query, bell, partial(_read, desk, query))


async def _learning(
    desk: Desk, query: InboxQuery, bell: Listening, read: Callable[[], Awaitable[Rows]]
) -> Rows | tuple[()]:
    now, quiet = asyncio.get_running_loop().time(), desk.doorbell.quiet
    follows = quiet.follows(desk.database.changes, now=now)
    if follows and quiet.nothing(query.agencies, query.kind, behind=query.behind, now=now):
        return ()
    rows = await read()
    # Not where it rang meanwhile: what it rang for may not be in what was read.
    if rows is not None and not rows and follows and not bell.heard and not query.amid_urgency:
        quiet.learn(query.agencies, query.kind, behind=query.behind, now=now)
    return rows


async def look_while(desk: Desk, query: InboxQuery, *, versions: tuple[int, ...]) -> Sequence[Any] | None:
    """Return a page as `look` does, if the parts of the registry that are followed still have these versions.

    Both in one snapshot: whoever might see this inbox at these versions might see this page.

    Returns:
        None where they have others.

    Raises:
        Unavailable: the database does not answer.
    """
    async with desk.database.glance() as tx:
        if await currents(tx, FOLLOWED) != versions:
            return None
        return await _rows(tx, query)


async def _read(desk: Desk, query: InboxQuery) -> Sequence[Any]:
    async with desk.database.glance() as tx:
        return await _rows(tx, query)


async def _rows(tx: Transaction, query: InboxQuery) -> Sequence[Any]:
    return await deliveries.inbox(
        tx,
        query.agencies,
        kind=query.kind.value if query.kind else None,
        by_urgency=query.by_urgency,
        after=query.after,
        limit=query.limit,
    )


def _taken_over(row: Any, standing: Standing, client: Client, at: datetime) -> Event:
    is_document = row.kind == InboxKind.DOCUMENT.value
    waited = {"seconds": max(0, int((at - row.available_at).total_seconds()))} if is_document else {}
    shown = row.change or (Progress.DELIVERED.value if row.progress == Progress.AVAILABLE.value else row.progress)
    return Event(
        id=new_id(),
        kind=_TAKEN_OVER[InboxKind(row.kind)],
        at=at,
        actor=client.client_id,
        standing=standing,
        document_type=row.document_type if is_document else None,
        peer_tier=row.sender_tier if is_document else None,
        document=row.document,
        delivery=row.id,
        detail={"state": shown, "in_inbox": False, "acknowledged": True, **waited},
    )
