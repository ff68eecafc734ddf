"""Monthly sums as rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import FIGURE_KEY, MEASURES, figures


async def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add each row's measures to the sums under its key; measures a row leaves out are not changed."""
    if not rows:
        return
    insert = upsert(tx, figures)
    statement = insert.on_conflict_do_update(
        index_elements=FIGURE_KEY, set_={name: figures.c[name] + insert.excluded[name] for name in MEASURES}
    )
    await tx.execute(statement, [{**dict.fromkeys(MEASURES, 0), **row} for row in rows])


async def sums(
    tx: Transaction,
    *,
    by: Sequence[str],
    first_month: str,
    last_month: str,
    equal: Mapping[str, str],
    after: Sequence[str] | None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Return the sums of every measure grouped by the named key columns, ordered by them, from behind `after`."""
    columns = [figures.c[name] for name in by]
    query = (
        sa.select(*columns, *(sa.cast(sa.func.sum(figures.c[name]), sa.BigInteger).label(name) for name in MEASURES))
        .where(figures.c.month.between(first_month, last_month))
        .where(*(figures.c[name] == value for name, value in equal.items()))
        .group_by(*columns)
        .order_by(*columns)
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(*columns) > sa.tuple_(*after))
    return (await tx.execute(query)).all()


async def active_agencies(tx: Transaction, month: str) -> Sequence[sa.Row[Any]]:
    """Return per tier and branch how many agencies sent or received at least one document in the month."""
    exchanged = (
        sa.select(figures.c.agency, figures.c.tier, figures.c.branch)
        .where(figures.c.month == month, figures.c.agency != "")
        .group_by(figures.c.agency, figures.c.tier, figures.c.branch)
        .having(sa.func.sum(figures.c.sent) + sa.func.sum(figures.c.received) > 0)
        .subquery()
    )
    query = sa.select(exchanged.c.tier, exchanged.c.branch, sa.func.count().label("active")).group_by(
        exchanged.c.tier, exchanged.c.branch
    )
    return (await tx.execute(query)).all()


async def everything(tx: Transaction) -> Sequence[sa.Row[Any]]:
    """Return every row of figures, for a recount to compare with."""
    return (await tx.execute(sa.select(figures))).all()
