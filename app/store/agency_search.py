"""Searching the directory, as it is or as it was at the end of a day.

Entries of the index of terms narrow down; what is found is compared with the names and codes themselves. Lists are in
the order of the codes, compared byte by byte, so that pages are the same on both databases.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from app.store import agency_terms as terms
from app.store.database import Transaction
from app.store.schema import agencies, agency_aliases, agency_history, agency_terms

_FEW = 200
_INTERSECTED_MAX = 3
NARROW_MAX = 8_000
"""Up to so many entries of one word are gone through; with more, agencies are read in order until the page is full."""
_DEPTH_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is searched for; everything that is given must hold.

    Attributes:
        words: beginnings of words of the name, or of codes or their groups; folded.
        parent: own code of the agency they are directly part of.
        within: own code of an agency; it and all below it.
        as_of: a day at whose end all of this held, for agencies whose dates include it; None: now.
    """

    words: Sequence[str] = ()
    tier: str | None = None
    branch: str | None = None
    parent: str | None = None
    within: str | None = None
    status: str | None = None
    as_of: date | None = None


async def search(tx: Transaction, wanted: Wanted, *, after: str | None, limit: int) -> list[str]:
    """Return own codes of agencies, in the order of their bytes, from behind `after`."""
    rarest = await _rarest(tx, wanted.words)
    if rarest and rarest[0][0] == 0:
        return []
    then = wanted.as_of if wanted.as_of is not None and await _changed_since(tx, wanted.as_of) else None
    sources = _now(wanted.as_of) if then is None else _then(then)
    below = None if wanted.within is None else await _below(tx, wanted.within, then)
    found = sa.union_all(
        *(_matching(tx, source, wanted, rarest, below, after=after, limit=limit) for source in sources)
    )
    matching = found.subquery()
    code = _in_order(tx, matching.c.organ_id)
    return list((await tx.execute(sa.select(matching.c.organ_id).order_by(code).limit(limit))).scalars())


@dataclass(frozen=True, slots=True)
class _Source:
    """Where records are read from: the tables and what must hold for a row to be the record of the day."""

    table: sa.FromClause
    record: sa.FromClause
    conditions: tuple[sa.ColumnElement[bool], ...]
    status: sa.ColumnElement[str]


async def _rarest(tx: Transaction, words: Sequence[str]) -> list[tuple[int, str]]:
    """Return the words with the fewest entries and how many there are, rarest first; none where all have too many."""
    told = [word for word in words if terms.tells(word)]
    counted = await terms.counts(tx, told, up_to=NARROW_MAX + 1)
    few = sorted(each for each in zip(counted, told, strict=True) if each[0] <= NARROW_MAX)
    # A handful of rows is read faster than another stretch of the index.
    return few[: 1 if few and few[0][0] <= _FEW else _INTERSECTED_MAX]


def _matching(
    tx: Transaction,
    source: _Source,
    wanted: Wanted,
    rarest: Sequence[tuple[int, str]],
    below: sa.Select[Any] | None,
    *,
    after: str | None,
    limit: int,
) -> sa.Select[Any]:
    record = source.record.c
    code = _in_order(tx, agencies.c.organ_id)
    query = sa.select(agencies.c.organ_id).select_from(source.table).where(*source.conditions)
    if rarest:
        entries = [sa.select(agency_terms.c.organ_id).where(terms.beginning_with(word)) for _, word in rarest]
        query = query.where(agencies.c.organ_id.in_(sa.intersect(*entries) if len(entries) > 1 else entries[0]))
    query = query.where(*(_has(record.name_fold, word) for word in wanted.words))
    for column, value in (
        (record.tier, wanted.tier),
        (record.branch, wanted.branch),
        (record.parent, wanted.parent),
        (source.status, wanted.status),
    ):
        if value is not None:
            query = query.where(column == value)
    if below is not None:
        query = query.where(agencies.c.organ_id.in_(below))
    if wanted.as_of is not None:
        query = query.where(
            agencies.c.valid_from.is_(None) | (agencies.c.valid_from <= wanted.as_of),
            agencies.c.valid_to.is_(None) | (agencies.c.valid_to >= wanted.as_of),
        )
    if after is not None:
        query = query.where(code > after)
    # Each source in its own order, so that an index in that order ends the reading early.
    inner = query.order_by(code).limit(limit).subquery()
    return sa.select(inner.c.organ_id)


