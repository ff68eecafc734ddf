"""Steps (1) and (2) of the check: reading every sealed event in its order, while the tree grows over them anew."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from app.errors import DataFault
from app.ledger import leaf_check
from app.ledger.check_parts import EVENTS_AT_ONCE, EventsAsked, Lookers, SoundEvents
from app.ledger.divergence import CheckReport, Likely
from app.ledger.recounted import Recount
from app.ledger.regrown import split
from app.ledger.tree_check import TreeCheck
from app.store import census, census_tree, journal
from app.store.census import LeafRow
from app.store.database import Transaction

ORDER: Final = "(1) order"
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
        at_once: events that are read at once.
        lookers: who looks at some of them meanwhile.
    """

    tx: Transaction
    report: CheckReport
    recount: Recount | None
    tree: TreeCheck | None
    touched: set[str] | None = None
    at_once: int = EVENTS_AT_ONCE
    lookers: Lookers | None = None
    _expected: int = 0
    _sought: bool = False
    _asked: dict[int, "asyncio.Task[SoundEvents | None]"] = field(default_factory=dict)

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
        while True:
            # Ranges end at the same indices whoever looks, so that what is found is told in the same order.
            first = max(after + 1, 0)
            until = self._end_of_range(first)
            sound = await self._looked_at(after, first, until)
            if sound is not None:
                leaves, after = self._taken(sound), until
            elif rows := await census.events_after(self.tx, after, self.at_once, until=until):
                leaves, after = await self.compared(rows, first=self._expected), rows[-1].position
            else:
                behind = await census.index_behind(self.tx, until)
                if behind is None:
                    break
                after = behind - 1
                continue
            if self.tree is not None:
                await self.tree.take(leaves)
            progress("events", self._expected, self.report.size)
            passed()
        # Asked for, and passed by, because a gap was found before them.
        await asyncio.gather(*self._asked.values())
        await self._end()

    def _end_of_range(self, first: int) -> int:
        return (first // self.at_once + 1) * self.at_once - 1

    async def _looked_at(self, after: int, first: int, until: int) -> SoundEvents | None:
        """Return what another one found in a range, and have those behind it looked at."""
        if self.lookers is None or first != self._expected or until >= self.report.size:
            return None
        begin, end = after, until
        for _ in range(self.lookers.ahead):
            start = max(begin + 1, 0)
            if start not in self._asked:
                asked = EventsAsked(begin, start, end, self.recount is not None, self.touched is not None)
                self._asked[start] = asyncio.create_task(_looking(self.lookers, asked))
            begin, end = end, self._end_of_range(end + 1)
            if end >= self.report.size:
                break
        return await self._asked.pop(first)

    def _taken(self, sound: SoundEvents) -> list[bytes]:
        """Count what another one found; returns the leaf hashes the tree goes on with."""
        leaves = split(sound.leaves)
        self._expected += len(leaves)
        self.report.octets += sound.octets
        if self.recount is not None:
            self.recount.take_lines(sound.counted)
        if self.touched is not None:
            self.touched.update(sound.touched)
        return leaves

    async def compared(self, rows: Sequence[LeafRow], *, first: int) -> list[bytes]:
        """Check some events and count them; returns the leaf hashes the tree goes on with.

        Args:
            first: index at which the first of them must stand.
        """
        self._expected = first
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


async def _looking(lookers: Lookers, asked: EventsAsked) -> SoundEvents | None:
    return await lookers.events(asked)
