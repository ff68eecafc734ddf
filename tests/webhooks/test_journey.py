"""Webhooks from subscribing to the end of a document, against a real server, over HTTP alone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.edxml.model import StatusCode
from tests.support.agency import AgencySystem
from tests.support.office import COMMUNE, GOVERNMENT_OFFICE, PROVINCE, Exchange, created
from tests.webhooks.receiver import WAIT_SECONDS_MAX, Receiver


@contextmanager
def subscribed(system: AgencySystem, receiver: Receiver, **fields: Any) -> Iterator[dict[str, Any]]:
    """Subscribe for the time of a test."""
    webhook = created(system.post("/v1/webhooks", json={"url": receiver.url} | fields))
    try:
        yield webhook
    finally:
        system.ask("DELETE", f"/v1/webhooks/{webhook['id']}")


def settled(system: AgencySystem, message: str) -> dict[str, Any]:
    """Wait until a message is not pending any more."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while (found := system.get(message).json())["state"] == "pending":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return dict(found)


def test_both_sides_are_told_of_a_document_to_its_end(exchange: Exchange) -> None:
    sender, recipient = exchange[GOVERNMENT_OFFICE], exchange[PROVINCE]
    with (
        Receiver() as at_sender,
        Receiver() as at_recipient,
        subscribed(sender.system, at_sender) as of_sender,
        subscribed(recipient.system, at_recipient, signing="ed25519") as of_recipient,
    ):
        paper = sender.paper(PROVINCE, COMMUNE)
        receipt = created(sender.system.send(sender.signed(paper)))
        [available] = at_recipient.wait_for("delivery.available")
        [item] = [each for each in recipient.receive() if each["document"]["id"] == receipt["id"]]
        created(recipient.system.acknowledge([item["delivery_id"]]), 200)
        status = recipient.status(item["document"], StatusCode.RECEIVED, owner=GOVERNMENT_OFFICE)
        created(recipient.system.report(status))
        [reported] = at_sender.wait_for("status.available")
        [taken] = at_sender.wait_for("delivery.acknowledged")
        [accepted] = at_sender.wait_for("document.accepted")
        at_recipient.wait_for("delivery.acknowledged")
        for request in at_sender.received:
            assert request.verifies(of_sender["secret"])
            assert request.value["data"]["document"] == receipt["id"]
        for request in at_recipient.received:
            assert request.verifies(*of_recipient["public_keys"])
            assert not request.verifies(of_sender["secret"])
        assert of_recipient["secret"] is None
        # The commune's part is not the province's business, and nobody but the sender hears of both.
        assert {each.value["data"]["agency"] for each in at_recipient.received} == {PROVINCE}
        for request in (*at_sender.received, *at_recipient.received):
            text = request.body.decode()
            assert paper.subject not in text
            assert "Nguyễn" not in text
            assert "cong-van" not in text
    value = available.value
    assert set(value) == {"type", "timestamp", "data"}
    assert value["data"]["sender"] == GOVERNMENT_OFFICE
    assert value["data"]["delivery"] == item["delivery_id"]
    assert value["data"]["state"] == "available"
    links = value["data"]["links"]
    assert links["document"].endswith(f"/v1/documents/{receipt['id']}")
    assert recipient.system.get(links["document"].removeprefix(exchange.running.url)).status_code == 200
    assert recipient.system.get(links["inbox"].removeprefix(exchange.running.url)).status_code == 200
    assert reported.value["data"]["status"] == "03"
    assert taken.value["data"]["agency"] == PROVINCE
    assert accepted.value["data"]["agency"] == GOVERNMENT_OFFICE
