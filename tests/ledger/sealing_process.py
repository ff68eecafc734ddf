"""A process of its own that writes, seals and publishes until told to stop.

`python -m tests.ledger.sealing_process URL KEYS NAME`. Prints the id of each document it committed; ends when its
standard input does. Its clock runs forty times as fast as others, so that leases end within tests.
"""

import asyncio
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from app.errors import Unavailable
from app.ledger.publish import Publisher
from app.ledger.sealer import Sealer
from app.signing.ledger_key import LedgerKey
from app.store import sealing
from app.store.database import Database
from tests.ledger.recording import AT, STANDINGS, sending, write

ORIGIN = "log.example/ledger"


def _now() -> datetime:
    return AT + timedelta(seconds=time.time() % 1_000_000 * 40)


async def _work(url: str, keys: str, name: str) -> None:
    database = Database(url)
    sealer = Sealer(Publisher(database, LedgerKey.open(Path(keys)), ORIGIN), machine=name)
    stopped = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    number = 0
    while not stopped.done():
        number += 1
        one = sending(STANDINGS[number % 5], document_id=f"{name}-{number}")
        try:
            await write(database, one)
            print(one.document["id"], flush=True)
            await sealer.seal(now=_now(), limit=5)
            await sealer.publish(now=_now())
        except Unavailable:
            continue
    await sealer.give_back()
    await database.close()


if __name__ == "__main__":
    # A process that is stopped in a transaction is to be given up within a test.
    sealing.IDLE_SECONDS_MAX = sealing.LOCK_SECONDS_MAX = 1  # type: ignore[misc]
    asyncio.run(_work(*sys.argv[1:]))
