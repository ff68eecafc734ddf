"""What was sent to a subscriber, and sending it again: for the subscription's own client."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.errors import Conflict, NotFound, RequestInvalid
from app.ids import new_id
from app.registry.acts import Act, Done
from app.registry.model import Client
from app.store import webhook_messages as rows
from app.store.database import Transaction
from app.webhooks import subscriptions
from app.webhooks.announce import written
from app.webhooks.hooks import Hooks
from app.webhooks.model import Attempt, Message, MessageState, WebhookStatus
from app.webhooks.topics import PING

ATTEMPTS_SHOWN_MAX: Final = 100
"""Ten for each time a message is replayed."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many messages are sent again."""

    messages: int


async def list_some(
    hooks: Hooks, client: Client, webhook: str, *, state: MessageState | None, before: str | None, limit: int
) -> tuple[Message, ...]:
    """Return messages of a subscription, newest first.

    Args:
        before: id of the last one of the page before.

    Raises:
        NotFound: no such subscription of this client.
        RequestInvalid: `before` is no id.
        Unavailable: the database does not answer.
    """
    async with hooks.database.read() as tx:
        await subscriptions.own(tx, webhook, client_id=client.client_id)
        found = await rows.page(tx, webhook, state=state, before=subscriptions.cursor_id(before), limit=limit)
    return tuple(map(_message_of, found))


async def get(hooks: Hooks, client: Client, webhook: str, message: str) -> tuple[Message, tuple[Attempt, ...]]:
    """Return a message with its attempts, the newest first, a hundred at most.

    Raises:
        NotFound: no such message of a subscription of this client.
        Unavailable: the database does not answer.
    """
    async with hooks.database.read() as tx:
        found = await _own(tx, client, webhook, message)
        attempts = await rows.attempts_of(tx, message, limit=ATTEMPTS_SHOWN_MAX)
    return _message_of(found), tuple(
        Attempt(row.id, row.at, row.status, row.error, row.milliseconds) for row in attempts
    )


async def replay(hooks: Hooks, client: Client, webhook: str, message: str, act: Act) -> Done[Message]:
    """Send a message again, whatever became of it, from the beginning of its schedule.

    Raises:
        NotFound: no such message of a subscription of this client.
        Conflict: the subscription is disabled.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing is sent.
    """
    async with hooks.database.write() as tx:
        if earlier := await act.before(tx, Message):
            return earlier
        await _own(tx, client, webhook, message)
        await _enabled(tx, client, webhook)
        await rows.replay_one(tx, message, at=act.at)
        done = await act.done(tx, _message_of(await rows.find(tx, webhook, message)))
    hooks.nudged.set()
    return done


async def replay_between(
    hooks: Hooks, client: Client, webhook: str, act: Act, *, since: datetime, until: datetime, delivered: bool
) -> Done[Replayed]:
    """Send the messages that were made in this time and failed again.

    Args:
        delivered: those that were delivered, too: for a receiver that lost what it had.

    Raises:
        NotFound: no such subscription of this client.
        RequestInvalid: the time ends before it begins.
        Conflict: the subscription is disabled.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing is sent.
    """
    if until <= since:
        raise RequestInvalid("to: must be later than from")
    states = [MessageState.FAILED.value] + ([MessageState.DELIVERED.value] if delivered else [])
    async with hooks.database.write() as tx:
        if earlier := await act.before(tx, Replayed):
            return earlier
        await _enabled(tx, client, webhook)
        count = await rows.replay_between(tx, webhook, since=since, until=until, states=states, at=act.at)
        done = await act.done(tx, Replayed(count))
    hooks.nudged.set()
    return done


async def ping(hooks: Hooks, client: Client, webhook: str, act: Act) -> Done[Message]:
    """Send a message that tells of nothing, once, so that a subscriber sees whether it arrives and verifies.

    Raises:
        NotFound: no such subscription of this client.
        Conflict: the subscription is disabled.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing is sent.
    """
    message = new_id()
    async with hooks.database.write() as tx:
        if earlier := await act.before(tx, Message):
            return earlier
        await _enabled(tx, client, webhook)
        row = {
            "id": message,
            "webhook": webhook,
            # Below every index of the log: it is about no event.
            "position": await rows.lowest_position(tx, webhook) - 1,
            "type": PING,
            "content": written(PING, at=act.at, data={"webhook": webhook}),
            "state": MessageState.PENDING.value,
            "attempts": 0,
            "next_attempt_at": act.at,
            "created_at": act.at,
        }
        await rows.insert(tx, [row])
        done = await act.done(tx, _message_of(await rows.find(tx, webhook, message)))
    hooks.nudged.set()
    return done


async def _own(tx: Transaction, client: Client, webhook: str, message: str) -> Any:
    await subscriptions.own(tx, webhook, client_id=client.client_id)
    found = await rows.find(tx, webhook, message)
    if found is None:
        raise NotFound("no such message")
    return found


async def _enabled(tx: Transaction, client: Client, webhook: str) -> None:
    # Its row is held: nothing becomes pending for a subscription that is just being disabled, and pings get numbers.
    present, _ = await subscriptions.own(tx, webhook, client_id=client.client_id, lock=True)
    if present.status is not WebhookStatus.ENABLED:
        raise Conflict(f"the webhook is disabled ({present.disabled_reason}); enable it first")


def _message_of(row: Any) -> Message:
    return Message(
        id=row.id,
        webhook=row.webhook,
        position=row.position,
        type=row.type,
        content=row.content,
        state=MessageState(row.state),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        created_at=row.created_at,
    )
