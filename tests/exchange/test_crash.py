"""`kill -9` against a node process: what was answered with 201 is there, and nothing is there by halves."""

import asyncio
import hashlib
import random
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from app.edxml.model import StatusCode
from app.ledger.check import check
from app.ledger.seal import seal_all
from app.node import open_node
from app.settings import Settings
from app.store.schema import deliveries, documents, events, status_reports
from tests.conftest import ENGINES
from tests.exchange.processes import NodeProcess, Site, prepared
from tests.support.office import COMMUNE, DISTRICT, PROVINCE, Office, created, outcomes
from tests.support.postgres import PostgresServer

NEEDED = (PROVINCE, DISTRICT, COMMUNE)
WRITERS = 6
DOCUMENTS = 18
"""Documents there are to send each time; the node is killed before the last, unless the machine is a very quick one."""


@pytest.fixture(scope="module", params=ENGINES)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An exchange with agencies and no process, on either engine."""
    folder = tmp_path_factory.mktemp("crash")
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), folder / "node.sqlite")
        yield prepared(folder / "data", f"sqlite:///{folder / 'node.sqlite'}", only=NEEDED)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database(template=request.getfixturevalue("migrated_postgres"))
    yield prepared(folder / "data", url, only=NEEDED)
    server.drop_database(url)


@dataclass
class Answered:
    """What the agencies were told before the line went dead."""

    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    taken_over: set[str] = field(default_factory=set)
    open: list[bytes] = field(default_factory=list)


async def audited(settings: Settings, answered: Answered) -> None:
    """Open what the dead process left, and hold it against what it had answered."""
    node = await open_node(settings)
    try:
        await seal_all(node.database, now=datetime.now(UTC))
        found = await check(node.database, node.blobs)
        assert found.consistent, found.divergences
        async with node.database.read() as tx:
            kept = {row.id: row for row in await tx.execute(sa.select(documents))}
            legs = {row.id: row for row in await tx.execute(sa.select(deliveries))}
            reports = {row.id: row for row in await tx.execute(sa.select(status_reports))}
            sealed = (await tx.execute(sa.select(events.c.document, events.c.kind, events.c.position))).all()
    finally:
        await node.close()
    told = {(row.document, row.kind) for row in sealed if row.position is not None}
    for document, receipt in answered.receipts.items():
        assert kept[document].receipt == receipt["receipt"]
        assert kept[document].sha256 == hashlib.sha256(answered.bodies[document]).hexdigest()
        assert node.blobs.path_of(kept[document].sha256).read_bytes() == answered.bodies[document]
        assert {leg["id"] for leg in receipt["deliveries"]} <= legs.keys()
        assert {(document, "document.accepted"), (document, "delivery.available")} <= told
    for report, receipt in answered.reports.items():
        assert reports[report].receipt == receipt["receipt"]
        assert node.blobs.digest(reports[report].sha256) == reports[report].sha256
        assert legs[reports[report].delivery].progress == receipt["state"]
        assert (receipt["document"], "status.accepted") in told
    for delivery in answered.taken_over:
        assert (legs[delivery].in_inbox, legs[delivery].acknowledged_at is None) == (False, False)


def test_what_was_answered_outlives_the_process_that_answered_it(site: Site) -> None:
    """Killed after a document, after taking it over and reporting on it, and twice in the middle of the work."""
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    answered = Answered()
    with NodeProcess(site.settings) as node:
        node.start()
        with site.connected() as offices:
            sender = offices[DISTRICT]
            body = sender.signed(sender.paper(PROVINCE, COMMUNE))
            answer = sender.system.send(body)
            node.kill()
            receipt = created(answer)
        answered.receipts[receipt["id"]], answered.bodies[receipt["id"]] = receipt, body

        node.start()
        with site.connected() as offices:
            sender, province = offices[DISTRICT], offices[PROVINCE]
            assert created(sender.system.send(body), 200) == receipt
            [item] = province.receive()
            assert item["document"]["id"] == receipt["id"]
            assert province.system.content(receipt["id"]).content == body
            history = created(province.system.get(f"/v1/documents/{receipt['id']}/history"), 200)
            assert [event["event"] for event in history] == ["document.accepted", *["delivery.available"] * 2]

            status = province.status(item["document"], StatusCode.RECEIVED, owner=DISTRICT)
            with ThreadPoolExecutor(2) as threads:
                acknowledging = threads.submit(province.system.acknowledge, [item["delivery_id"]])
                reporting = threads.submit(province.system.report, status)
                acknowledged, reported = acknowledging.result(), reporting.result()
            node.kill()
            assert outcomes(created(acknowledged, 200)["items"]) == ["acknowledged"]
            report = created(reported)
        answered.taken_over.add(item["delivery_id"])
        answered.reports[report["id"]] = report

        node.start()
        with site.connected() as offices:
            province = offices[PROVINCE]
            assert province.system.inbox() == []
            again = created(province.system.acknowledge([item["delivery_id"]]), 200)
            assert outcomes(again["items"]) == ["already-acknowledged"]
            assert created(province.system.report(status), 200) == report
            [told] = offices[DISTRICT].receive(kind="status")
            assert told["status"]["id"] == report["id"]
            killed_at_work(node, offices, answered, chance)
        asyncio.run(audited(site.settings, answered))

        node.start()
        with site.connected() as offices:
            # Who got no answer asks again: it was taken or it was not, nothing else.
            for open_body in answered.open:
                answer = offices[DISTRICT].system.send(open_body)
                assert answer.status_code in (200, 201), (seed, answer.text)
                answered.receipts[answer.json()["id"]] = answer.json()
                answered.bodies[answer.json()["id"]] = open_body
            answered.open.clear()
            killed_at_work(node, offices, answered, chance)
        asyncio.run(audited(site.settings, answered))
    assert len(answered.receipts) > 1, f"seed {seed}"
    assert len(answered.reports) > 1, f"seed {seed}"


def killed_at_work(node: NodeProcess, offices: dict[str, Office], answered: Answered, chance: random.Random) -> None:
    """Let everybody work, and end the node at any moment after the first answers."""
    worked = at_work(offices, answered)
    assert next(worked).wait(60)
    time.sleep(chance.uniform(0.0, 0.6))
    node.kill()
    with suppress(StopIteration):
        next(worked)


def at_work(offices: dict[str, Office], answered: Answered) -> Iterator[threading.Event]:
    """Let the district send and the commune report and take over, until the line is dead.

    Yields:
        an event that is set when one document and one report were answered; the work has ended when the next is asked
        for.
    """
    sender, commune = offices[DISTRICT], offices[COMMUNE]
    papers = [sender.paper(PROVINCE, COMMUNE) for _ in range(DOCUMENTS)]
    lots = [
        (
            sender.signed(paper),
            commune.status({"document_id": paper.document_id, "code": "1/X"}, StatusCode.RECEIVED, owner=DISTRICT),
        )
        for paper in papers
    ]
    assert sender.system.token
    assert commune.system.token
    first, lock = threading.Event(), threading.Lock()

    def work(lot: tuple[bytes, bytes]) -> None:
        body, status = lot
        try:
            receipt = created(sender.system.send(body))
        except httpx2.TransportError:
            with lock:
                answered.open.append(body)
            return
        with lock:
            answered.receipts[receipt["id"]], answered.bodies[receipt["id"]] = receipt, body
        with suppress(httpx2.TransportError):
            report = created(commune.system.report(status))
            with lock:
                answered.reports[report["id"]] = report
            first.set()
            [leg] = [leg["id"] for leg in receipt["deliveries"] if leg["recipient"] == COMMUNE]
            taken = created(commune.system.acknowledge([leg]), 200)
            # Not found: the ledger had not placed it yet.
            if outcomes(taken["items"]) == ["acknowledged"]:
                with lock:
                    answered.taken_over.add(leg)

    with ThreadPoolExecutor(WRITERS) as threads:
        done = [threads.submit(work, lot) for lot in lots]
        yield first
        for each in done:
            each.result()
