"""A node whose clock somebody else moves: for playing through months in minutes.

It serves the public API on a free port of this machine, in the event loop of whoever plays. What a node does beside its
requests, it does here at each stop of the clock instead of in the background, with the same functions.
"""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from app.exchange import deadlines
from app.exchange.receipts import RECEIPT_TYPE
from app.ledger.check import CheckReport, check
from app.ledger.seal import seal_all
from app.main import SERVER_OPTIONS, configure_logs, create_app
from app.node import Node
from app.registry import clients
from app.registry.acts import Act
from app.registry.model import Scope
from app.registry.reorganisation.acts import apply_due
from app.routers import clock
from app.settings import Settings
from app.store import journal

_LOOK_SECONDS = 0.01


@dataclass(slots=True)
class PlayedNode:
    """A node that stands at a moment until it is told to go on.

    Attributes:
        url: where it answers.
        now: the moment its clock shows, UTC.
    """

    node: Node
    url: str
    now: datetime

    async def stop_at(self, moment: datetime) -> None:
        """Move the clock on and let the node do what is due by then."""
        self.now = moment
        await apply_due(self.node.database, at=moment)
        await deadlines.settle(self.node.desk, at=moment)
        await self.quiet()

    async def quiet(self) -> None:
        """Seal what was committed."""
        await seal_all(self.node.database, now=self.now)

    async def checked(self) -> CheckReport:
        """Check the whole log, as `truc log verify` does."""
        opened = partial(self.node.key.verify_jws, typ=RECEIPT_TYPE)
        return await check(self.node.database, self.node.blobs, open_receipt=opened)

    async def is_new(self) -> bool:
        """Whether nothing has happened at this node yet."""
        async with self.node.database.read() as tx:
            return not await journal.size(tx) and not await journal.waits(tx)

    async def administrator(self) -> tuple[str, str]:
        """Create a client that may do everything in the registry; returns its id and secret."""
        act = Act("operator", self.now)
        scopes = frozenset({Scope.REGISTRY_WRITE})
        done = await clients.create(self.node.database, act, name="administrator", scopes=scopes, agencies=())
        return done.value.client.client_id, done.value.secret or ""


@asynccontextmanager
async def played_node(data_dir: Path, database_url: str, *, at: datetime, **settings: Any) -> AsyncIterator[PlayedNode]:
    """Run a node on a migrated database, with its clock at a moment.

    Args:
        data_dir: a fresh folder.
        settings: what differs from the defaults.
    """
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        chosen = Settings(
            data_dir=data_dir, database_url=database_url, public_url=url, **({"log_level": "error"} | settings)
        )
        configure_logs(chosen)
        app = create_app(chosen, background=None)
        server = uvicorn.Server(uvicorn.Config(app, **SERVER_OPTIONS, log_level="warning"))
        serving = asyncio.create_task(server.serve(sockets=[listener]), name=f"played-{secrets.token_hex(2)}")
        while not server.started and not serving.done():  # noqa: ASYNC110 -- uvicorn has no event for it
            await asyncio.sleep(_LOOK_SECONDS)
        if serving.done():
            serving.result()
            raise RuntimeError("the node did not start; its log says why")
        played = PlayedNode(app.state.node, url, at)
        try:
            with clock.steered(lambda: played.now):
                yield played
        finally:
            server.should_exit = True
            await serving
