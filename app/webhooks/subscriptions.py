"""Subscriptions: who is told of what, where, and signed with which key.

A subscription belongs to the client that made it and tells about agencies that this client acts for, no others; what
it may be told is judged anew for each event. Its key is shown once and lies sealed in the database.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, TypedDict

from app.edxml.organ_id import OrganId
from app.errors import Conflict, DataFault, NotFound, PreconditionFailed, RequestInvalid
from app.findings import Finding, Severity
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind, record
from app.registry import directory, succession
from app.registry.acts import Act, Done
from app.registry.model import Client
from app.regulations.calendar import day_of
from app.remote.target import Target
from app.signing.sealing_key import SealingKey
from app.store import clients, journal
from app.store import webhook_messages as messages
from app.store import webhooks as rows
from app.store.database import Transaction
from app.webhooks import signature
from app.webhooks.hooks import Hooks
from app.webhooks.kept import columns, key_columns, keys_of, webhook_of
from app.webhooks.model import DisabledReason, SealedKeys, Signing, Webhook, WebhookStatus
from app.webhooks.topics import Topic

PER_CLIENT_MAX: Final = 20
"""Subscriptions of one client: a few receivers for each of its purposes."""
AGENCIES_MAX: Final = 1_000
DESCRIPTION_LENGTH_MAX: Final = 200
OVERLAP: Final = timedelta(hours=24)
"""How long the earlier key signs along after a rotation: a day to put the new one in place (ours)."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook as its client sees it.

    Attributes:
        public_keys: what its Ed25519 signatures are verified with, newest first; none where it signs with a secret.
        secret: the shared secret, shown this once; None at every other time, and where it signs with Ed25519.
    """

    webhook: Webhook
    public_keys: tuple[str, ...] = ()
    secret: str | None = None


class Changes(TypedDict, total=False):
    """The fields a change gives; what is absent stays."""

    url: str
    description: str
    events: frozenset[Topic]
    agencies: frozenset[OrganId]


async def create(
    hooks: Hooks,
    client: Client,
    act: Act,
    *,
    url: str,
    description: str,
    events: frozenset[Topic],
    agencies: frozenset[OrganId],
    signing: Signing,
) -> Done[Subscription]:
    """Subscribe a client to events.

    Args:
        agencies: codes of agencies the client acts for, in any form; none: all of them, also those it is given later.

    Raises:
        RequestInvalid: the address cannot be a target, or an agency is not one the client acts for.
        Conflict: the client has as many subscriptions as it may have.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    webhook = Webhook(
        id=new_id(),
        client_id=client.client_id,
        url=url,
        description=description.strip(),
        events=events,
        agencies=frozenset(),
        signing=signing,
        status=WebhookStatus.ENABLED,
        disabled_reason=None,
        created_at=act.at,
        updated_at=act.at,
        version=1,
    )
    _check(webhook, hooks)
    async with hooks.database.read() as tx:
        webhook = replace(webhook, agencies=await _own_codes(tx, agencies, client=client, on=day_of(act.at)))
    key = signature.make_key()
    sealed = SealedKeys(signing, hooks.sealing.seal(key, belongs_to=webhook.id))
    async with hooks.database.write() as tx:
        if earlier := await act.before(tx, Subscription):
            return earlier
        # The client's row is held, so that two requests at once cannot both be the last that fits.
        await clients.find(tx, client.client_id, lock=True)
        if await rows.count_of(tx, client.client_id) >= PER_CLIENT_MAX:
            raise Conflict(f"the client has {PER_CLIENT_MAX} subscriptions already; remove or change one")
        await _begin_at_the_end(tx)
        await rows.insert(tx, {**columns(webhook), **key_columns(sealed), "created_at": act.at})
        subscription = _seen(webhook, sealed, hooks.sealing, at=act.at)
        await record(tx, [_event(act, EventKind.WEBHOOK_CREATED, webhook, **_asked_for(webhook))])
        await act.done(tx, subscription)
        # Leaving the block commits subscription and event. The secret exists in readable form in this answer alone:
        # should it get lost, `rotate_secret` makes another.
    hooks.nudged.set()
    shown = signature.written_secret(key) if signing is Signing.HMAC else None
    return Done(replace(subscription, secret=shown))


