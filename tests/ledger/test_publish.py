"""Publishing: what is sealed is signed, and what does not continue what was signed is not."""

import json
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.errors import DataFault, RequestInvalid
from app.ledger.lease import LEASE, LeaseLost
from app.ledger.lease import take as take_lease
from app.ledger.publish import KEEP_EVERY, NotContinued, Publisher, doubt, publish
from app.ledger.rollback import accept_rollback
from app.ledger.seal import seal_all
from app.ledger.sealer import Sealer
from app.signing.checkpoint import Checkpoint, open_checkpoint
from app.signing.ledger_key import LedgerKey
from app.signing.signed_trees import FILE_NAME, SignedTree
from app.store import checkpoints
from app.store.database import Database
from app.store.schema import checkpoints as checkpoint_table
from app.store.schema import ledger_state, ledger_tiles
from tests.ledger.recording import AT, Log, detail_of, sign_in, write

ORIGIN = "log.example/ledger"


class Ledger:
    """A database, and the folder of keys beside it."""

    def __init__(self, url: str, keys: Path) -> None:
        self.url, self.keys = url, keys
        self._opened: list[Database] = []
        self.publisher = self.opened()

    def opened(self) -> Publisher:
        """What another process has: the same files, nothing in memory."""
        self._opened.append(Database(self.url))
        return Publisher(self._opened[-1], LedgerKey.open(self.keys), ORIGIN)

    async def close(self) -> None:
        for each in self._opened:
            await each.close()

    @property
    def database(self) -> Database:
        return self.publisher.database

    async def grow(self, events: int = 1) -> None:
        """Seal some events."""
        await write(self.database, events=[sign_in() for _ in range(events)])
        await seal_all(self.database, now=AT)

    async def grow_and_publish(self, events: int = 1) -> Checkpoint:
        """Seal some events and sign."""
        await self.grow(events)
        published = await publish(self.publisher, now=AT)
        assert published is not None
        return published

    async def newest(self) -> Checkpoint | None:
        """What anybody gets."""
        async with self.database.read() as tx:
            row = await checkpoints.latest(tx)
        if row is None:
            return None
        opened, _ = open_checkpoint(row.note, log=self.publisher.key.verifiers(ORIGIN))
        assert (row.size, row.root) == (opened.size, opened.root.hex())
        return opened


