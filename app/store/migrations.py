"""Bringing a database to the schema of this release, with Alembic and nothing else.

The scripts are in the `migrations` folder beside the `app` package; each is tested from every earlier revision with
rows in place.
"""

import asyncio
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import app
from app.store.database import Database
from app.store.schema import ORDER_INDEX, metadata

T = TypeVar("T")

_LOCK = 0x7472_7563
"""Any number nobody else locks: "truc"."""


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade (or, given an older revision, downgrade) the database at `url`.

    Must be called where no event loop runs.

    Raises:
        Unavailable: the database does not answer.
    """
    asyncio.run(_run(url, lambda connection: _move(connection, revision)))


def current_revision(url: str) -> str | None:
    """Tell the revision the database is at, None for an empty one."""
    return asyncio.run(_run(url, _current))


def pending(url: str) -> bool:
    """Tell whether the database still lacks migrations of this release."""
    return current_revision(url) != head()


def head() -> str | None:
    """Tell the newest revision this release knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def drift(url: str) -> list[str]:
    """List the differences between the migrated database at `url` and the tables in the code, empty when they agree."""
    return asyncio.run(_run(url, _differences))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(app.__file__).parent.parent / "migrations"))
    return config


def _move(connection: sa.Connection, revision: str) -> None:
    if connection.dialect.name == "postgresql":
        # Nodes may be started together; whoever comes second finds the work done. SQLite has one writer anyway.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = _config()
    config.attributes["connection"] = connection
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    at = _current(connection)
    backwards = revision == "base" or (revision in known and at in known and known.index(revision) > known.index(at))
    (command.downgrade if backwards else command.upgrade)(config, revision)


def _current(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _differences(connection: sa.Connection) -> list[str]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _comparable})
    with warnings.catch_warnings():
        # Of the index of PostgreSQL alone, which SQLite neither has nor could show.
        warnings.filterwarnings("ignore", "autogenerate skipping metadata-specified expression-based index")
        return [str(difference) for difference in compare_metadata(context, metadata)]


def _comparable(_what: object, name: str | None, *_kind: object) -> bool:
    """Leave out what Alembic reads back from the database in other words than it was written in."""
    return name != ORDER_INDEX


async def _run(url: str, step: Callable[[sa.Connection], T]) -> T:
    database = Database(url)
    try:
        async with database.write() as tx:
            return await tx.run_sync(step)
    finally:
        await database.close()
