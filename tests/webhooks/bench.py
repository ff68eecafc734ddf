"""The room on its own, without HTTP in front and with time as an argument: a database, two agencies, their clients."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.ids import new_id
from app.ledger.events import Event, EventKind, record
from app.ledger.seal import seal_all
from app.registry import clients
from app.registry.acts import Act
from app.registry.model import Client, Grant, Scope
from app.remote.call import Limits, Resolve
from app.remote.post import Post
from app.signing.sealing_key import SealingKey
from app.store.database import Database
from app.webhooks import replay, rounds, subscriptions
from app.webhooks.announce import BATCH_MAX, announce
from app.webhooks.courier import Courier
from app.webhooks.hooks import Hooks, Policy
from app.webhooks.model import Attempt, Message, MessageState, Signing
from app.webhooks.subscriptions import Subscription
from app.webhooks.topics import Topic
from tests.ledger.recording import AT, STANDINGS, sending
from tests.registry.filling import Registry

SENDER, RECIPIENT = STANDINGS[0], STANDINGS[2]
SECOND = timedelta(seconds=1)


@dataclass
class Bench:
    """One process of a node, as far as webhooks go."""

    hooks: Hooks
    courier: Courier
    at: datetime = AT
    clients: dict[str, Client] = field(default_factory=dict)

    @property
    def act(self) -> Act:
        """What an administrator does now."""
        return Act("operator", self.at)

    async def client(self, *agencies: str, scopes: frozenset[Scope] = frozenset({Scope.EXCHANGE})) -> Client:
        """Create a client."""
        grants = tuple(map(Grant.parse, agencies))
        done = await clients.create(self.hooks.database, self.act, name="hệ thống", scopes=scopes, agencies=grants)
        return done.value.client

    async def subscribe(
        self, client: Client, url: str, *events: Topic, signing: Signing = Signing.HMAC
    ) -> Subscription:
        """Subscribe a client."""
        done = await subscriptions.create(
            self.hooks,
            client,
            Act(client.client_id, self.at),
            url=url,
            description="",
            events=frozenset(events or Topic),
            agencies=frozenset(),
            signing=signing,
        )
        return done.value

    async def happen(self, *events: Event, seal: bool = True) -> None:
        """Let events happen, and seal them."""
        async with self.hooks.database.write() as tx:
            await record(tx, events)
        if seal:
            await seal_all(self.hooks.database, now=self.at)

    async def send(self, times: int = 1) -> None:
        """Let documents be sent to the recipient."""
        for _ in range(times):
            async with self.hooks.database.write() as tx:
                await sending(SENDER, [RECIPIENT], at=self.at).write(tx)
        await seal_all(self.hooks.database, now=self.at)

    async def announce(self) -> None:
        """Make messages until the end of the log."""
        while await announce(self.hooks, at=self.at) == BATCH_MAX:
            continue

    async def turn(self, *, wait: bool = True) -> None:
        """Send what is due, wait until it ended, and write it down."""
        await self.courier.turn(at=self.at)
        if wait:
            for task in self.courier.under_way:
                await task
            await self.courier.turn(at=self.at)

    async def messages(self, subscription: Subscription, client: Client) -> list[Message]:
        """Return every message of a subscription, oldest first."""
        found = await replay.list_some(
            self.hooks, client, subscription.webhook.id, state=None, before=None, limit=10_000
        )
        return list(reversed(found))

    async def attempts(self, message: Message, client: Client) -> list[Attempt]:
        """Return the attempts at a message, oldest first."""
        _, attempts = await replay.get(self.hooks, client, message.webhook, message.id)
        return list(reversed(attempts))

    async def sweep(self) -> int:
        """Sweep."""
        return await rounds.sweep(self.hooks, at=self.at)


def happened(kind: EventKind, **fields: Any) -> Event:
    """An event of the recipient that no document stands behind."""
    return Event(new_id(), kind, AT, "client", standing=RECIPIENT, **fields)


def states(messages: list[Message]) -> list[MessageState]:
    """Return what became of messages."""
    return [message.state for message in messages]


@asynccontextmanager
async def bench(
    database_url: str, folder: Path, *, resolve: Resolve | None = None, limits: Limits | None = None
) -> AsyncIterator[Bench]:
    """Open a process on a database; several may be open on one."""
    database = Database(database_url)
    post = Post(limits=limits or Limits(), private=True, resolve=resolve)
    hooks = Hooks(database, SealingKey.open(folder / "keys"), post, Policy("https://truc.example.vn", 30))
    opened = Bench(hooks, Courier(hooks))
    try:
        yield opened
    finally:
        await opened.courier.stop()
        post.close()
        await database.close()


async def fill(opened: Bench) -> None:
    """Register the two agencies."""
    await Registry(opened.hooks.database).add(SENDER.agency, RECIPIENT.agency)


Opened = Callable[[], Bench]
