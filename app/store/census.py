"""Rows as the check of the log wants them: all of them, in chunks by id, with the events that tell of them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import deliveries, documents, events, status_reports

_FIRST = "00000000-0000-0000-0000-000000000000"


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
    """Return deliveries with ids greater than `after`, each with how many of its events are not sealed yet."""
    unsealed = (
        sa.select(sa.func.count())
        .where(events.c.delivery == deliveries.c.id, events.c.position.is_(None))
        .scalar_subquery()
        .label("unsealed")
    )
    query = (
        sa.select(deliveries, unsealed)
        .where(deliveries.c.id > (after or _FIRST))
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    return (await tx.execute(query)).all()


async def events_of_documents(tx: Transaction, ids: Sequence[str], kind: str) -> Sequence[sa.Row[Any]]:
    """Return the events of one kind, sealed or not, of these documents."""
    query = sa.select(events).where(events.c.document.in_(ids), events.c.kind == kind)
    return (await tx.execute(query)).all()


async def events_of_reports(tx: Transaction, documents_of_reports: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """Return the events, sealed or not, by which reports about these documents were accepted."""
    return await events_of_documents(tx, documents_of_reports, "status.accepted")


async def count_documents(tx: Transaction) -> int:
    """Return how many documents there are."""
    return int((await tx.execute(sa.select(sa.func.count()).select_from(documents))).scalar_one())


async def count_reports(tx: Transaction) -> int:
    """Return how many status reports there are."""
    return int((await tx.execute(sa.select(sa.func.count()).select_from(status_reports))).scalar_one())


async def count_deliveries(tx: Transaction, *, placed: bool = False) -> int:
    """Return how many deliveries there are, or how many of them the ledger has placed."""
    query = sa.select(sa.func.count()).select_from(deliveries)
    if placed:
        query = query.where(deliveries.c.position.is_not(None))
    return int((await tx.execute(query)).scalar_one())


async def count_events(tx: Transaction, *kinds: str) -> int:
    """Return how many sealed events there are of these kinds."""
    query = sa.select(sa.func.count()).where(events.c.kind.in_(kinds), events.c.position.is_not(None))
    return int((await tx.execute(query)).scalar_one())


async def bodies(tx: Transaction, *, chunk: int = 1_000) -> AsyncIterator[str]:
    """Yield the digest of every body that a row refers to, each once, in order."""
    kept = sa.union(sa.select(documents.c.sha256), sa.select(status_reports.c.sha256)).subquery()
    after = ""
    while True:
        query = sa.select(kept.c.sha256).where(kept.c.sha256 > after).order_by(kept.c.sha256).limit(chunk)
        digests = (await tx.execute(query)).scalars().all()
        if not digests:
            return
        for digest in digests:
            yield digest
        after = digests[-1]
