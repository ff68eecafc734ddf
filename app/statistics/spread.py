"""Spans of time as counts in buckets, so that medians of many agencies and months can be told from sums alone.

Like DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019) the buckets bound the relative error and two sets of counts merge
by adding them, in any order. Unlike it the bounds are whole seconds cut by shifts, as in HdrHistogram: no logarithm is
taken, so that every machine puts every span into the same bucket and a recount gives the very same rows.

Up to 127 seconds each bucket is one second, and told exactly. From there on each doubling is cut into 64 buckets, whose
middle is at most 1/128 of itself away from anything in them.
"""

from collections.abc import Mapping

ERROR_MAX = 1 / 100
"""How far a percentile may be from the exact one, as a share of the exact one."""

_CUTS_BITS = 6
_CUTS = 1 << _CUTS_BITS
"""Buckets per doubling."""

SECONDS_MAX = 2**40
"""Longer spans, of 34,000 years, count as this: it keeps buckets within two bytes."""


def bucket_of(seconds: int) -> int:
    """Return the number of the bucket a span of whole seconds falls into; numbers grow with the spans.

    Raises:
        ValueError: the span is negative.
    """
    if seconds < 0:
        raise ValueError(f"{seconds} s is no span of time")
    span = min(seconds, SECONDS_MAX)
    shift = max(0, span.bit_length() - _CUTS_BITS - 1)
    return shift * _CUTS + (span >> shift)


def middle_of(bucket: int) -> int:
    """Return the span that stands for all of a bucket, in whole seconds."""
    if bucket < 2 * _CUTS:
        return bucket
    shift = bucket // _CUTS - 1
    lowest = (bucket - shift * _CUTS) << shift
    return lowest + ((1 << shift) - 1) // 2


def percentile(counts: Mapping[int, int], percent: int) -> int | None:
    """Return the span that so many per cent of all spans do not exceed, by the nearest rank; None where there is none.

    Args:
        counts: how many spans each bucket holds.
        percent: from 1 to 100; 50 is the median.
    """
    total = sum(counts.values())
    if not total:
        return None
    rank = -(-total * percent // 100)
    passed = 0
    for bucket in sorted(counts):
        passed += counts[bucket]
        if passed >= rank:
            return middle_of(bucket)
    raise AssertionError("the rank of a percentile is within the total")
