"""Where the rim reads the time; everything below takes it as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)
