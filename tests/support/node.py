"""A real node in this process, spoken to over real HTTP: uvicorn on a free port in a thread of its own."""

import asyncio
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import uvicorn
from fastapi import FastAPI

from app.main import SERVER_OPTIONS, configure_logs, create_app
from app.node import Node
from app.registry import clients
from app.registry.acts import Act
from app.registry.model import Grant, Scope
from app.settings import Settings
from app.worker import ledgering
from tests.support.agency import PLAIN_HTTP, AgencySystem

T = TypeVar("T")

START_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a client signs in."""

    client_id: str
    secret: str


class RunningNode:
    """A node that answers at `url` until the context ends.

    Attributes:
        http: a client without credentials, bound to `url`.
    """

    def __init__(self, settings: Settings, app: FastAPI, listener: socket.socket) -> None:
        self.settings = settings
        self.app = app
        self.url = settings.public_url
        self.http = httpx2.Client(base_url=self.url, timeout=30, verify=PLAIN_HTTP)
        self._server = uvicorn.Server(uvicorn.Config(app, **SERVER_OPTIONS, log_level="warning"))
        self._loop = asyncio.new_event_loop()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="node")

    @property
    def node(self) -> Node:
        """The node itself; touch its parts only within `run`."""
        node: Node = self.app.state.node
        return node

    def run(self, work: Callable[[Node], Awaitable[T]]) -> T:
        """Run work on the node's own event loop and return what it gives."""

        async def wrapped() -> T:
            return await work(self.node)

        return asyncio.run_coroutine_threadsafe(wrapped(), self._loop).result(60)

    def client(self, *scopes: Scope, agencies: Iterable[str] = (), name: str = "test") -> Credentials:
        """Create a client as the operator does on the command line."""
        grants = tuple(Grant.parse(each) for each in agencies)

        async def create(node: Node) -> Credentials:
            act = Act("operator", datetime.now(UTC))
            done = await clients.create(node.database, act, name=name, scopes=frozenset(scopes), agencies=grants)
            assert done.value.secret is not None
            return Credentials(done.value.client.client_id, done.value.secret)

        return self.run(create)

    def system(self, *scopes: Scope, agencies: Iterable[str] = (), name: str = "test") -> AgencySystem:
        """Create a client and give a system that speaks with its credentials."""
        credentials = self.client(*scopes, agencies=agencies, name=name)
        return AgencySystem(self.url, credentials.client_id, credentials.secret)

    def start(self) -> None:
        """Wait until the node answers."""
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(START_SECONDS_MAX * 100)):
            if self._server.started or not self._thread.is_alive():
                break
            waited.wait(0.01)
        if not self._server.started:
            raise RuntimeError("the node did not start") from self._failure

    def stop(self) -> None:
        """Shut the node down in order."""
        self.http.close()
        self._server.should_exit = True
        self._thread.join(START_SECONDS_MAX)
        assert not self._thread.is_alive(), "the node does not stop"

    def _serve(self, listener: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._server.serve(sockets=[listener]))
        except BaseException as error:
            self._failure = error
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()


ledgering.CHECKPOINT_SECONDS = 3.0
"""Tests send a document each moment; a checkpoint behind each of them would cost as much as the sending."""

ledgering.MISSED_SECONDS = 10.0
"""Nodes of tests idle through most of a run, and looking for what nobody told of is what an idle node does."""


@contextmanager
def running_node(data_dir: Path, database_url: str, **settings: Any) -> Iterator[RunningNode]:
    """Run a node on a migrated database.

    Args:
        data_dir: a fresh folder.
        database_url: driver-less, as the fixture `database_url` gives it.
        settings: what differs from the defaults.
    """
    # Named as TCP: asyncio sets TCP_NODELAY on such sockets only, and without it every answer costs 40 ms.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        address: dict[str, Any] = {"host": "127.0.0.1", "port": port, "public_url": f"http://127.0.0.1:{port}"}
        # Attachments are looked into by the tests that are about that; elsewhere their events would come at any time.
        address["pdf_processes"] = 0
        # So are months that are over.
        address["close_months"] = False
        # What a request commits is sealed at once; looking for what others committed is what an idle node costs.
        address["seal_interval_seconds"] = 1
        chosen = Settings(data_dir=data_dir, database_url=database_url, **(address | settings))
        configure_logs(chosen)
        running = RunningNode(chosen, create_app(chosen), listener)
        running.start()
        try:
            yield running
        finally:
            running.stop()


def unique(prefix: str) -> str:
    """Make a name nobody else uses."""
    return f"{prefix}-{secrets.token_hex(4)}"
