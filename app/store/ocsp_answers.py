"""The newest OCSP answer about each certificate, as rows; the answers themselves are in `evidence`."""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.listed import among_pairs
from app.store.schema import ocsp_answers


async def find_many(tx: Transaction, keys: Collection[tuple[str, str]]) -> list[sa.Row[*tuple[Any, ...]]]:
    """Return what is answered about these certificates, by (digest of the issuer's name, serial in hex)."""
    among = among_pairs(ocsp_answers.c.issuer_sha256, ocsp_answers.c.serial, keys)
    return list((await tx.execute(sa.select(ocsp_answers).where(among))).all())


async def write(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Keep this answer in place of an older one about the same certificate."""
    statement = upsert(tx, ocsp_answers).values(dict(row))
    key = ("issuer_sha256", "serial")
    newer = {column.name: statement.excluded[column.name] for column in ocsp_answers.c if column.name not in key}
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=key, set_=newer, where=ocsp_answers.c.this_update <= statement.excluded.this_update
        )
    )
