"""The ledger over HTTP, read by a reader of its own: checkpoints, tiles, entries, proofs, cosignatures."""

import asyncio
import base64
import gzip
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.ledger.events import record
from app.ledger.publish import publish
from app.ledger.seal import seal_all
from app.node import Node
from app.registry.model import Scope
from app.signing.note import COSIGNATURE, NoteSigner
from tests.ledger.recording import sending, sign_in, write
from tests.support.agency import AgencySystem
from tests.support.log_reader import (
    Checkpoint,
    LogReader,
    leaf_hash,
    open_note,
    root_by_path,
    roots_by_proof,
    tree_hash,
)
from tests.support.node import RunningNode, running_node

WITNESS = NoteSigner("witness.example", COSIGNATURE, Ed25519PrivateKey.generate())
ENTRIES = 600


@pytest.fixture(scope="module")
def node(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node whose ledger has several tiles on two levels."""
    folder = tmp_path_factory.mktemp("ledger")
    path = folder / "node.sqlite"
    path.write_bytes(migrated_sqlite.read_bytes())
    settings = {"ledger_witnesses": str(WITNESS.verifier), "log_level": "error"}
    with running_node(folder / "data", f"sqlite:///{path}", **settings) as running:
        running.run(_fill)
        yield running


async def _fill(node: Node) -> None:
    await write(node.database, sending(), events=[sign_in() for _ in range(ENTRIES)])
    await _settle(node)


async def _settle(node: Node) -> None:
    await seal_all(node.database, now=datetime.now(UTC))
    await publish(node.publisher, now=datetime.now(UTC))


@pytest.fixture(scope="module")
def auditor(node: RunningNode) -> Iterator[AgencySystem]:
    """A system that may read entries."""
    with node.system(Scope.AUDIT) as system:
        yield system


@pytest.fixture
def reader(node: RunningNode, auditor: AgencySystem) -> LogReader:
    """Fetches entries with a token, and all else without."""

    kept: dict[str, bytes] = {}

    def fetch(path: str) -> bytes:
        if path in kept:
            return kept[path]
        answer = (auditor.get if "entries" in path else node.http.get)(f"/v1/ledger/{path}")
        assert answer.status_code == 200, answer.text
        if path.startswith("tile/"):
            kept[path] = answer.content
        return answer.content

    return LogReader(fetch)


def _newest(reader: LogReader) -> Checkpoint:
    (vkey,) = reader.fetch("keys").decode().splitlines()
    return open_note(reader.fetch("checkpoint").decode(), vkey)


def test_the_root_follows_from_the_entries_and_from_the_tiles(node: RunningNode, reader: LogReader) -> None:
    shown = _newest(reader)
    assert shown.size > ENTRIES
    assert shown.origin == node.url.removeprefix("http://") + "/v1/ledger"
    leaves = [leaf_hash(entry) for entry in reader.entries(shown.size)]
    assert [each for number in range(3) for each in reader.tile(0, number, shown.size)] == leaves
    assert tree_hash(leaves) == reader.root(shown.size) == shown.root
    assert len(reader.tile(1, 0, shown.size)) == 2


def test_proofs_of_any_index_and_size_hold(node: RunningNode, reader: LogReader) -> None:
    shown, dice = _newest(reader), random.Random(20)
    leaves = [leaf_hash(entry) for entry in reader.entries(shown.size)]
    sizes = [shown.size, 512, 257, 1, *(dice.randint(2, shown.size) for _ in range(5))]
    for size in sizes:
        index = dice.randrange(size)
        proof = node.http.get("/v1/ledger/proofs/inclusion", params={"index": index, "size": size}).json()
        path = [bytes.fromhex(each) for each in proof["hashes"]]
        assert (proof["index"], proof["size"], proof["leaf_hash"]) == (index, size, leaves[index].hex())
        assert root_by_path(leaves[index], index, size, path).hex() == proof["root"] == tree_hash(leaves[:size]).hex()
        old = dice.randint(1, size)
        proof = node.http.get("/v1/ledger/proofs/consistency", params={"from": old, "to": size}).json()
        steps = [bytes.fromhex(each) for each in proof["hashes"]]
        assert (proof["from"], proof["to"]) == (old, size)
        assert roots_by_proof(tree_hash(leaves[:old]), old, size, steps) == (
            tree_hash(leaves[:old]),
            tree_hash(leaves[:size]),
        )
        assert (proof["from_root"], proof["to_root"]) == (tree_hash(leaves[:old]).hex(), tree_hash(leaves[:size]).hex())


def test_a_proof_without_a_size_brings_its_checkpoint(node: RunningNode, reader: LogReader) -> None:
    proof = node.http.get("/v1/ledger/proofs/inclusion?index=3").json()
    signed = open_note(proof["checkpoint"], reader.fetch("keys").decode().strip())
    assert (signed.size, signed.root.hex()) == (proof["size"], proof["root"])
    assert node.http.get("/v1/ledger/proofs/consistency?from=3").json()["to"] >= proof["size"]


def test_a_proof_as_one_file_is_checked_with_nothing_else(node: RunningNode, auditor: AgencySystem) -> None:
    text = node.http.get("/v1/ledger/proofs/inclusion?index=300", headers={"Accept": "text/plain"}).text
    head, _, note = text.partition("\n\n")
    version, index, *path = head.split("\n")
    assert (version, index) == ("c2sp.org/tlog-proof@v1", "index 300")
    shown = open_note(note, _vkey(node))
    entry = auditor.get("/v1/ledger/entries/300").json()["body"].encode()
    hashes = [base64.b64decode(each) for each in path]
    assert root_by_path(leaf_hash(entry), 300, shown.size, hashes) == shown.root
    gone = node.http.get("/v1/ledger/proofs/inclusion?index=3&size=17", headers={"Accept": "text/plain"})
    assert (gone.status_code, gone.json()["findings"][0]["code"]) == (404, "ledger.checkpoint-not-kept")
    odd = node.http.get("/v1/ledger/proofs/inclusion?index=3", headers={"Accept": "image/png"})
    assert odd.status_code == 406


def test_partial_tiles_of_smaller_trees_are_cut_from_larger_ones(node: RunningNode, auditor: AgencySystem) -> None:
    whole = node.http.get("/v1/ledger/tile/0/000").content
    assert len(whole) == 256 * 32
    assert node.http.get("/v1/ledger/tile/0/000.p/7").content == whole[: 7 * 32]
    bundle = auditor.get("/v1/ledger/tile/entries/000").content
    assert bundle.startswith(part := auditor.get("/v1/ledger/tile/entries/000.p/7").content)
    assert 0 < len(part) < len(bundle)


def test_full_tiles_may_be_kept_for_ever_and_checkpoints_not_at_all(node: RunningNode, auditor: AgencySystem) -> None:
    tile = node.http.get("/v1/ledger/tile/0/000")
    assert tile.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" not in node.http.get("/v1/ledger/tile/0/000.p/9").headers["cache-control"]
    bundle = auditor.get("/v1/ledger/tile/entries/000", headers={"Accept-Encoding": "gzip"})
    assert bundle.headers["cache-control"].startswith("private")
    assert bundle.headers["content-encoding"] == "gzip"
    plain = auditor.get("/v1/ledger/tile/entries/000", headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == bundle.content
    shown = node.http.get("/v1/ledger/checkpoint")
    assert (shown.headers["cache-control"], shown.headers["content-type"]) == ("no-cache", "text/plain; charset=utf-8")


def test_bundles_are_compressed_beside_the_event_loop(
    node: RunningNode, auditor: AgencySystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest bundle takes a third of a second, in which the node would answer nobody else."""
    compress, on_loop = gzip.compress, []

    def seen(*octets: Any, **how: Any) -> bytes:
        on_loop.append(asyncio._get_running_loop() is not None)
        return compress(*octets, **how)

    monkeypatch.setattr(gzip, "compress", seen)
    answer = auditor.get("/v1/ledger/tile/entries/001", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert on_loop == [False]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("tile/0/010", 404, "ledger.not-published"),
        ("tile/0/002", 404, "ledger.not-published"),
        ("tile/1/000", 404, "ledger.not-published"),
        ("tile/2/000.p/1", 404, "ledger.not-published"),
        ("tile/63/x999/x999/x999/x999/999", 404, "ledger.not-published"),
        ("tile/64/000", 422, "ledger.tile.level"),
        ("tile/00/000", 422, "ledger.tile.level"),
        ("tile/-1/000", 422, "ledger.tile.level"),
        ("tile/0/0", 422, "ledger.tile.number"),
        ("tile/0/x000/001", 422, "ledger.tile.number"),
        ("tile/0/001/001", 422, "ledger.tile.number"),
        ("tile/0/000.p/0", 422, "ledger.tile.number"),
        ("tile/0/000.p/07", 422, "ledger.tile.number"),
        ("tile/0/000.p/256", 422, "ledger.tile.width"),
        ("proofs/inclusion?index=100000", 422, "ledger.index"),
        ("proofs/inclusion?index=5&size=5", 422, "ledger.index"),
        ("proofs/inclusion?index=5&size=100000", 422, "ledger.size"),
        ("proofs/inclusion?index=-1", 422, "request.greater-than-equal"),
        ("proofs/consistency?from=9&to=8", 422, "ledger.sizes"),
        ("proofs/consistency?from=9&to=100000", 422, "ledger.size"),
        ("proofs/consistency?from=0", 422, "request.greater-than-equal"),
    ],
)
def test_what_is_not_there_or_not_written_so_is_said(node: RunningNode, path: str, status: int, code: str) -> None:
    answer = node.http.get(f"/v1/ledger/{path}")
    assert (answer.status_code, [each["code"] for each in answer.json()["findings"]]) == (status, [code])
    assert all(each["fix"] and each["source"] and each["location"] for each in answer.json()["findings"])


