"""Events as rows: appended with the state change, indexed by the sealer, read by position."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.errors import DataFault
from app.store import document_terms
from app.store.database import Transaction
from app.store.listed import listed
from app.store.schema import events, ledger_state
from app.store.word_index import Word


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events an auditor asks for; what is None does not restrict, empty text asks for events without that value.

    Attributes:
        peer_tier: only deliveries of documents whose sender had this tier.
        agencies: only events of one of these; empty text among them: events of none, too.
        unit: level-one code that all of `agencies` have; says nothing more than they do, but blocks know it.
        documents: only events of these documents; an empty tuple asks for none.
        words: only events of documents that have all of these.
        measure: only events that count in this figure.
        since: at or after this moment.
        until: before this moment.
        below: with smaller indices.
    """

    since: datetime | None = None
    until: datetime | None = None
    agency: str | None = None
    tier: str | None = None
    branch: str | None = None
    document_type: str | None = None
    peer_tier: str | None = None
    agencies: tuple[str, ...] | None = None
    unit: str | None = None
    documents: tuple[str, ...] | None = None
    words: tuple[Word, ...] = ()
    kinds: tuple[str, ...] = ()
    measure: str | None = None
    outcome: str | None = None
    actor: str | None = None
    below: int | None = None


async def append(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write events that have no index yet."""
    if rows:
        await tx.execute(events.insert(), list(rows))


# What is run for each batch that is sealed is made once: making a statement costs more than running it.
_UNSEALED_COLUMNS = (
    "id",
    "at",
    "kind",
    "agency",
    "tier",
    "branch",
    "document_type",
    "peer_tier",
    "delivery",
    "measures",
    "durations",
    "leaf_hash",
)
_UNSEALED = (
    sa.select(*(events.c[name] for name in _UNSEALED_COLUMNS))
    .where(events.c.position.is_(None))
    .order_by(events.c.id)
    .limit(sa.bindparam("at_most", type_=sa.Integer))
)
_WAITING = sa.select(sa.literal(1)).where(events.c.position.is_(None)).limit(1)
_NEWEST_UNSEALED = sa.select(events.c.id).where(events.c.position.is_(None)).order_by(events.c.id.desc()).limit(1)
_NEWLY_SEALED = (
    sa.select(events.c.position, events.c.kind, events.c.agency)
    .where(events.c.position > sa.bindparam("behind", type_=sa.BigInteger))
    .order_by(events.c.position)
    .limit(sa.bindparam("at_most", type_=sa.Integer))
)
_SEAL = events.update().where(events.c.id == sa.bindparam("event")).values(position=sa.bindparam("index"))
_GROW = (
    ledger_state.update()
    .where(ledger_state.c.id == 1)
    .values(size=sa.bindparam("new_size"), sealed_at=sa.bindparam("moment"))
)


async def waits(tx: Transaction) -> bool:
    """Tell whether a committed event has no index."""
    return (await tx.execute(_WAITING)).first() is not None


async def unsealed(tx: Transaction, *, limit: int) -> Sequence[sa.Row[Any]]:
    """Return what sealing needs of committed events without an index, oldest id first."""
    return (await tx.execute(_UNSEALED, {"at_most": limit})).all()


async def newest_unsealed(tx: Transaction) -> str | None:
    """Return the greatest id of a committed event without an index, or one of this transaction."""
    return (await tx.execute(_NEWEST_UNSEALED)).scalar_one_or_none()


async def size(tx: Transaction, *, lock: bool = False) -> int:
    """Return how many events are sealed; with `lock`, hold the row so that nobody else seals meanwhile.

    Raises:
        DataFault: the row that says so is missing.
    """
    query = sa.select(ledger_state.c.size).where(ledger_state.c.id == 1)
    if lock and tx.dialect.name == "postgresql":
        query = query.with_for_update()
    found = (await tx.execute(query)).scalar_one_or_none()
    if found is None:
        raise DataFault("the row that says how long the ledger is is missing")
    return int(found)


async def seal(tx: Transaction, positions: Mapping[str, int], *, size: int, at: datetime) -> None:
    """Give events their index and move the end of the ledger."""
    await tx.execute(_SEAL, [{"event": event, "index": index} for event, index in positions.items()])
    await tx.execute(_GROW, {"new_size": size, "moment": at})


async def newly_sealed(tx: Transaction, *, after: int, limit: int) -> Sequence[sa.Row[Any, Any, Any]]:
    """Return position, kind and agency of sealed events with positions greater than `after`, in order."""
    return (await tx.execute(_NEWLY_SEALED, {"behind": after, "at_most": limit})).all()


async def unsealed_backlog(tx: Transaction) -> tuple[int, datetime | None]:
    """Return how many committed events wait for an index (counted to 10,000) and when the oldest of them happened."""
    waiting = sa.select(events.c.at).where(events.c.position.is_(None)).limit(10_000).subquery()
    count, oldest = (await tx.execute(sa.select(sa.func.count(), sa.func.min(waiting.c.at)))).one()
    return int(count), oldest


async def page(tx: Transaction, asked: EventFilter, *, after: int, limit: int) -> Sequence[sa.Row[Any]]:
    """Return sealed events that pass the filter, in ledger order, with positions greater than `after`.

    For what reads the whole ledger, or one kind of event; whoever may ask for anything goes through `event_search`.
    """
    query = (
        sa.select(events)
        .where(events.c.position > after, *conditions(tx, asked))
        .order_by(events.c.position)
        .limit(limit)
    )
    return (await tx.execute(query)).all()


async def stream(
    tx: Transaction, asked: EventFilter, *, after: int = -1, chunk: int = 1_000
) -> AsyncIterator[Sequence[sa.Row[Any]]]:
    """Yield the same in chunks, memory bounded by one chunk, each chunk found by its own indexed query."""
    while rows := await page(tx, asked, after=after, limit=chunk):
        yield rows
        after = rows[-1].position


async def of_document(tx: Transaction, document: str) -> Sequence[sa.Row[Any]]:
    """Return every event of one document, sealed ones in ledger order, then those still waiting for their index."""
    query = (
        sa.select(events)
        .where(events.c.document == document)
        .order_by(events.c.position.is_(None), events.c.position, events.c.id)
    )
    return (await tx.execute(query)).all()


def conditions(tx: Transaction, asked: EventFilter, *, without: Collection[str] = ()) -> list[sa.ColumnElement[bool]]:
    """Say what must hold of an event, but for the attributes of the filter named in `without`."""
    column = events.c
    equal = {
        column.agency: asked.agency,
        column.tier: asked.tier,
        column.branch: asked.branch,
        column.document_type: asked.document_type,
        column.peer_tier: asked.peer_tier,
        column.outcome: asked.outcome,
        column.actor: asked.actor,
    }
    found: list[sa.ColumnElement[bool]] = [
        name.is_(None) if value == "" else name == value
        for name, value in equal.items()
        if value is not None and name.name not in without
    ]
    if asked.agencies is not None and "agencies" not in without:
        # Not by the index on agencies: with many of them their events would be sorted before the first is shown.
        found.append(sa.func.coalesce(column.agency, "").in_(listed(tx, asked.agencies)))
    if asked.below is not None and "below" not in without:
        found.append(column.position < asked.below)
    if asked.kinds and "kinds" not in without:
        found.append(column.kind.in_(asked.kinds))
    if asked.documents is not None:
        found.append(document_terms.among(tx, column.document, asked.documents))
    found += [document_terms.has(column.document, word) for word in asked.words]
    if asked.measure is not None:
        found.append(column.measures.contains(f" {asked.measure} ", autoescape=True))
    if asked.since is not None:
        found.append(column.at >= asked.since)
    if asked.until is not None:
        found.append(column.at < asked.until)
    return found
