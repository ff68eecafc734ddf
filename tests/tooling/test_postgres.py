"""The PostgreSQL server the tests stand on does what they rely on."""

import sqlite3

import asyncpg
import pytest

from tests.support import postgres
from tests.support.postgres import PostgresServer, PostgresUnavailable


async def test_created_database_answers(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("select 1") == 1
    await connection.close()
    postgres_server.drop_database(url)


async def test_database_may_be_named(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database("named_by_a_test")
    assert url.endswith("/named_by_a_test")
    postgres_server.drop_database(url)


async def test_dropping_disconnects_whoever_forgot_to_leave(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    connection = await asyncpg.connect(url)
    postgres_server.drop_database(url)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
        await connection.fetchval("select 1")


def test_quoted_names_are_refused(postgres_server: PostgresServer) -> None:
    with pytest.raises(ValueError, match="not a plain database name"):
        postgres_server.create_database('x"; drop database postgres; --')


async def test_committed_rows_outlive_a_killed_server() -> None:
    server = PostgresServer.own(fsync=True)
    try:
        url = server.create_database()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("show fsync") == "on"
        await connection.execute("create table receipts (id int primary key)")
        await connection.execute("insert into receipts values (1)")
        server.kill()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
            await connection.fetchval("select 1")
        server.restart()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("select count(*) from receipts") == 1
        await connection.close()
    finally:
        server.stop()


def test_stopped_server_leaves_no_files() -> None:
    server = PostgresServer.own()
    directory = server._directory
    assert directory is not None
    assert directory.exists()
    server.stop()
    server.stop()
    assert not directory.exists()


def test_server_of_the_environment_is_used_and_left_running(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(postgres.URL_VARIABLE, postgres_server.url)
    server = PostgresServer.start()
    assert server.url == postgres_server.url
    assert not server.disposable
    server.stop()
    postgres_server.execute("select 1")


def test_missing_server_fails_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "MAJOR_VERSION_MIN", 99)
    with pytest.raises(PostgresUnavailable, match="apt-get install postgresql"):
        postgres.find_binaries()


async def test_each_test_gets_a_migrated_database_of_its_own(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
        tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
        connection.close()
    else:
        server = await asyncpg.connect(database_url)
        rows = await server.fetch("select tablename from pg_tables where schemaname = 'public'")
        tables = {row["tablename"] for row in rows}
        await server.close()
    assert {"documents", "events", "alembic_version"} <= tables