def test_entries_are_for_auditors_alone(node: RunningNode) -> None:
    for path in ("entries/0", "tile/entries/000"):
        assert node.http.get(f"/v1/ledger/{path}").status_code == 401
        with node.system(Scope.STATISTICS) as other:
            assert other.get(f"/v1/ledger/{path}").status_code == 403


def test_a_mirror_is_one_event_and_each_entry_looked_up_is_one(node: RunningNode) -> None:
    with node.system(Scope.AUDIT) as mirror:
        for path in ("tile/entries/001", "tile/entries/000", "tile/entries/002.p/9"):
            assert mirror.get(f"/v1/ledger/{path}").status_code == 200
        looked_up = mirror.get("/v1/ledger/entries/0").json()
        assert mirror.get("/v1/ledger/entries/100000").status_code == 404
        node.run(_settle)
        read = list(mirror.pages("/v1/audit/events", event="trail.read", actor=mirror.client_id))
    assert [each["detail"] for each in read[:2]] == [{"entries_from": 256}, {"entry": 0}]
    assert not any("entries_from" in each["detail"] for each in read[2:])
    assert read[1]["document"] == looked_up["event"]["document"]
    assert json.loads(looked_up["body"]) == looked_up["event"]
    assert leaf_hash(looked_up["body"].encode()).hex() == looked_up["leaf_hash"]


