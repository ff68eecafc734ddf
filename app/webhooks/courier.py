"""Delivering messages: what is due is taken with a lease, sent, and what became of it is written down.

At least once: whoever dies between sending and writing down leaves a lease that ends, and the message is sent again
under the same id. No request waits for a server, and no server for another: there are so many connections in all, few
to one server, one to a server that fails, and then it rests.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

import app as product
from app.errors import DataFault
from app.ids import new_id
from app.ledger.events import NODE_ACTOR
from app.registry.acts import Act
from app.regulations.calendar import day_of
from app.store import webhook_messages as messages
from app.store import webhooks as rows
from app.store.database import Transaction
from app.store.webhook_messages import DueKey
from app.webhooks import signature, subscriptions
from app.webhooks.concern import Circle, codes_of, subscribers
from app.webhooks.hooks import Hooks
from app.webhooks.kept import keys_of
from app.webhooks.model import DisabledReason
from app.webhooks.schedule import Rests, delay_after
from app.webhooks.topics import PING

AT_ONCE_MAX: Final = 64
"""Messages under way from one process: each is a socket and a few kilobytes."""
AT_ONCE_PER_WEBHOOK_MAX: Final = 4
LEASE: Final = timedelta(seconds=60)
"""Longer than a request may take, so that nobody else takes what is under way; no longer, for a crash leaves it."""
_LOOKED_THROUGH_MAX: Final = 1_000
"""Due messages looked at in one turn; more is only met where many servers have many waiting."""
_SCAN: Final = 200
_GONE: Final = 410
_KEY_LOST: Final = "key-lost"
"""The node cannot open the webhook's key: its key file was replaced. A rotation mends it."""
_BROKEN: Final = "internal-error"

_log = structlog.get_logger("truc.webhooks")


