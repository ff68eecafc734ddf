"""The newest OCSP answer about each certificate, as rows; the answers themselves are in `evidence`."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import ocsp_answers


async def find_many(tx: Transaction, keys: Collection[tuple[str, str]]) -> list[sa.Row[*tuple[Any, ...]]]:
    """Return what is answered about these certificates, by (digest of the issuer's name, serial in hex)."""
    pairs = sa.tuple_(ocsp_answers.c.issuer_sha256, ocsp_answers.c.serial)
    return list((await tx.execute(sa.select(ocsp_answers).where(pairs.in_(list(keys))))).all())
