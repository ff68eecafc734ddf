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

ORDER_INDEX = "ix_agencies_in_order"
"""Of an expression, on PostgreSQL alone."""

TERM_LENGTH = 40
"""What is kept of a longer word; no code is longer."""

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
    "revocations",
    "updates",
    "replacements",
    "on_time",
    "late",
    "withdrawal_requests",
    "changes_accepted",
    "changes_refused",
    "arrived",
    "accepted",
    "returned",
    "completed",
    "completed_on_time",
    "completed_late",
    "overdue",
    "undelivered",
    "expired",
    "redirected",
    "not_proven",
    "not_judged",
    "with_pdf",
    "pdf_signed",
)
"""Columns of `figures`, one a count of events; which event counts where is decided in `app.statistics.measures`."""

FIGURE_KEY = ("month", "agency", "tier", "branch", "document_type", "unit", "peer_tier")
"""What a row of figures, and of durations, is about."""

_Id = sa.Uuid(as_uuid=False)
_Code = sa.String(ORGAN_ID_LENGTH)
_Term = sa.String(TERM_LENGTH).with_variant(sa.String(TERM_LENGTH, collation="C"), "postgresql")
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
    sa.Column(
        "policies", sa.JSON, nullable=False, server_default="[]", comment="how its mistakes are taken: mode, from, to"
    ),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
)
sa.Index("ix_agencies_successor", agencies.c.successor)
# SQLite compares bytes anyway; on PostgreSQL lists are in the same order only by an index that does so, too.
sa.Index(ORDER_INDEX, sa.collate(agencies.c.organ_id, "C")).ddl_if(dialect="postgresql")

