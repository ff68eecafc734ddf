"""The key of the node's ledger: Ed25519 signatures under checkpoints, and nothing else.

Owns `ledger-0001.pem`, `ledger-0002.pem`, … of the folder of keys, and `ledger-0001.pub.pem` for the public half of one
that was retired, so that its private half may be destroyed. The highest number signs. All of them are known to whoever
asks for the public keys, so what an earlier one signed goes on verifying. Whoever holds a `LedgerKey` sees a rotation
at the next signature: the names in the folder are looked at each time. Apart from the key of receipts, whose algorithm
(ES256) readers of signed notes do not know.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.errors import DataFault, NotAuthenticated, RequestInvalid
from app.signing import key_files
from app.signing.key_files import Series, Watched
from app.signing.note import ED25519, NoteSigner, VerifierKey
from app.signing.signed_trees import SignedTrees

_SERIES: Final = Series("ledger")


@dataclass(frozen=True, slots=True)
class _Ring:
    """The keys as a folder had them.

    Attributes:
        keys: public halves, 32 octets each, oldest first, at least one.
        private: the private half of the last one.
    """

    keys: tuple[bytes, ...]
    private: Ed25519PrivateKey


class LedgerKey:
    """The keys of a ledger, oldest first; the last one signs. Safe to share between threads.

    Attributes:
        signed: which trees they signed.
    """

    def __init__(self, ring: Callable[[], _Ring], folder: Path | None = None) -> None:
        self._ring = ring
        self.signed = SignedTrees(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the keys of a folder; make the folder and the first key when there is none.

        Several processes may do this at once: exactly one key appears and all of them read it.

        Raises:
            DataFault: a key file can be read by group or others, is no regular file, or holds no Ed25519 key; or the
                private half of the newest is missing.
        """
        key_files.make_folder(folder)
        if not _SERIES.files_in(folder):
            _add(folder, 1)
        return cls(Watched(_SERIES, folder, lambda: _read_ring(folder)).current, folder)

    @classmethod
    def rotate(cls, folder: Path) -> Self:
        """Let another key sign from now on; the older ones go on verifying.

        Raises:
            DataFault: as in `open`, or 9,999 keys were made.
        """
        key_files.make_folder(folder)
        numbered = _SERIES.files_in(folder)
        last = max(numbered, default=0)
        following = _SERIES.next_number(last, folder)
        if last:
            # Whoever wants to destroy the private half of the retired key can do so now.
            retired = Ed25519PublicKey.from_public_bytes(_public_of(_read(numbered[last])))
            pem = retired.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            key_files.create(folder / _SERIES.public_name(last), pem)
        _add(folder, following)
        return cls.open(folder)

    @classmethod
    def generate(cls) -> Self:
        """Make a key that lives in memory only, for tools and tests."""
        private = Ed25519PrivateKey.generate()
        ring = _Ring((_public_of(private),), private)
        return cls(lambda: ring)

    def signer(self, origin: str) -> NoteSigner:
        """Return what signs checkpoints of a log of this name."""
        return NoteSigner(origin, ED25519, self._ring().private)

    def verifiers(self, origin: str) -> tuple[VerifierKey, ...]:
        """Return what checks them, oldest first; the last one is of the key that signs."""
        return _verifiers(origin, self._ring().keys)


def keys_in(folder: Path, origin: str) -> tuple[VerifierKey, ...]:
    """Read what checks the checkpoints of a log, oldest first, without making anything.

    Raises:
        DataFault: a key file can be read by group or others, is no regular file, or holds no Ed25519 key.
    """
    return _verifiers(origin, tuple(_public_of(_read(path)) for path in _SERIES.files_in(folder).values()))


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
        key = VerifierKey.read(f"{kid}+{base64.b64encode(bytes([ED25519]) + octets).decode('ascii')}")
    except RequestInvalid as error:
        raise NotAuthenticated(f"the key {str(kid)[:80]!r} of the set is no key of a ledger: {error.detail}") from error
    if f"{key.name}+{key.digest.hex()}" != kid:
        raise NotAuthenticated(f"the key {str(kid)[:80]!r} of the set is not called name+hash")
    return key


def _verifiers(origin: str, keys: tuple[bytes, ...]) -> tuple[VerifierKey, ...]:
    return tuple(VerifierKey(origin, ED25519, key) for key in keys)


def _add(folder: Path, number: int) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Nothing was signed with it before this call ends, so a crash that loses it loses nothing.
    key_files.create(folder / _SERIES.private_name(number), pem)


def _read_ring(folder: Path) -> _Ring:
    read = {number: _read(path) for number, path in _SERIES.files_in(folder).items()}
    if not read:
        raise DataFault(f"there is no ledger key in {folder}")
    number, newest = list(read.items())[-1]
    if not isinstance(newest, Ed25519PrivateKey):
        raise DataFault(f"the private half of ledger key {number:04} is not in {folder}; truc key rotate --ledger")
    return _Ring(tuple(map(_public_of, read.values())), newest)


def _read(path: Path) -> Ed25519PrivateKey | Ed25519PublicKey:
    key = _SERIES.load(path)
    if not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        raise DataFault(f"the ledger key {path} is not an Ed25519 key")
    return key


def _public_of(key: Ed25519PrivateKey | Ed25519PublicKey) -> bytes:
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes_raw()
