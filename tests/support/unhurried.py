"""A node that seals what several requests left in one go: what it costs to seal behind each is a test by itself."""

import asyncio
from collections.abc import Sequence

from app.exchange.doorbell import Doorbell, Listening
from tests.support.node import RunningNode

TOGETHER_SECONDS = 0.5
"""What was committed within this time is sealed together, where nobody asks for it."""

REST_SECONDS = 3.0
"""When a resting node looks for what was committed without telling it. The least a node may be told is a second; an
idle one spends a fiftieth of a processor on looking, and there are a dozen of them through most of a run.
"""


class _Nudged(asyncio.Event):
    """Set at once where somebody waits for mail, else a moment later."""

    def __init__(self, bell: Doorbell) -> None:
        super().__init__()
        self._bell = bell
        self._due: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """Be told that something was committed."""
        if self._bell._waiting:
            self._now()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(TOGETHER_SECONDS, self._now)

    def hurry(self) -> None:
        """Wait no longer where there is something."""
        if self._due is not None:
            self._now()

    def _now(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        super().set()


def resting(running: RunningNode) -> RunningNode:
    """Let the node look seldom for what it was not told of; what it is told of is sealed at once as ever."""
    running.node.settings.__dict__["seal_interval_seconds"] = REST_SECONDS
    return running


def unhurried(running: RunningNode) -> RunningNode:
    """Let the node seal at once only where somebody looks for mail, or when a test says so; else a little later."""

    async def slowed(_node: object) -> None:
        bell = running.node.desk.doorbell
        listen, nudged = bell.listen, _Nudged(bell)

        def hurried(agencies: Sequence[str]) -> Listening:
            nudged.hurry()
            return listen(agencies)

        # Whoever waits on the earlier one does so until it is set.
        before, bell.nudged = bell.nudged, nudged
        bell.listen = hurried  # type: ignore[method-assign]
        before.set()

    running.run(slowed)
    return resting(running)