agency_history = sa.Table(
    "agency_history",
    metadata,
    sa.Column("organ_id", _Code, sa.ForeignKey("agencies.organ_id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, comment="of the record that this was, until the next change"),
    sa.Column("first_day", sa.Date, nullable=True, comment="in Vietnam; null: since ever"),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_fold", sa.Text, nullable=False),
    sa.Column("tier", sa.String(16), nullable=False),
    sa.Column("branch", sa.String(20), nullable=False),
    sa.Column("parent", _Code, nullable=True),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("successor", _Code, nullable=True),
    sa.Column("reorganisation", _Id, nullable=True, comment="the plan that ended it"),
)
sa.Index("ix_agency_history_last_day", agency_history.c.last_day)

reorganisations = sa.Table(
    "reorganisations",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("effective_on", sa.Date, nullable=False, comment="first day of the new order, in Vietnam"),
    sa.Column("state", sa.String(12), nullable=False, comment="scheduled, applied, cancelled, failed"),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("report", sa.JSON, nullable=False, comment="what it does, or did"),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("applied_at", Instant, nullable=True),
    sa.Column("version", sa.Integer, nullable=False),
)
sa.Index("ix_reorganisations_state", reorganisations.c.state, reorganisations.c.effective_on)

agency_aliases = sa.Table(
    "agency_aliases",
    metadata,
    sa.Column("code", _Code, primary_key=True),
    sa.Column("organ_id", _Code, sa.ForeignKey("agencies.organ_id"), nullable=False, index=True),
    sa.Column("valid_from", sa.Date, nullable=True),
    sa.Column("valid_to", sa.Date, nullable=True),
)

agency_terms = sa.Table(
    "agency_terms",
    metadata,
    sa.Column("term", _Term, primary_key=True, comment="a word of a name, or a code or the rest of one; folded"),
    sa.Column("organ_id", _Code, primary_key=True),
    sqlite_with_rowid=False,
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
    sa.Column("suspended_at", Instant, nullable=True, comment="held at this node for the time being"),
    sa.Column("possession", sa.String(16), nullable=True, comment="how it was proven that the agency holds the key"),
    sa.Column("warned_days", sa.SmallInteger, nullable=True, comment="the last warning of its end, days before it"),
)
sa.Index("ix_certificates_not_after", certificates.c.not_after)

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
    sa.Column(
        "part", sa.Text, nullable=False, server_default="", comment="of the issuer's certificates; empty: all of them"
    ),
    sa.Column("number", sa.String(42), nullable=True, comment="hex"),
    sa.Column("signer", _Sha256, nullable=True, comment="the authority's certificate whose key signed it"),
    sa.Column("this_update", Instant, nullable=False),
    sa.Column("next_update", Instant, nullable=True),
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("imported_at", Instant, nullable=False),
    # Last, because SQLite reads through megabytes of it to get at a column behind it.
    sa.Column("der", sa.LargeBinary, nullable=False),
)

revocations = sa.Table(
    "revocations",
    metadata,
    sa.Column("issuer_sha256", _Sha256, primary_key=True),
    sa.Column("serial", sa.String(42), primary_key=True),
    sa.Column("revoked_at", Instant, nullable=False),
    sa.Column("reason", sa.String(40), nullable=True),
)

revocation_sources = sa.Table(
    "revocation_sources",
    metadata,
    sa.Column("sha256", _Sha256, primary_key=True, comment="of kind, issuer's name and address"),
    sa.Column("kind", sa.String(4), nullable=False, comment="crl or ocsp"),
    sa.Column("issuer_sha256", _Sha256, nullable=False, index=True),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("origin", sa.String(12), nullable=False, comment="certificate, or operator"),
    sa.Column("tried_at", Instant, nullable=True),
    sa.Column("fetched_at", Instant, nullable=True, comment="the last time it answered with what holds"),
    sa.Column("fresh_until", Instant, nullable=True),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0", comment="since it last answered"),
    sa.Column("problem", sa.Text, nullable=True),
    sa.Column("alarmed_at", Instant, nullable=True, comment="when it was told that it is stale; null when it is fresh"),
    sa.Column("next_try_at", Instant, nullable=False, index=True),
)

ocsp_answers = sa.Table(
    "ocsp_answers",
    metadata,
    sa.Column("issuer_sha256", _Sha256, primary_key=True),
    sa.Column("serial", sa.String(42), primary_key=True),
    sa.Column("status", sa.String(8), nullable=False, comment="good or revoked"),
    sa.Column("revoked_at", Instant, nullable=True),
    sa.Column("reason", sa.String(40), nullable=True),
    sa.Column("this_update", Instant, nullable=False),
    sa.Column("next_update", Instant, nullable=True),
    sa.Column("material", _Sha256, nullable=False, comment="the answer itself, in `evidence`"),
    sa.Column("fetched_at", Instant, nullable=False),
)

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("sha256", _Sha256, primary_key=True),
    sa.Column("kind", sa.String(12), nullable=False, comment="certificate, crl, ocsp or timestamp"),
    sa.Column("der", sa.LargeBinary, nullable=False),
    sa.Column("kept_at", Instant, nullable=False),
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

system_keys = sa.Table(
    "system_keys",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("client_id", _Id, sa.ForeignKey("clients.client_id"), nullable=False, index=True),
    sa.Column("system_id", sa.String(64), nullable=False, index=True, comment="what a system calls itself in requests"),
    sa.Column("agency", _Code, nullable=False, comment="own code of the agency it stands for"),
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
    sa.Column("sender_tier", sa.String(16), nullable=True, comment="when it was accepted; null before revision 0002"),
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
    sa.Column("on_time", sa.Boolean, nullable=True, comment="sent by the deadline; null where that cannot be told"),
    sa.Column("client_id", _Id, nullable=False),
    sa.Column("accepted_at", Instant, nullable=False),
    sa.Column("verification", sa.JSON, nullable=False),
    sa.Column("receipt", sa.Text, nullable=False),
    sa.Column(
        "indication",
        sa.String(16),
        nullable=False,
        server_default="TOTAL-PASSED",
        comment="of the newest verification: TOTAL-PASSED, INDETERMINATE or TOTAL-FAILED",
    ),
    sa.Column(
        "signature",
        sa.String(20),
        nullable=False,
        server_default="valid",
        comment="valid, or what the sender's policy let pass: unsigned, sha1, foreign-namespace",
    ),
    sa.Column("certificate", _Sha256, nullable=True, comment="whose signature its receipt names"),
    sa.Column("purged_at", Instant, nullable=True, comment="when its body was thrown away by the rules of retention"),
    sa.Column("held_at", Instant, nullable=True, comment="since when an order keeps its bodies from being purged"),
    sa.UniqueConstraint("sender", "document_id"),
)
sa.Index(
    "ix_documents_indeterminate",
    documents.c.id,
    sqlite_where=documents.c.indication == "INDETERMINATE",
    postgresql_where=documents.c.indication == "INDETERMINATE",
)
sa.Index("ix_documents_certificate_id", documents.c.certificate, documents.c.id)
sa.Index("ix_documents_document_id", documents.c.document_id)
sa.Index("ix_documents_sender_id", documents.c.sender, documents.c.id)
sa.Index("ix_documents_sha256", documents.c.sha256)

document_terms = sa.Table(
    "document_terms",
    metadata,
    sa.Column("term", _Term, primary_key=True, comment="word of its code or subject, folded"),
    sa.Column("document", _Id, sa.ForeignKey("documents.id"), primary_key=True),
    sqlite_with_rowid=False,
)
sa.Index("ix_document_terms_document", document_terms.c.document)

term_cursor = sa.Table(
    "term_cursor",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, nullable=False, comment="ledger index up to which documents have their words"),
)

