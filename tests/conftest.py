"""What every test may ask for: a PostgreSQL server, and a fresh database on either engine."""

import gc
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.postgres import PostgresServer

gc.disable()
"""Until everything is imported: of what is made until then nothing is garbage."""

ENGINES = ("sqlite", "postgresql")

LONGEST = (
    "simulation/test_demo.py",
    "exchange/test_deadlines.py",
    "test_worker.py",
    "ledger/test_tampering.py",
    "simulation/test_year.py",
    "console/test_browser.py",
    "ledger/test_audit_http.py",
    "console/test_pages.py",
    "ledger/test_check.py",
    "exchange/test_crash.py",
    "store/test_migrations.py",
    "exchange/test_inbox.py",
    "statistics/test_statistics_http.py",
    "exchange/test_business.py",
    "exchange/test_stamping.py",
    "statistics/test_reports.py",
    "statistics/test_land.py",
    "exchange/test_refusals.py",
    "exchange/test_retention.py",
    "exchange/test_large.py",
    "webhooks/test_courier.py",
    "exchange/test_crash_points.py",
    "routers/test_fuzz.py",
    "webhooks/test_journey.py",
    "exchange/test_report.py",
    "ledger/test_seal.py",
    "test_journey.py",
)
"""Files of tests that take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that none of them is what everybody waits for in the end."""
    first = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path, len(first)))


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not among what was imported: else a tenth of the run is spent on it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _cheap_secrets() -> Iterator[None]:
    # Imported late, like all of the product here.
    from tests.support.cheap_secrets import cheap_secrets

    with cheap_secrets():
        yield


def migrate(url: str) -> None:
    """Bring the database to the newest schema."""
    # Imported late: the tests of the pure rooms run without loading SQLAlchemy and Alembic.
    from app.store import migrations

    migrations.migrate(url)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The one PostgreSQL server of this run."""
    server = PostgresServer.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """Name of a migrated PostgreSQL database that is only ever copied."""
    url = postgres_server.create_database()
    migrate(url)
    yield urlsplit(url).path.removeprefix("/")
    postgres_server.drop_database(url)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that is only ever copied."""
    path = tmp_path_factory.mktemp("migrated") / "node.sqlite"
    migrate(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    # The file alone must be the whole database, or a copy of it lacks what is still in the write-ahead log.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """The engine of this run of the test: each test that asks runs once on each."""
    name: str = request.param
    return name


@contextmanager
def migrated_database(request: pytest.FixtureRequest, folder: Path, engine: str) -> Iterator[str]:
    """Make a fresh, migrated database on an engine, for as long as the block lasts; gives its driver-less URL."""
    if engine == "sqlite":
        path = folder / "node.sqlite"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database(template=request.getfixturevalue("migrated_postgres"))
    try:
        yield url
    finally:
        server.drop_database(url)


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Driver-less URL of a fresh, migrated database, dropped after the test."""
    with migrated_database(request, tmp_path, engine_name) as url:
        yield url


@pytest.fixture
def empty_database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Driver-less URL of a fresh database without any table, for tests of the migrations themselves."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield url
    server.drop_database(url)
