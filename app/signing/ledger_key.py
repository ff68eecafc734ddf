"""The key of the node's ledger: Ed25519 signatures under checkpoints, and nothing else.

Owns `ledger-0001.pem`, `ledger-0002.pem`, … of the folder of keys, and `ledger-0001.pub.pem` for the public half of one
that was retired, so that its private half may be destroyed. The highest number signs. All of them are known to whoever
asks for the public keys, so what an earlier one signed goes on verifying. Whoever holds a `LedgerKey` sees a rotation
at the next signature: the names in the folder are looked at each time. Apart from the key of receipts, whose algorithm
(ES256) readers of signed notes do not know.
"""

import base64
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.errors import DataFault, NotAuthenticated, RequestInvalid
from app.signing import key_files
from app.signing.note import ED25519, NoteSigner, VerifierKey
from app.signing.signed_trees import SignedTrees

FILE_NAME: Final = re.compile(r"ledger-([0-9]{4})(\.pub)?\.pem")
NUMBER_MAX: Final = 9_999


@dataclass(frozen=True, slots=True)
class _Ring:
    """The keys as a folder had them.

    Attributes:
        names: of the files they were read from.
        keys: public halves, 32 octets each, oldest first, at least one.
        private: the private half of the last one.
    """

    names: frozenset[str]
    keys: tuple[bytes, ...]
    private: Ed25519PrivateKey


class LedgerKey:
    """The keys of a ledger, oldest first; the last one signs. Safe to share between threads.

    Attributes:
        signed: which trees they signed.
    """

    def __init__(self, ring: _Ring, folder: Path | None = None) -> None:
        self._ring = ring
        self._folder = folder
        self._unusable: frozenset[str] = frozenset()
        self._lock = threading.Lock()
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
        if not _numbered(folder):
            _add(folder, 1)
        return cls(_read_ring(folder), folder)

    @classmethod
    def rotate(cls, folder: Path) -> Self:
        """Let another key sign from now on; the older ones go on verifying.

        Raises:
            DataFault: as in `open`, or 9,999 keys were made.
        """
        key_files.make_folder(folder)
        numbered = _numbered(folder)
        last = max(numbered, default=0)
        if last >= NUMBER_MAX:
            raise DataFault(f"{folder} holds ledger key number {last}; the numbering ends there")
        if last:
            # Whoever wants to destroy the private half of the retired key can do so now.
            retired = Ed25519PublicKey.from_public_bytes(_public_of(_read(numbered[last])))
            pem = retired.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            key_files.create(folder / f"ledger-{last:04}.pub.pem", pem)
        _add(folder, last + 1)
        return cls.open(folder)

    @classmethod
    def generate(cls) -> Self:
        """Make a key that lives in memory only, for tools and tests."""
        private = Ed25519PrivateKey.generate()
        return cls(_Ring(frozenset(), (_public_of(private),), private))

    def signer(self, origin: str) -> NoteSigner:
        """Return what signs checkpoints of a log of this name."""
        return NoteSigner(origin, ED25519, self._current().private)

    def verifiers(self, origin: str) -> tuple[VerifierKey, ...]:
        """Return what checks them, oldest first; the last one is of the key that signs."""
        return _verifiers(origin, self._current().keys)

    def _current(self) -> _Ring:
        if self._folder is None:
            return self._ring
        try:
            names = _names(self._folder)
        except OSError:
            # The folder is away, or too many files are open.
            return self._ring
        if names not in (self._ring.names, self._unusable):
            with self._lock:
                try:
                    self._ring = _read_ring(self._folder)
                except DataFault:
                    # What was good a moment ago goes on; `truc doctor` says what is wrong with the newest.
                    self._unusable = names
        return self._ring


def keys_in(folder: Path, origin: str) -> tuple[VerifierKey, ...]:
    """Read what checks the checkpoints of a log, oldest first, without making anything.

    Raises:
        DataFault: a key file can be read by group or others, is no regular file, or holds no Ed25519 key.
    """
    return _verifiers(origin, tuple(_public_of(_read(path)) for path in _numbered(folder).values()))


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
    key_files.create(folder / f"ledger-{number:04}.pem", pem)


def _read_ring(folder: Path) -> _Ring:
    names, read = _names(folder), {number: _read(path) for number, path in _numbered(folder).items()}
    if not read:
        raise DataFault(f"there is no ledger key in {folder}")
    number, newest = list(read.items())[-1]
    if not isinstance(newest, Ed25519PrivateKey):
        raise DataFault(f"the private half of ledger key {number:04} is not in {folder}; truc key rotate --ledger")
    return _Ring(names, tuple(map(_public_of, read.values())), newest)


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(name for name in os.listdir(folder) if FILE_NAME.fullmatch(name))  # noqa: PTH208 - names only
    except FileNotFoundError:
        return frozenset()


def _numbered(folder: Path) -> dict[int, Path]:
    """Return the file of each number, in their order: the private key's where there is one, else the public one's."""
    found: dict[int, Path] = {}
    # Of one number, the longer name sorts first and is replaced by the private key's.
    for name in sorted(_names(folder), key=lambda each: (-len(each), each)):
        named = FILE_NAME.fullmatch(name)
        assert named is not None
        found[int(named.group(1))] = folder / name
    return dict(sorted(found.items()))


def _read(path: Path) -> Ed25519PrivateKey | Ed25519PublicKey:
    pem, public = key_files.read(path), path.name.endswith(".pub.pem")
    key: object
    try:
        key = (
            serialization.load_pem_public_key(pem) if public else serialization.load_pem_private_key(pem, password=None)
        )
    except (ValueError, TypeError) as error:
        half = "public" if public else "private"
        raise DataFault(f"the ledger key {path} holds no readable {half} key") from error
    if not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        raise DataFault(f"the ledger key {path} is not an Ed25519 key")
    return key


def _public_of(key: Ed25519PrivateKey | Ed25519PublicKey) -> bytes:
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes_raw()
