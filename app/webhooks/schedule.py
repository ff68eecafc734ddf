"""When a message is tried again: back-off over three days, as Standard Webhooks 1.0.0 suggests, and pauses of servers.

Two clocks: each message has its own schedule, and a server that fails rests as a whole for a little, so that a thousand
messages to it cost one connection at a time and hold nobody else up.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

DELAYS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""From one attempt to the next; the first is made at once, so there are ten in 75 hours and a half, and a little."""

JITTER_MAX: Final = 0.1
"""Part of a delay that chance adds, so that what failed together does not come back together."""

WAITING_MAX: Final = timedelta(days=2)
"""A message that is due for so long and was not tried is given up: its client is shut out, or its server answers so
rarely that what waits for it grows without end."""

REST_FIRST: Final = timedelta(seconds=5)
REST_LONGEST: Final = timedelta(minutes=2)


def delay_after(attempts: int, *, dice: float) -> timedelta | None:
    """Return how long to wait after a failed attempt; None: it was the last.

    Args:
        attempts: made so far, this one included; at least 1.
        dice: chance, at least 0 and below 1.
    """
    if attempts > len(DELAYS):
        return None
    return DELAYS[attempts - 1] * (1 + JITTER_MAX * dice)


@dataclass(slots=True)
class Rests:
    """Which servers rest, as one process knows it; forgotten with the process, for it is a courtesy, not a truth."""

    _failures: dict[str, int] = field(default_factory=dict)
    _until: dict[str, datetime] = field(default_factory=dict)

    def failed(self, webhook: str, *, at: datetime) -> None:
        """Let a server rest after a failure: 5 s, then twice as long each time, up to 2 min."""
        failures = self._failures.get(webhook, 0) + 1
        self._failures[webhook] = failures
        # The exponent is bounded, or the longest-failing server would overflow it.
        self._until[webhook] = at + min(REST_FIRST * 2 ** min(failures - 1, 10), REST_LONGEST)

    def forget(self, webhook: str) -> None:
        """Let a server that answered, or that nobody speaks to any more, be like any other."""
        self._failures.pop(webhook, None)
        self._until.pop(webhook, None)

    def resting(self, at: datetime) -> set[str]:
        """Return the webhooks whose servers rest at this moment."""
        return {webhook for webhook, until in self._until.items() if at < until}

    def failing(self, webhook: str) -> bool:
        """Whether the last attempt failed."""
        return webhook in self._failures
