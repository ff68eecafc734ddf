"""Agencies and their other codes, as rows."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store import agency_terms as terms
from app.store.database import Transaction
from app.store.schema import agencies, agency_aliases

CODES_PER_QUERY = 1_000
"""Far below what either database takes as parameters of one statement (32,766)."""
_ROWS_PER_STATEMENT = 1_000
_MANY = 10_000
_ANCESTORS_MAX = 64


async def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]], aliases: Sequence[Mapping[str, Any]]) -> None:
    """Insert agencies, then their aliases, in bulk, with what they are searched by."""
    for table, entries in ((agencies, rows), (agency_aliases, aliases)):
        for some in _batches(entries, _ROWS_PER_STATEMENT):
            await tx.execute(table.insert(), some)
    await terms.add(tx, await asyncio.to_thread(terms.of_rows, rows, aliases))
    if len(rows) >= _MANY and tx.dialect.name == "postgresql":
        # Until its own daemon counts the rows, PostgreSQL would plan searches for the empty directory it remembers.
        await tx.execute(sa.text("ANALYZE agencies, agency_aliases, agency_terms"))


async def update(tx: Transaction, organ_id: str, values: Mapping[str, Any]) -> None:
    """Overwrite columns of one agency."""
    await tx.execute(agencies.update().where(agencies.c.organ_id == organ_id).values(dict(values)))
    if "name_fold" in values:
        await terms.add(tx, terms.of_rows([{**values, "organ_id": organ_id}]))


async def replace_aliases(tx: Transaction, organ_id: str, aliases: Sequence[Mapping[str, Any]]) -> None:
    """Give an agency these aliases and no others."""
    await tx.execute(agency_aliases.delete().where(agency_aliases.c.organ_id == organ_id))
    if aliases:
        await tx.execute(agency_aliases.insert(), list(aliases))
        await terms.add(tx, terms.of_rows((), aliases))


async def by_ids(tx: Transaction, organ_ids: Collection[str]) -> list[sa.Row[*tuple[Any, ...]]]:
    """Return the agencies with these very codes."""
    found: list[sa.Row[*tuple[Any, ...]]] = []
    for some in _batches(organ_ids, CODES_PER_QUERY):
        found += (await tx.execute(sa.select(agencies).where(agencies.c.organ_id.in_(some)))).all()
    return found


async def aliases_of(tx: Transaction, organ_ids: Collection[str]) -> list[sa.Row[*tuple[Any, ...]]]:
    """Return the aliases of these agencies, by code."""
    found: list[sa.Row[*tuple[Any, ...]]] = []
    for some in _batches(organ_ids, CODES_PER_QUERY):
        query = sa.select(agency_aliases).where(agency_aliases.c.organ_id.in_(some)).order_by(agency_aliases.c.code)
        found += (await tx.execute(query)).all()
    return found


async def aliases_around(tx: Transaction, codes: Collection[str]) -> list[sa.Row[*tuple[Any, ...]]]:
    """Return every alias of every agency that one of these codes, own or alias, stands for; by code."""
    asked = agency_aliases.alias("asked")
    found: list[sa.Row[*tuple[Any, ...]]] = []
    for some in _batches(codes, CODES_PER_QUERY):
        # A union, for an OR over both columns would keep PostgreSQL from either index.
        by_alias = (
            sa.select(agency_aliases)
            .join(asked, asked.c.organ_id == agency_aliases.c.organ_id)
            .where(asked.c.code.in_(some))
        )
        by_own = sa.select(agency_aliases).where(agency_aliases.c.organ_id.in_(some))
        found += (await tx.execute(sa.union(by_alias, by_own).order_by("code"))).all()
    return found


async def taken(tx: Transaction, codes: Collection[str]) -> dict[str, str]:
    """Return which of these codes are in use, each with the own code of the agency that uses it."""
    found: dict[str, str] = {}
    for some in _batches(codes, CODES_PER_QUERY):
        own = sa.select(agencies.c.organ_id.label("code"), agencies.c.organ_id).where(agencies.c.organ_id.in_(some))
        other = sa.select(agency_aliases.c.code, agency_aliases.c.organ_id).where(agency_aliases.c.code.in_(some))
        found |= {row[0]: row[1] for row in await tx.execute(sa.union_all(own, other))}
    return found


async def tiers(tx: Transaction, organ_ids: Collection[str]) -> dict[str, str]:
    """Return the tier of each of these agencies that exists."""
    found: dict[str, str] = {}
    for some in _batches(organ_ids, CODES_PER_QUERY):
        query = sa.select(agencies.c.organ_id, agencies.c.tier).where(agencies.c.organ_id.in_(some))
        found |= {row.organ_id: row.tier for row in await tx.execute(query)}
    return found


async def child_tiers(tx: Transaction, organ_id: str) -> set[str]:
    """Return the tiers that the agencies right below this one have."""
    query = sa.select(agencies.c.tier).where(agencies.c.parent == organ_id).distinct()
    return set((await tx.execute(query)).scalars())


async def ancestors(tx: Transaction, organ_id: str) -> list[str]:
    """Return the codes above an agency, nearest first."""
    chain = (
        sa.select(agencies.c.parent.label("code"), sa.literal(1).label("distance"))
        .where(agencies.c.organ_id == organ_id, agencies.c.parent.is_not(None))
        .cte("chain", recursive=True)
    )
    chain = chain.union_all(
        sa.select(agencies.c.parent, chain.c.distance + 1)
        .join(chain, agencies.c.organ_id == chain.c.code)
        .where(agencies.c.parent.is_not(None), chain.c.distance < _ANCESTORS_MAX)
    )
    return list((await tx.execute(sa.select(chain.c.code).order_by(chain.c.distance))).scalars())


def _batches(values: Collection[Any], size: int) -> Iterator[list[Any]]:
    held = list(values)
    for start in range(0, len(held), size):
        yield held[start : start + size]


async def count_active(tx: Transaction) -> dict[tuple[str, str], int]:
    """Return how many active agencies there are by tier and branch."""
    query = (
        sa.select(agencies.c.tier, agencies.c.branch, sa.func.count())
        .where(agencies.c.status == "active")
        .group_by(agencies.c.tier, agencies.c.branch)
    )
    return {(tier, branch): int(count) for tier, branch, count in await tx.execute(query)}
