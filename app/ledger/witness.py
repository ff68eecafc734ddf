"""A witness: remembers the last checkpoint of a log it found sound, and signs the next one only where it continues it.

Pure. What the log shows is judged against what is remembered; whoever calls fetches, keeps and sends. A log that shows
different people different trees is found out as soon as two of them compare notes, and a witness is who everybody
compares with.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.errors import Conflict, DataFault, RequestInvalid, TrucError
from app.signing import merkle
from app.signing.checkpoint import Checkpoint, open_checkpoint
from app.signing.note import COSIGNATURE, NoteSigner, VerifierKey

STATE_FORMAT: Final = "truc-witness-1"
KEY_BEGINNING: Final = "PRIVATE+KEY+"
"""As Go's note package begins files of private keys: `PRIVATE+KEY+name+hash+key`."""


class Break(StrEnum):
    """Why a log is not what it was."""

    SHORTER = "shorter"
    """It shows fewer entries than it showed before: an old copy, or a ledger that was thrown back."""
    ANOTHER_ROOT = "another-root"
    """It shows another root at the same size: two trees were signed."""
    NOT_CONTINUED = "not-continued"
    """Its proof does not lead from what was seen to what it shows: entries that were there changed or went."""
    ANOTHER_LOG = "another-log"
    """It goes by another name than before."""


WORDS: Final = {
    Break.SHORTER: (
        "the ledger shows {shown} entries, and {seen} were seen before",
        "sổ cái hiện có {shown} mục, trong khi trước đây đã thấy {seen} mục",
    ),
    Break.ANOTHER_ROOT: (
        "the ledger shows another root at {shown} entries than before: two trees were signed",
        "sổ cái có giá trị gốc khác với trước tại cùng {shown} mục: hai cây khác nhau đã được ký",
    ),
    Break.NOT_CONTINUED: (
        "the tree of {shown} entries does not continue the tree of {seen} that was seen before",
        "cây gồm {shown} mục không phải là phần nối tiếp của cây gồm {seen} mục đã thấy trước đây",
    ),
    Break.ANOTHER_LOG: (
        "the ledger goes by another name than before",
        "sổ cái mang tên khác với trước đây",
    ),
}
"""What each of them is called, in English and Vietnamese."""


class Inconsistent(Conflict):
    """The log shows what does not continue what was seen."""

    title = "The ledger does not continue what was seen before"
    title_vi = "Sổ cái không nối tiếp trạng thái đã thấy trước đây"

    def __init__(self, broken: Break, *, seen: Checkpoint, shown: Checkpoint) -> None:
        english, self.vietnamese = (each.format(seen=seen.size, shown=shown.size) for each in WORDS[broken])
        super().__init__(english)
        self.broken = broken


@dataclass(frozen=True, slots=True)
class Memory:
    """What a witness remembers of a log.

    Attributes:
        keys: verifier keys of the log that it goes by.
        note: the last checkpoint it found sound, as the log signed it; None before the first.
        seen_at: when that was, UTC; None before the first.
    """

    keys: tuple[VerifierKey, ...]
    note: str | None = None
    seen_at: datetime | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `text` wrote.

        Raises:
            DataFault: it is something else; a witness that forgot must not sign on as if nothing had been.
        """
        try:
            found = json.loads(text)
            _check_form(found)
            keys = tuple(VerifierKey.read(each) for each in found["log_keys"])
            seen_at = None if found["seen_at"] is None else datetime.fromisoformat(found["seen_at"])
            memory = cls(keys, found["note"], seen_at)
            memory.checkpoint()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, TrucError) as error:
            raise DataFault(f"the state of the witness cannot be read: {error}") from error
        return memory

    def text(self) -> str:
        """Write it as a file."""
        seen_at = None if self.seen_at is None else self.seen_at.isoformat()
        members = {
            "format": STATE_FORMAT,
            "log_keys": [str(each) for each in self.keys],
            "note": self.note,
            "seen_at": seen_at,
        }
        return json.dumps(members, ensure_ascii=False, indent=2) + "\n"

    def checkpoint(self) -> Checkpoint | None:
        """Return the last checkpoint, its signature checked again.

        Raises:
            NotAuthenticated: it is not signed by one of the keys.
        """
        return None if self.note is None else open_checkpoint(self.note, log=self.keys)[0]

    def proof_wanted(self, shown: Checkpoint) -> tuple[int, int] | None:
        """Return the sizes between which a proof of consistency is needed; None where the sizes alone tell."""
        seen = self.checkpoint()
        if seen is None or not 0 < seen.size < shown.size:
            return None
        return seen.size, shown.size

    def require_continued(self, shown: Checkpoint, proof: Sequence[bytes]) -> None:
        """Refuse a checkpoint that does not continue the one that is remembered.

        Args:
            shown: signed by one of the keys; see `open_checkpoint`.
            proof: between the sizes of `proof_wanted`; empty where it asks for none.

        Raises:
            Inconsistent: it does not.
        """
        seen = self.checkpoint()
        if seen is None:
            return
        broken = _broken(seen, shown, proof)
        if broken is not None:
            raise Inconsistent(broken, seen=seen, shown=shown)


def _broken(seen: Checkpoint, shown: Checkpoint, proof: Sequence[bytes]) -> Break | None:
    if seen.origin != shown.origin:
        return Break.ANOTHER_LOG
    if shown.size < seen.size:
        return Break.SHORTER
    if shown.size == seen.size:
        return None if shown.root == seen.root else Break.ANOTHER_ROOT
    # Of an empty tree every tree is a continuation.
    continued = seen.size == 0 or merkle.consistent(proof, old=(seen.size, seen.root), new=(shown.size, shown.root))
    return None if continued else Break.NOT_CONTINUED


def read_proof(octets: bytes) -> list[bytes]:
    """Read the hashes of a proof as a node answers it, in JSON.

    Raises:
        RequestInvalid: it is no proof.
    """
    try:
        return [bytes.fromhex(each) for each in json.loads(octets)["hashes"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RequestInvalid("it is no proof of consistency") from error


def make_key(name: str) -> str:
    """Make a witness's private key, as text for a file.

    Raises:
        RequestInvalid: the name has a blank or a plus sign.
    """
    signer = NoteSigner(name, COSIGNATURE, Ed25519PrivateKey.generate())
    VerifierKey.read(str(signer.verifier))
    encoded = base64.b64encode(bytes([COSIGNATURE]) + signer.private.private_bytes_raw()).decode("ascii")
    return f"{KEY_BEGINNING}{name}+{signer.verifier.digest.hex()}+{encoded}\n"


def read_key(text: str) -> NoteSigner:
    """Read a witness's private key.

    Raises:
        RequestInvalid: it is none.
    """
    name, _, rest = text.strip().removeprefix(KEY_BEGINNING).partition("+")
    digest, _, encoded = rest.partition("+")
    try:
        octets = base64.b64decode(encoded, validate=True)
        signer = NoteSigner(name, COSIGNATURE, Ed25519PrivateKey.from_private_bytes(octets[1:]))
    except ValueError as error:
        raise RequestInvalid("the file holds no key of a witness") from error
    if not text.startswith(KEY_BEGINNING) or octets[:1] != bytes([COSIGNATURE]):
        raise RequestInvalid("the file holds no key of a witness")
    if signer.verifier.digest.hex() != digest:
        raise RequestInvalid("the key of the witness does not go with its name")
    return signer


def _check_form(found: Mapping[str, Any]) -> None:
    if found["format"] != STATE_FORMAT:
        raise ValueError(found["format"])
