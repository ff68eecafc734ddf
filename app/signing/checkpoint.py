"""Checkpoints: how long a log is and what its root is, as a text to be signed (C2SP `tlog-checkpoint`)."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from app.errors import NotAuthenticated
from app.signing.note import Note, VerifierKey, decoded, open_note

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_ROOT_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log at one moment of its growth.

    Attributes:
        origin: name of the log, one line.
        size: number of its entries.
        root: RFC 6962 root over them, 32 octets.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the text of a note; lines behind the third are extensions and are passed over.

        Raises:
            NotAuthenticated: it is none.
        """
        lines = text.removesuffix("\n").split("\n")
        root = decoded(lines[2]) if len(lines) > 2 else None
        whole = text.endswith("\n") and all(lines)
        if not whole or root is None or len(root) != _ROOT_OCTETS or not _SIZE.fullmatch(lines[1]):
            raise NotAuthenticated("the note is no checkpoint: origin, size and root of 32 octets, a line each")
        origin, size = lines[:2]
        return cls(origin, int(size), root)


def open_checkpoint(
    note: str, *, log: Iterable[VerifierKey], others: Iterable[VerifierKey] = ()
) -> tuple[Checkpoint, Note]:
    """Read a checkpoint that the log itself signed.

    Args:
        log: keys of the log, of which one must have signed, under the origin's name.
        others: keys of witnesses, whose signatures are checked where they are there.

    Raises:
        NotAuthenticated: it is no checkpoint, the log did not sign it, or a signature of a known key does not hold.
    """
    keys = tuple(log)
    opened = open_note(note, (*keys, *others))
    checkpoint = Checkpoint.read(opened.text)
    if not any(each.key in keys and each.key.name == checkpoint.origin for each in opened.signatures):
        raise NotAuthenticated(f"the checkpoint of {checkpoint.origin!r} is not signed by a known key of that log")
    return checkpoint, opened
