"""What waits to be looked into: taken by one at a time, due again when who took it is gone, settled once."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from app.store import inspections
from app.store.database import Database
from app.store.schema import documents

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LEASE = timedelta(minutes=20)
IDS = [str(UUID(f"0190000000007000800000000000000{number}")) for number in range(1, 5)]


def _document(number: int) -> dict[str, object]:
    given: dict[type, object] = {sa.JSON: {}, sa.BigInteger: 1, sa.SmallInteger: 0, sa.Boolean: False}
    row = {
        column.name: given.get(type(column.type), "x")
        for column in documents.columns
        if not column.nullable and column.server_default is None
    }
    return row | {
        "id": IDS[number],
        "client_id": IDS[number],
        "document_id": str(number),
        "accepted_at": AT,
        "sha256": "0" * 64,
    }


async def _waiting(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(documents.insert(), [_document(number) for number in range(3)])
        due = [AT, AT + timedelta(seconds=1), AT + timedelta(hours=1)]
        rows = [{"document": each, "state": "waiting", "next_try_at": at} for each, at in zip(IDS, due, strict=False)]
        await inspections.insert(tx, rows)


async def _claimed(database: Database, at: datetime, *, limit: int = 10) -> list[tuple[str, int]]:
    async with database.write() as tx:
        rows = await inspections.claim(tx, at=at, until=at + LEASE, limit=limit)
        # As long as one transaction is open, another one must not wait for it nor take the same.
        await asyncio.sleep(0.05)
    return [(row.document, row.attempts) for row in rows]


def test_what_is_due_is_taken_once_and_again_when_nobody_settled_it(database_url: str) -> None:
    async def work() -> None:
        database = Database(database_url)
        try:
            await _waiting(database)
            later = AT + timedelta(minutes=1)
            both = await asyncio.gather(*(_claimed(database, later, limit=1) for _ in range(2)))
            assert sorted(both) == [[(IDS[0], 1)], [(IDS[1], 1)]]
            assert await _claimed(database, later) == []
            async with database.read() as tx:
                assert not await inspections.is_due(tx, at=later)
                assert await inspections.is_due(tx, at=later + LEASE)
            assert await _claimed(database, later + LEASE) == [(IDS[0], 2), (IDS[1], 2)]
        finally:
            await database.close()

    asyncio.run(work())


def test_only_the_last_who_took_it_settles_it(database_url: str) -> None:
    async def work() -> None:
        database = Database(database_url)
        try:
            await _waiting(database)
            await _claimed(database, AT)
            await _claimed(database, AT + LEASE)
            result = {"pdfs": []}
            async with database.write() as tx:
                assert not await inspections.settle(tx, IDS[0], attempt=1, result=result, at=AT)
                await inspections.give_up(tx, IDS[0], attempt=1, at=AT)
                await inspections.postpone(tx, IDS[0], attempt=1, until=AT)
                assert await inspections.settle(tx, IDS[0], attempt=2, result=result, at=AT)
                assert not await inspections.settle(tx, IDS[0], attempt=2, result=result, at=AT)
                await inspections.give_up(tx, IDS[1], attempt=1, at=AT)
            async with database.read() as tx:
                rows = await inspections.of_documents(tx, IDS)
                assert await inspections.of_document(tx, IDS[3]) is None
            assert [rows[each].state for each in IDS[:3]] == ["done", "failed", "waiting"]
            assert (rows[IDS[0]].result, rows[IDS[0]].next_try_at, rows[IDS[1]].result) == (result, None, None)
        finally:
            await database.close()

    asyncio.run(work())
