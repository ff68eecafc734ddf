"""The ledger's keys: where they lie, and how they are published."""

from pathlib import Path
from typing import Any

import pytest

from app.errors import NotAuthenticated
from app.signing.checkpoint import Checkpoint, open_checkpoint
from app.signing.ledger_key import LedgerKey, as_jwk, ledger_keys
from app.signing.node_key import NodeKey, public_keys
from app.signing.note import write_note

ORIGIN = "truc.test/v1/ledger"
CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(range(32)))


def _signed(key: LedgerKey) -> str:
    return write_note(CHECKPOINT.text, [key.signer(ORIGIN).line(CHECKPOINT.text)])


def _set(*keys: LedgerKey) -> dict[str, Any]:
    return {"keys": [as_jwk(verifier) for key in keys for verifier in key.verifiers(ORIGIN)]}


def test_the_published_set_verifies_checkpoints_and_holds_nothing_secret(tmp_path: Path) -> None:
    key = LedgerKey.open(tmp_path / "keys")
    before = _signed(key)
    after = LedgerKey.rotate(tmp_path / "keys")
    published = _set(after)
    assert all(set(entry) == {"kty", "crv", "x", "kid", "alg", "use"} for entry in published["keys"])
    for note in (before, _signed(after)):
        assert open_checkpoint(note, log=ledger_keys(published))[0] == CHECKPOINT


def test_a_folder_that_goes_away_takes_no_signature_with_it(tmp_path: Path) -> None:
    key = LedgerKey.open(tmp_path / "keys")
    known = key.verifiers(ORIGIN)
    (tmp_path / "keys").rename(tmp_path / "unmounted")
    assert key.verifiers(ORIGIN) == known
    (tmp_path / "keys").write_text("no folder", encoding="ascii")
    assert open_checkpoint(_signed(key), log=known)[0] == CHECKPOINT
    (tmp_path / "keys").unlink()
    (tmp_path / "unmounted").rename(tmp_path / "keys")
    after = LedgerKey.rotate(tmp_path / "keys")
    assert key.verifiers(ORIGIN) == after.verifiers(ORIGIN) != known


def test_keys_of_receipts_and_of_the_ledger_stand_in_one_set_and_do_not_meet() -> None:
    node, ledger = NodeKey.generate(), LedgerKey.generate()
    both = {"keys": [*node.jwks()["keys"], *_set(ledger)["keys"]]}
    assert [key.kid for key in public_keys(both)] == [node.kid]
    assert ledger_keys(both) == ledger.verifiers(ORIGIN)
    assert ledger_keys(node.jwks()) == ()
    assert public_keys(_set(ledger)) == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"kid": f"{ORIGIN}+00000000"},
        {"kid": ORIGIN},
        {"kid": None},
        {"kid": 7},
        {"x": "AAAA"},
        {"x": None},
        {"x": 7},
        {"x": "!" * 43},
        {"x": "é" * 43},
    ],
    ids=str,
)
def test_a_key_that_is_not_what_its_name_says_is_refused(changed: dict[str, object]) -> None:
    (entry,) = _set(LedgerKey.generate())["keys"]
    with pytest.raises(NotAuthenticated):
        ledger_keys({"keys": [entry | changed]})


@pytest.mark.parametrize("jwks", [{}, {"keys": None}, {"keys": 7}, {"keys": ["x"]}, {"keys": [None]}], ids=str)
def test_what_is_no_key_set_is_refused(jwks: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticated):
        ledger_keys(jwks)
