"""Reading the log: which events an auditor asks for, page by page or all of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.exchange.desk import Desk
from app.registry import directory, succession
from app.statistics.fold import unit_of
from app.statistics.periods import ZONE
from app.store import documents, journal, participation
from app.store.database import Transaction
from app.store.journal import EventFilter

STREAM_CHUNK = 1_000
"""Events held at once while all of them are given."""


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """What is asked for; what is None does not restrict.

    Attributes:
        agency: a code in either form.
        province: level-one code that the agency's code says.
        peer_tier: tier of the document's sender, on what happens to its deliveries.
        as_is: agency, tier, branch and province are those of today: events of closed agencies belong to who stands for
            them.
        document_id: DocumentId as sent, by whomever, or the node's id of a document.
        kinds: kinds of event; empty for all.
        measure: only events that count in this figure.
        below: only events with smaller indices.
    """

    since: datetime | None = None
    until: datetime | None = None
    agency: str | None = None
    tier: str | None = None
    branch: str | None = None
    province: str | None = None
    document_type: str | None = None
    peer_tier: str | None = None
    as_is: bool = False
    document_id: str | None = None
    kinds: tuple[str, ...] = ()
    measure: str | None = None
    outcome: str | None = None
    actor: str | None = None
    below: int | None = None


@dataclass(frozen=True, slots=True)
class EventsPage:
    """A page of the log.

    Attributes:
        rows: events in the order of the log.
        end: index at which the whole listing ends; what was sealed since its first page comes with the next listing.
    """

    rows: Sequence[Any]
    end: int


async def events_page(
    desk: Desk, asked: TrailQuery, *, after: int, end: int | None, limit: int, at: datetime
) -> EventsPage:
    """Return sealed events with indices greater than `after`, in order.

    Args:
        end: as the page before gave it; None for the first page, which takes the end of the log as it is now. Without
            it a listing would not end: reading the log writes to it.
    """
    async with desk.database.read() as tx:
        last = await journal.size(tx) if end is None else end
        wanted = await _filter(tx, asked, end=last, at=at)
        return EventsPage(await journal.page(tx, wanted, after=after, limit=limit), last)


async def events_stream(desk: Desk, asked: TrailQuery, *, at: datetime) -> AsyncIterator[Sequence[Any]]:
    """Return all of them in chunks, up to the end of the log as it is now; no transaction stays open between chunks."""
    async with desk.database.read() as tx:
        wanted = await _filter(tx, asked, end=await journal.size(tx), at=at)
    return _chunks(desk, wanted)


async def _chunks(desk: Desk, wanted: EventFilter) -> AsyncIterator[Sequence[Any]]:
    async def chunk(after: int) -> Sequence[Any]:
        async with desk.database.read() as tx:
            return await journal.page(tx, wanted, after=after, limit=STREAM_CHUNK)

    after = -1
    while True:
        # A reader that goes away cancels this; a query that is cut off would take its connection with it.
        rows = await asyncio.shield(chunk(after))
        if rows:
            yield rows
        if len(rows) < STREAM_CHUNK:
            return
        after = rows[-1].position


async def _filter(tx: Transaction, asked: TrailQuery, *, end: int, at: datetime) -> EventFilter:
    agency = asked.agency
    if agency is not None:
        known = await directory.resolve(tx, {agency}, on=at.astimezone(ZONE).date())
        agency = known[agency].organ_id.text if agency in known else agency
    then = {} if asked.as_is else {"agency": agency, "tier": asked.tier, "branch": asked.branch}
    return EventFilter(
        **then,
        since=asked.since,
        until=asked.until,
        agencies=await _agencies(tx, asked, agency),
        document_type=asked.document_type,
        peer_tier=asked.peer_tier,
        documents=await _documents(tx, asked.document_id),
        kinds=asked.kinds,
        measure=asked.measure,
        outcome=asked.outcome,
        actor=asked.actor,
        below=end if asked.below is None else min(end, asked.below),
    )


async def _agencies(tx: Transaction, asked: TrailQuery, agency: str | None) -> tuple[str, ...] | None:
    """Return the codes whose place in the directory is the one asked for; None where that does not restrict."""
    wanted = {"province": asked.province}
    if asked.as_is:
        wanted |= {"agency": agency, "tier": asked.tier, "branch": asked.branch}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    if not wanted:
        return None
    heirs = await succession.heirs(tx) if asked.as_is else {}
    places = {row.organ_id: row for row in await participation.places(tx)}

    def belongs(code: str) -> bool:
        now = heirs.get(code, code)
        row = places.get(now)
        tier, branch = (row.tier, row.branch) if row else ("", "")
        place = {"agency": now, "tier": tier, "branch": branch, "province": unit_of(now)}
        return wanted.items() <= place.items()

    return tuple(code for code in (*places, "") if belongs(code))


async def _documents(tx: Transaction, document_id: str | None) -> tuple[str, ...] | None:
    if document_id is None:
        return None
    named = {row.id for row in await documents.by_document_ids(tx, {document_id})}
    with suppress(ValueError):
        named.add(str(UUID(document_id)))
    return tuple(sorted(named))
