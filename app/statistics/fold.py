"""Adding events up: pure, order-insensitive within a batch, the same live and in a recount."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.edxml.organ_id import OrganId
from app.errors import RequestInvalid
from app.statistics.periods import Month


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


@dataclass(frozen=True, slots=True)
class FigureKey:
    """What a row of figures is about. Empty text stands for "not known": a refusal whose sender could not be read."""

    month: str
    agency: str
    tier: str
    branch: str
    document_type: str
    unit: str
    peer_tier: str


def unit_of(code: str) -> str:
    """Return the level-one code, of a ministry or a province, that an agency's code says it belongs to, or nothing."""
    try:
        return OrganId.parse(code).level_one or ""
    except RequestInvalid:
        return ""


def fold(events: Iterable[CountedEvent]) -> Mapping[FigureKey, Mapping[str, int]]:
    """Return what a batch of events adds to the figures: per key, per measure, how many."""
    added: dict[FigureKey, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for event in events:
        if not event.measures:
            continue
        key = FigureKey(
            month=str(Month.of(event.at)),
            agency=event.agency or "",
            tier=event.tier or "",
            branch=event.branch or "",
            document_type=event.document_type or "",
            unit=unit_of(event.agency or ""),
            peer_tier=event.peer_tier or "",
        )
        for measure in event.measures.split():
            added[key][measure] += 1
    return added
