"""The node's own key: made once, kept secret, verified for ever."""

import base64
import hmac
import json
import os
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from app.errors import DataFault, NotAuthenticated
from app.signing.node_key import TOKEN_CHARACTERS_MAX, NodeKey, keys_in, public_keys, verify_jws

CLAIMS = {"sub": "000.00.00.G22", "note": "Văn phòng", "n": [1, 2]}


def test_first_start_makes_a_key_only_its_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "keys"
    NodeKey.open(folder)
    assert [path.name for path in folder.iterdir()] == ["node-0001.pem"]
    assert stat.S_IMODE((folder / "node-0001.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_second_start_reads_the_same_key(tmp_path: Path) -> None:
    assert NodeKey.open(tmp_path).kid == NodeKey.open(tmp_path).kid


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    kids: list[str] = []
    threads = [threading.Thread(target=lambda: kids.append(NodeKey.open(tmp_path).kid)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kids) == 8
    assert len(set(kids)) == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_key_readable_by_others_is_refused(tmp_path: Path, mode: int) -> None:
    NodeKey.open(tmp_path)
    (tmp_path / "node-0001.pem").chmod(mode)
    with pytest.raises(DataFault, match="0600"):
        NodeKey.open(tmp_path)


def test_key_that_is_a_link_is_refused(tmp_path: Path) -> None:
    NodeKey.open(tmp_path / "elsewhere")
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "node-0001.pem").symlink_to(tmp_path / "elsewhere" / "node-0001.pem")
    with pytest.raises(DataFault, match="cannot be opened"):
        NodeKey.open(folder)


def test_key_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "node-0001.pem").mkdir(mode=0o700)
    with pytest.raises(DataFault, match="regular file"):
        NodeKey.open(tmp_path)


def test_key_that_is_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "node-0001.pem", 0o600)
    with pytest.raises(DataFault, match="regular file"):
        NodeKey.open(tmp_path)


