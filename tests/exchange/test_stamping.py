"""Receipts get their time stamps in batches, later where the authority is away, and each can be checked by itself."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.edxml.model import StatusCode
from app.exchange import stamping
from app.ledger.check import CheckReport, check
from app.ledger.seal import seal_all
from app.node import Node
from app.signing.path import UnknownRevocation
from app.signing.revocations import RevocationIndex
from app.signing.stamped_receipt import StampedReceipt
from app.simulation.authority_server import AuthorityServer
from app.simulation.stamper import Stamper
from app.store import timestamps as rows
from app.store.schema import documents
from tests.conftest import migrated_database
from tests.exchange.conftest import QUIET
from tests.support.node import running_node
from tests.support.office import DISTRICT, PROVINCE, Exchange, exchange_on
from tests.support.pki import NOW, YEAR, Identity, Pki, name, shared_pki

INTERVAL = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def authority(pki: Pki, *, not_after: datetime = NOW + 10 * YEAR) -> Identity:
    stamping_only = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    # The issuing authority's certificate ends before: its own period is what matters here.
    return pki.issue(name((NameOID.COMMON_NAME, "TSA")), extensions=[(stamping_only, True)], not_after=not_after)


@dataclass
class Stamps:
    """An exchange whose receipts are stamped when a test says so, with the clock it says.

    Attributes:
        tsa: the authority's server.
        identity: whom it stamps as.
        garbled: whether it answers with something else.
        ahead: how far its clock is ahead.
    """

    exchange: Exchange
    tsa: AuthorityServer
    identity: Identity
    at: datetime
    garbled: bool = False
    ahead: timedelta = timedelta(0)

    def answer(self, request: bytes) -> bytes:
        if self.garbled:
            return b"<html>Service unavailable</html>"
        assert isinstance(self.identity.key, ec.EllipticCurvePrivateKey)
        own = Stamper(self.identity.key, self.identity.certificate, self.identity.chain)
        return own.answer(request, at=self.at.replace(microsecond=0) + self.ahead)

    def parts(self, node: Node) -> stamping.Stamping:
        url = f"http://127.0.0.1:{self.tsa.port}/tsa"
        return stamping.Stamping(node.database, node.fetch, url, INTERVAL)

    def stamp(self, *, later: timedelta = HOUR, processes: int = 1) -> int:
        """Move the clock on and do what the worker does."""
        self.at += later

        async def work(node: Node) -> int:
            await seal_all(node.database, now=datetime.now(UTC))
            parts = self.parts(node)
            done = await asyncio.gather(*(stamping.stamp(parts, now=lambda: self.at) for _ in range(processes)))
            await seal_all(node.database, now=datetime.now(UTC))
            return sum(done)

        return self.exchange.running.run(work)

    def send(self, count: int = 1) -> list[dict[str, Any]]:
        office = self.exchange[PROVINCE]
        accepted = []
        for _ in range(count):
            answer = office.system.post(
                "/v1/documents",
                content=office.signed(office.paper(DISTRICT)),
                headers={"Content-Type": "application/xml"},
            )
            assert answer.status_code == 201, answer.text
            accepted.append(answer.json())
        return accepted

    def of(self, document: str, *, kind: str = "documents") -> Any:
        return self.exchange[PROVINCE].system.get(f"/v1/{kind}/{document}/timestamp")

    def events(self, kind: str) -> list[dict[str, Any]]:
        found = self.exchange.auditor.get("/v1/audit/events", params={"event": kind, "limit": 500})
        assert found.status_code == 200, found.text
        items: list[dict[str, Any]] = found.json()["items"]
        return items

    def batches(self) -> int:
        async def newest(node: Node) -> Any:
            async with node.database.read() as tx:
                return (await rows.waiting(tx))[0]

        return int(self.exchange.running.run(newest))


@contextmanager
def stamping_on(engine: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Stamps]:
    """Run an exchange on an engine, with an authority beside it."""
    pki = shared_pki()
    with (
        migrated_database(request, folder, engine) as url,
        AuthorityServer() as tsa,
        running_node(folder / "data", url, **QUIET, revocation_private_targets=True) as running,
        exchange_on(running, pki, only=(PROVINCE, DISTRICT)) as exchange,
    ):
        working = Stamps(exchange, tsa, authority(pki), datetime.now(UTC))
        tsa.offer("/tsa", "application/timestamp-reply", lambda request: working.answer(request))
        yield working


@pytest.fixture(scope="module")
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stamps]:
    """On SQLite, for what does not hang on the database; other tests have left their documents in it."""
    with stamping_on("sqlite", request, tmp_path_factory.mktemp("stamps")) as working:
        yield working


@pytest.fixture(scope="module")
def on_postgresql_too(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stamps]:
    """The same on PostgreSQL."""
    with stamping_on("postgresql", request, tmp_path_factory.mktemp("stamps-postgresql")) as working:
        yield working


@pytest.fixture
def stamps(engine_name: str, request: pytest.FixtureRequest) -> Stamps:
    """On either engine, each test once on each."""
    working: Stamps = request.getfixturevalue("here" if engine_name == "sqlite" else "on_postgresql_too")
    return working


def checked(shown: dict[str, Any], pki: Pki) -> datetime:
    """Follow a time stamp from the receipt to the root, as somebody would who has nothing but it and the root."""
    stamped = StampedReceipt.read(shown)
    stamp = stamped.verify(
        anchors=pki.anchors, revocations=RevocationIndex(), unknown_revocation=UnknownRevocation.ACCEPT
    )
    assert stamp.gen_time == datetime.fromisoformat(shown["gen_time"])
    return stamp.gen_time


def test_receipts_of_documents_and_reports_are_stamped_together(stamps: Stamps) -> None:
    sent = stamps.send(3)
    district = stamps.exchange[DISTRICT]
    about = district.system.get(f"/v1/documents/{sent[0]['id']}").json()
    report = district.system.post(
        "/v1/statuses",
        content=district.status(about, StatusCode.RECEIVED, owner=PROVINCE),
        headers={"Content-Type": "application/xml"},
    )
    assert report.status_code == 201, report.text
    missing = stamps.of(sent[0]["id"])
    assert missing.status_code == 404
    assert "no batch yet" in missing.json()["detail"]

    assert stamps.stamp() == 4
    stamped_at = stamps.at.replace(microsecond=0)
    shown = [stamps.of(each["id"]).json() for each in sent] + [stamps.of(report.json()["id"], kind="statuses").json()]
    assert {each["root"] for each in shown} == {shown[0]["root"]}
    assert {each["size"] for each in shown} == {4}
    for each, accepted in zip(shown, [*sent, report.json()], strict=True):
        assert each["receipt"] == accepted["receipt"]
        assert checked(each, stamps.exchange.pki) == stamped_at
    (event,) = [each for each in stamps.events("receipts.timestamped") if each["detail"]["root"] == shown[0]["root"]]
    assert event["detail"]["receipts"] == 4
    assert stamps.stamp() == 0, "what is stamped is not stamped again"


def test_strangers_hear_of_no_document(here: Stamps) -> None:
    (sent,) = here.send()
    here.stamp()
    assert here.exchange[DISTRICT].system.get(f"/v1/documents/{sent['id']}/timestamp").status_code == 200
    assert here.exchange.auditor.get(f"/v1/documents/{sent['id']}/timestamp").status_code == 200
    assert here.exchange.statistician.get(f"/v1/documents/{sent['id']}/timestamp").status_code == 403
    unknown = here.of("00000000-0000-7000-8000-000000000000")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "no such document")


def test_mail_flows_while_the_authority_is_away_and_is_stamped_when_it_is_back(stamps: Stamps) -> None:
    told = len(stamps.events("timestamps.late"))
    stamps.tsa.switch_off()
    try:
        first = stamps.send(2)
        assert stamps.stamp() == 0
        since = [stamps.send(1)[0] for _ in range(3) if stamps.stamp() == 0]
        assert len(since) == 3, "documents are accepted all the time"
        late = stamps.events("timestamps.late")
        assert len(late) == told + 1, "it is said once"
        newest = max(late, key=lambda each: each["index"])
        assert newest["detail"]["problem"] == "connection-failed"
        assert stamps.stamp() == 0
        assert len(stamps.events("timestamps.late")) == told + 1
        assert stamps.batches() == 1, "one waits, however long it takes"
        waiting = stamps.of(first[0]["id"])
        assert waiting.status_code == 404
        assert "waits since" in waiting.json()["detail"]
    finally:
        stamps.tsa.switch_on()
    assert stamps.stamp() == 5
    for each in (*first, *since):
        checked(stamps.of(each["id"]).json(), stamps.exchange.pki)
    assert stamps.batches() == 0


def test_nobody_is_asked_more_often_than_agreed(here: Stamps) -> None:
    here.send()
    here.stamp()
    asked = here.tsa.served
    here.send()
    assert here.stamp(later=INTERVAL / 2) == 0, "the next batch is not due"
    assert here.tsa.served == asked
    assert here.stamp(later=INTERVAL / 2) == 1


def test_several_processes_make_one_batch_and_ask_once(stamps: Stamps) -> None:
    stamps.stamp()
    asked = stamps.tsa.served
    sent = stamps.send(3)
    assert stamps.stamp(processes=4) == 3
    assert stamps.tsa.served == asked + 1
    assert len({stamps.of(each["id"]).json()["root"] for each in sent}) == 1


def test_a_large_backlog_is_stamped_in_several_batches(here: Stamps, monkeypatch: pytest.MonkeyPatch) -> None:
    here.stamp()
    monkeypatch.setattr(stamping, "MEMBERS_MAX", 2)
    sent = here.send(3)
    assert here.stamp() == 3
    sizes = [here.of(each["id"]).json()["size"] for each in sent]
    assert sizes == [2, 2, 1]


def test_the_check_of_the_log_finds_a_stamped_receipt_that_was_replaced(stamps: Stamps) -> None:
    (sent,) = stamps.send()
    stamps.stamp()

    async def verified(node: Node) -> CheckReport:
        return await check(node.database)

    async def put(node: Node, receipt: str) -> None:
        async with node.database.write() as tx:
            await tx.execute(documents.update().where(documents.c.id == sent["id"]).values(receipt=receipt))

    running = stamps.exchange.running
    before = running.run(verified)
    assert before.stamps > 0
    assert before.consistent, before.divergences
    running.run(lambda node: put(node, sent["receipt"] + "x"))
    (found,) = running.run(verified).divergences
    assert (found.step, found.place, found.message) == ("(9) stamps", sent["id"], "its receipt is another")
    running.run(lambda node: put(node, sent["receipt"]))


def test_what_a_process_left_undone_when_it_died_is_done_by_another(here: Stamps) -> None:
    here.stamp()
    (sent,) = here.send()
    here.tsa.switch_off()
    assert here.stamp() == 0
    here.tsa.switch_on()

    async def claim_and_die(node: Node) -> Any:
        async with node.database.write() as tx:
            return await rows.claim(tx, at=here.at + HOUR, until=here.at + HOUR + INTERVAL)

    assert here.exchange.running.run(claim_and_die) is not None
    assert here.stamp() == 0, "it is the other's, as far as anybody knows"
    assert here.stamp(later=2 * INTERVAL) == 1
    checked(here.of(sent["id"]).json(), here.exchange.pki)


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_stamp_of_another_time_than_ours_is_not_taken(here: Stamps, ahead: timedelta) -> None:
    here.stamp()
    here.send()
    here.ahead = ahead
    assert here.stamp() == 0
    here.ahead = timedelta(0)
    assert here.stamp() == 1


def test_an_authority_that_may_not_stamp_proves_nothing(here: Stamps) -> None:
    good = here.identity
    (sent,) = here.send()
    try:
        here.identity = authority(here.exchange.pki, not_after=NOW - YEAR / 2)
        assert here.stamp() == 0
        here.identity = authority(here.exchange.pki.look_alike())
        assert here.stamp() == 0
        here.garbled = True
        assert here.stamp() == 0
        here.garbled = False
        here.identity = replace(good, certificate=here.exchange[PROVINCE].seal.certificate)
        assert here.stamp() == 0
    finally:
        here.identity, here.garbled = good, False
    newest = max(here.events("timestamps.late"), key=lambda each: each["index"])
    assert newest["detail"]["problem"] == "rfc3161.2.4.2.unreadable"
    assert here.stamp() == 1
    checked(here.of(sent["id"]).json(), here.exchange.pki)
