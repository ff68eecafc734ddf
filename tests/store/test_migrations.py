"""Migrations: from nothing and from every revision with rows in place, there and back, and by several at once."""

import asyncio
import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

import app
from app.store import migrations
from app.store.database import Database
from app.store.schema import agency_terms, metadata

T = TypeVar("T")

AT = datetime(2026, 11, 22, 3, 4, 5, 678900, tzinfo=UTC)


def _revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(Path(app.__file__).parent.parent / "migrations"))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


REVISIONS = _revisions()


def _in(url: str, step: Callable[[sa.Connection], T]) -> T:
    async def work() -> T:
        database = Database(url)
        try:
            async with database.write() as tx:
                return await tx.run_sync(step)
        finally:
            await database.close()

    return asyncio.run(work())


def _tables(url: str) -> set[str]:
    return _in(url, lambda connection: set(sa.inspect(connection).get_table_names())) - {"alembic_version"}


def _reflected(connection: sa.Connection) -> sa.MetaData:
    found = sa.MetaData()
    found.reflect(connection)
    return found


def _value(column: sa.Column[Any], table: str) -> Any:
    """Make a value that fits a column of any revision, by its type and not by what we know of it today."""
    kind, length = column.type, getattr(column.type, "length", None)
    match kind:
        case sa.Uuid() | sa.CHAR() if length in (None, 32):
            value = uuid.uuid5(uuid.NAMESPACE_OID, column.name)
            return value.hex if isinstance(kind, sa.CHAR) else value
        case sa.Boolean():
            return True
        case sa.Integer():
            return 7
        case sa.DateTime():
            return AT
        case sa.Date():
            return date(2026, 11, 22)
        case sa.LargeBinary():
            return b"\x00\xff"
        case sa.JSON():
            return {"a": ["ă"]}
        case sa.String() if length == 27:
            return "2026-11-22T03:04:05.678900Z"
        case sa.String():
            return f"{table[0]}{column.name}ữ"[: length or 30]
    raise AssertionError(f"{table}.{column.name} has the type {kind!r}: say here what fits it")


