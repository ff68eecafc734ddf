"""Acting on the node's own database: open it, bring an SQLite one up to date, and say who acts."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from app.cli.terminal import note
from app.errors import RequestInvalid

if TYPE_CHECKING:
    from app.registry.acts import Act
    from app.settings import Settings
    from app.store.database import Database

T = TypeVar("T")


def prepare(settings: "Settings", *, migrate: bool = False) -> None:
    """Make sure that folder and database can be worked with.

    An SQLite database is one operator's own and is brought up to date by itself; one that others may be using is only
    changed when that is asked for.

    Raises:
        RequestInvalid: folder cannot be made, or migrations of a PostgreSQL database are pending and not asked for.
        Unavailable: the database does not answer.
    """
    from app.store import migrations

    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise RequestInvalid(f"data folder {settings.data_dir}: {error.strerror}") from error
    url = settings.effective_database_url
    if not migrations.pending(url):
        return
    if not url.startswith("sqlite:") and not migrate:
        raise RequestInvalid("the database lacks migrations of this release; run `truc migrate`, or serve --migrate")
    migrations.migrate(url)
    note(f"migrated the database to revision {migrations.head()}")


def operate(work: "Callable[[Database, Act], Awaitable[T]]") -> T:
    """Do an administrator's work on the database and return what it gives.

    Raises:
        RequestInvalid: the settings or the database cannot be used.
        Unavailable: the database does not answer.
    """
    from app import settings as configuration
    from app.ledger.events import OPERATOR_ACTOR
    from app.registry.acts import Act
    from app.store.database import Database

    settings = configuration.load()
    prepare(settings)

    async def run() -> T:
        database = Database(settings.effective_database_url)
        try:
            return await work(database, Act(OPERATOR_ACTOR, datetime.now(UTC)))
        finally:
            with suppress(asyncio.CancelledError):
                await database.close()

    return asyncio.run(run())
