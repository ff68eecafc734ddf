"""Where the rim reads the time, and how days and moments come in; everything below takes time as an argument.

Pydantic by itself also takes numbers, as seconds since 1970; what is described as a date is only taken as one here.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}")
_FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)


_steered: list[Callable[[], datetime]] = []


def now() -> datetime:
    """Return the present moment in UTC."""
    return _steered[-1]() if _steered else datetime.now(UTC)


@contextmanager
def steered(clock: Callable[[], datetime]) -> Iterator[None]:
    """Let every node of this process live by another clock: for playing through months in minutes, never in service."""
    _steered.append(clock)
    try:
        yield
    finally:
        _steered.remove(clock)


def _plausible(moment: datetime) -> datetime:
    # Beyond these bounds, which nothing here happened outside of, conversions overflow and texts no longer sort.
    if not _FIRST <= moment < _LAST:
        raise ValueError("use a moment between 1900 and 2200")
    return moment.astimezone(UTC)


def _day_text(value: object) -> object:
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("write a day as YYYY-MM-DD")


def _moment_text(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.match(value)):
        return value
    raise ValueError("write a moment as RFC 3339 does, such as 2026-11-22T08:00:00Z")


Day = Annotated[date, BeforeValidator(_day_text)]
"""A day in a request: YYYY-MM-DD."""

Moment = Annotated[AwareDatetime, BeforeValidator(_moment_text), AfterValidator(_plausible)]
"""A moment in a request: RFC 3339 with its offset, in the last or the next two centuries; UTC when it arrives here."""
