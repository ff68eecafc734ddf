"""Sealing and publishing by processes that die: at every step there is one tree, without a gap, and it goes on."""

import asyncio
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.errors import Unavailable
from app.ledger import proofs
from app.ledger.events import Event, record
from app.ledger.lease import LEASE
from app.ledger.publish import Publisher, doubt, publish
from app.ledger.seal import seal_all, seal_batch
from app.ledger.sealer import Sealer
from app.signing.checkpoint import open_checkpoint
from app.signing.ledger_key import LedgerKey
from app.signing.signed_trees import SignedTree, SignedTrees
from app.store import checkpoints
from app.store.database import Database
from tests.ledger.dying import Died, DyingDatabase, Steps, dying_key
from tests.ledger.recording import AT, Log, sending, sign_in, write
from tests.signing import rfc6962

ORIGIN = "log.example/ledger"
_numbers = itertools.count()
STEPS_MAX = 40
"""More than sealing or publishing takes."""


async def _assert_one_tree(database: Database, keys: Path) -> None:
    """Hold roots, checkpoint and memory against a tree that is built anew from the bodies."""
    log = await Log.of(database)
    assert log.positions == list(range(log.size))
    reference = rfc6962.Tree([rfc6962.leaf(row.body.encode()) for row in log.sealed])
    async with database.read() as tx:
        assert await proofs.root(tx, log.size) == reference.mth(0, log.size)
        row = await checkpoints.latest(tx)
    signed = SignedTrees(keys).read().get(ORIGIN)
    if row is not None:
        opened, _ = open_checkpoint(row.note, log=LedgerKey.open(keys).verifiers(ORIGIN))
        assert (opened.size, opened.root) == (row.size, reference.mth(0, row.size))
        # Nobody sees a checkpoint that the key does not remember.
        assert signed is not None
        assert signed.size >= row.size
    if signed is not None:
        assert signed.root == reference.mth(0, signed.size)


async def test_a_sealer_that_dies_at_any_step_leaves_all_of_a_batch_or_nothing(
    database_url: str, tmp_path: Path
) -> None:
    database = Database(database_url)
    await write(database, *(sending() for _ in range(STEPS_MAX)))
    # The first batch has no tiles to read yet.
    sealed, ends = await seal_batch(database, now=AT, limit=3), []
    for last in range(1, STEPS_MAX):
        steps = Steps(last)
        try:
            await seal_batch(DyingDatabase(database, steps), now=AT, limit=3)
        except Died:
            ends.append((await Log.of(database)).size - sealed)
        else:
            break
        sealed += ends[-1]
        await _assert_one_tree(database, tmp_path / "keys")
    else:
        raise AssertionError("it seals without end")
    # Nothing at any statement nor before the commit; all of it behind the commit, though the process knows nothing.
    assert ends == [0] * (len(ends) - 1) + [3]
    assert len(ends) > 8
    await seal_all(database, now=AT)
    await _assert_one_tree(database, tmp_path / "keys")
    await database.close()


async def test_a_publisher_that_dies_at_any_step_has_signed_one_tree(database_url: str, tmp_path: Path) -> None:
    database, keys = Database(database_url), tmp_path / "keys"
    seen: list[tuple[int | None, int | None]] = []
    for last in range(1, STEPS_MAX):
        await write(database, events=[sign_in()])
        await seal_all(database, now=AT)
        steps = Steps(last)
        key, _ = dying_key(keys, steps)
        publisher = Publisher(DyingDatabase(database, steps), key, ORIGIN)
        size, died = (await Log.of(database)).size, False
        try:
            await publish(publisher, now=AT)
        except Died:
            died = True
        async with database.read() as tx:
            row = await checkpoints.latest(tx)
        signed = SignedTrees(keys).read().get(ORIGIN)
        seen.append((signed.size - size if signed else None, row.size - size if row else None))
        await _assert_one_tree(database, keys)
        if not died:
            break
        assert await doubt(Publisher(database, LedgerKey.open(keys), ORIGIN)) is None
    else:
        raise AssertionError("it publishes without end")
    # Before it is put down: nothing. From then on the key remembers, and only the commit shows it to anybody.
    assert seen[0] == (None, None)
    assert set(seen[1:-2]) == {(0, None)}
    assert seen[-2:] == [(0, 0), (0, 0)]
    await database.close()


