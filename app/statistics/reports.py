"""Reading the figures: sums by what is asked for, each with the ledger size it covers.

Figures and size are read in one snapshot and the sealer writes both in one transaction, so a report never mixes two
moments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import app.store.figures as rows
from app.errors import RequestInvalid
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import Month
from app.store import journal
from app.store.database import Database

MONTHS_MAX = 120
"""Longest span of one report: ten years."""


class GroupBy(StrEnum):
    """What a report is broken down by, beside the month."""

    AGENCY = "agency"
    """One row per agency."""
    TIER = "tier"
    """One row per tier."""
    BRANCH = "branch"
    """One row per branch."""
    DOCUMENT_TYPE = "document_type"
    """One row per document type."""
    MONTH = "month"
    """One row per month."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What figures are asked for.

    Attributes:
        first: first month, included.
        last: last month, included.
        equal: restricts to one `agency`, `tier`, `branch`, `document_type`, by column name.
        after: key of the last row of the page before.
    """

    first: Month
    last: Month
    by: GroupBy
    equal: Mapping[str, str]
    after: tuple[str, ...] | None = None
    limit: int = 50

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that name a row, in the order rows are sorted by."""
        return ("month",) if self.by is GroupBy.MONTH else ("month", self.by.value)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a report.

    Attributes:
        key: by column name, `month` and what the report is broken down by.
        counts: by measure.
    """

    key: Mapping[str, str]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """A page of figures and how much of the ledger it covers."""

    ledger_size: int
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Participation:
    """How many agencies of one tier and branch exchanged in a month."""

    tier: str
    branch: str
    active: int


async def exchange(database: Database, asked: Asked) -> Report:
    """Return monthly sums.

    Raises:
        RequestInvalid: the months are in the wrong order or too many.
        Unavailable: the database does not answer.
    """
    span = (asked.last.year - asked.first.year) * 12 + asked.last.number - asked.first.number
    if not 0 <= span < MONTHS_MAX:
        raise RequestInvalid(f"from {asked.first} to {asked.last} is not a span of 1 to {MONTHS_MAX} months")
    async with database.read() as tx:
        size = await journal.size(tx)
        found = await rows.sums(
            tx,
            by=asked.key,
            first_month=str(asked.first),
            last_month=str(asked.last),
            equal=asked.equal,
            after=asked.after,
            limit=asked.limit,
        )
    return Report(
        size,
        [
            Row(
                {name: getattr(row, name) for name in asked.key},
                {measure: getattr(row, measure) for measure in MEASURE_NAMES},
            )
            for row in found
        ],
    )


async def participation(database: Database, month: Month) -> tuple[int, Sequence[Participation]]:
    """Return the ledger size and, per tier and branch, how many agencies sent or received at least one document."""
    async with database.read() as tx:
        size = await journal.size(tx)
        found = await rows.active_agencies(tx, str(month))
    return size, [Participation(row.tier, row.branch, row.active) for row in found]
