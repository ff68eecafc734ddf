"""Reading the ZIP of an evidence bundle, as if whoever made it wished us ill.

Not `zipfile`: a bundle has one reading only, so every octet before the directory belongs to exactly one member, each
member is written twice the same way (APPNOTE 4.3.7 and 4.3.12), and names are those of the layout. Times, attributes
and extra fields of the ZIP say nothing and are not looked at. Memory is bounded by the number of members and by what a
caller asks to have whole; long members are read in pieces.
"""

import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, Self

from app.ledger.bundle import layout
from app.markup import BytesSource, FileSource, Source

BUNDLE_OCTETS_MAX: Final = 4 * 1024**3
"""Longest bundle that is read."""
MEMBERS_MAX: Final = 500_000
"""Most members: a document to every agency there is has fewer files in its bundle."""
CONTENT_OCTETS_MAX: Final = 8 * 1024**3
"""Most octets all members may have together once they are unpacked."""
RATIO_MAX: Final = 200
"""How many times longer a long member may become by being unpacked; XML with files in base64 has 2 to 10."""
RATIO_FREE_OCTETS: Final = 4 * 1024 * 1024
"""So short a member may be packed as tightly as it likes."""
PIECE_OCTETS: Final = 256 * 1024
WHOLE_OCTETS: Final = 1024 * 1024
"""Longest document that is held in memory; a longer one goes through a nameless file."""

_STORED: Final = 0
_DEFLATED: Final = 8
_FLAGS: Final = 0x0002 | 0x0004 | 0x0008 | 0x0800
"""How hard it was deflated, sizes behind the octets, names in UTF-8; all others ask for what is not done here."""
_BEHIND: Final = 0x0008
_BIG: Final = 0xFFFFFFFF
_MANY: Final = 0xFFFF
_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_NAME_OCTETS_MAX: Final = 200
_EXTRA_OCTETS_MAX: Final = 1024


class ContainerUnreadable(ValueError):
    """The file is no container of the layout.

    Attributes:
        member: name of the member that is wrong, empty where it is the file itself.
    """

    def __init__(self, defect: str, member: str = "") -> None:
        super().__init__(f"{member}: {defect}" if member else defect)
        self.defect = defect
        self.member = member


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the container, as the directory describes it.

    Attributes:
        offset: of its local header.
        packed: octets it takes in the container.
        size: octets it has.
    """

    name: str
    offset: int
    flags: int
    method: int
    crc: int
    packed: int
    size: int


class Container:
    """A bundle whose structure holds; what is in its members is still to be read."""

    def __init__(self, file: BinaryIO, members: dict[str, Member], starts: dict[str, int]) -> None:
        self._file = file
        self._members = members
        self._starts = starts

    @classmethod
    def open(cls, file: BinaryIO) -> Self:
        """Read the directory and every local header.

        Args:
            file: seekable; stays the caller's, and must not change while the container is in use.

        Raises:
            ContainerUnreadable: something about it is not as the layout has it.
        """
        try:
            size = file.seek(0, os.SEEK_END)
            if size > BUNDLE_OCTETS_MAX:
                raise ContainerUnreadable(f"it has {size} octets; at most {BUNDLE_OCTETS_MAX} are read")
            start, count = _directory(file, size)
            members = _members(file, start, count, size)
            starts = _located(file, members, start)
        except (OSError, struct.error, OverflowError) as error:
            raise ContainerUnreadable(f"it cannot be read: {error}") from error
        return cls(file, {member.name: member for member in members}, starts)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the members, in the directory's order."""
        return tuple(self._members)

    def __contains__(self, name: str) -> bool:
        """Whether there is a member of this name."""
        return name in self._members

    def size_of(self, name: str) -> int:
        """Return how many octets a member has."""
        return self._members[name].size

    def pieces(self, name: str) -> Iterator[bytes]:
        """Give a member's octets, a piece at a time.

        Raises:
            ContainerUnreadable: they are not what the directory says: length, CRC, packing.
        """
        member = self._members[name]
        crc, size = 0, 0
        for piece in self._unpacked(member):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            if size > member.size:
                raise ContainerUnreadable("it is longer than the directory says", name)
            yield piece
        if (size, crc) != (member.size, member.crc):
            raise ContainerUnreadable("its length or its CRC is not that of the directory", name)

    def read(self, name: str, *, octets_max: int) -> bytes:
        """Return a member whole.

        Raises:
            ContainerUnreadable: it is longer than `octets_max`, or as for `pieces`.
        """
        if self._members[name].size > octets_max:
            raise _too_long(self._members[name], octets_max)
        return b"".join(self.pieces(name))

    @contextmanager
    def source(self, name: str, *, octets_max: int) -> Iterator[Source]:
        """Give a member as a source that XML is read from, until the end of the block.

        Raises:
            ContainerUnreadable: it is longer than `octets_max`, or as for `pieces`.
            OSError: there is no room for a long one.
        """
        if self._members[name].size > octets_max:
            raise _too_long(self._members[name], octets_max)
        if self._members[name].size <= WHOLE_OCTETS:
            yield BytesSource(self.read(name, octets_max=WHOLE_OCTETS))
            return
        with tempfile.NamedTemporaryFile(prefix="truc-") as file:
            for piece in self.pieces(name):
                file.write(piece)
            file.flush()
            with FileSource(file.name) as source:
                yield source

    def _unpacked(self, member: Member) -> Iterator[bytes]:
        try:
            self._file.seek(self._starts[member.name])
            left = member.packed
            packing = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == _DEFLATED else None
            while left:
                piece = self._file.read(min(left, PIECE_OCTETS))
                if not piece:
                    raise ContainerUnreadable("the file ends within it", member.name)
                left -= len(piece)
                if packing is None:
                    yield piece
                    continue
                while piece:
                    # Never more at once than a piece, however tightly it was packed.
                    yield packing.decompress(piece, PIECE_OCTETS)
                    piece = packing.unconsumed_tail
                if packing.unused_data or (packing.eof and left):
                    raise ContainerUnreadable("there is something behind its end", member.name)
            if packing is not None:
                yield packing.flush()
                if not packing.eof:
                    raise ContainerUnreadable("its packing has no end", member.name)
        except (OSError, zlib.error) as error:
            raise ContainerUnreadable(f"it cannot be unpacked: {error}", member.name) from error


