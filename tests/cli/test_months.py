"""`truc statistics months`, `show`: closed months on the node's own database."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.ledger.closing import Closing, close_due
from app.ledger.publish import Publisher
from app.ledger.seal import seal_all
from app.node import KEYS_FOLDER
from app.signing.ledger_key import LedgerKey
from app.store.blobs import BlobStore
from app.store.database import Database
from tests.cli.conftest import Truc
from tests.ledger.recording import STANDINGS, refusal, write

MARCH = datetime(2026, 3, 5, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def closed(registry: Path) -> None:
    """March with a refusal, closed; and closed again with another one."""

    async def work() -> None:
        database = Database(f"sqlite:///{registry / 'truc.db'}")
        publisher = Publisher(database, LedgerKey.open(registry / KEYS_FOLDER), "node.test/v1/ledger")
        closing = Closing(publisher, BlobStore(registry), grace=5 * DAY, rest=DAY)
        for day in (6, 7):
            await write(database, events=[refusal(STANDINGS[2], at=MARCH)])
            await seal_all(database, now=MARCH)
            assert await close_due(closing, now=datetime(2026, 4, day, tzinfo=UTC))
        await database.close()

    asyncio.run(work())


@pytest.mark.usefixtures("closed")
def test_closed_months_are_listed_and_shown_as_each_version_had_them(truc: Truc, tmp_path: Path) -> None:
    [newest] = truc("statistics", "months", "--json").json
    assert (newest["month"], newest["version"], newest["moved"]) == ("2026-03", 2, False)
    every = truc("statistics", "months", "--all", "--json").json
    assert [each["version"] for each in every] == [1, 2]
    assert newest["digest"][:12] in "".join(truc("statistics", "months").text.split())
    for version, refused in ((1, 1), (2, 2)):
        shown = truc("statistics", "show", "2026-03", "--version", version, "--json").json
        assert [(row["agency"], row["refused"]) for row in shown["items"]] == [(STANDINGS[2].agency, refused)]
        assert shown["ledger_size"] == every[version - 1]["ledger_size"]
    assert truc("statistics", "show", "2026-03", "--by", "tier").text.startswith("month,tier,")
    body = truc("statistics", "show", "2026-03", "--format", "frozen").out
    assert hashlib.sha256(body).hexdigest() == newest["digest"]
    assert json.loads(body)["version"] == 2
    assert truc("statistics", "show", "2026-03", "--format", "xlsx", "-o", tmp_path / "march.xlsx").code == 0


@pytest.mark.usefixtures("registry")
def test_what_is_not_closed_is_not_shown(truc: Truc) -> None:
    assert truc("statistics", "months", "--json").json == []
    assert truc("statistics", "show", "2026-03").code == 1
    assert truc("statistics", "show", "March").code == 1
    assert truc("statistics", "show", "2026-03", "--format", "pdf").code == 2
