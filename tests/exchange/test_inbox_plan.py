"""An inbox poll is one indexed statement, however much history there is: the databases' own plans."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from app.ids import new_id
from app.store import deliveries as rows
from app.store.database import Database
from app.store.schema import deliveries, documents
from tests.exchange.statements import plan_of, statements

HISTORY = 20_000
"""Deliveries that were taken over, of the very agency that polls."""
WAITING = 300
"""Deliveries that wait for it, and for each of nine others."""
AGENCY = "000.00.00.H41"
AT = datetime(2026, 11, 20, tzinfo=UTC)


def document(number: int) -> dict[str, Any]:
    return {
        "id": new_id(),
        "sender": "000.00.00.G22",
        "document_id": f"000.00.00.G22,2026/11/20,{number}",
        "sha256": f"{number:064x}",
        "size": 1,
        "kind": "new",
        "code": "1/X",
        "subject": "V/v",
        "document_type": "cong-van",
        "type_name": "Công văn",
        "priority": 0,
        "with_paper": False,
        "client_id": new_id(),
        "accepted_at": AT,
        "verification": {},
        "receipt": "",
    }


def delivery(place: int, of: str, recipient: str, *, waits: bool) -> dict[str, Any]:
    return {
        "id": new_id(),
        "document": of,
        "recipient": recipient,
        "addressed_to": recipient,
        "progress": "available" if waits else "delivered",
        "priority": place % 5,
        "available_at": AT,
        "acknowledged_at": None if waits else AT,
        "in_inbox": waits,
        "position": place,
    }


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database that has been used for a while, with the statistics it has by then."""
    opened = Database(database_url)
    papers = [document(number) for number in range(1_000)]
    others = [f"000.00.{number:02}.H41" for number in range(1, 10)]
    owners = [(AGENCY, False)] * HISTORY + [(agency, True) for agency in (AGENCY, *others)] * WAITING
    made = [
        delivery(place, papers[place % 1_000]["id"], agency, waits=waits)
        for place, (agency, waits) in enumerate(owners)
    ]
    async with opened.write() as tx:
        await tx.execute(documents.insert(), papers)
        for start in range(0, len(made), 10_000):
            await tx.execute(deliveries.insert(), made[start : start + 10_000])
        for table in ("documents", "deliveries", "status_reports"):
            await tx.exec_driver_sql(f"ANALYZE {table}")
    yield opened
    await opened.close()


async def test_a_poll_is_one_statement_on_its_partial_index(database: Database) -> None:
    for by_urgency in (False, True):
        index = f"ix_deliveries_inbox{'_urgency' if by_urgency else ''}"
        for kind in (None, "document"):
            for after in (None, (2, HISTORY + 900)):
                async with database.read() as tx:
                    with statements() as heard:
                        found = await rows.inbox(tx, [AGENCY], kind=kind, by_urgency=by_urgency, after=after, limit=51)
                assert len(found) == 51
                assert len(heard) == 1, heard.kinds
                plan = await plan_of(database, heard.texts[0], heard.parameters[0])
                assert re.search(rf"\b{index}\b", plan), plan
                # Nothing is read as a whole: neither the history nor the documents.
                assert not re.search(r"\bSCAN (deliveries|documents)\b|Seq Scan on (deliveries|documents)", plan), plan
                if not by_urgency:
                    # The order comes from the index, so a page of however long an inbox sorts nothing.
                    assert "TEMP B-TREE" not in plan, plan
                    assert "Sort" not in plan, plan
    query = sa.select(sa.func.count()).where(deliveries.c.recipient == AGENCY, deliveries.c.in_inbox.is_(sa.false()))
    async with database.read() as tx:
        assert (await tx.execute(query)).scalar_one() == HISTORY
