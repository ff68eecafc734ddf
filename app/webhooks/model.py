"""The values of this room: subscriptions, their keys, the messages to them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.edxml.organ_id import OrganId
from app.webhooks.topics import Topic


class Signing(StrEnum):
    """How messages are signed (Standard Webhooks 1.0.0, "Signature scheme")."""

    HMAC = "hmac"
    """`v1`: HMAC-SHA256 with a secret that node and subscriber share."""
    ED25519 = "ed25519"
    """`v1a`: Ed25519 with a key of the node; the subscriber knows the public half."""


class WebhookStatus(StrEnum):
    """Whether messages are made and sent."""

    ENABLED = "enabled"
    """They are."""
    DISABLED = "disabled"
    """They are not; what happens meanwhile is not told later."""


class DisabledReason(StrEnum):
    """Why a webhook is disabled."""

    REQUESTED = "requested"
    """Its client wanted it."""
    ADMINISTRATOR = "administrator"
    """An administrator wanted it."""
    GONE = "gone"
    """Its server answered 410."""
    FAILING = "failing"
    """Its server took nothing for as long as a message is tried."""


class MessageState(StrEnum):
    """What became of a message."""

    PENDING = "pending"
    """It was not taken yet and is tried again."""
    DELIVERED = "delivered"
    """The server answered 2xx."""
    FAILED = "failed"
    """It was given up; it may be replayed."""


@dataclass(frozen=True, slots=True)
class SealedKeys:
    """What a webhook's messages are signed with, as it lies in the database.

    Attributes:
        current: sealed secret (HMAC) or seed of the private key (Ed25519), 32 bytes.
        earlier: the one before the last rotation, which signs along.
        earlier_until: until when it does.
    """

    signing: Signing
    current: bytes = field(repr=False)
    earlier: bytes | None = field(default=None, repr=False)
    earlier_until: datetime | None = None

    def in_force(self, at: datetime) -> tuple[bytes, ...]:
        """Return what signs at this moment, the current one first."""
        along = self.earlier is not None and self.earlier_until is not None and at < self.earlier_until
        return (self.current, self.earlier) if along and self.earlier is not None else (self.current,)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription, without its keys.

    Attributes:
        events: what it is told of.
        agencies: own codes of agencies it is told about; none: of every one its client acts for.
        version: counts the changes from 1; the ETag.
    """

    id: str
    client_id: str
    url: str
    description: str
    events: frozenset[Topic]
    agencies: frozenset[OrganId]
    signing: Signing
    status: WebhookStatus
    disabled_reason: DisabledReason | None
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one webhook.

    Attributes:
        id: the `webhook-id` header, the same at every attempt.
        position: ledger index of the event it tells of; negative where it tells of none.
        content: the body that is sent.
        attempts: made since it was made, or since it was last replayed.
        next_attempt_at: None unless pending.
    """

    id: str
    webhook: str
    position: int
    type: str
    content: str
    state: MessageState
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver a message.

    Attributes:
        status: HTTP status of the answer.
        error: code of what went wrong where there was no answer.
    """

    id: str
    at: datetime
    status: int | None
    error: str | None
    milliseconds: int
