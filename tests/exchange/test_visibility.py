"""Who sees what of a document: its parties, auditors, and everybody else."""

from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from app.edxml.model import ResponseFor
from app.edxml.organ_id import OrganId
from app.registry.model import Scope
from tests.exchange.mail import Sent, report, send
from tests.exchange.remains import events_since, remains
from tests.support.agency import AgencySystem
from tests.support.office import COMMUNE, DISTRICT, PARTY, PROVINCE, Exchange, created, refused

PATHS = ("", "/content", "/attachments", "/attachments/1", "/history", "/receipt")
SUBJECT = "V/v nội dung chỉ hai bên được đọc"


@pytest.fixture
def sent(shared: Exchange) -> Sent:
    """A document from the district to the province and the commune, on which the province reported."""
    sent = send(shared[DISTRICT], PROVINCE, COMMUNE, subject=SUBJECT)
    created(report(shared[PROVINCE], sent, "01", reason="Lý do riêng"))
    return sent


def problem_of(answer: Any) -> dict[str, Any]:
    """A problem without what differs between any two requests."""
    problem: dict[str, Any] = answer.json()
    del problem["request_id"]
    return problem


@pytest.mark.parametrize("path", PATHS)
def test_somebody_elses_document_and_none_at_all_answer_alike(shared: Exchange, sent: Sent, path: str) -> None:
    stranger, unknown = shared[PARTY].system, str(uuid4())
    theirs, nobodys = (stranger.get(f"/v1/documents/{each}{path}") for each in (sent.id, unknown))
    refused(theirs, 404, "not-found")
    assert theirs.status_code == nobodys.status_code
    shown = problem_of(theirs)
    shown["instance"] = shown["instance"].replace(sent.id, unknown)
    assert shown == problem_of(nobodys)
    assert set(theirs.headers) == set(nobodys.headers)


def test_somebody_elses_status_and_none_at_all_answer_alike(shared: Exchange, sent: Sent) -> None:
    [status] = sent.seen_by(shared[DISTRICT])["statuses"]
    answers = []
    for each in (status["id"], str(uuid4())):
        answer = shared[COMMUNE].system.get(f"/v1/statuses/{each}/content")
        refused(answer, 404, "not-found")
        answers.append({**problem_of(answer), "instance": ""})
    assert answers[0] == answers[1]


@pytest.mark.parametrize("party", [DISTRICT, PROVINCE, COMMUNE])
def test_parties_see_everything(shared: Exchange, sent: Sent, party: str) -> None:
    office = shared[party]
    seen = sent.seen_by(office)
    assert seen["subject"] == SUBJECT
    # What one recipient reports in words is between it and the sender.
    assert [status["description"] for status in seen["statuses"]] == [None if party == COMMUNE else "Lý do riêng"]
    content = office.system.content(sent.id)
    assert content.content == sent.body
    assert content.headers["content-type"] == "application/xml"
    [attachment] = created(office.system.get(f"/v1/documents/{sent.id}/attachments"), 200)
    assert (attachment["number"], attachment["name"], attachment["size"]) == (1, "cong-van.pdf", 18)
    assert office.system.get(f"/v1/documents/{sent.id}/attachments/1").content == b"%PDF-1.7 synthetic"
    refused(office.system.get(f"/v1/documents/{sent.id}/attachments/2"), 404, "not-found")
    refused(office.system.get(f"/v1/documents/{sent.id}/attachments/0"), 404, "not-found")
    assert office.system.get(f"/v1/documents/{sent.id}/receipt").text == sent.receipt["receipt"]
    events = [event["event"] for event in created(office.system.get(f"/v1/documents/{sent.id}/history"), 200)]
    assert events == [
        "document.accepted",
        "delivery.available",
        "delivery.available",
        "status.accepted",
        "status.available",
    ]


def test_the_parties_reading_is_no_event(shared: Exchange, sent: Sent) -> None:
    before = remains(shared)
    for party in (DISTRICT, PROVINCE):
        for path in PATHS:
            assert shared[party].system.get(f"/v1/documents/{sent.id}{path}").status_code == 200
    assert remains(shared) == before


