"""Finding events by whatever an auditor asks, without reading the history to show the first page.

Three ways, by what is asked: the events of documents, gathered and put in order; one or some stretches of an index
(agency, actor, kind, refused) that is in ledger order; or the ledger itself, read in its order past the blocks that
cannot hold any (`event_blocks`). A range of time becomes ranges of indices first, again by the blocks: exactly, for a
block knows its least and its greatest moment, and what is in no block yet is looked through.

Where only some kinds of events can be what is asked for, as with a figure, the others of a block or an agency are not
read. What is asked beside the leading condition is looked at event by event, so a combination of which there is hardly
anything, as one agency's events of a rare type, reads that agency's events within the range of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any, Final

import sqlalchemy as sa

from app.store import event_blocks
from app.store.database import Transaction
from app.store.event_blocks import WIDTH, Block, mark
from app.store.journal import EventFilter, conditions
from app.store.schema import events

STEP_BLOCKS: Final = 128
"""Blocks that are read in one look at most, a fraction of a second."""
_STRETCHES_MAX: Final = 200
"""Stretches of an index in one statement; SQLite takes 500."""
_RUNS_MAX: Final = 32
"""Runs of blocks in one statement."""
_NODE: Final = "node"
_WITHIN: Final = frozenset({"below"})
"""What the range of indices says already."""

Range = tuple[int, int]
"""First index and the end behind the last."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found.

    Attributes:
        rows: events in the order that was asked for.
        left: what is still to be looked through; None: nothing.
    """

    rows: Sequence[sa.Row[Any]]
    left: Range | None


@dataclass(frozen=True, slots=True)
class _Search:
    tx: Transaction
    asked: EventFilter
    limit: int
    newest_first: bool
    among: tuple[str, ...] = ()

    def rest(self, rows: Sequence[sa.Row[Any]], within: Range, left: Range | None) -> Look:
        """Say what is left when these rows were found and so much was not looked at."""
        if len(rows) < self.limit:
            return Look(rows, left if left is not None and left[0] < left[1] else None)
        last = rows[-1].position
        further = (within[0], last) if self.newest_first else (last + 1, within[1])
        return Look(rows, further if further[0] < further[1] else None)

    def order(self, column: Any) -> Any:
        return column.desc() if self.newest_first else column

    def at_positions(self, positions: sa.Select[*tuple[Any, ...]], limit: int) -> sa.Select[*tuple[Any, ...]]:
        position = events.c.position
        return sa.select(events).where(position.in_(positions)).order_by(self.order(position)).limit(limit)

    async def first_of(
        self,
        ranges: Sequence[Range],
        stretches: Sequence[Sequence[sa.ColumnElement[bool]]],
        told: frozenset[str],
        *,
        limit: int,
    ) -> Sequence[sa.Row[Any]]:
        """Return the first events of some ranges for which one of several conditions holds, and all of the filter.

        Args:
            told: attributes of the filter that the conditions say.
        """
        position = events.c.position
        others = conditions(self.tx, self.asked, without=told | _WITHIN)

        def part(what: Any, within: Range, stretch: Sequence[sa.ColumnElement[bool]]) -> sa.Select[*tuple[Any, ...]]:
            found = sa.select(what).where(*stretch, *_inside(within), *others)
            return found.order_by(self.order(position)).limit(limit)

        if len(ranges) == len(stretches) == 1:
            return (await self.tx.execute(part(events, ranges[0], stretches[0]))).all()
        # Each part by itself is read from its end; one condition over all of them would sort the history.
        parts = [sa.select(part(position, each, stretch).subquery()) for each in ranges for stretch in stretches]
        together = sa.union_all(*parts).subquery()
        first = sa.select(together.c.position).order_by(self.order(together.c.position)).limit(limit)
        return (await self.tx.execute(self.at_positions(first, limit))).all()


async def look(
    tx: Transaction,
    asked: EventFilter,
    within: Range,
    *,
    limit: int,
    newest_first: bool = False,
    among: Sequence[str] = (),
) -> Look:
    """Return sealed events of a range of indices that pass the filter, and what of the range is left.

    There may be fewer events than the limit, even none, although something is left: a look has an end.

    Args:
        among: kinds that events which pass the filter are of, whatever it says of kinds; empty where that is not known.
            Others are then not even read.
    """
    search = _Search(tx, asked, limit, newest_first, tuple(dict.fromkeys(among)))
    if () in (asked.agencies, asked.documents):
        return Look((), None)
    if asked.documents is not None:
        return search.rest(await _of_documents(search, within), within, None)
    leading = _leading(asked, search.among)
    return await (_through(search, within) if leading is None else _along(search, leading, within))


async def _of_documents(search: _Search, within: Range) -> Sequence[sa.Row[Any]]:
    position = events.c.position
    found = (
        sa.select(position)
        .where(*_inside(within), *conditions(search.tx, search.asked, without=_WITHIN))
        .order_by(search.order(position))
        .limit(search.limit)
    )
    return (await search.tx.execute(search.at_positions(found, search.limit))).all()


# Along an index.


@dataclass(frozen=True, slots=True)
class _Leading:
    """Conditions that are each one stretch of an index, in ledger order.

    Attributes:
        attributes: of the filter, for which they speak.
    """

    stretches: Sequence[Sequence[sa.ColumnElement[bool]]]
    attributes: frozenset[str]


def _leading(asked: EventFilter, among: tuple[str, ...]) -> _Leading | None:
    column = events.c
    # Each once: an event that is in two stretches would be counted twice, and another one be left out for it.
    kinds = tuple(dict.fromkeys(asked.kinds))
    whose, named = ("agency", (asked.agency,)) if asked.agency is not None else ("agencies", asked.agencies)
    agencies = tuple(dict.fromkeys(named or ()))
    some = kinds or among
    if agencies and "" not in agencies and len(agencies) * max(len(some), 1) <= _STRETCHES_MAX:
        if some:
            pairs = [(column.agency == agency, column.kind == kind) for agency in agencies for kind in some]
            return _Leading(pairs, frozenset({whose, "kinds"} if kinds else {whose}))
        return _Leading([(column.agency == agency,) for agency in agencies], frozenset({whose}))
    if asked.actor and (asked.actor != _NODE or not kinds):
        return _Leading([(column.actor == asked.actor,)], frozenset({"actor"}))
    if kinds:
        return _Leading([(column.kind == kind,) for kind in kinds], frozenset({"kinds"}))
    if asked == EventFilter(below=asked.below):
        return _Leading([()], frozenset())
    if asked.outcome == "refused":
        # Written out: an index over some rows is taken where the query says which, not where a parameter does.
        return _Leading([(column.outcome == sa.literal_column("'refused'"),)], frozenset({"outcome"}))
    return None


async def _along(search: _Search, leading: _Leading, within: Range) -> Look:
    rows: list[sa.Row[Any]] = []
    ranges = await _ranges(search, within)
    for each in reversed(ranges) if search.newest_first else ranges:
        left = search.limit - len(rows)
        rows += await search.first_of([each], leading.stretches, leading.attributes, limit=left)
        if len(rows) == search.limit:
            break
    return search.rest(rows, within, None)


async def _ranges(search: _Search, within: Range) -> list[Range]:
    """Return the ranges of indices in which events of the wanted time can be, in ledger order."""
    tx, asked = search.tx, search.asked
    if asked.since is None and asked.until is None:
        return [within]
    covered = await event_blocks.covered(tx)
    fitting = event_blocks.fits(tx, since=asked.since, until=asked.until, marks=())
    ends: dict[str, Any] = {"first": within[0] // WIDTH, "last": (within[1] - 1) // WIDTH, "limit": 1}
    first = await event_blocks.fitting(tx, fitting, descending=False, **ends)
    last = await event_blocks.fitting(tx, fitting, descending=True, **ends)
    found = [(first[0].number * WIDTH, (last[0].number + 1) * WIDTH)] if first and last else []
    cut = [(max(one, within[0]), min(other, within[1])) for one, other in (*found, (covered, within[1]))]
    return [(one, other) for one, other in cut if one < other]


# Through the ledger.


async def _through(search: _Search, within: Range) -> Look:
    first, end = within
    covered = await event_blocks.covered(search.tx)
    if search.newest_first and end > max(first, covered):
        begin = max(first, covered, end - STEP_BLOCKS * WIDTH)
        return search.rest(await _all_of(search, [(begin, end)], limit=search.limit), within, (first, begin))
    if not search.newest_first and first >= covered:
        stop = min(end, first + STEP_BLOCKS * WIDTH)
        return search.rest(await _all_of(search, [(first, stop)], limit=search.limit), within, (stop, end))
    return await _through_blocks(search, within, min(end, covered))


async def _all_of(search: _Search, ranges: Sequence[Range], *, limit: int) -> Sequence[sa.Row[Any]]:
    of_kinds = [(events.c.kind == kind,) for kind in search.among]
    return await search.first_of(ranges, of_kinds or [()], frozenset(), limit=limit)


async def _through_blocks(search: _Search, within: Range, covered: int) -> Look:
    tx, (first, end), marks = search.tx, within, _marks(search.asked)
    fitting = event_blocks.fits(tx, since=search.asked.since, until=search.asked.until, marks=marks)
    ends: dict[str, Any] = {"first": first // WIDTH, "last": (covered - 1) // WIDTH}
    blocks = await event_blocks.fitting(
        tx, fitting, limit=STEP_BLOCKS, descending=search.newest_first, marks=marks, **ends
    )
    behind = None if search.newest_first else (covered, end)
    if not blocks:
        return Look((), search.rest((), within, behind).left)
    numbers = [block.number for block in blocks]
    lowest, highest = min(numbers), max(numbers)
    if len(numbers) == STEP_BLOCKS:
        behind = (first, lowest * WIDTH) if search.newest_first else ((highest + 1) * WIDTH, end)
    rows: list[sa.Row[Any]] = []
    for named, side_by_side in groupby(blocks, key=lambda block: block.among is not None):
        some, left = list(side_by_side), search.limit - len(rows)
        if left > 0:
            inside = (first, min(end, covered))
            rows += await (_at(search, some, inside, left) if named else _along_runs(search, some, inside, left))
    return search.rest(rows, within, behind)


async def _at(search: _Search, blocks: Sequence[Block], within: Range, limit: int) -> Sequence[sa.Row[Any]]:
    """Look at the events that blocks name; there are few of them."""
    positions = [each for block in blocks for each in block.among or () if within[0] <= each < within[1]]
    positions.sort(reverse=search.newest_first)
    position, others = events.c.position, conditions(search.tx, search.asked, without=_WITHIN)
    rows: list[sa.Row[Any]] = []
    for start in range(0, len(positions), 2 * limit):
        some = positions[start : start + 2 * limit]
        query = sa.select(events).where(position.in_(some), *others).order_by(search.order(position))
        rows += (await search.tx.execute(query.limit(limit - len(rows)))).all()
        if len(rows) == limit:
            break
    return rows


async def _along_runs(search: _Search, blocks: Sequence[Block], within: Range, limit: int) -> Sequence[sa.Row[Any]]:
    """Read blocks that only say that there may be some."""
    runs = _runs([block.number for block in blocks], within)
    rows: list[sa.Row[Any]] = []
    taken, width, read = 0, 1, 0
    while taken < len(runs) and len(rows) < limit:
        some = runs[taken : taken + width]
        rows += await _all_of(search, some, limit=limit - len(rows))
        taken, read = taken + width, read + sum(_length(each) for each in some)
        # As far as the page will be full when it goes on as so far, and a bit; every run of a statement is read.
        wanted = read * (limit - len(rows)) * 5 // (4 * len(rows)) if rows else 4 * read
        width = _reaching(runs[taken : taken + _RUNS_MAX], wanted)
    return rows


def _reaching(runs: Sequence[Range], events_wanted: int) -> int:
    """Return how many of these runs have so many events together; at least one."""
    for number, together in enumerate(accumulate(map(_length, runs)), start=1):
        if together >= events_wanted:
            return number
    return max(len(runs), 1)


def _length(run: Range) -> int:
    return run[1] - run[0]


def _runs(numbers: Sequence[int], within: Range) -> list[Range]:
    """Return the ranges of indices of blocks, those side by side as one, in the order of the numbers."""
    found: list[Range] = []
    for first, end in ((number * WIDTH, (number + 1) * WIDTH) for number in numbers):
        if found and found[-1][1] == first:
            found[-1] = (found[-1][0], end)
        elif found and end == found[-1][0]:
            found[-1] = (first, found[-1][1])
        else:
            found.append((first, end))
    return [(max(first, within[0]), min(end, within[1])) for first, end in found]


def _marks(asked: EventFilter) -> list[str]:
    values = {
        "outcome": asked.outcome,
        "tier": asked.tier,
        "branch": asked.branch,
        "document_type": asked.document_type,
        "peer_tier": asked.peer_tier,
        "measure": asked.measure,
        "unit": asked.unit,
        "agency": "" if asked.agency == "" else None,
    }
    return [mark(name, value) for name, value in values.items() if value is not None]


def _inside(within: Range) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return events.c.position >= within[0], events.c.position < within[1]
