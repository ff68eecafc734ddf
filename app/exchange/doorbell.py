"""Waking those who wait for mail: in memory, one bell per waiting agency, rung by whoever sees newly sealed events.

A bell is a hint, never the truth: a waiter that was not woken finds its mail at its next poll.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence


class Doorbell:
    """The bells of one process; use it from one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self.nudged = asyncio.Event()
        """Set when this process committed something that waits to be sealed."""
        self.closed = False
        """Whether the node is stopping, so that nobody should wait any longer."""

    def nudge(self) -> None:
        """Tell the sealer that there is something to seal."""
        self.nudged.set()

    def close(self) -> None:
        """Send everybody who waits home with what there is: the node is stopping."""
        self.closed = True
        self.ring(list(self._waiting))

    def ring(self, agencies: Iterable[str]) -> None:
        """Wake everybody who waits for one of these agencies."""
        for agency in agencies:
            for bell in self._waiting.get(agency, ()):
                bell.set()

    def listen(self, agencies: Sequence[str]) -> "Listening":
        """Start listening; do so before looking into the inbox, so that nothing falls between look and wait."""
        return Listening(self, agencies)

    def _add(self, agencies: Sequence[str], bell: asyncio.Event) -> None:
        for agency in agencies:
            self._waiting[agency].add(bell)

    def _remove(self, agencies: Sequence[str], bell: asyncio.Event) -> None:
        for agency in agencies:
            self._waiting[agency].discard(bell)
            if not self._waiting[agency]:
                del self._waiting[agency]


class Listening:
    """One waiter; a context manager, so that a client that goes away leaves no bell behind."""

    def __init__(self, doorbell: Doorbell, agencies: Sequence[str]) -> None:
        self._doorbell = doorbell
        self._agencies = tuple(agencies)
        self._bell = asyncio.Event()

    def __enter__(self) -> "Listening":
        self._doorbell._add(self._agencies, self._bell)
        return self

    def __exit__(self, *_raised: object) -> None:
        self._doorbell._remove(self._agencies, self._bell)

    async def rung(self, *, seconds: float) -> bool:
        """Wait until rung, at most so many seconds; tells whether it was."""
        try:
            await asyncio.wait_for(self._bell.wait(), timeout=seconds)
        except TimeoutError:
            return False
        self._bell.clear()
        return True
