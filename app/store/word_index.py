"""Indexes of words: tables of terms and whom they lead to, searched by words and beginnings of words (decision 0013).

The same statements for agencies and for documents; `agency_terms` and `document_terms` say what goes into them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import TERM_LENGTH

_ROWS_PER_STATEMENT = 5_000
_LAST_SIGN = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is searched for, folded.

    Attributes:
        begins: whether words that begin so are meant, too.
    """

    term: str
    begins: bool = False

    def among(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """Say that a term is this word; binary collation makes it one range of the index on both databases."""
        cut = self.term[:TERM_LENGTH]
        return (column >= cut) & (column < cut + _LAST_SIGN) if self.begins else column == cut


@dataclass(frozen=True, slots=True)
class Insertion:
    """How entries get into an index, as SQL.

    Attributes:
        from_arrays: for PostgreSQL, with the parameters `words` and `owners`: two instead of two a row, which is
            several times faster than many rows of values.
        one_by_one: for SQLite, with the two places of a row.
    """

    from_arrays: sa.TextClause
    one_by_one: str


async def insert(tx: Transaction, insertion: Insertion, entries: Sequence[tuple[str, str]]) -> None:
    """Insert what is not there yet: terms cut to their length, and whom each leads to as the database writes it.

    A B-tree takes entries in its own order several times faster than in another one.
    """
    for start in range(0, len(entries), _ROWS_PER_STATEMENT):
        some = entries[start : start + _ROWS_PER_STATEMENT]
        if tx.dialect.name == "postgresql":
            words, owners = zip(*some, strict=True)
            await tx.execute(insertion.from_arrays, {"words": list(words), "owners": list(owners)})
        else:
            await tx.exec_driver_sql(insertion.one_by_one, list(some))


async def counts(tx: Transaction, column: sa.Column[str], words: Sequence[Word], *, up_to: int) -> list[int]:
    """Return how many entries of an index there are for each word, counting no further than `up_to`."""
    if not words:
        return []
    each = [
        sa.select(
            sa.literal(number).label("number"),
            sa.select(sa.func.count())
            .select_from(sa.select(column).where(word.among(column)).limit(up_to).subquery())
            .scalar_subquery()
            .label("entries"),
        )
        for number, word in enumerate(words)
    ]
    found = {row.number: int(row.entries) for row in await tx.execute(sa.union_all(*each))}
    return [found[number] for number in range(len(words))]