async def change(
    hooks: Hooks, client: Client, webhook: str, changes: Changes, *, if_match: int | None, act: Act
) -> Done[Subscription]:
    """Change some fields of a subscription; a change that changes nothing leaves no trace.

    Raises:
        NotFound: no such subscription of this client.
        PreconditionFailed: it has another version by now.
        RequestInvalid: as `create`.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    if "agencies" in changes:
        async with hooks.database.read() as tx:
            own = await _own_codes(tx, changes["agencies"], client=client, on=day_of(act.at))
        changes = {**changes, "agencies": own}
    async with hooks.database.write() as tx:
        if earlier := await act.before(tx, Subscription):
            return earlier
        present, keys = await _current(tx, webhook, client_id=client.client_id, if_match=if_match)
        changed = replace(present, **changes)
        changed = replace(changed, description=changed.description.strip())
        fields = sorted(name for name in changes if getattr(changed, name) != getattr(present, name))
        if not fields:
            return await act.done(tx, _seen(present, keys, hooks.sealing, at=act.at))
        changed = replace(changed, version=present.version + 1, updated_at=act.at)
        _check(changed, hooks)
        await rows.update(tx, webhook, columns(changed))
        detail = {"fields": list[JsonValue](fields), **_asked_for(changed)}
        await record(tx, [_event(act, EventKind.WEBHOOK_CHANGED, changed, **detail)])
        return await act.done(tx, _seen(changed, keys, hooks.sealing, at=act.at))


async def rotate_secret(
    hooks: Hooks, client: Client, webhook: str, *, if_match: int | None, act: Act
) -> Done[Subscription]:
    """Give a subscription another key; the one before signs along for a day.

    Raises:
        NotFound: no such subscription of this client.
        PreconditionFailed: it has another version by now.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    key = signature.make_key()
    sealed = hooks.sealing.seal(key, belongs_to=webhook)
    async with hooks.database.write() as tx:
        if earlier := await act.before(tx, Subscription):
            return earlier
        present, keys = await _current(tx, webhook, client_id=client.client_id, if_match=if_match)
        changed = replace(present, version=present.version + 1, updated_at=act.at)
        rotated = SealedKeys(keys.signing, sealed, earlier=keys.current, earlier_until=act.at + OVERLAP)
        await rows.update(tx, webhook, {**columns(changed), **key_columns(rotated)})
        await record(tx, [_event(act, EventKind.WEBHOOK_CHANGED, changed, fields=["secret"])])
        subscription = _seen(changed, rotated, hooks.sealing, at=act.at)
        await act.done(tx, subscription)
    shown = signature.written_secret(key) if keys.signing is Signing.HMAC else None
    return Done(replace(subscription, secret=shown))