def _too_long(member: Member, octets_max: int) -> ContainerUnreadable:
    return ContainerUnreadable(f"it has {member.size} octets; at most {octets_max} are read", member.name)


def _directory(file: BinaryIO, size: int) -> tuple[int, int]:
    """Return where the directory begins and how many entries it has (APPNOTE 4.3.16, 4.3.14, 4.3.15)."""
    end = _at(file, max(0, size - _END.size), _END.size)
    if len(end) < _END.size:
        raise ContainerUnreadable("it is no ZIP file: it is too short")
    signature, disk, first, here, count, length, start, comment = _END.unpack(end)
    if signature != b"PK\x05\x06" or comment:
        raise ContainerUnreadable("it is no ZIP file, or there is something behind its end")
    behind = size - _END.size
    if _MANY in (here, count) or _BIG in (length, start):
        mark, at_disk, at, disks = _LOCATOR.unpack(_at(file, max(0, behind - _LOCATOR.size), _LOCATOR.size))
        behind -= _LOCATOR.size
        fields = _END_64.unpack(_at(file, max(0, behind - _END_64.size), _END_64.size))
        behind -= _END_64.size
        large, _, _, _, disk, first, here, count, length, start = fields
        if mark != b"PK\x06\x07" or large != b"PK\x06\x06" or (at_disk, disks, at) != (0, 1, behind):
            raise ContainerUnreadable("the end of its directory contradicts itself")
    if (disk, first, here) != (0, 0, count) or start + length != behind:
        raise ContainerUnreadable("the end of its directory contradicts itself")
    if count > MEMBERS_MAX:
        raise ContainerUnreadable(f"it has {count} members; at most {MEMBERS_MAX} are read")
    return start, count


def _members(file: BinaryIO, start: int, count: int, size: int) -> list[Member]:
    """Read the directory (APPNOTE 4.3.12)."""
    file.seek(start)
    members: list[Member] = []
    seen: set[str] = set()
    unpacked, stop = 0, start
    for _ in range(count):
        entry = file.read(_ENTRY.size)
        (
            signature,
            _,
            _,
            flags,
            method,
            _,
            _,
            crc,
            packed,
            length,
            name_length,
            extra_length,
            comment,
            disk,
            _,
            _,
            at,
        ) = _ENTRY.unpack(entry)
        if signature != b"PK\x01\x02" or comment or disk:
            raise ContainerUnreadable("an entry of its directory is not one, or has a comment")
        if name_length > _NAME_OCTETS_MAX or extra_length > _EXTRA_OCTETS_MAX:
            raise ContainerUnreadable("an entry of its directory is too long")
        name = _name(file.read(name_length))
        length, packed, at = _wide(file.read(extra_length), [length, packed, at])
        if name in seen:
            raise ContainerUnreadable("it is there twice", name)
        seen.add(name)
        if flags & ~_FLAGS:
            raise ContainerUnreadable("it is encrypted, or packed in a way that is not read here", name)
        if method not in (_STORED, _DEFLATED) or (method == _STORED and packed != length):
            raise ContainerUnreadable("it is packed in a way that is not read here", name)
        if length > RATIO_FREE_OCTETS and length > RATIO_MAX * packed:
            raise ContainerUnreadable(f"it becomes more than {RATIO_MAX} times as long when it is unpacked", name)
        unpacked += length
        stop += _ENTRY.size + name_length + extra_length
        members.append(Member(name, at, flags, method, crc, packed, length))
    if unpacked > CONTENT_OCTETS_MAX:
        raise ContainerUnreadable(f"its members have {unpacked} octets; at most {CONTENT_OCTETS_MAX} are read")
    if stop > size or file.tell() != stop or not _ends(file):
        raise ContainerUnreadable("its directory is not as long as it says")
    return members


