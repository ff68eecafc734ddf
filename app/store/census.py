"""Rows as the check of the log wants them: all of them, in chunks by id, with the events that tell of them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import deliveries, document_links, documents, events, status_reports

LEAF_COLUMNS = (
    "position",
    "id",
    "at",
    "kind",
    "outcome",
    "actor",
    "agency",
    "tier",
    "branch",
    "document_type",
    "peer_tier",
    "document",
    "delivery",
    "measures",
    "durations",
    "body",
    "leaf_hash",
)
"""Columns of an event that follow from its body, and its body."""

_FIRST = "00000000-0000-0000-0000-000000000000"


async def events_after(tx: Transaction, after: int, limit: int) -> Sequence[Any]:
    """Return sealed events with indices greater than `after`, as text: ids with hyphens, moments as events write them.

    In the order of `LEAF_COLUMNS`. As text, because that is what bodies say, and reading it into values costs more than
    all that is done with them.
    """
    c = events.c
    columns = {
        **{name: c[name] for name in LEAF_COLUMNS},
        **{name: _id_text(tx, c[name]) for name in ("id", "document", "delivery")},
        "at": _moment_text(tx, c.at),
    }
    query = sa.select(*columns.values()).where(c.position > after).order_by(c.position).limit(limit)
    return (await tx.execute(query)).all()


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


async def documents_after(tx: Transaction, after: str, limit: int) -> Sequence[sa.Row[Any]]:
    """Return documents with ids greater than `after`."""
    query = sa.select(documents).where(documents.c.id > (after or _FIRST)).order_by(documents.c.id).limit(limit)
    return (await tx.execute(query)).all()


async def reports_after(tx: Transaction, after: str, limit: int) -> Sequence[sa.Row[Any]]:
    """Return status reports with ids greater than `after`."""
    table = status_reports
    query = sa.select(table).where(table.c.id > (after or _FIRST)).order_by(table.c.id).limit(limit)
    return (await tx.execute(query)).all()


async def deliveries_after(tx: Transaction, after: str, limit: int) -> Sequence[sa.Row[Any]]:
    """Return deliveries with ids greater than `after`."""
    table = deliveries
    query = sa.select(table).where(table.c.id > (after or _FIRST)).order_by(table.c.id).limit(limit)
    return (await tx.execute(query)).all()


async def events_of_documents(tx: Transaction, ids: Sequence[str], kind: str) -> Sequence[sa.Row[Any]]:
    """Return the events of one kind, sealed or not, of these documents."""
    query = sa.select(events).where(events.c.document.in_(ids), events.c.kind == kind)
    return (await tx.execute(query)).all()


async def events_of_reports(tx: Transaction, documents_of_reports: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """Return the events, sealed or not, by which reports about these documents were accepted."""
    return await events_of_documents(tx, documents_of_reports, "status.accepted")


async def events_of_deliveries(tx: Transaction, ids: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """Return the events of these deliveries: sealed ones in ledger order, then those without an index."""
    query = sa.select(events).where(events.c.delivery.in_(ids))
    return (await tx.execute(query.order_by(events.c.position.is_(None), events.c.position, events.c.id))).all()


async def links_of_documents(tx: Transaction, ids: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """Return what these documents say about others, by document, in their order, as their events say it."""
    table = document_links
    query = sa.select(table).where(table.c.document.in_(ids)).order_by(table.c.document, table.c.ordinal)
    found: dict[str, list[dict[str, str]]] = {}
    for row in await tx.execute(query):
        link = {"relation": row.relation, "document_id": row.concerned_document_id}
        found.setdefault(row.document, []).append(link)
    return found


async def recipients_of_documents(tx: Transaction, ids: Sequence[str]) -> dict[str, int]:
    """Return how many deliveries each of these documents was sent with: no reports, no recipients added later."""
    query = (
        sa.select(deliveries.c.document, sa.func.count())
        .where(deliveries.c.document.in_(ids), deliveries.c.kind == "document", deliveries.c.added_by.is_(None))
        .group_by(deliveries.c.document)
    )
    return {document: int(count) for document, count in await tx.execute(query)}


async def count_documents(tx: Transaction) -> int:
    """Return how many documents there are."""
    return int((await tx.execute(sa.select(sa.func.count()).select_from(documents))).scalar_one())


async def count_reports(tx: Transaction) -> int:
    """Return how many status reports there are."""
    return int((await tx.execute(sa.select(sa.func.count()).select_from(status_reports))).scalar_one())


async def count_deliveries(tx: Transaction) -> int:
    """Return how many deliveries there are."""
    return int((await tx.execute(sa.select(sa.func.count()).select_from(deliveries))).scalar_one())


async def count_events(tx: Transaction, *kinds: str) -> int:
    """Return how many events there are of these kinds, sealed or not: they are committed with what they report."""
    return int((await tx.execute(sa.select(sa.func.count()).where(events.c.kind.in_(kinds)))).scalar_one())


async def bodies(tx: Transaction, *, chunk: int = 1_000) -> AsyncIterator[str]:
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
        for digest in digests:
            yield digest
        after = digests[-1]