@contextmanager
def _dying_at(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Die at what is done to files."""
    with monkeypatch.context() as patched:
        for owner, name in ((os, "fsync"), (Path, "replace")):
            real = getattr(owner, name)

            def stepping(*given: Any, real: Any = real, **named: Any) -> Any:
                steps.take()
                return real(*given, **named)

            patched.setattr(owner, name, stepping)
        yield


def test_what_was_signed_is_never_half_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draft synced, renamed, folder synced: dying before any of them leaves the older tree or the newer."""
    trees = SignedTrees(tmp_path)
    before = SignedTree(1, bytes(32))
    assert trees.advance(ORIGIN, seen=None, to=before)
    left = []
    for last in range(1, 5):
        seen = trees.read()[ORIGIN]
        to = SignedTree(seen.size + 1, bytes([last]) * 32)
        with _dying_at(Steps(last), monkeypatch), suppress(Died):
            trees.advance(ORIGIN, seen=seen, to=to)
        left.append(trees.read()[ORIGIN] == to)
    assert left == [False, False, True, True]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ledger-signed.json", "ledger-signed.lock"]
    assert (tmp_path / "ledger-signed.json").stat().st_mode & 0o777 == 0o600


def test_two_processes_cannot_both_go_on_from_one_tree(tmp_path: Path) -> None:
    one, other = SignedTrees(tmp_path), SignedTrees(tmp_path)
    first, left, right = (SignedTree(size, bytes([size]) * 32) for size in (1, 2, 3))
    assert one.advance(ORIGIN, seen=None, to=first)
    assert not other.advance(ORIGIN, seen=None, to=right)
    assert one.advance(ORIGIN, seen=first, to=left)
    assert not other.advance(ORIGIN, seen=first, to=right)
    assert not one.advance(ORIGIN, seen=left, to=first), "never back"
    assert other.advance(ORIGIN, seen=left, to=right)
    assert one.read() == {ORIGIN: right}


def test_a_disk_that_takes_nothing_is_for_another_time(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        SignedTrees(tmp_path / "nowhere").advance(ORIGIN, seen=None, to=SignedTree(1, bytes(32)))


class _Ledger(RuleBasedStateMachine):
    """Two processes that record, undo, seal, publish, sleep, die and start again, beside a list of what must be."""

    migrated: Path
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        name = f"ledger-{next(_numbers)}"
        path = self.folder / f"{name}.sqlite"
        shutil.copyfile(self.migrated, path)
        self.keys = self.folder / name
        self.runner = asyncio.Runner()
        self.database = Database(f"sqlite:///{path}")
        self.waiting: list[str] = []
        self.sealed: list[str] = []
        self.at = AT
        self.steps = [Steps(), Steps()]
        self.processes = [self.started(number) for number in range(2)]

    def started(self, number: int) -> Sealer:
        steps = self.steps[number] = Steps()
        key, _ = dying_key(self.keys, steps)
        return Sealer(Publisher(DyingDatabase(self.database, steps), key, ORIGIN), machine=f"process-{number}")

    @rule(sent=st.integers(0, 2), signed_in=st.integers(0, 2))
    def commit(self, sent: int, signed_in: int) -> None:
        written = [sending() for _ in range(sent)]
        events = [sign_in() for _ in range(signed_in)]
        self.runner.run(write(self.database, *written, events=events))
        self.waiting += [event.id for each in written for event in each.events] + [event.id for event in events]

    @rule(number=st.integers(1, 3))
    def undo(self, number: int) -> None:
        async def begin(events: list[Event]) -> None:
            async with self.database.write() as tx:
                await record(tx, events)
                raise Died

        with suppress(Died):
            self.runner.run(begin([sign_in() for _ in range(number)]))

    @rule(number=st.integers(0, 1), limit=st.integers(1, 5), last=st.integers(0, 14))
    def seal(self, number: int, limit: int, last: int) -> None:
        died = self._dying(number, last, self.processes[number].seal(now=self.at, limit=limit))
        size = self.runner.run(Log.of(self.database)).size - len(self.sealed)
        # All of a batch, or nothing: of a process that died, or that has not the lease.
        assert size in (0, min(limit, len(self.waiting)))
        self.sealed, self.waiting = self.sealed + self.waiting[:size], self.waiting[size:]
        if died:
            self.processes[number] = self.started(number)

    @rule(number=st.integers(0, 1), last=st.integers(0, 14))
    def publish(self, number: int, last: int) -> None:
        if self._dying(number, last, self.processes[number].publish(now=self.at)):
            self.processes[number] = self.started(number)

    @rule(part=st.integers(1, 6))
    def sleep(self, part: int) -> None:
        self.at += LEASE * part / 4 + timedelta(microseconds=1)

    @rule(number=st.integers(0, 1))
    def stop_in_order(self, number: int) -> None:
        self.runner.run(self.processes[number].give_back())
        self.processes[number] = self.started(number)

    def _dying(self, number: int, last: int, work: Any) -> bool:
        steps = self.steps[number]
        steps.last, steps.done = last, 0
        try:
            self.runner.run(work)
        except Died:
            return True
        finally:
            steps.last = 0
        return False

    @invariant()
    def is_one_tree_of_what_the_list_says(self) -> None:
        log = self.runner.run(Log.of(self.database))
        assert [row.id for row in log.sealed] == self.sealed
        assert log.unsealed == self.waiting
        self.runner.run(_assert_one_tree(self.database, self.keys))

    def teardown(self) -> None:
        self.at += LEASE * 2
        live = self.started(0)
        self.runner.run(live.seal(now=self.at))
        self.runner.run(live.publish(now=self.at))
        self.waiting, self.sealed = [], self.sealed + self.waiting
        self.is_one_tree_of_what_the_list_says()
        self.runner.run(self.database.close())
        self.runner.close()


def test_any_course_of_two_processes_that_die_at_any_step_is_as_the_model_says(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    machine = type("_LedgerHere", (_Ledger,), {"migrated": migrated_sqlite, "folder": tmp_path})
    run_state_machine_as_test(machine, settings=settings(max_examples=6, stateful_step_count=14, deadline=None))
