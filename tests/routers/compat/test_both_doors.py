"""One exchange, two doors: what comes in by VXP goes out by REST v1 and back, and the log cannot tell them apart."""

import base64
from typing import Any

import pytest

from app.edxml.model import StatusCode
from app.ledger.check import check
from app.node import Node
from tests.conftest import ENGINES
from tests.routers.compat.conftest import Doors
from tests.support import edxml_library as library
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, created

G22, H41 = GOVERNMENT_OFFICE, PROVINCE


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Both, for this is about what is kept."""
    name: str = request.param
    return name


def test_documents_and_statuses_cross_both_ways_and_leave_the_same_trail(doors: Doors) -> None:
    government, province = doors.exchange[G22], doors.exchange[H41]
    old_government, old_province = doors.fresh(G22), doors.fresh(H41)

    # In by VXP, out by REST, answered there, and the answer seen by VXP.
    first = library.document(G22, H41, number=1)
    sent = old_government.send(first, **{"from": G22}, servicetype="eDoc", messagetype="edoc").ok()["DocId"]
    [item] = province.receive(kind="document")
    assert item["document"]["id"] == sent
    assert province.system.content(sent).content == first
    created(province.system.acknowledge([item["delivery_id"]]), 200)
    told = province.status(item["document"], StatusCode.RECEIVED, owner=G22)
    created(province.system.report(told))
    [status] = doors.waiting(old_government, "status")
    assert base64.b64decode(old_government.call("getEdoc", docId=status["docId"]).ok()["data"]) == told
    old_government.call("updateStatus", docid=status["docId"], status="done").ok()
    [leg] = old_government.call("getSentEdocList", docId=sent).ok()["data"]
    assert (leg["receiveStatus"], leg["receiveStatusDesc"], leg["receiverDocId"]) == (
        *("done", "Da tiep nhan", item["delivery_id"]),
    )

    # In by REST, out by VXP, answered there, and the answer seen by REST.
    second = government.signed(government.paper(H41))
    accepted = created(government.system.send(second))
    [waiting] = doors.waiting(old_province)
    assert waiting["docId"] == accepted["deliveries"][0]["id"]
    assert base64.b64decode(old_province.call("getEdoc", docId=waiting["docId"]).ok()["data"]) == second
    old_province.call("updateStatus", docid=waiting["docId"], status="done").ok()
    answer = library.status(H41, G22, accepted["document_id"], "03")
    reported = old_province.send(answer, **{"from": H41}, messagetype="status").ok()["DocId"]
    [seen] = government.receive(kind="status")
    assert (seen["status"]["id"], seen["status"]["status_code"]) == (reported, "03")
    assert government.system.get(f"/v1/statuses/{reported}/content").content == answer
    created(government.system.acknowledge([seen["delivery_id"]]), 200)

    # The same trail, the same figures, and a log that fits what is kept.
    doors.seal()
    one, other = (_trail(doors, document) for document in (sent, accepted["id"]))
    assert one == other
    assert [event["event"] for event in one] == [
        "document.accepted",
        "delivery.available",
        "delivery.acknowledged",
        "status.accepted",
        "status.available",
        "status.acknowledged",
    ]
    figures = {
        row["agency"]: row for row in created(doors.exchange.statistician.get("/v1/statistics/exchange"), 200)["items"]
    }
    assert (figures[G22]["sent"], figures[G22]["signed"]) == (2, 1)
    assert (figures[H41]["received"], figures[H41]["acknowledged"], figures[H41]["statuses"]) == (2, 2, 2)

    async def checked(node: Node) -> None:
        found = await check(node.database, node.blobs)
        assert found.consistent, found.divergences
        assert (found.documents, found.bodies) == (2, 4)

    doors.exchange.running.run(checked)


def _trail(doors: Doors, document: str) -> list[dict[str, Any]]:
    """Return what the log holds of a document, without what differs between any two documents."""
    events = doors.exchange.auditor.get(f"/v1/documents/{document}/history").json()
    kept = ("event", "agency", "outcome")
    return [{name: event[name] for name in kept} | {"keys": sorted(event["detail"])} for event in events]
