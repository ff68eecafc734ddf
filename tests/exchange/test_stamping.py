"""Receipts get their time stamps in batches, later where the authority is away, and each can be checked by itself."""

import asyncio
from collections.abc import Iterator
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
from app.ledger.seal import seal_all
from app.node import Node
from app.signing.path import UnknownRevocation
from app.signing.revocations import RevocationIndex
from app.signing.stamped_receipt import StampedReceipt
from app.simulation.authority_server import AuthorityServer
from app.simulation.stamper import Stamper
from app.store import timestamps as rows
from tests.conftest import ENGINES, migrated_database
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
    """

    exchange: Exchange
    tsa: AuthorityServer
    identity: Identity
    at: datetime
    garbled: bool = False

    def answer(self, request: bytes) -> bytes:
        if self.garbled:
            return b"<html>Service unavailable</html>"
        assert isinstance(self.identity.key, ec.EllipticCurvePrivateKey)
        own = Stamper(self.identity.key, self.identity.certificate, self.identity.chain)
        return own.answer(request, at=datetime.now(UTC).replace(microsecond=0))

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


@pytest.fixture(scope="module", params=ENGINES)
def stamps(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stamps]:
    """One exchange for each engine; other tests have left their documents in it, all stamped."""
    folder: Path = tmp_path_factory.mktemp("stamps")
    pki = shared_pki()
    with (
        migrated_database(request, folder, request.param) as url,
        AuthorityServer() as tsa,
        running_node(folder / "data", url, **QUIET, revocation_private_targets=True) as running,
        exchange_on(running, pki, only=(PROVINCE, DISTRICT)) as exchange,
    ):
        working = Stamps(exchange, tsa, authority(pki), datetime.now(UTC))
        tsa.offer("/tsa", "application/timestamp-reply", lambda request: working.answer(request))
        yield working


def checked(shown: dict[str, Any], pki: Pki) -> datetime:
    """Follow a time stamp from the receipt to the root, as somebody would who has nothing but it and the root."""
    stamped = StampedReceipt.read(shown)
    stamp = stamped.verify(
        anchors=pki.anchors, revocations=RevocationIndex(), unknown_revocation=UnknownRevocation.ACCEPT
    )
    assert stamp.gen_time == datetime.fromisoformat(shown["gen_time"])
    return stamp.gen_time


def test_receipts_of_documents_and_reports_are_stamped_together(stamps: Stamps) -> None:
    sent = stamps.send(5)
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

    assert stamps.stamp() == 6
    shown = [stamps.of(each["id"]).json() for each in sent] + [stamps.of(report.json()["id"], kind="statuses").json()]
    assert {each["root"] for each in shown} == {shown[0]["root"]}
    assert {each["size"] for each in shown} == {6}
    for each, accepted in zip(shown, [*sent, report.json()], strict=True):
        assert each["receipt"] == accepted["receipt"]
        assert abs(checked(each, stamps.exchange.pki) - datetime.now(UTC)) < timedelta(minutes=5)
    (event,) = [each for each in stamps.events("receipts.timestamped") if each["detail"]["root"] == shown[0]["root"]]
    assert event["detail"]["receipts"] == 6
    assert stamps.stamp() == 0, "what is stamped is not stamped again"


def test_strangers_hear_of_no_document(stamps: Stamps) -> None:
    (sent,) = stamps.send()
    stamps.stamp()
    assert stamps.exchange[DISTRICT].system.get(f"/v1/documents/{sent['id']}/timestamp").status_code == 200
    assert stamps.exchange.auditor.get(f"/v1/documents/{sent['id']}/timestamp").status_code == 200
    assert stamps.exchange.statistician.get(f"/v1/documents/{sent['id']}/timestamp").status_code == 403
    unknown = stamps.of("00000000-0000-7000-8000-000000000000")
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


def test_nobody_is_asked_more_often_than_agreed(stamps: Stamps) -> None:
    stamps.send()
    stamps.stamp()
    asked = stamps.tsa.served
    stamps.send()
    assert stamps.stamp(later=INTERVAL / 2) == 0, "the next batch is not due"
    assert stamps.tsa.served == asked
    assert stamps.stamp(later=INTERVAL / 2) == 1


def test_several_processes_make_one_batch_and_ask_once(stamps: Stamps) -> None:
    stamps.stamp()
    asked = stamps.tsa.served
    sent = stamps.send(3)
    assert stamps.stamp(processes=4) == 3
    assert stamps.tsa.served == asked + 1
    assert len({stamps.of(each["id"]).json()["root"] for each in sent}) == 1


def test_a_large_backlog_is_stamped_in_several_batches(stamps: Stamps, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps.stamp()
    monkeypatch.setattr(stamping, "MEMBERS_MAX", 3)
    sent = stamps.send(7)
    assert stamps.stamp() == 7
    sizes = [stamps.of(each["id"]).json()["size"] for each in sent]
    assert sizes == [3, 3, 3, 3, 3, 3, 1]


def test_what_a_process_left_undone_when_it_died_is_done_by_another(stamps: Stamps) -> None:
    stamps.stamp()
    (sent,) = stamps.send()
    stamps.tsa.switch_off()
    assert stamps.stamp() == 0
    stamps.tsa.switch_on()

    async def claim_and_die(node: Node) -> Any:
        async with node.database.write() as tx:
            return await rows.claim(tx, at=stamps.at + HOUR, until=stamps.at + HOUR + INTERVAL)

    assert stamps.exchange.running.run(claim_and_die) is not None
    assert stamps.stamp() == 0, "it is the other's, as far as anybody knows"
    assert stamps.stamp(later=2 * INTERVAL) == 1
    checked(stamps.of(sent["id"]).json(), stamps.exchange.pki)


def test_an_authority_that_may_not_stamp_proves_nothing(stamps: Stamps) -> None:
    good = stamps.identity
    (sent,) = stamps.send()
    try:
        stamps.identity = authority(stamps.exchange.pki, not_after=NOW - YEAR / 2)
        assert stamps.stamp() == 0
        stamps.identity = authority(stamps.exchange.pki.look_alike())
        assert stamps.stamp() == 0
        stamps.garbled = True
        assert stamps.stamp() == 0
        stamps.garbled = False
        stamps.identity = replace(good, certificate=stamps.exchange[PROVINCE].seal.certificate)
        assert stamps.stamp() == 0
    finally:
        stamps.identity, stamps.garbled = good, False
    newest = max(stamps.events("timestamps.late"), key=lambda each: each["index"])
    assert newest["detail"]["problem"] == "rfc3161.2.4.2.unreadable"
    assert stamps.stamp() == 1
    checked(stamps.of(sent["id"]).json(), stamps.exchange.pki)