@pytest.fixture
async def ledger(database_url: str, tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = Ledger(database_url, tmp_path / "keys")
    yield opened
    await opened.close()


async def test_a_checkpoint_is_of_all_that_is_sealed_and_is_signed_once(ledger: Ledger) -> None:
    assert (await ledger.grow_and_publish(3)).size == 3
    assert await publish(ledger.publisher, now=AT) is None
    second = await ledger.grow_and_publish(300)
    assert second.size == 303
    assert await ledger.newest() == second
    assert ledger.publisher.key.signed.read() == {ORIGIN: SignedTree(303, second.root)}
    assert await doubt(ledger.opened()) is None


async def test_an_empty_log_has_a_checkpoint_too(ledger: Ledger) -> None:
    first = await publish(ledger.publisher, now=AT)
    assert first == await ledger.newest()
    assert first is not None
    assert first.size == 0
    await ledger.grow_and_publish()


async def test_who_lost_the_lease_while_asleep_publishes_nothing(ledger: Ledger) -> None:
    mine = await take_lease(ledger.database, "one", now=AT)
    await ledger.grow()
    await take_lease(ledger.database, "other", now=AT + LEASE * 2)
    with pytest.raises(LeaseLost):
        await publish(ledger.publisher, now=AT, lease=mine)
    assert await ledger.newest() is None
    # It has been signed, and nobody saw it: the next one goes on from there.
    assert (await ledger.grow_and_publish()).size == 2


async def test_a_smaller_checkpoint_never_comes_after_a_larger_one(ledger: Ledger) -> None:
    await ledger.grow_and_publish(2)
    async with ledger.database.write() as tx:
        row = dict((await checkpoints.latest(tx))._mapping)  # type: ignore[union-attr]
        await checkpoints.publish(tx, row | {"size": 1})
    newest = await ledger.newest()
    assert newest is not None
    assert newest.size == 2


async def test_a_clock_that_was_ahead_for_once_keeps_no_checkpoint_from_staying(ledger: Ledger) -> None:
    day = timedelta(days=1)
    for size, at, stays in ((1, day, True), (2, 0 * day, True), (3, KEEP_EVERY / 2, False), (4, KEEP_EVERY, True)):
        await ledger.grow()
        await publish(ledger.publisher, now=AT + at)
        async with ledger.database.read() as tx:
            row = await checkpoints.latest(tx)
        assert row is not None
        assert (row.size, row.kept) == (size, stays)


# A database that is not the one that was signed.


def _rolled_back(ledger: Ledger, tmp_path: Path) -> Callable[[], None]:
    """Keep a copy of the database as it is; the function puts it back."""
    path = Path(ledger.url.removeprefix("sqlite:///"))
    kept = tmp_path / "kept.sqlite"
    with_log = path.with_name(path.name + "-wal")
    shutil.copyfile(path, kept)
    if with_log.exists():
        shutil.copyfile(with_log, kept.with_name("kept.sqlite-wal"))

    def put_back() -> None:
        for each in path.parent.glob(path.name + "-*"):
            each.unlink()
        shutil.copyfile(kept, path)
        if kept.with_name("kept.sqlite-wal").exists():
            shutil.copyfile(kept.with_name("kept.sqlite-wal"), with_log)

    return put_back


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("after", [0, 1, 2, 5])
async def test_a_database_from_an_old_backup_is_not_signed(ledger: Ledger, tmp_path: Path, after: int) -> None:
    """However much was written since the restore: fewer events, as many as were signed, or more."""
    await ledger.grow_and_publish(3)
    await ledger.close()
    put_back = _rolled_back(ledger, tmp_path)
    ledger.publisher = ledger.opened()
    signed = await ledger.grow_and_publish(2)
    await ledger.close()
    put_back()
    ledger.publisher = ledger.opened()
    reason = await doubt(ledger.publisher)
    assert reason is not None
    assert "a tree of 5 events was signed, the database holds 3" in reason
    if after:
        await ledger.grow(after)
        with pytest.raises(NotContinued) as refused:
            await publish(ledger.publisher, now=AT)
        assert "rolled back" in str(refused.value)
    newest = await ledger.newest()
    assert newest is not None
    assert newest.size == 3
    assert ledger.publisher.key.signed.read() == {ORIGIN: SignedTree(5, signed.root)}


async def _seal_and_publish(ledger: Ledger) -> None:
    await seal_all(ledger.database, now=AT)
    await publish(ledger.publisher, now=AT)


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_an_operator_may_have_it_go_on_and_that_is_on_record(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.grow_and_publish(3)
    with pytest.raises(RequestInvalid, match="nothing to accept"):
        await accept_rollback(ledger.publisher, signed_size=3, actor="operator", now=AT)
    await ledger.close()
    put_back = _rolled_back(ledger, tmp_path)
    ledger.publisher = ledger.opened()
    signed = await ledger.grow_and_publish(2)
    await ledger.close()
    put_back()
    ledger.publisher = ledger.opened()
    with pytest.raises(RequestInvalid, match="not of 4"):
        await accept_rollback(ledger.publisher, signed_size=4, actor="operator", now=AT)
    given_up = await accept_rollback(ledger.publisher, signed_size=5, actor="operator", now=AT)
    assert given_up == SignedTree(5, signed.root)
    assert await doubt(ledger.publisher) is None
    assert (await ledger.grow_and_publish(1)).size == 5
    assert await doubt(ledger.publisher) is None
    log = await Log.of(ledger.database)
    assert [row.kind for row in log.sealed[3:]] == ["ledger.rollback_accepted", "token.issued"]
    assert detail_of(log.sealed[3]) == {"size": 5, "root": signed.root.hex(), "kept_size": 3}


async def test_an_operator_cannot_have_a_tree_go_on_that_was_changed(ledger: Ledger) -> None:
    await ledger.grow_and_publish(3)
    async with ledger.database.write() as tx:
        await tx.execute(ledger_tiles.update().values(hashes=bytes(32) * 3))
    with pytest.raises(NotContinued):
        await accept_rollback(ledger.publisher, signed_size=3, actor="operator", now=AT)


_TAMPERED: dict[str, sa.Update] = {
    "a hash of a tile": ledger_tiles.update().values(hashes=bytes(32) * 3),
    "the size": ledger_state.update().values(size=2),
    "the root of the newest checkpoint": checkpoint_table.update().values(root="0" * 64),
}


@pytest.mark.parametrize("changed", _TAMPERED)
async def test_a_tree_that_was_changed_is_not_signed(ledger: Ledger, changed: str) -> None:
    signed = await ledger.grow_and_publish(3)
    async with ledger.database.write() as tx:
        await tx.execute(_TAMPERED[changed])
    await write(ledger.database, events=[sign_in(), sign_in()])
    with pytest.raises((DataFault, sa.exc.IntegrityError)):
        await _seal_and_publish(ledger)
    assert ledger.publisher.key.signed.read() == {ORIGIN: SignedTree(3, signed.root)}


async def test_without_its_memory_a_key_still_continues_the_newest_checkpoint(ledger: Ledger) -> None:
    await ledger.grow_and_publish(3)
    (ledger.keys / FILE_NAME).unlink()
    assert (await ledger.grow_and_publish(1)).size == 4
    (ledger.keys / FILE_NAME).unlink()
    async with ledger.database.write() as tx:
        await tx.execute(ledger_tiles.update().values(hashes=bytes(32) * 4))
    await ledger.grow()
    with pytest.raises(NotContinued):
        await publish(ledger.publisher, now=AT)


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("content", ["", "{}", "[]", '{"signed": {"x": {"size": -1, "root": ""}}}', '{"signed": 1}'])
async def test_a_key_that_cannot_know_what_it_signed_signs_nothing(ledger: Ledger, content: str) -> None:
    await ledger.grow_and_publish(3)
    (ledger.keys / FILE_NAME).write_text(content)
    await ledger.grow()
    with pytest.raises(DataFault, match="does not say what"):
        await publish(ledger.publisher, now=AT)


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_another_log_in_the_same_folder_is_another_log(ledger: Ledger) -> None:
    await ledger.grow_and_publish(3)
    seen = json.loads((ledger.keys / FILE_NAME).read_text())
    assert list(seen["signed"]) == [ORIGIN]
    assert ledger.publisher.key.signed.advance("other.example/ledger", seen=None, to=SignedTree(0, bytes(32)))
    assert ledger.publisher.key.signed.read()[ORIGIN].size == 3


# Several processes.


async def test_of_several_processes_one_seals_until_it_gives_back_or_is_gone(ledger: Ledger) -> None:
    processes = [Sealer(ledger.opened(), machine=f"process-{number}") for number in range(3)]

    async def round_at(at: timedelta) -> list[tuple[int, int | None]]:
        await write(ledger.database, events=[sign_in()])
        done = []
        for each in processes:
            sealed = await each.seal(now=AT + at)
            published = await each.publish(now=AT + at)
            done.append((sealed, published.size if published else None))
        return done

    assert await round_at(timedelta(0)) == [(1, 1), (0, None), (0, None)]
    assert await round_at(LEASE / 4) == [(1, 2), (0, None), (0, None)]
    await processes[0].give_back()
    first = processes.pop(0)
    assert await round_at(LEASE / 4) == [(1, 3), (0, None)]
    # Gone without a word: nobody seals until its lease has ended.
    gone = processes.pop(0)
    assert await round_at(LEASE / 2) == [(0, None)]
    assert await round_at(LEASE * 3) == [(2, 5)]
    # It was only asleep. Its lease is worth nothing by now, and it cannot have another one yet.
    processes = [gone, first, *processes]
    assert await round_at(LEASE * 3) == [(0, None), (0, None), (1, 6)]
