"""The process that looks at parts of the log for another one: a line of JSON in for each, a line out, until the end.

Run as `python -m app.ledger.check_process` by `check_readers`. It opens the database for reading only and holds one
snapshot of it to the end; it goes when the one that asks goes.
"""

import asyncio
import gc
import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from app.errors import DataFault
from app.ledger.check_looking import sound_documents, sound_events
from app.ledger.check_parts import DocumentsAsked, EventsAsked
from app.ledger.retelling import OpenReceipt
from app.signing.node_key import keys_in, verify_jws
from app.store import census
from app.store.database import Database, StatementFailed, Transaction


async def answer() -> None:
    """Answer until the input ends."""
    begun = json.loads(sys.stdin.buffer.readline())
    open_receipt = _opener(begun["receipts"])
    database = Database(begun["url"])
    try:
        async with database.read() as tx:
            await census.see(tx, begun["snapshot"])
            _write({"ready": True})
            for line in sys.stdin.buffer:
                told, leaves = await _told(tx, json.loads(line), open_receipt)
                _write(told, leaves)
    finally:
        await database.close()


def _opener(receipts: Mapping[str, str] | None) -> OpenReceipt | None:
    if receipts is None:
        return None
    return partial(verify_jws, keys=keys_in(Path(receipts["keys"])), typ=receipts["typ"])


async def _told(tx: Transaction, asked: Any, open_receipt: OpenReceipt | None) -> tuple[Any, bytes]:
    try:
        if "events" in asked:
            events = await sound_events(tx, EventsAsked(*asked["events"]))
            return (None, b"") if events is None else (events[:-1], events.leaves)
        return await sound_documents(tx, DocumentsAsked(*asked["documents"]), open_receipt), b""
    except (DataFault, StatementFailed):
        # What cannot be read is not sound; the one that asked finds out why.
        return None, b""


def _write(told: Any, octets: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(told).encode("ascii") + b"\n" + octets)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    # Parts are many small values without cycles, which it is a waste to look through again and again.
    gc.set_threshold(50_000, 20, 100)
    asyncio.run(answer())
