"""A process of its own that writes and seals until told to stop: `python -m tests.ledger.sealing_process URL NAME`.

Prints the id of each document it committed; ends when its standard input does.
"""

import asyncio
import sys

from app.errors import Unavailable
from app.ledger.seal import seal_batch
from app.store.database import Database
from tests.ledger.recording import AT, STANDINGS, sending, write


async def _work(url: str, name: str) -> None:
    database = Database(url)
    stopped = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    number = 0
    while not stopped.done():
        number += 1
        one = sending(STANDINGS[number % 5], document_id=f"{name}-{number}")
        try:
            await write(database, one)
            print(one.document["id"], flush=True)
            await seal_batch(database, now=AT, limit=5)
        except Unavailable:
            continue
    await database.close()


if __name__ == "__main__":
    asyncio.run(_work(*sys.argv[1:]))
