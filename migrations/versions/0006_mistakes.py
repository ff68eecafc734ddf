"""What each client sends wrongly, counted by day."""

import sqlalchemy as sa
from alembic import op

from app.store.columns import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mistakes",
        sa.Column("client", sa.String(length=36), nullable=False, comment="client id, or unknown"),
        sa.Column("day", sa.Date(), nullable=False, comment="in Vietnam"),
        sa.Column("code", sa.String(length=100), nullable=False, comment="of a finding, or the slug of a problem"),
        sa.Column("refused", sa.Integer(), nullable=False, comment="how often it was refused for it"),
        sa.Column("accepted", sa.Integer(), nullable=False, comment="how often it was accepted in spite of it"),
        sa.Column("first_at", Instant(length=27), nullable=False),
        sa.Column("last_at", Instant(length=27), nullable=False),
        sa.Column(
            "asked", sa.String(length=100), nullable=False, comment="what was called the last time; empty: not known"
        ),
        sa.Column("location", sa.String(length=300), nullable=False, comment="of the last one; empty: the whole"),
        sa.Column(
            "message", sa.String(length=300), nullable=False, comment="of the last one, without the values it names"
        ),
        sa.Column("fix", sa.String(length=500), nullable=False),
        sa.Column(
            "system_id", sa.String(length=64), nullable=False, comment="the last one that was claimed; empty: none"
        ),
        sa.PrimaryKeyConstraint("client", "day", "code", name=op.f("pk_mistakes")),
        comment="an aid for operators and no evidence; the ledger has every refusal",
    )
    op.create_index("ix_mistakes_day", "mistakes", ["day"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_mistakes_day", table_name="mistakes")
    op.drop_table("mistakes")
