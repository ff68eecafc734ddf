"""Certificates, authorities and revocations, with the material that verification reports cite."""

import sqlalchemy as sa

from app.store.columns import Instant
from app.store.schema.conventions import Code, Sha256, metadata

certificates = sa.Table(
    "certificates",
    metadata,
    sa.Column("sha256", Sha256, primary_key=True),
    sa.Column("organ_id", Code, sa.ForeignKey("agencies.organ_id"), nullable=False, index=True),
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
    sa.Column("sha256", Sha256, primary_key=True),
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
    sa.Column("sha256", Sha256, primary_key=True),
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
    sa.Column("sha256", Sha256, primary_key=True),
    sa.Column("issuer_sha256", Sha256, nullable=False, index=True, comment="SHA-256 of the issuer's name, RFC 4514"),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column(
        "part", sa.Text, nullable=False, server_default="", comment="of the issuer's certificates; empty: all of them"
    ),
    sa.Column("number", sa.String(42), nullable=True, comment="hex"),
    sa.Column("signer", Sha256, nullable=True, comment="the authority's certificate whose key signed it"),
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
    sa.Column("issuer_sha256", Sha256, primary_key=True),
    sa.Column("serial", sa.String(42), primary_key=True),
    sa.Column("revoked_at", Instant, nullable=False),
    sa.Column("reason", sa.String(40), nullable=True),
)

revocation_sources = sa.Table(
    "revocation_sources",
    metadata,
    sa.Column("sha256", Sha256, primary_key=True, comment="of kind, issuer's name and address"),
    sa.Column("kind", sa.String(4), nullable=False, comment="crl or ocsp"),
    sa.Column("issuer_sha256", Sha256, nullable=False, index=True),
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
    sa.Column("issuer_sha256", Sha256, primary_key=True),
    sa.Column("serial", sa.String(42), primary_key=True),
    sa.Column("status", sa.String(8), nullable=False, comment="good or revoked"),
    sa.Column("revoked_at", Instant, nullable=True),
    sa.Column("reason", sa.String(40), nullable=True),
    sa.Column("this_update", Instant, nullable=False),
    sa.Column("next_update", Instant, nullable=True),
    sa.Column("material", Sha256, nullable=False, comment="the answer itself, in `evidence`"),
    sa.Column("fetched_at", Instant, nullable=False),
)

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("sha256", Sha256, primary_key=True),
    sa.Column("kind", sa.String(12), nullable=False, comment="certificate, crl, ocsp or timestamp"),
    sa.Column("der", sa.LargeBinary, nullable=False),
    sa.Column("kept_at", Instant, nullable=False),
)
