"""The ledger's share of the work: events get their place, whoever waits for them wakes, and the tree is signed."""

import asyncio
import time
from contextlib import suppress

import structlog

from app.errors import DataFault, Unavailable
from app.exchange import finding
from app.exchange.following import ring_new
from app.ledger import publish as publishing
from app.ledger.seal import BATCH_MAX
from app.ledger.sealer import Sealer
from app.node import Node
from app.routers import clock
from app.store import journal
from app.worker.rounds import FIRST_SECONDS

CHECKPOINT_SECONDS = 0.5
"""Least time between two checkpoints: with the sealer's rest, what is committed is signed within a second."""

MISSED_SECONDS = 2.0
"""How often it is looked whether something is to be signed or made findable that nobody told of: what failed before."""

DOUBT_SECONDS = 30.0
"""How often it is looked whether the ledger continues what was signed, also where there is nothing to publish."""

FINDING_SECONDS = 1.0
"""How often it is looked whether the ledger has grown by what it is searched by."""

_RETRY_SECONDS = 1.0
_REST_TIMES = 4
"""Times as long as sealing took, so that it takes a fifth of the time at most."""
_REST_SECONDS_MAX = 0.25
"""With the checkpoint's half second and the sealing itself: within the second."""

_log = structlog.get_logger("truc.worker")


class Longer:
    """Wakes who has to do with what is sealed when the ledger got longer, whoever of the processes sealed it."""

    def __init__(self) -> None:
        self.unrung = asyncio.Event()
        self.unsigned = asyncio.Event()
        self.unfound = asyncio.Event()

    def tell(self) -> None:
        """Wake them."""
        self.unsigned.set()
        self.unfound.set()


async def seal(node: Node, sealer: Sealer, longer: Longer) -> None:
    """Go on sealing what anybody commits."""
    bell = node.desk.doorbell
    while True:
        bell.nudged.clear()
        began = time.monotonic()
        try:
            sealed = await sealer.seal(now=clock.now())
        except Unavailable:
            _log.warning("worker.database_unavailable")
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        if sealed:
            longer.unrung.set()
        if sealed < BATCH_MAX:
            if bell.nudged.is_set():
                await asyncio.sleep(rest_after(time.monotonic() - began))
            await told(bell.nudged, seconds=node.settings.seal_interval_seconds)


def rest_after(seconds: float) -> float:
    """Return how long to let events gather when more came while a batch was sealed, in so many seconds.

    A batch of a few events costs nearly as much as one of a hundred: without a rest a busy node would spend a processor
    on sealing them one by one. Who comes while nothing else does is sealed at once.
    """
    return min(_REST_TIMES * seconds, _REST_SECONDS_MAX)


async def ring(node: Node, longer: Longer) -> None:
    """Go on waking those of this process who wait for what anybody seals.

    Apart from sealing, which may wait for locks and disks: as long as this looks, polls in vain cost no query.
    """
    seen: int | None = None
    while True:
        longer.unrung.clear()
        try:
            if seen is None:
                async with node.database.read() as tx:
                    seen = await journal.size(tx) - 1
            before, seen = seen, await ring_new(node.database, node.desk.doorbell, after=seen)
        except Unavailable:
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        if seen != before:
            node.hooks.nudged.set()
            longer.tell()
        await told(longer.unrung, seconds=node.settings.seal_interval_seconds)


async def publish(sealer: Sealer, longer: Longer) -> None:
    """Go on signing what is sealed."""
    await asyncio.sleep(CHECKPOINT_SECONDS)
    while True:
        try:
            await sealer.publish(now=clock.now())
        except Unavailable:
            _log.warning("worker.publishing_postponed")
        except DataFault:
            # Sealing goes on, and mail with it; `watch` and /readyz say why nothing is signed any more.
            _log.debug("worker.publishing_refused")
        await asyncio.sleep(CHECKPOINT_SECONDS)
        await _awaited(longer.unsigned)


async def make_findable(node: Node, longer: Longer) -> None:
    """Go on entering what is sealed into what the ledger is searched by."""
    while True:
        await asyncio.sleep(FINDING_SECONDS)
        await _awaited(longer.unfound)
        try:
            await finding.catch_up(node.database)
        except Unavailable:
            _log.warning("worker.finding_postponed")


async def watch(node: Node) -> None:
    """Go on looking whether the ledger continues what was signed, and say so in the log where that changes."""
    told: str | None = None
    await asyncio.sleep(FIRST_SECONDS)
    while True:
        try:
            reason = await publishing.doubt(node.publisher)
        except DataFault as error:
            reason = error.detail
        except Unavailable:
            reason = told
        if reason != told:
            told = reason
            if reason is None:
                _log.info("worker.ledger_continues")
            else:
                _log.error("worker.ledger_not_continued", reason=reason)
        await asyncio.sleep(DOUBT_SECONDS)


async def _awaited(longer: asyncio.Event) -> None:
    """Wait until the ledger got longer, or for as long as somebody may have missed that."""
    await told(longer, seconds=MISSED_SECONDS)
    longer.clear()


async def told(event: asyncio.Event, *, seconds: float) -> None:
    """Wait for an event, or for so long; ends when it is cancelled, also in the moment of the event.

    `asyncio.wait_for` of Python 3.11 would then forget that it was cancelled, and the node would never stop.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
