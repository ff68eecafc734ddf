"""Figures that follow from others: shares of counts, and percentiles of spans of time."""

from collections.abc import Mapping

from app.statistics.definitions import COUNTS, SHARES, SPANS, Side
from app.statistics.spread import percentile

PERCENTILES = {"median_seconds_": 50, "p95_seconds_": 95}
"""What is told of each span, by the beginning of its name."""

SHARE_DECIMALS = 4


def _parts(formula: str) -> tuple[str, tuple[str, ...]]:
    above, _, below = formula.partition(" / ")
    return above, tuple(below.strip("()").split(" + "))


_PARTS = {name: _parts(definition.formula) for name, definition in SHARES.items()}
"""Numerator and the counts that add up to the denominator, as the definitions say."""

assert all({above, *below} <= COUNTS.keys() for above, below in _PARTS.values())


def share_of(part: int, whole: int) -> float | None:
    """Return a share of 1, to four decimals; None where there is nothing to have a share of."""
    return round(part / whole, SHARE_DECIMALS) if whole else None


def shares(counts: Mapping[str, int]) -> dict[str, float | None]:
    """Return every share that can be told from these counts; those that need others are left out."""
    return {
        name: share_of(counts[above], sum(counts[each] for each in below))
        for name, (above, below) in _PARTS.items()
        if {above, *below} <= counts.keys()
    }


def percentiles(spreads: Mapping[str, Mapping[int, int]]) -> dict[str, int | None]:
    """Return median and 95th percentile of every span of time, in seconds; None where none ended.

    Args:
        spreads: by span, how many fell into each bucket.
    """
    return {
        f"{beginning}{span}": percentile(spreads.get(span, {}), percent)
        for span in SPANS
        for beginning, percent in PERCENTILES.items()
    }


def shown_shares(side: Side | None) -> tuple[str, ...]:
    """Return the shares a report of one side has; of both, where none is given."""
    return tuple(name for name, told in SHARES.items() if side in (None, told.side))


def shown_percentiles(side: Side | None) -> tuple[str, ...]:
    """Return the times a report of one side has: those of recipients."""
    if side is Side.SENT:
        return ()
    return tuple(f"{beginning}{span}" for span in SPANS for beginning in PERCENTILES)
