"""Rows as the check of the log wants them: all of them, in chunks by id, with the events that tell of them."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.store.columns import Instant
from app.store.database import Transaction
from app.store.schema import (
    deliveries,
    document_links,
    documents,
    events,
    inspections,
    ledger_state,
    status_reports,
    verification_reports,
)


class LeafRow(NamedTuple):
    """An event as the check reads it: the columns that follow from its body, its body, and its hash.

    All of it is text but the index: ids with hyphens, moments as events write them. As text, because that is what
    bodies say, and reading it into values costs more than all that is done with them.
    """

    position: int
    id: str
    at: str
    kind: str
    outcome: str
    actor: str
    agency: str | None
    tier: str | None
    branch: str | None
    document_type: str | None
    peer_tier: str | None
    document: str | None
    delivery: str | None
    measures: str | None
    durations: str | None
    body: str
    leaf_hash: str


async def shared(tx: Transaction) -> str | None:
    """Return what lets other connections see the same moment of the database as this transaction, while it is open.

    None on SQLite, where every transaction sees the moment at which it first reads.
    """
    if tx.dialect.name == "sqlite":
        return None
    return str((await tx.execute(sa.select(sa.func.pg_export_snapshot()))).scalar_one())


async def see(tx: Transaction, snapshot: str | None) -> None:
    """Have a transaction that has read nothing yet see what `shared` named; None: what there is now."""
    if snapshot is None:
        await tx.execute(sa.select(ledger_state.c.size))
    else:
        # Takes no parameters; what PostgreSQL names a snapshot by has no quotes.
        await tx.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")


async def events_after(tx: Transaction, after: int, limit: int, *, until: int) -> list[LeafRow]:
    """Return sealed events with indices greater than `after` and at most `until`, in their order."""
    c = events.c
    columns = {
        **{name: c[name] for name in LeafRow._fields},
        **{name: _id_text(tx, c[name]) for name in ("id", "document", "delivery")},
        "at": _moment_text(tx, c.at),
    }
    query = sa.select(*columns.values()).where(c.position > after, c.position <= until)
    return list(map(LeafRow._make, await tx.execute(query.order_by(c.position).limit(limit))))


async def index_behind(tx: Transaction, index: int) -> int | None:
    """Return the smallest index of an event that is greater."""
    query = sa.select(sa.func.min(events.c.position)).where(events.c.position > index)
    found: int | None = (await tx.execute(query)).scalar_one()
    return found


def _id_text(tx: Transaction, column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    if tx.dialect.name != "sqlite":
        return sa.cast(column, sa.Text)
    text = sa.type_coerce(column, sa.Text)
    parts = (sa.func.substr(text, first, length) for first, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 500)))
    joined: sa.ColumnElement[str] = next(parts)
    for part in parts:
        joined = joined + "-" + part
    return joined


def _moment_text(tx: Transaction, column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    if tx.dialect.name == "sqlite":
        return sa.type_coerce(column, sa.Text)
    return sa.func.to_char(sa.func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')


_UNREAD = frozenset(
    {
        "code",
        "subject",
        "type_name",
        "promulgation_date",
        "due_date",
        "description",
        "reported_at",
        "undelivered_at",
        "expires_at",
        "due_at",
        "overdue_sender",
        "purged_at",
        "held_at",
    }
)
"""Columns that are long or many, and that no step compares with what events say of a document."""


@dataclass(frozen=True, slots=True)
class Part:
    """All that the database holds about some documents, each table in the order of documents.

    Every row of these tables is about a document, so parts that leave no id out show every row once. Ids and moments
    are text as events write them, JSON is the text that is kept.
    """

    documents: Sequence[Any]
    links: Sequence[Any]
    verification_reports: Sequence[Any]
    inspections: Sequence[Any]
    reports: Sequence[Any]
    deliveries: Sequence[Any]
    events: Sequence[Any]


async def end_of_part(tx: Transaction, after: str | None, *, events_at_once: int) -> str | None:
    """Return the id of the document at which a part ends that begins behind `after`; None where the rest is one part.

    A part has about so many events, or those of one document where that has more.
    """
    document = _raw(tx, events.c.document)
    query = sa.select(document).where(document.is_not(None)).order_by(document).offset(events_at_once).limit(1)
    if after is not None:
        query = query.where(document > after)
    found: str | None = (await tx.execute(query)).scalar_one_or_none()
    return found


async def part(tx: Transaction, *, after: str | None, until: str | None) -> Part:
    """Return all about the documents behind `after` up to `until`, both as `end_of_part` gives them; None: no end."""

    def within(column: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
        text = _raw(tx, column)
        return [*([text > after] if after is not None else []), *([text <= until] if until is not None else [])]

    return await _part(tx, within)


async def part_of(tx: Transaction, ids: Sequence[str]) -> Part:
    """Return all about these documents."""
    return await _part(tx, lambda column: [column.in_(ids)])


async def _part(tx: Transaction, within: Callable[[sa.ColumnElement[Any]], list[sa.ColumnElement[bool]]]) -> Part:
    async def rows(table: sa.Table, key: str, *further: str) -> Sequence[Any]:
        order = [table.c[key], *(table.c[name] for name in further)]
        shown = [column for column in texts(tx, table) if column.name not in _UNREAD]
        return (await tx.execute(sa.select(*shown).where(*within(table.c[key])).order_by(*order))).all()

    told = [events.c[name] for name in ("position", "kind", "body")]
    query = sa.select(*told).where(*within(events.c.document))
    return Part(
        documents=await rows(documents, "id"),
        links=await rows(document_links, "document", "ordinal"),
        verification_reports=await rows(verification_reports, "document", "revision"),
        inspections=await rows(inspections, "document"),
        reports=await rows(status_reports, "document", "id"),
        deliveries=await rows(deliveries, "document", "id"),
        # Sealed ones in ledger order, then those without an index.
        events=(await tx.execute(query.order_by(events.c.position.is_(None), events.c.position, events.c.id))).all(),
    )


def texts(tx: Transaction, table: sa.Table) -> list[sa.ColumnElement[Any]]:
    """Return the columns of a table as the check reads them."""
    return [_text(tx, column).label(column.name) for column in table.c]


def _text(tx: Transaction, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    match column.type:
        case sa.Uuid():
            return _id_text(tx, column)
        case Instant():
            return _moment_text(tx, column)
        case sa.JSON() | sa.Date():
            return sa.type_coerce(column, sa.Text) if tx.dialect.name == "sqlite" else sa.cast(column, sa.Text)
        case _:
            return column


def _raw(tx: Transaction, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a column of ids as it is kept, so that one that is none can be read and compared, too."""
    return sa.type_coerce(column, sa.Text) if tx.dialect.name == "sqlite" else column


async def count_documents(tx: Transaction) -> int:
    """Return how many documents there are."""
    return int((await tx.execute(sa.select(sa.func.count()).select_from(documents))).scalar_one())


async def bodies(tx: Transaction, *, chunk: int = 1_000) -> AsyncIterator[Sequence[str]]:
    """Yield the digest of every body that a row refers to and that was not purged, each once, in order."""
    kept = sa.union(
        *(sa.select(table.c.sha256).where(table.c.purged_at.is_(None)) for table in (documents, status_reports))
    ).subquery()
    after = ""
    while True:
        query = sa.select(kept.c.sha256).where(kept.c.sha256 > after).order_by(kept.c.sha256).limit(chunk)
        digests = (await tx.execute(query)).scalars().all()
        if not digests:
            return
        yield digests
        after = digests[-1]
