"""Keys in a token: what they sign verifies everywhere, and a token that comes and goes is found again."""

import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.errors import DataFault, RequestInvalid, Unavailable
from app.signing.node_key import KeyToken, NodeKey, keys_in, verify_jws
from app.signing.pkcs11 import Token, pin_of
from app.signing.sign import sign
from tests.signing.documents import document, present
from tests.support.pki import KeyName, Pki, make_key
from tests.support.softhsm import MODULE, SoftToken, new_token

CLAIMS = {"jti": "0192d0c4", "sha256": "ab" * 32}
RECEIPT = "receipt+jwt"


@pytest.fixture(scope="module")
def soft() -> SoftToken:
    """A token with an RSA key, its certificate, and two ECDSA keys."""
    made = new_token()
    made.bring(make_key("rsa2048", 0), label="seal", identity="01")
    made.bring(make_key("p256", 0), label="person", identity="02")
    made.bring(make_key("p384", 0), label="person-384", identity="03")
    return made


def _spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("name", ["person", "id:02"])
def test_a_key_is_found_by_label_and_by_id(soft: SoftToken, name: str) -> None:
    key = soft.token.key(name)
    assert (key.label, key.id) == ("person", b"\x02")
    assert _spki(key.public_key()) == _spki(make_key("p256", 0).public_key())  # type: ignore[arg-type]


def test_what_a_token_signs_verifies_as_if_a_file_had_signed_it(soft: SoftToken) -> None:
    rsa_key, p256, p384 = (soft.token.key(name) for name in ("seal", "person", "person-384"))
    for digest in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        value = rsa_key.sign(b"text", padding.PKCS1v15(), digest)
        make_key("rsa2048", 0).public_key().verify(value, b"text", padding.PKCS1v15(), digest)  # type: ignore[union-attr, call-arg, arg-type]
    for key, digest in ((p256, hashes.SHA256()), (p384, hashes.SHA384())):
        key.public_key().verify(key.sign(b"text", ec.ECDSA(digest)), b"text", ec.ECDSA(digest))  # type: ignore[union-attr, call-arg, arg-type]


@pytest.mark.parametrize(("name", "kind", "digest"), [("seal", "rsa2048", "sha512"), ("person-384", "p384", "sha384")])
def test_documents_are_signed_with_tokens(soft: SoftToken, name: str, kind: KeyName, digest: str) -> None:
    identity = Pki.new().seal(key=kind, slot=0)
    signed = sign(document(), key=soft.token.key(name), certificate=identity.certificate, digest=digest)
    assert present(signed).verify().covers_document


def test_a_key_of_another_certificate_is_refused_when_signing(soft: SoftToken) -> None:
    with pytest.raises(RequestInvalid, match="does not belong"):
        sign(document(), key=soft.token.key("person"), certificate=Pki.new().seal(key="p256", slot=7).certificate)


def test_the_certificate_may_lie_in_the_token(soft: SoftToken) -> None:
    identity = Pki.new().seal(key="p256", slot=0)
    assert soft.token.key("person").certificate is None
    soft.bring_certificate(identity, label="person", key="02")
    assert soft.token.key("person").certificate == identity.certificate


def test_a_wrong_pin_is_said_so_and_not_tried_again(soft: SoftToken, tmp_path: Path) -> None:
    fresh = new_token()
    fresh.pin_file.write_text("9999")
    token = fresh.token
    for expected in ("is wrong", "was wrong before"):
        with pytest.raises(RequestInvalid, match=expected):
            token.private_keys()
    fresh.pin_file.write_text("1234\n")
    assert token.private_keys() == ()


def test_what_is_not_there_is_said_so(soft: SoftToken, tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match="no RSA or ECDSA key"):
        soft.token.key("nobody")
    with pytest.raises(RequestInvalid, match="hex"):
        soft.token.key("id:xyz")
    with pytest.raises(Unavailable, match="nowhere"):
        Token(MODULE, "nowhere").private_keys()
    no_module = tmp_path / "module.so"
    no_module.write_bytes(b"no library")
    with pytest.raises(RequestInvalid, match="no PKCS#11 module"):
        Token(no_module, "node").private_keys()


