"""Who may call: clients, the secrets of their systems, what they send wrongly, and what may be used once only."""

import sqlalchemy as sa

from app.store.columns import Instant
from app.store.schema.conventions import Code, Id, Sha256, metadata

clients = sa.Table(
    "clients",
    metadata,
    sa.Column("client_id", Id, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("secret_hash", sa.Text, nullable=True, comment="Argon2id; null where only private_key_jwt is allowed"),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("agencies", sa.JSON, nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
)

used_assertions = sa.Table(
    "used_assertions",
    metadata,
    sa.Column("client_id", Id, primary_key=True),
    sa.Column("jti", sa.String(255), primary_key=True),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

system_keys = sa.Table(
    "system_keys",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("client_id", Id, sa.ForeignKey("clients.client_id"), nullable=False, index=True),
    sa.Column("system_id", sa.String(64), nullable=False, index=True, comment="what a system calls itself in requests"),
    sa.Column("agency", Code, nullable=False, comment="own code of the agency it stands for"),
    sa.Column("valid_from", Instant, nullable=False),
    sa.Column("valid_until", Instant, nullable=True, comment="null: without end"),
    sa.Column("revoked_at", Instant, nullable=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column(
        "key_number", sa.SmallInteger, nullable=False, comment="of the node's key that the secret is sealed with"
    ),
    sa.Column("secret", sa.LargeBinary, nullable=False, comment="sealed for this id and system id, nonce included"),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("client_id", Id, primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", Sha256, nullable=False),
    sa.Column("answer", sa.JSON, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

mistakes = sa.Table(
    "mistakes",
    metadata,
    sa.Column("client", sa.String(36), primary_key=True, comment="client id, or unknown"),
    sa.Column("day", sa.Date, primary_key=True, comment="in Vietnam"),
    sa.Column("code", sa.String(100), primary_key=True, comment="of a finding, or the slug of a problem"),
    sa.Column("refused", sa.Integer, nullable=False, comment="how often it was refused for it"),
    sa.Column("accepted", sa.Integer, nullable=False, comment="how often it was accepted in spite of it"),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.Column("asked", sa.String(100), nullable=False, comment="what was called the last time; empty: not known"),
    sa.Column("location", sa.String(300), nullable=False, comment="of the last one; empty: the whole"),
    sa.Column("message", sa.String(300), nullable=False, comment="of the last one, without the values it names"),
    sa.Column("fix", sa.String(500), nullable=False),
    sa.Column("system_id", sa.String(64), nullable=False, comment="the last one that was claimed; empty: none"),
    comment="an aid for operators and no evidence; the ledger has every refusal",
)
sa.Index("ix_mistakes_day", mistakes.c.day)