def test_auditors_see_what_happened_never_what_it_says(shared: Exchange, sent: Sent) -> None:
    auditor = shared.auditor
    before = remains(shared)
    seen = created(auditor.get(f"/v1/documents/{sent.id}"), 200)
    assert seen["subject"] is None
    assert [status["description"] for status in seen["statuses"]] == [None]
    assert (seen["sender"], [leg["recipient"] for leg in seen["deliveries"]]) == (DISTRICT, [PROVINCE, COMMUNE])
    assert auditor.get(f"/v1/documents/{sent.id}/receipt").text == sent.receipt["receipt"]
    history = auditor.get(f"/v1/documents/{sent.id}/history")
    assert len(created(history, 200)) == 5
    assert SUBJECT not in history.text
    for path in ("/content", "/attachments", "/attachments/1"):
        refused(auditor.get(f"/v1/documents/{sent.id}{path}"), 403, "scope-missing")
    refused(auditor.get(f"/v1/documents/{uuid4()}"), 404, "not-found")
    [reading] = events_since(shared, before, event="trail.read", document_id=sent.id)
    assert (reading["actor"], reading["document"]) == (auditor.client_id, sent.id)


def test_an_auditor_that_also_exchanges_reads_no_content_of_others(
    shared: Exchange, sent: Sent, stack: ExitStack
) -> None:
    both = stack.enter_context(shared.running.system(Scope.AUDIT, Scope.EXCHANGE, agencies=[PARTY]))
    assert created(both.get(f"/v1/documents/{sent.id}"), 200)["subject"] is None
    for path in ("/content", "/attachments", "/attachments/1"):
        refused(both.get(f"/v1/documents/{sent.id}{path}"), 404, "not-found")


def test_other_clients_see_nothing(shared: Exchange, sent: Sent) -> None:
    others: tuple[AgencySystem, ...] = (shared.administrator, shared.statistician)
    for other in others:
        for path in PATHS:
            refused(other.get(f"/v1/documents/{sent.id}{path}"), 403, "scope-missing")


def test_a_recipient_it_was_withdrawn_from_keeps_the_trail_and_loses_the_content(shared: Exchange, sent: Sent) -> None:
    sender, province = shared[DISTRICT], shared[PROVINCE]
    created(report(sender, sent, "13", owner=PROVINCE, reason="Gửi nhầm"))
    created(report(province, sent, "15"))
    for path in ("/content", "/attachments", "/attachments/1"):
        refused(province.system.get(f"/v1/documents/{sent.id}{path}"), 404, "not-found")
        for other in (DISTRICT, COMMUNE):
            assert shared[other].system.get(f"/v1/documents/{sent.id}{path}").status_code == 200
    seen = sent.seen_by(province)
    assert seen["subject"] is None
    assert province.system.get(f"/v1/documents/{sent.id}/receipt").status_code == 200
    before = remains(shared)
    trail = created(province.system.get(f"/v1/documents/{sent.id}/history"), 200)
    assert trail[-1]["event"] == "delivery.withdrawn"
    # It is a party still, so its reading is not an auditor's.
    assert remains(shared) == before


def test_links_to_documents_of_others_do_not_tell_that_they_exist(shared: Exchange, sent: Sent) -> None:
    guess = ResponseFor(OrganId.parse(DISTRICT), "1/X", None, sent.receipt["document_id"])
    guessing = send(shared[PARTY], DISTRICT, response_for=(guess,))
    # The stranger names a document of others and learns nothing by it; who is a party of both sees the link.
    [link] = guessing.seen_by(shared[PARTY])["links"]
    assert (link["relation"], link["document_id"], link["document"]) == ("answers", sent.receipt["document_id"], None)
    [link] = guessing.seen_by(shared[DISTRICT])["links"]
    assert (link["direction"], link["document"]) == ("outgoing", sent.id)
    assert [link["document"] for link in sent.seen_by(shared[DISTRICT])["links"]] == [guessing.id]
    # A recipient of the first document does not learn who wrote to whom about it.
    assert sent.seen_by(shared[PROVINCE])["links"] == []
    seen = created(shared.auditor.get(f"/v1/documents/{sent.id}"), 200)
    assert [link["document"] for link in seen["links"]] == [guessing.id]
