"""Witnesses: what one remembers and refuses, and whose cosignatures a ledger takes."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Conflict, DataFault, NotFound, RequestInvalid, TooManyRequests, TrucError
from app.ledger import published
from app.ledger.cosigning import Cosigned, take_in
from app.ledger.events import record
from app.ledger.publish import Publisher, publish
from app.ledger.seal import seal_all
from app.ledger.tile_paths import TilePath
from app.ledger.witness import Break, Inconsistent, Memory, make_key, read_key, read_proof
from app.node import witnesses_of
from app.signing import merkle
from app.signing.checkpoint import Checkpoint
from app.signing.ledger_key import LedgerKey
from app.signing.note import COSIGNATURE, ED25519, NoteSigner, VerifierKey, open_note, write_note
from app.store import checkpoints
from app.store.database import Database
from tests.ledger.recording import AT, sign_in
from tests.support.log_reader import address

LOG = NoteSigner("log.example", ED25519, Ed25519PrivateKey.generate())
WITNESS = NoteSigner("witness.example", COSIGNATURE, Ed25519PrivateKey.generate())
OTHER = NoteSigner("other.example", COSIGNATURE, Ed25519PrivateKey.generate())
MINUTE = timedelta(minutes=1)


def _checkpoint(entries: list[bytes], origin: str = LOG.name) -> Checkpoint:
    return Checkpoint(origin, len(entries), merkle.root(entries))


def _memory(entries: list[bytes]) -> Memory:
    seen = _checkpoint(entries)
    return Memory((LOG.verifier,), write_note(seen.text, [LOG.line(seen.text)]), AT)


ENTRIES = [bytes([number]) for number in range(13)]


@pytest.mark.parametrize(
    ("seen", "shown", "broken"),
    [
        (ENTRIES[:9], ENTRIES[:8], Break.SHORTER),
        (ENTRIES[:9], [b"another", *ENTRIES[1:9]], Break.ANOTHER_ROOT),
        (ENTRIES[:9], [b"another", *ENTRIES[1:]], Break.NOT_CONTINUED),
        (ENTRIES[:9], ENTRIES[1:], Break.NOT_CONTINUED),
    ],
)
def test_a_tree_that_does_not_continue_what_was_seen_is_refused(
    seen: list[bytes], shown: list[bytes], broken: Break
) -> None:
    memory = _memory(seen)
    # Whatever proof a liar gives: here the hashes of the tree it shows.
    proof = [merkle.root(shown[:8]), merkle.leaf(shown[-1])]
    with pytest.raises(Inconsistent) as raised:
        memory.require_continued(_checkpoint(shown), proof)
    assert raised.value.broken is broken
    assert raised.value.vietnamese != raised.value.detail


def test_a_log_of_another_name_is_refused() -> None:
    with pytest.raises(Inconsistent, match="another name"):
        _memory(ENTRIES).require_continued(_checkpoint(ENTRIES, "elsewhere.example"), [])


def test_the_first_tree_the_same_and_one_after_an_empty_one_need_no_proof() -> None:
    for memory in (Memory((LOG.verifier,)), _memory(ENTRIES), _memory([])):
        assert memory.proof_wanted(_checkpoint(ENTRIES)) is None
        memory.require_continued(_checkpoint(ENTRIES), [])
    assert _memory(ENTRIES[:5]).proof_wanted(_checkpoint(ENTRIES)) == (5, 13)


def test_a_state_is_read_as_it_was_written_and_a_damaged_one_is_no_fresh_start() -> None:
    memory = _memory(ENTRIES)
    assert Memory.read(memory.text()) == memory
    assert Memory.read(Memory((LOG.verifier,)).text()) == Memory((LOG.verifier,))
    changed = memory.text().replace("\\n13\\n", "\\n12\\n")
    for text in ("", "{}", "[]", memory.text()[:-20], memory.text().replace("truc-witness-1", "2"), changed):
        with pytest.raises(DataFault):
            Memory.read(text)


@pytest.mark.parametrize("keys", [[7], [None], 7, None, {}], ids=str)
def test_a_state_with_other_things_than_keys_is_refused(keys: object) -> None:
    members = json.loads(Memory((LOG.verifier,)).text()) | {"log_keys": keys or [keys]}
    with pytest.raises(DataFault):
        Memory.read(json.dumps(members))


def test_a_state_nested_without_end_is_refused() -> None:
    with pytest.raises(DataFault):
        Memory.read("[" * 100_000)


@pytest.mark.parametrize("octets", [b"[" * 100_000, b"{}", b"7", b'{"hashes": 7}', b'{"hashes": ["x"]}', b"\xff"])
def test_a_proof_that_is_none_is_refused(octets: bytes) -> None:
    with pytest.raises(RequestInvalid):
        read_proof(octets)


def test_hashes_of_a_proof_are_read_in_their_order() -> None:
    assert read_proof(b'{"from": 3, "hashes": ["00ff", "01"]}') == [b"\x00\xff", b"\x01"]


def test_a_key_goes_with_its_name() -> None:
    text = make_key("witness.example")
    signer = read_key(text)
    assert str(VerifierKey.read(str(signer.verifier))) == str(signer.verifier)
    for wrong in (text.replace("witness", "another"), text[8:], "PRIVATE+KEY+a+b+c", str(signer.verifier)):
        with pytest.raises(RequestInvalid):
            read_key(wrong)
    with pytest.raises(RequestInvalid):
        make_key("two words")


def test_the_setting_names_witnesses_and_nobody_else() -> None:
    both = f" {WITNESS.verifier}\n{OTHER.verifier} "
    assert witnesses_of(both) == (WITNESS.verifier, OTHER.verifier)
    assert witnesses_of("") == ()
    too_long = NoteSigner("w" * 255, COSIGNATURE, WITNESS.private).verifier
    for wrong in (str(LOG.verifier), str(too_long), "witness.example", f"{WITNESS.verifier},{OTHER.verifier}"):
        with pytest.raises(RequestInvalid):
            witnesses_of(wrong)


@settings(max_examples=50)
@given(st.integers(0, 10**15 - 1), st.integers(1, 256))
def test_a_tile_has_one_address(number: int, width: int) -> None:
    path = TilePath(number, width)
    assert TilePath.read(str(path)) == path
    assert str(path) == address(number) + ("" if width == 256 else f".p/{width}")


class _Log:
    """A ledger that is sealed and published by hand."""

    def __init__(self, runner: asyncio.Runner, database: Database) -> None:
        self.runner = runner
        self.key = LedgerKey.generate()
        self.publisher = Publisher(database, self.key, "log.example")

    def run(self, work: str, *arguments: object, **named: object) -> object:
        return self.runner.run(getattr(self, f"_{work}")(self.publisher, *arguments, **named))

    def grow(self, count: int = 3, *, published: bool = True) -> str:
        return str(self.run("grow", count, published=published))

    def take(self, note: str, *, now: object = AT, rest: timedelta = MINUTE) -> Cosigned:
        done = self.run("take", note, now=now, rest=rest)
        assert isinstance(done, Cosigned)
        return done

    async def _grow(self, publisher: Publisher, count: int, *, published: bool) -> str:
        async with publisher.database.write() as tx:
            await record(tx, [sign_in() for _ in range(count)])
        await seal_all(publisher.database, now=AT)
        if published:
            await publish(publisher, now=AT)
        async with publisher.database.read() as tx:
            newest = await checkpoints.latest(tx)
        assert newest is not None
        return str(newest.note)

    async def _take(self, publisher: Publisher, note: str, **how: object) -> Cosigned:
        return await take_in(publisher, note, witnesses=(WITNESS.verifier,), **how)  # type: ignore[arg-type]

    async def _shown(self, publisher: Publisher, *, witnessed: bool) -> published.Published:
        async with publisher.database.read() as tx:
            return await published.newest(tx, witnessed=witnessed)

    async def _bundle(self, publisher: Publisher, path: str) -> bytes:
        async with publisher.database.read() as tx:
            return await published.bundle(tx, TilePath.read(path))


@pytest.fixture
def log(database_url: str) -> Iterator[_Log]:
    """An empty ledger on each engine."""
    database = Database(database_url)
    with asyncio.Runner() as runner:
        yield _Log(runner, database)
        runner.run(database.close())


def _cosigned(note: str, *, by: NoteSigner = WITNESS, at: object = AT) -> str:
    return note + by.line(note.rpartition("\n\n")[0] + "\n", at=at)  # type: ignore[arg-type]


def test_cosignatures_are_kept_in_order_and_replays_change_nothing(log: _Log) -> None:
    first = log.grow()
    second = log.grow()
    assert log.take(_cosigned(second)).size == 6
    with pytest.raises(Conflict, match="older"):
        log.take(_cosigned(first, at=AT + 2 * MINUTE), now=AT + 2 * MINUTE)
    assert log.take(_cosigned(second)).at == AT.replace(microsecond=0)
    with pytest.raises(TooManyRequests) as raised:
        log.take(_cosigned(second, at=AT + MINUTE / 2))
    assert raised.value.retry_after_seconds == 31
    # Once more of the same tree: that it is still the longest one the witness saw.
    later = AT + 2 * MINUTE
    log.take(_cosigned(second, at=later), now=later)
    with pytest.raises(Conflict, match="older"):
        log.take(_cosigned(second), now=later)
    shown = log.run("shown", witnessed=True)
    assert isinstance(shown, published.Published)
    assert (shown.size, [at for _, at in shown.witnesses]) == (6, [later.replace(microsecond=0)])
    opened = open_note(shown.note, [WITNESS.verifier, *log.key.verifiers("log.example")])
    assert len(opened.signatures) == 2


def test_a_checkpoint_that_went_comes_back_with_its_cosignature(log: _Log) -> None:
    log.grow()
    second, third = log.grow(), log.grow()
    assert second != third
    log.take(_cosigned(second))
    shown = log.run("shown", witnessed=True)
    assert isinstance(shown, published.Published)
    assert shown.note == _cosigned(second)
    log.grow()
    assert log.run("shown", witnessed=True) == shown


def test_what_is_foreign_or_false_is_refused(log: _Log) -> None:
    note = log.grow()
    ours = open_note(note, log.key.verifiers("log.example"))
    forged = Checkpoint("log.example", 3, bytes(32))
    split = write_note(forged.text, [log.key.signer("log.example").line(forged.text)])
    ahead = Checkpoint("log.example", 4, bytes(32))
    unknown = write_note(ahead.text, [log.key.signer("log.example").line(ahead.text)])
    foreign = write_note(ours.text, [LOG.line(ours.text)])
    refusals: list[tuple[str, type[TrucError]]] = [
        (_cosigned(note, by=OTHER), RequestInvalid),
        (_cosigned(note, by=replace(OTHER, name=WITNESS.name)), RequestInvalid),
        (_cosigned(note, at=AT + 2 * MINUTE), RequestInvalid),
        (_cosigned(note).replace("\n3\n", "\n2\n"), RequestInvalid),
        (_cosigned(foreign), RequestInvalid),
        (_cosigned(split), Conflict),
        (_cosigned(unknown), NotFound),
    ]
    for refused, error in refusals:
        with pytest.raises(error):
            log.take(refused)
    with pytest.raises(NotFound):
        log.run("shown", witnessed=True)


def test_nothing_is_given_out_beyond_the_newest_checkpoint(log: _Log) -> None:
    with pytest.raises(NotFound):
        log.run("shown", witnessed=False)
    log.grow()
    log.grow(published=False)
    assert log.run("bundle", "000.p/3")
    with pytest.raises(NotFound):
        log.run("bundle", "000.p/4")
