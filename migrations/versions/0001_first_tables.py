"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op

from app.store.columns import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agencies",
        sa.Column("organ_id", sa.String(length=35), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_fold", sa.Text(), nullable=False),
        sa.Column("tier", sa.String(length=16), nullable=False),
        sa.Column("branch", sa.String(length=20), nullable=False),
        sa.Column("parent", sa.String(length=35), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("successor", sa.String(length=35), nullable=True),
        sa.Column("contact", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("organ_id", name=op.f("pk_agencies")),
    )
    op.create_index(op.f("ix_agencies_parent"), "agencies", ["parent"], unique=False)
    op.create_table(
        "authorities",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "der", sa.LargeBinary(), nullable=False, comment="an issuing CA that was enrolled with a certificate"
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_authorities")),
    )
    op.create_table(
        "clients",
        sa.Column("client_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "secret_hash", sa.Text(), nullable=True, comment="Argon2id; null where only private_key_jwt is allowed"
        ),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("agencies", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_clients")),
    )
    op.create_table(
        "crls",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column(
            "issuer_sha256", sa.String(length=64), nullable=False, comment="SHA-256 of the issuer's name, RFC 4514"
        ),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("number", sa.String(length=42), nullable=True, comment="hex"),
        sa.Column("this_update", Instant(), nullable=False),
        sa.Column("next_update", Instant(), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_crls")),
    )
    op.create_index(op.f("ix_crls_issuer_sha256"), "crls", ["issuer_sha256"], unique=False)
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("sender", sa.String(length=35), nullable=False),
        sa.Column("document_id", sa.String(length=500), nullable=False, comment="DocumentId as the sender wrote it"),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="CodeNumber/CodeNotation"),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("document_type", sa.String(length=40), nullable=False),
        sa.Column("type_name", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("promulgation_date", sa.Date(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("with_paper", sa.Boolean(), nullable=False),
        sa.Column("client_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=False),
        sa.Column("verification", sa.JSON(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("sender", "document_id", name=op.f("uq_documents_sender_document_id")),
    )
    op.create_index("ix_documents_document_id", "documents", ["document_id"], unique=False)
    op.create_index("ix_documents_sender_id", "documents", ["sender", "id"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True, comment="ledger index; null until sealed"),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=35), nullable=True),
        sa.Column("tier", sa.String(length=16), nullable=True),
        sa.Column("branch", sa.String(length=20), nullable=True),
        sa.Column("document_type", sa.String(length=40), nullable=True),
        sa.Column("document", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("delivery", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("measures", sa.String(length=80), nullable=True, comment="figures it counts in, between blanks"),
        sa.Column("body", sa.Text(), nullable=False, comment="canonical JSON (RFC 8785); what the leaf hashes"),
        sa.Column("leaf_hash", sa.String(length=64), nullable=False, comment="RFC 6962 §2.1 leaf hash of body"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("position", name=op.f("uq_events_position")),
    )
    op.create_index("ix_events_agency_kind_position", "events", ["agency", "kind", "position"], unique=False)
    op.create_index("ix_events_at", "events", ["at"], unique=False)
    op.create_index(op.f("ix_events_delivery"), "events", ["delivery"], unique=False)
    op.create_index(op.f("ix_events_document"), "events", ["document"], unique=False)
    op.create_index("ix_events_kind_position", "events", ["kind", "position"], unique=False)
    op.create_index(
        "ix_events_unsealed",
        "events",
        ["id"],
        unique=False,
        sqlite_where=sa.text("position IS NULL"),
        postgresql_where=sa.text("position IS NULL"),
    )
    op.create_table(
        "figures",
        sa.Column("month", sa.String(length=7), nullable=False, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
        sa.Column("agency", sa.String(length=35), nullable=False),
        sa.Column("tier", sa.String(length=16), nullable=False),
        sa.Column("branch", sa.String(length=20), nullable=False),
        sa.Column("document_type", sa.String(length=40), nullable=False),
        sa.Column("sent", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("statuses", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refused", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("signed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("with_paper", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("electronic_only", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("month", "agency", "tier", "branch", "document_type", name=op.f("pk_figures")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("client_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_expires_at"), "idempotency_keys", ["expires_at"], unique=False)
    op.create_table(
        "ledger_state",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="number of sealed events; the next index"),
        sa.Column("sealed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_state")),
    )
    op.create_table(
        "registry_versions",
        sa.Column("part", sa.String(length=16), nullable=False, comment="agencies or trust"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="moves with every change of that part"),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_registry_versions")),
    )
    op.create_table(
        "revocations",
        sa.Column("issuer_sha256", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=42), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("issuer_sha256", "serial", name=op.f("pk_revocations")),
    )
    op.create_table(
        "trust_anchors",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("not_after", Instant(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_trust_anchors")),
    )
    op.create_table(
        "used_assertions",
        sa.Column("client_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("jti", sa.String(length=255), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti", name=op.f("pk_used_assertions")),
    )
    op.create_index(op.f("ix_used_assertions_expires_at"), "used_assertions", ["expires_at"], unique=False)
    op.create_table(
        "agency_aliases",
        sa.Column("code", sa.String(length=35), nullable=False),
        sa.Column("organ_id", sa.String(length=35), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["organ_id"], ["agencies.organ_id"], name=op.f("fk_agency_aliases_organ_id_agencies")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_agency_aliases")),
    )
    op.create_index(op.f("ix_agency_aliases_organ_id"), "agency_aliases", ["organ_id"], unique=False)
    op.create_table(
        "certificates",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("organ_id", sa.String(length=35), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("serial", sa.String(length=42), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("not_after", Instant(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("revocation_reason", sa.String(length=40), nullable=True),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column(
            "chain_pem",
            sa.Text(),
            nullable=False,
            comment="issuing CAs that were enrolled with it, PEM, leaf's issuer first",
        ),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["organ_id"], ["agencies.organ_id"], name=op.f("fk_certificates_organ_id_agencies")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_certificates")),
    )
    op.create_index(op.f("ix_certificates_organ_id"), "certificates", ["organ_id"], unique=False)
    op.create_table(
        "document_links",
        sa.Column("document", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("relation", sa.String(length=12), nullable=False, comment="revokes, updates, replaces, answers"),
        sa.Column("concerned_document_id", sa.String(length=500), nullable=False, comment="DocumentId as written"),
        sa.Column(
            "concerned", sa.Uuid(as_uuid=False), nullable=True, comment="that document's id where this node holds it"
        ),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name=op.f("fk_document_links_document_documents")),
        sa.PrimaryKeyConstraint("document", "ordinal", name=op.f("pk_document_links")),
    )
    op.create_index(op.f("ix_document_links_concerned"), "document_links", ["concerned"], unique=False)
    op.create_table(
        "status_reports",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("document", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("delivery", sa.Uuid(as_uuid=False), nullable=False, comment="the document's delivery it speaks of"),
        sa.Column("reporter", sa.String(length=35), nullable=False),
        sa.Column("status_code", sa.String(length=2), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("reported_at", Instant(), nullable=True, comment="Timestamp as the reporter claims it"),
        sa.Column("accepted_at", Instant(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False, comment="of the delivery, after this report"),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("verification", sa.JSON(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name=op.f("fk_status_reports_document_documents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_reports")),
        sa.UniqueConstraint("reporter", "sha256", name=op.f("uq_status_reports_reporter_sha256")),
    )
    op.create_index(op.f("ix_status_reports_delivery"), "status_reports", ["delivery"], unique=False)
    op.create_index(op.f("ix_status_reports_document"), "status_reports", ["document"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("document", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("status_report", sa.Uuid(as_uuid=False), nullable=True, comment="null for a document"),
        sa.Column("recipient", sa.String(length=35), nullable=False),
        sa.Column("addressed_to", sa.String(length=35), nullable=False, comment="the code the sender wrote"),
        sa.Column(
            "progress",
            sa.String(length=24),
            nullable=False,
            comment="how far it came: available … completed, or its end",
        ),
        sa.Column(
            "change",
            sa.String(length=24),
            nullable=True,
            comment="a withdrawal or update asked for, or how it was answered",
        ),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("available_at", Instant(), nullable=False),
        sa.Column("acknowledged_at", Instant(), nullable=True),
        sa.Column("in_inbox", sa.Boolean(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True, comment="ledger index of its delivery.available event"),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name=op.f("fk_deliveries_document_documents")),
        sa.ForeignKeyConstraint(
            ["status_report"], ["status_reports.id"], name=op.f("fk_deliveries_status_report_status_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(op.f("ix_deliveries_document"), "deliveries", ["document"], unique=False)
    op.create_index(
        "ix_deliveries_inbox",
        "deliveries",
        ["recipient", "position"],
        unique=False,
        sqlite_where=sa.text("in_inbox IS 1"),
        postgresql_where=sa.text("in_inbox IS true"),
    )
    op.create_index(
        "ix_deliveries_inbox_urgency",
        "deliveries",
        ["recipient", sa.literal_column("priority DESC"), "position"],
        unique=False,
        sqlite_where=sa.text("in_inbox IS 1"),
        postgresql_where=sa.text("in_inbox IS true"),
    )

    op.execute("INSERT INTO ledger_state (id, size) VALUES (1, 0)")


def downgrade() -> None:
    op.drop_index(
        "ix_deliveries_inbox_urgency",
        table_name="deliveries",
        sqlite_where=sa.text("in_inbox IS 1"),
        postgresql_where=sa.text("in_inbox IS true"),
    )
    op.drop_index(
        "ix_deliveries_inbox",
        table_name="deliveries",
        sqlite_where=sa.text("in_inbox IS 1"),
        postgresql_where=sa.text("in_inbox IS true"),
    )
    op.drop_index(op.f("ix_deliveries_document"), table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_status_reports_document"), table_name="status_reports")
    op.drop_index(op.f("ix_status_reports_delivery"), table_name="status_reports")
    op.drop_table("status_reports")
    op.drop_index(op.f("ix_document_links_concerned"), table_name="document_links")
    op.drop_table("document_links")
    op.drop_index(op.f("ix_certificates_organ_id"), table_name="certificates")
    op.drop_table("certificates")
    op.drop_index(op.f("ix_agency_aliases_organ_id"), table_name="agency_aliases")
    op.drop_table("agency_aliases")
    op.drop_index(op.f("ix_used_assertions_expires_at"), table_name="used_assertions")
    op.drop_table("used_assertions")
    op.drop_table("trust_anchors")
    op.drop_table("revocations")
    op.drop_table("registry_versions")
    op.drop_table("ledger_state")
    op.drop_index(op.f("ix_idempotency_keys_expires_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("figures")
    op.drop_index(
        "ix_events_unsealed",
        table_name="events",
        sqlite_where=sa.text("position IS NULL"),
        postgresql_where=sa.text("position IS NULL"),
    )
    op.drop_index("ix_events_kind_position", table_name="events")
    op.drop_index(op.f("ix_events_document"), table_name="events")
    op.drop_index(op.f("ix_events_delivery"), table_name="events")
    op.drop_index("ix_events_at", table_name="events")
    op.drop_index("ix_events_agency_kind_position", table_name="events")
    op.drop_table("events")
    op.drop_index("ix_documents_sender_id", table_name="documents")
    op.drop_index("ix_documents_document_id", table_name="documents")
    op.drop_table("documents")
    op.drop_index(op.f("ix_crls_issuer_sha256"), table_name="crls")
    op.drop_table("crls")
    op.drop_table("clients")
    op.drop_table("authorities")
    op.drop_index(op.f("ix_agencies_parent"), table_name="agencies")
    op.drop_table("agencies")
