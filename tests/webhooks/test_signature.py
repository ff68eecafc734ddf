"""Signatures: the vector of the reference libraries, and agreement with a verifier written from the specification."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.webhooks import signature
from app.webhooks.model import SealedKeys, Signing
from tests.webhooks.receiver import Received

BODY = b'{"test": 2432232314}'
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, UTC)


def test_the_vector_of_the_reference_libraries() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert signature.headers(MESSAGE, BODY, signing=Signing.HMAC, keys=[key], at=AT) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("signing", Signing)
def test_what_is_signed_verifies_and_nothing_else_does(signing: Signing) -> None:
    current, earlier, strange = (signature.make_key() for _ in range(3))
    written = {
        Signing.HMAC: signature.written_secret,
        Signing.ED25519: signature.written_public_key,
    }[signing]
    headers = dict(signature.headers(MESSAGE, BODY, signing=signing, keys=[current, earlier], at=AT))
    request = Received("/", headers, BODY)
    assert request.verifies(written(current))
    assert request.verifies(written(earlier))
    assert not request.verifies(written(strange))
    assert not Received("/", headers, BODY + b" ").verifies(written(current))
    assert not Received("/", headers | {"webhook-id": "msg_other"}, BODY).verifies(written(current))
    assert not Received("/", headers | {"webhook-timestamp": "1614265331"}, BODY).verifies(written(current))


def test_keys_are_written_as_the_specification_says() -> None:
    key = signature.make_key()
    secret = signature.written_secret(key)
    assert secret.startswith("whsec_")
    assert base64.b64decode(secret.removeprefix("whsec_"), validate=True) == key
    public = signature.written_public_key(key)
    assert public.startswith("whpk_")
    expected = Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
    assert base64.b64decode(public.removeprefix("whpk_"), validate=True) == expected
    assert signature.make_key() != key


def test_the_earlier_key_signs_along_until_its_end() -> None:
    keys = SealedKeys(Signing.HMAC, b"new", earlier=b"old", earlier_until=AT)
    assert keys.in_force(AT) == (b"new",)
    assert keys.in_force(datetime.fromtimestamp(1614265329, UTC)) == (b"new", b"old")
    assert SealedKeys(Signing.HMAC, b"new").in_force(AT) == (b"new",)
    assert "new" not in repr(keys)
    assert "old" not in repr(keys)