@dataclass(frozen=True, slots=True)
class _Ended:
    """A message that was tried: the row it was taken by, when, and how it ended."""

    message: Any
    at: datetime
    status: int | None
    error: str | None
    milliseconds: int

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What a turn found due: what to send, and what is not to be sent any more."""

    send: Sequence[Any]
    stale: Sequence[str]


class Courier:
    """The deliveries of one process; use it from one event loop."""

    def __init__(self, hooks: Hooks, *, dice: random.Random | None = None) -> None:
        self._hooks = hooks
        self._dice = dice or random.SystemRandom()
        self._under_way: dict[asyncio.Task[_Ended], str] = {}
        self._ended: list[_Ended] = []
        self._rests = Rests()

    @property
    def under_way(self) -> frozenset[asyncio.Task[Any]]:
        """What is being sent: who waits for the next turn waits for these."""
        return frozenset(self._under_way)

    async def turn(self, *, at: datetime) -> bool:
        """Write down what ended, take what is due and start sending it.

        Returns:
            Whether anything was taken or written down.

        Raises:
            Unavailable: the database does not answer; what ended is written down in a later turn.
        """
        self._collect(at)
        async with self._hooks.database.read() as tx:
            chosen = await self._choose(tx, at=at)
        if not chosen.send and not chosen.stale and not self._ended:
            return False
        ended = tuple(self._ended)
        async with self._hooks.database.write() as tx:
            await messages.give_up(tx, chosen.stale)
            for each in ended:
                await self._write_down(tx, each, at=at)
            due = [message.id for message in chosen.send]
            mine = await messages.lease(tx, due, at=at, until=at + LEASE) if due else set()
            # Leaving the block commits what became of the ones and takes the others. A crash from here on sends
            # those again when their lease is over.
        self._ended = self._ended[len(ended) :]
        for message in chosen.send:
            if message.id in mine:
                task = asyncio.create_task(self._send(message, at=at))
                self._under_way[task] = message.webhook
        return True

    async def stop(self) -> None:
        """Break off what is under way; leases end by themselves."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._under_way.clear()

    def _collect(self, at: datetime) -> None:
        for task in [task for task in self._under_way if task.done()]:
            webhook = self._under_way.pop(task)
            if task.cancelled():
                continue
            ended = task.result()
            self._ended.append(ended)
            self._hooks.figures.attempted(delivered=ended.delivered)
            if ended.delivered:
                self._rests.forget(webhook)
            else:
                self._rests.failed(webhook, at=at)

    async def _choose(self, tx: Transaction, *, at: datetime) -> _Chosen:
        busy = Counter(self._under_way.values())
        left_out = self._rests.resting(at) | {webhook for webhook in busy if self._room(webhook, busy) <= 0}
        send: list[Any] = []
        stale: list[str] = []
        after: DueKey | None = None
        for _ in range(_LOOKED_THROUGH_MAX // _SCAN):
            if len(self._under_way) + len(send) >= AT_ONCE_MAX:
                break
            found = await messages.due(tx, at=at, without=left_out, after=after, limit=_SCAN)
            unwanted = await _unwanted(tx, found, at=at)
            stale += unwanted
            for message in found:
                fits = len(self._under_way) + len(send) < AT_ONCE_MAX and self._room(message.webhook, busy) > 0
                if message.id not in unwanted and fits:
                    busy[message.webhook] += 1
                    send.append(message)
            left_out |= {webhook for webhook in busy if self._room(webhook, busy) <= 0}
            if len(found) < _SCAN:
                break
            after = DueKey(found[-1].next_attempt_at, found[-1].id)
        return _Chosen(send, stale)

    def _room(self, webhook: str, busy: Mapping[str, int]) -> int:
        return (1 if self._rests.failing(webhook) else AT_ONCE_PER_WEBHOOK_MAX) - busy.get(webhook, 0)

    async def _send(self, message: Any, *, at: datetime) -> _Ended:
        try:
            keys = _opened(message, self._hooks, at=at)
            body = message.content.encode("utf-8")
            signing = keys_of(message).signing
            headers = {
                "Content-Type": "application/json",
                "User-Agent": f"Truc/{product.__version__}",
                **signature.headers(message.id, body, signing=signing, keys=keys, at=at),
            }
            outcome = await self._hooks.post.send(message.url, body, headers)
        except DataFault:
            return _Ended(message, at, None, _KEY_LOST, 0)
        except Exception:  # noqa: BLE001 -- one message that cannot be sent must not keep the others from it
            _log.exception("webhook.broke", message=message.id)
            return _Ended(message, at, None, _BROKEN, 0)
        error = outcome.failure.value if outcome.failure is not None else None
        return _Ended(message, at, outcome.status, error, outcome.milliseconds)

    async def _write_down(self, tx: Transaction, ended: _Ended, *, at: datetime) -> None:
        message = ended.message
        attempt = {
            "id": new_id(),
            "message": message.id,
            "at": ended.at,
            "status": ended.status,
            "error": ended.error,
            "milliseconds": ended.milliseconds,
        }
        await messages.note_attempts(tx, [attempt])
        if ended.delivered:
            await messages.settle_delivered(tx, message.id)
            return
        delay = delay_after(message.attempts + 1, dice=self._dice.random())
        if delay is not None and ended.status != _GONE and message.type != PING:
            await messages.postpone(tx, message.id, until=at + delay)
            return
        await messages.settle_failed(tx, message.id)
        reason = await _reason_to_disable(tx, ended)
        if reason is not None and await subscriptions.disable_in(tx, message.webhook, reason, act=Act(NODE_ACTOR, at)):
            self._rests.forget(message.webhook)
            _log.warning("webhook.disabled", webhook=message.webhook, reason=reason.value)


async def _reason_to_disable(tx: Transaction, ended: _Ended) -> DisabledReason | None:
    message = ended.message
    if ended.status == _GONE:
        return DisabledReason.GONE
    if message.type == PING or await messages.delivered_since(tx, message.webhook, message.position):
        return None
    # For three days nothing of what came after it was taken either.
    return DisabledReason.FAILING


async def _unwanted(tx: Transaction, found: Sequence[Any], *, at: datetime) -> list[str]:
    """Return which of these messages their subscriber may no longer be told, or wants no longer."""
    if not found:
        return []
    known = await subscribers(tx, await rows.by_ids(tx, {message.webhook for message in found}))
    about = {
        message.id: json.loads(message.content).get("data", {}) if message.type != PING else {} for message in found
    }
    codes = {data.get(name) for data in about.values() for name in ("agency", "sender")} - {None}
    circle = await Circle.of(tx, codes, on=day_of(at))
    unwanted = []
    for message in found:
        subscriber, data = known[message.webhook], about[message.id]
        concerned = circle.around(codes_of(message.type, agency=data.get("agency"), sender=data.get("sender")))
        wanted = subscriber.listens if message.type == PING else subscriber.wants(message.type, concerned)
        if not wanted:
            unwanted.append(message.id)
    return unwanted


def _opened(message: Any, hooks: Hooks, *, at: datetime) -> list[bytes]:
    current, *earlier = keys_of(message).in_force(at)
    opened = [hooks.sealing.unseal(current, belongs_to=message.webhook)]
    for sealed in earlier:
        try:
            opened.append(hooks.sealing.unseal(sealed, belongs_to=message.webhook))
        except DataFault:
            # Rotated because the key file was lost: the new key signs alone.
            _log.warning("webhook.earlier_key_lost", webhook=message.webhook)
    return opened
