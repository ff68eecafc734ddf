"""What revision 0004 makes of a ledger that was there before it: a tree, months, sums, and spans in one row."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

import app
from app.ids import new_id
from app.ledger import proofs, tree
from app.ledger.seal import seal_all
from app.signing import merkle
from app.store import migrations
from app.store.database import Database
from app.store.schema import counted_months, events, figures, rolled_figures

SEALED, WAITING = 600, 3
MIDNIGHT = datetime(2026, 10, 31, 17, tzinfo=UTC)
"""The beginning of November in Vietnam."""
LAST_OF_OCTOBER = 300
_SPAN = {
    "month": "2026-10",
    "agency": "*",
    "tier": "*",
    "branch": "*",
    "document_type": "cong-van",
    "unit": "*",
    "peer_tier": "*",
    "measure": "acknowledging",
}


def _body(number: int) -> str:
    return json.dumps({"v": number, "chữ": "ữ"}, ensure_ascii=False)


def _event(number: int) -> dict[str, Any]:
    body = _body(number)
    return {
        "id": new_id(),
        "position": number if number < SEALED else None,
        "at": MIDNIGHT + timedelta(microseconds=-1 if number <= LAST_OF_OCTOBER else 0),
        "kind": "document.accepted",
        "outcome": "accepted",
        "actor": "client",
        "agency": "H41.01",
        "tier": "commune",
        "branch": "state",
        "document_type": "cong-van",
        "measures": " sent " if number % 10 == 0 else None,
        "body": body,
        "leaf_hash": hashlib.sha256(b"\x00" + body.encode()).hexdigest(),
    }


async def ledger_of_before(url: str) -> None:
    """Fill a database of revision 0003: so many sealed events, and some that wait."""
    database = Database(url)
    place = {"tier": "commune", "branch": "state", "document_type": "cong-van", "unit": "H41", "peer_tier": ""}
    spans = sa.table("durations", *(sa.column(name) for name in (*_SPAN, "bucket", "count")))
    async with database.write() as tx:
        await tx.execute(events.insert(), [_event(number) for number in range(SEALED + WAITING)])
        await tx.execute(sa.text(f"UPDATE ledger_state SET size = {SEALED}"))
        for agency in ("H41.01", "H41.02"):
            await tx.execute(figures.insert(), [{"month": "2026-10", "agency": agency, **place, "sent": 15}])
        for bucket, count in ((3, 9), (17, 2)):
            await tx.execute(spans.insert(), [{**_SPAN, "bucket": bucket, "count": count}])
    await database.close()


async def _after(url: str) -> None:
    database = Database(url)
    entries = [_body(number).encode() for number in range(SEALED + WAITING)]
    assert await seal_all(database, now=MIDNIGHT) == WAITING, "what waited goes on behind what was sealed"
    async with database.read() as tx:
        for size in (0, 1, 255, 256, 257, 512, SEALED, SEALED + WAITING):
            assert await proofs.root(tx, size) == merkle.root(entries[:size])
        months = {row.month: row.ledger_size for row in await tx.execute(sa.select(counted_months))}
        assert months == {"2026-10": LAST_OF_OCTOBER + 1, "2026-11": SEALED + 1}
        rolled = sa.select(rolled_figures.c.sent).where(
            rolled_figures.c.month == "2026-10", rolled_figures.c.document_type == "cong-van"
        )
        assert (await tx.execute(rolled)).scalars().all() == [30]
        assert (await tx.execute(sa.text("SELECT counts FROM durations"))).scalars().all() == ["[3,9,17,2]"]
    await database.close()


async def _taken_back(url: str) -> None:
    database = Database(url)
    async with database.read() as tx:
        spans = await tx.execute(sa.text("SELECT bucket, count FROM durations ORDER BY bucket"))
        assert [tuple(row) for row in spans] == [(3, 9), (17, 2)]
    await database.close()


def test_a_ledger_of_before_gets_its_tree_its_months_and_its_sums(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0003")
    asyncio.run(ledger_of_before(empty_database_url))
    migrations.migrate(empty_database_url)
    asyncio.run(_after(empty_database_url))
    migrations.migrate(empty_database_url, "0003")
    asyncio.run(_taken_back(empty_database_url))


def test_a_tree_over_however_many_events_is_built_a_tile_a_level_at_a_time() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(app.__file__).parent.parent / "migrations"))
    revision: Any = ScriptDirectory.from_config(config).get_revision("0004").module
    leaves = [number.to_bytes(32, "big") for number in range(256 * 256 + 257)]
    levels: list[Any] = []
    written: list[dict[str, Any]] = []
    for leaf in leaves:
        revision._append(levels, 0, leaf, written)
    assert [(level.full, len(level.begun)) for level in levels] == [(257, 1), (1, 1), (0, 1)]
    whole = {address: hashes for address, hashes in tree.grown({}, 0, leaves).items() if len(hashes) == 256 * 32}
    assert {(row["level"], row["number"]): row["hashes"] for row in written} == whole
