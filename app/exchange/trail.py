"""Reading the log: which events an auditor asks for, page by page or all of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.exchange.desk import Desk
from app.exchange.document_words import words_asked
from app.registry import directory, succession
from app.statistics.fold import unit_of
from app.statistics.measures import kinds_counting_in
from app.statistics.periods import ZONE
from app.store import document_terms, documents, event_search, journal, participation
from app.store.database import Transaction
from app.store.journal import EventFilter
from app.store.word_index import Word

STREAM_CHUNK = 1_000
"""Events held at once while all of them are given."""

FEW = 500
"""Entries of a word that is rare."""

COUNTED_MAX = 20_000
"""Entries of a word that are gone through to find the documents that have all words."""

SAMPLED = 2_000
"""Newest documents of which it is taken how often words occur that are each in very many."""

DOCUMENTS_MAX = 4_000
"""Documents whose events are gathered and put in order; where more have the words, the log is read until a page is
full, which is soon, for they are many.
"""


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
        text: words of the document's code and subject, the last one may be a beginning; events without a document have
            none.
        newest_first: against the order of the log.
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
    text: str | None = None
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class EventsStream:
    """All of a query.

    Attributes:
        chunks: events, some at a time.
        end: how many events the log had when it began; it goes no further.
    """

    chunks: AsyncIterator[Sequence[Any]]
    end: int


@dataclass(frozen=True, slots=True)
class EventsPage:
    """A page of the log.

    Attributes:
        rows: events in the order that was asked for.
        end: index at which the whole listing ends; what was sealed since its first page comes with the next listing.
    """

    rows: Sequence[Any]
    end: int


async def events_page(
    desk: Desk, asked: TrailQuery, *, reached: int | None, end: int | None, limit: int, at: datetime
) -> EventsPage:
    """Return the next sealed events in the order that is asked for.

    Args:
        reached: index of the last event of the page before; None for the first page.
        end: as the page before gave it; None for the first page, which takes the end of the log as it is now. Without
            it a listing would not end: reading the log writes to it.
    """
    wanted, last = await _resolved(desk, asked, end=end, at=at)
    left = _left(asked, wanted, reached)
    rows: list[Any] = []
    while left is not None and len(rows) < limit:
        found = await _look(desk, asked, wanted, left, limit=limit - len(rows))
        rows += found.rows
        left = found.left
    return EventsPage(rows, last)


async def events_stream(desk: Desk, asked: TrailQuery, *, at: datetime) -> EventsStream:
    """Return all of them in chunks, up to the end of the log as it is now; no transaction stays open between chunks."""
    wanted, last = await _resolved(desk, asked, end=None, at=at)
    return EventsStream(_chunks(desk, asked, wanted), last)


async def _chunks(desk: Desk, asked: TrailQuery, wanted: EventFilter) -> AsyncIterator[Sequence[Any]]:
    left = _left(asked, wanted, None)
    while left is not None:
        # A reader that goes away cancels this; a query that is cut off would take its connection with it.
        found = await asyncio.shield(_look(desk, asked, wanted, left, limit=STREAM_CHUNK))
        if found.rows:
            yield found.rows
        left = found.left


async def _look(
    desk: Desk, asked: TrailQuery, wanted: EventFilter, within: tuple[int, int], *, limit: int
) -> event_search.Look:
    # One transaction a look, and each look has an end: a long search keeps PostgreSQL from nothing.
    async with desk.database.read() as tx:
        among = kinds_counting_in(wanted.measure) if wanted.measure is not None else ()
        return await event_search.look(tx, wanted, within, limit=limit, newest_first=asked.newest_first, among=among)


def _left(asked: TrailQuery, wanted: EventFilter, reached: int | None) -> tuple[int, int] | None:
    """Return which indices are still to be looked through, as first and end."""
    first, end = 0, wanted.below or 0
    if reached is not None:
        first, end = (first, min(end, reached)) if asked.newest_first else (max(first, reached + 1), end)
    return (first, end) if first < end else None


async def _resolved(desk: Desk, asked: TrailQuery, *, end: int | None, at: datetime) -> tuple[EventFilter, int]:
    async with desk.database.read() as tx:
        sealed = await journal.size(tx)
        last = sealed if end is None else min(end, sealed)
        return await _filter(tx, asked, end=last, at=at), last


async def _filter(tx: Transaction, asked: TrailQuery, *, end: int, at: datetime) -> EventFilter:
    agency = asked.agency
    if agency is not None:
        known = await directory.resolve(tx, {agency}, on=at.astimezone(ZONE).date())
        agency = known[agency].organ_id.text if agency in known else agency
    then = {} if asked.as_is else {"agency": agency, "tier": asked.tier, "branch": asked.branch}
    named = await _documents(tx, asked.document_id)
    words = () if asked.text is None else words_asked(asked.text)
    told = await _told(tx, asked.text, words)
    return EventFilter(
        **then,
        since=asked.since,
        until=asked.until,
        agencies=await _agencies(tx, asked, agency),
        document_type=asked.document_type,
        peer_tier=asked.peer_tier,
        unit=None if asked.as_is else asked.province,
        documents=named if named is not None else told.documents,
        words=told.words if named is None else words,
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


@dataclass(frozen=True, slots=True)
class _Told:
    """What a text comes to: the documents that have its words, or, where these are many, the words."""

    documents: tuple[str, ...] | None = None
    words: tuple[Word, ...] = ()


async def _told(tx: Transaction, text: str | None, words: Sequence[Word]) -> _Told:
    if text is None:
        return _Told()
    if not words:
        return _Told(documents=())
    # Most searches have a word that hardly any document has; only where none has, is it worth counting far.
    counted = await document_terms.counts(tx, words, up_to=FEW)
    if min(counted) == FEW:
        counted = await document_terms.counts(tx, words, up_to=COUNTED_MAX + 1)
    fewest, ordered = min(counted), [words[place] for place in sorted(range(len(words)), key=counted.__getitem__)]
    if fewest > COUNTED_MAX:
        if len(words) == 1:
            return _Told(words=tuple(words))
        ordered = await document_terms.rarest_first(tx, words, sample=SAMPLED)
    rarest, *rest = ordered
    # Of words that are each in very many documents hardly any may have all, and then the log must not be read for them.
    at_most = DOCUMENTS_MAX if fewest <= COUNTED_MAX else FEW
    ids = await document_terms.with_all(tx, rarest, rest, limit=at_most + 1)
    return _Told(documents=tuple(ids)) if len(ids) <= at_most else _Told(words=tuple(words))


async def _documents(tx: Transaction, document_id: str | None) -> tuple[str, ...] | None:
    if document_id is None:
        return None
    named = {row.id for row in await documents.by_document_ids(tx, {document_id})}
    with suppress(ValueError):
        named.add(str(UUID(document_id)))
    return tuple(sorted(named))
