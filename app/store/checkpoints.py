"""Checkpoints of the ledger and what witnesses signed under them, as rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import checkpoints, cosignatures, ledger_state


async def origin(tx: Transaction) -> str | None:
    """Return the name of the log, None where it has none yet."""
    query = sa.select(ledger_state.c.origin).where(ledger_state.c.id == 1)
    found: str | None = (await tx.execute(query)).scalar_one_or_none()
    return found


async def name(tx: Transaction, proposed: str) -> str:
    """Give a log without a name the proposed one; returns the name it has, which it keeps for ever."""
    nameless = sa.and_(ledger_state.c.id == 1, ledger_state.c.origin.is_(None))
    await tx.execute(ledger_state.update().where(nameless).values(origin=proposed))
    return await origin(tx) or proposed


async def latest(tx: Transaction) -> sa.Row[Any] | None:
    """Return the newest checkpoint, None before the first."""
    return (await tx.execute(sa.select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1))).one_or_none()


async def newest(tx: Transaction, *, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the newest checkpoints that are there, newest first."""
    return (await tx.execute(sa.select(checkpoints).order_by(checkpoints.c.size.desc()).limit(limit))).all()


async def latest_kept(tx: Transaction) -> sa.Row[Any] | None:
    """Return the newest checkpoint that stays."""
    query = sa.select(checkpoints).where(checkpoints.c.kept).order_by(checkpoints.c.size.desc()).limit(1)
    return (await tx.execute(query)).one_or_none()


async def latest_stamped(tx: Transaction) -> sa.Row[Any] | None:
    """Return the newest checkpoint that has a time stamp."""
    query = sa.select(checkpoints).where(checkpoints.c.stamped_at.is_not(None)).order_by(checkpoints.c.size.desc())
    return (await tx.execute(query.limit(1))).one_or_none()


async def of_size(tx: Transaction, size: int) -> sa.Row[Any] | None:
    """Return the checkpoint of a size, None where there is none, or none any more."""
    return (await tx.execute(sa.select(checkpoints).where(checkpoints.c.size == size))).one_or_none()


async def publish(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Write a checkpoint, unless there is a later one; those before it that need not be kept go.

    To be called while the row of the ledger is held.
    """
    later = sa.select(checkpoints.c.size).where(checkpoints.c.size >= row["size"]).limit(1)
    if (await tx.execute(later)).first() is not None:
        return
    await tx.execute(checkpoints.delete().where(checkpoints.c.kept.is_(False), checkpoints.c.size < row["size"]))
    await tx.execute(checkpoints.insert(), [dict(row)])


async def keep(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Let a checkpoint stay, and write it where it is gone already; without a time stamp it waits for one as said."""
    insert = upsert(tx, checkpoints)
    again = sa.func.coalesce(checkpoints.c.next_try_at, insert.excluded.next_try_at)
    waits = sa.case((checkpoints.c.token.is_(None), again), else_=checkpoints.c.next_try_at)
    statement = insert.on_conflict_do_update(index_elements=("size",), set_={"kept": True, "next_try_at": waits})
    await tx.execute(statement, [{**row, "kept": True}])


async def cosignatures_of(tx: Transaction, size: int) -> Sequence[sa.Row[Any]]:
    """Return what witnesses signed under a checkpoint, in the order of their keys."""
    query = sa.select(cosignatures).where(cosignatures.c.size == size).order_by(cosignatures.c.witness)
    return (await tx.execute(query)).all()


async def cosign(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Write a witness's signature; a witness that signs again is where it was."""
    await tx.execute(upsert(tx, cosignatures).on_conflict_do_nothing(), [dict(row)])
