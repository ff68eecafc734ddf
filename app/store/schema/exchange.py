"""Documents, their deliveries and status reports, and what became of them."""

from typing import Any

import sqlalchemy as sa

from app.store.columns import Instant
from app.store.schema.conventions import Code, Id, Sha256, Term, metadata

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("sender", Code, nullable=False),
    sa.Column("sender_tier", sa.String(16), nullable=True, comment="when it was accepted; null before revision 0002"),
    sa.Column("document_id", sa.String(500), nullable=False, comment="DocumentId as the sender wrote it"),
    sa.Column("sha256", Sha256, nullable=False),
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
    sa.Column("client_id", Id, nullable=False),
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
    sa.Column("certificate", Sha256, nullable=True, comment="whose signature its receipt names"),
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
    sa.Column("term", Term, primary_key=True, comment="word of its code or subject, folded"),
    sa.Column("document", Id, sa.ForeignKey("documents.id"), primary_key=True),
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
    sa.Column("document", Id, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("revision", sa.SmallInteger, primary_key=True, autoincrement=False, comment="0 when it was accepted"),
    sa.Column("indication", sa.String(16), nullable=False),
    sa.Column("sub_indication", sa.String(40), nullable=True),
    sa.Column("report", sa.JSON, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
)

inspections = sa.Table(
    "inspections",
    metadata,
    sa.Column("document", Id, sa.ForeignKey("documents.id"), primary_key=True),
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
    sa.Column("id", Id, primary_key=True),
    sa.Column("root", Sha256, nullable=False, comment="RFC 6962 tree over the digests of its members"),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("through", sa.BigInteger, nullable=False, comment="index of the last event whose receipt may be in it"),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("problem", sa.Text, nullable=True),
    sa.Column("next_try_at", Instant, nullable=True, comment="null when it is stamped"),
    sa.Column("stamped_at", Instant, nullable=True, comment="genTime of the token"),
    sa.Column("token", Sha256, nullable=True, comment="in `evidence`"),
)
sa.Index("ix_timestamp_batches_next_try_at", timestamp_batches.c.next_try_at)

timestamp_members = sa.Table(
    "timestamp_members",
    metadata,
    sa.Column("batch", Id, sa.ForeignKey("timestamp_batches.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("receipt", Id, nullable=False, comment="of the document or status report it is the receipt of"),
    sa.Column("digest", Sha256, nullable=False, comment="SHA-256 of the receipt's bytes"),
)
sa.Index("ix_timestamp_members_receipt", timestamp_members.c.receipt)

document_links = sa.Table(
    "document_links",
    metadata,
    sa.Column("document", Id, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("relation", sa.String(12), nullable=False, comment="revokes, updates, replaces, answers"),
    sa.Column("concerned_document_id", sa.String(500), nullable=False, comment="DocumentId as written"),
    sa.Column("concerned", Id, nullable=True, index=True, comment="that document's id where this node holds it"),
)

status_reports = sa.Table(
    "status_reports",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("document", Id, sa.ForeignKey("documents.id"), nullable=False, index=True),
    sa.Column("delivery", Id, nullable=False, index=True, comment="the document's delivery it speaks of"),
    sa.Column("reporter", Code, nullable=False),
    sa.Column("status_code", sa.String(2), nullable=False),
    sa.Column("description", sa.Text, nullable=True),
    sa.Column("reported_at", Instant, nullable=True, comment="Timestamp as the reporter claims it"),
    sa.Column("accepted_at", Instant, nullable=False),
    sa.Column("state", sa.String(24), nullable=False, comment="of the delivery, after this report"),
    sa.Column("sha256", Sha256, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("client_id", Id, nullable=False),
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
    sa.Column("id", Id, primary_key=True),
    sa.Column("document", Id, sa.ForeignKey("documents.id"), nullable=False, index=True),
    sa.Column(
        "kind",
        sa.String(8),
        nullable=False,
        server_default="document",
        comment="document, status, or notice (of the node)",
    ),
    sa.Column("status_report", Id, sa.ForeignKey("status_reports.id"), nullable=True, comment="null for a document"),
    sa.Column("notice", sa.String(24), nullable=True, comment="of a notice: what it tells"),
    sa.Column("concerns", Id, nullable=True, comment="of a notice: the delivery it is about, where it is about one"),
    sa.Column("recipient", Code, nullable=False),
    sa.Column("addressed_to", Code, nullable=False, comment="the code the sender wrote"),
    sa.Column("progress", sa.String(24), nullable=False, comment="how far it came: available … completed, or its end"),
    sa.Column(
        "change", sa.String(24), nullable=True, comment="a withdrawal or update asked for, or how it was answered"
    ),
    sa.Column("change_by", Id, nullable=True, comment="document or status report that asked for the change"),
    sa.Column("superseded_by", Id, nullable=True, comment="the document that holds instead, for this recipient"),
    sa.Column("added_by", Id, nullable=True, comment="of a recipient an update added: that update"),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("available_at", Instant, nullable=False),
    sa.Column("undelivered_at", Instant, nullable=True, comment="when, not yet fetched, its sender is to be told"),
    sa.Column("expires_at", Instant, nullable=True, comment="when, not yet fetched, it expires"),
    sa.Column("due_at", Instant, nullable=True, comment="when, not yet completed, it is overdue"),
    sa.Column("overdue_at", Instant, nullable=True, comment="when it was found overdue"),
    sa.Column("overdue_sender", Code, nullable=True, comment="of an overdue one: who sent the document"),
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