def _ends(file: BinaryIO) -> bool:
    return file.read(4) in (b"PK\x05\x06", b"PK\x06\x06")


def _located(file: BinaryIO, members: list[Member], end: int) -> dict[str, int]:
    """Go through the local headers; say where each member's octets begin. Together they fill all before the directory.

    So none lies within another, none is hidden between them, and nothing stands before the first.
    """
    starts: dict[str, int] = {}
    at = 0
    for member in sorted(members, key=lambda each: each.offset):
        if member.offset != at:
            raise ContainerUnreadable("it overlaps another member, or there is something before it", member.name)
        starts[member.name] = _local(file, member)
        at = starts[member.name] + member.packed
        if member.flags & _BEHIND:
            at += _behind(file, member, at)
    if at != end:
        raise ContainerUnreadable("there is something between its members and its directory")
    first = min(members, key=lambda each: each.offset, default=None)
    if first is None or first.name != layout.MIMETYPE or first.method != _STORED:
        raise ContainerUnreadable("its first member is not mimetype, stored (ETSI EN 319 162-1 Annex A.1)")
    return starts


def _local(file: BinaryIO, member: Member) -> int:
    """Check a local header against the directory; return where the octets begin (APPNOTE 4.3.7)."""
    header = _at(file, member.offset, _LOCAL.size)
    signature, _, flags, method, _, _, crc, packed, length, name_length, extra_length = _LOCAL.unpack(header)
    name, extra = file.read(name_length), file.read(extra_length)
    if signature != b"PK\x03\x04" or (flags, method) != (member.flags, member.method) or name != member.name.encode():
        raise ContainerUnreadable("its header is not that of the directory", member.name)
    said = (crc, *_wide(extra, [length, packed]))
    known = {(member.crc, member.size, member.packed)}
    if flags & _BEHIND:
        known |= {(0, 0, 0)}
    if said not in known or extra_length > _EXTRA_OCTETS_MAX:
        raise ContainerUnreadable("its header is not that of the directory", member.name)
    return member.offset + _LOCAL.size + len(name) + len(extra)


def _behind(file: BinaryIO, member: Member, at: int) -> int:
    """Return how long the sizes behind a member's octets are (APPNOTE 4.3.9); signature and width are free."""
    following = _at(file, at, 24)
    for width in ("<LLL", "<LQQ"):
        bound = _BIG if width == "<LLL" else BUNDLE_OCTETS_MAX * 2
        said = struct.pack(width, member.crc, min(member.packed, bound), min(member.size, bound))
        for descriptor in (b"PK\x07\x08" + said, said):
            if following.startswith(descriptor):
                return len(descriptor)
    raise ContainerUnreadable("what is said behind it is not what the directory says", member.name)


def _wide(extra: bytes, fields: list[int]) -> tuple[int, ...]:
    """Replace fields that say "too long for me" by what the ZIP64 extra field says (APPNOTE 4.5.3)."""
    wide: bytes = b""
    while extra:
        if len(extra) < 4:
            raise ContainerUnreadable("an extra field of its directory is broken")
        tag, length = struct.unpack_from("<HH", extra)
        if len(extra) < 4 + length:
            raise ContainerUnreadable("an extra field of its directory is broken")
        if tag == 1:
            wide = extra[4 : 4 + length]
        extra = extra[4 + length :]
    for number, value in enumerate(fields):
        if value == _BIG and len(wide) >= 8:
            fields[number] = int.from_bytes(wide[:8], "little")
            wide = wide[8:]
    return tuple(fields)


def _name(octets: bytes) -> str:
    """Take the names of the layout alone: no folders, no way up, nothing absolute, no two spellings of one name."""
    name = octets.decode("ascii", "backslashreplace")
    if name not in layout.UNLISTED and layout.role_of(name) is None:
        raise ContainerUnreadable("no file of an evidence bundle is called that", name[:100])
    return name


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
