"""A node with traffic of every kind, stopped: its database and bodies are copied for each test that tampers."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.edxml.model import Business, DocumentKind, ResponseFor, StatusCode
from app.edxml.organ_id import OrganId
from app.exchange.receipts import RECEIPT_TYPE
from app.ledger.check import CheckReport, Means, check, check_in
from app.ledger.publish import publish
from app.ledger.seal import seal_all
from app.node import KEYS_FOLDER, Node
from app.routers import clock
from app.signing.ledger_key import LedgerKey
from app.signing.node_key import NodeKey
from app.store.blobs import BlobStore
from app.store.database import Database, Transaction
from tests.support.node import running_node
from tests.support.office import (
    COMMUNE,
    DISTRICT,
    GOVERNMENT_OFFICE,
    PARTY,
    PROVINCE,
    Exchange,
    created,
    exchange_on,
    refused,
)
from tests.support.postgres import PostgresServer
from tests.support.unhurried import unhurried


@dataclass(frozen=True)
class Kept:
    """What a stopped node left: database and data folder."""

    url: str
    folder: Path

    def checked(self, *, bodies: bool = True) -> CheckReport:
        """Check it with everything that can be checked."""
        key = NodeKey.open(self.folder / KEYS_FOLDER)

        async def work() -> CheckReport:
            database = Database(self.url)
            try:
                blobs = BlobStore(self.folder) if bodies else None
                return await check(
                    database,
                    blobs,
                    open_receipt=partial(key.verify_jws, typ=RECEIPT_TYPE),
                    log_keys=LedgerKey.open(self.folder / KEYS_FOLDER).verifiers,
                )
            finally:
                await database.close()

        return asyncio.run(work())

    def execute(self, *statements: str) -> None:
        """Change the database behind everybody's back: no constraint between tables holds."""
        if self.url.startswith("sqlite"):
            connection = sqlite3.connect(self.url.removeprefix("sqlite:///"))
            for statement in statements:
                connection.execute(statement)
            connection.commit()
            connection.close()
            return

        async def work() -> None:
            connection = await asyncpg.connect(self.url)
            await connection.execute("SET session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        asyncio.run(work())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read with a query of the test's own."""
        if self.url.startswith("sqlite"):
            connection = sqlite3.connect(self.url.removeprefix("sqlite:///"))
            found = connection.execute(query).fetchall()
            connection.close()
            return found

        async def work() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.url)
            found = [tuple(row) for row in await connection.fetch(query)]
            await connection.close()
            return found

        return asyncio.run(work())


class _Undone(Exception):
    """Ends a transaction."""


@dataclass(frozen=True)
class Tampered:
    """What a node left, within a transaction that is rolled back in the end.

    Attributes:
        url: as of `Kept`, for its kind only.
    """

    url: str
    _run: Callable[[Coroutine[Any, Any, Any]], Any]
    _tx: Transaction
    _means: Means

    def checked(self, *, bodies: bool = False) -> CheckReport:
        """Check it with everything but bodies, as it is within the transaction."""
        assert not bodies, "bodies are no rows: they are tampered with in a copy"
        report: CheckReport = self._run(check_in(self._tx, self._means))
        return report

    def execute(self, *statements: str) -> None:
        """Change the database behind everybody's back."""
        for statement in statements:
            self._run(self._tx.exec_driver_sql(statement))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read with a query of the test's own."""
        return [tuple(row) for row in self._run(self._tx.exec_driver_sql(query)).all()]


@dataclass(frozen=True)
class Tampering:
    """One database on SQLite that many tests tamper with, one after another: opening it costs as much as a check."""

    _runner: asyncio.Runner
    _database: Database
    _means: Means

    @contextmanager
    def undone(self) -> Iterator[Tampered]:
        """Open a transaction for the time of a test."""
        writing = self._database.write()
        tx = self._runner.run(_entered(writing))
        try:
            # No constraint between tables holds before the end, which never comes.
            self._runner.run(tx.exec_driver_sql("PRAGMA defer_foreign_keys = ON"))
            yield Tampered(self._database.url, self._runner.run, tx, self._means)
        finally:
            with suppress(_Undone):
                self._runner.run(_left_undone(writing))


async def _entered(writing: AbstractAsyncContextManager[Transaction]) -> Transaction:
    return await writing.__aenter__()


async def _left_undone(writing: AbstractAsyncContextManager[Transaction]) -> None:
    await writing.__aexit__(_Undone, _Undone(), None)


@contextmanager
def tampered(kept: Kept) -> Iterator[Tampering]:
    """Open a copy that nobody else uses."""
    key, ledger_key = NodeKey.open(kept.folder / KEYS_FOLDER), LedgerKey.open(kept.folder / KEYS_FOLDER)
    means = Means(open_receipt=partial(key.verify_jws, typ=RECEIPT_TYPE), log_keys=ledger_key.verifiers)
    database = Database(kept.url)
    with asyncio.Runner() as runner:
        yield Tampering(runner, database, means)
        runner.run(database.close())


