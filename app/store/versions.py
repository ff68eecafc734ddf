"""Counters that move with every change of a part of the registry, so that whoever keeps a copy knows when it is old."""

from collections.abc import Sequence
from enum import StrEnum

import sqlalchemy as sa

from app.store.database import Transaction, note, upsert
from app.store.schema import registry_versions


class Part(StrEnum):
    """What is counted."""

    AGENCIES = "agencies"
    """Agencies and their codes."""
    TRUST = "trust"
    """Certificates, the authorities behind them, anchors and revocations."""
    WEBHOOKS = "webhooks"
    """Subscriptions."""
    CLIENTS = "clients"
    """Clients and the keys of their systems."""


async def move(tx: Transaction, part: Part) -> int:
    """Count one change and return the new version.

    Holds the counter until the transaction ends, so that changes of one part come one after another: what was read
    after this call is still true when the transaction commits.
    """
    note(tx, part)
    statement = upsert(tx, registry_versions).values(part=part.value, version=1)
    statement = statement.on_conflict_do_update(
        index_elements=["part"], set_={"version": registry_versions.c.version + 1}
    ).returning(registry_versions.c.version)
    return int((await tx.execute(statement)).scalar_one())


async def current(tx: Transaction, part: Part) -> int:
    """Return the version; 0 before the first change."""
    query = sa.select(registry_versions.c.version).where(registry_versions.c.part == part.value)
    return int((await tx.execute(query)).scalar() or 0)


_ALL = sa.select(registry_versions.c.part, registry_versions.c.version)


async def currents(tx: Transaction, parts: Sequence[Part]) -> tuple[int, ...]:
    """Return the versions of several parts, in their order; one query."""
    found = {row.part: row.version for row in await tx.execute(_ALL)}
    return tuple(int(found.get(part.value, 0)) for part in parts)