def _fill(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """Put one row into every table that has none; returns the rows as they lie there."""
    found = _reflected(connection)
    rows: dict[str, dict[str, Any]] = {}
    for table in found.sorted_tables:
        if table.name == "alembic_version":
            continue
        if connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 0:
            row = {}
            for column in table.columns:
                key = next(iter(column.foreign_keys), None)
                row[column.name] = (
                    rows[key.column.table.name][key.column.name] if key is not None else _value(column, table.name)
                )
            connection.execute(table.insert(), row)
        rows[table.name] = dict(connection.execute(sa.select(table)).mappings().one())
    return rows


def _read(connection: sa.Connection) -> dict[str, list[dict[str, Any]]]:
    found = _reflected(connection)
    return {
        table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
        for table in found.sorted_tables
        if table.name != "alembic_version"
    }


def _same(kept: Any, before: Any) -> bool:
    """Whether a value survived; JSON is compared by what it says."""
    if isinstance(before, str) and before.startswith("{"):
        return bool(json.loads(kept) == json.loads(before)) if isinstance(kept, str) else bool(kept)
    return bool(kept == before)


def test_an_empty_database_becomes_what_the_code_says(empty_database_url: str) -> None:
    assert migrations.current_revision(empty_database_url) is None
    assert migrations.pending(empty_database_url)
    migrations.migrate(empty_database_url)
    assert migrations.current_revision(empty_database_url) == migrations.head() == REVISIONS[-1]
    assert not migrations.pending(empty_database_url)
    assert _tables(empty_database_url) == set(metadata.tables)
    assert migrations.drift(empty_database_url) == []


def test_migrating_again_changes_nothing(database_url: str) -> None:
    before = _in(database_url, _fill)
    migrations.migrate(database_url)
    after = _in(database_url, _read)
    assert {name: rows[0] for name, rows in after.items()} == before
    assert migrations.drift(database_url) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_from_every_revision_with_rows_in_place_to_the_newest(empty_database_url: str, revision: str) -> None:
    migrations.migrate(empty_database_url, revision)
    assert migrations.current_revision(empty_database_url) == revision
    before = _in(empty_database_url, _fill)
    assert before
    migrations.migrate(empty_database_url)
    assert migrations.drift(empty_database_url) == []
    after = _in(empty_database_url, _read)
    for table, row in before.items():
        # A table may be renamed or a column leave on purpose; whatever keeps its name keeps its value, unless it only
        # repeats another one.
        if table in after:
            assert len(after[table]) == 1
            for name, value in row.items():
                kept = name not in after[table][0] or _same(after[table][0][name], value)
                assert kept or (table, name) == ("agencies", "name_fold"), (table, name)


def test_a_directory_of_the_first_release_can_be_searched(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0001")
    names = "organ_id, name, name_fold, tier, branch, status, contact, version, created_at, updated_at"
    values = "'H41.05', 'Xã Đồng (cũ)', 'xa dong (cu)', 'commune', 'state', 'active', '{}', 1, :at, :at"

    def fill(connection: sa.Connection) -> None:
        at = AT.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if connection.dialect.name == "sqlite" else AT
        connection.execute(sa.text(f"INSERT INTO agencies ({names}) VALUES ({values})"), {"at": at})
        connection.execute(sa.text("INSERT INTO agency_aliases (code, organ_id) VALUES ('000.00.05.H41', 'H41.05')"))

    _in(empty_database_url, fill)
    migrations.migrate(empty_database_url)
    query = sa.select(agency_terms.c.term).where(agency_terms.c.organ_id == "H41.05").order_by(agency_terms.c.term)
    found = _in(empty_database_url, lambda connection: list(connection.execute(query).scalars()))
    assert found == ["00.05.h41", "000.00.05.h41", "05", "05.h41", "cu", "dong", "h41", "h41.05"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_revision_with_rows_in_place_can_be_taken_back(empty_database_url: str, revision: str) -> None:
    migrations.migrate(empty_database_url, revision)
    _in(empty_database_url, _fill)
    earlier = ["base", *REVISIONS][REVISIONS.index(revision)]
    migrations.migrate(empty_database_url, earlier)
    assert migrations.current_revision(empty_database_url) == (None if earlier == "base" else earlier)
    migrations.migrate(empty_database_url)
    assert migrations.drift(empty_database_url) == []


def test_all_the_way_back_leaves_nothing_and_the_way_up_works_again(database_url: str) -> None:
    _in(database_url, _fill)
    migrations.migrate(database_url, "base")
    assert _tables(database_url) == set()
    assert migrations.current_revision(database_url) is None
    migrations.migrate(database_url)
    assert _tables(database_url) == set(metadata.tables)
    assert migrations.drift(database_url) == []
    assert _in(database_url, lambda c: c.execute(sa.text("SELECT id, size FROM ledger_state")).all()) == [(1, 0)]


def test_a_migration_that_fails_leaves_nothing(empty_database_url: str) -> None:
    """The last table of the first revision is in its way."""
    _in(empty_database_url, lambda c: c.execute(sa.text("CREATE TABLE deliveries (id integer)")))
    with pytest.raises(Exception, match="deliveries"):
        migrations.migrate(empty_database_url)
    assert _tables(empty_database_url) == {"deliveries"}
    assert migrations.current_revision(empty_database_url) is None
    _in(empty_database_url, lambda c: c.execute(sa.text("DROP TABLE deliveries")))
    migrations.migrate(empty_database_url)
    assert migrations.drift(empty_database_url) == []


def test_nodes_that_start_together_migrate_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrations.migrate, [empty_database_url] * 4))
    assert migrations.drift(empty_database_url) == []
    assert _in(empty_database_url, lambda c: c.execute(sa.text("SELECT count(*) FROM ledger_state")).scalar()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE figures ADD COLUMN another integer",
        "ALTER TABLE figures DROP COLUMN sent",
        "DROP TABLE figures",
        "DROP INDEX ix_events_document_position",
        "CREATE INDEX another ON events (actor)",
        "CREATE TABLE another (id integer)",
    ],
)
def test_what_differs_from_the_code_is_listed(database_url: str, change: str) -> None:
    _in(database_url, lambda c: c.execute(sa.text(change)))
    [difference] = migrations.drift(database_url)[:1]
    assert any(word in difference for word in ("another", "sent", "figures", "ix_events_document_position"))


def test_an_unknown_revision_is_refused_and_changes_nothing(database_url: str) -> None:
    with pytest.raises(Exception, match="nonsense"):
        migrations.migrate(database_url, "nonsense")
    assert migrations.current_revision(database_url) == REVISIONS[-1]
