"""Steps (10) and (11) of the check: the tree grown anew from the events against what is kept and what was signed.

A history that was rewritten, events together with their hashes, tiles and checkpoints, still differs from a checkpoint
somebody else keeps: that is what those given from outside are for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.errors import NotAuthenticated, RequestInvalid
from app.ledger import tree
from app.ledger.divergence import CheckReport, Likely
from app.ledger.regrown import Regrown, Tile, edge_addresses, folded, split
from app.signing.checkpoint import Checkpoint, open_checkpoint
from app.signing.note import VerifierKey, open_note
from app.store import census_tree, ledger_tiles
from app.store.database import Transaction

TREE = "(10) tree"
CHECKPOINTS = "(11) checkpoints"
_LISTED_MAX = 10

LogKeys = Callable[[str], Sequence[VerifierKey]]
"""Gives the keys that may have signed checkpoints of a log of this name."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A checkpoint that somebody kept outside of this database.

    Attributes:
        name: of where it comes from, for people.
    """

    name: str
    checkpoint: Checkpoint


@dataclass(slots=True)
class TreeCheck:
    """One check of the tree, in one transaction; fed with leaf hashes from `grown.size` on."""

    tx: Transaction
    report: CheckReport
    origin: str | None
    log_keys: LogKeys | None
    outside: Sequence[Outside] = ()
    grown: Regrown = field(default_factory=Regrown)
    _contradicted: int = 0

    async def go_on(self, size: int, root: bytes) -> bool:
        """Begin behind events that were verified another time; False where the tiles do not give that root any more."""
        tiles = await ledger_tiles.read(self.tx, edge_addresses(size))
        grown = Regrown.from_tiles(size, {tree.TileAddress(*address): hashes for address, hashes in tiles.items()})
        there = grown.root() if grown is not None else None
        if grown is None or there != root:
            now = "are not there any more" if there is None else f"give {there.hex()} now"
            message = f"{size} events were verified with the root {root.hex()}, their tiles {now}: all is read again"
            self.report.add(TREE, f"size {size}", message)
            return False
        self.grown = grown
        return True

    async def take(self, leaves: Sequence[bytes]) -> None:
        """Let the tree grow by leaf hashes, and compare all that speaks of a size it passes."""
        first = self.grown.size
        marks = await self._marks(first, first + len(leaves))
        for size in sorted(marks):
            self.grown.grow(leaves[self.grown.size - first : size - first])
            root = self.grown.root()
            for compare in marks[size]:
                compare(root)
        self.grown.grow(leaves[self.grown.size - first :])
        await self._tiles(self.grown.taken())

    async def stored_leaf(self, index: int) -> bytes | None:
        """Return the leaf hash the kept tree has at an index, None where it has none."""
        address = tree.TileAddress(0, index // tree.WIDTH)
        hashes = (await ledger_tiles.read(self.tx, [address])).get(address, b"")
        at = index % tree.WIDTH * tree.HASH_OCTETS
        return hashes[at : at + tree.HASH_OCTETS] or None

    async def end(self) -> None:
        """Compare the tiles at the edge, and find tiles and checkpoints of a ledger that is longer than this one."""
        edge = self.grown.edge()
        await self._tiles(edge)
        size = self.grown.size
        last = {level: (count - 1) // tree.WIDTH for level, count in enumerate(_counts(size))}
        for level, number in await census_tree.tiles_beyond(self.tx, last, limit=_LISTED_MAX):
            self.report.add(
                TREE, f"tile {level}/{number}", f"a tree of {size} events has no such tile", Likely.INSERTED
            )
        for row in await census_tree.checkpoints_beyond(self.tx, size, limit=_LISTED_MAX):
            message = f"it was signed for {row.size} events, the ledger holds {size}"
            self.report.add(CHECKPOINTS, row.size, message, Likely.DELETED)
        for each in self.outside:
            if each.checkpoint.size > size:
                message = f"{each.name} was signed for {each.checkpoint.size} events, the ledger holds {size}"
                self.report.add(CHECKPOINTS, each.checkpoint.size, f"{message}: its end was cut off", Likely.DELETED)

    async def _marks(self, after: int, until: int) -> dict[int, list[Callable[[bytes], None]]]:
        # What speaks of the empty ledger is looked at with the first events.
        lower = after or -1
        marks: dict[int, list[Callable[[bytes], None]]] = {}
        lines: dict[int, list[Any]] = {}
        for row in await census_tree.cosignatures_between(self.tx, lower, until):
            lines.setdefault(row.size, []).append(row)
        for row in await census_tree.checkpoints_between(self.tx, lower, until):
            marks.setdefault(row.size, []).append(self._checkpoint(row, lines.pop(row.size, ())))
        for size, orphans in lines.items():
            for line in orphans:
                message = "there is no checkpoint of this size that the witness could have signed"
                self.report.add(CHECKPOINTS, f"{size}, {line.witness}", message, Likely.INSERTED)
        for row in await census_tree.closed_months_between(self.tx, lower, until):
            marks.setdefault(row.ledger_size, []).append(self._closed(row))
        for each in self.outside:
            if lower < each.checkpoint.size <= until:
                marks.setdefault(each.checkpoint.size, []).append(self._given(each))
        return marks

    def _checkpoint(self, row: Any, lines: Sequence[Any]) -> Callable[[bytes], None]:
        def compare(root: bytes) -> None:
            self.report.checkpoints += 1
            signed = self._opened(row, lines)
            if row.root != root.hex():
                self._contradict(row.size, f"its root is {row.root}, the events give {root.hex()}")
            if signed is not None and (signed.size, signed.origin) != (row.size, self.origin):
                said = f"{signed.size} events of {signed.origin!r}"
                self.report.add(
                    CHECKPOINTS, row.size, f"its note speaks of {said}, it is kept for {row.size} of {self.origin!r}"
                )
            elif signed is not None and signed.root != root and row.root == root.hex():
                self._contradict(row.size, f"its note signs the root {signed.root.hex()}, the events give {root.hex()}")

        return compare

    def _opened(self, row: Any, lines: Sequence[Any]) -> Checkpoint | None:
        try:
            if self.log_keys is None:
                opened = open_note(row.note, ())
                signed = Checkpoint.read(opened.text)
            else:
                signed, opened = open_checkpoint(row.note, log=self.log_keys(self.origin or ""))
        except NotAuthenticated as error:
            self.report.add(CHECKPOINTS, row.size, error.detail)
            return None
        for line in lines:
            self._cosigned(row, line, opened.text)
        return signed

    def _cosigned(self, row: Any, line: Any, text: str) -> None:
        place = f"{row.size}, {line.witness}"
        try:
            key = VerifierKey.read(line.witness)
            held = open_note(f"{text}\n{line.line}", [key]).by(key)
        except (NotAuthenticated, RequestInvalid) as error:
            self.report.add(CHECKPOINTS, place, f"the line of a witness does not hold: {error.detail}")
            return
        if held is None:
            self.report.add(CHECKPOINTS, place, "the line of a witness is not by its key")
        elif held.at != line.cosigned_at:
            self.report.add(CHECKPOINTS, place, f"the witness says it saw it at {held.at}, kept is {line.cosigned_at}")

    def _closed(self, row: Any) -> Callable[[bytes], None]:
        def compare(root: bytes) -> None:
            if row.root != root.hex():
                message = f"version {row.version} was closed at the root {row.root}, the events give {root.hex()}"
                self.report.add(CHECKPOINTS, row.month, message)

        return compare

    def _given(self, outside: Outside) -> Callable[[bytes], None]:
        def compare(root: bytes) -> None:
            self.report.checkpoints += 1
            given = outside.checkpoint
            if given.origin != self.origin:
                message = f"{outside.name} is of the log {given.origin!r}, this one is {self.origin!r}"
                self.report.add(CHECKPOINTS, given.size, message)
            elif given.root != root:
                message = (
                    f"{outside.name} has the root {given.root.hex()}, the events give {root.hex()}: what stands before "
                    f"index {given.size} was rewritten since it was signed"
                )
                self.report.add(CHECKPOINTS, given.size, message)

        return compare

    def _contradict(self, size: int, message: str) -> None:
        """Note a checkpoint; of a log that was changed early hardly one holds, and the first is enough."""
        self._contradicted += 1
        if self._contradicted <= _LISTED_MAX:
            self.report.add(CHECKPOINTS, size, message)
        else:
            self.report.found += 1

    async def _tiles(self, computed: Sequence[Tile]) -> None:
        kept = await ledger_tiles.read(self.tx, [address for address, _ in computed])
        for address, hashes in computed:
            self.report.tiles += 1
            there = kept.get(address)
            if there != hashes:
                await self._differs(address, there, hashes)

    async def _differs(self, address: tree.TileAddress, there: bytes | None, computed: bytes) -> None:
        place = f"tile {address.level}/{address.number}"
        if there is None:
            self.report.add(TREE, place, "it is missing", Likely.DELETED)
            return
        kept, grown = split(there), split(computed)
        at = next((index for index, each in enumerate(grown) if kept[index : index + 1] != [each]), len(grown))
        likely = _likely(kept, grown, at)
        index = address.number * tree.WIDTH + at
        what = f"event {index}" if address.level == 0 else f"hash {at}"
        message = f"{what} is {_shown(kept, at)} in it, the events give {_shown(grown, at)}"
        above = await self._above(address) if len(kept) == len(grown) == tree.WIDTH else None
        if above is not None and above == folded(grown):
            message += "; the tile above goes with the events, so the tile was changed"
        elif above is not None and above == folded(kept):
            message += f"; the tile above goes with the tile, so {_DONE[likely]}"
        self.report.add(TREE, place, message, likely)

    async def _above(self, address: tree.TileAddress) -> bytes | None:
        parent = tree.TileAddress(address.level + 1, address.number // tree.WIDTH)
        hashes = (await ledger_tiles.read(self.tx, [parent])).get(parent, b"")
        at = address.number % tree.WIDTH * tree.HASH_OCTETS
        return hashes[at : at + tree.HASH_OCTETS] or None


_DONE: Mapping[Likely, str] = {
    Likely.CHANGED: "the event was changed together with its leaf hash",
    Likely.DELETED: "an event was taken out here and those behind it moved up",
    Likely.INSERTED: "an event was put in here and those behind it moved down",
    Likely.REORDERED: "events changed places",
}


def _likely(kept: Sequence[bytes], grown: Sequence[bytes], at: int) -> Likely:
    if sorted(kept) == sorted(grown):
        return Likely.REORDERED
    # A tile that is not full becomes shorter or longer by it; a full one takes from its neighbour.
    behind, ahead = kept[at + 1 :], grown[at + 1 :]
    if behind and behind[: len(grown) - at] == grown[at : at + len(behind)]:
        return Likely.DELETED
    if ahead and ahead[: len(kept) - at] == kept[at : at + len(ahead)]:
        return Likely.INSERTED
    if len(kept) != len(grown) and at == min(len(kept), len(grown)):
        return Likely.DELETED if len(kept) > len(grown) else Likely.INSERTED
    return Likely.CHANGED


def _shown(hashes: Sequence[bytes], at: int) -> str:
    return hashes[at].hex() if at < len(hashes) else "nothing"


def _counts(size: int) -> Iterator[int]:
    """Count the hashes of each level of a tree, lowest first."""
    while size:
        yield size
        size //= tree.WIDTH
