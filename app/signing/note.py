"""Signed notes: a text and signatures under it that people can read and programs can check (C2SP `signed-note`).

A verifier key is `name+hash+key`, a signature line `— name base64(hash ‖ signature)`. Ed25519 (algorithm 0x01) signs
the text itself; a cosignature (0x04, C2SP `tlog-cosignature`) signs it with the moment at which the witness saw it.
Signatures by keys that are not known are passed over, as the specification asks; one by a known key that does not hold
spoils the whole note.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from typing_extensions import override

from app.errors import NotAuthenticated, RequestInvalid

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
NOTE_OCTETS_MAX: Final = 1_000_000
"""Longest note that is read; the specification asks for a bound and names this one."""
SIGNATURES_MAX: Final = 100

_NAME: Final = re.compile(r"[^\s+\x00-\x1f\x7f]{1,255}")
_LINE: Final = re.compile(rf"— ({_NAME.pattern}) ([A-Za-z0-9+/]+={{0,2}})")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_HASH_OCTETS: Final = 4
_KEY_OCTETS: Final = 32
_SIGNATURE_OCTETS: Final = 64
_TIME_OCTETS: Final = 8
_ENCODED_MAX: Final = 100


def decoded(encoded: str) -> bytes | None:
    """Decode base64 (RFC 4648 §4), None where it is none; of several spellings of the same octets only one is taken."""
    try:
        octets = base64.b64decode(encoded.encode("ascii"), validate=True)
    except ValueError:
        return None
    return octets if base64.b64encode(octets).decode("ascii") == encoded else None


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and the name it signs under.

    Attributes:
        name: no blank and no plus sign in it.
        algorithm: ED25519 or COSIGNATURE.
        key: 32 octets.
    """

    name: str
    algorithm: int
    key: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `name+hash+key`; blanks around it do not count.

        Raises:
            RequestInvalid: it is none, of another algorithm, or its hash is not that of its name and key.
        """
        name, _, rest = text.strip().partition("+")
        digest, _, encoded = rest.partition("+")
        octets = decoded(encoded) if len(encoded) < _ENCODED_MAX else None
        if octets is None:
            raise RequestInvalid(f"the verifier key {text[:80]!r} is not name+hash+base64")
        if not _NAME.fullmatch(name) or len(octets) != _KEY_OCTETS + 1 or octets[0] not in (ED25519, COSIGNATURE):
            raise RequestInvalid(f"the verifier key {text[:80]!r} is not name+hash+key of an Ed25519 key")
        key = cls(name, octets[0], octets[1:])
        if key.digest.hex() != digest:
            raise RequestInvalid(f"the verifier key of {name!r} has the hash {digest[:8]!r}, its key gives another")
        return key

    @property
    def digest(self) -> bytes:
        """The four octets by which signature lines say which key they are by."""
        signed = self.name.encode("utf-8") + b"\n" + bytes([self.algorithm]) + self.key
        return hashlib.sha256(signed).digest()[:_HASH_OCTETS]

    @override
    def __str__(self) -> str:
        """Write `name+hash+key`."""
        encoded = base64.b64encode(bytes([self.algorithm]) + self.key).decode("ascii")
        return f"{self.name}+{self.digest.hex()}+{encoded}"


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A private key and the name it signs under.

    Raises:
        RequestInvalid: the name is empty or too long, or has blanks, plus signs or control characters.
    """

    name: str
    algorithm: int
    private: Ed25519PrivateKey

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise RequestInvalid(f"nothing can be signed as {self.name[:80]!r}: a name has no blank and no plus sign")

    @property
    def verifier(self) -> VerifierKey:
        """What checks its signatures."""
        return VerifierKey(self.name, self.algorithm, self.private.public_key().public_bytes_raw())

    def line(self, text: str, *, at: datetime | None = None) -> str:
        """Return the signature line for a text, with its line feed.

        Args:
            at: the moment a witness saw it, aware; only and always with COSIGNATURE, whole seconds count.
        """
        assert (at is not None) == (self.algorithm == COSIGNATURE)
        moment = b"" if at is None else int(at.timestamp()).to_bytes(_TIME_OCTETS, "big")
        signed = _signed(text, moment)
        octets = self.verifier.digest + moment + self.private.sign(signed)
        return f"— {self.name} {base64.b64encode(octets).decode('ascii')}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line whose key is known and that holds.

    Attributes:
        at: when a witness says it saw the text, UTC; None for the signature of a log.
        line: as it stands in the note, with its line feed.
    """

    key: VerifierKey
    at: datetime | None
    line: str


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was opened.

    Attributes:
        text: what was signed, with its last line feed.
        signatures: those by known keys, all of which hold; may be empty.
    """

    text: str
    signatures: tuple[Signature, ...]

    def by(self, key: VerifierKey) -> Signature | None:
        """Return the signature by a key, None where it did not sign."""
        return next((each for each in self.signatures if each.key == key), None)


