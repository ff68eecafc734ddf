"""Figures of the exchange by month, all of them counted from the log."""

import sqlalchemy as sa

from app.store.columns import Instant
from app.store.schema.conventions import Code, Sha256, metadata

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

closed_months = sa.Table(
    "closed_months",
    metadata,
    sa.Column("month", sa.String(7), primary_key=True, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False, comment="from 1"),
    sa.Column("ledger_size", sa.BigInteger, nullable=False, comment="events its figures cover"),
    sa.Column("root", Sha256, nullable=False, comment="of the ledger at that size"),
    sa.Column("digest", Sha256, nullable=False, comment="SHA-256 of the report, a body of its own"),
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
    sa.Column("agency", Code, primary_key=True),
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
    sa.Column("agency", Code, primary_key=True),
    sa.Column("tier", sa.String(16), primary_key=True),
    sa.Column("branch", sa.String(20), primary_key=True),
    sa.Column("document_type", sa.String(40), primary_key=True),
    sa.Column("unit", sa.String(8), primary_key=True),
    sa.Column("peer_tier", sa.String(16), primary_key=True),
    sa.Column("measure", sa.String(24), primary_key=True),
    sa.Column("counts", sa.Text, nullable=False, comment="JSON: bucket (see statistics.spread), how many, bucket, …"),
)
