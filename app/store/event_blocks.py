"""Blocks of the ledger: of every 1024 sealed events, between which moments they lie and what they are of.

Events do not change once they are sealed, so a block is written once, after the fact, by whoever comes first, and is
right for ever; the events behind the last block are simply looked through. With them a search passes over blocks that
cannot hold what it asks for: there is no index over time, type, tier or figure that every event would have to pay for
(decision 0024).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import event_blocks, events

WIDTH: Final = 1024
"""Events of a block."""

_SHOWN = ("at", "outcome", "agency", "tier", "branch", "document_type", "peer_tier", "measures")


def mark(name: str, value: str) -> str:
    """Return the line by which a block says that one of its events has this value; empty: that one has none."""
    return f"{name}:{value}"


def written(marks: Sequence[str]) -> str:
    """Return the lines of a block as they are kept."""
    return "\n".join(("", *sorted(set(marks)), ""))


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


async def numbers(
    tx: Transaction,
    conditions: Sequence[sa.ColumnElement[bool]],
    *,
    first: int,
    last: int,
    limit: int,
    descending: bool,
) -> list[int]:
    """Return the numbers of blocks that fit, from one to another number, in order or against it, at most `limit`."""
    number = event_blocks.c.number
    query = sa.select(number).where(number >= first, number <= last, *conditions)
    return list((await tx.execute(query.order_by(number.desc() if descending else number).limit(limit))).scalars())


def _holds(tx: Transaction, line: str) -> sa.ColumnElement[bool]:
    place = sa.func.instr if tx.dialect.name == "sqlite" else sa.func.strpos
    return place(event_blocks.c.holds, line) > 0
