"""Migrations: from nothing and from every revision with rows in place, there and back, and by several at once."""

import asyncio
import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import partial
from itertools import pairwise
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
    if url.startswith("sqlite"):
        # Reading back all tables takes thousands of small questions: without a thread for each they cost a third.
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        try:
            with engine.begin() as connection:
                return step(connection)
        finally:
            engine.dispose()

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


def _read(connection: sa.Connection, found: sa.MetaData) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
        for table in found.sorted_tables
        if table.name != "alembic_version"
    }


def _fill(connection: sa.Connection, found: sa.MetaData) -> dict[str, dict[str, Any]]:
    """Have one row in every table, and a value where it has none; gives the rows as they lie there."""
    rows: dict[str, dict[str, Any]] = {}
    for table in found.sorted_tables:
        if table.name == "alembic_version":
            continue
        fitting = {}
        for column in table.columns:
            key = next(iter(column.foreign_keys), None)
            fitting[column.name] = (
                rows[key.column.table.name][key.column.name] if key is not None else _value(column, table.name)
            )
        lying = connection.execute(sa.select(table)).mappings().all()
        if len(lying) != 1:
            # Several are what a migration made of rows of another table.
            connection.execute(table.delete())
            connection.execute(table.insert(), fitting)
        elif lacking := {name: fitting[name] for name, value in lying[0].items() if value is None}:
            connection.execute(table.update().values(lacking))
        rows[table.name] = dict(connection.execute(sa.select(table)).mappings().one())
    return rows


def _filled(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    return _fill(connection, _reflected(connection))


def _shape(found: sa.MetaData) -> dict[str, list[str]]:
    """Describe all tables, whatever the order of their columns and indexes."""
    return {
        table.name: sorted([*map(_column, table.columns), *map(_index, table.indexes)]) for table in found.sorted_tables
    }


def _column(column: sa.Column[Any]) -> str:
    keys = sorted(key.target_fullname for key in column.foreign_keys)
    return f"{column.name} {column.type!r} {column.nullable} {column.primary_key} {keys}"


def _index(index: sa.Index) -> str:
    return f"{index.name} {index.columns.keys()} {index.unique}"


def _same(kept: Any, before: Any) -> bool:
    """Whether a value survived; JSON is compared by what it says."""
    if isinstance(before, str) and before.startswith("{"):
        return bool(json.loads(kept) == json.loads(before)) if isinstance(kept, str) else bool(kept)
    return bool(kept == before)


def test_migrating_again_changes_nothing(database_url: str) -> None:
    before = _in(database_url, _filled)
    migrations.migrate(database_url)
    after = _in(database_url, lambda connection: _read(connection, _reflected(connection)))
    assert {name: rows[0] for name, rows in after.items()} == before
    assert migrations.drift(database_url) == []


def test_every_revision_keeps_the_rows_and_can_be_taken_back_and_made_again(empty_database_url: str) -> None:
    """One database goes all the way, and gets a row of each table and a value of each column as soon as it has them."""
    before: dict[str, dict[str, Any]] = {}

    def arrived(connection: sa.Connection) -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[str]]]:
        """Read what the revision left, and have a row in every table of it."""
        found = _reflected(connection)
        kept = _read(connection, found)
        _fill(connection, found)
        return kept, _shape(found)

    def again(connection: sa.Connection) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
        found = _reflected(connection)
        return _fill(connection, found), _shape(found)

    for earlier, revision in pairwise(["base", *REVISIONS]):
        migrations.migrate(empty_database_url, revision)
        assert migrations.current_revision(empty_database_url) == revision
        after, shape = _in(empty_database_url, arrived)
        _expect(before, after)
        migrations.migrate(empty_database_url, earlier)
        assert migrations.current_revision(empty_database_url) == (None if earlier == "base" else earlier)
        migrations.migrate(empty_database_url, revision)
        before, shape_again = _in(empty_database_url, again)
        assert shape_again == shape
        assert before
    assert migrations.drift(empty_database_url) == []
    # With a row in every table, all of them can be taken back, and made again.
    migrations.migrate(empty_database_url, "base")
    assert _tables(empty_database_url) == set()
    assert migrations.current_revision(empty_database_url) is None
    migrations.migrate(empty_database_url)
    assert _tables(empty_database_url) == set(metadata.tables)
    assert migrations.drift(empty_database_url) == []
    assert _ledger_states(empty_database_url) == [(1, 0)]


def _expect(before: dict[str, dict[str, Any]], after: dict[str, list[dict[str, Any]]]) -> None:
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


def test_an_empty_database_becomes_what_the_code_says_once_however_many_begin(empty_database_url: str) -> None:
    """The last table of the first revision is in the way at first; then several nodes start together."""
    assert migrations.current_revision(empty_database_url) is None
    assert migrations.pending(empty_database_url)
    _in(empty_database_url, lambda c: c.execute(sa.text("CREATE TABLE deliveries (id integer)")))
    with pytest.raises(Exception, match="deliveries"):
        migrations.migrate(empty_database_url)
    # What fails leaves nothing.
    assert _tables(empty_database_url) == {"deliveries"}
    assert migrations.current_revision(empty_database_url) is None
    _in(empty_database_url, lambda c: c.execute(sa.text("DROP TABLE deliveries")))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrations.migrate, [empty_database_url] * 4))
    assert migrations.current_revision(empty_database_url) == migrations.head() == REVISIONS[-1]
    assert not migrations.pending(empty_database_url)
    assert _tables(empty_database_url) == set(metadata.tables)
    assert migrations.drift(empty_database_url) == []
    assert _ledger_states(empty_database_url) == [(1, 0)]


def _ledger_states(url: str) -> list[tuple[int, int]]:
    query = sa.text("SELECT id, size FROM ledger_state")
    return _in(url, lambda connection: [tuple(row) for row in connection.execute(query)])


def test_what_differs_from_the_code_is_listed(database_url: str) -> None:
    changes = {
        "ALTER TABLE figures ADD COLUMN another integer": ("remove_column", "another"),
        "ALTER TABLE figures DROP COLUMN sent": ("add_column", "sent"),
        "DROP INDEX ix_events_document_position": ("add_index", "ix_events_document_position"),
        "CREATE INDEX nobodys ON events (actor)": ("remove_index", "nobodys"),
        "CREATE TABLE unknown (id integer)": ("remove_table", "unknown"),
        "DROP TABLE cosignatures": ("add_table", "cosignatures"),
    }
    for change in changes:
        _in(database_url, partial(sa.Connection.execute, statement=sa.text(change)))
    listed = migrations.drift(database_url)
    for change, (act, name) in changes.items():
        assert any(act in difference and name in difference for difference in listed), change
    assert len(listed) == len(changes)


def test_an_unknown_revision_is_refused_and_changes_nothing(database_url: str) -> None:
    with pytest.raises(Exception, match="nonsense"):
        migrations.migrate(database_url, "nonsense")
    assert migrations.current_revision(database_url) == REVISIONS[-1]
