"""The key of the node's ledger: Ed25519 signatures under checkpoints, and nothing else.

Owns `ledger-0001.pem`, `ledger-0002.pem`, … of the folder of keys. The highest number signs. All of them are known to
whoever asks for the public keys, so what an earlier one signed goes on verifying. Apart from the key of receipts, whose
algorithm (ES256) readers of signed notes do not know.
"""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.errors import DataFault, NotAuthenticated, RequestInvalid
from app.signing import key_files
from app.signing.note import ED25519, NoteSigner, VerifierKey

FILE_NAME: Final = re.compile(r"ledger-([0-9]{4})\.pem")
NUMBER_MAX: Final = 9_999


class LedgerKey:
    """The keys of a ledger, oldest first; the last one signs."""

    def __init__(self, keys: tuple[Ed25519PrivateKey, ...]) -> None:
        self._keys = keys

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the keys of a folder; make the folder and the first key when there is none.

        Several processes may do this at once: exactly one key appears and all of them read it.

        Raises:
            DataFault: a key file can be read by group or others, is no regular file, or holds no Ed25519 key.
        """
        key_files.make_folder(folder)
        if not _numbered(folder):
            _add(folder, 1)
        return cls(tuple(_read(path) for path in _numbered(folder).values()))

    @classmethod
    def rotate(cls, folder: Path) -> Self:
        """Let another key sign from now on; the older ones go on verifying.

        Raises:
            DataFault: as in `open`, or 9,999 keys were made.
        """
        key_files.make_folder(folder)
        last = max(_numbered(folder), default=0)
        if last >= NUMBER_MAX:
            raise DataFault(f"{folder} holds ledger key number {last}; the numbering ends there")
        _add(folder, last + 1)
        return cls.open(folder)

    @classmethod
    def generate(cls) -> Self:
        """Make a key that lives in memory only, for tools and tests."""
        return cls((Ed25519PrivateKey.generate(),))

    def signer(self, origin: str) -> NoteSigner:
        """Return what signs checkpoints of a log of this name."""
        return NoteSigner(origin, ED25519, self._keys[-1])

    def verifiers(self, origin: str) -> tuple[VerifierKey, ...]:
        """Return what checks them, oldest first; the last one is of the key that signs."""
        return tuple(NoteSigner(origin, ED25519, key).verifier for key in self._keys)


def as_jwk(key: VerifierKey) -> dict[str, Any]:
    """Write a key of a log as a JWK (RFC 8037 §2); its `kid` is the name of the log and the hash of signature lines."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": base64.urlsafe_b64encode(key.key).rstrip(b"=").decode("ascii"),
        "kid": f"{key.name}+{key.digest.hex()}",
        "alg": "EdDSA",
        "use": "sig",
    }


def ledger_keys(jwks: Mapping[str, Any]) -> tuple[VerifierKey, ...]:
    """Read the keys of a ledger from a JWK Set, such as the one a node publishes, in its order; others are passed over.

    Raises:
        NotAuthenticated: not a JWK Set, or an Ed25519 key whose `kid` is not that of its name and key.
    """
    try:
        entries = [dict(entry) for entry in jwks["keys"]]
        return tuple(_of_jwk(entry) for entry in entries if (entry.get("kty"), entry.get("crv")) == ("OKP", "Ed25519"))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotAuthenticated(f"the key set cannot be read: {error}") from error


def _of_jwk(entry: Mapping[str, Any]) -> VerifierKey:
    encoded, kid = entry["x"], entry["kid"]
    octets = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    try:
        return VerifierKey.read(f"{kid}+{base64.b64encode(bytes([ED25519]) + octets).decode('ascii')}")
    except RequestInvalid as error:
        raise NotAuthenticated(f"the key {str(kid)[:80]!r} of the set is no key of a ledger: {error.detail}") from error


def _add(folder: Path, number: int) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Nothing was signed with it before this call ends, so a crash that loses it loses nothing.
    key_files.create(folder / f"ledger-{number:04}.pem", pem)


def _numbered(folder: Path) -> dict[int, Path]:
    found = {int(named.group(1)): path for path in folder.iterdir() if (named := FILE_NAME.fullmatch(path.name))}
    return dict(sorted(found.items()))


def _read(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(key_files.read(path), password=None)
    except (ValueError, TypeError) as error:
        raise DataFault(f"the ledger key {path} holds no readable private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise DataFault(f"the ledger key {path} is not an Ed25519 key")
    return key
