"""When a source of revocations is asked again, and when its silence is told.

An answer is asked for anew at half of what is left of its life, so that a server that fails for a while fails while the
old answer still holds. A failing server is asked ever more rarely, never so rarely that its return stays unnoticed.
"""

from datetime import datetime, timedelta
from typing import Final

REST_MIN: Final = timedelta(seconds=30)
"""Shortest rest after an answer, however short its life; where the longest is set to less, that."""
FAILURE_FIRST: Final = timedelta(minutes=1)
"""Rest after the first failure, likewise."""
FAILURE_LONGEST: Final = timedelta(hours=1)
JITTER_MAX: Final = 0.2
"""Part of a rest that chance adds, so that a thousand nodes do not come back to a server together."""
FAILURES_ALARM: Final = 5
"""Failures in a row that are told even while the last answer still holds: a quarter of an hour of silence."""


def after_answer(at: datetime, *, fresh_until: datetime | None, interval: timedelta, dice: float) -> datetime:
    """Return when to ask again after an answer that holds.

    Args:
        fresh_until: until when it does; None where it does not say.
        interval: longest rest.
        dice: chance, at least 0 and below 1; makes it sooner.
    """
    rest = interval if fresh_until is None else min(interval, (fresh_until - at) / 2)
    return at + max(rest * (1 - JITTER_MAX * dice), min(REST_MIN, interval))


def after_failure(
    at: datetime, *, failures: int, fresh_until: datetime | None, interval: timedelta, dice: float
) -> datetime:
    """Return when to ask again after a failure: 1 min, then twice as long each time, up to an hour or two intervals.

    Args:
        failures: in a row, this one included; at least 1.
        fresh_until: until when the last answer holds; just after that it is tried in any case, so that it is told.
        interval: longest rest of a source that answers.
        dice: chance, at least 0 and below 1; makes it later.
    """
    # The exponent is bounded, or the longest-failing server would overflow it.
    rest: timedelta = min(min(FAILURE_FIRST, interval) * 2 ** min(failures - 1, 10), FAILURE_LONGEST, 2 * interval)
    again = at + rest * (1 + JITTER_MAX * dice)
    if fresh_until is not None and at <= fresh_until < again:
        return max(fresh_until + timedelta(seconds=1), at + min(REST_MIN, interval))
    return again


def is_alarming(at: datetime, *, failures: int, fresh_until: datetime | None) -> bool:
    """Tell whether a failing source is to be told of: what is known is out of date, or it failed too often.

    Args:
        failures: in a row; at least 1.
        fresh_until: until when what is known holds; None where that is not known.
    """
    return failures >= FAILURES_ALARM or (fresh_until is not None and fresh_until < at)
