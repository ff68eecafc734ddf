"""Idempotency-Keys as rows: the first answer to a request, until the key may be forgotten."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, insert_of, upsert
from app.store.schema import idempotency_keys

_OWED = "null"
"""JSON of an answer that its own transaction still owes; never seen from outside."""


def _remember(dialect: str) -> Any:
    statement = insert_of(dialect, idempotency_keys)
    return statement.on_conflict_do_update(
        index_elements=["client_id", "key"],
        set_={"answer": statement.excluded.answer},
        where=sa.and_(
            idempotency_keys.c.fingerprint == statement.excluded.fingerprint,
            sa.cast(idempotency_keys.c.answer, sa.Text) == _OWED,
        ),
    ).returning(idempotency_keys.c.client_id, idempotency_keys.c.key)


# Made once: making a statement costs more than running it.
_REMEMBER = {dialect: _remember(dialect) for dialect in ("sqlite", "postgresql")}


async def find(tx: Transaction, client_id: str, key: str) -> sa.Row[str, Any] | None:
    """Return fingerprint and answer of the request this client used the key for."""
    query = sa.select(idempotency_keys.c.fingerprint, idempotency_keys.c.answer).where(
        idempotency_keys.c.client_id == client_id, idempotency_keys.c.key == key
    )
    return (await tx.execute(query)).first()


async def claim(tx: Transaction, *, client_id: str, key: str, fingerprint: str, expires_at: datetime) -> bool:
    """Take the key for this transaction; False where it is taken. Waits for a transaction that is about to take it."""
    row = {"client_id": client_id, "key": key, "fingerprint": fingerprint, "answer": None, "expires_at": expires_at}
    statement = upsert(tx, idempotency_keys).values(row).on_conflict_do_nothing(index_elements=["client_id", "key"])
    return (await tx.execute(statement.returning(idempotency_keys.c.key))).first() is not None


async def remember(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Keep answers, no two of the same key; returns client and key of those kept: an answer that is there stays.

    Args:
        rows: client_id, key, fingerprint, answer and expires_at of each.
    """
    if not rows:
        return set()
    kept = await tx.execute(_REMEMBER[tx.dialect.name], [dict(row) for row in rows])
    return {(row.client_id, row.key) for row in kept}


async def forget(tx: Transaction, *, before: datetime) -> int:
    """Remove the keys that expired before a moment; returns how many."""
    result = await tx.execute(idempotency_keys.delete().where(idempotency_keys.c.expires_at < before))
    return result.rowcount
