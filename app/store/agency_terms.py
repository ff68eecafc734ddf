"""The index the directory is searched by: the words of names and the codes, each with the agencies that have it.

It only narrows down. Words of former names and codes that were taken away stay in it, for the past is searched as well;
whoever asks compares what he found with what the agency is, or was. A table of its own and not what a database offers
for it, so that both find the same (decision 0013).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import TERM_LENGTH, agency_terms

_ROWS_PER_STATEMENT = 5_000
_LAST_SIGN = "\U0010ffff"
_SEPARATOR = re.compile(r"[._-]")

_UNTOLD = frozenset({"tinh", "xa", "huyen", "uy", "ban", "nhan", "dan"})
"""Words of the names of so many agencies that they narrow nothing down; they would be a quarter of the index."""


def tells(term: str) -> bool:
    """Whether the index knows the agencies that have a word, or a beginning of one."""
    return not any(word.startswith(term) for word in _UNTOLD)


def of_agencies(rows: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return the terms of agencies, each with the agency's code, given their rows: names folded into words."""
    return {
        (term[:TERM_LENGTH], row["organ_id"])
        for row in rows
        for term in (*row["name_fold"].split(), *_parts(row["organ_id"]))
        if term not in _UNTOLD
    }


def of_aliases(rows: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return the terms of aliases, each with the agency's own code, given their rows."""
    return {(part[:TERM_LENGTH], row["organ_id"]) for row in rows for part in _parts(row["code"])}


async def add(tx: Transaction, terms: Collection[tuple[str, str]]) -> None:
    """Insert what is not there yet."""
    # Sorted, a B-tree takes them several times faster.
    ordered = sorted(terms)
    for start in range(0, len(ordered), _ROWS_PER_STATEMENT):
        some = ordered[start : start + _ROWS_PER_STATEMENT]
        if tx.dialect.name == "postgresql":
            words, owners = zip(*some, strict=True)
            await tx.execute(_FROM_ARRAYS, {"words": list(words), "owners": list(owners)})
        else:
            rows = [{"term": term, "organ_id": organ_id} for term, organ_id in some]
            await tx.execute(upsert(tx, agency_terms).on_conflict_do_nothing(), rows)


def beginning_with(beginning: str) -> sa.ColumnElement[bool]:
    """Say that a term begins so; binary collation makes it one range of the index on both databases."""
    cut = beginning[:TERM_LENGTH]
    return (agency_terms.c.term >= cut) & (agency_terms.c.term < cut + _LAST_SIGN)


async def counts(tx: Transaction, beginnings: Sequence[str], *, up_to: int) -> list[int]:
    """Return how many entries there are for each of these beginnings of terms, counting no further than `up_to`."""
    if not beginnings:
        return []
    each = [
        sa.select(
            sa.literal(number).label("number"),
            sa.select(sa.func.count())
            .select_from(sa.select(agency_terms.c.term).where(beginning_with(beginning)).limit(up_to).subquery())
            .scalar_subquery()
            .label("entries"),
        )
        for number, beginning in enumerate(beginnings)
    ]
    found = {row.number: int(row.entries) for row in await tx.execute(sa.union_all(*each))}
    return [found[number] for number in range(len(beginnings))]


def _parts(code: str) -> Iterator[str]:
    """Give a code and all that stands behind one of its separators: `000.00.18.G12`, `00.18.G12`, `18.G12`, `G12`."""
    folded = code.lower()
    yield folded
    yield from (folded[separator.end() :] for separator in _SEPARATOR.finditer(folded))


_FROM_ARRAYS = sa.text(
    "INSERT INTO agency_terms (term, organ_id)"
    " SELECT * FROM unnest(CAST(:words AS text[]), CAST(:owners AS text[])) ON CONFLICT DO NOTHING"
)
"""Two parameters instead of two a row; several times faster than many rows of values."""
