"""Lines that say how far a long command has come, how fast it goes and how long it will take."""

import sys
import time
from collections.abc import Callable

_EVERY_SECONDS = 2.0


class Pace:
    """Takes what a check tells its progress to, and says it now and then on standard error."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._step = ""
        self._began = self._said = 0.0
        self._first = 0

    def __call__(self, step: str, done: int, total: int) -> None:
        """Take a step, how many are done, and of how many."""
        now = self._clock()
        if step != self._step:
            # What was done before this run, or before this call, says nothing of the pace.
            self._step, self._began, self._first, self._said = step, now, done, now - _EVERY_SECONDS
        if now - self._said < _EVERY_SECONDS and done < total:
            return
        self._said = now
        print(self.line(step, done, total, now - self._began), file=sys.stderr)

    def line(self, step: str, done: int, total: int, seconds: float) -> str:
        """Say it in words."""
        share = f" ({100 * done // total} %)" if total else ""
        rate = (done - self._first) / seconds if seconds > 0 else 0.0
        left = f", {max(total - done, 0) / rate:.0f} s left" if rate else ""
        return f"{step}: {done:,} of {total:,}{share}, {rate:,.0f}/s{left}"
