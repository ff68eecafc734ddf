"""Monthly sums as rows.

`figures` has one row for everything a sum is told apart by; `rolled_figures` the same sums over what most reports do
not tell apart, so that a report reads some hundred rows a month, however many agencies there are. `durations` has all
buckets of one key in one row. Whoever adds holds the ledger's row, so nobody else adds meanwhile.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.errors import DataFault
from app.store.database import Transaction, insert_of
from app.store.listed import listed, table_in, table_of, written
from app.store.schema import FIGURE_KEY, MEASURES, agencies, counted_months, durations, events, figures, rolled_figures


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

_PLACE = ("tier", "branch", "document_type", "unit", "peer_tier")

ROLLED: tuple[frozenset[str], ...] = (
    frozenset({"tier", "branch", "unit"}),
    frozenset({"document_type"}),
    frozenset({"tier", "peer_tier"}),
)
"""What rows of `rolled_figures` tell apart beside the month; `ALL` stands for the rest."""

_ROLLED_KEY = ("month", *_PLACE)
_SPAN_KEY = (*FIGURE_KEY, "measure")


class Spread(NamedTuple):
    """How many spans of one measure fell into one bucket, under one key."""

    month: str
    agency: str
    tier: str
    branch: str
    document_type: str
    unit: str
    peer_tier: str
    measure: str
    bucket: int
    spans: int


async def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add each row's measures to the sums under its key; measures a row leaves out are not changed."""
    if not rows:
        return
    # Few of the measures occur in one batch, and each column costs time for every row.
    occurring = [name for name in MEASURES if any(name in row for row in rows)]
    await _add(tx, figures, FIGURE_KEY, occurring, rows)
    await _add(tx, rolled_figures, _ROLLED_KEY, occurring, rolled(rows))


