"""Every table of the node, in the order the rows come into being.

Codes of agencies are kept as written in the registry; moments are UTC; ids are UUIDv7, so that insertion order and key
order agree closely enough for B-trees. What orders rows for readers is never the id but `position`, the index the
ledger gave.
"""

from typing import Any

import sqlalchemy as sa

from app.store.columns import Instant

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ORGAN_ID_LENGTH = 35
"""Longest agency code (SĐ1:2022, QĐ 20/2020/QĐ-TTg Đ4)."""

MEASURES = (
    "sent",
    "received",
    "acknowledged",
    "statuses",
    "refused",
    "withdrawn",
    "signed",
    "with_paper",
    "electronic_only",
)
"""Columns of `figures`, one a count of events; which event counts where is decided in `app.statistics.measures`."""

_Id = sa.Uuid(as_uuid=False)
_Code = sa.String(ORGAN_ID_LENGTH)
_Sha256 = sa.String(64)

agencies = sa.Table(
    "agencies",
    metadata,
    sa.Column("organ_id", _Code, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_fold", sa.Text, nullable=False),
    sa.Column("tier", sa.String(16), nullable=False),
    sa.Column("branch", sa.String(20), nullable=False),
    sa.Column("parent", _Code, nullable=True, index=True),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("valid_from", sa.Date, nullable=True),
    sa.Column("valid_to", sa.Date, nullable=True),
    sa.Column("successor", _Code, nullable=True),
    sa.Column("contact", sa.JSON, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
)

agency_aliases = sa.Table(
    "agency_aliases",
    metadata,
    sa.Column("code", _Code, primary_key=True),
    sa.Column("organ_id", _Code, sa.ForeignKey("agencies.organ_id"), nullable=False, index=True),
    sa.Column("valid_from", sa.Date, nullable=True),
    sa.Column("valid_to", sa.Date, nullable=True),
)

certificates = sa.Table(
    "certificates",
    metadata,
    sa.Column("sha256", _Sha256, primary_key=True),
    sa.Column("organ_id", _Code, sa.ForeignKey("agencies.organ_id"), nullable=False, index=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("serial", sa.String(42), nullable=False),
    sa.Column("not_before", Instant, nullable=False),
    sa.Column("not_after", Instant, nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("revoked_at", Instant, nullable=True),
    sa.Column("revocation_reason", sa.String(40), nullable=True),
    sa.Column("der", sa.LargeBinary, nullable=False),
    sa.Column(
        "chain_pem", sa.Text, nullable=False, comment="issuing CAs that were enrolled with it, PEM, leaf's issuer first"
    ),
    sa.Column("registered_at", Instant, nullable=False),
)

trust_anchors = sa.Table(
    "trust_anchors",
    metadata,
    sa.Column("sha256", _Sha256, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("not_before", Instant, nullable=False),
    sa.Column("not_after", Instant, nullable=False),
    sa.Column("der", sa.LargeBinary, nullable=False),
    sa.Column("added_at", Instant, nullable=False),
)

authorities = sa.Table(
    "authorities",
    metadata,
    sa.Column("sha256", _Sha256, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("der", sa.LargeBinary, nullable=False, comment="an issuing CA that was enrolled with a certificate"),
)

registry_versions = sa.Table(
    "registry_versions",
    metadata,
    sa.Column("part", sa.String(16), primary_key=True, comment="agencies or trust"),
    sa.Column("version", sa.BigInteger, nullable=False, comment="moves with every change of that part"),
)

crls = sa.Table(
    "crls",
    metadata,
    sa.Column("sha256", _Sha256, primary_key=True),
    sa.Column("issuer_sha256", _Sha256, nullable=False, index=True, comment="SHA-256 of the issuer's name, RFC 4514"),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("number", sa.String(42), nullable=True, comment="hex"),
    sa.Column("this_update", Instant, nullable=False),
    sa.Column("next_update", Instant, nullable=True),
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("der", sa.LargeBinary, nullable=False),
    sa.Column("imported_at", Instant, nullable=False),
)

revocations = sa.Table(
    "revocations",
    metadata,
    sa.Column("issuer_sha256", _Sha256, primary_key=True),
    sa.Column("serial", sa.String(42), primary_key=True),
    sa.Column("revoked_at", Instant, nullable=False),
    sa.Column("reason", sa.String(40), nullable=True),
)

clients = sa.Table(
    "clients",
    metadata,
    sa.Column("client_id", _Id, primary_key=True),
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
    sa.Column("client_id", _Id, primary_key=True),
    sa.Column("jti", sa.String(255), primary_key=True),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("client_id", _Id, primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", _Sha256, nullable=False),
    sa.Column("answer", sa.JSON, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("sender", _Code, nullable=False),
    sa.Column("document_id", sa.String(500), nullable=False, comment="DocumentId as the sender wrote it"),
    sa.Column("sha256", _Sha256, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("code", sa.Text, nullable=False, comment="CodeNumber/CodeNotation"),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("document_type", sa.String(40), nullable=False),
    sa.Column("type_name", sa.Text, nullable=False),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("promulgation_date", sa.Date, nullable=True),
    sa.Column("due_date", sa.Date, nullable=True),
    sa.Column("with_paper", sa.Boolean, nullable=False),
    sa.Column("client_id", _Id, nullable=False),
    sa.Column("accepted_at", Instant, nullable=False),
    sa.Column("verification", sa.JSON, nullable=False),
    sa.Column("receipt", sa.Text, nullable=False),
    sa.UniqueConstraint("sender", "document_id"),
)
sa.Index("ix_documents_document_id", documents.c.document_id)
sa.Index("ix_documents_sender_id", documents.c.sender, documents.c.id)

document_links = sa.Table(
    "document_links",
    metadata,
    sa.Column("document", _Id, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("relation", sa.String(12), nullable=False, comment="revokes, updates, replaces, answers"),
    sa.Column("concerned_document_id", sa.String(500), nullable=False, comment="DocumentId as written"),
    sa.Column("concerned", _Id, nullable=True, index=True, comment="that document's id where this node holds it"),
)

status_reports = sa.Table(
    "status_reports",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("document", _Id, sa.ForeignKey("documents.id"), nullable=False, index=True),
    sa.Column("delivery", _Id, nullable=False, index=True, comment="the document's delivery it speaks of"),
    sa.Column("reporter", _Code, nullable=False),
    sa.Column("status_code", sa.String(2), nullable=False),
    sa.Column("description", sa.Text, nullable=True),
    sa.Column("reported_at", Instant, nullable=True, comment="Timestamp as the reporter claims it"),
    sa.Column("accepted_at", Instant, nullable=False),
    sa.Column("state", sa.String(24), nullable=False, comment="of the delivery, after this report"),
    sa.Column("sha256", _Sha256, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("client_id", _Id, nullable=False),
    sa.Column("verification", sa.JSON, nullable=False),
    sa.Column("receipt", sa.Text, nullable=False),
    sa.UniqueConstraint("reporter", "sha256"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("document", _Id, sa.ForeignKey("documents.id"), nullable=False, index=True),
    sa.Column("status_report", _Id, sa.ForeignKey("status_reports.id"), nullable=True, comment="null for a document"),
    sa.Column("recipient", _Code, nullable=False),
    sa.Column("addressed_to", _Code, nullable=False, comment="the code the sender wrote"),
    sa.Column("progress", sa.String(24), nullable=False, comment="how far it came: available … completed, or its end"),
    sa.Column(
        "change", sa.String(24), nullable=True, comment="a withdrawal or update asked for, or how it was answered"
    ),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("available_at", Instant, nullable=False),
    sa.Column("acknowledged_at", Instant, nullable=True),
    sa.Column("in_inbox", sa.Boolean, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=True, comment="ledger index of its delivery.available event"),
)
# A partial index serves a query only where both spell the condition alike, and each dialect has its own word for true.
_WAITING: dict[str, Any] = {"sqlite_where": sa.text("in_inbox IS 1"), "postgresql_where": sa.text("in_inbox IS true")}
sa.Index("ix_deliveries_inbox", deliveries.c.recipient, deliveries.c.position, **_WAITING)
sa.Index(
    "ix_deliveries_inbox_urgency",
    deliveries.c.recipient,
    deliveries.c.priority.desc(),
    deliveries.c.position,
    **_WAITING,
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=True, unique=True, comment="ledger index; null until sealed"),
    sa.Column("at", Instant, nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("outcome", sa.String(12), nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("agency", _Code, nullable=True),
    sa.Column("tier", sa.String(16), nullable=True),
    sa.Column("branch", sa.String(20), nullable=True),
    sa.Column("document_type", sa.String(40), nullable=True),
    sa.Column("document", _Id, nullable=True, index=True),
    sa.Column("delivery", _Id, nullable=True, index=True),
    sa.Column("measures", sa.String(80), nullable=True, comment="figures it counts in, between blanks"),
    sa.Column("body", sa.Text, nullable=False, comment="canonical JSON (RFC 8785); what the leaf hashes"),
    sa.Column("leaf_hash", _Sha256, nullable=False, comment="RFC 6962 §2.1 leaf hash of body"),
)
_unsealed = events.c.position.is_(None)
sa.Index("ix_events_unsealed", events.c.id, sqlite_where=_unsealed, postgresql_where=_unsealed)
sa.Index("ix_events_kind_position", events.c.kind, events.c.position)
sa.Index("ix_events_agency_kind_position", events.c.agency, events.c.kind, events.c.position)
sa.Index("ix_events_at", events.c.at)

ledger_state = sa.Table(
    "ledger_state",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False, comment="number of sealed events; the next index"),
    sa.Column("sealed_at", Instant, nullable=True),
)

figures = sa.Table(
    "figures",
    metadata,
    sa.Column("month", sa.String(7), primary_key=True, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
    sa.Column("agency", _Code, primary_key=True),
    sa.Column("tier", sa.String(16), primary_key=True),
    sa.Column("branch", sa.String(20), primary_key=True),
    sa.Column("document_type", sa.String(40), primary_key=True),
    *(sa.Column(measure, sa.BigInteger, nullable=False, server_default="0") for measure in MEASURES),
)