async def enable(hooks: Hooks, client: Client, webhook: str, *, if_match: int | None, act: Act) -> Done[Subscription]:
    """Tell a subscriber again, from now on; what happened meanwhile is in the inbox, not in messages.

    Raises:
        NotFound: no such subscription of this client.
        PreconditionFailed: it has another version by now.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    async with hooks.database.write() as tx:
        if earlier := await act.before(tx, Subscription):
            return earlier
        present, keys = await _current(tx, webhook, client_id=client.client_id, if_match=if_match)
        if present.status is WebhookStatus.ENABLED:
            return await act.done(tx, _seen(present, keys, hooks.sealing, at=act.at))
        await _begin_at_the_end(tx)
        changed = await _move(tx, act, present, WebhookStatus.ENABLED, None)
        done = await act.done(tx, _seen(changed, keys, hooks.sealing, at=act.at))
    hooks.nudged.set()
    return done


async def disable(
    hooks: Hooks, client_id: str | None, webhook: str, *, if_match: int | None, act: Act
) -> Done[Subscription]:
    """Stop telling a subscriber; messages that wait are given up, and may be replayed later.

    Args:
        client_id: whose subscription it must be; None: anybody's, for administrators.

    Raises:
        NotFound: no such subscription of this client.
        PreconditionFailed: it has another version by now.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    async with hooks.database.write() as tx:
        if earlier := await act.before(tx, Subscription):
            return earlier
        present, keys = await _current(tx, webhook, client_id=client_id, if_match=if_match)
        if present.status is WebhookStatus.ENABLED:
            own = present.client_id == act.actor
            reason = DisabledReason.REQUESTED if own else DisabledReason.ADMINISTRATOR
            present = await _move(tx, act, present, WebhookStatus.DISABLED, reason)
        return await act.done(tx, _seen(present, keys, hooks.sealing, at=act.at))


async def disable_in(tx: Transaction, webhook: str, reason: DisabledReason, *, act: Act) -> bool:
    """Disable a subscription in the transaction of what made it necessary; False where it was not enabled any more."""
    row = await rows.find(tx, webhook, lock=True)
    if row is None or row.status != WebhookStatus.ENABLED:
        return False
    await _move(tx, act, webhook_of(row), WebhookStatus.DISABLED, reason)
    return True


async def remove(hooks: Hooks, client: Client, webhook: str, *, if_match: int | None, act: Act) -> None:
    """Remove a subscription with its messages; the log keeps that there was one.

    Raises:
        NotFound: no such subscription of this client.
        PreconditionFailed: it has another version by now.
        Unavailable: the database does not answer; nothing was removed.
    """
    async with hooks.database.write() as tx:
        present, _ = await _current(tx, webhook, client_id=client.client_id, if_match=if_match)
        await rows.remove(tx, webhook)
        await record(tx, [_event(act, EventKind.WEBHOOK_CHANGED, present, fields=["removed"])])


async def get(hooks: Hooks, webhook: str, *, client_id: str | None, at: datetime) -> Subscription:
    """Return a subscription.

    Args:
        client_id: whose it must be; None: anybody's, for administrators.

    Raises:
        NotFound: no such subscription of this client.
        Unavailable: the database does not answer.
    """
    async with hooks.database.read() as tx:
        present, keys = await own(tx, webhook, client_id=client_id)
    return _seen(present, keys, hooks.sealing, at=at)


async def list_some(
    hooks: Hooks, *, client_id: str | None, after: str | None, limit: int, at: datetime
) -> tuple[Subscription, ...]:
    """Return subscriptions of one client, or of all, oldest first.

    Raises:
        RequestInvalid: `after` is no id.
        Unavailable: the database does not answer.
    """
    async with hooks.database.read() as tx:
        found = await rows.page(tx, client_id=client_id, after=cursor_id(after), limit=limit)
    return tuple(_seen(webhook_of(row), keys_of(row), hooks.sealing, at=at) for row in found)


