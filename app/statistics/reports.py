"""Reading the figures: sums by what is asked for, each with the ledger size it covers.

Figures and size are read in one snapshot and the sealer writes both in one transaction, so a report never mixes two
moments. Nothing here reads an event: how long a report takes depends on how many rows of figures there are, and not
on the traffic behind them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import app.store.figures as rows
from app.errors import RequestInvalid
from app.statistics import rates
from app.statistics.definitions import COUNTS, Side
from app.statistics.fold import GRAINS, unit_of
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import Month
from app.store import closed_months, journal
from app.store.database import Database, Transaction

MONTHS_MAX = 120
"""Longest span of one report: ten years."""

Spreads = dict[tuple[str, ...], dict[str, dict[int, int]]]
"""By key of the row, by span, how many fell into each bucket."""

_ROWS_AT_ONCE = 500
"""Rows of a table whose spans are read in one statement."""
_PLACED = frozenset().union(*GRAINS.values())

_COLUMNS = {"province": "unit"}
"""Column of what a report calls otherwise."""


class GroupBy(StrEnum):
    """What a report is broken down by, beside the month."""

    AGENCY = "agency"
    """One row per agency."""
    TIER = "tier"
    """One row per tier."""
    BRANCH = "branch"
    """One row per branch."""
    PROVINCE = "province"
    """One row per province or ministry: the level-one code that the agency's code says."""
    DOCUMENT_TYPE = "document_type"
    """One row per document type."""
    TIER_PAIR = "tier_pair"
    """One row per tier of the sender and tier of the recipient; of deliveries alone."""
    MONTH = "month"
    """One row per month."""


class Direction(StrEnum):
    """Which side of the exchange a report is about."""

    SENT = "sent"
    """What agencies sent."""
    RECEIVED = "received"
    """What lay in their inboxes, and what they did with it."""


class View(StrEnum):
    """Under which agency, tier, branch and province the figures of the past stand."""

    AS_WAS = "as-was"
    """Those of the moment it happened."""
    AS_IS = "as-is"
    """Those of today; figures of a closed agency stand under its successor."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What figures are asked for.

    Attributes:
        first: first month, included.
        last: last month, included.
        equal: restricts to one `agency`, `tier`, `branch`, `province`, `document_type`.
        direction: only figures of one side; None for all.
        heirs: for the view as it is today: code that stands for each closed one; None shows the figures as it was.
        after: key of the last row of the page before.
    """

    first: Month
    last: Month
    by: GroupBy
    equal: Mapping[str, str]
    direction: Direction | None = None
    heirs: Mapping[str, str] | None = None
    after: tuple[str, ...] | None = None
    limit: int = 50

    @property
    def key(self) -> tuple[str, ...]:
        """Names of what tells rows apart, in the order rows are sorted by."""
        match self.by:
            case GroupBy.MONTH:
                return ("month",)
            case GroupBy.TIER_PAIR:
                return ("month", "peer_tier", "tier")
            case _:
                return ("month", self.by.value)

    @property
    def side(self) -> Side | None:
        """Whose figures are shown; None for both."""
        if self.by is GroupBy.TIER_PAIR:
            return Side.RECEIVED
        return Side(self.direction.value) if self.direction else None

    @property
    def measures(self) -> tuple[str, ...]:
        """Counts a row has."""
        return tuple(name for name in MEASURE_NAMES if self.side in (None, COUNTS[name].side))

    @property
    def figures(self) -> tuple[str, ...]:
        """Everything a row has: counts, shares, times."""
        return (*self.measures, *rates.shown_shares(self.side), *rates.shown_percentiles(self.side))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a report.

    Attributes:
        key: by name, `month` and what the report is broken down by.
        counts: by measure.
        spreads: by span of time, how many fell into each bucket.
    """

    key: Mapping[str, str]
    counts: Mapping[str, int]
    spreads: Mapping[str, Mapping[int, int]]

    def figures(self, asked: Asked) -> dict[str, int | float | None]:
        """Return everything the row says, by name, in the order of `Asked.figures`."""
        told = {**self.counts, **rates.shares(self.counts), **rates.percentiles(self.spreads)}
        return {name: told[name] for name in asked.figures}


@dataclass(frozen=True, slots=True)
class MonthStanding:
    """Whether the figures of a month are finished.

    Attributes:
        version: the newest one the month was closed with; None while it is open.
        closed_at: the size of the ledger which that version covers.
        moved: whether events counted in this month afterwards; a version with them follows.
    """

    month: str
    version: int | None = None
    closed_at: int | None = None
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A page of figures and how much of the ledger it covers.

    Attributes:
        months: those of the span that have figures, in their order.
    """

    ledger_size: int
    rows: Sequence[Row]
    months: Sequence[MonthStanding] = ()


