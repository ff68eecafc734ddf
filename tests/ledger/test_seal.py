"""Sealing: from however many processes, committed events get indices from 0 without a gap, each once, in order."""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.errors import Unavailable
from app.ids import new_id
from app.ledger.check import check
from app.ledger.events import record
from app.ledger.publish import Publisher, publish
from app.ledger.seal import seal_all, seal_batch
from app.signing.checkpoint import open_checkpoint
from app.signing.ledger_key import LedgerKey
from app.statistics.fold import fold
from app.store import checkpoints, sealing
from app.store.database import Database
from app.store.schema import MEASURES
from tests.ledger.recording import AT, STANDINGS, Log, Sending, refusal, sending, sign_in, write
from tests.ledger.sealing_process import ORIGIN
from tests.signing import rfc6962

ROOT = Path(__file__).parents[2]


class _Undone(Exception):
    """Ends a transaction."""


def _folded(rows: list[Any]) -> dict[tuple[str, ...], tuple[int, ...]]:
    return {
        tuple(key): tuple(counts.get(measure, 0) for measure in MEASURES) for key, counts in fold(rows).counts.items()
    }


def _keys(one: Sending) -> list[tuple[str, str | None, str | None]]:
    return [(event.kind.value, event.document, event.delivery) for event in one.events]


def _assert_sound(log: Log) -> None:
    assert log.positions == list(range(log.size))
    placed = {
        row.delivery: row.position for row in log.sealed if row.kind in ("delivery.available", "status.available")
    }
    assert placed == {delivery: place for delivery, place in log.places.items() if place is not None}
    assert log.figures == _folded(log.sealed)


async def test_nothing_to_seal_changes_nothing(database_url: str) -> None:
    database = Database(database_url)
    assert await seal_batch(database, now=AT) == 0
    log = await Log.of(database)
    await database.close()
    assert (log.size, log.sealed, log.figures) == (0, [], {})


async def test_batches_go_on_where_the_last_one_ended(database_url: str) -> None:
    database = Database(database_url)
    sent = [sending() for _ in range(4)]
    await write(database, *sent, events=[sign_in(), refusal(), refusal(STANDINGS[2])])
    sealed = []
    while done := await seal_batch(database, now=AT, limit=4):
        sealed.append(done)
        _assert_sound(await Log.of(database))
    log = await Log.of(database)
    found = await check(database)
    await database.close()
    assert sealed == [4, 4, 4, 3]
    assert log.unsealed == []
    assert [row.id for row in log.sealed] == sorted(row.id for row in log.sealed)
    assert found.consistent, found.divergences
    assert sum(row[MEASURES.index("received")] for row in log.figures.values()) == 8


async def test_what_another_transaction_has_not_committed_is_not_sealed(database_url: str) -> None:
    """PostgreSQL: an event written earlier and committed later comes later, and no index is kept free for it."""
    database, other = Database(database_url), Database(database_url)
    early, late = sign_in(), sign_in()
    if database.dialect == "sqlite":
        # One writer at a time: there is no other transaction that could be open.
        await write(database, events=[late])
        await seal_all(database, now=AT)
        await write(database, events=[early])
    else:
        async with other.write() as tx:
            await record(tx, [early])
            await write(database, events=[late])
            assert await seal_all(database, now=AT) == 1
    assert await seal_all(other, now=AT) == 1
    log = await Log.of(database)
    await database.close()
    await other.close()
    assert [row.id for row in log.sealed] == [late.id, early.id]


def _made(*, seconds_later: int) -> str:
    value = UUID(new_id()).int
    return str(UUID(int=value + (seconds_later * 1_000 << 80)))


async def test_a_clock_that_is_behind_does_not_put_an_effect_before_its_cause(database_url: str) -> None:
    """Ids carry the time of the machine that made them; of two nodes, one is a minute behind, and answers the other."""
    ahead, behind = Database(database_url), Database(database_url)
    effects = [sign_in() for _ in range(3)]
    cause = replace(refusal(), id=_made(seconds_later=60))
    first, second = sending(), sending(STANDINGS[1])
    await write(ahead, first, events=[cause])
    await write(behind, events=effects)
    await write(behind, second)
    await seal_all(ahead, now=AT)
    log = await Log.of(ahead)
    found = await check(behind)
    await ahead.close()
    await behind.close()
    _assert_sound(log)
    kinds = [row.kind for row in log.sealed]
    assert kinds[3:7] == ["document.refused", "token.issued", "token.issued", "token.issued"]
    documents = [row.document for row in log.sealed if row.kind == "document.accepted"]
    assert documents == [first.document["id"], second.document["id"]]
    assert [row.id for row in log.sealed] == sorted(row.id for row in log.sealed)
    assert found.consistent, found.divergences


async def test_many_writers_and_sealers_leave_no_gap_and_no_double(database_url: str) -> None:
    dice = random.Random(8)
    committed: list[tuple[float, float, Sending]] = []
    undone: list[Sending] = []
    working = asyncio.Event()

    async def write_some(number: int) -> None:
        database = Database(database_url)
        for turn in range(12):
            one = sending(STANDINGS[number % 5], STANDINGS[: 1 + turn % 3], paper=turn % 2 == 0)
            begun = time.monotonic()
            with suppress(_Undone):
                async with database.write() as tx:
                    await one.write(tx)
                    await asyncio.sleep(dice.random() / 500)
                    if dice.random() < 0.2:
                        undone.append(one)
                        raise _Undone
                committed.append((begun, time.monotonic(), one))
        await database.close()

    async def seal_on() -> None:
        database = Database(database_url)
        while not working.is_set() or await seal_batch(database, now=AT, limit=7):
            await seal_batch(database, now=AT, limit=7)
            await asyncio.sleep(dice.random() / 200)
        await database.close()

    async with asyncio.TaskGroup() as sealers:
        for _ in range(3):
            sealers.create_task(seal_on())
        async with asyncio.TaskGroup() as writers:
            for number in range(5):
                writers.create_task(write_some(number))
        working.set()

    database = Database(database_url)
    log = await Log.of(database)
    found = await check(database)
    await database.close()
    _assert_sound(log)
    assert log.unsealed == []
    told = [(row.kind, row.document, row.delivery) for row in log.sealed]
    assert Counter(told) == Counter(key for *_, one in committed for key in _keys(one))
    assert undone
    assert found.consistent, found.divergences
    index = {key: position for position, key in enumerate(told)}
    for _, ended, first in committed:
        for begun, _, second in committed:
            if ended < begun:
                assert max(index[key] for key in _keys(first)) < min(index[key] for key in _keys(second))


