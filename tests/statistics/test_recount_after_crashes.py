"""Whatever dies at whatever statement, a recount gives the live figures: random traffic by a known seed."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.ids import new_id
from app.ledger.check import recount
from app.ledger.closed_check import check_closed_months
from app.ledger.closing import Closing, close_due
from app.ledger.divergence import CheckReport
from app.ledger.events import Event, EventKind
from app.ledger.publish import Publisher
from app.ledger.seal import seal_all, seal_batch
from app.signing.ledger_key import LedgerKey
from app.store.blobs import BlobStore
from app.store.database import Database
from tests.ledger.recording import STANDINGS, refusal, sending, sign_in, write

NOW = datetime(2026, 11, 22, tzinfo=UTC)
STEPS = 45


class _Died(BaseException):
    """The process is gone: nothing catches this but the test."""


@pytest.fixture
async def closing(database_url: str, tmp_path: Path) -> AsyncIterator[Closing]:
    """A ledger without events, and what closes its months."""
    database = Database(database_url)
    publisher = Publisher(database, LedgerKey.open(tmp_path / "keys"), "node.test/v1/ledger")
    yield Closing(publisher, BlobStore(tmp_path), grace=timedelta(0), rest=timedelta(0))
    await database.close()


@contextmanager
def _dying_at(statement: int, *, cancelled: bool) -> Iterator[None]:
    """Let the running task die before its n-th statement, or be cancelled while it waits for it."""
    left = statement
    task = asyncio.current_task()

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0 and cancelled and task is not None:
            task.cancel()
        elif left == 0:
            raise _Died

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)


def _traffic(dice: random.Random) -> Callable[[Database], Awaitable[None]]:
    at = NOW - timedelta(days=dice.choice([0, 0, 1, 35, 70]), seconds=dice.randint(0, 10**5))
    sender, *recipients = dice.sample(STANDINGS, 3)
    one = sending(sender, recipients, at=at, paper=dice.random() < 0.5)
    fetched = Event(
        new_id(), EventKind.DELIVERY_ACKNOWLEDGED, at, "client", standing=recipients[0], document_type="cong-van",
        peer_tier=sender.tier, detail={"seconds": dice.choice([5, 5, 90_000, dice.randint(0, 10**6)])},
    )  # fmt: skip
    others = [fetched, refusal(dice.choice([None, sender]), at=at), sign_in(at=at)]
    return lambda database: write(database, one, events=dice.sample(others, dice.randint(0, 3)))


def _step(dice: random.Random, closing: Closing) -> Callable[[], Awaitable[object]]:
    database = closing.publisher.database
    match dice.choice(["write", "write", "seal", "seal", "close"]):
        case "write":
            traffic = _traffic(dice)
            return lambda: traffic(database)
        case "seal":
            limit = dice.choice([1, 3, 20])
            return lambda: seal_batch(database, now=NOW, limit=limit)
        case _:
            return lambda: close_due(closing, now=NOW)


async def test_a_recount_gives_the_live_figures_after_traffic_with_crashes(closing: Closing) -> None:
    dice = random.Random(3)
    died = 0
    for _ in range(STEPS):
        step = _step(dice, closing)
        if dice.random() < 0.5:
            await step()
            continue

        async def dying(step: Callable[[], Awaitable[object]] = step) -> None:
            with _dying_at(dice.randint(1, 14), cancelled=dice.random() < 0.5):
                await step()

        with suppress(_Died, asyncio.CancelledError):
            try:
                await asyncio.create_task(dying())
            except (_Died, asyncio.CancelledError):
                died += 1
                raise
    assert died > STEPS / 8
    await seal_all(closing.publisher.database, now=NOW)
    await close_due(closing, now=NOW)
    await seal_all(closing.publisher.database, now=NOW)
    counted = await recount(closing.publisher.database)
    assert counted.divergences == []
    assert counted.unsealed == 0
    assert counted.figures > 20
    report = CheckReport()
    async with closing.publisher.database.read() as tx:
        await check_closed_months(tx, report, closing.blobs)
    assert report.divergences == []
