"""How a message is signed: Standard Webhooks 1.0.0. Keys as they are made, written down and used.

What is signed is `id.timestamp.body`; the header lists one signature for each key in force, so that a receiver that
knows either of two keys is content while they change.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.webhooks.model import Signing

KEY_BYTES: Final = 32
"""Within the 24 to 64 bytes the specification asks of a secret, and the length of an Ed25519 seed."""


def make_key() -> bytes:
    """Make a secret, or the seed of a private key."""
    return secrets.token_bytes(KEY_BYTES)


def written_secret(key: bytes) -> str:
    """Write a shared secret as it is given to the subscriber."""
    return f"whsec_{_base64(key)}"


def written_public_key(key: bytes) -> str:
    """Write the public half of a private key as it is given to the subscriber."""
    return f"whpk_{_base64(_private(key).public_key().public_bytes_raw())}"


def headers(message: str, body: bytes, *, signing: Signing, keys: Sequence[bytes], at: datetime) -> Mapping[str, str]:
    """Return the headers that identify and sign one attempt.

    Args:
        message: its id, the same at every attempt.
        keys: those in force, at least one.
        at: when the attempt is made.
    """
    timestamp = str(int(at.timestamp()))
    signed = f"{message}.{timestamp}.".encode() + body
    return {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_sign(signed, signing, key) for key in keys),
    }


def _sign(signed: bytes, signing: Signing, key: bytes) -> str:
    match signing:
        case Signing.HMAC:
            return f"v1,{_base64(hmac.digest(key, signed, hashlib.sha256))}"
        case Signing.ED25519:
            return f"v1a,{_base64(_private(key).sign(signed))}"
        case _:
            assert_never(signing)


def _private(key: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
