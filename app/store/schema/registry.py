"""Agencies as they are and were, the plans that change them, and the words they are found by."""

import sqlalchemy as sa

from app.store.columns import Instant
from app.store.schema.conventions import Code, Id, Term, metadata

ORDER_INDEX = "ix_agencies_in_order"
"""Of an expression, on PostgreSQL alone."""

agencies = sa.Table(
    "agencies",
    metadata,
    sa.Column("organ_id", Code, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_fold", sa.Text, nullable=False),
    sa.Column("tier", sa.String(16), nullable=False),
    sa.Column("branch", sa.String(20), nullable=False),
    sa.Column("parent", Code, nullable=True, index=True),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("valid_from", sa.Date, nullable=True),
    sa.Column("valid_to", sa.Date, nullable=True),
    sa.Column("successor", Code, nullable=True),
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
    sa.Column("organ_id", Code, sa.ForeignKey("agencies.organ_id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, comment="of the record that this was, until the next change"),
    sa.Column("first_day", sa.Date, nullable=True, comment="in Vietnam; null: since ever"),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_fold", sa.Text, nullable=False),
    sa.Column("tier", sa.String(16), nullable=False),
    sa.Column("branch", sa.String(20), nullable=False),
    sa.Column("parent", Code, nullable=True),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("successor", Code, nullable=True),
    sa.Column("reorganisation", Id, nullable=True, comment="the plan that ended it"),
)
sa.Index("ix_agency_history_last_day", agency_history.c.last_day)

reorganisations = sa.Table(
    "reorganisations",
    metadata,
    sa.Column("id", Id, primary_key=True),
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
    sa.Column("code", Code, primary_key=True),
    sa.Column("organ_id", Code, sa.ForeignKey("agencies.organ_id"), nullable=False, index=True),
    sa.Column("valid_from", sa.Date, nullable=True),
    sa.Column("valid_to", sa.Date, nullable=True),
)

agency_terms = sa.Table(
    "agency_terms",
    metadata,
    sa.Column("term", Term, primary_key=True, comment="a word of a name, or a code or the rest of one; folded"),
    sa.Column("organ_id", Code, primary_key=True),
    sqlite_with_rowid=False,
)
