"""`truc log export`, `truc log verify --archive`, `truc retention …` on the node's own database."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.ids import new_id
from app.ledger.publish import Publisher, publish
from app.ledger.seal import seal_all
from app.signing.ledger_key import LedgerKey
from app.signing.signed_trees import SignedTree
from app.store.database import Database
from tests.cli.conftest import Truc

POLICY = """
[[retention]]
source = "test"
in_force_from = 2020-01-01
[[retention.rules]]
name = "ten-years"
of = "document"
keep_days = 3650
source = "test"
"""


def _signed(folder: Path) -> None:
    """Seal what there is and sign it, as a running node does."""

    async def work() -> None:
        database = Database(f"sqlite:///{folder / 'truc.db'}")
        try:
            await seal_all(database, now=datetime.now(UTC))
            await publish(Publisher(database, LedgerKey.open(folder / "keys"), "log.test"), now=datetime.now(UTC))
        finally:
            await database.close()

    asyncio.run(work())


def test_an_export_verifies_from_its_files_alone(truc: Truc, registry: Path, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    assert truc("log", "export", "--to", folder).code == 1, "nothing is signed yet"
    added = truc("client", "create", "--name", "x", "--scope", "audit", "--json")
    assert added.code == 0, added.err
    _signed(registry)
    exported = truc("log", "export", "--to", folder, "--json")
    assert exported.code == 0, exported.err
    assert exported.json["origin"] == "log.test"
    assert exported.json["end"] == exported.json["size"] >= 1
    ended = truc("log", "verify", "--archive", folder, "--key", folder / "keys.json", "--json")
    assert (ended.code, ended.json["consistent"], ended.json["entries"]) == (0, True, exported.json["size"])
    tile = next((folder / "tile" / "0").rglob("*.p/*"))
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    ended = truc("log", "verify", "--archive", folder, "--key", folder / "keys.json")
    assert ended.code == 1
    assert ended.text.startswith("(2) tiles")


def test_a_plan_says_what_the_rules_would_do(
    truc: Truc, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = truc("retention", "plan", "--json")
    assert (shipped.code, shipped.json) == (0, [])
    own = tmp_path / "own.toml"
    own.write_text(POLICY, "utf-8")
    monkeypatch.setenv("TRUC_REGULATIONS_FILE", str(own))
    [planned] = truc("retention", "apply", "--dry-run", "--json").json
    assert planned == {
        "rule": "ten-years",
        "of": "document",
        "keep_days": 3650,
        "bodies": 0,
        "octets": 0,
        "held_back": {},
        "source": "test",
    }
    assert truc("retention", "apply", "--json").json == {"documents": 0, "statuses": 0, "octets": 0}


def test_no_rule_is_applied_to_a_database_that_is_older_than_what_was_signed(
    truc: Truc, registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUC_LEDGER_ORIGIN", "log.test")
    key = LedgerKey.open(registry / "keys")
    assert key.signed.advance("log.test", seen=None, to=SignedTree(7, bytes(32)))
    refused = truc("retention", "apply")
    assert (refused.code, "a tree of 7 events was signed" in refused.err) == (1, True)


def test_only_documents_that_are_there_are_held(truc: Truc, registry: Path) -> None:
    assert truc("retention", "hold", new_id()).code == 1
    assert truc("retention", "release", "nonsense").code == 2
