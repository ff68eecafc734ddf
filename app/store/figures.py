"""Monthly sums as rows."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.listed import listed, table_of
from app.store.schema import FIGURE_KEY, MEASURES, agencies, durations, figures


@dataclass(frozen=True, slots=True)
class Sums:
    """Which sums are wanted.

    Attributes:
        by: columns of the key to group by.
        equal: restricts to one value, by column of the key.
        after: values of `by` behind which to begin.
        measures: what to sum.
        some: leave out groups where all of these are zero.
        heirs: (closed code, code that stands for it today, that one's unit); None leaves agencies where they were when
            it was counted.
    """

    by: Sequence[str]
    first_month: str
    last_month: str
    equal: Mapping[str, str]
    measures: Sequence[str] = MEASURES
    some: bool = False
    heirs: Sequence[tuple[str, str, str]] | None = None
    after: Sequence[str] | None = None
    limit: int | None = None


ALL = "*"
"""As `statistics.fold` writes it."""

_WAS = {name: f"{name}_then" for name in ("agency", "tier", "branch", "unit")}
"""Columns as they were when it was counted, where the view is that of today."""

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


async def sums(tx: Transaction, asked: Sums) -> Sequence[Any]:
    """Return the sums of measures grouped by the named columns, ordered by them."""
    shown = _source(tx, figures, asked)
    columns = [shown.c[name] for name in asked.by]
    totals = {name: sa.cast(sa.func.sum(shown.c[name]), sa.BigInteger) for name in asked.measures}
    query = (
        sa.select(*columns, *(total.label(name) for name, total in totals.items()))
        .where(*_conditions(shown, asked))
        .group_by(*columns)
        .order_by(*columns)
        .limit(asked.limit)
    )
    if asked.after is not None:
        query = query.where(sa.tuple_(*columns) > sa.tuple_(*asked.after))
    if asked.some:
        # An agency that only sends has rows here; among figures of receiving it would be a row of zeros.
        query = query.having(sa.or_(*(total > 0 for total in totals.values())))
    return (await tx.execute(query)).all()


async def spreads(
    tx: Transaction,
    asked: Sums,
    *,
    months: Sequence[str],
    summed: Sequence[str],
    told: Sequence[str],
    codes: Sequence[str] | None,
) -> Sequence[Any]:
    """Return how many spans of time fell into each bucket: the named columns, `measure`, `bucket`, `spans`.

    Args:
        asked: what to group by and to restrict to.
        months: those that are looked at.
        summed: columns the rows to read do not tell apart.
        told: columns they do.
        codes: only agencies with these codes, as they were.
    """
    shown = _source(tx, durations, asked)
    columns = [shown.c[name] for name in asked.by]
    spans = sa.cast(sa.func.sum(shown.c["count"]), sa.BigInteger).label("spans")
    query = (
        sa.select(*columns, shown.c.measure, shown.c.bucket, spans)
        .where(shown.c.month.in_(months), *_conditions(shown, asked))
        .where(*(shown.c[_WAS.get(name, name) if asked.heirs is not None else name] == ALL for name in summed))
        .where(*(shown.c[_WAS.get(name, name) if asked.heirs is not None else name] != ALL for name in told))
        .group_by(*columns, shown.c.measure, shown.c.bucket)
    )
    if codes is not None:
        was = shown.c[_WAS["agency"]] if asked.heirs is not None else shown.c.agency
        query = query.where(was.in_(listed(tx, codes)))
    return (await tx.execute(query)).all()


async def by_agency(tx: Transaction, *, first_month: str, last_month: str, measures: Sequence[str]) -> Sequence[Any]:
    """Return the sums of some measures per agency over a span of months, with a tier and branch it had."""
    query = (
        sa.select(
            figures.c.agency,
            sa.func.max(figures.c.tier).label("tier"),
            sa.func.max(figures.c.branch).label("branch"),
            *(sa.cast(sa.func.sum(figures.c[name]), sa.BigInteger).label(name) for name in measures),
        )
        .where(figures.c.month.between(first_month, last_month), figures.c.agency != "")
        .group_by(figures.c.agency)
    )
    return (await tx.execute(query)).all()


def _conditions(shown: sa.FromClause, asked: Sums) -> list[sa.ColumnElement[bool]]:
    months = shown.c.month.between(asked.first_month, asked.last_month)
    return [months, *(shown.c[name] == value for name, value in asked.equal.items())]


def _source(tx: Transaction, table: sa.Table, asked: Sums) -> sa.FromClause:
    """Return the table as it is, or with every agency's place in it as the directory has it today."""
    if asked.heirs is None:
        return table
    heir = table_of(tx, "heirs", ("code", "current", "unit"), asked.heirs)
    code = sa.func.coalesce(heir.c.current, table.c.agency)
    today = {
        "agency": code,
        "tier": sa.func.coalesce(agencies.c.tier, table.c.tier),
        "branch": sa.func.coalesce(agencies.c.branch, table.c.branch),
        "unit": sa.func.coalesce(heir.c.unit, table.c.unit),
    }
    was = [table.c[name].label(label) for name, label in _WAS.items()]
    return (
        sa.select(*(today.get(column.name, column).label(column.name) for column in table.c), *was)
        .select_from(
            table.outerjoin(heir, heir.c.code == table.c.agency).outerjoin(agencies, agencies.c.organ_id == code)
        )
        .subquery("placed")
    )


async def everything(tx: Transaction) -> Sequence[Any]:
    """Return every row of figures, for a recount to compare with."""
    return (await tx.execute(sa.select(figures))).all()


async def every_spread(tx: Transaction, *, chunk: int) -> AsyncIterator[Sequence[Any]]:
    """Yield every row of spans of time in chunks, in the order of their keys."""
    key = [durations.c[name] for name in _SPREAD_KEY]
    # Not by its own name: `count` of a row is the method every tuple has.
    query = sa.select(*key, durations.c["count"].label("spans")).order_by(*key).limit(chunk)
    rows = (await tx.execute(query)).all()
    while rows:
        yield rows
        behind = sa.tuple_(*key) > sa.tuple_(*(getattr(rows[-1], name) for name in _SPREAD_KEY))
        rows = (await tx.execute(query.where(behind))).all()
