"""A real database for each test of the registry, and the room's own ways of filling it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from app.store.database import Database
from tests.registry.filling import Registry


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A node's database, migrated and empty."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def other_database(database_url: str) -> AsyncIterator[Database]:
    """The same database as another process would hold it."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def registry(database: Database) -> Registry:
    """The database with short ways to fill it."""
    return Registry(database)
