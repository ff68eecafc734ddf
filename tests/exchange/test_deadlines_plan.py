"""What the clock looks through is what is open, however much history there is: the databases' own plans."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.ids import new_id
from app.store import deadlines, refusals
from app.store.database import Database, Transaction
from app.store.deadlines import Moment
from app.store.schema import deliveries, documents, events
from tests.exchange.statements import plan_of, statements
from tests.exchange.test_inbox_plan import AGENCY, document

SENDER = "000.00.00.G22"
AT = datetime(2026, 11, 20, tzinfo=UTC)
HISTORY = 4_000


def delivery(place: int, of: str) -> dict[str, Any]:
    """One of a hundred is open, late in every way; the others are done."""
    is_open = place % 100 == 0
    return {
        "id": new_id(),
        "document": of,
        "recipient": AGENCY,
        "addressed_to": AGENCY,
        "progress": "available" if is_open else "completed",
        "priority": 0,
        "available_at": AT,
        "undelivered_at": AT if is_open else None,
        "expires_at": AT if is_open else None,
        "due_at": AT if is_open else None,
        "overdue_at": AT,
        "overdue_sender": SENDER,
        "in_inbox": is_open,
        "position": place,
    }


def event(place: int) -> dict[str, Any]:
    """One of a hundred is a refusal; of these, half came as far as their sender."""
    is_refusal, is_known = place % 100 == 0, place % 200 == 0
    return {
        "id": new_id(),
        "position": place,
        "at": AT,
        "kind": "document.refused" if is_refusal else "document.accepted",
        "outcome": "refused" if is_refusal else "accepted",
        "actor": "client",
        "agency": SENDER if is_known or not is_refusal else None,
        "body": "{}",
        "leaf_hash": f"{place:064x}",
    }


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database that has been used for a while, with the statistics it has by then."""
    opened = Database(database_url)
    papers = [document(number) for number in range(100)]
    async with opened.write() as tx:
        await tx.execute(documents.insert(), papers)
        await tx.execute(deliveries.insert(), [delivery(place, papers[place // 40]["id"]) for place in range(HISTORY)])
        await tx.execute(events.insert(), [event(place) for place in range(HISTORY)])
        for table in ("documents", "deliveries", "events"):
            await tx.exec_driver_sql(f"ANALYZE {table}")
    yield opened
    await opened.close()


ASKED: list[tuple[str, Callable[[Transaction], Awaitable[Any]], tuple[str, ...], int]] = [
    *(
        (
            f"due by {moment.value}",
            lambda tx, moment=moment: deadlines.claim_due(tx, moment, at=AT, limit=200),
            (f"ix_deliveries_{moment.value}",),
            40,
        )
        for moment in Moment
    ),
    (
        "overdue at a recipient",
        lambda tx: deadlines.overdue_of(tx, [AGENCY], after=(AT - timedelta(days=1), new_id()), limit=51),
        ("ix_deliveries_overdue",),
        40,
    ),
    (
        "overdue of a sender",
        lambda tx: deadlines.sent_overdue(tx, [SENDER], after=None, limit=51),
        ("ix_deliveries_overdue_sender",),
        40,
    ),
    (
        "refused",
        lambda tx: refusals.refused(tx, [SENDER], client="client", before=HISTORY, limit=51),
        ("ix_events_agency_kind_position", "ix_events_nobodys_refusal"),
        40,
    ),
]


async def test_every_question_of_the_clock_is_answered_from_its_index(database: Database) -> None:
    for name, ask, indexes, count in ASKED:
        with statements() as heard:
            async with database.write() as tx:
                assert len(await ask(tx)) == count, name
        plan = await plan_of(database, heard.texts[0], heard.parameters[0])
        assert all(index in plan for index in indexes), f"{name}:\n{plan}"
        assert not re.search(r"\bSCAN (deliveries|events)\b|Seq Scan on (deliveries|events)", plan), f"{name}:\n{plan}"
