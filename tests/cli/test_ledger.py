"""`truc key … --ledger` and `truc ledger`: the keys of checkpoints, and how far the ledger is."""

import asyncio
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

import app
from app.ledger.publish import Publisher, publish
from app.ledger.seal import seal_all
from app.signing.checkpoint import open_checkpoint
from app.signing.ledger_key import LedgerKey
from app.signing.node_key import NodeKey
from app.signing.note import VerifierKey
from app.signing.signed_trees import SignedTree
from app.store import migrations
from app.store.database import Database
from tests.cli.conftest import Truc
from tests.store.test_ledger_migration import ledger_of_before
from tests.support.node import running_node

ORIGIN = "log.example/ledger"


def _published(registry: Path, key: LedgerKey) -> str:
    async def run() -> None:
        database = Database(f"sqlite:///{registry / 'truc.db'}")
        now = datetime.now(UTC)
        await seal_all(database, now=now)
        await publish(Publisher(database, key, ORIGIN), now=now)
        await database.close()

    asyncio.run(run())
    with sqlite3.connect(registry / "truc.db") as rows:
        return str(rows.execute("SELECT note FROM checkpoints ORDER BY size DESC").fetchone()[0])


def test_another_key_signs_checkpoints_and_the_old_one_goes_on_verifying(truc: Truc, registry: Path) -> None:
    running = LedgerKey.open(registry / "keys")
    before = _published(registry, running)
    done = truc("key", "rotate", "--ledger", "--json").json
    # Who runs already signs with the new one: the rotation is an event, and there is more to sign.
    after = _published(registry, running)
    listed = truc("key", "list", "--json").json
    assert [(each["of"], each["signs"], each["kid"]) for each in listed] == [
        ("ledger", True, done["kid"]),
        ("ledger", False, done["previous"]),
    ]
    newest, oldest = (VerifierKey.read(each["verifier"]) for each in listed)
    assert open_checkpoint(before, log=[oldest])[0].size == 0
    assert open_checkpoint(after, log=[newest])[0].size == 1
    (registry / "keys" / "ledger-0001.pem").unlink()
    assert LedgerKey.open(registry / "keys").verifiers(ORIGIN) == (oldest, newest)
    with sqlite3.connect(registry / "truc.db") as rows:
        [(kind, body)] = rows.execute("SELECT kind, body FROM events").fetchall()
    assert (kind, json.loads(body)["detail"]) == (
        "ledger_key.rotated",
        {"kid": done["kid"], "previous": done["previous"]},
    )


def test_a_ledger_that_was_rolled_back_is_a_failure_until_it_is_accepted(truc: Truc, registry: Path) -> None:
    key = LedgerKey.open(registry / "keys")
    _published(registry, key)
    assert _grades(truc)["checkpoints"] == "ok"
    seen = key.signed.read()[ORIGIN]
    assert key.signed.advance(ORIGIN, seen=seen, to=SignedTree(7, bytes(32)))
    assert _grades(truc)["checkpoints"] == "failure"
    assert "a tree of 7 events was signed" in truc("ledger", "state", "--json").json["doubt"]
    refused = truc("ledger", "accept-rollback", "--signed-size", "8")
    assert (refused.code, "not of 8" in refused.err) == (1, True)
    assert truc("ledger", "accept-rollback", "--signed-size", "7", "--json").json == {
        "given_up": 7,
        "root": "00" * 32,
    }
    assert _grades(truc)["checkpoints"] == "ok"
    state = truc("ledger", "state", "--json").json
    assert (state["doubt"], state["waiting"], state["published"]) == (None, 1, 0)


