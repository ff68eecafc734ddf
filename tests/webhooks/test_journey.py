"""Webhooks from subscribing to the end of a document, against a real server, over HTTP alone."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from app.edxml.model import StatusCode
from app.exchange import deadlines
from app.node import Node
from app.registry.model import Scope
from app.routers import clock
from tests.support.agency import AgencySystem
from tests.support.office import COMMUNE, DISTRICT, GOVERNMENT_OFFICE, PARTY, PROVINCE, Exchange, created, refused
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
            # Besides, certificates that end soon are told of a minute after a node started.
            assert request.value["data"].get("document", receipt["id"]) == receipt["id"]
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


def test_a_key_that_changes_signs_beside_the_one_before(exchange: Exchange, receiver: Receiver) -> None:
    system = exchange[PROVINCE].system
    for signing in ("hmac", "ed25519"):
        with subscribed(system, receiver, signing=signing) as webhook:
            path = f"/v1/webhooks/{webhook['id']}"
            rotated = created(system.post(f"{path}/rotate-secret"), 200)
            settled(system, created_at(system.post(f"{path}/test")))
            *_, request = receiver.wait_for("webhook.ping")
            earlier = webhook["secret"] or webhook["public_keys"][0]
            current = rotated["secret"] or rotated["public_keys"][0]
            assert earlier != current
            assert request.verifies(earlier)
            assert request.verifies(current)
            assert len(request.headers["webhook-signature"].split()) == 2
        receiver.received.clear()


def test_what_was_sent_is_listed_with_its_attempts_and_sent_again(exchange: Exchange, receiver: Receiver) -> None:
    sender, recipient = exchange[GOVERNMENT_OFFICE], exchange[PROVINCE]
    system = recipient.system
    with subscribed(system, receiver, events=["delivery.available"]) as webhook:
        path = f"/v1/webhooks/{webhook['id']}"
        receiver.answers.append(410)
        created(sender.system.send(sender.signed(sender.paper(PROVINCE))))
        [first] = receiver.wait(1)
        found = settled(system, f"{path}/messages/{first.message}")
        assert (found["state"], found["attempts"], found["next_attempt_at"]) == ("failed", 1, None)
        assert found["content"].encode() == first.body
        assert found["event"] == first.value["data"]["event"]
        assert [(attempt["status"], attempt["error"]) for attempt in found["log"]] == [(410, None)]
        assert system.get(path).json()["disabled_reason"] == "gone"
        assert created(system.post(f"{path}/enable"), 200)["status"] == "enabled"
        period = {"from": found["created_at"], "to": "2100-01-01T00:00:00Z"}
        assert created(system.post(f"{path}/replay", json=period), 202) == {"messages": 1}
        receiver.wait(2)
        found = settled(system, f"{path}/messages/{first.message}")
        assert (found["state"], [attempt["status"] for attempt in found["log"]]) == ("delivered", [200, 410])
        again = {"Idempotency-Key": first.message}
        answer = system.post(f"{path}/messages/{first.message}/replay", headers=again)
        assert created(answer, 202)["state"] == "pending"
        assert system.post(f"{path}/messages/{first.message}/replay", headers=again).headers["idempotent-replayed"]
        requests = receiver.wait(3)
        assert {(each.message, each.body) for each in requests} == {(first.message, first.body)}
        settled(system, f"{path}/messages/{first.message}")
        created_at(system.post(f"{path}/test"))
        listed = list(system.pages(f"{path}/messages", limit=1))
        assert [each["type"] for each in listed] == ["webhook.ping", "delivery.available"]
        assert listed[0]["event"] is None
        assert list(system.pages(f"{path}/messages", state="failed")) == []
        period = {"from": "2100-01-01T00:00:00Z", "to": found["created_at"]}
        refused(system.post(f"{path}/replay", json=period), 400, "request-invalid")


def test_a_subscriber_is_told_of_the_agencies_it_chose_alone(shared: Exchange, receiver: Receiver) -> None:
    sender = shared[GOVERNMENT_OFFICE]
    with (
        shared.running.system(Scope.EXCHANGE, agencies=["H41.*"]) as system,
        Receiver() as of_all,
        subscribed(system, of_all, events=["delivery.available"]),
        subscribed(system, receiver, events=["delivery.available"], agencies=[COMMUNE]),
    ):
        created(sender.system.send(sender.signed(sender.paper(PROVINCE, DISTRICT, COMMUNE, PARTY))))
        all_three = of_all.wait(3)
        assert {each.value["data"]["agency"] for each in all_three} == {PROVINCE, DISTRICT, COMMUNE}
        receiver.wait(1)
        assert {each.value["data"]["agency"] for each in receiver.received} == {COMMUNE}


def test_a_refusal_is_told_without_what_was_refused(shared: Exchange, receiver: Receiver) -> None:
    sender = shared[GOVERNMENT_OFFICE]
    with subscribed(sender.system, receiver, events=["document.refused"]):
        paper = sender.signed(sender.paper("000.00.00.Z99"))
        refused(sender.system.send(paper), 422, "document-refused")
        [request] = receiver.wait(1)
    told = request.value["data"]
    assert set(told) == {"event", "agency", "problem", "sha256"}
    assert (told["agency"], told["problem"]) == (GOVERNMENT_OFFICE, "document-refused")
    assert told["sha256"] == hashlib.sha256(paper).hexdigest()


def test_a_subscriber_that_is_away_holds_up_no_sender(shared: Exchange, receiver: Receiver) -> None:
    sender, recipient = shared[GOVERNMENT_OFFICE], shared[PROVINCE]
    receiver.held.clear()
    with subscribed(recipient.system, receiver):
        receipts = {created(sender.system.send(sender.signed(sender.paper(PROVINCE))))["id"] for _ in range(6)}
        receiver.wait(1)
        # Nothing was answered yet, and everything comes into the inbox.
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not receipts <= {each["document"]["id"] for each in recipient.receive(limit=500)}:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_attempts_are_counted_for_whoever_watches(shared: Exchange, receiver: Receiver) -> None:
    system = shared[PROVINCE].system
    with subscribed(system, receiver) as webhook:
        for status in (200, 500):
            receiver.answers.append(status)
            settled(system, created_at(system.post(f"/v1/webhooks/{webhook['id']}/test")))
    figures = shared.running.http.get("/metrics").text
    for outcome in ("delivered", "failed"):
        [line] = [
            line
            for line in figures.splitlines()
            if line.startswith(f'truc_webhook_attempts_total{{outcome="{outcome}"')
        ]
        assert float(line.split()[-1]) >= 1
    assert "truc_http_requests_total" in figures


def test_the_sender_hears_of_what_nobody_fetched(shared: Exchange, receiver: Receiver) -> None:
    """Undelivered, then expired: both reach the sender's webhook, and so do the notices in his inbox."""
    sender = shared[PARTY]
    kinds = ["delivery.undelivered", "delivery.expired", "notice.available"]
    with subscribed(sender.system, receiver, events=kinds):
        document = created(sender.system.send(sender.signed(sender.paper(DISTRICT, due_date=None))))["id"]

        async def long_after(node: Node) -> None:
            await deadlines.settle(node.desk, at=clock.now() + timedelta(days=400))

        shared.running.run(long_after)
        receiver.wait(4, of=lambda each: each.value["data"]["document"] == document)
    told = [each.value for each in receiver.received if each.value["data"]["document"] == document]
    by_kind = {(each["type"], each["data"].get("notice")): each["data"] for each in told}
    assert set(by_kind) == {
        ("delivery.undelivered", None),
        ("delivery.expired", None),
        ("notice.available", "undelivered"),
        ("notice.available", "expired"),
    }
    assert {(data["agency"], data["sender"]) for (kind, _), data in by_kind.items() if kind != "notice.available"} == {
        (DISTRICT, PARTY)
    }
    expired = by_kind["notice.available", "expired"]
    assert expired["agency"] == PARTY
    assert expired["concerns"] == by_kind["delivery.expired", None]["delivery"]
    waiting = sender.system.inbox(agency=PARTY, kind="notice")
    assert {expired["delivery"], by_kind["notice.available", "undelivered"]["delivery"]} <= {
        each["delivery_id"] for each in waiting
    }


def created_at(answer: Any) -> str:
    """Insist that a message is sent, and return where it is."""
    created(answer, 202)
    return str(answer.headers["location"])
