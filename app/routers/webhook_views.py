"""Webhooks as they go over HTTP: subscriptions, messages and attempts, in requests and answers."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.edxml.organ_id import OrganId
from app.routers.clock import Moment
from app.webhooks.model import Attempt, DisabledReason, Message, MessageState, Signing, WebhookStatus
from app.webhooks.subscriptions import AGENCIES_MAX, DESCRIPTION_LENGTH_MAX, Changes, Subscription
from app.webhooks.topics import Topic

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
