"""Status messages over HTTP: what may be reported, by whom, and who hears of it.

On both databases where statements are made that no other test makes there.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from app.edxml.model import Organization, ResponseFor, StatusCode, StatusMessage
from app.edxml.organ_id import OrganId
from app.edxml.write import write
from app.signing.sign import sign
from tests.exchange.mail import Sent, close, enlist, report, send
from tests.exchange.remains import checked, events_since, remains
from tests.support.office import (
    COMMUNE,
    DISTRICT,
    GOVERNMENT_OFFICE,
    PARTY,
    PROVINCE,
    Exchange,
    created,
    refused,
)


def allowed_now(answer: object) -> str:
    """The codes that a 409 names."""
    assert refused(answer, 409, "transition-not-allowed") == ["ours.status.transition"]
    problem = answer.json()  # type: ignore[attr-defined]
    [finding] = problem["findings"]
    assert finding["source"]
    listed = finding["fix"].removeprefix("Report one of: ").removesuffix(".")
    assert problem["detail"].endswith(f"allowed now: {listed}")
    return str(listed)


def test_codes_may_be_skipped_late_and_repeated_and_all_are_kept(exchange: Exchange) -> None:
    sender, province = exchange[DISTRICT], exchange[PROVINCE]
    sent = send(sender, PROVINCE)
    told = [
        (code, created(report(province, sent, code))["state"])
        for code in ("03", "01", "05", "05", "04", "06", "03", "06")
    ]
    assert told == [
        ("03", "received"),
        ("01", "received"),
        ("05", "in_progress"),
        ("05", "in_progress"),
        ("04", "in_progress"),
        ("06", "completed"),
        ("03", "completed"),
        ("06", "completed"),
    ]
    assert [status["status_code"] for status in sent.seen_by(sender)["statuses"]] == [code for code, _ in told]
    assert sent.state_at(PROVINCE) == "completed"


def test_each_recipient_has_its_own_state(shared: Exchange) -> None:
    sender = shared[DISTRICT]
    sent = send(sender, PROVINCE, COMMUNE, PARTY)
    created(report(shared[PROVINCE], sent, "06"))
    created(report(shared[COMMUNE], sent, "02", reason="Sai thẩm quyền"))
    assert [sent.state_at(code) for code in (PROVINCE, COMMUNE, PARTY)] == ["completed", "refused", "available"]


class TestRefusingADocument:
    """02."""

    def test_needs_a_reason(self, shared: Exchange) -> None:
        sent = send(shared[DISTRICT], PROVINCE)
        assert refused(report(shared[PROVINCE], sent, "02"), 422, "document-refused") == ["qd28.5.4.reason-missing"]
        assert sent.state_at(PROVINCE) == "available"

    def test_is_possible_until_the_document_was_accepted(self, shared: Exchange) -> None:
        sent = send(shared[DISTRICT], PROVINCE, COMMUNE)
        created(report(shared[PROVINCE], sent, "01"))
        assert created(report(shared[PROVINCE], sent, "02", reason="Sai"))["state"] == "refused"
        created(report(shared[COMMUNE], sent, "03"))
        assert allowed_now(report(shared[COMMUNE], sent, "02", reason="Sai")) == "01, 03, 04, 05, 06"

    def test_ends_the_delivery_and_takes_it_from_the_inbox(self, shared: Exchange) -> None:
        province = shared[PROVINCE]
        sent = send(shared[DISTRICT], PROVINCE)
        created(report(province, sent, "02", reason="Sai"))
        for code in ("01", "03", "06", "15", "16"):
            assert allowed_now(report(province, sent, code, reason="Sai")) == "02"
        assert created(report(province, sent, "02", reason="Vẫn sai"))["state"] == "refused"
        assert allowed_now(report(shared[DISTRICT], sent, "13", owner=PROVINCE, reason="Nhầm")) == "none"
        outcome = created(province.system.acknowledge([sent.delivery_to(PROVINCE)]), 200)
        assert outcome["items"][0]["outcome"] == "not-found"
        # Refusing is about processing; what was sent stays readable.
        assert province.system.content(sent.id).content == sent.body


class TestWithdrawing:
    """13, 15 and 16."""

    def test_agreed(self, exchange: Exchange) -> None:
        sender, province = exchange[DISTRICT], exchange[PROVINCE]
        sent = send(sender, PROVINCE, COMMUNE)
        before = remains(exchange)
        asked = created(report(sender, sent, "13", owner=PROVINCE, reason="Gửi nhầm"))
        assert (asked["state"], asked["recipient"]) == ("withdrawal_requested", PROVINCE)
        assert created(report(province, sent, "15"))["state"] == "withdrawn"
        assert created(report(province, sent, "15"))["state"] == "withdrawn"
        assert [sent.state_at(code) for code in (PROVINCE, COMMUNE)] == ["withdrawn", "available"]
        assert allowed_now(report(province, sent, "03")) == "15"
        assert allowed_now(report(sender, sent, "13", owner=PROVINCE, reason="Lại")) == "none"
        [withdrawn] = events_since(exchange, before, event="delivery.withdrawn")
        assert (withdrawn["agency"], withdrawn["delivery"]) == (DISTRICT, sent.delivery_to(PROVINCE))

    def test_refused_and_asked_again(self, shared: Exchange) -> None:
        sender, province = shared[DISTRICT], shared[PROVINCE]
        sent = send(sender, PROVINCE)
        created(report(province, sent, "05"))
        for _ in range(2):
            assert created(report(sender, sent, "13", owner=PROVINCE, reason="Nhầm"))["state"] == "withdrawal_requested"
            # Work goes on and is kept, but the open question stays what people see.
            assert created(report(province, sent, "06"))["state"] == "withdrawal_requested"
            assert created(report(province, sent, "16", reason="Đã xử lý"))["state"] == "change_refused"
        assert created(report(province, sent, "16", reason="Đã nói"))["state"] == "change_refused"
        assert allowed_now(report(province, sent, "15")) == "01, 03, 04, 05, 06, 16"

    def test_no_answer_without_a_question(self, shared: Exchange) -> None:
        sent = send(shared[DISTRICT], PROVINCE)
        for code in ("15", "16"):
            assert allowed_now(report(shared[PROVINCE], sent, code, reason="?")) == "01, 02, 03, 04, 05, 06"

    @pytest.mark.parametrize("code", ["13", "16"])
    def test_needs_a_reason(self, shared: Exchange, code: str) -> None:
        sent = send(shared[DISTRICT], PROVINCE)
        asked, answered = shared[DISTRICT], shared[PROVINCE]
        if code == "13":
            found = refused(report(asked, sent, "13", owner=PROVINCE), 422, "document-refused")
        else:
            created(report(asked, sent, "13", owner=PROVINCE, reason="Nhầm"))
            found = refused(report(answered, sent, "16"), 422, "document-refused")
        assert found == ["qd28.5.4.reason-missing"]

    def test_an_addressee_is_known_by_the_code_that_was_written(self, shared: Exchange, stack: ExitStack) -> None:
        closed = enlist(shared, stack)
        successor = enlist(shared, stack)
        close(shared, closed, successor)
        sender = shared[DISTRICT]
        sent = send(sender, closed.organ_id, PROVINCE)
        asked = created(report(sender, sent, "13", owner=closed.organ_id, reason="Nhầm"))
        assert asked["recipient"] == successor.organ_id
        assert sent.state_at(successor.organ_id) == "withdrawal_requested"
        assert sent.state_at(PROVINCE) == "available"


class TestParties:
    """Who may report what, and how it is found."""

    def test_who_is_no_party_reports_nothing(self, shared: Exchange) -> None:
        sent = send(shared[DISTRICT], PROVINCE)
        nobody = [
            report(shared[COMMUNE], sent, "01"),
            report(shared[COMMUNE], sent, "13", owner=PROVINCE, reason="Nhầm"),
        ]
        for answer in nobody:
            assert refused(answer, 422, "document-refused") == ["ours.status.no-such-delivery"]
        # The sender receives nothing, and a recipient has nothing to withdraw; they may know the document is there.
        for code in ("01", "02", "06", "15", "16"):
            answer = report(shared[DISTRICT], sent, code, reason="Nhầm")
            assert refused(answer, 422, "document-refused") == ["ours.status.wrong-party"]
        answer = report(shared[PROVINCE], sent, "13", owner=DISTRICT, reason="Nhầm")
        assert refused(answer, 422, "document-refused") == ["ours.status.wrong-party"]
        [finding] = [each for each in answer.json()["findings"] if each["severity"] == "error"]
        assert finding["location"].endswith("MessageHeader/StatusCode")
        assert finding["source"].startswith("QĐ 28/2018/QĐ-TTg")
        unknown = Sent(sent.office, b"", {**sent.receipt, "document_id": "000.00.20.H41,2026/01/01,0/KHONG-CO"})
        assert refused(report(shared[COMMUNE], unknown, "01"), 422, "document-refused") == [
            "ours.status.no-such-delivery"
        ]
        assert sent.seen_by(shared[DISTRICT])["statuses"] == []

    @pytest.mark.parametrize("owner", ["the reporter itself", "another agency", "nobody's code", "an alias"])
    def test_a_report_that_names_the_sender_wrongly_is_found(self, shared: Exchange, owner: str) -> None:
        sent = send(shared[DISTRICT], PROVINCE)
        codes = {"the reporter itself": PROVINCE, "another agency": COMMUNE, "nobody's code": "H99.99"}
        answer = created(report(shared[PROVINCE], sent, "03", owner=codes.get(owner, "H41.20")))
        assert (answer["document"], answer["state"]) == (sent.id, "received")

    def test_two_documents_of_one_id_are_told_apart_by_their_sender(self, exchange: Exchange) -> None:
        first = send(exchange[DISTRICT], PROVINCE)
        same = first.receipt["document_id"]
        second = send(exchange[COMMUNE], PROVINCE, document_id=same)
        province = exchange[PROVINCE]
        assert refused(report(province, first, "03", owner=PARTY), 422, "document-refused") == [
            "ours.status.no-such-delivery"
        ]
        assert created(report(province, first, "03", owner=COMMUNE))["document"] == second.id
        assert created(report(province, first, "04", owner=DISTRICT))["document"] == first.id

    def test_whom_a_report_is_meant_for_finds_it_in_the_inbox(self, exchange: Exchange, stack: ExitStack) -> None:
        sender, recipient = enlist(exchange, stack), enlist(exchange, stack)
        sent = send(sender, recipient.organ_id)
        told = created(report(recipient, sent, "01"))
        asked = created(report(sender, sent, "13", owner=recipient.organ_id, reason="Gửi nhầm"))

        [item] = sender.receive(kind="status")
        assert (item["status"]["id"], item["status"]["status_code"], item["status"]["reporter"]) == (
            told["id"],
            "01",
            recipient.organ_id,
        )
        assert (item["document"]["id"], item["kind"], item["recipient"]) == (sent.id, "status", sender.organ_id)
        [item] = recipient.receive(kind="status")
        assert (item["status"]["id"], item["status"]["status_code"]) == (asked["id"], "13")
        assert item["status"]["description"] == "Gửi nhầm"
        # The document itself still waits beside it.
        assert [each["kind"] for each in recipient.system.inbox()] == ["document", "status"]

    def test_both_parties_and_nobody_else_fetch_the_message(self, shared: Exchange) -> None:
        sent = send(shared[DISTRICT], PROVINCE, COMMUNE)
        body = shared[PROVINCE].status(sent.named, StatusCode.ARRIVED, owner=DISTRICT)
        answer = shared[PROVINCE].system.report(body)
        path = answer.headers["Location"]
        assert path == f"/v1/statuses/{created(answer)['id']}/content"
        for party in (DISTRICT, PROVINCE):
            assert shared[party].system.get(path).content == body
        # The other recipient is no party to this delivery.
        for other in (COMMUNE, PARTY):
            refused(shared[other].system.get(path), 404, "not-found")
        refused(shared.auditor.get(path), 403, "scope-missing")


class TestKeeping:
    """What is kept, and what is not."""

    def test_the_same_report_again_is_the_first_answer(self, exchange: Exchange) -> None:
        sent = send(exchange[DISTRICT], PROVINCE)
        body = exchange[PROVINCE].status(sent.named, StatusCode.ARRIVED, owner=DISTRICT)
        first = created(exchange[PROVINCE].system.report(body))
        created(report(exchange[PROVINCE], sent, "06"))
        again = exchange[PROVINCE].system.report(body)
        assert (again.status_code, again.headers["Idempotent-Replayed"], again.json()) == (200, "true", first)
        assert len(sent.seen_by(exchange[DISTRICT])["statuses"]) == 2

    def test_a_move_that_is_not_allowed_leaves_one_event_and_no_body(self, shared: Exchange) -> None:
        province = shared[PROVINCE]
        sent = send(shared[DISTRICT], PROVINCE)
        created(report(province, sent, "06"))
        before = remains(shared)
        allowed_now(report(province, sent, "02", reason="Muộn"))
        [event] = events_since(shared, before, outcome="refused")
        assert (event["event"], event["agency"]) == ("status.refused", PROVINCE)
        assert (event["detail"]["problem"], event["detail"]["codes"]) == (
            "transition-not-allowed",
            ["ours.status.transition"],
        )
        assert remains(shared).less_events() == before.less_events()

    def test_a_timestamp_before_all_time_is_no_fault_of_the_node(self, shared: Exchange) -> None:
        province = shared[PROVINCE]
        sent = send(shared[DISTRICT], PROVINCE)
        status = StatusMessage(
            sender=Organization(OrganId.parse(PROVINCE)),
            response_for=ResponseFor(OrganId.parse(DISTRICT), "1/X", None, sent.receipt["document_id"]),
            status=StatusCode.ARRIVED,
            reported_at=datetime.now(UTC),
        )
        early = re.sub(rb"(?<=<Timestamp>)[^<]*", b"0001/01/01 00:00:00", write(status))
        answer = province.system.report(sign(early, key=province.seal.key, certificate=province.seal.certificate))
        assert answer.status_code in (201, 422), answer.text

    def test_reports_at_the_same_time_lose_nothing(self, exchange: Exchange) -> None:
        province = exchange[PROVINCE]
        sent = send(exchange[DISTRICT], PROVINCE)
        codes = [code for code in ("01", "03", "04", "05", "06") for _ in range(3)]
        bodies = [province.status(sent.named, StatusCode(code), owner=DISTRICT) for code in codes]
        assert province.system.token
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(province.system.report, bodies))
        assert {answer.status_code for answer in answers} == {201}
        assert sent.state_at(PROVINCE) == "completed"
        assert sorted(each["status_code"] for each in sent.seen_by(exchange[DISTRICT])["statuses"]) == codes
        found = checked(exchange)
        assert found.consistent, found.divergences


def test_the_government_office_reports_with_rsa(shared: Exchange) -> None:
    sent = send(shared[PROVINCE], GOVERNMENT_OFFICE)
    assert created(report(shared[GOVERNMENT_OFFICE], sent, "03"))["state"] == "received"