def _place(folder: Path, content: bytes) -> None:
    descriptor = os.open(folder / "node-0001.pem", os.O_CREAT | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def test_file_without_a_key_is_refused(tmp_path: Path) -> None:
    _place(tmp_path, b"not a key")
    with pytest.raises(DataFault, match="no readable private key"):
        NodeKey.open(tmp_path)


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)], ids=["P-384", "RSA"]
)
def test_key_of_another_kind_is_refused(tmp_path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _place(tmp_path, pem)
    with pytest.raises(DataFault, match="not a P-256 key"):
        NodeKey.open(tmp_path)


def test_signed_claims_come_back(tmp_path: Path) -> None:
    key = NodeKey.open(tmp_path)
    token = key.sign_jws(CLAIMS, typ="receipt+jwt")
    assert key.verify_jws(token, typ="receipt+jwt") == CLAIMS
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header == {"alg": "ES256", "typ": "receipt+jwt", "kid": key.kid}


def test_older_keys_verify_after_a_rotation(tmp_path: Path) -> None:
    before = NodeKey.open(tmp_path)
    token, old = before.sign_jws(CLAIMS, typ="receipt+jwt"), before.kid
    after = NodeKey.rotate(tmp_path)
    assert after.kid != old
    assert after.verify_jws(token, typ="receipt+jwt") == CLAIMS
    assert NodeKey.open(tmp_path).kid == after.kid
    assert [entry["kid"] for entry in after.jwks()["keys"]] == [after.kid, old]


def test_whoever_has_the_keys_open_sees_a_rotation_at_once(tmp_path: Path) -> None:
    first, second = NodeKey.open(tmp_path), NodeKey.open(tmp_path)
    old = first.kid
    rotated = NodeKey.rotate(tmp_path)
    assert first.kid == rotated.kid != old
    token = rotated.sign_jws(CLAIMS, typ="receipt+jwt")
    assert second.verify_jws(token, typ="receipt+jwt") == CLAIMS
    assert [entry["kid"] for entry in second.jwks()["keys"]] == [rotated.kid, old]


def test_a_damaged_new_key_leaves_the_old_one_in_office(tmp_path: Path) -> None:
    key = NodeKey.open(tmp_path)
    kid = key.kid
    damaged = tmp_path / "node-0002.pem"
    damaged.touch(0o600)
    assert key.kid == kid
    with pytest.raises(DataFault, match="no readable private key"):
        NodeKey.open(tmp_path)
    damaged.unlink()
    assert NodeKey.rotate(tmp_path).kid == key.kid != kid


def test_a_folder_that_goes_away_takes_no_signature_with_it(tmp_path: Path) -> None:
    key = NodeKey.open(tmp_path / "keys")
    known = key.kid
    (tmp_path / "keys").rename(tmp_path / "unmounted")
    assert key.kid == known
    (tmp_path / "keys").write_text("no folder", encoding="ascii")
    assert key.verify_jws(key.sign_jws(CLAIMS, typ="receipt+jwt"), typ="receipt+jwt") == CLAIMS
    (tmp_path / "keys").unlink()
    (tmp_path / "unmounted").rename(tmp_path / "keys")
    assert NodeKey.rotate(tmp_path / "keys").kid == key.kid != known


def test_the_private_half_of_a_retired_key_may_be_destroyed(tmp_path: Path) -> None:
    token = NodeKey.open(tmp_path).sign_jws(CLAIMS, typ="receipt+jwt")
    NodeKey.rotate(tmp_path)
    (tmp_path / "node-0001.pem").unlink()
    assert NodeKey.open(tmp_path).verify_jws(token, typ="receipt+jwt") == CLAIMS
    assert verify_jws(token, keys=keys_in(tmp_path), typ="receipt+jwt") == CLAIMS
    (tmp_path / "node-0002.pem").unlink()
    with pytest.raises(DataFault, match="truc key rotate"):
        NodeKey.open(tmp_path)


def test_rotation_ends_with_the_numbering(tmp_path: Path) -> None:
    NodeKey.open(tmp_path)
    (tmp_path / "node-0001.pem").rename(tmp_path / "node-9999.pem")
    with pytest.raises(DataFault, match="9999"):
        NodeKey.rotate(tmp_path)


def test_published_keys_hold_nothing_secret_and_verify() -> None:
    key = NodeKey.generate()
    assert all("d" not in entry for entry in key.jwks()["keys"])
    assert key.public_jwk["crv"] == "P-256"
    token = key.sign_jws(CLAIMS, typ="receipt+jwt")
    assert verify_jws(token, keys=public_keys(key.jwks()), typ="receipt+jwt") == CLAIMS


@pytest.mark.parametrize(
    "jwks",
    [{}, {"keys": [{"kty": "EC"}]}, {"keys": [OctKey.generate_key().as_dict(private=True)]}, {"keys": 3}],
    ids=["empty", "incomplete", "symmetric", "no-list"],
)
def test_broken_key_set_is_refused(jwks: dict[str, object]) -> None:
    with pytest.raises(NotAuthenticated):
        public_keys(jwks)


def test_key_set_with_another_curve_is_refused() -> None:
    with pytest.raises(NotAuthenticated, match="P-256"):
        public_keys({"keys": [ECKey.generate_key("P-384").as_dict(private=False)]})


def test_token_of_another_type_is_refused() -> None:
    key = NodeKey.generate()
    with pytest.raises(NotAuthenticated, match="type"):
        key.verify_jws(key.sign_jws(CLAIMS, typ="receipt+jwt"), typ="at+jwt")


def test_token_of_another_node_is_refused() -> None:
    with pytest.raises(NotAuthenticated, match="unknown key"):
        NodeKey.generate().verify_jws(NodeKey.generate().sign_jws(CLAIMS, typ="at+jwt"), typ="at+jwt")


def test_changed_claims_are_refused() -> None:
    key = NodeKey.generate()
    header, _, signature = key.sign_jws(CLAIMS, typ="at+jwt").split(".")
    other = base64.urlsafe_b64encode(b'{"sub":"admin"}').rstrip(b"=").decode()
    with pytest.raises(NotAuthenticated, match="does not match"):
        key.verify_jws(f"{header}.{other}.{signature}", typ="at+jwt")


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "at+jwt"},
        {"alg": "HS256", "typ": "at+jwt"},
        {"alg": "ES256", "typ": "at+jwt", "jwk": {}},
        {"alg": "ES256", "typ": "at+jwt", "crit": ["b64"], "b64": False},
        {"alg": ["ES256"], "typ": "at+jwt"},
        {"alg": "ES256", "typ": ["at+jwt"]},
    ],
)
def test_other_headers_are_refused(header: dict[str, object]) -> None:
    key = NodeKey.generate()
    text = json.dumps({**header, "kid": key.kid}).encode()
    with pytest.raises(NotAuthenticated):
        key.verify_jws(f"{_b64(text)}.{_b64(b'{}')}.{_b64(bytes(64))}", typ="at+jwt")


def test_hmac_with_the_public_key_is_refused() -> None:
    key = NodeKey.generate()
    header = json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": key.kid}).encode()
    signed = f"{_b64(header)}.{_b64(b'{}')}"
    code = hmac.digest(key.keys[-1].as_pem(private=False), signed.encode(), "sha256")
    token = f"{signed}.{_b64(code)}"
    with pytest.raises(NotAuthenticated, match="ES256"):
        key.verify_jws(token, typ="at+jwt")


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "é.é.é", "....", "x" * (TOKEN_CHARACTERS_MAX + 1)])
def test_text_that_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(NotAuthenticated):
        NodeKey.generate().verify_jws(token, typ="at+jwt")


@pytest.mark.parametrize("body", [b"[]", b"\xff", b"not json"])
def test_signed_text_that_is_no_object_is_refused(tmp_path: Path, body: bytes) -> None:
    key = NodeKey.open(tmp_path)
    private = ECKey.import_key((tmp_path / "node-0001.pem").read_bytes())
    header = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}
    with pytest.raises(NotAuthenticated):
        key.verify_jws(jws.serialize_compact(header, body, private, ["ES256"]), typ="at+jwt")
