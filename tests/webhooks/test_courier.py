"""Delivering: retries over days, leases over crashes, one slow server beside others; time is an argument."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio

from app.ledger.events import EventKind
from app.registry import clients as registry_clients
from app.registry.model import ClientStatus, Grant
from app.remote.call import Limits
from app.store import journal
from app.webhooks import replay, subscriptions
from app.webhooks.courier import AT_ONCE_PER_WEBHOOK_MAX, LEASE, Courier
from app.webhooks.model import DisabledReason, MessageState, WebhookStatus
from app.webhooks.schedule import DELAYS, JITTER_MAX, WAITING_MAX
from app.webhooks.topics import PING, Topic
from tests.webhooks.bench import RECIPIENT, SECOND, SENDER, Bench, bench, fill, happened, states
from tests.webhooks.receiver import Receiver


@pytest_asyncio.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """A process on a fresh database with two agencies."""
    async with bench(database_url, tmp_path) as opened:
        await fill(opened)
        yield opened


@pytest_asyncio.fixture
async def alone(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    """The same on SQLite alone, for what does not hang on the database."""
    shutil.copyfile(migrated_sqlite, tmp_path / "node.sqlite")
    async with bench(f"sqlite:///{tmp_path / 'node.sqlite'}", tmp_path) as opened:
        await fill(opened)
        yield opened


async def status_of(office: Bench, webhook: str) -> tuple[WebhookStatus, DisabledReason | None]:
    found = (await subscriptions.get(office.hooks, webhook, client_id=None, at=office.at)).webhook
    return found.status, found.disabled_reason


async def test_what_fails_is_tried_again_over_three_days_then_given_up(alone: Bench, receiver: Receiver) -> None:
    client = await alone.client(RECIPIENT.agency)
    hook = await alone.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    receiver.answers.extend([500, 404, 302, 429, 503, 400, 500, 500, 500, 500])
    await alone.send()
    await alone.announce()
    begun = alone.at
    for delay in (*DELAYS, None):
        await alone.turn()
        [message] = await alone.messages(hook, client)
        if delay is None:
            break
        assert message.state is MessageState.PENDING
        assert message.next_attempt_at is not None
        assert delay <= message.next_attempt_at - alone.at <= delay * (1 + JITTER_MAX)
        # Not before its time.
        before = len(receiver.received)
        alone.at = message.next_attempt_at - SECOND
        await alone.turn()
        assert len(receiver.received) == before
        alone.at = message.next_attempt_at
    assert message.state is MessageState.FAILED
    assert message.next_attempt_at is None
    assert timedelta(days=3) < alone.at - begun < timedelta(days=4)
    attempts = await alone.attempts(message, client)
    assert [attempt.status for attempt in attempts] == [500, 404, 302, 429, 503, 400, 500, 500, 500, 500]
    assert {each.message for each in receiver.received} == {message.id}
    timestamps = [int(each.headers["webhook-timestamp"]) for each in receiver.received]
    assert timestamps == [int(attempt.at.timestamp()) for attempt in attempts]
    assert all(each.verifies(hook.secret or "") for each in receiver.received)
    # Nothing that came later was taken either.
    assert await status_of(alone, hook.webhook.id) == (WebhookStatus.DISABLED, DisabledReason.FAILING)


async def test_one_message_that_is_never_taken_does_not_disable_a_webhook_that_works(
    alone: Bench, receiver: Receiver
) -> None:
    client = await alone.client(RECIPIENT.agency)
    hook = await alone.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    await alone.send()
    await alone.announce()
    for _ in range(len(DELAYS) + 1):
        receiver.answers.append(500)
        await alone.turn()
        alone.at += timedelta(days=2)
        if len(receiver.received) == 1:
            await alone.send()
            await alone.announce()
            [poisonous, other] = await alone.messages(hook, client)
            receiver.answers.extend([500, 200])
            await alone.turn()
            alone.at += timedelta(days=1)
    assert states(await alone.messages(hook, client)) == [MessageState.FAILED, MessageState.DELIVERED]
    assert poisonous.position < other.position
    assert await status_of(alone, hook.webhook.id) == (WebhookStatus.ENABLED, None)


async def test_what_was_sent_and_not_written_down_is_sent_again_under_its_id(
    office: Bench, receiver: Receiver, database_url: str, tmp_path: Path
) -> None:
    """A crash between the answer and its record: the message is repeated when the lease is over, not before."""
    client = await office.client(RECIPIENT.agency)
    hook = await office.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    await office.send()
    await office.announce()
    await office.turn(wait=False)
    await asyncio.to_thread(receiver.wait, 1)
    await office.courier.stop()
    async with bench(database_url, tmp_path) as heir:
        heir.at = office.at + LEASE - SECOND
        await heir.turn()
        assert len(receiver.received) == 1
        heir.at = office.at + LEASE
        await heir.turn()
        [first, second] = receiver.received
        assert first.message == second.message
        assert first.body == second.body
        assert states(await heir.messages(hook, client)) == [MessageState.DELIVERED]


async def test_two_processes_tell_everything_once(
    office: Bench, receiver: Receiver, database_url: str, tmp_path: Path
) -> None:
    client = await office.client(RECIPIENT.agency)
    hook = await office.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    async with bench(database_url, tmp_path) as other:
        for _ in range(4):
            await office.send(6)
            await asyncio.gather(office.announce(), other.announce(), office.announce())
            while any(state is MessageState.PENDING for state in states(await office.messages(hook, client))):
                await asyncio.gather(office.turn(), other.turn())
        await other.announce()
        told = [each.value["data"]["event"] for each in receiver.received]
        assert sorted(told) == [message.position for message in await office.messages(hook, client)]
    assert len({each.message for each in receiver.received}) == 24


async def test_a_server_that_hangs_holds_up_nobody(alone: Bench, receiver: Receiver) -> None:
    office = alone
    client = await office.client(RECIPIENT.agency)
    with Receiver() as hanging:
        hanging.held.clear()
        slow = await office.subscribe(client, hanging.url, Topic.DELIVERY_AVAILABLE)
        await office.send(2 * AT_ONCE_PER_WEBHOOK_MAX)
        await office.announce()
        await office.turn(wait=False)
        # The other subscriber comes last, when much waits for the first already.
        quick = await office.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
        office.at += SECOND
        await office.send(AT_ONCE_PER_WEBHOOK_MAX)
        await office.announce()
        await office.turn(wait=False)
        await asyncio.to_thread(receiver.wait, AT_ONCE_PER_WEBHOOK_MAX)
        assert len(hanging.received) <= AT_ONCE_PER_WEBHOOK_MAX
        assert set(states(await office.messages(slow, client))) == {MessageState.PENDING}
        assert len(await office.messages(quick, client)) == AT_ONCE_PER_WEBHOOK_MAX
        await office.courier.stop()


async def test_a_server_that_fails_rests_and_is_then_asked_once(alone: Bench, receiver: Receiver) -> None:
    client = await alone.client(RECIPIENT.agency)
    hook = await alone.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    await alone.send(3 * AT_ONCE_PER_WEBHOOK_MAX)
    await alone.announce()
    receiver.answers.extend([500] * (AT_ONCE_PER_WEBHOOK_MAX + 1))
    await alone.turn()
    await alone.turn()
    assert len(receiver.received) == AT_ONCE_PER_WEBHOOK_MAX
    alone.at += timedelta(minutes=2)
    await alone.turn()
    assert len(receiver.received) == AT_ONCE_PER_WEBHOOK_MAX + 1
    alone.at += timedelta(minutes=2)
    for _ in range(6):
        await alone.turn()
    assert set(states(await alone.messages(hook, client))) <= {MessageState.DELIVERED, MessageState.PENDING}
    alone.at += timedelta(days=1)
    await alone.turn()
    await alone.turn()
    assert set(states(await alone.messages(hook, client))) == {MessageState.DELIVERED}


async def test_410_disables_and_gives_up_what_waits(office: Bench, receiver: Receiver) -> None:
    client = await office.client(RECIPIENT.agency)
    hook = await office.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    await office.send(2)
    await office.announce()
    receiver.answers.extend([500, 410])
    await office.turn()
    assert await status_of(office, hook.webhook.id) == (WebhookStatus.DISABLED, DisabledReason.GONE)
    assert set(states(await office.messages(hook, client))) == {MessageState.FAILED}
    # While it is disabled nothing is made; enabled again, it is told of what comes, and may ask for what failed.
    await office.send()
    await office.announce()
    assert len(await office.messages(hook, client)) == 2
    await subscriptions.enable(office.hooks, client, hook.webhook.id, if_match=None, act=office.act)
    await office.send()
    await office.announce()
    since, until = office.at - SECOND, office.at + SECOND
    done = await replay.replay_between(
        office.hooks, client, hook.webhook.id, office.act, since=since, until=until, delivered=False
    )
    assert done.value.messages == 2
    office.at += timedelta(minutes=5)
    await office.turn()
    await office.turn()
    await office.turn()
    assert states(await office.messages(hook, client)) == [MessageState.DELIVERED] * 3
    first, *_ = await office.messages(hook, client)
    assert [attempt.status for attempt in await office.attempts(first, client)][-1] == 200


async def test_a_ping_is_tried_once_and_disables_nothing(alone: Bench, receiver: Receiver) -> None:
    client = await alone.client(RECIPIENT.agency)
    hook = await alone.subscribe(client, receiver.url)
    receiver.answers.append(500)
    for state in (MessageState.FAILED, MessageState.DELIVERED):
        await replay.ping(alone.hooks, client, hook.webhook.id, alone.act)
        alone.at += timedelta(minutes=1)
        await alone.turn()
        assert states(await alone.messages(hook, client))[-1] is state
    assert [each.value["type"] for each in receiver.received] == [PING, PING]
    assert await status_of(alone, hook.webhook.id) == (WebhookStatus.ENABLED, None)


async def test_a_client_that_may_no_longer_know_is_told_nothing(office: Bench, receiver: Receiver) -> None:
    """Neither what happens from now on nor what was waiting."""
    client = await office.client(RECIPIENT.agency)
    hook = await office.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    await office.send()
    await office.announce()
    changes = {"status": ClientStatus.DISABLED}
    await registry_clients.change(office.hooks.database, client.client_id, changes, act=office.act)
    await office.send()
    await office.announce()
    await office.turn()
    assert states(await office.messages(hook, client)) == [MessageState.PENDING]
    lost = {"status": ClientStatus.ACTIVE, "agencies": (Grant.parse(SENDER.agency),)}
    await registry_clients.change(office.hooks.database, client.client_id, lost, act=office.act)
    await office.send()
    await office.announce()
    await office.turn()
    assert states(await office.messages(hook, client)) == [MessageState.FAILED]
    assert receiver.received == []


async def test_what_nobody_could_try_is_given_up_and_what_is_old_removed(office: Bench, receiver: Receiver) -> None:
    client = await office.client(RECIPIENT.agency)
    hook = await office.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    await office.send(2)
    await office.announce()
    await office.turn()
    await office.send()
    await office.announce()
    office.at += WAITING_MAX
    assert await office.sweep() == 0
    assert states(await office.messages(hook, client))[-1] is MessageState.PENDING
    office.at += SECOND
    assert await office.sweep() == 0
    assert states(await office.messages(hook, client))[-1] is MessageState.FAILED
    office.at += timedelta(days=30)
    assert await office.sweep() == 3
    assert await office.messages(hook, client) == []


async def test_the_first_subscriber_is_not_told_of_what_was_before(alone: Bench, receiver: Receiver) -> None:
    await alone.send(3)
    client = await alone.client(RECIPIENT.agency)
    hook = await alone.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    await alone.send()
    await alone.announce()
    async with alone.hooks.database.read() as tx:
        size = await journal.size(tx)
    [message] = await alone.messages(hook, client)
    assert message.position == size - 1


async def test_a_subscription_that_goes_while_it_is_told_harms_nothing(office: Bench, receiver: Receiver) -> None:
    client = await office.client(RECIPIENT.agency)
    gone = await office.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    stays = await office.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    await office.send()
    await office.announce()
    task = asyncio.create_task(office.turn())
    await subscriptions.remove(office.hooks, client, gone.webhook.id, if_match=None, act=office.act)
    await task
    await office.turn()
    assert states(await office.messages(stays, client)) == [MessageState.DELIVERED]


async def test_a_key_that_was_lost_is_said_so_and_mended_by_a_rotation(
    alone: Bench, tmp_path: Path, receiver: Receiver
) -> None:
    office = alone
    client = await office.client(RECIPIENT.agency)
    hook = await office.subscribe(client, receiver.url, Topic.DELIVERY_AVAILABLE)
    await office.send()
    await office.announce()
    async with bench(office.hooks.database.url, tmp_path / "after") as office:
        await office.turn()
        [message] = await office.messages(hook, client)
        assert [attempt.error for attempt in await office.attempts(message, client)] == ["key-lost"]
        done = await subscriptions.rotate_secret(office.hooks, client, hook.webhook.id, if_match=None, act=office.act)
        office.at += timedelta(minutes=1)
        await office.turn()
        [request] = receiver.received
        assert request.verifies(done.value.secret or "")
        assert states(await office.messages(hook, client)) == [MessageState.DELIVERED]


async def test_no_answer_in_time_is_a_failed_attempt(alone: Bench, tmp_path: Path, receiver: Receiver) -> None:
    async with bench(alone.hooks.database.url, tmp_path, limits=Limits(total=0.2)) as office:
        client = await office.client(RECIPIENT.agency)
        hook = await office.subscribe(client, receiver.url, Topic.NOTICE_AVAILABLE)
        await office.happen(happened(EventKind.NOTICE_AVAILABLE, detail={"notice": "expired", "concerns": "x"}))
        await office.announce()
        receiver.held.clear()
        await office.turn()
        [message] = await office.messages(hook, client)
        [attempt] = await office.attempts(message, client)
        assert (attempt.status, attempt.error) == (None, "timed-out")
        assert (message.state, message.attempts) == (MessageState.PENDING, 1)


def test_the_courier_waits_longer_for_nobody_than_its_lease() -> None:
    from app.settings import Settings

    field = Settings.model_fields["webhook_timeout_seconds"]
    longest = max(constraint.le for constraint in field.metadata if hasattr(constraint, "le"))
    assert timedelta(seconds=longest + 10) < LEASE
    assert Courier.__doc__
