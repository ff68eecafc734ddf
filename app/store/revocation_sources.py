"""Where revocations are fetched from, as rows, and how each place did last."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import authorities, certificates, crls, ocsp_answers, revocation_sources

_table = revocation_sources
_ACTIVE = "active"


async def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Insert sources that are not there yet; returns the digests that went in."""
    if not rows:
        return set()
    statement = upsert(tx, _table).values([dict(row) for row in rows])
    inserted = await tx.execute(statement.on_conflict_do_nothing(index_elements=["sha256"]).returning(_table.c.sha256))
    return set(inserted.scalars())


async def remove(tx: Transaction, sha256: str) -> sa.Row[*tuple[Any, ...]] | None:
    """Delete a source and return what it was; None where there is none."""
    return (await tx.execute(_table.delete().where(_table.c.sha256 == sha256).returning(_table))).first()


async def find(tx: Transaction, sha256: str) -> sa.Row[*tuple[Any, ...]] | None:
    """Return the source with this digest."""
    return (await tx.execute(sa.select(_table).where(_table.c.sha256 == sha256))).first()


async def page(tx: Transaction, *, after: str | None, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return sources by digest, from behind `after`."""
    query = sa.select(_table).order_by(_table.c.sha256).limit(limit)
    if after is not None:
        query = query.where(_table.c.sha256 > after)
    return (await tx.execute(query)).all()


async def count_by_issuer(tx: Transaction, issuers: Collection[str]) -> dict[tuple[str, str], int]:
    """Return how many sources of each kind these issuers have, by (digest of the issuer's name, kind)."""
    query = (
        sa.select(_table.c.issuer_sha256, _table.c.kind, sa.func.count())
        .where(_table.c.issuer_sha256.in_(issuers))
        .group_by(_table.c.issuer_sha256, _table.c.kind)
    )
    return {(issuer, kind): count for issuer, kind, count in await tx.execute(query)}


async def claim(tx: Transaction, *, at: datetime, until: datetime, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Take what is due, longest due first, so that nobody else tries it until a moment."""
    due = sa.select(_table).where(_table.c.next_try_at <= at).order_by(_table.c.next_try_at).limit(limit)
    if tx.dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True)
    claimed = (await tx.execute(due)).all()
    if claimed:
        taken = _table.c.sha256.in_([row.sha256 for row in claimed])
        await tx.execute(_table.update().where(taken).values(next_try_at=until, tried_at=at))
    return claimed


async def any_due(tx: Transaction, *, at: datetime) -> bool:
    """Tell whether anything is to be tried."""
    query = sa.select(sa.literal(1)).where(_table.c.next_try_at <= at).limit(1)
    return (await tx.execute(query)).first() is not None


async def update(tx: Transaction, sha256: str, values: Mapping[str, Any]) -> None:
    """Overwrite columns of one source."""
    await tx.execute(_table.update().where(_table.c.sha256 == sha256).values(dict(values)))


async def raise_alarm(tx: Transaction, sha256: str, *, at: datetime) -> bool:
    """Note that a source is told to be stale; False where it was told already."""
    statement = _table.update().where(_table.c.sha256 == sha256, _table.c.alarmed_at.is_(None)).values(alarmed_at=at)
    return (await tx.execute(statement)).rowcount == 1


async def end_alarm(tx: Transaction, sha256: str) -> bool:
    """Note that a source is told to be fresh again; False where nobody said anything else."""
    statement = _table.update().where(_table.c.sha256 == sha256, _table.c.alarmed_at.is_not(None))
    return (await tx.execute(statement.values(alarmed_at=None))).rowcount == 1


async def has_list(tx: Transaction, sha256: str) -> bool:
    """Tell whether this list is the one in use."""
    return (await tx.execute(sa.select(sa.literal(1)).where(crls.c.sha256 == sha256))).first() is not None


async def lists_until(tx: Transaction, issuers: Collection[str]) -> dict[str, datetime | None]:
    """Return when the next list of each of these issuers is due, by digest of its name; missing: no list is known.

    Of an issuer whose list is in parts, the part that is due first.
    """
    query = (
        sa.select(crls.c.issuer_sha256, sa.func.min(crls.c.next_update, type_=crls.c.next_update.type).label("until"))
        .where(crls.c.issuer_sha256.in_(issuers))
        .group_by(crls.c.issuer_sha256)
    )
    return {row.issuer_sha256: row.until for row in await tx.execute(query)}


async def certificate_ders(tx: Transaction, *, after: str, limit: int) -> Sequence[sa.Row[str, bytes]]:
    """Return registered certificates by digest, from behind `after`."""
    query = sa.select(certificates.c.sha256, certificates.c.der).where(certificates.c.sha256 > after)
    return (await tx.execute(query.order_by(certificates.c.sha256).limit(limit))).all()


async def authorities_ders(tx: Transaction) -> list[bytes]:
    """Return every authority between agencies and anchors."""
    return list((await tx.execute(sa.select(authorities.c.der))).scalars())


async def in_force(
    tx: Transaction,
    issuer: str,
    issuer_sha256: str,
    *,
    at: datetime,
    fetched_before: datetime | None,
    due_before: datetime,
    limit: int,
) -> list[bytes]:
    """Return certificates of an issuer that are in force here and that are to be asked about, oldest answer first.

    Args:
        issuer: its name (RFC 4514).
        issuer_sha256: digest of that name.
        fetched_before: an answer that came earlier is to be renewed; None: only those without any answer.
        due_before: so is one whose next is due earlier.
    """
    answers = ocsp_answers.c
    join = sa.and_(answers.issuer_sha256 == issuer_sha256, answers.serial == certificates.c.serial)
    query = (
        sa.select(certificates.c.der)
        .select_from(certificates.outerjoin(ocsp_answers, join))
        .where(
            certificates.c.issuer == issuer,
            certificates.c.status == _ACTIVE,
            certificates.c.not_before <= at,
            certificates.c.not_after >= at,
        )
        .order_by(answers.fetched_at.is_not(None), answers.fetched_at, certificates.c.sha256)
        .limit(limit)
    )
    wanted: sa.ColumnElement[bool] = answers.fetched_at.is_(None)
    if fetched_before is not None:
        wanted = sa.or_(wanted, answers.fetched_at < fetched_before, answers.next_update <= due_before)
    return list((await tx.execute(query.where(wanted))).scalars())


async def active_of(tx: Transaction, issuer: str) -> Sequence[sa.Row[str, str, str]]:
    """Return digest, agency and serial of an issuer's certificates that nobody has revoked at this node."""
    shown = certificates.c
    query = sa.select(shown.sha256, shown.organ_id, shown.serial)
    return (await tx.execute(query.where(shown.issuer == issuer, shown.status == _ACTIVE))).all()


async def hasten(tx: Transaction, issuers: Collection[str], *, at: datetime) -> None:
    """Have the responders of these issuers asked now: there is a certificate they were not asked about."""
    theirs = _table.c.issuer_sha256.in_(issuers) & (_table.c.kind == "ocsp") & (_table.c.next_try_at > at)
    await tx.execute(_table.update().where(theirs).values(next_try_at=at))
