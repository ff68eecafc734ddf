"""Webhooks over HTTP: subscribing to events of one's own agencies, and looking after what was sent."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.edxml.organ_id import OrganId
from app.registry.acts import Act, Done
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, Caller, once_of, require
from app.routers.calls import calls
from app.routers.clock import Moment
from app.routers.conditions import ExpectedVersion, IdempotencyKey, etag, mark
from app.routers.openapi import header
from app.routers.paging import Page, Paged, page
from app.webhooks import replay, subscriptions
from app.webhooks.model import Attempt, DisabledReason, Message, MessageState, Signing, WebhookStatus
from app.webhooks.subscriptions import AGENCIES_MAX, DESCRIPTION_LENGTH_MAX, Changes, Subscription
from app.webhooks.topics import Topic

router: APIRouter = calls(tag="Webhooks")

Exchanging = Annotated[Caller, require(Scope.EXCHANGE)]
Overseeing = Annotated[Caller, require(Scope.EXCHANGE, Scope.REGISTRY_WRITE)]
AgencyCode = Annotated[str, Field(min_length=1, max_length=40, examples=["000.00.00.H41"])]

_URL = Field(
    min_length=1,
    max_length=2000,
    description="Where messages are sent: https, no credentials, no private address unless the node allows them.",
    examples=["https://vanban.example.vn/truc/events"],
)
_DESCRIPTION = Field(max_length=DESCRIPTION_LENGTH_MAX, description="What its owner calls it.")
_EVENTS = Field(min_length=1, max_length=len(Topic), description="What it is told of; each kind once.")
_AGENCIES = Field(
    max_length=AGENCIES_MAX,
    description="Agencies of the client that it is told about; empty: all the client acts for, at each moment.",
)


class WebhookView(BaseModel):
    """A subscription."""

    id: str = Field(description="Its id (UUIDv7).")
    client_id: str = Field(description="Whose it is.")
    url: str = _URL
    description: str = _DESCRIPTION
    events: list[Topic] = _EVENTS
    agencies: list[str] = _AGENCIES
    signing: Signing = Field(description="`hmac`: with a shared secret (v1); `ed25519`: with a key of the node (v1a).")
    public_keys: list[str] = Field(description="`whpk_…` of Ed25519, newest first: two for a day after a rotation.")
    status: WebhookStatus = Field(description="Whether it is told.")
    disabled_reason: DisabledReason | None = Field(description="Why it is not.")
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Counts the changes; also the ETag.")

    @classmethod
    def members(cls, subscription: Subscription) -> dict[str, Any]:
        """Return what is shown of a subscription at any time."""
        webhook = subscription.webhook
        same = ("id", "client_id", "url", "description", "signing", "status", "disabled_reason", "created_at")
        return {
            **{name: getattr(webhook, name) for name in (*same, "updated_at", "version")},
            "events": sorted(webhook.events),
            "agencies": sorted(code.text for code in webhook.agencies),
            "public_keys": list(subscription.public_keys),
        }


class SecretView(WebhookView):
    """A subscription with its secret, which is shown this once."""

    secret: str | None = Field(
        description="`whsec_…`; keep it. Null for Ed25519, and where this is an earlier answer again."
    )


class NewWebhook(BaseModel):
    """A subscription to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"url": "https://vanban.example.vn/truc/events", "events": ["delivery.available", "status.available"]}
            ]
        },
    )

    url: str = _URL
    description: Annotated[str, _DESCRIPTION] = ""
    events: Annotated[list[Topic], _EVENTS] = list(Topic)
    agencies: Annotated[list[AgencyCode], _AGENCIES] = []
    signing: Signing = Field(default=Signing.HMAC, description="How messages are signed; cannot be changed later.")


class WebhookPatch(BaseModel):
    """Changes of a subscription; only the members that are given change."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"events": ["delivery.available"]}]})

    url: Annotated[str, _URL] = ""
    description: Annotated[str, _DESCRIPTION] = ""
    events: Annotated[list[Topic], _EVENTS] = []
    agencies: Annotated[list[AgencyCode], _AGENCIES] = []

    def changes(self) -> Changes:
        """Return the fields that were given."""
        given: Any = {name: getattr(self, name) for name in self.model_fields_set}
        if "events" in given:
            given["events"] = frozenset(given["events"])
        if "agencies" in given:
            given["agencies"] = frozenset(map(OrganId.parse, given["agencies"]))
        changes: Changes = given
        return changes


class MessageView(BaseModel):
    """A message to a subscriber."""

    id: str = Field(description="The `webhook-id` header, the same at every attempt.")
    type: str = Field(description="What it tells of.", examples=["delivery.available"])
    event: int | None = Field(description="Ledger index of the event it tells of; null for a ping.")
    state: MessageState
    attempts: int = Field(description="Made so far, since it was last replayed.")
    next_attempt_at: datetime | None = Field(description="Null unless it is pending.")
    created_at: datetime
    content: str = Field(description="The body that is sent, byte for byte.")

    @classmethod
    def members(cls, message: Message) -> dict[str, Any]:
        """Return what is shown of a message."""
        same = ("id", "type", "state", "attempts", "next_attempt_at", "created_at", "content")
        return {name: getattr(message, name) for name in same} | {
            "event": message.position if message.position >= 0 else None
        }


class AttemptView(BaseModel):
    """One try to deliver a message."""

    at: datetime
    status: int | None = Field(description="HTTP status of the answer.")
    error: str | None = Field(description="What went wrong where there was no answer.", examples=["timed-out"])
    milliseconds: int = Field(description="How long it took.")

    @classmethod
    def of(cls, attempt: Attempt) -> "AttemptView":
        """Return what is shown of an attempt."""
        return cls(**{name: getattr(attempt, name) for name in cls.model_fields})


class MessageDetail(MessageView):
    """A message with what became of it."""

    log: list[AttemptView] = Field(description="Attempts, the newest first; at most a hundred.")


class Period(BaseModel):
    """Which messages to send again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"from": "2026-11-20T00:00:00Z", "to": "2026-11-22T00:00:00Z"}]},
    )

    since: Moment = Field(alias="from", description="Messages made at or after this moment.")
    until: Moment = Field(alias="to", description="And before this one.")
    delivered: bool = Field(default=False, description="Also those that were delivered, not only those that failed.")


class ReplayView(BaseModel):
    """What is sent again."""

    messages: int = Field(description="How many.")


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
