"""Use cases done on a node's own loop without HTTP, at its desk or at one of which some parts are others."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.exchange import inbox, report, submit
from app.exchange.desk import Desk
from app.exchange.refuse import Declared
from app.node import Node
from app.registry import clients
from app.registry.model import Client
from app.routers import clock
from tests.support.office import Exchange, Office

XML = Declared("application/xml")

Work = Callable[[Desk, Client], Awaitable[Any]]


async def streamed(body: bytes) -> AsyncIterator[bytes]:
    yield body


def acting(exchange: Exchange, office: Office, work: Work, **parts: Any) -> Any:
    """Do a use case on the node's own loop, at a desk of which some parts are others."""

    async def act(node: Node) -> Any:
        async with node.database.read() as tx:
            client = await clients.find(tx, office.system.client_id)
        assert client is not None
        return await work(replace(node.desk, **parts), client)

    return exchange.running.run(act)


def submitting(body: bytes, key: str | None = None) -> Work:
    return lambda desk, client: submit.submit(
        desk, streamed(body), declared=XML, client=client, idempotency_key=key, now=clock.now
    )


def reporting(body: bytes) -> Work:
    return lambda desk, client: report.report(
        desk, streamed(body), declared=XML, client=client, idempotency_key=None, now=clock.now
    )


def acknowledging(*deliveries: str) -> Work:
    return lambda desk, client: inbox.acknowledge(desk, deliveries, client=client, at=datetime.now(UTC))
