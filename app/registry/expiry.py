"""Forgetting what was only kept for a time: Idempotency-Keys and used assertions. For the worker."""

from datetime import datetime

from app.store import clients, idempotency
from app.store.database import Database


async def forget_expired(database: Database, *, at: datetime) -> int:
    """Remove what expired before a moment; returns how many rows.

    Args:
        at: no later than now less the clock skew that is allowed for assertions.
    """
    async with database.write() as tx:
        return await idempotency.forget(tx, before=at) + await clients.forget_assertions(tx, before=at)
