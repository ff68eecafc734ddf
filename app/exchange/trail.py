"""Reading the log: which events an auditor asks for, page by page or all of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.exchange.desk import Desk
from app.registry import directory
from app.statistics.periods import ZONE
from app.store import documents, journal
from app.store.database import Transaction
from app.store.journal import EventFilter

STREAM_CHUNK = 1_000
"""Events held at once while all of them are given."""


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """What is asked for; what is None does not restrict.

    Attributes:
        agency: a code in either form.
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
    document_type: str | None = None
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
    return EventFilter(
        since=asked.since,
        until=asked.until,
        agency=agency,
        tier=asked.tier,
        branch=asked.branch,
        document_type=asked.document_type,
        documents=await _documents(tx, asked.document_id),
        kinds=asked.kinds,
        measure=asked.measure,
        outcome=asked.outcome,
        actor=asked.actor,
        below=end if asked.below is None else min(end, asked.below),
    )


async def _documents(tx: Transaction, document_id: str | None) -> tuple[str, ...] | None:
    if document_id is None:
        return None
    named = {row.id for row in await documents.by_document_ids(tx, {document_id})}
    with suppress(ValueError):
        named.add(str(UUID(document_id)))
    return tuple(sorted(named))
