"""Webhooks over HTTP: subscribing to events of one's own agencies, and looking after what was sent."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.edxml.organ_id import OrganId
from app.registry.acts import Act, Done
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, Caller, once_of, require
from app.routers.calls import calls
from app.routers.conditions import ExpectedVersion, IdempotencyKey, etag, mark
from app.routers.openapi import header
from app.routers.paging import Page, Paged, page
from app.routers.webhook_views import (
    AttemptView,
    MessageDetail,
    MessageView,
    NewWebhook,
    Period,
    ReplayView,
    SecretView,
    WebhookPatch,
    WebhookView,
)
from app.webhooks import replay, subscriptions
from app.webhooks.model import Message, MessageState
from app.webhooks.subscriptions import Subscription

router: APIRouter = calls(tag="Webhooks")

Exchanging = Annotated[Caller, require(Scope.EXCHANGE)]
Overseeing = Annotated[Caller, require(Scope.EXCHANGE, Scope.REGISTRY_WRITE)]


async def act_of(request: Request, caller: Overseeing, key: IdempotencyKey = None) -> Act:
    """Dependency that gives a subscriber's act: who, when, and under which Idempotency-Key.

    Raises:
        RequestInvalid: no Idempotency-Key a client may choose.
    """
    at = clock.now()
    return Act(caller.client.client_id, at, None if key is None else once_of(request, caller, key, at=at))


Acting = Annotated[Act, Depends(act_of)]

_CHANGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": header("ETag", "Idempotent-Replayed")},
    **problems.answers(404, 412, 422),
}


@router.get("/v1/webhooks", summary="List webhooks", response_model=Page[WebhookView])
async def list_webhooks(node: AtNode, caller: Overseeing, window: Paged) -> Page[WebhookView]:
    """List the client's own subscriptions, oldest first; an administrator sees everybody's."""
    found = await subscriptions.list_some(
        node.hooks, client_id=_whose(caller), after=window.id_after(), limit=window.fetch, at=clock.now()
    )
    return page(found, window, shape=_view, key=lambda subscription: (subscription.webhook.id,))


@router.get(
    "/v1/webhooks/{webhook_id:uuid}",
    summary="Look up one webhook",
    response_model=WebhookView,
    responses={200: {"headers": header("ETag")}, **problems.answers(404)},
)
async def get_webhook(node: AtNode, caller: Overseeing, webhook_id: UUID, response: Response) -> WebhookView:
    """Return a subscription; its secret is never shown again."""
    found = await subscriptions.get(node.hooks, str(webhook_id), client_id=_whose(caller), at=clock.now())
    response.headers["ETag"] = etag(found.webhook.version)
    return _view(found)


@router.post(
    "/v1/webhooks",
    summary="Subscribe",
    status_code=201,
    response_model=SecretView,
    responses={201: {"headers": header("Location", "ETag", "Idempotent-Replayed")}, **problems.answers(409, 422)},
)
async def create_webhook(
    node: AtNode, caller: Exchanging, act: Acting, new: NewWebhook, response: Response
) -> SecretView:
    """Subscribe to events of the client's agencies from now on. A shared secret is shown in this answer alone."""
    done = await subscriptions.create(
        node.hooks,
        caller.client,
        act,
        url=new.url,
        description=new.description,
        events=frozenset(new.events),
        agencies=frozenset(map(OrganId.parse, new.agencies)),
        signing=new.signing,
    )
    response.headers["Location"] = f"/v1/webhooks/{done.value.webhook.id}"
    return _with_secret(done, response)


@router.patch(
    "/v1/webhooks/{webhook_id:uuid}", summary="Change a webhook", response_model=WebhookView, responses=_CHANGED
)
async def change_webhook(
    node: AtNode,
    caller: Exchanging,
    act: Acting,
    webhook_id: UUID,
    patch: WebhookPatch,
    expected: ExpectedVersion,
    response: Response,
) -> WebhookView:
    """Change the fields that are given."""
    done = await subscriptions.change(
        node.hooks, caller.client, str(webhook_id), patch.changes(), if_match=expected, act=act
    )
    return _changed(done, response)


@router.delete(
    "/v1/webhooks/{webhook_id:uuid}",
    summary="Unsubscribe",
    status_code=204,
    response_class=Response,
    responses=problems.answers(404, 412, 422),
)
async def remove_webhook(node: AtNode, caller: Exchanging, webhook_id: UUID, expected: ExpectedVersion) -> Response:
    """Remove a subscription with its messages and their attempts."""
    act = Act(caller.client.client_id, clock.now())
    await subscriptions.remove(node.hooks, caller.client, str(webhook_id), if_match=expected, act=act)
    return Response(status_code=204)


@router.post(
    "/v1/webhooks/{webhook_id:uuid}/rotate-secret",
    summary="Give a webhook another key",
    response_model=SecretView,
    responses=_CHANGED,
)
async def rotate_secret(
    node: AtNode, caller: Exchanging, act: Acting, webhook_id: UUID, expected: ExpectedVersion, response: Response
) -> SecretView:
    """Make a new secret or key pair; for a day the one before signs along, so that no message is missed meanwhile."""
    done = await subscriptions.rotate_secret(node.hooks, caller.client, str(webhook_id), if_match=expected, act=act)
    return _with_secret(done, response)


