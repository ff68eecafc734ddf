"""The exchange rules: history of agencies, reorganisations, notices, deadlines, finer figures, webhooks."""

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.store.columns import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROWS = 1_000
_OLD_MEASURES = (
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
_NEW_MEASURES = (
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
)
_OLD_KEY = (
    ("month", 7, "YYYY-MM in Asia/Ho_Chi_Minh"),
    ("agency", 35, None),
    ("tier", 16, None),
    ("branch", 20, None),
    ("document_type", 40, None),
)
_NEW_KEY = (
    *_OLD_KEY,
    ("unit", 8, "level-one code the agency's code begins with, or empty"),
    ("peer_tier", 16, "tier of the document's sender, or empty"),
)
_OVERDUE = (
    "overdue_at IS NOT NULL AND superseded_by IS NULL "
    "AND progress NOT IN ('completed', 'refused', 'withdrawn', 'expired')"
)
_NOBODYS_REFUSAL = "agency IS NULL AND outcome = 'refused'"
_WORD = re.compile(r"[^\W_]+")
_UNTOLD = frozenset({"tinh", "xa", "huyen", "uy", "ban", "nhan", "dan"})
_QCVN = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.([A-Z][0-9]{2})", re.ASCII)
_HIERARCHICAL = re.compile(r"([A-Y][0-9]{2})(?:\.[0-9A-Z]+)*", re.ASCII)


def upgrade() -> None:
    op.create_table(
        "durations",
        sa.Column("month", sa.String(length=7), nullable=False, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
        sa.Column("agency", sa.String(length=35), nullable=False),
        sa.Column("tier", sa.String(length=16), nullable=False),
        sa.Column("branch", sa.String(length=20), nullable=False),
        sa.Column("document_type", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("peer_tier", sa.String(length=16), nullable=False),
        sa.Column("measure", sa.String(length=24), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False, comment="see statistics.spread"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "month",
            "agency",
            "tier",
            "branch",
            "document_type",
            "unit",
            "peer_tier",
            "measure",
            "bucket",
            name=op.f("pk_durations"),
        ),
    )
    op.create_table(
        "reorganisations",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False, comment="first day of the new order, in Vietnam"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="scheduled, applied, cancelled, failed"),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False, comment="what it does, or did"),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("applied_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reorganisations")),
    )
    op.create_index("ix_reorganisations_state", "reorganisations", ["state", "effective_on"], unique=False)
    op.create_table(
        "webhook_cursor",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="ledger index up to which messages were made"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_cursor")),
    )
    op.create_table(
        "agency_history",
        sa.Column("organ_id", sa.String(length=35), nullable=False),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="of the record that this was, until the next change"
        ),
        sa.Column("first_day", sa.Date(), nullable=True, comment="in Vietnam; null: since ever"),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_fold", sa.Text(), nullable=False),
        sa.Column("tier", sa.String(length=16), nullable=False),
        sa.Column("branch", sa.String(length=20), nullable=False),
        sa.Column("parent", sa.String(length=35), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("successor", sa.String(length=35), nullable=True),
        sa.Column("reorganisation", sa.Uuid(as_uuid=False), nullable=True, comment="the plan that ended it"),
        sa.ForeignKeyConstraint(["organ_id"], ["agencies.organ_id"], name=op.f("fk_agency_history_organ_id_agencies")),
        sa.PrimaryKeyConstraint("organ_id", "version", name=op.f("pk_agency_history")),
    )
    op.create_index("ix_agency_history_last_day", "agency_history", ["last_day"], unique=False)
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False, comment="kinds it asks for"),
        sa.Column("agencies", sa.JSON(), nullable=False, comment="own codes; empty: every agency the client acts for"),
        sa.Column("signing", sa.String(length=8), nullable=False, comment="hmac or ed25519"),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="sealed with a key of the node"),
        sa.Column("earlier_secret", sa.LargeBinary(), nullable=True, comment="still signs along after a rotation"),
        sa.Column("earlier_secret_until", Instant(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("disabled_reason", sa.String(length=24), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_webhooks_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_client_id"), "webhooks", ["client_id"], unique=False)
    op.create_table(
        "webhook_messages",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False, comment="the webhook-id its receiver tells repeats by"),
        sa.Column("webhook", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="ledger index of the event it tells of"),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("content", sa.Text(), nullable=False, comment="the JSON that is sent, byte for byte"),
        sa.Column("state", sa.String(length=10), nullable=False, comment="pending, delivered, failed"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "next_attempt_at", Instant(), nullable=True, comment="null unless pending; also the lease of who sends it"
        ),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["webhook"], ["webhooks.id"], name=op.f("fk_webhook_messages_webhook_webhooks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_messages")),
        sa.UniqueConstraint("webhook", "position", name=op.f("uq_webhook_messages_webhook_position")),
    )
    op.create_index("ix_webhook_messages_created_at", "webhook_messages", ["created_at"], unique=False)
    op.create_index("ix_webhook_messages_webhook_id", "webhook_messages", ["webhook", "id"], unique=False)
    op.create_index(
        "ix_webhook_messages_next_attempt_at",
        "webhook_messages",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("message", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column(
            "status", sa.SmallInteger(), nullable=True, comment="HTTP status of the answer; null where there was none"
        ),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message"], ["webhook_messages.id"], name=op.f("fk_webhook_attempts_message_webhook_messages")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
    )
    op.create_index(op.f("ix_webhook_attempts_message"), "webhook_attempts", ["message"], unique=False)
    op.add_column(
        "agencies",
        sa.Column(
            "policies",
            sa.JSON(),
            server_default="[]",
            nullable=False,
            comment="how its mistakes are taken: mode, from, to",
        ),
    )
    op.create_index("ix_agencies_successor", "agencies", ["successor"], unique=False)
    op.add_column(
        "deliveries",
        sa.Column(
            "kind",
            sa.String(length=8),
            server_default="document",
            nullable=False,
            comment="document, status, or notice (of the node)",
        ),
    )
    op.add_column(
        "deliveries", sa.Column("notice", sa.String(length=24), nullable=True, comment="of a notice: what it tells")
    )
    op.add_column(
        "deliveries",
        sa.Column(
            "concerns",
            sa.Uuid(as_uuid=False),
            nullable=True,
            comment="of a notice: the delivery it is about, where it is about one",
        ),
    )
    op.add_column(
        "deliveries",
        sa.Column(
            "change_by",
            sa.Uuid(as_uuid=False),
            nullable=True,
            comment="document or status report that asked for the change",
        ),
    )
    op.add_column(
        "deliveries",
        sa.Column(
            "superseded_by",
            sa.Uuid(as_uuid=False),
            nullable=True,
            comment="the document that holds instead, for this recipient",
        ),
    )
    op.add_column(
        "deliveries",
        sa.Column(
            "added_by", sa.Uuid(as_uuid=False), nullable=True, comment="of a recipient an update added: that update"
        ),
    )
    op.add_column(
        "deliveries",
        sa.Column(
            "undelivered_at", Instant(), nullable=True, comment="when, not yet fetched, its sender is to be told"
        ),
    )
    op.add_column(
        "deliveries", sa.Column("expires_at", Instant(), nullable=True, comment="when, not yet fetched, it expires")
    )
    op.add_column(
        "deliveries", sa.Column("due_at", Instant(), nullable=True, comment="when, not yet completed, it is overdue")
    )
    op.add_column("deliveries", sa.Column("overdue_at", Instant(), nullable=True, comment="when it was found overdue"))
    op.add_column(
        "deliveries",
        sa.Column(
            "overdue_sender", sa.String(length=35), nullable=True, comment="of an overdue one: who sent the document"
        ),
    )
    op.create_index(
        "ix_deliveries_due_at",
        "deliveries",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_expires_at",
        "deliveries",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_overdue",
        "deliveries",
        ["recipient", "overdue_at", "id"],
        unique=False,
        sqlite_where=sa.text(_OVERDUE),
        postgresql_where=sa.text(_OVERDUE),
    )
    op.create_index(
        "ix_deliveries_overdue_sender",
        "deliveries",
        ["overdue_sender", "document"],
        unique=False,
        sqlite_where=sa.text(_OVERDUE),
        postgresql_where=sa.text(_OVERDUE),
    )
    op.create_index(
        "ix_events_nobodys_refusal",
        "events",
        ["actor", "kind", "position"],
        unique=False,
        sqlite_where=sa.text(_NOBODYS_REFUSAL),
        postgresql_where=sa.text(_NOBODYS_REFUSAL),
    )
    op.create_index(
        "ix_deliveries_undelivered_at",
        "deliveries",
        ["undelivered_at"],
        unique=False,
        sqlite_where=sa.text("undelivered_at IS NOT NULL"),
        postgresql_where=sa.text("undelivered_at IS NOT NULL"),
    )
    op.add_column(
        "documents",
        sa.Column(
            "sender_tier",
            sa.String(length=16),
            nullable=True,
            comment="when it was accepted; null before revision 0002",
        ),
    )
    op.add_column(
        "documents",
        sa.Column(
            "on_time", sa.Boolean(), nullable=True, comment="sent by the deadline; null where that cannot be told"
        ),
    )
    op.add_column(
        "events",
        sa.Column(
            "peer_tier", sa.String(length=16), nullable=True, comment="tier of the document's sender, on deliveries"
        ),
    )
    op.add_column(
        "events",
        sa.Column(
            "durations",
            sa.String(length=120),
            nullable=True,
            comment="name:seconds of each time it ends, between blanks",
        ),
    )
    op.execute("UPDATE deliveries SET kind = 'status' WHERE status_report IS NOT NULL")
    # What happened before somebody could ask for webhooks is told to nobody.
    op.execute("INSERT INTO webhook_cursor (id, position) SELECT 1, size - 1 FROM ledger_state WHERE id = 1")
    _figures(_NEW_KEY, _OLD_MEASURES + _NEW_MEASURES)
    _terms()


def _terms() -> None:
    """Index the directory that is there by the words of names and the codes, as `store.agency_terms` does."""
    in_bytes = sa.String(40).with_variant(sa.String(40, collation="C"), "postgresql")
    terms = op.create_table(
        "agency_terms",
        sa.Column("term", in_bytes, nullable=False, comment="a word of a name, or a code or the rest of one; folded"),
        sa.Column("organ_id", sa.String(length=35), nullable=False),
        sa.PrimaryKeyConstraint("term", "organ_id", name=op.f("pk_agency_terms")),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.create_index("ix_agencies_in_order", "agencies", [sa.text('organ_id COLLATE "C"')], unique=False)
    found: set[tuple[str, str]] = set()
    for organ_id, name in connection.execute(sa.text("SELECT organ_id, name_fold FROM agencies")).all():
        words = _WORD.findall(name)
        connection.execute(
            sa.text("UPDATE agencies SET name_fold = :words WHERE organ_id = :organ_id"),
            {"words": " ".join(words), "organ_id": organ_id},
        )
        found |= {(word[:40], organ_id) for word in words if word not in _UNTOLD}
    codes = "SELECT organ_id, organ_id FROM agencies UNION ALL SELECT code, organ_id FROM agency_aliases"
    for code, organ_id in connection.execute(sa.text(codes)).all():
        folded = code.lower()
        found |= {(folded, organ_id), *((folded[each.end() :], organ_id) for each in re.finditer("[._-]", folded))}
    entries = [{"term": term, "organ_id": organ_id} for term, organ_id in sorted(found)]
    for start in range(0, len(entries), _ROWS):
        connection.execute(terms.insert(), entries[start : start + _ROWS])


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE kind = 'notice'")
    op.drop_column("events", "durations")
    op.drop_column("events", "peer_tier")
    op.drop_column("documents", "on_time")
    op.drop_column("documents", "sender_tier")
    op.drop_index(
        "ix_deliveries_undelivered_at",
        table_name="deliveries",
        sqlite_where=sa.text("undelivered_at IS NOT NULL"),
        postgresql_where=sa.text("undelivered_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_events_nobodys_refusal",
        table_name="events",
        sqlite_where=sa.text(_NOBODYS_REFUSAL),
        postgresql_where=sa.text(_NOBODYS_REFUSAL),
    )
    op.drop_index(
        "ix_deliveries_overdue_sender",
        table_name="deliveries",
        sqlite_where=sa.text(_OVERDUE),
        postgresql_where=sa.text(_OVERDUE),
    )
    op.drop_index(
        "ix_deliveries_overdue",
        table_name="deliveries",
        sqlite_where=sa.text(_OVERDUE),
        postgresql_where=sa.text(_OVERDUE),
    )
    op.drop_index(
        "ix_deliveries_expires_at",
        table_name="deliveries",
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_deliveries_due_at",
        table_name="deliveries",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_column("deliveries", "overdue_sender")
    op.drop_column("deliveries", "overdue_at")
    op.drop_column("deliveries", "due_at")
    op.drop_column("deliveries", "expires_at")
    op.drop_column("deliveries", "undelivered_at")
    op.drop_column("deliveries", "added_by")
    op.drop_column("deliveries", "superseded_by")
    op.drop_column("deliveries", "change_by")
    op.drop_column("deliveries", "concerns")
    op.drop_column("deliveries", "notice")
    op.drop_column("deliveries", "kind")
    op.drop_table("agency_terms")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_agencies_in_order", table_name="agencies")
    op.drop_index("ix_agencies_successor", table_name="agencies")
    op.drop_column("agencies", "policies")
    op.drop_index(op.f("ix_webhook_attempts_message"), table_name="webhook_attempts")
    op.drop_table("webhook_attempts")
    op.drop_index(
        "ix_webhook_messages_next_attempt_at",
        table_name="webhook_messages",
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.drop_index("ix_webhook_messages_webhook_id", table_name="webhook_messages")
    op.drop_index("ix_webhook_messages_created_at", table_name="webhook_messages")
    op.drop_table("webhook_messages")
    op.drop_index(op.f("ix_webhooks_client_id"), table_name="webhooks")
    op.drop_table("webhooks")
    op.drop_index("ix_agency_history_last_day", table_name="agency_history")
    op.drop_table("agency_history")
    op.drop_table("webhook_cursor")
    op.drop_index("ix_reorganisations_state", table_name="reorganisations")
    op.drop_table("reorganisations")
    op.drop_table("durations")
    _figures(_OLD_KEY, _OLD_MEASURES)


def _figures(key: tuple[tuple[str, int, str | None], ...], measures: tuple[str, ...]) -> None:
    """Make the table anew: its key changes, which neither database does in place on a table that is in use."""
    connection = op.get_bind()
    before = [dict(row) for row in connection.execute(sa.text("SELECT * FROM figures")).mappings()]
    op.drop_table("figures")
    table = op.create_table(
        "figures",
        *(sa.Column(name, sa.String(length), nullable=False, comment=text) for name, length, text in key),
        *(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0") for name in measures),
        sa.PrimaryKeyConstraint(*(name for name, _, _ in key), name="pk_figures"),
    )
    sums: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in before:
        row = {"unit": _unit(row["agency"]), "peer_tier": ""} | row
        names = {name: row[name] for name, _, _ in key}
        kept = sums.setdefault(tuple(names.values()), names | dict.fromkeys(measures, 0))
        for measure in measures:
            kept[measure] += row.get(measure, 0)
    after = list(sums.values())
    for start in range(0, len(after), _ROWS):
        op.bulk_insert(table, after[start : start + _ROWS])


def _unit(code: str) -> str:
    found = _QCVN.fullmatch(code) or _HIERARCHICAL.fullmatch(code)
    return found[1] if found else ""
