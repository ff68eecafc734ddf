"""Monthly sums as rows."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import FIGURE_KEY, MEASURES, durations, figures

_SPREAD_KEY = (*FIGURE_KEY, "measure", "bucket")


async def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add each row's measures to the sums under its key; measures a row leaves out are not changed."""
    if not rows:
        return
    # Few of the measures occur in one batch, and each column costs time for every row.
    occurring = [name for name in MEASURES if any(name in row for row in rows)]
    insert = upsert(tx, figures)
    statement = insert.on_conflict_do_update(
        index_elements=FIGURE_KEY, set_={name: figures.c[name] + insert.excluded[name] for name in occurring}
    )
    await tx.execute(statement, [{**dict.fromkeys(occurring, 0), **row} for row in rows])


async def add_spreads(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add each row's count to the one under its key: figure, measure and bucket."""
    if not rows:
        return
    insert = upsert(tx, durations)
    statement = insert.on_conflict_do_update(
        index_elements=_SPREAD_KEY, set_={"count": durations.c["count"] + insert.excluded["count"]}
    )
    await tx.execute(statement, list(rows))


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


async def every_spread(tx: Transaction, *, chunk: int) -> AsyncIterator[Sequence[sa.Row[Any]]]:
    """Yield every row of spans of time in chunks, in the order of their keys."""
    key = [durations.c[name] for name in _SPREAD_KEY]
    # Not by its own name: `count` of a row is the method every tuple has.
    query = sa.select(*key, durations.c["count"].label("spans")).order_by(*key).limit(chunk)
    rows = (await tx.execute(query)).all()
    while rows:
        yield rows
        behind = sa.tuple_(*key) > sa.tuple_(*(getattr(rows[-1], name) for name in _SPREAD_KEY))
        rows = (await tx.execute(query.where(behind))).all()