async def test_processes_that_sleep_and_are_killed_leave_one_tree(database_url: str, tmp_path: Path) -> None:
    """Two processes write, seal and sign. On PostgreSQL, where nobody else is held up by it, one is stopped until the
    other has its lease, and goes on; then it is killed in the midst of it, and the other ends in order.
    """
    keys, database = tmp_path / "keys", Database(database_url)
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.ledger.sealing_process", database_url, str(keys), f"process-{number}",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ},
        )
        for number in range(2)
    ]  # fmt: skip
    told: list[list[str]] = [[], []]

    async def listen(number: int) -> None:
        output = processes[number].stdout
        assert output is not None
        while line := await output.readline():
            told[number] += line.decode().split()

    async def reaches(holds: Callable[[], Awaitable[bool]]) -> None:
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)

    async def each_has_told(count: int) -> bool:
        return min(map(len, told)) >= count

    async def taken_over(*, by: str) -> bool:
        async with database.read() as tx:
            return ((await sealing.state(tx)).sealer or "").startswith(by)

    listening = [asyncio.create_task(listen(number)) for number in range(2)]
    async with asyncio.timeout(100):
        await reaches(partial(each_has_told, 4))
        if database.dialect == "postgresql":
            # Whoever has the lease keeps it while it works: either may be the one that sleeps.
            await reaches(partial(taken_over, by="process-"))
            sleeper = 0 if await taken_over(by="process-0") else 1
            processes[sleeper].send_signal(signal.SIGSTOP)
            await reaches(partial(taken_over, by=f"process-{1 - sleeper}"))
            processes[sleeper].send_signal(signal.SIGCONT)
        await reaches(partial(each_has_told, len(told[0]) + 4))
        processes[0].kill()
        standard_input = processes[1].stdin
        assert standard_input is not None
        standard_input.close()
        await asyncio.gather(*(process.wait() for process in processes), *listening)
    assert processes[1].returncode == 0

    await seal_all(database, now=AT)
    await publish(Publisher(database, LedgerKey.open(keys), ORIGIN), now=AT)
    log = await Log.of(database)
    found = await check(database)
    async with database.read() as tx:
        row = await checkpoints.latest(tx)
    await database.close()
    _assert_sound(log)
    index = {row.document: row.position for row in log.sealed if row.kind == "document.accepted"}
    # What a process said it had committed is in the log, in the order it said it; the killed one may have said less.
    for ids in told:
        assert [index[each] for each in ids] == sorted(index[each] for each in ids)
    assert found.consistent, found.divergences
    reference = rfc6962.Tree([rfc6962.leaf(row.body.encode()) for row in log.sealed])
    assert row is not None
    opened, _ = open_checkpoint(row.note, log=LedgerKey.open(keys).verifiers(ORIGIN))
    assert (opened.size, opened.root) == (log.size, reference.mth(0, log.size))


_FUNCTION = """CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'no figures today'; END $$"""
_BREAKING = {
    "sqlite": ("CREATE TRIGGER broken BEFORE INSERT ON figures BEGIN SELECT RAISE(ABORT, 'no figures today'); END",),
    "postgresql": (
        _FUNCTION,
        "CREATE TRIGGER broken BEFORE INSERT ON figures FOR EACH ROW EXECUTE FUNCTION broken()",
    ),
}
_MENDING = {"sqlite": ("DROP TRIGGER broken",), "postgresql": ("DROP TRIGGER broken ON figures",)}


async def _execute(database: Database, statements: tuple[str, ...]) -> None:
    async with database.write() as tx:
        for statement in statements:
            await tx.execute(sa.text(statement))


async def test_a_failure_inside_leaves_no_index_no_place_and_no_figure(database_url: str) -> None:
    """The figures are written last; when that fails, what was written before it is gone as well."""
    database = Database(database_url)
    await write(database, sending(), sending())
    await _execute(database, _BREAKING[database.dialect])
    with pytest.raises((sa.exc.DBAPIError, Unavailable)):
        await seal_batch(database, now=AT)
    log = await Log.of(database)
    assert (log.size, log.sealed, log.figures) == (0, [], {})
    assert set(log.places.values()) == {None}
    await _execute(database, _MENDING[database.dialect])
    assert await seal_batch(database, now=AT) == 6
    _assert_sound(await Log.of(database))
    await database.close()


async def test_a_sealer_that_is_cancelled_leaves_a_sound_log(database_url: str) -> None:
    database = Database(database_url)
    await write(database, *(sending() for _ in range(40)))
    for pause in range(30):
        sealing = asyncio.create_task(seal_batch(database, now=AT, limit=9))
        await asyncio.sleep(pause / 4_000)
        sealing.cancel()
        with suppress(asyncio.CancelledError):
            await sealing
    _assert_sound(await Log.of(database))
    await seal_all(database, now=AT)
    log = await Log.of(database)
    await database.close()
    _assert_sound(log)
    assert log.size == 120