async def _changed_since(tx: Transaction, day: date) -> bool:
    return (await tx.execute(sa.select(sa.exists().where(agency_history.c.last_day >= day)))).scalar_one()


def _now(day: date | None) -> list[_Source]:
    """Give what is now; also for a day since which nothing changed, but for agencies registered as closed later."""
    return [_Source(agencies, agencies, (), _status_on(day))]


def _status_on(day: date | None) -> sa.ColumnElement[str]:
    if day is None:
        return agencies.c.status
    ended_later = (agencies.c.status == "closed") & (agencies.c.valid_to >= day)
    return sa.case((ended_later, "active"), else_=agencies.c.status)


def _then(day: date) -> list[_Source]:
    """Give the records of a day: chapters of history that had not ended, and, where there is none, what is now.

    The same reading as `registry.history.as_was`; two sources, for each can use its own indexes.
    """
    later, earlier = agency_history.alias("later"), agency_history.alias("earlier")
    unchanged = agencies.c.organ_id.not_in(sa.select(later.c.organ_id).where(later.c.last_day >= day))
    first = ~sa.exists().where(
        earlier.c.organ_id == agency_history.c.organ_id,
        earlier.c.last_day >= day,
        earlier.c.last_day < agency_history.c.last_day,
    )
    chapters = agency_history.join(agencies, agencies.c.organ_id == agency_history.c.organ_id)
    return [
        _Source(agencies, agencies, (unchanged,), _status_on(day)),
        _Source(chapters, agency_history, (agency_history.c.last_day >= day, first), agency_history.c.status),
    ]


async def _below(tx: Transaction, code: str, day: date | None) -> sa.Select[Any]:
    """Give an agency and all below it, by the links of the day; None: of now."""
    if day is not None:
        return _among(tx, await _below_then(tx, code, day))
    own = sa.select(sa.cast(sa.literal(code), agencies.c.organ_id.type).label("code"), sa.literal(0).label("depth"))
    below = own.cte("below", recursive=True)
    below = below.union_all(
        sa.select(agencies.c.organ_id, below.c.depth + 1)
        .join(below, agencies.c.parent == below.c.code)
        .where(below.c.depth < _DEPTH_MAX)
    )
    return sa.select(below.c.code)


async def _below_then(tx: Transaction, code: str, day: date) -> set[str]:
    """Level by level: a recursion over both sources would read the whole directory, as neither has its index then."""
    found, level = {code}, {code}
    while level:
        parts: set[str] = set()
        for source in _then(day):
            query = sa.select(agencies.c.organ_id).select_from(source.table).where(*source.conditions)
            parts |= set((await tx.execute(query.where(source.record.c.parent.in_(_among(tx, level))))).scalars())
        level = parts - found
        found |= level
    return found


def _among(tx: Transaction, codes: Collection[str]) -> sa.Select[Any]:
    """Give codes as rows, in one parameter however many they are."""
    if tx.dialect.name == "sqlite":
        return sa.select(sa.func.json_each(json.dumps(list(codes))).table_valued("value").c.value)
    listed = sa.cast(list(codes), postgresql.ARRAY(sa.Text))
    return sa.select(sa.func.unnest(listed).column_valued("code"))


def _has(name_fold: sa.ColumnElement[str], word: str) -> sa.ColumnElement[bool]:
    """Say that a word of the name begins so; where it may be a code, or that one of the agency's codes goes on so."""
    named = (sa.literal(" ") + name_fold).contains(f" {word}", autoescape=True)
    if not any(sign.isdigit() for sign in word):
        return named
    aliased = sa.exists().where(
        agency_aliases.c.organ_id == agencies.c.organ_id, _code_has(agency_aliases.c.code, word)
    )
    return named | _code_has(agencies.c.organ_id, word) | aliased


def _code_has(column: sa.ColumnElement[str], part: str) -> sa.ColumnElement[bool]:
    code = sa.literal(".") + sa.func.lower(column)
    return sa.or_(*(code.contains(separator + part, autoescape=True) for separator in "._-"))


def _in_order(tx: Transaction, column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    return column if tx.dialect.name == "sqlite" else sa.collate(column, "C")