verification_reports = sa.Table(
    "verification_reports",
    metadata,
    sa.Column("document", _Id, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("revision", sa.SmallInteger, primary_key=True, autoincrement=False, comment="0 when it was accepted"),
    sa.Column("indication", sa.String(16), nullable=False),
    sa.Column("sub_indication", sa.String(40), nullable=True),
    sa.Column("report", sa.JSON, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
)

inspections = sa.Table(
    "inspections",
    metadata,
    sa.Column("document", _Id, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("state", sa.String(8), nullable=False, comment="waiting, done or failed"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_try_at", Instant, nullable=True, comment="null when it is over"),
    sa.Column("result", sa.JSON, nullable=True, comment="signatures found in its attachments"),
    sa.Column("inspected_at", Instant, nullable=True),
)
sa.Index("ix_inspections_next_try_at", inspections.c.next_try_at)

timestamp_batches = sa.Table(
    "timestamp_batches",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("root", _Sha256, nullable=False, comment="RFC 6962 tree over the digests of its members"),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("through", sa.BigInteger, nullable=False, comment="index of the last event whose receipt may be in it"),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("problem", sa.Text, nullable=True),
    sa.Column("next_try_at", Instant, nullable=True, comment="null when it is stamped"),
    sa.Column("stamped_at", Instant, nullable=True, comment="genTime of the token"),
    sa.Column("token", _Sha256, nullable=True, comment="in `evidence`"),
)
sa.Index("ix_timestamp_batches_next_try_at", timestamp_batches.c.next_try_at)

timestamp_members = sa.Table(
    "timestamp_members",
    metadata,
    sa.Column("batch", _Id, sa.ForeignKey("timestamp_batches.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("receipt", _Id, nullable=False, comment="of the document or status report it is the receipt of"),
    sa.Column("digest", _Sha256, nullable=False, comment="SHA-256 of the receipt's bytes"),
)
sa.Index("ix_timestamp_members_receipt", timestamp_members.c.receipt)

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
    sa.Column(
        "indication",
        sa.String(16),
        nullable=False,
        server_default="TOTAL-PASSED",
        comment="of the newest verification: TOTAL-PASSED, INDETERMINATE or TOTAL-FAILED",
    ),
    sa.Column("purged_at", Instant, nullable=True, comment="when its body was thrown away by the rules of retention"),
    sa.UniqueConstraint("reporter", "sha256"),
)
_report_open = sa.and_(status_reports.c.indication == "INDETERMINATE", status_reports.c.purged_at.is_(None))
sa.Index(
    "ix_status_reports_indeterminate", status_reports.c.id, sqlite_where=_report_open, postgresql_where=_report_open
)
sa.Index("ix_status_reports_sha256", status_reports.c.sha256)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("document", _Id, sa.ForeignKey("documents.id"), nullable=False, index=True),
    sa.Column(
        "kind",
        sa.String(8),
        nullable=False,
        server_default="document",
        comment="document, status, or notice (of the node)",
    ),
    sa.Column("status_report", _Id, sa.ForeignKey("status_reports.id"), nullable=True, comment="null for a document"),
    sa.Column("notice", sa.String(24), nullable=True, comment="of a notice: what it tells"),
    sa.Column("concerns", _Id, nullable=True, comment="of a notice: the delivery it is about, where it is about one"),
    sa.Column("recipient", _Code, nullable=False),
    sa.Column("addressed_to", _Code, nullable=False, comment="the code the sender wrote"),
    sa.Column("progress", sa.String(24), nullable=False, comment="how far it came: available … completed, or its end"),
    sa.Column(
        "change", sa.String(24), nullable=True, comment="a withdrawal or update asked for, or how it was answered"
    ),
    sa.Column("change_by", _Id, nullable=True, comment="document or status report that asked for the change"),
    sa.Column("superseded_by", _Id, nullable=True, comment="the document that holds instead, for this recipient"),
    sa.Column("added_by", _Id, nullable=True, comment="of a recipient an update added: that update"),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("available_at", Instant, nullable=False),
    sa.Column("undelivered_at", Instant, nullable=True, comment="when, not yet fetched, its sender is to be told"),
    sa.Column("expires_at", Instant, nullable=True, comment="when, not yet fetched, it expires"),
    sa.Column("due_at", Instant, nullable=True, comment="when, not yet completed, it is overdue"),
    sa.Column("overdue_at", Instant, nullable=True, comment="when it was found overdue"),
    sa.Column("overdue_sender", _Code, nullable=True, comment="of an overdue one: who sent the document"),
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

for _moment in ("undelivered_at", "expires_at", "due_at"):
    # Each is null once it no longer matters, so what the clock looks through is short whatever the history.
    sa.Index(
        f"ix_deliveries_{_moment}",
        deliveries.c[_moment],
        sqlite_where=deliveries.c[_moment].is_not(None),
        postgresql_where=deliveries.c[_moment].is_not(None),
    )
OVERDUE = (
    "overdue_at IS NOT NULL AND superseded_by IS NULL "
    "AND progress NOT IN ('completed', 'refused', 'withdrawn', 'expired')"
)
"""Which deliveries are overdue now; both databases use the indexes below for queries that say it in the same words."""

for _name, *_columns in (
    ("ix_deliveries_overdue", deliveries.c.recipient, deliveries.c.overdue_at, deliveries.c.id),
    ("ix_deliveries_overdue_sender", deliveries.c.overdue_sender, deliveries.c.document),
):
    sa.Index(_name, *_columns, sqlite_where=sa.text(OVERDUE), postgresql_where=sa.text(OVERDUE))

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
    sa.Column("peer_tier", sa.String(16), nullable=True, comment="tier of the document's sender, on deliveries"),
    sa.Column("document", _Id, nullable=True),
    sa.Column("delivery", _Id, nullable=True, index=True),
    sa.Column("measures", sa.String(80), nullable=True, comment="figures it counts in, between blanks"),
    sa.Column("durations", sa.String(120), nullable=True, comment="name:seconds of each time it ends, between blanks"),
    sa.Column("body", sa.Text, nullable=False, comment="canonical JSON (RFC 8785); what the leaf hashes"),
    sa.Column("leaf_hash", _Sha256, nullable=False, comment="RFC 6962 §2.1 leaf hash of body"),
)
_unsealed = events.c.position.is_(None)
sa.Index("ix_events_unsealed", events.c.id, sqlite_where=_unsealed, postgresql_where=_unsealed)
sa.Index("ix_events_kind_position", events.c.kind, events.c.position)
sa.Index("ix_events_agency_kind_position", events.c.agency, events.c.kind, events.c.position)
sa.Index("ix_events_document_position", events.c.document, events.c.position)
# Written when an event is sealed and not before: whoever searches by them asks for sealed events alone.
_sealed = events.c.position.is_not(None)
sa.Index(
    "ix_events_agency_position",
    events.c.agency,
    events.c.position,
    sqlite_where=_sealed,
    postgresql_where=_sealed,
)
sa.Index("ix_events_actor_position", events.c.actor, events.c.position, sqlite_where=_sealed, postgresql_where=_sealed)
REFUSED = "outcome = 'refused'"
"""Few events among many; queries say it in the same words."""
sa.Index(
    "ix_events_refused",
    events.c.outcome,
    events.c.position,
    sqlite_where=sa.text(REFUSED),
    postgresql_where=sa.text(REFUSED),
)
NOBODYS_REFUSAL = "agency IS NULL AND outcome = 'refused'"
"""Which refusals no agency could be told of, because the message did not come as far as its sender."""
sa.Index(
    "ix_events_nobodys_refusal",
    events.c.actor,
    events.c.kind,
    events.c.position,
    sqlite_where=sa.text(NOBODYS_REFUSAL),
    postgresql_where=sa.text(NOBODYS_REFUSAL),
)

event_blocks = sa.Table(
    "event_blocks",
    metadata,
    sa.Column(
        "number", sa.BigInteger, primary_key=True, autoincrement=False, comment="index of its first event / 1024"
    ),
    sa.Column(
        "first_at", Instant, nullable=False, comment="least moment of its events, which are not in order of time"
    ),
    sa.Column("last_at", Instant, nullable=False, comment="greatest"),
    sa.Column("holds", sa.Text, nullable=False, comment="what its events are of: type, tier, measure …, one a line"),
)

ledger_state = sa.Table(
    "ledger_state",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False, comment="number of sealed events; the next index"),
    sa.Column("sealed_at", Instant, nullable=True),
    sa.Column("origin", sa.Text, nullable=True, comment="name of the log, fixed by its first checkpoint"),
    sa.Column("sealer", sa.String(64), nullable=True, comment="process that seals until lease_until"),
    sa.Column("lease_until", Instant, nullable=True),
    sa.Column(
        "epoch", sa.BigInteger, nullable=False, server_default="0", comment="how often another process took over"
    ),
)

ledger_tiles = sa.Table(
    "ledger_tiles",
    metadata,
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hashes", sa.LargeBinary, nullable=False, comment="1 to 256 hashes of 32 octets (C2SP tlog-tiles)"),
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("root", _Sha256, nullable=False),
    sa.Column("note", sa.Text, nullable=False, comment="as the log signed it (C2SP signed-note)"),
    sa.Column("published_at", Instant, nullable=False),
    sa.Column("kept", sa.Boolean, nullable=False, comment="false: gone when the next one is published"),
    sa.Column("token", _Sha256, nullable=True, comment="RFC 3161 token over the note's text, in `evidence`"),
    sa.Column("stamped_at", Instant, nullable=True, comment="genTime of the token"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("problem", sa.Text, nullable=True),
    sa.Column("next_try_at", Instant, nullable=True, comment="null where no time stamp is wanted, or it is there"),
)
sa.Index("ix_checkpoints_published_at", checkpoints.c.published_at)
sa.Index("ix_checkpoints_next_try_at", checkpoints.c.next_try_at)

cosignatures = sa.Table(
    "cosignatures",
    metadata,
    sa.Column("size", sa.BigInteger, sa.ForeignKey("checkpoints.size"), primary_key=True),
    sa.Column("witness", sa.String(300), primary_key=True, comment="its verifier key"),
    sa.Column("line", sa.Text, nullable=False, comment="its signature line (C2SP tlog-cosignature)"),
    sa.Column("cosigned_at", Instant, nullable=False, comment="when it says it saw the checkpoint"),
)

closed_months = sa.Table(
    "closed_months",
    metadata,
    sa.Column("month", sa.String(7), primary_key=True, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False, comment="from 1"),
    sa.Column("ledger_size", sa.BigInteger, nullable=False, comment="events its figures cover"),
    sa.Column("root", _Sha256, nullable=False, comment="of the ledger at that size"),
    sa.Column("digest", _Sha256, nullable=False, comment="SHA-256 of the report, a body of its own"),
    sa.Column("made_at", Instant, nullable=False),
)

counted_months = sa.Table(
    "counted_months",
    metadata,
    sa.Column("month", sa.String(7), primary_key=True, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
    sa.Column(
        "ledger_size", sa.BigInteger, nullable=False, comment="one past the last event that counts in this month"
    ),
)

figures = sa.Table(
    "figures",
    metadata,
    sa.Column("month", sa.String(7), primary_key=True, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
    sa.Column("agency", _Code, primary_key=True),
    sa.Column("tier", sa.String(16), primary_key=True),
    sa.Column("branch", sa.String(20), primary_key=True),
    sa.Column("document_type", sa.String(40), primary_key=True),
    sa.Column("unit", sa.String(8), primary_key=True, comment="level-one code the agency's code begins with, or empty"),
    sa.Column("peer_tier", sa.String(16), primary_key=True, comment="tier of the document's sender, or empty"),
    *(sa.Column(measure, sa.BigInteger, nullable=False, server_default="0") for measure in MEASURES),
)

rolled_figures = sa.Table(
    "rolled_figures",
    metadata,
    sa.Column("month", sa.String(7), primary_key=True, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
    sa.Column("tier", sa.String(16), primary_key=True, comment="* where rows of figures of all tiers are added up"),
    sa.Column("branch", sa.String(20), primary_key=True),
    sa.Column("document_type", sa.String(40), primary_key=True),
    sa.Column("unit", sa.String(8), primary_key=True),
    sa.Column("peer_tier", sa.String(16), primary_key=True),
    *(sa.Column(measure, sa.BigInteger, nullable=False, server_default="0") for measure in MEASURES),
)

durations = sa.Table(
    "durations",
    metadata,
    sa.Column("month", sa.String(7), primary_key=True, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
    sa.Column("agency", _Code, primary_key=True),
    sa.Column("tier", sa.String(16), primary_key=True),
    sa.Column("branch", sa.String(20), primary_key=True),
    sa.Column("document_type", sa.String(40), primary_key=True),
    sa.Column("unit", sa.String(8), primary_key=True),
    sa.Column("peer_tier", sa.String(16), primary_key=True),
    sa.Column("measure", sa.String(24), primary_key=True),
    sa.Column("counts", sa.Text, nullable=False, comment="JSON: bucket (see statistics.spread), how many, bucket, …"),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("client_id", _Id, sa.ForeignKey("clients.client_id"), nullable=False, index=True),
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
    sa.Column("id", _Id, primary_key=True, comment="the webhook-id its receiver tells repeats by"),
    sa.Column("webhook", _Id, sa.ForeignKey("webhooks.id"), nullable=False),
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
    sa.Column("id", _Id, primary_key=True),
    sa.Column("message", _Id, sa.ForeignKey("webhook_messages.id"), nullable=False, index=True),
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
