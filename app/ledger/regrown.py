"""The tree over all events grown anew from their leaf hashes, one chunk after another, in bounded memory.

Gives what has to be compared: each tile once it is full, those at the right edge, and the root of any size on the way.
Straight from RFC 6962 §2.1 and C2SP `tlog-tiles`; of `app.ledger.tree`, which writes what is compared, it takes words.
"""

from collections.abc import Sequence

from app.ledger.tree import HASH_OCTETS, WIDTH, TileAddress
from app.signing import merkle

Tile = tuple[TileAddress, bytes]


class Regrown:
    """A tree that only grows.

    Holds one tile a level that is not full, and the roots of the perfect subtrees over those that are.
    """

    def __init__(self) -> None:
        self._edge: list[list[bytes]] = [[]]
        self._perfect: list[tuple[int, bytes]] = []
        self._full: list[Tile] = []
        self.size = 0

    def grow(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes of 32 octets."""
        taken = 0
        while taken < len(leaves):
            room = WIDTH - len(self._edge[0])
            self._edge[0].extend(leaves[taken : taken + room])
            taken += room
            if len(self._edge[0]) == WIDTH:
                # Counted here already, for the number of the tile follows from it.
                self.size += WIDTH - self.size % WIDTH
                self._close(0)
        self.size += len(self._edge[0]) - self.size % WIDTH

    def _close(self, level: int) -> None:
        hashes = self._edge[level]
        self._edge[level] = []
        self._full.append((TileAddress(level, self.size // WIDTH ** (level + 1) - 1), b"".join(hashes)))
        top = folded(hashes)
        if level == 0:
            self._carry(0, top)
        if level + 1 == len(self._edge):
            self._edge.append([])
        self._edge[level + 1].append(top)
        if len(self._edge[level + 1]) == WIDTH:
            self._close(level + 1)

    def _carry(self, height: int, top: bytes) -> None:
        """Join subtrees of one height, as a counter in base two carries."""
        while self._perfect and self._perfect[-1][0] == height:
            top, height = merkle.node(self._perfect.pop()[1], top), height + 1
        self._perfect.append((height, top))

    def taken(self) -> list[Tile]:
        """Return the tiles that became full since this was asked last."""
        full, self._full = self._full, []
        return full

    def edge(self) -> list[Tile]:
        """Return the tiles that are not full, lowest level first."""
        width = [self.size // WIDTH ** (level + 1) for level in range(len(self._edge))]
        return [
            (TileAddress(level, width[level]), b"".join(hashes)) for level, hashes in enumerate(self._edge) if hashes
        ]

    def root(self) -> bytes:
        """Return the root of the tree as it is now."""
        tops = [top for _, top in self._perfect]
        rest, first = self._edge[0], 0
        while first < len(rest):
            length = 1 << ((len(rest) - first).bit_length() - 1)
            tops.append(folded(rest[first : first + length]))
            first += length
        return merkle.joined(tops)

    @classmethod
    def from_tiles(cls, size: int, tiles: dict[TileAddress, bytes]) -> "Regrown | None":
        """Go on from tiles that were kept; None where they are not those of a tree of this size.

        Args:
            tiles: the right edge and all above it, `edge_addresses`.
        """
        grown = cls()
        grown.size = size
        grown._edge = []
        levels = []
        for address in edge_addresses(size):
            held = size // WIDTH**address.level % WIDTH
            hashes = tiles.get(address, b"")[: held * HASH_OCTETS]
            if len(hashes) != held * HASH_OCTETS:
                return None
            levels.append(split(hashes))
        grown._edge = levels or [[]]
        for level in range(len(levels) - 1, 0, -1):
            for top in levels[level]:
                grown._carry((level - 1) * 8, top)
        return grown


def edge_addresses(size: int) -> list[TileAddress]:
    """Return one tile a level at the right edge of a tree, full ones' successors included, lowest level first."""
    found = []
    level, count = 0, size
    while count:
        found.append(TileAddress(level, count // WIDTH))
        level, count = level + 1, count // WIDTH
    return found


def folded(hashes: Sequence[bytes]) -> bytes:
    """Return the root over hashes whose number is a power of two."""
    level = list(hashes)
    while len(level) > 1:
        level = [merkle.node(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def split(hashes: bytes) -> list[bytes]:
    """Cut a tile into its hashes."""
    return [hashes[at : at + HASH_OCTETS] for at in range(0, len(hashes), HASH_OCTETS)]
