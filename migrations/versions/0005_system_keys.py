"""Secrets of systems that sign their requests as the axis' SDK does."""

import sqlalchemy as sa
from alembic import op

from app.store.columns import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "system_keys",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("system_id", sa.String(length=64), nullable=False, comment="what a system calls itself in requests"),
        sa.Column("agency", sa.String(length=35), nullable=False, comment="own code of the agency it stands for"),
        sa.Column("valid_from", Instant(length=27), nullable=False),
        sa.Column("valid_until", Instant(length=27), nullable=True, comment="null: without end"),
        sa.Column("revoked_at", Instant(length=27), nullable=True),
        sa.Column("created_at", Instant(length=27), nullable=False),
        sa.Column(
            "key_number", sa.SmallInteger(), nullable=False, comment="of the node's key that the secret is sealed with"
        ),
        sa.Column(
            "secret", sa.LargeBinary(), nullable=False, comment="sealed for this id and system id, nonce included"
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_system_keys_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system_keys")),
    )
    op.create_index("ix_system_keys_client_id", "system_keys", ["client_id"], unique=False)
    op.create_index("ix_system_keys_system_id", "system_keys", ["system_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_system_keys_system_id", table_name="system_keys")
    op.drop_index("ix_system_keys_client_id", table_name="system_keys")
    op.drop_table("system_keys")
