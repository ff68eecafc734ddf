"""Who reads entries of the ledger: an event for each reader and hour, and one for each entry that is looked up alone.

An event for every bundle would make a mirror run after its own reading for ever: each bundle it fetches would be a new
entry to fetch. So an event opens an hour, within which the reader's bundles are covered by it. The memory is of this
process alone; after a restart, or at another process, there is one event more (ours, decision 0020).
"""

import asyncio
import json
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from app.exchange.desk import Desk
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind, record
from app.ledger.published import Entry
from app.registry.model import Client

COVERED: Final = timedelta(hours=1)
"""So long one event stands for all bundles that a reader fetches."""
READERS_MAX: Final = 1_000
"""Readers that are remembered; beyond it the one that came first is forgotten, and gets an event at its next bundle."""


class LedgerReaders:
    """Remembers whose reading is recorded."""

    def __init__(self) -> None:
        self._since: OrderedDict[str, datetime] = OrderedDict()
        self._recording = asyncio.Lock()

    async def note_bundle(self, desk: Desk, *, client: Client, first: int, at: datetime) -> None:
        """Record that a client begins to read entries in bundles, where that is not recorded for this hour.

        Args:
            first: index of the first entry of the bundle.

        Raises:
            Unavailable: the database does not answer; nothing may be read.
        """
        if self._covers(client, at):
            return
        async with self._recording:
            # A mirror opens many connections at once; those that waited here are covered by the first.
            if self._covers(client, at):
                return
            await _note(desk, client, at, {"entries_from": first}, document=None)
            self._since.pop(client.client_id, None)
            self._since[client.client_id] = at
            if len(self._since) > READERS_MAX:
                self._since.popitem(last=False)

    def _covers(self, client: Client, at: datetime) -> bool:
        since = self._since.get(client.client_id)
        return since is not None and since <= at < since + COVERED


async def note_entry(desk: Desk, entry: Entry, *, client: Client, at: datetime) -> None:
    """Record that a client looked one entry up, with the document it speaks of.

    Raises:
        Unavailable: the database does not answer; nothing may be read.
    """
    document = json.loads(entry.body).get("document")
    await _note(desk, client, at, {"entry": entry.index}, document=document)


async def _note(
    desk: Desk, client: Client, at: datetime, detail: dict[str, JsonValue], *, document: str | None
) -> None:
    event = Event(new_id(), EventKind.TRAIL_READ, at, client.client_id, document=document, detail=detail)
    async with desk.database.write() as tx:
        await record(tx, [event])
    desk.doorbell.nudge()