@router.post(
    "/v1/webhooks/{webhook_id:uuid}/enable", summary="Enable a webhook", response_model=WebhookView, responses=_CHANGED
)
async def enable_webhook(
    node: AtNode, caller: Exchanging, act: Acting, webhook_id: UUID, expected: ExpectedVersion, response: Response
) -> WebhookView:
    """Tell it again from now on; what happened meanwhile is in the inbox, and what failed can be replayed."""
    done = await subscriptions.enable(node.hooks, caller.client, str(webhook_id), if_match=expected, act=act)
    return _changed(done, response)


@router.post(
    "/v1/webhooks/{webhook_id:uuid}/disable",
    summary="Disable a webhook",
    response_model=WebhookView,
    responses=_CHANGED,
)
async def disable_webhook(
    node: AtNode, caller: Overseeing, act: Acting, webhook_id: UUID, expected: ExpectedVersion, response: Response
) -> WebhookView:
    """Tell it no more; an administrator may disable anybody's."""
    done = await subscriptions.disable(node.hooks, _whose(caller), str(webhook_id), if_match=expected, act=act)
    return _changed(done, response)


@router.post(
    "/v1/webhooks/{webhook_id:uuid}/test",
    summary="Try a webhook",
    status_code=202,
    response_model=MessageView,
    responses={202: {"headers": header("Location", "Idempotent-Replayed")}, **problems.answers(404, 409, 422)},
)
async def try_webhook(
    node: AtNode, caller: Exchanging, act: Acting, webhook_id: UUID, response: Response
) -> MessageView:
    """Send a `webhook.ping`, once; its message says in a moment whether it arrived."""
    return _sent(await replay.ping(node.hooks, caller.client, str(webhook_id), act), response)


@router.get(
    "/v1/webhooks/{webhook_id:uuid}/messages",
    summary="List messages",
    response_model=Page[MessageView],
    responses=problems.answers(404, 422),
)
async def list_messages(
    node: AtNode,
    caller: Exchanging,
    webhook_id: UUID,
    window: Paged,
    state: Annotated[MessageState | None, Query(description="Only messages in this state.")] = None,
) -> Page[MessageView]:
    """List the messages to a subscriber, newest first."""
    found = await replay.list_some(
        node.hooks, caller.client, str(webhook_id), state=state, before=window.id_after(), limit=window.fetch
    )
    return page(
        found, window, shape=lambda message: MessageView(**MessageView.members(message)), key=lambda each: (each.id,)
    )


@router.get(
    "/v1/webhooks/{webhook_id:uuid}/messages/{message_id:uuid}",
    summary="Look up one message",
    response_model=MessageDetail,
    responses=problems.answers(404),
)
async def get_message(node: AtNode, caller: Exchanging, webhook_id: UUID, message_id: UUID) -> MessageDetail:
    """Return a message with its attempts."""
    message, attempts = await replay.get(node.hooks, caller.client, str(webhook_id), str(message_id))
    return MessageDetail(**MessageView.members(message), log=list(map(AttemptView.of, attempts)))


@router.post(
    "/v1/webhooks/{webhook_id:uuid}/messages/{message_id:uuid}/replay",
    summary="Send a message again",
    status_code=202,
    response_model=MessageView,
    responses={202: {"headers": header("Location", "Idempotent-Replayed")}, **problems.answers(404, 409, 422)},
)
async def replay_message(
    node: AtNode, caller: Exchanging, act: Acting, webhook_id: UUID, message_id: UUID, response: Response
) -> MessageView:
    """Send a message again under the same id, whatever became of it, from the beginning of its schedule."""
    return _sent(await replay.replay(node.hooks, caller.client, str(webhook_id), str(message_id), act), response)


@router.post(
    "/v1/webhooks/{webhook_id:uuid}/replay",
    summary="Send what failed again",
    status_code=202,
    response_model=ReplayView,
    responses={202: {"headers": header("Idempotent-Replayed")}, **problems.answers(404, 409, 422)},
)
async def replay_period(
    node: AtNode, caller: Exchanging, act: Acting, webhook_id: UUID, period: Period, response: Response
) -> ReplayView:
    """Send the failed messages of some time again, after the server was mended."""
    done = await replay.replay_between(
        node.hooks,
        caller.client,
        str(webhook_id),
        act,
        since=period.since,
        until=period.until,
        delivered=period.delivered,
    )
    mark(response, replayed=done.replayed)
    return ReplayView(messages=done.value.messages)


def _whose(caller: Caller) -> str | None:
    return None if Scope.REGISTRY_WRITE in caller.scopes else caller.client.client_id


def _view(subscription: Subscription) -> WebhookView:
    return WebhookView(**WebhookView.members(subscription))


def _changed(done: Done[Subscription], response: Response) -> WebhookView:
    mark(response, version=done.value.webhook.version, replayed=done.replayed)
    return _view(done.value)


def _with_secret(done: Done[Subscription], response: Response) -> SecretView:
    mark(response, version=done.value.webhook.version, replayed=done.replayed)
    return SecretView(**WebhookView.members(done.value), secret=done.value.secret)


def _sent(done: Done[Message], response: Response) -> MessageView:
    message = done.value
    response.headers["Location"] = f"/v1/webhooks/{message.webhook}/messages/{message.id}"
    mark(response, replayed=done.replayed)
    return MessageView(**MessageView.members(message))
