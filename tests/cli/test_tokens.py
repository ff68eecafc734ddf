"""`truc sign --pkcs11` and `truc key`: keys that lie in a token."""

import json
import sqlite3
from pathlib import Path

import pytest

from app.signing.node_key import NodeKey, keys_in, verify_jws
from tests.cli.conftest import Truc
from tests.signing.documents import document
from tests.support.pki import Identity, KeyName, Pki
from tests.support.softhsm import MODULE, SoftToken, new_token


@pytest.fixture
def soft() -> SoftToken:
    """A fresh token."""
    return new_token()


@pytest.fixture
def unsigned(tmp_path: Path) -> Path:
    """A document to sign."""
    path = tmp_path / "document.edxml"
    path.write_bytes(document())
    return path


def _seal(soft: SoftToken, kind: KeyName) -> Identity:
    identity = Pki.new().seal(key=kind, slot=0)
    soft.bring(identity.key, label="con dấu", identity="0a")
    return identity


def _in_token(soft: SoftToken, key: str = "con dấu") -> list[object]:
    return ["--pkcs11", MODULE, "--token", soft.label, "--key", key, "--pin-file", soft.pin_file]


@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
def test_an_agency_signs_with_its_token(
    truc: Truc, soft: SoftToken, unsigned: Path, tmp_path: Path, kind: KeyName
) -> None:
    identity = _seal(soft, kind)
    certificate = tmp_path / "cert.pem"
    certificate.write_text(identity.pem())
    signed = tmp_path / "signed.edxml"
    ended = truc("sign", unsigned, *_in_token(soft), "--cert", certificate, "-o", signed)
    assert ended.code == 0, ended.err
    told = truc("inspect", "--json", signed).json["signature"]
    assert (told["holds"], told["covers_document"]) == (True, True)
    assert told["certificate"]["sha256"] == identity.sha256


def test_the_token_gives_the_certificate_where_no_file_does(truc: Truc, soft: SoftToken, unsigned: Path) -> None:
    identity = _seal(soft, "p256")
    refused = truc("sign", unsigned, *_in_token(soft))
    assert (refused.code, "give --cert" in refused.err) == (1, True)
    soft.bring_certificate(identity, label="con dấu", key="0a")
    assert truc("sign", unsigned, *_in_token(soft, "id:0a")).code == 0


def test_what_is_wrong_with_a_token_is_said(truc: Truc, soft: SoftToken, unsigned: Path) -> None:
    _seal(soft, "p256")
    # Before anything logs in: that is done once a process.
    soft.pin_file.write_text("0000")
    assert "PIN" in truc("sign", unsigned, *_in_token(soft)).err
    soft.pin_file.write_text("1234")
    assert "no RSA or ECDSA key" in truc("sign", unsigned, *_in_token(soft, "other")).err
    without_pin = [each for each in _in_token(soft) if each not in ("--pin-file", soft.pin_file)]
    assert "--pin-file" in truc("sign", unsigned, *without_pin).err
    with soft.pulled_out():
        assert "does not answer" in truc("sign", unsigned, *_in_token(soft)).err


def _events(registry: Path) -> list[dict[str, str]]:
    with sqlite3.connect(registry / "truc.db") as connection:
        rows = connection.execute("SELECT body FROM events WHERE kind = 'node_key.rotated' ORDER BY id").fetchall()
    return [json.loads(body)["detail"] for (body,) in rows]


def test_the_nodes_key_goes_from_a_file_to_a_token_and_back(
    truc: Truc, registry: Path, soft: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = registry / "keys"
    first = NodeKey.open(folder)
    receipt = first.sign_jws({"n": 1}, typ="receipt+jwt")
    here = {"MODULE": MODULE, "TOKEN": soft.label, "PIN_FILE": soft.pin_file}
    for name, value in here.items():
        monkeypatch.setenv(f"TRUC_NODE_KEY_PKCS11_{name}", str(value))
    assert _grade(truc) == "failure"
    in_token = truc("key", "rotate", "--json").json
    assert (in_token["previous"], in_token["kept_in"], in_token["keys"]) == (first.kid, "token", 2)
    assert _grade(truc) == "ok"
    with soft.pulled_out():
        assert _grade(truc) == "failure"
    for name in here:
        monkeypatch.delenv(f"TRUC_NODE_KEY_PKCS11_{name}")
    assert _grade(truc) == "failure"
    back = truc("key", "rotate", "--json").json
    assert (back["previous"], back["kept_in"]) == (in_token["kid"], "file")
    assert _grade(truc) == "ok"
    listed = truc("key", "list", "--json").json
    assert [each["kid"] for each in listed] == [
        back["kid"],
        in_token["kid"],
        NodeKey.open(folder).jwks()["keys"][2]["kid"],
    ]
    assert [each["signs"] for each in listed] == [True, False, False]
    assert verify_jws(receipt, keys=keys_in(folder), typ="receipt+jwt") == {"n": 1}
    assert [(each["kid"], each["kept_in"]) for each in _events(registry)] == [
        (in_token["kid"], "token"),
        (back["kid"], "file"),
    ]


def test_a_module_needs_a_token(truc: Truc, registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_NODE_KEY_PKCS11_MODULE", str(MODULE))
    assert "go together" in truc("key", "rotate").err


def _grade(truc: Truc) -> str:
    grade: str = next(each["grade"] for each in truc("doctor", "--json").json["checks"] if each["name"] == "node key")
    return grade