def test_a_cosignature_is_shown_with_its_checkpoint_and_keeps_it(node: RunningNode) -> None:
    shown = node.http.get("/v1/ledger/checkpoint").text
    text = shown.rpartition("\n\n")[0] + "\n"
    at = datetime.now(UTC)
    cosigned = shown + WITNESS.line(text, at=at)
    done = node.http.post("/v1/ledger/cosignatures", content=cosigned.encode())
    assert done.status_code == 200, done.text
    size = done.json()["size"]
    assert done.json()["witness"] == str(WITNESS.verifier)
    assert node.http.post("/v1/ledger/cosignatures", content=cosigned.encode()).status_code == 200

    async def more(node: Node) -> None:
        async with node.database.write() as tx:
            await record(tx, [sign_in()])
        await _settle(node)

    node.run(more)
    assert open_note(node.http.get("/v1/ledger/checkpoint?witnessed=true").text, str(WITNESS.verifier)).size == size
    assert open_note(node.http.get("/v1/ledger/checkpoint").text, _vkey(node)).size > size
    proof = node.http.get("/v1/ledger/proofs/inclusion?index=0&witnessed=true").json()
    assert (proof["size"], open_note(proof["checkpoint"], str(WITNESS.verifier)).size) == (size, size)
    soon = shown + WITNESS.line(text, at=at + timedelta(seconds=5))
    refused = node.http.post("/v1/ledger/cosignatures", content=soon.encode())
    assert refused.status_code == 429
    assert 50 <= int(refused.headers["retry-after"]) <= 60


def test_what_is_no_cosignature_is_refused(node: RunningNode) -> None:
    shown = node.http.get("/v1/ledger/checkpoint").text
    for body, code in [("nothing", "ledger.cosignature.note"), (shown, "ledger.cosignature.witness")]:
        answer = node.http.post("/v1/ledger/cosignatures", content=body.encode())
        assert (answer.status_code, answer.json()["findings"][0]["code"]) == (422, code)
    assert node.http.post("/v1/ledger/cosignatures", content=b"x" * 20_000).status_code == 413


def _vkey(node: RunningNode) -> str:
    return str(node.http.get("/v1/ledger/keys").text.strip())