def write_note(text: str, lines: Iterable[str]) -> str:
    """Put a text and its signature lines together."""
    return f"{text}\n{''.join(lines)}"


def text_of(note: str) -> str:
    """Return the text of a note one wrote oneself, unchecked, with its last line feed."""
    return f"{note.rpartition(chr(10) * 2)[0]}\n"


def open_note(note: str, keys: Iterable[VerifierKey]) -> Note:
    """Check the signatures of a note as far as their keys are known.

    Who must have signed is for the caller to say; a note with no signature by a known key proves nothing.

    Raises:
        NotAuthenticated: it is no signed note, or a signature by a known key does not hold.
    """
    text, lines = _taken_apart(note)
    known = {(key.name, key.digest): key for key in keys}
    found: dict[VerifierKey, Signature] = {}
    for line in lines:
        name, octets = _parts(line)
        key = known.get((name, octets[:_HASH_OCTETS]))
        if key is not None:
            # Each is checked, and the first one of a key is given.
            found.setdefault(key, _checked(text, line, key, octets[_HASH_OCTETS:]))
    return Note(text, tuple(found.values()))


def _taken_apart(note: str) -> tuple[str, list[str]]:
    try:
        octets = len(note.encode("utf-8")) if len(note) <= NOTE_OCTETS_MAX else len(note)
    except UnicodeEncodeError as error:
        raise NotAuthenticated("the note holds characters that are none") from error
    if octets > NOTE_OCTETS_MAX:
        raise NotAuthenticated(f"the note has {octets} octets; at most {NOTE_OCTETS_MAX} are read")
    if _CONTROL.search(note):
        raise NotAuthenticated("the note holds control characters; its lines end with a line feed alone")
    text, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise NotAuthenticated("this is no signed note: a text, an empty line and signatures, each ending its line")
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NotAuthenticated(f"the note has {len(lines)} signatures; at most {SIGNATURES_MAX} are read")
    return f"{text}\n", lines


def _parts(line: str) -> tuple[str, bytes]:
    form = _LINE.fullmatch(line)
    octets = decoded(form.group(2)) if form else None
    if form is None or octets is None or len(octets) <= _HASH_OCTETS:
        raise NotAuthenticated(f"{line[:60]!r} is no signature line")
    return form.group(1), octets


def _checked(text: str, line: str, key: VerifierKey, octets: bytes) -> Signature:
    moment = octets[:-_SIGNATURE_OCTETS]
    if len(moment) != (_TIME_OCTETS if key.algorithm == COSIGNATURE else 0):
        raise NotAuthenticated(f"the signature of {key.name!r} has the wrong length")
    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(octets[len(moment) :], _signed(text, moment))
        at = datetime.fromtimestamp(int.from_bytes(moment, "big"), UTC) if moment else None
    except (InvalidSignature, ValueError, OverflowError, OSError) as error:
        raise NotAuthenticated(f"the signature of {key.name!r} does not match") from error
    return Signature(key, at, f"{line}\n")


def _signed(text: str, moment: bytes) -> bytes:
    if not moment:
        return text.encode("utf-8")
    return f"cosignature/v1\ntime {int.from_bytes(moment, 'big')}\n{text}".encode()
