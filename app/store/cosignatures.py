"""What witnesses signed under checkpoints: the newest of each, and what they sign anew."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import cosignatures


async def newest_size(tx: Transaction) -> int | None:
    """Return the size of the newest checkpoint that a witness signed, None where there is none."""
    size: int | None = (await tx.execute(sa.select(sa.func.max(cosignatures.c.size)))).scalar_one()
    return size


async def newest_of(tx: Transaction, witness: str) -> sa.Row[Any] | None:
    """Return what a witness signed last, by the size of the checkpoint; None where it never signed."""
    query = sa.select(cosignatures).where(cosignatures.c.witness == witness).order_by(cosignatures.c.size.desc())
    return (await tx.execute(query.limit(1))).one_or_none()


async def write(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Write a witness's signature, in place of an earlier one under the same checkpoint."""
    insert = upsert(tx, cosignatures)
    changed = {"line": insert.excluded.line, "cosigned_at": insert.excluded.cosigned_at}
    earlier = cosignatures.c.cosigned_at < insert.excluded.cosigned_at
    statement = insert.on_conflict_do_update(index_elements=("size", "witness"), set_=changed, where=earlier)
    await tx.execute(statement, [dict(row)])
