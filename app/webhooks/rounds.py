"""The rounds of a process: make messages of what is new in the log, deliver what is due, sweep what is old."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog

from app.errors import Unavailable
from app.store import webhook_messages as messages
from app.webhooks.announce import BATCH_MAX, announce
from app.webhooks.courier import Courier
from app.webhooks.hooks import Hooks
from app.webhooks.schedule import WAITING_MAX

REST_SECONDS: Final = 1.0
"""Longest rest between two looks while somebody is to be told: retries fall due, other processes seal events."""
IDLE_SECONDS: Final = 2.0
"""The same while nobody is: one query for one row."""
_RETRY_SECONDS: Final = 1.0
_SWEPT_AT_ONCE: Final = 1_000
_COUNTED_MAX: Final = 10_000
_COUNT_SECONDS: Final = 10.0
"""How often it is counted what waits; for a figure that people look at, not for the work."""

_log = structlog.get_logger("truc.webhooks")


async def run(hooks: Hooks, *, now: Callable[[], datetime]) -> None:
    """Go on until cancelled; a database that does not answer is waited for."""
    courier = Courier(hooks)
    try:
        while True:
            hooks.nudged.clear()
            try:
                read = await announce(hooks, at=now())
                listened_to = read is not None or bool(courier.under_way)
                moved = await courier.turn(at=now()) if listened_to else False
            except Unavailable:
                _log.warning("webhooks.database_unavailable")
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if read == BATCH_MAX or (moved and not courier.under_way):
                continue
            await _rest(hooks, courier, seconds=REST_SECONDS if listened_to else IDLE_SECONDS)
    finally:
        await courier.stop()


async def count(hooks: Hooks) -> None:
    """Go on counting what waits, for `/metrics`, until cancelled."""
    while True:
        with suppress(Unavailable):
            async with hooks.database.read() as tx:
                hooks.figures.waiting(await messages.backlog(tx, most=_COUNTED_MAX))
        await asyncio.sleep(_COUNT_SECONDS)


async def sweep(hooks: Hooks, *, at: datetime) -> int:
    """Give up what waits too long, and remove what was settled long ago; returns how many were removed.

    Raises:
        Unavailable: the database does not answer.
    """
    async with hooks.database.write() as tx:
        await messages.give_up_waiting(tx, since=at - WAITING_MAX)
    removed = 0
    while True:
        # Few at once: others write in between.
        async with hooks.database.write() as tx:
            before = at - timedelta(days=hooks.policy.retention_days)
            some = await messages.forget(tx, before=before, limit=_SWEPT_AT_ONCE)
        removed += some
        if some < _SWEPT_AT_ONCE:
            return removed


async def _rest(hooks: Hooks, courier: Courier, *, seconds: float) -> None:
    nudge = asyncio.create_task(hooks.nudged.wait())
    try:
        await asyncio.wait({nudge, *courier.under_way}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        nudge.cancel()