async def own(
    tx: Transaction, webhook: str, *, client_id: str | None, lock: bool = False
) -> tuple[Webhook, SealedKeys]:
    """Return a subscription of this client, or of anybody where none is named.

    Args:
        lock: keep it as it is until the transaction ends.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    row = await rows.find(tx, webhook, lock=lock)
    if row is None or (client_id is not None and row.client_id != client_id):
        raise NotFound("no such webhook")
    return webhook_of(row), keys_of(row)


def cursor_id(text: str | None) -> str | None:
    """Read the id a page begins behind.

    Raises:
        RequestInvalid: it is no id.
    """
    if text is not None and not _UUID.fullmatch(text):
        raise RequestInvalid("cursor: not a cursor of this listing; start again without one")
    return text


async def _current(
    tx: Transaction, webhook: str, *, client_id: str | None, if_match: int | None
) -> tuple[Webhook, SealedKeys]:
    present, keys = await own(tx, webhook, client_id=client_id, lock=True)
    if if_match is not None and if_match != present.version:
        raise PreconditionFailed(f"the webhook is at version {present.version}, not {if_match}")
    return present, keys


async def _move(
    tx: Transaction, act: Act, present: Webhook, status: WebhookStatus, reason: DisabledReason | None
) -> Webhook:
    changed = replace(present, status=status, disabled_reason=reason, version=present.version + 1, updated_at=act.at)
    await rows.update(tx, present.id, columns(changed))
    if status is WebhookStatus.DISABLED:
        await messages.give_up_all(tx, present.id)
    told: dict[str, JsonValue] = {"fields": ["status"], "status": status.value}
    if reason is not None:
        told["reason"] = reason.value
    await record(tx, [_event(act, EventKind.WEBHOOK_CHANGED, changed, **told)])
    return changed


async def _begin_at_the_end(tx: Transaction) -> None:
    # While nobody is to be told, nobody looks through the log; the first to come is not told of all that was before.
    seen = await rows.cursor(tx, lock=True)
    if not await rows.any_enabled(tx):
        await rows.move_cursor(tx, seen=seen, to=max(seen, await journal.size(tx) - 1))


async def _own_codes(tx: Transaction, codes: Collection[OrganId], *, client: Client, on: date) -> frozenset[OrganId]:
    if len(codes) > AGENCIES_MAX:
        raise _invalid("agencies", f"More than {AGENCIES_MAX} agencies.", "Leave them out: it means all you act for.")
    found = await directory.resolve(tx, {code.text for code in codes}, on=on)
    within = await succession.within_reach(tx, found, client=client, on=on)
    strange = sorted(code.text for code in codes if code.text not in within)
    if strange:
        # Unknown and somebody else's alike.
        message = f"This client does not act for {', '.join(strange[:5])}."
        raise _invalid("agencies", message, "Name agencies of this client, or none, which means all of them.")
    return frozenset(agency.organ_id for agency in within.values())


def _check(webhook: Webhook, hooks: Hooks) -> None:
    Target.parse(webhook.url, private=hooks.post.private)
    if len(webhook.description) > DESCRIPTION_LENGTH_MAX or not webhook.description.isprintable():
        raise _invalid(
            "description",
            f"The description must have at most {DESCRIPTION_LENGTH_MAX} characters, all printable.",
            "Mend it.",
        )
    if not webhook.events:
        raise _invalid("events", "No kind of event is named.", f"Name some of {', '.join(Topic)}.")


def _invalid(field: str, message: str, fix: str) -> RequestInvalid:
    finding = Finding(f"ours.webhook.{field}", Severity.ERROR, message, fix, "ours, decision 0011", f"/{field}")
    return RequestInvalid(message, findings=[finding])


def _seen(webhook: Webhook, keys: SealedKeys, sealing: SealingKey, *, at: datetime) -> Subscription:
    if keys.signing is not Signing.ED25519:
        return Subscription(webhook)
    try:
        opened = [sealing.unseal(each, belongs_to=webhook.id) for each in keys.in_force(at)]
    except DataFault:
        # The node's key file was lost; a rotation makes a new key, and until then there is none to show.
        return Subscription(webhook)
    return Subscription(webhook, tuple(map(signature.written_public_key, opened)))


def _event(act: Act, kind: EventKind, webhook: Webhook, **detail: JsonValue) -> Event:
    return act.event(kind, None, webhook=webhook.id, client_id=webhook.client_id, **detail)


def _asked_for(webhook: Webhook) -> dict[str, JsonValue]:
    # Not the address: people wrote it, and it may hold what only its receiver should know.
    return {
        "events": sorted(webhook.events),
        "agencies": sorted(code.text for code in webhook.agencies),
        "signing": webhook.signing.value,
    }
