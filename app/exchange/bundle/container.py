"""Writing a ZIP whose members' lengths and checksums are known beforehand, piece by piece.

Members are stored as they are: the same members give the same octets whatever the library, and nobody has to unpack a
bundle to compare it. Fixed times, no attributes. Checksums come first, because readers that do not seek cannot find the
end of a stored member otherwise, and because the whole length can then be told before the first octet is sent.
Source: PKWARE APPNOTE 6.3.10 §4.3; ETSI EN 319 162-1 Annex A.1 on the first member.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_FIELD_MAX: Final = 0xFFFFFFFF
"""From here on a length or place stands in the ZIP64 extra field (§4.5.3)."""
_ENTRIES_MAX: Final = 0xFFFF
_VERSION: Final = 20
_VERSION_ZIP64: Final = 45
_DAY: Final = (1 << 5) | 1
"""1980-01-01, the first day a ZIP can name."""
_ZIP64_EXTRA: Final = 0x0001

_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_END64: Final = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64: Final = struct.Struct("<4sIQI")


@dataclass(frozen=True, slots=True)
class Member:
    """A file to be written.

    Attributes:
        name: ASCII, with `/` between folders.
        size: number of its octets.
        crc: CRC-32 of them.
        pieces: gives them, as often as it is called.
    """

    name: str
    size: int
    crc: int
    pieces: Callable[[], Iterator[bytes]]


def length(members: Sequence[Member]) -> int:
    """Return how long the ZIP of these members is, in octets."""
    at = 0
    directory = 0
    for member in members:
        directory += len(_central(member, at))
        at += len(_local(member)) + member.size
    return at + directory + len(_end(len(members), at, directory))


def written(members: Sequence[Member]) -> Iterator[bytes]:
    """Yield the ZIP of these members, in their order."""
    at, places = 0, []
    for member in members:
        places.append(at)
        head = _local(member)
        yield head
        yield from member.pieces()
        at += len(head) + member.size
    directory = 0
    for member, place in zip(members, places, strict=True):
        entry = _central(member, place)
        directory += len(entry)
        yield entry
    yield _end(len(members), at, directory)


def joined(pieces: Iterator[bytes], *, octets: int) -> Iterator[bytes]:
    """Put short pieces together until they have so many octets; each costs a turn of the server."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= octets:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _local(member: Member) -> bytes:
    name = member.name.encode("ascii")
    extra = _extra(member.size, member.size) if member.size >= _FIELD_MAX else b""
    size = min(member.size, _FIELD_MAX)
    head = _LOCAL.pack(b"PK\x03\x04", _needed(extra), 0, 0, 0, _DAY, member.crc, size, size, len(name), len(extra))
    return head + name + extra


def _central(member: Member, place: int) -> bytes:
    name = member.name.encode("ascii")
    beyond = [member.size, member.size] if member.size >= _FIELD_MAX else []
    extra = _extra(*beyond, *([place] if place >= _FIELD_MAX else []))
    size = min(member.size, _FIELD_MAX)
    needed = _needed(extra)
    head = _CENTRAL.pack(
        *(b"PK\x01\x02", needed, needed, 0, 0, 0, _DAY, member.crc, size, size, len(name), len(extra)),
        *(0, 0, 0, 0, min(place, _FIELD_MAX)),
    )
    return head + name + extra


def _end(entries: int, place: int, directory: int) -> bytes:
    end = _END.pack(
        *(b"PK\x05\x06", 0, 0, min(entries, _ENTRIES_MAX), min(entries, _ENTRIES_MAX)),
        *(min(directory, _FIELD_MAX), min(place, _FIELD_MAX), 0),
    )
    if entries < _ENTRIES_MAX and place < _FIELD_MAX and directory < _FIELD_MAX:
        return end
    further = _END64.pack(
        *(b"PK\x06\x06", _END64.size - 12, _VERSION_ZIP64, _VERSION_ZIP64, 0, 0, entries, entries),
        *(directory, place),
    )
    return further + _LOCATOR64.pack(b"PK\x06\x07", 0, place + directory, 1) + end


def _extra(*values: int) -> bytes:
    return struct.pack(f"<HH{len(values)}Q", _ZIP64_EXTRA, 8 * len(values), *values) if values else b""


def _needed(extra: bytes) -> int:
    return _VERSION_ZIP64 if extra else _VERSION
