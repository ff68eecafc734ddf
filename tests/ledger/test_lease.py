"""One sealer at a time: the lease, what becomes of one that was stolen, and of a sealer that hangs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from app.errors import Unavailable
from app.ledger import lease as leases
from app.ledger.lease import LEASE, Lease, LeaseLost
from app.ledger.publish import Publisher
from app.ledger.seal import seal_batch
from app.ledger.sealer import Sealer
from app.signing.ledger_key import LedgerKey
from app.store import sealing
from app.store.database import Database, Transaction
from tests.ledger.recording import AT, Log, sending, sign_in, write

LATER = AT + LEASE + timedelta(milliseconds=1)


async def _taken(database: Database, sealer: str, *, now: datetime = AT) -> Lease:
    taken = await leases.take(database, sealer, now=now)
    assert taken is not None
    return taken


async def test_it_is_one_process_s_until_it_ends_or_is_given_back(database_url: str) -> None:
    database = Database(database_url)
    first = await _taken(database, "one")
    assert (first.epoch, first.until) == (1, AT + LEASE)
    assert await leases.take(database, "other", now=AT + LEASE / 2) is None
    renewed = await _taken(database, "one", now=AT + LEASE / 2)
    assert (renewed.epoch, renewed.until) == (1, AT + LEASE * 3 / 2)
    assert await leases.take(database, "other", now=LATER) is None
    other = await _taken(database, "other", now=AT + LEASE * 2)
    assert other.epoch == 2
    # Whose it is no more cannot give it back.
    await leases.give_back(database, renewed)
    assert await leases.take(database, "one", now=AT + LEASE * 2) is None
    await leases.give_back(database, other)
    assert (await _taken(database, "one", now=AT + LEASE * 2)).epoch == 3
    await database.close()


async def test_who_lost_it_while_asleep_seals_nothing(database_url: str) -> None:
    database = Database(database_url)
    mine = await _taken(database, "one")
    await write(database, events=[sign_in() for _ in range(3)])
    theirs = await _taken(database, "other", now=LATER)
    with pytest.raises(LeaseLost):
        await seal_batch(database, now=LATER, lease=mine)
    assert (await Log.of(database)).size == 0
    assert await seal_batch(database, now=LATER, limit=2, lease=theirs) == 2
    # Taken back by the process of before, it is another lease: what it held then is worth nothing.
    again = await _taken(database, "one", now=LATER + LEASE)
    for old in (mine, theirs):
        with pytest.raises(LeaseLost):
            await seal_batch(database, now=LATER, lease=old)
    assert await seal_batch(database, now=LATER, lease=again) == 1
    log = await Log.of(database)
    await database.close()
    assert log.positions == [0, 1, 2]


async def test_one_that_has_ended_and_nobody_wanted_still_seals(database_url: str) -> None:
    database = Database(database_url)
    mine = await _taken(database, "one")
    await write(database, events=[sign_in()])
    assert await seal_batch(database, now=LATER, lease=mine) == 1
    await database.close()


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_clock_that_is_hours_ahead_holds_nobody_up(database_url: str) -> None:
    database = Database(database_url)
    await _taken(database, "ahead", now=AT + timedelta(hours=3))
    assert (await _taken(database, "right")).epoch == 2
    await database.close()


def test_it_is_renewed_in_its_second_half_and_where_the_clock_was_set_back() -> None:
    held = Lease("one", AT, AT + LEASE, 1)
    fresh = [held.fresh(now=AT + LEASE * part / 4) for part in (-1, 0, 1, 2, 4)]
    assert fresh == [False, True, True, False, False]


@pytest.mark.parametrize("engine_name", ["postgresql"])
async def test_a_sealer_that_hangs_in_its_transaction_is_ended_and_another_goes_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine may be gone without a word: the server gives the row free, and who wakes up wrote nothing."""
    monkeypatch.setattr(sealing, "IDLE_SECONDS_MAX", 1)
    hanging, other = Database(database_url), Database(database_url)
    await write(other, events=[sign_in()])
    mine = await _taken(hanging, "one")

    async def hang() -> None:
        async with hanging.write() as tx:
            await sealing.bound(tx)
            mine.check(await sealing.state(tx, lock=True))
            theirs = await _taken(other, "other", now=LATER)
            assert await seal_batch(other, now=LATER, lease=theirs) == 1
            await sealing.state(tx)

    with pytest.raises(Unavailable):
        await hang()
    await write(other, events=[sign_in()])
    with pytest.raises(LeaseLost):
        await seal_batch(hanging, now=LATER, lease=mine)
    await hanging.close()
    await other.close()


async def _in_the_midst_of_a_statement(tx: Transaction) -> None:
    """Prepare one, which the server then waits to be told to execute: it takes nobody for silent between the two."""
    await sealing.bound(tx)
    await sealing.state(tx, lock=True)
    connection = (await tx.get_raw_connection()).driver_connection
    assert connection is not None
    await connection.prepare("SELECT 1")


async def _with_a_delivery_that_waits(tx: Transaction) -> None:
    """Hold what is to get its place, in a transaction that is none of sealing, and has no limit on silence."""
    await tx.execute(sa.text("SELECT id FROM deliveries FOR UPDATE"))


@pytest.mark.parametrize("engine_name", ["postgresql"])
@pytest.mark.parametrize("hang", [_in_the_midst_of_a_statement, _with_a_delivery_that_waits])
async def test_whoever_hangs_with_what_sealing_needs_is_ended_by_who_waited_in_vain(
    database_url: str, hang: Callable[[Transaction], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "IDLE_SECONDS_MAX", 1)
    monkeypatch.setattr(sealing, "LOCK_SECONDS_MAX", 1)
    hanging, reading, other = Database(database_url), Database(database_url), Database(database_url)
    sealer = Sealer(Publisher(other, LedgerKey.generate(), "log.example/ledger"), machine="other")
    await write(other, sending())

    async def sealed_meanwhile(now: datetime) -> None:
        async with hanging.write() as tx:
            await hang(tx)
            sealed = 0
            while not sealed:
                now += LEASE
                with suppress(Unavailable):
                    sealed = await sealer.seal(now=now)
            await sealing.state(tx)

    async with reading.read() as held_open:
        assert (await sealing.state(held_open)).size == 0
        async with asyncio.timeout(60):
            with pytest.raises(Unavailable):
                await sealed_meanwhile(AT)
        # Who only reads keeps nobody waiting and is let be, however long it is silent.
        assert (await sealing.state(held_open)).size == 0
    await write(hanging, events=[sign_in()])
    assert await sealer.seal(now=AT + timedelta(hours=1)) == 1
    for each in (hanging, reading, other):
        await each.close()


@pytest.mark.parametrize("engine_name", ["postgresql"])
async def test_nobody_waits_for_ever_for_the_row(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "LOCK_SECONDS_MAX", 1)
    database, other = Database(database_url), Database(database_url)
    await write(database, events=[sign_in()])
    async with other.write() as tx:
        await tx.execute(sa.text("SELECT size FROM ledger_state FOR UPDATE"))
        with pytest.raises(Unavailable):
            await asyncio.wait_for(seal_batch(database, now=AT), 30)
    assert await seal_batch(database, now=AT) == 1
    await database.close()
    await other.close()
