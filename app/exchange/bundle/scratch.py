"""Where the parts of a bundle lie until it is sent: in memory while they are few, then in a file without a name.

What is put here is read again when its turn comes. The file goes with the last use of it, also when the client leaves.
"""

import hashlib
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Final

from app.errors import Unavailable
from app.exchange.bundle.container import Member
from app.ledger.bundle.layout import BundledFile, role_of

IN_MEMORY_OCTETS_MAX: Final = 4 * 1024 * 1024
"""A bundle's parts without the document are some 20 KiB as a rule; lists of revocations may be megabytes."""
_PIECE_OCTETS: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A member of a bundle and its digest, hex."""

    member: Member
    sha256: str

    @property
    def listed(self) -> BundledFile:
        """It as the manifest lists it."""
        role = role_of(self.member.name)
        assert role is not None, "every part has a name of the layout"
        return BundledFile(self.member.name, self.sha256, self.member.size, role)


class Scratch:
    """The parts of one bundle that are put together; one reader or writer at a time."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_OCTETS_MAX)  # noqa: SIM115
        self._end = 0
        self._parts: dict[str, Part] = {}

    @property
    def parts(self) -> Sequence[Part]:
        """What was put here, in the order of that."""
        return tuple(self._parts.values())

    def __contains__(self, name: str) -> bool:
        """Whether there is a part of this name."""
        return name in self._parts

    def close(self) -> None:
        """Give the room back; nothing of it can be read any more."""
        self._file.close()

    def put(self, name: str, octets: bytes) -> None:
        """Keep a part.

        Raises:
            Unavailable: the disk takes no more.
        """
        writer = self.writer(name)
        writer.write(octets)
        writer.end()

    def writer(self, name: str) -> "Writer":
        """Begin a part that is written bit by bit; until it is ended nothing else may be put here."""
        return Writer(self, name, self._end)

    def append(self, octets: bytes) -> None:
        """Write at the end.

        Raises:
            Unavailable: the disk takes no more.
        """
        try:
            self._file.seek(self._end)
            self._file.write(octets)
        except OSError as error:
            raise Unavailable("no room to put a bundle together") from error
        self._end += len(octets)

    def add(self, part: Part) -> None:
        """Take a part whose octets are here, or elsewhere."""
        self._parts[part.member.name] = part

    def pieces(self, start: int, size: int) -> Iterator[bytes]:
        """Yield octets that were written."""
        while size > 0:
            self._file.seek(start)
            piece = self._file.read(min(size, _PIECE_OCTETS))
            start += len(piece)
            size -= len(piece)
            yield piece


class Writer:
    """A part that is written bit by bit."""

    def __init__(self, scratch: Scratch, name: str, start: int) -> None:
        self._scratch, self._name, self._start = scratch, name, start
        self._size, self._crc, self._digest = 0, 0, hashlib.sha256()

    def write(self, octets: bytes) -> None:
        """Add octets.

        Raises:
            Unavailable: the disk takes no more.
        """
        self._scratch.append(octets)
        self._size += len(octets)
        self._crc = zlib.crc32(octets, self._crc)
        self._digest.update(octets)

    def end(self) -> None:
        """Make what was written a part."""
        pieces = partial(self._scratch.pieces, self._start, self._size)
        self._scratch.add(Part(Member(self._name, self._size, self._crc, pieces), self._digest.hexdigest()))