def test_the_doctor_warns_where_others_sign_in_the_same_database(
    truc: Truc, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _signers(truc) == ("ok", "nothing was signed yet")
    own = LedgerKey.open(registry / "keys")
    _published(registry, own)
    assert _signers(truc)[0] == "ok"
    truc("client", "create", "--name", "x", "--scope", "audit")
    _published(registry, LedgerKey.open(tmp_path / "another node's keys"))
    grade, detail = _signers(truc)
    assert (grade, "1 of the newest 2 checkpoint(s)" in detail) == ("warning", True)
    assert "share one keys folder" in truc("doctor").text
    truc("client", "create", "--name", "y", "--scope", "audit")
    truc("key", "rotate", "--ledger")
    _published(registry, own)
    assert _signers(truc)[0] == "ok", "the other one was a checkpoint that did not stay"
    monkeypatch.setenv("TRUC_LEDGER_ORIGIN", "another.example/ledger")
    grade, detail = _signers(truc)
    assert (grade, ORIGIN in detail and "another.example/ledger" in detail) == ("warning", True)


def test_the_doctor_warns_where_the_keys_that_signed_are_gone(truc: Truc, registry: Path) -> None:
    _published(registry, LedgerKey.open(registry / "keys"))
    (registry / "keys").rename(registry / "moved")
    assert _signers(truc)[0] == "warning"
    assert not (registry / "keys").exists(), "a doctor changes nothing"


def test_the_doctor_warns_where_another_key_signed_receipts(truc: Truc, registry: Path, tmp_path: Path) -> None:
    _published(registry, LedgerKey.open(registry / "keys"))
    for number, folder in enumerate((registry / "keys", tmp_path / "another node's keys")):
        receipt = NodeKey.open(folder).sign_jws({"document": "x"}, typ="receipt+jwt")
        with sqlite3.connect(registry / "truc.db") as rows:
            rows.execute("PRAGMA foreign_keys = OFF")
            columns = [
                name for _, name, _, needed, default, _ in rows.execute("PRAGMA table_info(documents)") if needed
            ]
            values = {"id": f"doc-{number}", "receipt": receipt, "document_id": f"{number}/CV", "signature": "valid"}
            row = [values.get(name, "2026-11-22T00:00:00.000000Z" if name.endswith("_at") else "1") for name in columns]
            rows.execute(f"INSERT INTO documents ({','.join(columns)}) VALUES ({','.join('?' * len(row))})", row)
        grade, detail = _signers(truc)
        assert (grade, "1 of the newest 2 receipt(s)" in detail) == (("ok", False), ("warning", True))[number]


@pytest.mark.parametrize("lost", [300, "tile"])
def test_a_ledger_that_has_no_whole_tree_after_its_upgrade_is_told_with_what_to_do(
    truc: Truc, data_dir: Path, lost: int | str
) -> None:
    data_dir.mkdir(mode=0o700)
    url = f"sqlite:///{data_dir / 'truc.db'}"
    migrations.migrate(url, "0003")
    asyncio.run(ledger_of_before(url))
    with sqlite3.connect(data_dir / "truc.db") as rows:
        if lost != "tile":
            rows.execute("DELETE FROM events WHERE position = ?", (lost,))
    truc("migrate")
    with sqlite3.connect(data_dir / "truc.db") as rows:
        if lost == "tile":
            rows.execute("DELETE FROM ledger_tiles WHERE level = 0 AND number >= 1")
    ended = truc("doctor", "--json")
    [found] = [each for each in ended.json["checks"] if each["name"] == "checkpoints"]
    said = "has a gap: 600 events are said to be sealed, and none has the index 300" if lost == 300 else "has 256"
    assert (ended.code, found["grade"], said in found["detail"]) == (1, "failure", True)
    assert "truc log verify" in found["fix"]
    assert "mail is taken and not delivered" in truc("ledger", "state", "--json").json["doubt"]
    with running_node(data_dir, url) as node:
        answer = node.http.get("/readyz")
        assert (answer.status_code, answer.json()["checks"]["checkpoints"]["ok"]) == (503, False)
        assert said in answer.json()["checks"]["checkpoints"]["detail"]
    guide = (Path(app.__file__).parent.parent / "docs" / "operator.md").read_text("utf-8")
    assert "## A gap in the index" in guide


def _signers(truc: Truc) -> tuple[str, str]:
    [found] = [each for each in truc("doctor", "--json").json["checks"] if each["name"] == "signers"]
    return found["grade"], found["detail"]


def _grades(truc: Truc) -> dict[str, str]:
    return {each["name"]: each["grade"] for each in truc("doctor", "--json").json["checks"]}