def _traffic(exchange: Exchange) -> None:
    office, province, commune = exchange[GOVERNMENT_OFFICE], exchange[PROVINCE], exchange[COMMUNE]
    district, party = exchange[DISTRICT], exchange[PARTY]

    # Taken over, answered, withdrawn with consent; and refused by the other recipient.
    first = created(office.system.send(office.signed(office.paper(PROVINCE, COMMUNE)))) | {"code": "1/VPCP"}
    [waiting] = province.receive()
    created(province.system.acknowledge([waiting["delivery_id"]]), 200)
    for code in (StatusCode.ARRIVED, StatusCode.IN_PROGRESS):
        created(province.system.report(province.status(waiting["document"], code, owner=GOVERNMENT_OFFICE)))
    no = commune.status(first, StatusCode.REFUSED, owner=GOVERNMENT_OFFICE, reason="Sai nơi nhận")
    created(commune.system.report(no))
    ask = office.status(first, StatusCode.WITHDRAWAL_REQUESTED, owner=PROVINCE, reason="Gửi nhầm")
    created(office.system.report(ask))
    yes = province.status(waiting["document"], StatusCode.CHANGE_ACCEPTED, owner=GOVERNMENT_OFFICE)
    created(province.system.report(yes))
    created(office.system.acknowledge([office.receive(kind="status")[0]["delivery_id"]]), 200)

    # Answers another document, on paper too; asked back while it waits, taken over all the same, going on below.
    answer = ResponseFor(OrganId.parse(GOVERNMENT_OFFICE), "1/VPCP", None, first["document_id"])
    business = Business(DocumentKind.NEW, reason="Lý do", paper=True)
    paper = province.paper(DISTRICT, GOVERNMENT_OFFICE, response_for=(answer,), business=business)
    second = created(province.system.send(province.signed(paper))) | {"code": "2/UBND"}
    ask = province.status(second, StatusCode.WITHDRAWAL_REQUESTED, owner=DISTRICT, reason="Gửi nhầm")
    created(province.system.report(ask))
    waiting = next(item for item in district.receive() if item["kind"] == "document")
    created(district.system.acknowledge([waiting["delivery_id"]]), 200)
    received = district.status(waiting["document"], StatusCode.RECEIVED, owner=PROVINCE)
    assert created(district.system.report(received))["state"] == "withdrawal_requested"

    # Waits untouched; and what was refused.
    created(party.system.send(party.signed(party.paper(GOVERNMENT_OFFICE, PROVINCE))))
    refused(party.system.send(office.signed(office.paper(PROVINCE))), 403, "agency-not-granted")
    refused(party.system.send(b"<edXML/>"), 422, "document-refused")


async def _settle(node: Node) -> None:
    await seal_all(node.database, now=clock.now())
    await publish(node.publisher, now=clock.now())


@pytest.fixture(scope="module")
def leave(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Kept]]:
    """Gives what a node left on this engine after traffic of every kind, all of it sealed; not to be changed."""
    with ExitStack() as stack:

        @cache
        def left_on(engine: str) -> Kept:
            folder = tmp_path_factory.mktemp("left")
            if engine == "sqlite":
                shutil.copyfile(request.getfixturevalue("migrated_sqlite"), folder / "node.sqlite")
                url = f"sqlite:///{folder / 'node.sqlite'}"
            else:
                server: PostgresServer = request.getfixturevalue("postgres_server")
                url = server.create_database(template=request.getfixturevalue("migrated_postgres"))
                stack.callback(server.drop_database, url)
            with running_node(folder / "data", url, log_level="error") as running:
                with exchange_on(unhurried(running)) as exchange:
                    _traffic(exchange)
                running.run(_settle)
            assert not (folder / "node.sqlite-wal").exists()
            return Kept(url, folder / "data")

        yield left_on


@pytest.fixture
def left(leave: Callable[[str], Kept], engine_name: str) -> Kept:
    """What a node left, once on each engine; not to be changed."""
    return leave(engine_name)


@pytest.fixture
def copied(leave: Callable[[str], Kept], tmp_path: Path) -> Kept:
    """A copy to be tampered with, on SQLite: what the check compares is the same on both, and this copy is cheap."""
    left = leave("sqlite")
    shutil.copyfile(left.url.removeprefix("sqlite:///"), tmp_path / "node.sqlite")
    return replace(left, url=f"sqlite:///{tmp_path / 'node.sqlite'}")


@pytest.fixture(scope="module")
def tampering(leave: Callable[[str], Kept], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tampering]:
    """A copy on SQLite that is tampered with in transactions that are rolled back."""
    left = leave("sqlite")
    path = tmp_path_factory.mktemp("tampering") / "node.sqlite"
    shutil.copyfile(left.url.removeprefix("sqlite:///"), path)
    with tampered(replace(left, url=f"sqlite:///{path}")) as opened:
        yield opened


@pytest.fixture
def kept(tampering: Tampering) -> Iterator[Tampered]:
    """What a node left, to be tampered with: whatever is done to it is undone after the test."""
    with tampering.undone() as tampered_with:
        yield tampered_with


@pytest.fixture
def kept_on_postgres(leave: Callable[[str], Kept], postgres_server: PostgresServer) -> Iterator[Kept]:
    """A copy on PostgreSQL."""
    left = leave("postgresql")
    url = postgres_server.create_database(template=urlsplit(left.url).path.removeprefix("/"))
    yield replace(left, url=url)
    postgres_server.drop_database(url)


@pytest.fixture
def bodies(copied: Kept, tmp_path: Path) -> Kept:
    """A copy of the bodies with it."""
    shutil.copytree(copied.folder, tmp_path / "data")
    return replace(copied, folder=tmp_path / "data")
