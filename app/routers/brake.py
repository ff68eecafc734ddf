"""A brake on guessing: too many failures in a minute, and the next tries of that client wait.

In memory and of this process alone: it makes guessing slow, it is no account of it (failed sign-ins are events). Ours.
"""

from collections import OrderedDict
from typing import Final

from app.errors import TooManyRequests

FAILURES_MAX: Final = 10
WINDOW_SECONDS: Final = 60
KEYS_MAX: Final = 10_000
"""Clients that are remembered; beyond it the one that failed longest ago is forgotten."""


class Brake:
    """Counts failures by key; time is given as monotonic seconds."""

    def __init__(
        self, *, failures_max: int = FAILURES_MAX, window_seconds: int = WINDOW_SECONDS, keys_max: int = KEYS_MAX
    ) -> None:
        self._failures_max = failures_max
        self._window_seconds = window_seconds
        self._keys_max = keys_max
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def require_free(self, key: str, *, now: float) -> None:
        """Refuse while the key failed too often.

        Raises:
            TooManyRequests: it did; it says when the window ends.
        """
        count, since = self._failures.get(key, (0, now))
        left = since + self._window_seconds - now
        if count >= self._failures_max and left > 0:
            raise TooManyRequests(
                f"{count} failed sign-ins within {self._window_seconds} s", retry_after_seconds=int(left) + 1
            )

    def failed(self, key: str, *, now: float) -> None:
        """Count a failure."""
        count, since = self._failures.pop(key, (0, now))
        if now - since >= self._window_seconds:
            count, since = 0, now
        self._failures[key] = (count + 1, since)
        if len(self._failures) > self._keys_max:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)

    def __len__(self) -> int:
        return len(self._failures)
