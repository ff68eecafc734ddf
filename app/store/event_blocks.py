"""Blocks of the ledger: of every 1024 sealed events, between which moments they lie and what they are of.

Events do not change once they are sealed, so a block is written once, after the fact, by whoever comes first, and is
right for ever; the events behind the last block are simply looked through. With them a search passes over blocks that
cannot hold what it asks for: there is no index over time, type, tier or figure that every event would have to pay for
(decision 0024). Of what only a few events of a block have, it also says which these are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import event_blocks, events

WIDTH: Final = 1024
"""Events of a block."""

FEW: Final = 16
"""Events of a block that it names for what they have; of more it only says that there are some."""

_SHOWN = ("position", "at", "outcome", "agency", "tier", "branch", "document_type", "peer_tier", "measures")


def mark(name: str, value: str) -> str:
    """Return the line by which a block says that one of its events has this value; empty: that one has none."""
    return f"{name}:{value}"


def written(marks: Mapping[str, Sequence[int]]) -> str:
    """Return the lines of a block as they are kept.

    Args:
        marks: with the places in the block of the events that have each, from 0.
    """
    named = [f"{each}@{' '.join(map(str, places))}" for each, places in marks.items() if len(places) <= FEW]
    return "\n".join(("", *sorted([*marks, *named]), ""))


@dataclass(frozen=True, slots=True)
class Block:
    """A block that may hold what is asked for.

    Attributes:
        among: the only indices of the ledger at which it can be, ascending; None: it does not say.
    """

    number: int
    among: tuple[int, ...] | None = None


async def covered(tx: Transaction) -> int:
    """Return how many events are in blocks; those behind them are not yet."""
    last = (await tx.execute(sa.select(sa.func.max(event_blocks.c.number)))).scalar_one()
    return 0 if last is None else (int(last) + 1) * WIDTH


async def events_of(tx: Transaction, number: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return what a block is made of; fewer than `WIDTH` rows where it is not full yet."""
    first = number * WIDTH
    columns = [events.c[name] for name in _SHOWN]
    query = sa.select(*columns).where(events.c.position >= first, events.c.position < first + WIDTH)
    return (await tx.execute(query)).all()


async def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write blocks that are not there yet; what another process wrote says the same."""
    await tx.execute(upsert(tx, event_blocks).on_conflict_do_nothing(), list(rows))


def fits(
    tx: Transaction, *, since: datetime | None, until: datetime | None, marks: Sequence[str]
) -> list[sa.ColumnElement[bool]]:
    """Say that a block may hold what is asked for."""
    shown = event_blocks.c
    found = [_holds(tx, f"\n{each}\n") for each in marks]
    if since is not None:
        found.append(shown.last_at >= since)
    if until is not None:
        found.append(shown.first_at < until)
    return found


async def fitting(
    tx: Transaction,
    conditions: Sequence[sa.ColumnElement[bool]],
    *,
    first: int,
    last: int,
    limit: int,
    descending: bool,
    marks: Sequence[str] = (),
) -> list[Block]:
    """Return the blocks that fit, from one to another number, in order or against it, at most `limit`.

    Args:
        marks: of which it is told where in each block they are, as far as that says so.
    """
    number, holds = event_blocks.c.number, event_blocks.c.holds
    query = sa.select(number, holds if marks else sa.literal("").label("holds"))
    query = query.where(number >= first, number <= last, *conditions)
    rows = (await tx.execute(query.order_by(number.desc() if descending else number).limit(limit))).all()
    return [Block(row.number, _among(row.number, row.holds, marks)) for row in rows]


def _among(number: int, holds: str, marks: Sequence[str]) -> tuple[int, ...] | None:
    named = [
        {int(place) for place in line.partition("@")[2].split()}
        for line in (_line(holds, f"\n{each}@") for each in marks)
        if line
    ]
    return tuple(number * WIDTH + place for place in sorted(set.intersection(*named))) if named else None


def _line(holds: str, beginning: str) -> str:
    start = holds.find(beginning)
    return "" if start < 0 else holds[start + 1 : holds.index("\n", start + 1)]


def _holds(tx: Transaction, line: str) -> sa.ColumnElement[bool]:
    place = sa.func.instr if tx.dialect.name == "sqlite" else sa.func.strpos
    return place(event_blocks.c.holds, line) > 0