async def _add(
    tx: Transaction, table: sa.Table, key: Sequence[str], occurring: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    statement = _adding(tx.dialect.name, table, tuple(key), tuple(occurring))
    await tx.execute(statement, [{**dict.fromkeys(occurring, 0), **row} for row in rows])


@lru_cache(maxsize=512)
def _adding(dialect: str, table: sa.Table, key: Sequence[str], occurring: Sequence[str]) -> Any:
    """Return the statement that adds; made once, for making it costs the sealer more than running it."""
    insert = insert_of(dialect, table)
    return insert.on_conflict_do_update(
        index_elements=key, set_={name: table.c[name] + insert.excluded[name] for name in occurring}
    )


def rolled(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Add rows of figures up over what rolled rows do not tell apart."""
    sums: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        counts = [(name, row[name]) for name in MEASURES if name in row]
        for kept in ROLLED:
            key = tuple(row[name] if name in kept or name == "month" else ALL for name in _ROLLED_KEY)
            for name, count in counts:
                sums[key][name] += count
    return [{**dict(zip(_ROLLED_KEY, key, strict=True)), **counts} for key, counts in sums.items()]


async def add_spreads(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add each row's count to the one under its key: figure, measure and bucket.

    Raises:
        DataFault: what is kept under a key cannot be read.
    """
    if not rows:
        return
    added: dict[tuple[str, ...], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        added[tuple(row[name] for name in _SPAN_KEY)][row["bucket"]] += row["count"]
    dialect = tx.dialect.name
    for *key, packed in (await tx.execute(_held_spans(dialect), {"wanted_keys": written(added)})).all():
        counts = added[tuple(key)]
        for bucket, count in buckets_of(packed).items():
            counts[bucket] += count
    await tx.execute(
        _writing_spans(dialect),
        [{**dict(zip(_SPAN_KEY, key, strict=True)), "counts": _packed(counts)} for key, counts in added.items()],
    )


@lru_cache
def _held_spans(dialect: str) -> Any:
    wanted = table_in(dialect, "wanted", _SPAN_KEY, sa.bindparam("wanted_keys", type_=sa.String))
    return sa.select(*(durations.c[name] for name in _SPAN_KEY), durations.c.counts).join(
        wanted, sa.and_(*(durations.c[name] == wanted.c[name] for name in _SPAN_KEY))
    )


@lru_cache
def _writing_spans(dialect: str) -> Any:
    insert = insert_of(dialect, durations)
    return insert.on_conflict_do_update(index_elements=_SPAN_KEY, set_={"counts": insert.excluded.counts})


def _packed(counts: Mapping[int, int]) -> str:
    return json.dumps([number for each in sorted(counts.items()) for number in each], separators=(",", ":"))


def buckets_of(packed: str) -> dict[int, int]:
    """Read how many spans each bucket of one row holds.

    Raises:
        DataFault: it is no such text.
    """
    try:
        numbers = json.loads(packed)
        return dict(zip(numbers[::2], numbers[1::2], strict=True))
    except (ValueError, TypeError, KeyError) as error:
        raise DataFault("a row of durations cannot be read") from error


async def mark(tx: Transaction, sizes: Mapping[str, int]) -> None:
    """Note how much of the ledger the figures of some months take, by month."""
    if not sizes:
        return
    await tx.execute(
        _marking(tx.dialect.name), [{"month": month, "ledger_size": size} for month, size in sizes.items()]
    )


@lru_cache
def _marking(dialect: str) -> Any:
    insert = insert_of(dialect, counted_months)
    return insert.on_conflict_do_update(index_elements=("month",), set_={"ledger_size": insert.excluded.ledger_size})


async def counted(tx: Transaction) -> dict[str, int]:
    """Return the months that have figures, each with one past the index of the last event that counts in it."""
    query = sa.select(counted_months).order_by(counted_months.c.month)
    return {row.month: row.ledger_size for row in (await tx.execute(query)).all()}


async def sums(tx: Transaction, asked: Sums) -> Sequence[Any]:
    """Return the sums of measures grouped by the named columns, ordered by them."""
    shown, conditions = _summed(tx, asked)
    columns = [shown.c[name] for name in asked.by]
    totals = {name: sa.cast(sa.func.sum(shown.c[name]), sa.BigInteger) for name in asked.measures}
    query = (
        sa.select(*columns, *(total.label(name) for name, total in totals.items()))
        .where(*conditions)
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


def _summed(tx: Transaction, asked: Sums) -> tuple[sa.FromClause, list[sa.ColumnElement[bool]]]:
    """Return what to add up: rolled rows where some tell apart all that is asked for."""
    needed = {*asked.by, *asked.equal} - {"month"}
    kept = next((each for each in ROLLED if needed <= each), None)
    if kept is None or (asked.heirs is not None and needed & _WAS.keys()):
        shown = _source(tx, figures, asked)
        return shown, _conditions(shown, asked)
    told = [(rolled_figures.c[name] != ALL) if name in kept else (rolled_figures.c[name] == ALL) for name in _PLACE]
    return rolled_figures, [*_conditions(rolled_figures, asked), *told]


async def spreads(
    tx: Transaction,
    asked: Sums,
    *,
    months: Sequence[str],
    summed: Sequence[str],
    told: Sequence[str],
    codes: Sequence[str] | None,
) -> Sequence[Any]:
    """Return rows of spans of time to be added up: the named columns, `measure`, `counts` (see `buckets_of`).

    Args:
        asked: what to group by and to restrict to.
        months: those that are looked at.
        summed: columns the rows to read do not tell apart.
        told: columns they do.
        codes: only agencies with these codes, as they were.
    """
    shown = _source(tx, durations, asked)
    query = (
        sa.select(*(shown.c[name] for name in asked.by), shown.c.measure, shown.c.counts)
        .where(shown.c.month.in_(months), *_conditions(shown, asked))
        .where(*(shown.c[_WAS.get(name, name) if asked.heirs is not None else name] == ALL for name in summed))
        .where(*(shown.c[_WAS.get(name, name) if asked.heirs is not None else name] != ALL for name in told))
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


async def months(tx: Transaction) -> set[str]:
    """Return the months that have figures."""
    # Each asked for behind the one before, by the index: there are few months, and very many rows.
    found: set[str] = set()
    month = (await tx.execute(sa.select(sa.func.min(figures.c.month)))).scalar_one()
    while month is not None:
        found.add(month)
        query = sa.select(sa.func.min(figures.c.month)).where(figures.c.month > month)
        month = (await tx.execute(query)).scalar_one()
    return found


async def of_month(tx: Transaction, month: str) -> Sequence[Any]:
    """Return every row of figures of a month."""
    return (await tx.execute(sa.select(figures).where(figures.c.month == month))).all()


async def spreads_of_month(tx: Transaction, month: str) -> Sequence[Any]:
    """Return every row of spans of time of a month, of every grain."""
    return (await tx.execute(sa.select(durations).where(durations.c.month == month))).all()


async def everything(tx: Transaction) -> Sequence[Any]:
    """Return every row of figures, for a recount to compare with: the key, and the measures."""
    columns = (*FIGURE_KEY, *MEASURES)
    return (await tx.execute(sa.select(*(figures.c[name] for name in columns)))).all()


async def every_rolled(tx: Transaction) -> Sequence[Any]:
    """Return every row of sums of figures: the key without the agency, and the measures."""
    columns = (*_ROLLED_KEY, *MEASURES)
    return (await tx.execute(sa.select(*(rolled_figures.c[name] for name in columns)))).all()


async def rolled_anew(tx: Transaction) -> Sequence[Any]:
    """Return the same rows as the rows of figures give them."""
    sums = [sa.cast(sa.func.sum(figures.c[name]), sa.BigInteger).label(name) for name in MEASURES]
    found: list[Any] = []
    for kept in ROLLED:
        told = [name for name in _ROLLED_KEY if name in kept or name == "month"]
        key = [figures.c[name] if name in told else sa.literal(ALL).label(name) for name in _ROLLED_KEY]
        query = sa.select(*key, *sums).group_by(*(figures.c[name] for name in told))
        found += (await tx.execute(query)).all()
    return found


async def events_between(tx: Transaction, first: int, end: int, *, limit: int) -> Sequence[sa.Row[Any]]:
    """Return what is counted of sealed events with indices from `first` up to, and without, `end`, in their order."""
    columns = ("position", "at", "agency", "tier", "branch", "document_type", "peer_tier", "measures", "durations")
    query = sa.select(*(events.c[name] for name in columns)).where(events.c.position >= first, events.c.position < end)
    return (await tx.execute(query.order_by(events.c.position).limit(limit))).all()


async def every_spread(tx: Transaction, *, chunk: int) -> AsyncIterator[Sequence[Spread]]:
    """Yield every count of spans of time in chunks, in the order of their keys; a row that cannot be read has none.

    Args:
        chunk: rows read at once; each holds several counts.
    """
    key = [durations.c[name] for name in _SPAN_KEY]
    query = sa.select(*key, durations.c.counts).order_by(*key).limit(chunk)
    rows = (await tx.execute(query)).all()
    while rows:
        yield [
            Spread._make([*row[:-1], bucket, spans]) for row in rows for bucket, spans in _readable(row.counts).items()
        ]
        behind = sa.tuple_(*key) > sa.tuple_(*rows[-1][:-1])
        rows = (await tx.execute(query.where(behind))).all()


def _readable(packed: str) -> dict[int, int]:
    try:
        return buckets_of(packed)
    except DataFault:
        return {}
