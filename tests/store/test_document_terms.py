"""Words of documents: how they are taken apart, entered from the ledger by any number of processes, and removed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.exchange.document_words import terms_of, words_asked
from app.exchange.finding import catch_up, enter_words
from app.ledger.seal import seal_all
from app.store import document_terms
from app.store.database import Database
from app.store.schema import document_terms as table
from app.store.schema import documents
from tests.ledger.recording import AT, sending, write

SUBJECT = "V/v triển khai Nghị định số 45/2023/NĐ-CP về Đường sắt – giai đoạn 2021-2025"


def _finds(text: str, *texts: str) -> bool:
    """Say the same as the index, in plain Python."""
    terms = terms_of(*texts)
    asked = words_asked(text)
    return bool(asked) and all(
        any(term.startswith(word.term) if word.begins else term == word.term for term in terms) for word in asked
    )


@pytest.mark.parametrize(
    "text",
    [
        "12/UBND-VP", "12", "ubnd", "UBND VP", "ubnd-vp", "12-ubnd", "12/ub", "trien khai", "TRIỂN KHAI NGHỊ",
        "45/2023/NĐ-CP", "45/2023", "2023/nd", "45-2023", "duong sat", "đường", "2021-2025", "2021", "v/v", "giai đ",
        "sắt 12", "(45/2023/NĐ-CP),",
    ],
)  # fmt: skip
def test_a_document_is_found_by_its_words_its_codes_and_the_beginning_of_the_last(text: str) -> None:
    assert _finds(text, "12/UBND-VP", SUBJECT)


@pytest.mark.parametrize("text", ["trien kha nghi", "13/UBND", "ubnd khong", "5/2023", "ường", "", " ", "–", "!?/-"])
def test_a_document_is_not_found_by_what_is_not_in_it(text: str) -> None:
    assert not _finds(text, "12/UBND-VP", SUBJECT)


@settings(max_examples=20, deadline=None)
@given(st.text("aăĐẹợ\u0301 \t\0129ⅨŉßÅ/-.,–_(\u200b", max_size=60))
def test_every_text_finds_itself_and_none_breaks_anything(text: str) -> None:
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    asked = words_asked(text)
    terms = terms_of(printable)
    assert all(any(term.startswith(word.term) for term in terms) for word in asked)


def _run(url: str, work: Callable[[Database], Awaitable[None]]) -> None:
    async def inside() -> None:
        database = Database(url)
        try:
            await work(database)
        finally:
            await database.close()

    asyncio.run(inside())


@pytest.fixture
def url(database_url: str) -> str:
    """A database with five documents in its ledger and one more that is not sealed."""

    async def fill(database: Database) -> None:
        sent = [sending(at=AT) for _ in range(6)]
        for number, each in enumerate(sent):
            each.document["subject"] = f"Báo cáo kỳ{number}"
        await write(database, *sent[:5])
        await seal_all(database, now=AT)
        await write(database, sent[5])

    _run(database_url, fill)
    return database_url


async def _entered(database: Database) -> set[tuple[str, str]]:
    async with database.read() as tx:
        return {(row.term, row.document) for row in await tx.execute(sa.select(table))}


async def _expected(database: Database, *, sealed: int) -> set[tuple[str, str]]:
    async with database.read() as tx:
        rows = (await tx.execute(sa.select(documents).order_by(documents.c.id).limit(sealed))).all()
    return {(term, row.id) for row in rows for term in terms_of(row.code, row.subject)}


def test_words_of_sealed_documents_are_entered_once_whoever_does_it(url: str) -> None:
    async def work(database: Database) -> None:
        await asyncio.gather(*(enter_words(database) for _ in range(3)))
        await catch_up(database)
        assert await _entered(database) == await _expected(database, sealed=5)
        await seal_all(database, now=AT)
        await catch_up(database)
        assert await _entered(database) == await _expected(database, sealed=6)
        assert await enter_words(database) == 0

    _run(url, work)


def test_a_purged_document_has_no_words_and_gets_none(url: str) -> None:
    async def work(database: Database) -> None:
        async with database.read() as tx:
            ids = list((await tx.execute(sa.select(documents.c.id).order_by(documents.c.id))).scalars())
        async with database.write() as tx:
            await tx.execute(documents.update().where(documents.c.id == ids[0]).values(purged_at=AT))
        await catch_up(database)
        assert ids[0] not in {document for _, document in await _entered(database)}
        async with database.write() as tx:
            await document_terms.remove(tx, [ids[1]])
        assert {document for _, document in await _entered(database)} == set(ids[2:5])

    _run(url, work)


def test_documents_with_all_words_are_found(url: str) -> None:
    async def work(database: Database) -> None:
        await catch_up(database)
        async with database.read() as tx:
            for text, found in (("báo cáo", 5), ("bao cao ky3", 1), ("báo cáo kỳ3 ky4", 0), ("b", 5)):
                words = words_asked(text)
                assert min(await document_terms.counts(tx, words, up_to=100)) >= found
                first, *others = words
                assert len(await document_terms.with_all(tx, first, others, limit=10)) == found

    _run(url, work)


def test_words_of_few_of_the_newest_documents_come_first_and_beginnings_last(url: str) -> None:
    async def work(database: Database) -> None:
        async with database.read() as tx:
            words = words_asked("báo cáo ky3 ky")
            assert len(await document_terms.rarest_first(tx, words, sample=10)) == len(words), "before there are any"
        await catch_up(database)
        async with database.read() as tx:
            found = await document_terms.rarest_first(tx, words, sample=10)
            assert found[0].term == "ky3"
            assert [word.begins for word in found] == [False, False, False, True]
            # Among the newest two, of which one has no words yet, the other is told by its own word alone.
            rare = await document_terms.rarest_first(tx, words_asked("ky4 ky3 báo x"), sample=2)
            assert rare[0].term == "ky3"

    _run(url, work)
