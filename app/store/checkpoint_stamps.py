"""Which checkpoints wait for a time stamp, as rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import checkpoints, evidence, timestamp_batches

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Before every checkpoint; a bound instead of IS NOT NULL, which SQLite takes no index for."""

_c = checkpoints.c


async def waits(tx: Transaction, *, at: datetime) -> bool:
    """Tell whether a checkpoint waits whose time has come."""
    query = sa.select(_c.size).where(_c.next_try_at >= _EVER, _c.next_try_at <= at).limit(1)
    return (await tx.execute(query)).scalar_one_or_none() is not None


async def oldest(tx: Transaction) -> datetime | None:
    """Return since when a checkpoint waits, None where none does."""
    query = sa.select(sa.func.min(_c.published_at)).where(_c.next_try_at >= _EVER)
    found: datetime | None = (await tx.execute(query)).scalar_one_or_none()
    return found


async def claim(tx: Transaction, *, at: datetime, until: datetime) -> sa.Row[*tuple[Any, ...]] | None:
    """Take the newest checkpoint that waits for oneself until a moment; None where another process has it."""
    query = sa.select(checkpoints).where(_c.next_try_at >= _EVER).order_by(_c.size.desc()).limit(1)
    if tx.dialect.name == "postgresql":
        query = query.with_for_update()
    row = (await tx.execute(query)).first()
    if row is None or row.next_try_at > at:
        return None
    await tx.execute(checkpoints.update().where(_c.size == row.size).values(next_try_at=until))
    return row


async def stamped_after(tx: Transaction, size: int, *, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return checkpoints of sizes above one that say they have a time stamp, with the token's octets where it is there.

    Smallest first; `der` is None where there is no such token.
    """
    shown = (_c.size, _c.note, _c.token, _c.stamped_at, evidence.c.der)
    query = (
        sa.select(*shown)
        .select_from(checkpoints.outerjoin(evidence, evidence.c.sha256 == _c.token))
        .where(_c.size > size, sa.or_(_c.token.is_not(None), _c.stamped_at.is_not(None)))
        .order_by(_c.size)
        .limit(limit)
    )
    return (await tx.execute(query)).all()


async def unnamed_tokens(tx: Transaction) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return digest and octets of the tokens that are kept and that neither a checkpoint nor a batch names."""
    named = sa.union_all(
        *(sa.select(table.c.token).where(table.c.token.is_not(None)) for table in (checkpoints, timestamp_batches))
    )
    query = sa.select(evidence.c.sha256, evidence.c.der).where(evidence.c.kind == "timestamp")
    return (await tx.execute(query.where(evidence.c.sha256.not_in(named)).order_by(evidence.c.sha256))).all()


async def unstamped_after(tx: Transaction, size: int, *, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return size and note of checkpoints of sizes above one that name no token, smallest first."""
    query = sa.select(_c.size, _c.note).where(_c.size > size, _c.token.is_(None))
    return (await tx.execute(query.order_by(_c.size).limit(limit))).all()


async def settle(tx: Transaction, size: int, *, token: str, stamped_at: datetime) -> bool:
    """Note a checkpoint's token; those before it do not wait any longer. False where it has one already."""
    statement = (
        checkpoints.update()
        .where(_c.size == size, _c.token.is_(None))
        .values(token=token, stamped_at=stamped_at, next_try_at=None, problem=None, attempts=_c.attempts + 1)
    )
    if (await tx.execute(statement)).rowcount != 1:
        return False
    before = sa.and_(_c.size < size, _c.next_try_at >= _EVER)
    await tx.execute(checkpoints.update().where(before).values(next_try_at=None))
    return True


async def postpone(tx: Transaction, size: int, *, until: datetime, problem: str) -> None:
    """Note that an attempt failed, unless somebody else had it stamped meanwhile."""
    statement = (
        checkpoints.update()
        .where(_c.size == size, _c.token.is_(None))
        .values(next_try_at=until, problem=problem, attempts=_c.attempts + 1)
    )
    await tx.execute(statement)
