"""Closed months as rows: which report was frozen when, and how much of the ledger it covers. Rows are never changed."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import closed_months, events


async def add(tx: Transaction, row: Mapping[str, Any]) -> bool:
    """Write a version of a month; False where there is one with this number, and nothing was written."""
    written = await tx.execute(upsert(tx, closed_months).on_conflict_do_nothing(), dict(row))
    return written.rowcount == 1


async def newest(tx: Transaction, *, first: str = "", last: str = "9999-12") -> Sequence[sa.Row[Any]]:
    """Return the newest version of each closed month of a span, in the order of months."""
    table, later = closed_months, closed_months.alias("later")
    beaten = sa.exists().where(later.c.month == table.c.month, later.c.version > table.c.version)
    query = sa.select(table).where(table.c.month.between(first, last), ~beaten).order_by(table.c.month)
    return (await tx.execute(query)).all()


async def versions(tx: Transaction, month: str) -> Sequence[sa.Row[Any]]:
    """Return every version of a month, oldest first."""
    query = sa.select(closed_months).where(closed_months.c.month == month).order_by(closed_months.c.version)
    return (await tx.execute(query)).all()


async def everything(tx: Transaction) -> Sequence[sa.Row[Any]]:
    """Return every version of every month, in the order of months, then of versions."""
    return (await tx.execute(sa.select(closed_months).order_by(closed_months.c.month, closed_months.c.version))).all()


async def told(tx: Transaction, kind: str) -> Sequence[str]:
    """Return the bodies of all events of the kind that months are closed by, sealed or not yet."""
    return (await tx.execute(sa.select(events.c.body).where(events.c.kind == kind))).scalars().all()
