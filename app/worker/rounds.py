"""Work that is done again and again, and waits for a database that does not answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from app.errors import Unavailable

FIRST_SECONDS: Final = 2.0
"""When a round is done first, unless it says otherwise: a node that starts answers and seals before it looks for work
that has waited since it was stopped.
"""

_log = structlog.get_logger("truc.worker")


@dataclass(frozen=True, slots=True)
class Round:
    """One kind of such work.

    Attributes:
        name: what was postponed, in the log.
        work: does it once; True where there may be more to do at once.
        rest: seconds between two times.
        first: seconds before the first time; with a shorter rest, that.
    """

    name: str
    work: Callable[[], Awaitable[bool]]
    rest: float
    first: float = FIRST_SECONDS


async def repeat(turn: Round) -> None:
    """Do it until cancelled."""
    await asyncio.sleep(min(turn.first, turn.rest))
    while True:
        try:
            more = await turn.work()
        except Unavailable:
            _log.warning(f"worker.{turn.name}_postponed")
            more = False
        if not more:
            await asyncio.sleep(turn.rest)
