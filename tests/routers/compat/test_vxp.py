"""The VXP protocol over raw sockets, byte for byte as the SDK writes it, both versions; answers key by key."""

import base64
from datetime import timedelta

import pytest

from app.edxml.write import write
from app.ledger.seal import seal_all
from app.node import Node
from app.routers import clock
from tests.routers.compat.conftest import Doors
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE
from tests.support.vxp import Sdk

LIST = {"servicetype": "eDoc", "messagetype": "edoc"}
G22 = GOVERNMENT_OFFICE


def sealed(doors: Doors) -> None:
    """See to it that everything that was accepted is where it is listed."""

    async def seal(node: Node) -> None:
        await seal_all(node.database, now=clock.now())

    doors.exchange.running.run(seal)


def waiting(doors: Doors, sdk: Sdk, messagetype: str = "edoc") -> list[dict[str, str]]:
    sealed(doors)
    items: list[dict[str, str]] = sdk.call("getReceivedEdocList", servicetype="eDoc", messagetype=messagetype).ok[
        "data"
    ]
    return items


def test_a_document_goes_from_service_object_to_service_object(doors: Doors) -> None:
    sender, recipient = doors.fresh(G22), doors.fresh(PROVINCE)
    file = write(doors.exchange[G22].paper(PROVINCE))
    answer = sender.send(file, **{"from": G22}, **LIST, to=f'["{PROVINCE}"]')
    assert list(answer.ok) == ["status", "ErrorCode", "ErrorDesc", "DocId"]
    sent = answer.ok["DocId"]
    item = next(each for each in waiting(doors, recipient) if each["from"] == G22)
    assert item.keys() == {
        *("docId", "serviceType", "messageType", "created_time", "updated_time", "from", "to", "status"),
        "status_desc",
    }
    assert (item["serviceType"], item["messageType"], item["to"], item["status"]) == (
        *("eDoc", "edoc", PROVINCE, "initial"),
    )

    fetched = recipient.call("getEdoc", docId=item["docId"], filePath="/home/of/somebody")
    assert fetched.continued
    assert base64.b64decode(fetched.ok["data"]) == file
    assert recipient.call("downloadEdoc", docId=item["docId"]).body == file

    [leg] = sender.call("getSentEdocList", docId=sent).ok["data"]
    assert (leg["receiveStatus"], leg["receiverDocId"], leg["senderDocId"]) == ("initial", item["docId"], sent)
    assert "receivedTime" not in leg
    recipient.call("updateStatus", docid=item["docId"], status="done").ok
    assert item["docId"] not in {each["docId"] for each in waiting(doors, recipient)}
    recipient.call("updateStatus", docid=item["docId"], status="done").ok
    [leg] = sender.call("getSentEdocList", docId=sent).ok["data"]
    assert (leg["receiveStatus"], leg["toCode"], leg["fromCode"]) == ("done", PROVINCE, G22)
    assert leg.keys() >= {"title", "notation", "sentTime", "receivedTime", "sendStatus", "sendStatusDesc"}
