"""Plans of reorganisation as rows, the directory as they see it, and what of the exchange they touch."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from app.store import agency_terms as terms
from app.store.database import Transaction
from app.store.schema import agencies, certificates, clients, deliveries, reorganisations

_PER_STATEMENT = 1_000
_RECORD = (
    agencies.c.organ_id,
    agencies.c.name,
    agencies.c.tier,
    agencies.c.branch,
    agencies.c.parent,
    agencies.c.status,
    agencies.c.valid_from,
    agencies.c.valid_to,
    agencies.c.successor,
    agencies.c.version,
)


async def insert(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Insert a plan."""
    await tx.execute(reorganisations.insert(), dict(row))


async def update(tx: Transaction, plan: str, values: Mapping[str, Any]) -> None:
    """Overwrite columns of one plan."""
    await tx.execute(reorganisations.update().where(reorganisations.c.id == plan).values(dict(values)))


async def by_id(tx: Transaction, plan: str) -> sa.Row[*tuple[Any, ...]] | None:
    """Return one plan."""
    return (await tx.execute(sa.select(reorganisations).where(reorganisations.c.id == plan))).first()


async def alike(tx: Transaction, *, effective_on: date, states: Collection[str]) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return the plans for a day in one of these states, oldest first; there are few."""
    query = (
        sa.select(reorganisations)
        .where(reorganisations.c.effective_on == effective_on, reorganisations.c.state.in_(states))
        .order_by(reorganisations.c.id)
    )
    return (await tx.execute(query)).all()


async def page(
    tx: Transaction, *, state: str | None, before: str | None, limit: int
) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return plans, newest first, from behind `before`."""
    query = sa.select(reorganisations).order_by(reorganisations.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(reorganisations.c.state == state)
    if before is not None:
        query = query.where(reorganisations.c.id < before)
    return (await tx.execute(query)).all()


async def due(tx: Transaction, *, on: date) -> list[str]:
    """Return the ids of scheduled plans whose day has come, in the order they are to be applied."""
    query = (
        sa.select(reorganisations.c.id)
        .where(reorganisations.c.state == "scheduled", reorganisations.c.effective_on <= on)
        .order_by(reorganisations.c.effective_on, reorganisations.c.id)
    )
    return list((await tx.execute(query)).scalars())


async def directory(tx: Transaction) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return every agency, without what plans do not change."""
    return (await tx.execute(sa.select(*_RECORD))).all()


async def change_agencies(tx: Transaction, rows: Sequence[Mapping[str, Any]], *, at: datetime) -> None:
    """Overwrite many agencies, each found by `organ_id`; all rows have the same columns."""
    columns = [name for name in (rows[0] if rows else {}) if name != "organ_id"]
    statement = (
        agencies.update()
        .where(agencies.c.organ_id == sa.bindparam("of"))
        .values({name: sa.bindparam(f"new_{name}") for name in columns} | {"updated_at": at})
    )
    for some in _batches(rows):
        bound = [{"of": row["organ_id"]} | {f"new_{name}": row[name] for name in columns} for row in some]
        await tx.execute(statement, bound)
    await terms.add(tx, terms.of_rows(rows))


async def waiting(tx: Transaction, organ_ids: Collection[str]) -> dict[str, int]:
    """Return how many deliveries wait in the inbox of each of these agencies; those without any are missing."""
    found: dict[str, int] = {}
    for some in _batches(organ_ids):
        query = (
            sa.select(deliveries.c.recipient, sa.func.count())
            .where(deliveries.c.in_inbox.is_(True), deliveries.c.recipient.in_(some))
            .group_by(deliveries.c.recipient)
        )
        found |= {recipient: int(count) for recipient, count in await tx.execute(query)}
    return found


async def certificates_in_force(tx: Transaction, organ_ids: Collection[str], *, at: datetime) -> dict[str, int]:
    """Return how many certificates of each of these agencies have neither expired nor been revoked here."""
    found: dict[str, int] = {}
    for some in _batches(organ_ids):
        query = (
            sa.select(certificates.c.organ_id, sa.func.count())
            .where(certificates.c.organ_id.in_(some), certificates.c.status == "active", certificates.c.not_after >= at)
            .group_by(certificates.c.organ_id)
        )
        found |= {organ_id: int(count) for organ_id, count in await tx.execute(query)}
    return found


async def grants(tx: Transaction) -> list[tuple[str, str, list[str]]]:
    """Return id, name and grants of every client that may sign in, oldest first."""
    query = sa.select(clients.c.client_id, clients.c.name, clients.c.agencies).where(clients.c.status == "active")
    return [
        (row.client_id, row.name, list(row.agencies)) for row in await tx.execute(query.order_by(clients.c.client_id))
    ]


def _batches(values: Collection[Any]) -> Iterator[list[Any]]:
    held = list(values)
    for start in range(0, len(held), _PER_STATEMENT):
        yield held[start : start + _PER_STATEMENT]