def test_a_pin_file_is_read_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "pin"
    file.write_text("4321\n")
    file.chmod(0o600)
    assert pin_of(file) == "4321"
    file.chmod(0o604)
    with pytest.raises(RequestInvalid, match="everybody"):
        pin_of(file)
    file.chmod(0o600)
    file.write_text("\n")
    for wrong in (file, tmp_path, tmp_path / "none"):
        with pytest.raises(RequestInvalid, match="PIN file"):
            pin_of(wrong)


def test_many_threads_sign_with_one_token(soft: SoftToken) -> None:
    key = soft.token.key("person")
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                key.sign(b"text", ec.ECDSA(hashes.SHA256()))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_token_that_was_pulled_out_signs_again_when_it_is_back() -> None:
    soft = new_token()
    soft.bring(make_key("p256", 0), label="person")
    key = soft.token.key("person")
    with soft.pulled_out(), pytest.raises(Unavailable):
        key.sign(b"text", ec.ECDSA(hashes.SHA256()))
    value = key.sign(b"text", ec.ECDSA(hashes.SHA256()))
    key.public_key().verify(value, b"text", ec.ECDSA(hashes.SHA256()))  # type: ignore[union-attr, call-arg, arg-type]


def test_a_module_that_was_started_anew_by_somebody_else_is_asked_again(soft: SoftToken) -> None:
    key = soft.token.key("seal")
    key.sign(b"text", padding.PKCS1v15(), hashes.SHA256())
    new_token()
    key.sign(b"text", padding.PKCS1v15(), hashes.SHA256())


def test_receipts_outlive_file_token_and_file_again(tmp_path: Path) -> None:
    soft = new_token()
    keeper = KeyToken(soft.token, "truc-node")
    node = NodeKey.open(tmp_path)
    receipts = [node.sign_jws(CLAIMS, typ=RECEIPT)]
    with pytest.raises(DataFault, match="truc key rotate"):
        NodeKey.open(tmp_path, keeper)
    in_token = NodeKey.rotate(tmp_path, keeper)
    receipts.append(in_token.sign_jws(CLAIMS, typ=RECEIPT))
    receipts.append(NodeKey.rotate(tmp_path, keeper).sign_jws(CLAIMS, typ=RECEIPT))
    assert len({key.label for key in keeper.held()}) == 2
    with soft.pulled_out():
        with pytest.raises(Unavailable):
            in_token.sign_jws(CLAIMS, typ=RECEIPT)
        with pytest.raises(DataFault, match="truc key rotate"):
            NodeKey.open(tmp_path)
        again = NodeKey.rotate(tmp_path)
        receipts.append(again.sign_jws(CLAIMS, typ=RECEIPT))
        assert len({receipt.split(".")[0] for receipt in receipts}) == 4
        for receipt in receipts:
            assert again.verify_jws(receipt, typ=RECEIPT) == CLAIMS
            assert verify_jws(receipt, keys=keys_in(tmp_path), typ=RECEIPT) == CLAIMS
    assert len(again.jwks()["keys"]) == 4


def test_a_key_made_with_other_tools_is_taken_over(tmp_path: Path) -> None:
    soft = new_token()
    soft.bring(make_key("p256", 4), label="truc-node", identity="0a")
    soft.bring(make_key("p384", 4), label="truc-node-0002", identity="0b")
    keeper = KeyToken(soft.token, "truc-node")
    node = NodeKey.open(tmp_path, keeper)
    assert [path.name for path in tmp_path.iterdir()] == ["node-0001.pub.pem"]
    assert NodeKey.open(tmp_path, keeper).kid == node.kid
    other = NodeKey.open(tmp_path, KeyToken(soft.token, "truc-node"))
    first = node.kid
    soft.bring(make_key("p256", 5), label="truc-node-0002", identity="0c")
    rotated = NodeKey.rotate(tmp_path, keeper)
    assert first != rotated.kid == other.kid
    token = other.sign_jws(CLAIMS, typ=RECEIPT)
    assert node.verify_jws(token, typ=RECEIPT) == CLAIMS
