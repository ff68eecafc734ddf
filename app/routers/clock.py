"""Where the rim reads the time, and how moments come in; everything below takes time as an argument."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime

_FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def _plausible(moment: datetime) -> datetime:
    # Beyond these bounds, which nothing here happened outside of, conversions overflow and texts no longer sort.
    if not _FIRST <= moment < _LAST:
        raise ValueError("use a moment between 1900 and 2200")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]
"""A moment in a request: RFC 3339 with its offset, in the last or the next two centuries; UTC when it arrives here."""