async def exchange(database: Database, asked: Asked) -> Report:
    """Return monthly sums.

    Raises:
        RequestInvalid: the months are in the wrong order or too many, or what was sent is asked for by pairs of tiers.
        Unavailable: the database does not answer.
    """
    require_span(asked.first, asked.last)
    require_pairs_received(asked)
    wanted = _sums(asked)
    async with database.read() as tx:
        size = await journal.size(tx)
        months = await standing_of_months(tx, str(asked.first), str(asked.last))
        found = await rows.sums(tx, wanted)
        spreads = await _spreads(tx, asked, wanted, found) if rates.shown_percentiles(asked.side) else {}
    return Report(
        size,
        [
            Row(
                dict(zip(asked.key, key, strict=True)),
                {measure: getattr(row, measure) for measure in asked.measures},
                spreads.get(key, {}),
            )
            for row in found
            for key in (tuple(row[: len(asked.key)]),)
        ],
        months,
    )


async def standing_of_months(tx: Transaction, first: str, last: str) -> list[MonthStanding]:
    """Return for each month of a span that has figures whether it is closed, in the order of months."""
    closed = {row.month: row for row in await closed_months.newest(tx, first=first, last=last)}
    return [
        MonthStanding(month, closed[month].version, closed[month].ledger_size, size > closed[month].ledger_size)
        if month in closed
        else MonthStanding(month)
        for month, size in (await rows.counted(tx)).items()
        if first <= month <= last
    ]


def behind(asked: Asked, key: Sequence[str | int] | None) -> Asked:
    """Return the same, from behind a key on; None begins at the beginning."""
    return asked if key is None else replace(asked, after=tuple(str(part) for part in key))


def require_span(first: Month, last: Month) -> None:
    """Let a span of months pass.

    Raises:
        RequestInvalid: the months are in the wrong order or too many.
    """
    span = (last.year - first.year) * 12 + last.number - first.number
    if not 0 <= span < MONTHS_MAX:
        raise RequestInvalid(f"from {first} to {last} is not a span of 1 to {MONTHS_MAX} months")


def require_pairs_received(asked: Asked) -> None:
    """Let a report pass that can be made.

    Raises:
        RequestInvalid: what was sent is asked for by pairs of tiers.
    """
    if asked.by is GroupBy.TIER_PAIR and asked.direction is Direction.SENT:
        raise RequestInvalid("a document has as many pairs of tiers as recipients; ask for what was received")


def total(found: Sequence[Row]) -> Row | None:
    """Add rows up to one without a name; None where there are none."""
    if not found:
        return None
    spreads: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in found:
        for span, buckets in row.spreads.items():
            for bucket, count in buckets.items():
                spreads[span][bucket] += count
    return Row({}, {name: sum(row.counts[name] for row in found) for name in found[0].counts}, spreads)


def _sums(asked: Asked) -> rows.Sums:
    heirs = asked.heirs
    return rows.Sums(
        by=[_COLUMNS.get(name, name) for name in asked.key],
        first_month=str(asked.first),
        last_month=str(asked.last),
        equal={_COLUMNS.get(name, name): value for name, value in asked.equal.items()},
        measures=asked.measures,
        some=asked.side is not None,
        heirs=None if heirs is None else [(code, heir, unit_of(heir)) for code, heir in sorted(heirs.items())],
        after=asked.after,
        limit=asked.limit,
    )


async def _spreads(tx: Transaction, asked: Asked, wanted: rows.Sums, found: Sequence[Any]) -> Spreads:
    """Return the spans of the rows found, from the coarsest rows that tell apart what is asked for."""
    needed = {*wanted.by, *wanted.equal} - {"month"}
    grain = grain_of(needed, placed=asked.heirs is not None)
    if grain is None or not found:
        return {}
    spreads: Spreads = defaultdict(lambda: defaultdict(dict))
    width = len(wanted.by)
    for start in range(0, len(found), _ROWS_AT_ONCE):
        some = found[start : start + _ROWS_AT_ONCE]
        for row in await rows.spreads(
            tx,
            wanted,
            months=sorted({row.month for row in some}),
            summed=sorted(_PLACED - GRAINS[grain]),
            told=sorted(GRAINS[grain]),
            codes=_codes(asked, some) if grain == "agency" else None,
        ):
            counts = spreads[tuple(row[:width])][row.measure]
            for bucket, count in rows.buckets_of(row.counts).items():
                counts[bucket] = counts.get(bucket, 0) + count
    return spreads


def grain_of(needed: set[str], *, placed: bool = False) -> str | None:
    """Return which rows of spans tell these columns apart; None where none do.

    Args:
        needed: columns of the key, beside the month.
        placed: whether places are those of today, which only rows of single agencies can be moved to. Those are as many
            as spans, so of all agencies together their times are not told in that view.
    """
    if placed and needed & GRAINS["agency"]:
        return "agency" if "agency" in needed and needed <= GRAINS["agency"] else None
    return next((name for name, kept in GRAINS.items() if needed <= kept), None)


def _codes(asked: Asked, found: Sequence[Any]) -> list[str]:
    """Return the codes whose spans a page of rows is about, predecessors included where the view is that of today."""
    own = asked.equal.get("agency")
    shown = {own} if own is not None else {row.agency for row in found}
    before = {code for code, heir in (asked.heirs or {}).items() if heir in shown}
    return sorted(shown | before)
