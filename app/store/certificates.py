"""Certificates of agencies, trust anchors, the authorities between, and revocations, as rows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.listed import among_pairs, listed
from app.store.schema import authorities, certificates, crls, revocations, trust_anchors

_ROWS_PER_STATEMENT = 2_000
_DESCRIBED = tuple(column for column in certificates.c if column.name not in {"der", "chain_pem"})


async def insert(tx: Transaction, row: Mapping[str, Any]) -> bool:
    """Insert a certificate; False where it is registered already, for whomever."""
    statement = upsert(tx, certificates).values(dict(row)).on_conflict_do_nothing(index_elements=["sha256"])
    return (await tx.execute(statement.returning(certificates.c.sha256))).first() is not None


async def insert_many(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert certificates and return how many went in; those that are registered already do not."""
    statement = upsert(tx, certificates).values(list(rows)).on_conflict_do_nothing(index_elements=["sha256"])
    return len((await tx.execute(statement.returning(certificates.c.sha256))).all())


async def owners(tx: Transaction, sha256: Sequence[str]) -> dict[str, str]:
    """Return the codes of the agencies that have these certificates, by digest; those that nobody has are missing."""
    found: dict[str, str] = {}
    for start in range(0, len(sha256), _ROWS_PER_STATEMENT):
        some = sha256[start : start + _ROWS_PER_STATEMENT]
        query = sa.select(certificates.c.sha256, certificates.c.organ_id).where(certificates.c.sha256.in_(some))
        found |= {row.sha256: row.organ_id for row in await tx.execute(query)}
    return found


async def find(tx: Transaction, sha256: str) -> sa.Row[*tuple[Any, ...]] | None:
    """Return a certificate with its bytes and its chain."""
    return (await tx.execute(sa.select(certificates).where(certificates.c.sha256 == sha256))).first()


async def of_agency(
    tx: Transaction, organ_id: str, *, after: str | None, limit: int
) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return an agency's certificates by digest, from behind `after`, without their bytes."""
    query = sa.select(*_DESCRIBED).where(certificates.c.organ_id == organ_id).order_by(certificates.c.sha256)
    if after is not None:
        query = query.where(certificates.c.sha256 > after)
    return (await tx.execute(query.limit(limit))).all()


async def update(tx: Transaction, sha256: str, values: Mapping[str, Any]) -> None:
    """Overwrite columns of one certificate."""
    await tx.execute(certificates.update().where(certificates.c.sha256 == sha256).values(dict(values)))


async def add_authorities(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert authorities that are not there yet."""
    for row in rows:
        await tx.execute(upsert(tx, authorities).values(dict(row)).on_conflict_do_nothing(index_elements=["sha256"]))


async def authority_ders(tx: Transaction) -> list[bytes]:
    """Return every authority between agencies and anchors; a country has a few dozen."""
    return list((await tx.execute(sa.select(authorities.c.der))).scalars())


async def insert_anchor(tx: Transaction, row: Mapping[str, Any]) -> bool:
    """Insert a trust anchor; False where it is one already."""
    statement = upsert(tx, trust_anchors).values(dict(row)).on_conflict_do_nothing(index_elements=["sha256"])
    return (await tx.execute(statement.returning(trust_anchors.c.sha256))).first() is not None


async def anchor_ders(tx: Transaction) -> list[bytes]:
    """Return every trust anchor; there are a handful."""
    return list((await tx.execute(sa.select(trust_anchors.c.der))).scalars())


async def anchors(tx: Transaction, *, after: str | None, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return trust anchors by digest, from behind `after`."""
    query = sa.select(trust_anchors).order_by(trust_anchors.c.sha256).limit(limit)
    if after is not None:
        query = query.where(trust_anchors.c.sha256 > after)
    return (await tx.execute(query)).all()


async def lists_of(tx: Transaction, issuers: Collection[str]) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return what is known of the newest revocation list of these issuers, by digest of their names."""
    described = (column for column in crls.c if column.name != "der")
    return (await tx.execute(sa.select(*described).where(crls.c.issuer_sha256.in_(issuers)))).all()


async def revoked(tx: Transaction, keys: Collection[tuple[str, str]]) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return the revocations of these certificates, by (digest of the issuer's name, serial)."""
    among = among_pairs(revocations.c.issuer_sha256, revocations.c.serial, keys)
    return (await tx.execute(sa.select(revocations).where(among))).all()


async def list_der(tx: Transaction, sha256: str) -> bytes | None:
    """Return the octets of a revocation list."""
    return (await tx.execute(sa.select(crls.c.der).where(crls.c.sha256 == sha256))).scalar_one_or_none()


async def authorities_of(tx: Transaction, digests: Collection[str]) -> list[bytes]:
    """Return authorities, anchors among them, by the digests of their certificates."""
    if not digests:
        return []
    between = sa.select(authorities.c.der).where(authorities.c.sha256.in_(digests))
    trusted = sa.select(trust_anchors.c.der).where(trust_anchors.c.sha256.in_(digests))
    return list((await tx.execute(between.union_all(trusted))).scalars())


async def replace_list(tx: Transaction, row: Mapping[str, Any], *, parts: Collection[str]) -> None:
    """Keep this revocation list in place of those of the same issuer and these parts."""
    await tx.execute(crls.delete().where(crls.c.issuer_sha256 == row["issuer_sha256"], crls.c.part.in_(parts)))
    await tx.execute(crls.insert(), dict(row))


async def release_holds(
    tx: Transaction, issuer_sha256: str, *, hold: str, serials: Sequence[str] | None = None
) -> None:
    """Forget an issuer's revocations with the reason `hold`, or those of them with these serials."""
    statement = revocations.delete().where(revocations.c.issuer_sha256 == issuer_sha256, revocations.c.reason == hold)
    if serials is not None:
        statement = statement.where(revocations.c.serial.in_(listed(tx, serials)))
    await tx.execute(statement)


async def write_revocations(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or overwrite revocations, in bulk."""
    statement = upsert(tx, revocations)
    statement = statement.on_conflict_do_update(
        index_elements=["issuer_sha256", "serial"],
        set_={"revoked_at": statement.excluded.revoked_at, "reason": statement.excluded.reason},
    )
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        await tx.execute(statement, list(rows[start : start + _ROWS_PER_STATEMENT]))
