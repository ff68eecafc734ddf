"""The index documents are searched by: words of their codes and subjects, each with the documents that have it.

A table of its own and not what a database offers for it, so that both find the same (decision 0013). Words are entered
from the ledger, by whichever process comes first: `term_cursor` says how far, and moves in the transaction that enters
them.
"""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from app.store import word_index
from app.store.database import Transaction
from app.store.listed import listed
from app.store.schema import TERM_LENGTH, document_terms, documents, events, term_cursor
from app.store.word_index import Insertion, Word, insert

_ACCEPTED = "document.accepted"
_INSERTION = Insertion(
    from_arrays=sa.text(
        "INSERT INTO document_terms (term, document)"
        " SELECT * FROM unnest(CAST(:words AS text[]), CAST(:owners AS uuid[])) ON CONFLICT DO NOTHING"
    ),
    one_by_one="INSERT INTO document_terms (term, document) VALUES (?, ?) ON CONFLICT DO NOTHING",
)


async def cursor(tx: Transaction) -> int:
    """Return the index up to which documents have their words, -1 at the beginning."""
    return int((await tx.execute(sa.select(term_cursor.c.position).where(term_cursor.c.id == 1))).scalar_one())


async def move_cursor(tx: Transaction, *, seen: int, to: int) -> bool:
    """Move the cursor from where it was seen; False where somebody else has moved it meanwhile."""
    statement = (
        term_cursor.update()
        .where(term_cursor.c.id == 1, term_cursor.c.position == seen)
        .values(position=to)
        .returning(term_cursor.c.position)
    )
    return (await tx.execute(statement)).first() is not None


async def accepted_after(tx: Transaction, position: int, *, limit: int) -> Sequence[sa.Row[Any, Any, Any, Any]]:
    """Return index, document, code and subject of what was accepted behind an index of the ledger, in its order."""
    query = (
        sa.select(events.c.position, events.c.document, documents.c.code, documents.c.subject)
        .join(documents, documents.c.id == events.c.document)
        .where(events.c.kind == _ACCEPTED, events.c.position > position)
        .order_by(events.c.position)
        .limit(limit)
    )
    return (await tx.execute(query)).all()


async def hold(tx: Transaction, ids: Collection[str]) -> frozenset[str]:
    """Return which of these documents may have words: not those that were purged, and none is until this ends."""
    query = sa.select(documents.c.id).where(documents.c.id.in_(ids), documents.c.purged_at.is_(None))
    if tx.dialect.name == "postgresql":
        query = query.order_by(documents.c.id).with_for_update(read=True)
    return frozenset((await tx.execute(query)).scalars())


async def add(tx: Transaction, terms: Collection[tuple[str, str]]) -> None:
    """Insert terms, each with the id of its document, that are not there yet."""
    in_sqlite = tx.dialect.name == "sqlite"
    owned = {(term[:TERM_LENGTH], document.replace("-", "") if in_sqlite else document) for term, document in terms}
    await insert(tx, _INSERTION, sorted(owned))


async def remove(tx: Transaction, ids: Collection[str]) -> None:
    """Take the words of documents out of the index: for those that are purged, in the transaction that says so."""
    await tx.execute(document_terms.delete().where(document_terms.c.document.in_(ids)))


async def counts(tx: Transaction, words: Sequence[Word], *, up_to: int) -> list[int]:
    """Return how many entries there are for each word, counting no further than `up_to`."""
    return await word_index.counts(tx, document_terms.c.term, words, up_to=up_to)


async def rarest_first(tx: Transaction, words: Sequence[Word], *, sample: int) -> list[Word]:
    """Return words in the order of how many of the newest documents have them, at most `sample` documents.

    A guess, for words of which each is in so many documents that counting them takes long. Beginnings of words stand
    last: their documents are not one stretch of the index.
    """
    newest = sa.select(documents.c.id).order_by(documents.c.id.desc()).limit(sample).subquery()
    since = (await tx.execute(sa.select(newest.c.id).order_by(newest.c.id).limit(1))).scalar_one_or_none()
    whole = [word for word in words if not word.begins]
    if since is None or len(whole) < 2:
        return [*whole, *(word for word in words if word.begins)]
    term, document = document_terms.c.term, document_terms.c.document
    each = [
        sa.select(sa.literal(number).label("number"), sa.func.count().label("entries")).where(
            word.among(term), document >= sa.type_coerce(since, document.type)
        )
        for number, word in enumerate(whole)
    ]
    found = {row.number: row.entries for row in await tx.execute(sa.union_all(*each))}
    ordered = sorted(range(len(whole)), key=lambda number: found[number])
    return [*(whole[number] for number in ordered), *(word for word in words if word.begins)]


async def with_all(tx: Transaction, first: Word, others: Sequence[Word], *, limit: int) -> list[str]:
    """Return ids of documents that have all these words, at most `limit`; the first should be the rarest of them."""
    column = document_terms.c.document
    query = sa.select(column).where(first.among(document_terms.c.term), *(has(column, word) for word in others))
    return list((await tx.execute(query.distinct().limit(limit))).scalars())


def has(document: sa.ColumnElement[str], word: Word) -> sa.ColumnElement[bool]:
    """Say that the document a column names has this word."""
    other = document_terms.alias()
    return sa.exists().where(other.c.document == document, word.among(other.c.term))


def among(tx: Transaction, document: sa.ColumnElement[str], ids: Sequence[str]) -> sa.ColumnElement[bool]:
    """Say that a column is one of these ids, however many they are."""
    if tx.dialect.name == "sqlite":
        return sa.type_coerce(document, sa.String).in_(listed(tx, [each.replace("-", "") for each in ids]))
    each = listed(tx, ids).subquery()
    return document.in_(sa.select(sa.cast(each.c.value, sa.Uuid(as_uuid=False))))
