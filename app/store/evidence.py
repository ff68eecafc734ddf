"""What verdicts rest on, as octets under their SHA-256: certificates, revocation lists, OCSP answers, timestamps.

Kept once and for ever: a list that was cited outlives the newer one that takes its place among `crls`.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import crls, evidence


async def keep(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert what is not there yet; rows of sha256, kind, der and kept_at."""
    for row in rows:
        await tx.execute(upsert(tx, evidence).values(dict(row)).on_conflict_do_nothing(index_elements=["sha256"]))


async def keep_lists(tx: Transaction, digests: Collection[str], *, at: datetime) -> None:
    """Keep revocation lists that are in use and not kept yet; their octets do not leave the database."""
    there = sa.select(evidence.c.sha256).where(evidence.c.sha256.in_(digests))
    kind, kept_at = sa.literal("crl", evidence.c.kind.type), sa.literal(at, evidence.c.kept_at.type)
    found = sa.select(crls.c.sha256, kind, crls.c.der, kept_at).where(
        crls.c.sha256.in_(digests), crls.c.sha256.not_in(there)
    )
    columns = ["sha256", "kind", "der", "kept_at"]
    statement = upsert(tx, evidence).from_select(columns, found)
    await tx.execute(statement.on_conflict_do_nothing(index_elements=["sha256"]))


async def kept_among(tx: Transaction, digests: Collection[str]) -> set[str]:
    """Return which of these are kept, without their octets."""
    if not digests:
        return set()
    return set((await tx.execute(sa.select(evidence.c.sha256).where(evidence.c.sha256.in_(digests)))).scalars())


async def find(tx: Transaction, sha256: str) -> sa.Row[str, str, bytes, datetime] | None:
    """Return one piece of evidence with its octets."""
    return (await tx.execute(sa.select(evidence).where(evidence.c.sha256 == sha256))).first()
