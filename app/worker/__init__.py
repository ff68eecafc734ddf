"""What runs beside the requests: sealing what was committed, waking those who wait for it, and the rounds of upkeep.

Every process of a node runs this. Sealing is safe from any number of them; each tails the ledger by itself to ring its
own bells, so nothing depends on processes telling each other anything.
"""

import asyncio
import os
import socket
from contextlib import suppress

from app.errors import Unavailable
from app.ledger.sealer import Sealer
from app.node import Node
from app.routers import clock
from app.webhooks import rounds as webhooks
from app.worker import ledgering
from app.worker.rounds import repeat
from app.worker.upkeep import rounds_of

GIVE_BACK_SECONDS_MAX = 1.0
"""Longest that the end of a process waits for giving back the lease; it ends by itself, too."""


async def run(node: Node) -> None:
    """Work until cancelled.

    A database that does not answer is waited for; anything else ends the worker, and `/readyz` says so.
    """
    sealer = Sealer(node.publisher, machine=f"{socket.gethostname()}:{os.getpid()}")
    try:
        await _work(node, sealer)
    finally:
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(GIVE_BACK_SECONDS_MAX):
                await sealer.give_back()


async def _work(node: Node, sealer: Sealer) -> None:
    longer = ledgering.Longer()
    async with asyncio.TaskGroup() as group:
        group.create_task(ledgering.seal(node, sealer, longer))
        group.create_task(ledgering.ring(node, longer))
        group.create_task(ledgering.publish(sealer, longer))
        group.create_task(ledgering.watch(node))
        group.create_task(ledgering.make_findable(node, longer))
        group.create_task(webhooks.run(node.hooks, now=clock.now))
        group.create_task(webhooks.count(node.hooks))
        for each in rounds_of(node):
            group.create_task(repeat(each))
