"""`truc witness` against a running node: it signs what continues, and refuses and proves what does not."""

import fcntl
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.ledger.events import record
from app.ledger.publish import publish
from app.ledger.seal import seal_all
from app.ledger.witness import Memory, make_key, read_key
from app.node import Node
from app.signing.checkpoint import Checkpoint
from app.signing.note import ED25519, NoteSigner, write_note
from app.store import checkpoints
from tests.cli.conftest import Ended, Truc
from tests.ledger.recording import sign_in
from tests.support.log_reader import open_note
from tests.support.node import RunningNode, running_node


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key of a witness that the node knows."""
    path = tmp_path_factory.mktemp("witness") / "key"
    path.touch(0o600)
    path.write_text(make_key("witness.example"))
    return path


@pytest.fixture(scope="module")
def node(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, key: Path) -> Iterator[RunningNode]:
    """A node that takes its cosignatures as often as it likes."""
    folder = tmp_path_factory.mktemp("node")
    path = folder / "node.sqlite"
    path.write_bytes(migrated_sqlite.read_bytes())
    witnesses = {"ledger_witnesses": str(read_key(key.read_text()).verifier), "ledger_cosignature_seconds": 0}
    with running_node(folder / "data", f"sqlite:///{path}", log_level="error", **witnesses) as running:
        running.run(_grow)
        yield running


async def _grow(node: Node) -> None:
    async with node.database.write() as tx:
        await record(tx, [sign_in() for _ in range(5)])
    await seal_all(node.database, now=datetime.now(UTC))
    await publish(node.publisher, now=datetime.now(UTC))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the witness of this test remembers."""
    return tmp_path / "seen.json"


def _witness(truc: Truc, node: RunningNode, state: Path, key: Path, *more: str) -> Ended:
    return truc("witness", node.url, "--state", state, "--key", key, *more)


def _vkey(node: RunningNode) -> str:
    return str(node.http.get("/v1/ledger/keys").text.strip())


def test_a_round_signs_keeps_and_gives_and_the_next_one_goes_on(
    truc: Truc, node: RunningNode, state: Path, key: Path
) -> None:
    first = _witness(truc, node, state, key, "--log-key", _vkey(node), "--post")
    assert first.code == 0, first.err
    own = str(read_key(key.read_text()).verifier)
    seen = open_note(first.text[:-1], own)
    assert open_note(first.text[:-1], _vkey(node)) == seen
    assert open_note(node.http.get("/v1/ledger/checkpoint?witnessed=true").text, own) == seen
    node.run(_grow)
    # Cosignatures tell whole seconds, and the next one must be later.
    time.sleep(1 - datetime.now(UTC).microsecond / 1_000_000)
    second = _witness(truc, node, state, key, "--post")
    assert second.code == 0, second.err
    assert open_note(second.text[:-1], own).size >= seen.size + 5
    assert Memory.read(state.read_text()).note in node.http.get("/v1/ledger/checkpoint?witnessed=true").text


def test_the_key_of_the_log_is_not_taken_from_the_node_unless_that_is_said(
    truc: Truc, node: RunningNode, state: Path, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    ended = _witness(truc, node, state, made, "--name", "new.example")
    assert (ended.code, ended.out, state.exists()) == (1, b"", False)
    assert "--trust-first" in ended.err
    assert made.stat().st_mode & 0o777 == 0o600
    ended = _witness(truc, node, state, made, "--trust-first")
    assert ended.code == 0
    assert _vkey(node) in ended.err
    assert open_note(ended.text[:-1], str(read_key(made.read_text()).verifier)).size >= 5
    ended = _witness(truc, node, state, made, "--post")
    assert ended.code == 1
    assert "ledger_witnesses" in ended.err
    assert _witness(truc, node, state, made, "--name", "another.example").code == 1


def test_a_checkpoint_by_another_key_is_not_signed(
    truc: Truc, node: RunningNode, state: Path, key: Path, tmp_path: Path
) -> None:
    other = str(read_key(make_key("log.example")).verifier)
    ended = _witness(truc, node, state, key, "--log-key", other)
    assert (ended.code, ended.out, state.exists()) == (1, b"", False)


def test_another_key_of_the_log_is_taken_beside_the_one_that_is_remembered(
    truc: Truc, node: RunningNode, state: Path, key: Path
) -> None:
    earlier = NoteSigner(_vkey(node).partition("+")[0], ED25519, Ed25519PrivateKey.generate())
    text = node.http.get("/v1/ledger/checkpoint").text.partition("\n\n")[0] + "\n"
    state.write_text(Memory((earlier.verifier,), write_note(text, [earlier.line(text)])).text())
    assert _witness(truc, node, state, key).code == 1
    assert _witness(truc, node, state, key, "--log-key", _vkey(node)).code == 0
    assert _witness(truc, node, state, key).code == 0


def test_two_witnesses_do_not_share_a_state(truc: Truc, node: RunningNode, state: Path, key: Path) -> None:
    with state.with_name("seen.json.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = _witness(truc, node, state, key, "--trust-first")
    assert (ended.code, ended.out, state.exists()) == (1, b"", False)
    assert "another witness" in ended.err


@pytest.mark.parametrize("size", [1_000_000, 3])
def test_a_split_is_refused_and_both_notes_are_kept(
    truc: Truc, node: RunningNode, state: Path, key: Path, size: int
) -> None:
    async def another(node: Node) -> str:
        async with node.database.read() as tx:
            origin = await checkpoints.origin(tx)
        assert origin is not None
        seen = Checkpoint(origin, size, bytes(32))
        return write_note(seen.text, [node.publisher.key.signer(origin).line(seen.text)])

    # What somebody else was shown: signed by the ledger's own key, and of another tree.
    seen = node.run(another)
    _witness(truc, node, state, key, "--log-key", _vkey(node))
    kept = json.loads(state.read_text())
    state.write_text(json.dumps(kept | {"note": seen}))
    before = state.read_bytes()
    ended = _witness(truc, node, state, key)
    assert (ended.code, ended.out) == (1, b"")
    assert "NOT COSIGNED" in ended.err
    assert "KHÔNG KÝ" in ended.err
    (kept_in,) = state.parent.glob("seen.json.split-*")
    proof = json.loads(kept_in.read_text())
    assert proof["seen"] == seen
    assert open_note(proof["shown"], _vkey(node)).size < 1_000_000
    assert proof["reason"] == ("shorter" if size == 1_000_000 else "not-continued")
    assert state.read_bytes() == before, "it goes on refusing"
    assert str(kept_in) in _witness(truc, node, state, key).err
    again = {path: json.loads(path.read_text()) for path in state.parent.glob("seen.json.split-*")}
    assert again == {kept_in: proof}, "and fills no disk with what it found once"


def test_a_node_that_does_not_answer_is_told_in_a_line(truc: Truc, state: Path, key: Path) -> None:
    other = str(read_key(make_key("log.example")).verifier)
    ended = truc("witness", "http://127.0.0.1:1", "--state", state, "--key", key, "--log-key", other)
    assert (ended.code, ended.out) == (1, b"")
