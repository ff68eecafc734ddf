"""Webhooks and the messages that go out through them."""

import sqlalchemy as sa

from app.store.columns import Instant
from app.store.schema.conventions import Id, metadata

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("client_id", Id, sa.ForeignKey("clients.client_id"), nullable=False, index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("events", sa.JSON, nullable=False, comment="kinds it asks for"),
    sa.Column("agencies", sa.JSON, nullable=False, comment="own codes; empty: every agency the client acts for"),
    sa.Column("signing", sa.String(8), nullable=False, comment="hmac or ed25519"),
    sa.Column("secret", sa.LargeBinary, nullable=False, comment="sealed with a key of the node"),
    sa.Column("earlier_secret", sa.LargeBinary, nullable=True, comment="still signs along after a rotation"),
    sa.Column("earlier_secret_until", Instant, nullable=True),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("disabled_reason", sa.String(24), nullable=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

webhook_messages = sa.Table(
    "webhook_messages",
    metadata,
    sa.Column("id", Id, primary_key=True, comment="the webhook-id its receiver tells repeats by"),
    sa.Column("webhook", Id, sa.ForeignKey("webhooks.id"), nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False, comment="ledger index of the event it tells of"),
    sa.Column("type", sa.String(40), nullable=False),
    sa.Column("content", sa.Text, nullable=False, comment="the JSON that is sent, byte for byte"),
    sa.Column("state", sa.String(10), nullable=False, comment="pending, delivered, failed"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at", Instant, nullable=True, comment="null unless pending; also the lease of who sends it"),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("webhook", "position"),
)
sa.Index(
    "ix_webhook_messages_next_attempt_at",
    webhook_messages.c.next_attempt_at,
    sqlite_where=webhook_messages.c.next_attempt_at.is_not(None),
    postgresql_where=webhook_messages.c.next_attempt_at.is_not(None),
)
sa.Index("ix_webhook_messages_created_at", webhook_messages.c.created_at)
sa.Index("ix_webhook_messages_webhook_id", webhook_messages.c.webhook, webhook_messages.c.id)

webhook_attempts = sa.Table(
    "webhook_attempts",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("message", Id, sa.ForeignKey("webhook_messages.id"), nullable=False, index=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=True, comment="HTTP status of the answer; null where there was none"),
    sa.Column("error", sa.String(200), nullable=True),
    sa.Column("milliseconds", sa.Integer, nullable=False),
)

webhook_cursor = sa.Table(
    "webhook_cursor",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, nullable=False, comment="ledger index up to which messages were made"),
)
