"""Steps (1) and (2) of the check: reading every sealed event in its order, while the tree grows over them anew."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.errors import DataFault
from app.ledger import leaf_check
from app.ledger.divergence import CheckReport, Likely
from app.ledger.recounted import Recount
from app.ledger.tree_check import TreeCheck
from app.store import census, census_tree, journal
from app.store.census import LeafRow
from app.store.database import Transaction

ORDER: Final = "(1) order"
CHUNK: Final = 4_096
"""Events read at once."""
_BEFORE_ALL: Final = -(2**63)
"""Below every index there could be, false ones included."""
_BRIDGED_MAX: Final = 100_000
"""Missing events whose leaf hashes are taken from the tree instead, so that it can be grown on behind them."""

Progress = Callable[[str, int, int], None]
"""Told of (step, done, total)."""


@dataclass(slots=True)
class EventsCheck:
    """One check of the events, in one transaction.

    Attributes:
        recount: counts them; None where what came before is not known.
        tree: grows over their leaf hashes; None where a gap is too wide for that.
        touched: takes up the documents they speak of.
    """

    tx: Transaction
    report: CheckReport
    recount: Recount | None
    tree: TreeCheck | None
    touched: set[str] | None = None
    _expected: int = 0
    _sought: bool = False

    async def size(self, *, sealed_until: datetime | None = None) -> None:
        """Read how long the ledger says it is, and how much waits.

        Args:
            sealed_until: what waits since before this moment waits too long.
        """
        try:
            self.report.size = await journal.size(self.tx)
        except DataFault as error:
            self.report.add(ORDER, "size", error.detail, Likely.DELETED)
        self.report.unsealed, oldest = await journal.unsealed_backlog(self.tx)
        if oldest is not None and sealed_until is not None and oldest < sealed_until:
            message = f"{self.report.unsealed} events wait for their index, the oldest since {oldest}: nobody seals"
            self.report.add(ORDER, "unsealed", message)

    async def all(self, progress: Progress, *, since: int = 0, passed: Callable[[], None] = lambda: None) -> None:
        """Check the events from an index on, to the end.

        Args:
            passed: called after each chunk.
        """
        self._expected = since
        after = since - 1 if since else _BEFORE_ALL
        while rows := await census.events_after(self.tx, after, CHUNK):
            leaves = await self._chunk(rows)
            if self.tree is not None:
                await self.tree.take(leaves)
            after = rows[-1].position
            progress("events", self._expected, self.report.size)
            passed()
        await self._end()

    async def _chunk(self, rows: Sequence[LeafRow]) -> list[bytes]:
        """Check some events and count them; returns the leaf hashes the tree goes on with."""
        leaves: list[bytes] = []
        recount, touched, sha256, octets_read = self.recount, self.touched, hashlib.sha256, 0
        for row in rows:
            inside = row.position == self._expected or await self._gap(row, leaves)
            octets = row.body.encode() if type(row.body) is str else leaf_check.octets_of(row.body)
            octets_read += len(octets)
            leaf = sha256(b"\x00" + octets).digest()
            if leaf.hex() != row.leaf_hash:
                leaf = await self._doubtful(row, leaf)
            elif not leaf_check.sound(row):
                leaf_check.compare(self.report, row)
            if inside:
                leaves.append(leaf)
                self._expected += 1
            if recount is not None:
                recount.take(row)
            if touched is not None and row.document is not None:
                touched.add(row.document)
        self.report.octets += octets_read
        return leaves

    async def _gap(self, row: LeafRow, leaves: list[bytes]) -> bool:
        """Note that an event does not stand where the next one must; returns whether it belongs to the tree at all."""
        if row.position < 0:
            message = "an event stands before index 0"
            self.report.add(ORDER, row.position, message, Likely.REORDERED)
            return False
        if row.position >= self.report.size:
            message = f"an event stands at index {row.position}, the ledger holds {self.report.size}"
            self.report.add(ORDER, row.position, message, Likely.INSERTED)
            return False
        first, missing = self._expected, row.position - self._expected
        stood = await self.tree.stored_leaf(first) if self.tree is not None else None
        likely, where = await self._whereabouts(stood)
        message = f"index {first} is missing; the next one is {row.position}{where}"
        self.report.add(ORDER, first, message, likely)
        if missing > _BRIDGED_MAX:
            self.tree = None
            self.report.passed_over.append(f"(10) tree: {missing} events are missing from index {first} on")
        elif self.tree is not None:
            # What the tree holds there lets everything behind the gap be compared as if it were not there.
            leaves.extend([await self.tree.stored_leaf(index) or bytes(32) for index in range(first, row.position)])
        self._expected = row.position
        return True

    async def _whereabouts(self, stood: bytes | None) -> tuple[Likely, str]:
        """Look for the event whose leaf hash the tree has at a missing index; once, for it takes the whole log."""
        if stood is None or self._sought:
            return Likely.DELETED, ""
        self._sought = True
        there = await census_tree.positions_of_leaf(self.tx, stood.hex())
        if not there:
            return Likely.DELETED, f"; no event hashes to {stood.hex()}, which the tree has there"
        at = there[0]
        return Likely.REORDERED, f"; its event {'has no index' if at is None else f'stands at {at}'}"

    async def _doubtful(self, row: LeafRow, leaf: bytes) -> bytes:
        """Note an event whose body does not hash to its leaf hash; returns what the tree goes on with."""
        stood = await self.tree.stored_leaf(row.position) if self.tree is not None and row.position >= 0 else None
        leaf_check.hash_differs(self.report, row, leaf.hex(), stood.hex() if stood is not None else None)
        # One of the two is as it was, and is told of above; the tree need not tell of it again.
        return stood if stood is not None and stood.hex() == row.leaf_hash else leaf

    async def _end(self) -> None:
        if self._expected != self.report.size:
            message = f"the ledger says it holds {self.report.size} events, there are {self._expected} without a gap"
            likely = Likely.DELETED if self._expected < self.report.size else Likely.INSERTED
            self.report.add(ORDER, self._expected, message, likely)
        if self.tree is not None:
            await self.tree.end()
