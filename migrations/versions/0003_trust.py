"""Trust: where revocations come from, evidence, verification reports, inspections, timestamps."""

import sqlalchemy as sa
from alembic import op

from app.store.columns import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="certificate, crl, ocsp or timestamp"),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", Instant(length=27), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_evidence")),
    )
    op.create_table(
        "ocsp_answers",
        sa.Column("issuer_sha256", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=42), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False, comment="good or revoked"),
        sa.Column("revoked_at", Instant(length=27), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("this_update", Instant(length=27), nullable=False),
        sa.Column("next_update", Instant(length=27), nullable=True),
        sa.Column("material", sa.String(length=64), nullable=False, comment="the answer itself, in `evidence`"),
        sa.Column("fetched_at", Instant(length=27), nullable=False),
        sa.PrimaryKeyConstraint("issuer_sha256", "serial", name=op.f("pk_ocsp_answers")),
    )
    op.create_table(
        "revocation_sources",
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="of kind, issuer's name and address"),
        sa.Column("kind", sa.String(length=4), nullable=False, comment="crl or ocsp"),
        sa.Column("issuer_sha256", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False, comment="certificate, or operator"),
        sa.Column("tried_at", Instant(length=27), nullable=True),
        sa.Column("fetched_at", Instant(length=27), nullable=True, comment="the last time it answered with what holds"),
        sa.Column("fresh_until", Instant(length=27), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False, comment="since it last answered"),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column(
            "alarmed_at",
            Instant(length=27),
            nullable=True,
            comment="when it was told that it is stale; null when it is fresh",
        ),
        sa.Column("next_try_at", Instant(length=27), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_revocation_sources")),
    )
    op.create_index(op.f("ix_revocation_sources_issuer_sha256"), "revocation_sources", ["issuer_sha256"], unique=False)
    op.create_index(op.f("ix_revocation_sources_next_try_at"), "revocation_sources", ["next_try_at"], unique=False)
    op.create_table(
        "timestamp_batches",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "root", sa.String(length=64), nullable=False, comment="RFC 6962 tree over the digests of its members"
        ),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column(
            "through", sa.BigInteger(), nullable=False, comment="index of the last event whose receipt may be in it"
        ),
        sa.Column("made_at", Instant(length=27), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("next_try_at", Instant(length=27), nullable=True, comment="null when it is stamped"),
        sa.Column("stamped_at", Instant(length=27), nullable=True, comment="genTime of the token"),
        sa.Column("token", sa.String(length=64), nullable=True, comment="in `evidence`"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timestamp_batches")),
    )
    op.create_index("ix_timestamp_batches_next_try_at", "timestamp_batches", ["next_try_at"], unique=False)
    op.create_table(
        "inspections",
        sa.Column("document", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False, comment="waiting, done or failed"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", Instant(length=27), nullable=True, comment="null when it is over"),
        sa.Column("result", sa.JSON(), nullable=True, comment="signatures found in its attachments"),
        sa.Column("inspected_at", Instant(length=27), nullable=True),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name=op.f("fk_inspections_document_documents")),
        sa.PrimaryKeyConstraint("document", name=op.f("pk_inspections")),
    )
    op.create_index("ix_inspections_next_try_at", "inspections", ["next_try_at"], unique=False)
    op.create_table(
        "timestamp_members",
        sa.Column("batch", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "receipt",
            sa.Uuid(as_uuid=False),
            nullable=False,
            comment="of the document or status report it is the receipt of",
        ),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of the receipt's bytes"),
        sa.ForeignKeyConstraint(
            ["batch"], ["timestamp_batches.id"], name=op.f("fk_timestamp_members_batch_timestamp_batches")
        ),
        sa.PrimaryKeyConstraint("batch", "position", name=op.f("pk_timestamp_members")),
    )
    op.create_index("ix_timestamp_members_receipt", "timestamp_members", ["receipt"], unique=False)
    op.create_table(
        "verification_reports",
        sa.Column("document", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("revision", sa.SmallInteger(), autoincrement=False, nullable=False, comment="0 when it was accepted"),
        sa.Column("indication", sa.String(length=16), nullable=False),
        sa.Column("sub_indication", sa.String(length=40), nullable=True),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("made_at", Instant(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["document"], ["documents.id"], name=op.f("fk_verification_reports_document_documents")
        ),
        sa.PrimaryKeyConstraint("document", "revision", name=op.f("pk_verification_reports")),
    )
    op.add_column(
        "certificates",
        sa.Column("suspended_at", Instant(length=27), nullable=True, comment="held at this node for the time being"),
    )
    op.add_column(
        "certificates",
        sa.Column(
            "possession", sa.String(length=16), nullable=True, comment="how it was proven that the agency holds the key"
        ),
    )
    op.add_column(
        "certificates",
        sa.Column(
            "warned_days", sa.SmallInteger(), nullable=True, comment="the last warning of its end, days before it"
        ),
    )
    op.create_index("ix_certificates_not_after", "certificates", ["not_after"], unique=False)
    part = sa.Column(
        "part",
        sa.Text(),
        server_default="",
        nullable=False,
        comment="of the issuer's certificates; empty: all of them",
    )
    signer = sa.Column(
        "signer", sa.String(length=64), nullable=True, comment="the authority's certificate whose key signed it"
    )
    if op.get_bind().dialect.name == "sqlite":
        # SQLite reads through megabytes of a list's octets to get at a column behind them: they go last.
        order = [("imported_at", "der")]
        with op.batch_alter_table("crls", recreate="always", partial_reordering=order) as crls:
            crls.add_column(part, insert_before="der")
            crls.add_column(signer, insert_before="der")
    else:
        op.add_column("crls", part)
        op.add_column("crls", signer)
    op.add_column(
        "documents",
        sa.Column(
            "indication",
            sa.String(length=16),
            server_default="TOTAL-PASSED",
            nullable=False,
            comment="of the newest verification: TOTAL-PASSED, INDETERMINATE or TOTAL-FAILED",
        ),
    )
    op.add_column(
        "documents",
        sa.Column(
            "signature",
            sa.String(length=20),
            server_default="valid",
            nullable=False,
            comment="valid, or what the sender's policy let pass: unsigned, sha1, foreign-namespace",
        ),
    )
    op.add_column(
        "documents",
        sa.Column("certificate", sa.String(length=64), nullable=True, comment="whose signature its receipt names"),
    )
    documents = sa.table("documents", sa.column("certificate", sa.String), sa.column("verification", sa.JSON))
    op.execute(documents.update().values(certificate=documents.c.verification["certificate"].as_string()))
    op.create_index("ix_documents_certificate_id", "documents", ["certificate", "id"], unique=False)
    op.create_index(
        "ix_documents_indeterminate",
        "documents",
        ["id"],
        unique=False,
        sqlite_where=sa.text("indication = 'INDETERMINATE'"),
        postgresql_where=sa.text("indication = 'INDETERMINATE'"),
    )
    op.add_column("figures", sa.Column("not_proven", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("figures", sa.Column("not_judged", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("figures", sa.Column("with_pdf", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("figures", sa.Column("pdf_signed", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("figures", "pdf_signed")
    op.drop_column("figures", "with_pdf")
    op.drop_column("figures", "not_judged")
    op.drop_column("figures", "not_proven")
    op.drop_index(
        "ix_documents_indeterminate",
        table_name="documents",
        sqlite_where=sa.text("indication = 'INDETERMINATE'"),
        postgresql_where=sa.text("indication = 'INDETERMINATE'"),
    )
    op.drop_index("ix_documents_certificate_id", table_name="documents")
    op.drop_column("documents", "certificate")
    op.drop_column("documents", "signature")
    op.drop_column("documents", "indication")
    op.drop_column("crls", "signer")
    op.drop_column("crls", "part")
    op.drop_index("ix_certificates_not_after", table_name="certificates")
    op.drop_column("certificates", "warned_days")
    op.drop_column("certificates", "possession")
    op.drop_column("certificates", "suspended_at")
    op.drop_table("verification_reports")
    op.drop_index("ix_timestamp_members_receipt", table_name="timestamp_members")
    op.drop_table("timestamp_members")
    op.drop_index("ix_inspections_next_try_at", table_name="inspections")
    op.drop_table("inspections")
    op.drop_index("ix_timestamp_batches_next_try_at", table_name="timestamp_batches")
    op.drop_table("timestamp_batches")
    op.drop_index(op.f("ix_revocation_sources_next_try_at"), table_name="revocation_sources")
    op.drop_index(op.f("ix_revocation_sources_issuer_sha256"), table_name="revocation_sources")
    op.drop_table("revocation_sources")
    op.drop_table("ocsp_answers")
    op.drop_table("evidence")
