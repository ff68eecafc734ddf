"""What every table follows: how constraints are named, and the types of the columns that occur everywhere."""

import sqlalchemy as sa

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

TERM_LENGTH = 40
"""What is kept of a longer word; no code is longer."""

Id = sa.Uuid(as_uuid=False)
Code = sa.String(ORGAN_ID_LENGTH)
Term = sa.String(TERM_LENGTH).with_variant(sa.String(TERM_LENGTH, collation="C"), "postgresql")
Sha256 = sa.String(64)
