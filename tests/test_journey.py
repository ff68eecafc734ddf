"""One document's whole way, over real HTTP, on SQLite and on PostgreSQL: read this first."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.edxml.model import StatusCode
from app.ledger.check import check
from app.ledger.seal import seal_all
from app.node import Node
from app.routers import clock
from tests.support.node import running_node
from tests.support.office import COMMUNE, DISTRICT, GOVERNMENT_OFFICE, PROVINCE, Exchange, created, exchange_on, refused


@pytest.fixture
def exchange(tmp_path: Path, database_url: str) -> Iterator[Exchange]:
    """A node with agencies that can exchange."""
    needed = (GOVERNMENT_OFFICE, PROVINCE, DISTRICT, COMMUNE)
    with running_node(tmp_path, database_url) as running, exchange_on(running, only=needed) as working:
        yield working


def test_a_document_is_sent_fetched_acknowledged_answered_and_counted(exchange: Exchange) -> None:
    sender, province, commune = exchange[GOVERNMENT_OFFICE], exchange[PROVINCE], exchange[COMMUNE]
    body = sender.signed(sender.paper(PROVINCE, COMMUNE))

    # Sent: one receipt, one delivery a recipient.
    receipt = created(sender.system.send(body))
    assert receipt["sender"] == GOVERNMENT_OFFICE
    assert receipt["kind"] == "new"
    assert receipt["verification"]["indication"] == "TOTAL-PASSED"
    assert [leg["recipient"] for leg in receipt["deliveries"]] == [PROVINCE, COMMUNE]
    assert {leg["state"] for leg in receipt["deliveries"]} == {"available"}

    # Sent again: the first answer.
    again = sender.system.send(body)
    assert again.status_code == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == receipt

    # Fetched: exactly the bytes that were sent, and the attachment in them.
    [item] = province.receive()
    assert item["kind"] == "document"
    assert item["document"]["id"] == receipt["id"]
    assert province.system.content(receipt["id"]).content == body
    attachment = province.system.get(f"/v1/documents/{receipt['id']}/attachments/1")
    assert attachment.content == b"%PDF-1.7 synthetic"

    # Acknowledged: it leaves the inbox, once.
    taken = created(province.system.acknowledge([item["delivery_id"]]), 200)
    assert taken["items"] == [{"delivery_id": item["delivery_id"], "outcome": "acknowledged"}]
    assert province.receive(wait=0) == []
    [sent] = sender.system.get("/v1/outbox", params={"agency": GOVERNMENT_OFFICE}).json()["items"]
    assert {leg["recipient"]: leg["state"] for leg in sent["deliveries"]} == {
        PROVINCE: "delivered",
        COMMUNE: "available",
    }

    # Answered: the sender finds the status in its inbox.
    for code, state in ((StatusCode.ARRIVED, "arrived"), (StatusCode.RECEIVED, "received")):
        reported = created(province.system.report(province.status(item["document"], code, owner=GOVERNMENT_OFFICE)))
        assert reported["state"] == state
    exchange.running.run(_settle)
    told = sender.receive(kind="status")
    assert [each["status"]["status_code"] for each in told] == ["01", "03"]
    created(sender.system.acknowledge([each["delivery_id"] for each in told]), 200)

    # Refused: a recipient may refuse with a reason, and nothing follows a refusal.
    [waiting] = commune.receive()
    no_reason = commune.status(waiting["document"], StatusCode.REFUSED, owner=GOVERNMENT_OFFICE)
    assert refused(commune.system.report(no_reason), 422, "document-refused")
    reason = commune.status(waiting["document"], StatusCode.REFUSED, owner=GOVERNMENT_OFFICE, reason="Sai nơi nhận")
    assert created(commune.system.report(reason))["state"] == "refused"
    late = commune.status(waiting["document"], StatusCode.RECEIVED, owner=GOVERNMENT_OFFICE)
    refused(commune.system.report(late), 409, "transition-not-allowed")

    # Withdrawn: asked, agreed, gone from the recipient and on record for both.
    ask = sender.status(sent, StatusCode.WITHDRAWAL_REQUESTED, owner=PROVINCE, reason="Gửi nhầm")
    assert created(sender.system.report(ask))["state"] == "withdrawal_requested"
    agree = province.status(item["document"], StatusCode.CHANGE_ACCEPTED, owner=GOVERNMENT_OFFICE)
    assert created(province.system.report(agree))["state"] == "withdrawn"
    refused(province.system.content(receipt["id"]), 404, "not-found")
    assert sender.system.content(receipt["id"]).content == body

    _counted_and_consistent(exchange, receipt["id"])


async def _settle(node: Node) -> None:
    await seal_all(node.database, now=clock.now())


def _counted_and_consistent(exchange: Exchange, document: str) -> None:
    exchange.running.run(_settle)
    history = exchange.auditor.get(f"/v1/documents/{document}/history").json()
    assert [event["index"] for event in history] == sorted(event["index"] for event in history)
    assert [event["event"] for event in history][:3] == [
        "document.accepted",
        "delivery.available",
        "delivery.available",
    ]
    refused(exchange.auditor.content(document), 403, "scope-missing")

    report = created(exchange.statistician.get("/v1/statistics/exchange"), 200)
    rows = {row["agency"]: row for row in report["items"]}
    assert (rows[GOVERNMENT_OFFICE]["sent"], rows[GOVERNMENT_OFFICE]["withdrawn"]) == (1, 1)
    assert (rows[PROVINCE]["received"], rows[PROVINCE]["acknowledged"], rows[PROVINCE]["statuses"]) == (1, 1, 3)
    assert (rows[COMMUNE]["received"], rows[COMMUNE]["statuses"], rows[COMMUNE]["refused"]) == (1, 1, 2)
    shown: set[str] = set()
    for row in report["items"]:
        for measure, link in row["links"].items():
            # Where nothing is counted, one agency's links are as good as another's.
            if not row[measure] and measure in shown:
                continue
            shown.add(measure)
            listed = list(exchange.auditor.pages(link))
            assert len(listed) == row[measure], (row["agency"], measure)

    async def checked(node: Node) -> None:
        found = await check(node.database, node.blobs)
        assert found.consistent, found.divergences
        assert found.documents == 1
        assert found.bodies == found.documents + found.reports

    exchange.running.run(_settle)
    exchange.running.run(checked)
