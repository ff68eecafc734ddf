"""Waking those who wait for mail: in memory, one bell per waiting agency, rung by whoever sees newly sealed events.

A bell is a hint, never the truth: a waiter that was not woken finds its mail at its next poll.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence

from app.exchange.quiet import Quiet


class Doorbell:
    """The bells of one process; use it from one event loop.

    Attributes:
        nudged: set when this process committed something that waits to be sealed.
        closed: whether the node is stopping, so that nobody should wait any longer.
        quiet: for whom it has not rung since their inbox was found empty.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, set[Listening]] = defaultdict(set)
        self.nudged = asyncio.Event()
        self.closed = False
        self.quiet = Quiet()

    def nudge(self) -> None:
        """Tell the sealer that there is something to seal."""
        self.nudged.set()

    def close(self) -> None:
        """Send everybody who waits home with what there is: the node is stopping."""
        self.closed = True
        self._strike(list(self._waiting))

    def ring(self, agencies: Iterable[str]) -> None:
        """Wake everybody who waits for one of these agencies."""
        rung = list(agencies)
        for agency in rung:
            self.quiet.forget(agency)
        self._strike(rung)

    def listen(self, agencies: Sequence[str]) -> "Listening":
        """Start listening; do so before looking into the inbox, so that nothing falls between look and wait."""
        return Listening(self, agencies)

    def _strike(self, agencies: Iterable[str]) -> None:
        for agency in agencies:
            for bell in self._waiting.get(agency, ()):
                bell.strike()

    def _add(self, agencies: Sequence[str], bell: "Listening") -> None:
        for agency in agencies:
            self._waiting[agency].add(bell)

    def _remove(self, agencies: Sequence[str], bell: "Listening") -> None:
        for agency in agencies:
            self._waiting[agency].discard(bell)
            if not self._waiting[agency]:
                del self._waiting[agency]


class Listening:
    """One waiter; a context manager, so that a client that goes away leaves no bell behind.

    Attributes:
        heard: whether it rang since it was last waited for.
    """

    __slots__ = ("_agencies", "_doorbell", "_waiter", "heard")

    def __init__(self, doorbell: Doorbell, agencies: Sequence[str]) -> None:
        self._doorbell = doorbell
        self._agencies = tuple(agencies)
        self._waiter: asyncio.Future[None] | None = None
        self.heard = False

    def __enter__(self) -> "Listening":
        self._doorbell._add(self._agencies, self)
        return self

    def __exit__(self, *_raised: object) -> None:
        self._doorbell._remove(self._agencies, self)

    def strike(self) -> None:
        """Ring this one."""
        self.heard = True
        self.end()

    def end(self) -> None:
        """Have whoever waits wait no longer."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def rung(self, *, seconds: float) -> bool:
        """Wait until rung, at most so many seconds; tells whether it was."""
        if not self.heard:
            # Thousands wait at a time: a future and a timer, where `wait_for` and an event would be a task more each.
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(seconds, self.end)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        heard, self.heard = self.heard, False
        return heard
