"""Many writers, several who seal, and readers of an inbox that miss nothing and see nothing twice.

TRUC_RACE_DOCUMENTS says how many documents each writer sends; the few of the suite take seconds.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from app.errors import Unavailable
from app.exchange import inbox
from app.exchange.desk import Desk
from app.exchange.doorbell import Doorbell
from app.exchange.following import ring_new
from app.exchange.inbox import InboxQuery
from app.ledger.seal import seal_batch
from app.store import deliveries
from app.store.database import Database
from tests.ledger.recording import AT, STANDINGS, sending
from tests.support.office import Exchange

pytestmark = pytest.mark.timeout(120 + 2 * int(os.environ.get("TRUC_RACE_DOCUMENTS", "0")))
WRITERS = 6
EACH = int(os.environ.get("TRUC_RACE_DOCUMENTS", "6"))
RECIPIENTS = STANDINGS[2:4]
HERE = RECIPIENTS[0].agency


async def test_readers_that_follow_a_cursor_or_their_bells_miss_and_double_nothing(
    shared: Exchange, database_url: str
) -> None:
    """Each of them with connections of its own, as processes have; batches of three, so that there are many."""
    written = asyncio.Event()
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(_database(database_url)) for _ in range(WRITERS + 5)]
        sealers, own, other, followed, *writers = opened
        desk = replace(shared.running.node.desk, database=followed, doorbell=Doorbell())
        # Whoever misses a row looks for it for ever.
        async with asyncio.timeout(100 + 2 * EACH), asyncio.TaskGroup() as group:
            readers = [
                group.create_task(_behind_cursor(own, written, glancing=False)),
                group.create_task(_behind_cursor(other, written, glancing=True)),
                group.create_task(_by_bell(desk, written)),
            ]
            sealing = [group.create_task(_seal(each)) for each in (sealers, writers.pop())]
            following = group.create_task(_follow(desk))
            lots = await asyncio.gather(*(_write(each, seed) for seed, each in enumerate(writers)))
            written.set()
            seen = [await each for each in readers]
            for task in (*sealing, following):
                task.cancel()
    sent = sorted(document for lot in lots for document in lot)
    assert len(sent) == WRITERS * EACH
    for found in seen:
        assert sorted(found) == sent
    # The two that follow a cursor have also seen the same order.
    assert seen[0] == seen[1]


@asynccontextmanager
async def _database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


async def _write(database: Database, seed: int) -> list[str]:
    """Send documents in transactions that last differently long, so that they end in another order than they began."""
    rng, sent = random.Random(seed), []
    for _ in range(EACH):
        made = sending(recipients=RECIPIENTS)
        async with database.write() as tx:
            await made.write(tx)
            await asyncio.sleep(rng.random() / 100)
        sent.append(str(made.document["id"]))
    return sent


async def _seal(database: Database) -> None:
    while True:
        try:
            await seal_batch(database, now=AT, limit=3)
        except Unavailable:
            # Two who seal wait for one row no longer than they may.
            continue
        await asyncio.sleep(0.001)


async def _follow(desk: Desk) -> None:
    seen = -1
    while True:
        seen = await ring_new(desk.database, desk.doorbell, after=seen)
        await asyncio.sleep(0.005)


async def _behind_cursor(database: Database, written: asyncio.Event, *, glancing: bool) -> list[str]:
    seen: list[str] = []
    after: tuple[int, int] | None = None
    while not written.is_set() or len(seen) < WRITERS * EACH:
        async with database.glance() if glancing else database.read() as tx:
            rows = await deliveries.inbox(tx, [HERE], kind=None, by_urgency=False, after=after, limit=2)
        seen += [row.id for row in rows]
        if rows:
            after = (rows[-1].delivery_priority, rows[-1].position)
        await asyncio.sleep(0.001)
    return seen


async def _by_bell(desk: Desk, written: asyncio.Event) -> list[str]:
    """Wait for what is behind the last one seen, as long polls do; nothing but a bell ends the wait in time."""
    seen: list[str] = []
    after: tuple[int, int] | None = None
    while not written.is_set() or len(seen) < WRITERS * EACH:
        rows = await inbox.look(desk, InboxQuery((HERE,), after=after, limit=2), wait_seconds=300)
        seen += [row.id for row in rows]
        after = (rows[-1].delivery_priority, rows[-1].position)
    return seen
