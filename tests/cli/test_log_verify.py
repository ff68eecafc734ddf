"""`truc log verify` from its command line: what it keeps, what it goes on from, and how it ends."""

import json
import sqlite3
from pathlib import Path

import pytest

from app.cli.pace import Pace
from app.node import KEYS_FOLDER
from app.signing.checkpoint import Checkpoint
from app.signing.ledger_key import LedgerKey
from app.signing.note import write_note
from tests.cli.conftest import Truc


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "verified.json"


@pytest.mark.usefixtures("registry")
def test_where_it_came_to_is_kept_and_gone_on_from(truc: Truc, state: Path) -> None:
    assert truc("log", "verify", "--state", state).code == 0
    kept = json.loads(state.read_text("utf-8"))
    assert (kept["format"], kept["whole"], kept["size"]) == ("truc-log-verify-1", True, 0)
    assert state.stat().st_mode & 0o077 == 0
    again = truc("log", "verify", "--state", state, "--resume", "--json")
    assert (again.code, again.json["consistent"], again.json["divergences"]) == (0, True, [])
    state.write_text(json.dumps(kept | {"root": "0" * 64}))
    changed = truc("log", "verify", "--state", state, "--resume")
    assert changed.code == 1
    assert "(10) tree" in changed.text


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "other"}', '{"format": "truc-log-verify-1"}'])
def test_a_state_that_is_none_is_refused(truc: Truc, state: Path, text: str) -> None:
    state.write_text(text)
    assert truc("log", "verify", "--state", state, "--resume").code == 2


@pytest.mark.usefixtures("registry")
def test_a_checkpoint_somebody_keeps_shows_a_ledger_that_was_cut(truc: Truc, tmp_path: Path) -> None:
    checkpoint = Checkpoint("log.example", 7, bytes(32))
    key = LedgerKey.generate()
    file = tmp_path / "checkpoint.txt"
    file.write_text(write_note(checkpoint.text, [key.signer("log.example").line(checkpoint.text)]), "utf-8")
    known = key.verifiers("log.example")[0]
    ended = truc("log", "verify", "--checkpoint", file, "--log-key", known)
    assert ended.code == 1
    assert "its end was cut off" in ended.text
    other = LedgerKey.generate().verifiers("log.example")[0]
    assert truc("log", "verify", "--checkpoint", file, "--log-key", other).code == 2
    assert truc("log", "verify", "--checkpoint", tmp_path / "none").code == 2


def test_public_halves_of_the_ledgers_keys_are_enough(truc: Truc, registry: Path, tmp_path: Path) -> None:
    keys = registry / KEYS_FOLDER
    signer = LedgerKey.open(keys).signer("log.example")
    LedgerKey.rotate(keys)
    for private in (keys / "ledger-0001.pem", keys / "ledger-0002.pem"):
        private.unlink()
    checkpoint = Checkpoint("log.example", 7, bytes(32))
    file = tmp_path / "checkpoint.txt"
    file.write_text(write_note(checkpoint.text, [signer.line(checkpoint.text)]), "utf-8")
    ended = truc("log", "verify", "--checkpoint", file)
    assert ended.code == 1
    assert "its end was cut off" in ended.text


def test_a_database_that_is_behind_or_not_there_is_not_verified_nor_changed(truc: Truc, registry: Path) -> None:
    with sqlite3.connect(registry / "truc.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
    ended = truc("log", "verify")
    assert ended.code == 2
    assert "revision 0003" in ended.err
    with sqlite3.connect(registry / "truc.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0003",)
    (registry / "truc.db").rename(registry / "elsewhere.db")
    assert truc("log", "verify").code == 2
    assert not (registry / "truc.db").exists()


@pytest.mark.usefixtures("registry")
def test_events_that_wait_too_long_are_a_divergence(truc: Truc) -> None:
    truc("client", "create", "--name", "x", "--scope", "audit")
    ended = truc("log", "verify", "--unsealed-seconds", "0")
    assert ended.code == 1
    assert "wait for their index" in ended.text


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("wrong", [["--resume"], ["--resume", "--state", "x", "--from-checkpoint", "y"]])
def test_what_does_not_go_together_is_refused(truc: Truc, wrong: list[str]) -> None:
    assert truc("log", "verify", *wrong).code == 2


def test_pace_says_rate_and_what_remains() -> None:
    pace = Pace(lambda: 0.0)
    assert pace.line("events", 500, 2_000, 10.0) == "events: 500 of 2,000 (25 %), 50/s, 30 s left"
    assert pace.line("events", 0, 0, 0.0) == "events: 0 of 0, 0/s"
