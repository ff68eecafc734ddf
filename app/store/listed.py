"""Long lists as one parameter: ten thousand closed communes are more than a statement may have parameters."""

import json
from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.store.database import Transaction


def listed(tx: Transaction, texts: Sequence[str]) -> sa.Select[tuple[str]]:
    """Return a query that gives these texts, one a row."""
    array = sa.literal(json.dumps(list(texts)))
    if tx.dialect.name == "postgresql":
        each = sa.func.jsonb_array_elements_text(sa.cast(array, JSONB)).table_valued(sa.column("value", sa.String))
    else:
        each = sa.func.json_each(array).table_valued(sa.column("value", sa.String))
    return sa.select(each.c.value)


def among_pairs(
    first: sa.Column[str], second: sa.Column[str], pairs: Collection[tuple[str, str]]
) -> sa.ColumnElement[bool]:
    """Return whether two columns are one of these pairs, so that an index on both is used; few have a first alike.

    Row values would say the same, and SQLite reads the whole table for them.
    """
    by_first: dict[str, list[str]] = {}
    for one, other in pairs:
        by_first.setdefault(one, []).append(other)
    return sa.or_(sa.false(), *(sa.and_(first == one, second.in_(others)) for one, others in by_first.items()))


def table_of(tx: Transaction, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> sa.CTE:
    """Return a table of texts to join with."""
    return table_in(tx.dialect.name, name, columns, sa.literal(written(rows)))


def written(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of texts as the one parameter that `table_in` takes."""
    return json.dumps([list(row) for row in rows])


def table_in(dialect: str, name: str, columns: Sequence[str], array: sa.ColumnElement[str]) -> sa.CTE:
    """Return a table of texts to join with, for a statement that is made once and kept.

    Args:
        array: the parameter that will hold what `written` gives.
    """
    parts: list[sa.ColumnElement[str]]
    if dialect == "postgresql":
        each = sa.func.jsonb_array_elements(sa.cast(array, JSONB)).table_valued(sa.column("value", JSONB))
        parts = [each.c.value[place].astext for place in range(len(columns))]
    else:
        each = sa.func.json_each(array).table_valued(sa.column("value", sa.String))
        parts = [sa.func.json_extract(each.c.value, f"$[{place}]") for place in range(len(columns))]
    found = sa.select(*(part.label(column) for part, column in zip(parts, columns, strict=True))).cte(name)
    # Materialised, so that SQLite makes an index of it instead of reading the JSON for every row.
    return found.prefix_with("MATERIALIZED")
