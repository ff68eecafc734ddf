"""Reading the log: which events an auditor asks for, page by page or all of them."""

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


async def events_page(desk: Desk, asked: TrailQuery, *, after: int, limit: int, at: datetime) -> Sequence[Any]:
    """Return sealed events with indices greater than `after`, in order."""
    async with desk.database.read() as tx:
        return await journal.page(tx, await _filter(tx, asked, at=at), after=after, limit=limit)


async def events_stream(desk: Desk, asked: TrailQuery, *, at: datetime) -> AsyncIterator[Sequence[Any]]:
    """Return all of them in chunks, up to the end of the log as it is now; no transaction stays open between chunks."""
    async with desk.database.read() as tx:
        end = await journal.size(tx)
        wanted = await _filter(tx, asked, at=at)
    return _chunks(desk, wanted, end=end)


async def _chunks(desk: Desk, wanted: EventFilter, *, end: int) -> AsyncIterator[Sequence[Any]]:
    after = -1
    while True:
        async with desk.database.read() as tx:
            rows = await journal.page(tx, wanted, after=after, limit=STREAM_CHUNK)
        kept = [row for row in rows if row.position < end]
        if kept:
            yield kept
        if len(kept) < STREAM_CHUNK:
            return
        after = kept[-1].position


async def _filter(tx: Transaction, asked: TrailQuery, *, at: datetime) -> EventFilter:
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
    )


async def _documents(tx: Transaction, document_id: str | None) -> tuple[str, ...] | None:
    if document_id is None:
        return None
    named = {row.id for row in await documents.by_document_ids(tx, {document_id})}
    with suppress(ValueError):
        named.add(str(UUID(document_id)))
    return tuple(sorted(named))
