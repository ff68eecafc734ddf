"""The index the directory is searched by: the words of names and the codes, each with the agencies that have it.

It only narrows down. Words of former names and codes that were taken away stay in it, for the past is searched as well;
whoever asks compares what he found with what the agency is, or was. A table of its own and not what a database offers
for it, so that both find the same (decision 0013).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store import word_index
from app.store.database import Transaction
from app.store.schema import TERM_LENGTH, agency_terms
from app.store.word_index import Insertion, Word, insert

_SEPARATOR = re.compile(r"[._-]")
_INSERTION = Insertion(
    from_arrays=sa.text(
        "INSERT INTO agency_terms (term, organ_id)"
        " SELECT * FROM unnest(CAST(:words AS text[]), CAST(:owners AS text[])) ON CONFLICT DO NOTHING"
    ),
    one_by_one="INSERT INTO agency_terms (term, organ_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
)

_UNTOLD = frozenset({"tinh", "xa", "huyen", "uy", "ban", "nhan", "dan"})
"""Words of the names of so many agencies that they narrow nothing down; they would be a quarter of the index."""


def tells(term: str) -> bool:
    """Whether the index knows the agencies that have a word, or a beginning of one."""
    return not any(word.startswith(term) for word in _UNTOLD)


def of_rows(agencies: Iterable[Mapping[str, Any]], aliases: Iterable[Mapping[str, Any]] = ()) -> list[tuple[str, str]]:
    """Return the terms of agencies, whose names are folded into words, and of aliases, each with the agency's own code.

    In the order of the index: a B-tree takes them several times faster so.
    """
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for row in agencies:
        organ_id = row["organ_id"]
        for term in (*row["name_fold"].split(), *_parts(organ_id)):
            owners[term].add(organ_id)
    for row in aliases:
        for term in _parts(row["code"]):
            owners[term].add(row["organ_id"])
    return [
        (term[:TERM_LENGTH], organ_id) for term in sorted(owners.keys() - _UNTOLD) for organ_id in sorted(owners[term])
    ]


async def add(tx: Transaction, terms: Sequence[tuple[str, str]]) -> None:
    """Insert what is not there yet."""
    await insert(tx, _INSERTION, terms)


def beginning_with(beginning: str) -> sa.ColumnElement[bool]:
    """Say that a term begins so."""
    return Word(beginning, begins=True).among(agency_terms.c.term)


async def counts(tx: Transaction, beginnings: Sequence[str], *, up_to: int) -> list[int]:
    """Return how many entries there are for each of these beginnings of terms, counting no further than `up_to`."""
    words = [Word(beginning, begins=True) for beginning in beginnings]
    return await word_index.counts(tx, agency_terms.c.term, words, up_to=up_to)


def _parts(code: str) -> Iterator[str]:
    """Give a code and all that stands behind one of its separators: `000.00.18.G12`, `00.18.G12`, `18.G12`, `G12`."""
    folded = code.lower()
    yield folded
    yield from (folded[separator.end() :] for separator in _SEPARATOR.finditer(folded))
