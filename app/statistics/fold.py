"""Adding events up: pure, order-insensitive within a batch, the same live and in a recount."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import repeat
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, Self

from app.statistics.measures import spans_in
from app.statistics.periods import Month
from app.statistics.spread import bucket_of

# Not `OrganId`: what it makes of a code may be refined one day, and figures of the past must come out the same then.
_LEVEL_ONE = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.([A-Z][0-9]{2})|([A-Y][0-9]{2})(?:\.[0-9A-Z]+)*", re.ASCII)


ALL = "*"
"""Stands in a row of spans for whatever the row does not tell apart; no code has this sign."""

GRAINS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "place": frozenset({"tier", "branch", "unit"}),
        "type": frozenset({"document_type"}),
        "pair": frozenset({"tier", "peer_tier"}),
        "agency": frozenset({"agency", "tier", "branch", "unit"}),
    }
)
"""What rows of spans tell apart beside the month, coarsest first; each span is counted once in each grain.

Hardly two spans of one agency, type and month have the same length, so rows that told everything apart would be as many
as spans, and a report would read them all. Coarse rows are few, whatever the traffic (decision 0012).
"""


class CountedEvent(Protocol):
    """What the fold reads of a sealed event."""

    @property
    def at(self) -> datetime:
        """When it happened, UTC."""

    @property
    def agency(self) -> str | None:
        """Whose figures it counts in."""

    @property
    def tier(self) -> str | None:
        """Tier of that agency then."""

    @property
    def branch(self) -> str | None:
        """Branch of that agency then."""

    @property
    def document_type(self) -> str | None:
        """Code of the document type."""

    @property
    def peer_tier(self) -> str | None:
        """Tier of the document's sender, on deliveries."""

    @property
    def measures(self) -> str | None:
        """Figures it counts in, between blanks."""

    @property
    def durations(self) -> str | None:
        """Spans of time that end with it, as `name:seconds` between blanks."""


class FigureKey(NamedTuple):
    """What a row of figures is about. Empty text stands for "not known": a refusal whose sender could not be read.

    Attributes:
        unit: code of the ministry or province at the top, as the agency's code says it.
        peer_tier: tier of the document's sender; empty on what is not about a delivery.
    """

    month: str
    agency: str
    tier: str
    branch: str
    document_type: str
    unit: str
    peer_tier: str

    @classmethod
    def of(cls, row: Any) -> Self:
        """Read it from a row that has a column for each of these."""
        return cls(row.month, row.agency, row.tier, row.branch, row.document_type, row.unit, row.peer_tier)


class SpreadKey(NamedTuple):
    """What a row of spans of time is about; `ALL` stands for what its grain does not tell apart."""

    figure: FigureKey
    span: str
    bucket: int


@dataclass(frozen=True, slots=True)
class Added:
    """What a batch of events adds.

    Attributes:
        counts: per key, per measure, how many.
        spreads: how many spans of time fell into each bucket.
        months: per month, one past the place in the batch of the last event that counts in it.
    """

    counts: Mapping[FigureKey, Mapping[str, int]]
    spreads: Mapping[SpreadKey, int]
    months: Mapping[str, int] = field(default_factory=dict)


@lru_cache(maxsize=65_536)
def unit_of(code: str) -> str:
    """Return the level-one code, of a ministry or a province, that an agency's code says it belongs to, or nothing.

    Level-one codes are the same in both forms of codes (QĐ 20/2020/QĐ-TTg Phụ lục I).
    """
    found = _LEVEL_ONE.fullmatch(code)
    return (found[1] or found[2]) if found else ""


def fold(events: Iterable[CountedEvent], times: Iterable[int] = repeat(1)) -> Added:
    """Return what a batch of events adds to the figures.

    Args:
        times: how often each of them is to be counted.
    """
    counts: dict[FigureKey, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    spreads: dict[SpreadKey, int] = defaultdict(int)
    months: dict[str, int] = {}
    coarse: dict[FigureKey, list[FigureKey]] = {}
    for place, (event, several) in enumerate(zip(events, times, strict=False), start=1):
        if not event.measures and not event.durations:
            continue
        key = FigureKey(
            month=_month_of(event.at.replace(minute=0, second=0, microsecond=0)),
            agency=event.agency or "",
            tier=event.tier or "",
            branch=event.branch or "",
            document_type=event.document_type or "",
            unit=unit_of(event.agency or ""),
            peer_tier=event.peer_tier or "",
        )
        months[key.month] = place
        if event.measures:
            counted = counts[key]
            for measure in event.measures.split():
                counted[measure] += several
        if event.durations:
            if key not in coarse:
                coarse[key] = [_coarse(key, kept) for kept in GRAINS.values()]
            for span, seconds in spans_in(event.durations):
                bucket = bucket_of(seconds)
                for each in coarse[key]:
                    spreads[SpreadKey(each, span, bucket)] += several
    return Added(counts, spreads, months)


@lru_cache(maxsize=4_096)
def _month_of(hour: datetime) -> str:
    # A zone is never off by parts of an hour here, so all moments of an hour are in one month.
    return str(Month.of(hour))


def _coarse(key: FigureKey, kept: frozenset[str]) -> FigureKey:
    return FigureKey(
        month=key.month,
        agency=key.agency if "agency" in kept else ALL,
        tier=key.tier if "tier" in kept else ALL,
        branch=key.branch if "branch" in kept else ALL,
        document_type=key.document_type if "document_type" in kept else ALL,
        unit=key.unit if "unit" in kept else ALL,
        peer_tier=key.peer_tier if "peer_tier" in kept else ALL,
    )
