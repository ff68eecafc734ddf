"""Who moves the clock of the node that is played with, as the simulation sees it."""

from datetime import datetime
from typing import Protocol


class Steering(Protocol):
    """The clock of a node. It stands still between two stops: all that is done at a stop happens at that moment."""

    @property
    def now(self) -> datetime:
        """The moment the clock shows, UTC."""

    async def stop_at(self, moment: datetime) -> None:
        """Move the clock on; returns when the node has done what it does by itself at that moment."""

    async def quiet(self) -> None:
        """Wait until all that was accepted is in the log, in the inboxes and in the figures."""
