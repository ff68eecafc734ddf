"""The tree over all events, kept as tiles: what to write when it grows, what to read for a root or a proof.

RFC 6962 §2.1 hashing; tiles after C2SP `tlog-tiles`: a tile of level L holds up to 256 hashes, each of a perfect
subtree of 256^L events. A hash in a tile never changes once written, and a tile only grows at its end, so whatever was
read of a smaller tree holds in every later one.

Pure: says which tiles it needs, and computes from those it is given. Tiles are written in the transaction that gives
events their index, so there is no moment at which one is without the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from app.errors import DataFault
from app.signing import merkle

WIDTH: Final = 256
"""Hashes of a full tile (C2SP tlog-tiles)."""
HASH_OCTETS: Final = 32
_HEIGHT: Final = 8
"""Levels of the tree that one level of tiles spans: 256 is two to the power of eight."""


Tiles = Mapping[tuple[int, int], bytes]
"""Hashes of tiles by level and number."""


class TileAddress(NamedTuple):
    """Which tile: its level, 0 over the events themselves, and its number in the level, from 0."""

    level: int
    number: int


class Span(NamedTuple):
    """Events from `first` up to but not including `end`: what one hash of a proof stands for."""

    first: int
    end: int


def edge(size: int) -> tuple[TileAddress, ...]:
    """Return the tiles at the right edge of a tree of this size that are not full, lowest level first."""
    found = []
    level, count = 0, size
    while count:
        if count % WIDTH:
            found.append(TileAddress(level, count // WIDTH))
        level, count = level + 1, count // WIDTH
    return tuple(found)


def grown(tiles: Tiles, size: int, leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Return the tiles that differ when leaf hashes are appended to a tree of this size.

    Args:
        tiles: at least those of `edge(size)`, as they are kept.

    Raises:
        DataFault: one of them is missing or has not the length it must have.
    """
    changed: dict[tuple[int, int], bytes] = {}
    level, count, added = 0, size, list(leaves)
    while added:
        number, held = divmod(count, WIDTH)
        hashes = _whole(tiles, TileAddress(level, number), held) + b"".join(added)
        above = []
        for offset in range(0, len(hashes), WIDTH * HASH_OCTETS):
            tile = hashes[offset : offset + WIDTH * HASH_OCTETS]
            changed[TileAddress(level, number + offset // (WIDTH * HASH_OCTETS))] = tile
            if len(tile) == WIDTH * HASH_OCTETS:
                above.append(_folded(tile))
        level, count, added = level + 1, count // WIDTH, above
    return changed


def root_span(size: int) -> Span:
    """Return the span whose hash is the root of a tree of this size."""
    return Span(0, size)


def inclusion_spans(index: int, size: int) -> tuple[Span, ...]:
    """Return what the proof consists of that an event is in a tree, lowest first (RFC 6962 §2.1.1, PATH).

    Raises:
        IndexError: there is no such event in a tree of this size.
    """
    if not 0 <= index < size:
        raise IndexError(f"no event {index} among {size}")
    spans = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(first, middle))
            first = middle
    return tuple(reversed(spans))


def consistency_spans(old: int, new: int) -> tuple[Span, ...]:
    """Return what the proof consists of that a tree is the beginning of another (RFC 6962 §2.1.2, PROOF).

    Raises:
        IndexError: the old tree is empty, or longer than the new one.
    """
    if not 0 < old <= new:
        raise IndexError(f"no proof from {old} to {new} events: the first must be at least 1 and not above the second")
    spans = []
    first, end, complete = 0, new, True
    while old != end:
        middle = first + _split(end - first)
        if old <= middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(first, middle))
            first, complete = middle, False
    if not complete:
        spans.append(Span(first, end))
    return tuple(reversed(spans))


def tiles_for(spans: Iterable[Span]) -> tuple[TileAddress, ...]:
    """Return the tiles that hashes of these spans are computed from."""
    return tuple(sorted({_place(height, number)[0] for span in spans for height, number in _perfect(span)}))


def hash_of(tiles: Tiles, span: Span) -> bytes:
    """Compute the hash of a span of events from tiles, which hold at least those of `tiles_for`.

    Raises:
        DataFault: a tile is missing, or shorter than it must be.
    """
    return merkle.joined([_subtree(tiles, height, number) for height, number in _perfect(span)])


def _split(length: int) -> int:
    """Return the largest power of two below a length of at least 2 (RFC 6962 §2.1)."""
    return 1 << ((length - 1).bit_length() - 1)


def _perfect(span: Span) -> list[tuple[int, int]]:
    """Cut a span into perfect subtrees from the left, as (height, number among those of the height).

    A span of the tree is perfect, or its larger part lies to the left, so the parts only shrink.
    """
    found = []
    first, end = span
    while first < end:
        height = (end - first).bit_length() - 1
        found.append((height, first >> height))
        first += 1 << height
    return found


def _place(height: int, number: int) -> tuple[TileAddress, int, int]:
    """Return the tile a subtree is computed from, the offset of its first hash there, and how many it takes."""
    level, within = divmod(height, _HEIGHT)
    first = number << within
    return TileAddress(level, first // WIDTH), first % WIDTH, 1 << within


def _subtree(tiles: Tiles, height: int, number: int) -> bytes:
    address, offset, count = _place(height, number)
    held = tiles.get(address, b"")
    wanted = held[offset * HASH_OCTETS : (offset + count) * HASH_OCTETS]
    if len(wanted) < count * HASH_OCTETS:
        raise DataFault(
            f"tile {address.level}/{address.number} of the ledger holds {len(held) // HASH_OCTETS} hashes, "
            f"{offset + count} are needed"
        )
    return _folded(wanted)


def _whole(tiles: Tiles, address: TileAddress, held: int) -> bytes:
    if not held:
        return b""
    hashes = tiles.get(address, b"")
    if len(hashes) != held * HASH_OCTETS:
        raise DataFault(
            f"tile {address.level}/{address.number} of the ledger has {len(hashes)} octets, {held} hashes are sealed"
        )
    return hashes


def _folded(hashes: bytes) -> bytes:
    """Return the root of a perfect tree over hashes, whose number is a power of two."""
    level = [hashes[at : at + HASH_OCTETS] for at in range(0, len(hashes), HASH_OCTETS)]
    while len(level) > 1:
        level = [merkle.node(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]
