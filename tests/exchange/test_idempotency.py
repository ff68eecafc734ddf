"""Sending again, at once and later: the same bytes are one document, the same DocumentId is one document."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from uuid import uuid4

from app.edxml.model import StatusCode
from tests.exchange.mail import report, send
from tests.exchange.remains import checked, events_since, remains
from tests.support.office import (
    DISTRICT,
    GOVERNMENT_OFFICE,
    PROVINCE,
    Exchange,
    created,
    current_seal,
    refused,
    register_certificate,
)

AT_ONCE = 8


def all_at_once(work: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do these things in threads that begin together."""
    gate = Barrier(len(work))

    def begin(each: Callable[[], Any]) -> Any:
        gate.wait()
        return each()

    with ThreadPoolExecutor(len(work)) as threads:
        return list(threads.map(begin, work))


class TestTheSameBytes:
    """One document, one receipt."""

    def test_get_the_first_answer(self, exchange: Exchange) -> None:
        sent = send(exchange[DISTRICT], PROVINCE)
        before = remains(exchange)
        for _ in range(2):
            again = exchange[DISTRICT].system.send(sent.body)
            assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
            assert again.headers["Location"] == f"/v1/documents/{sent.id}"
            assert again.json() == sent.receipt
        assert remains(exchange) == before

    def test_get_it_though_much_has_happened_since(self, shared: Exchange) -> None:
        sent = send(shared[DISTRICT], PROVINCE)
        created(report(shared[PROVINCE], sent, "06"))
        created(report(shared[DISTRICT], sent, "13", owner=PROVINCE, reason="Nhầm"))
        created(report(shared[PROVINCE], sent, "15"))
        again = shared[DISTRICT].system.send(sent.body)
        assert (again.status_code, again.json()) == (200, sent.receipt)

    def test_get_it_though_the_certificate_was_revoked_since(self, shared: Exchange) -> None:
        office = shared[DISTRICT]
        seal = current_seal(shared.pki, DISTRICT, "UBND huyện Mẫu", key="p256")
        registered = register_certificate(shared.administrator, DISTRICT, seal, shared.pki)
        sealed = replace(office, seal=seal)
        sent = send(sealed, PROVINCE)
        path = f"/v1/certificates/{registered['sha256']}/revoke"
        created(shared.administrator.post(path, json={"reason": "superseded"}), 200)
        again = office.system.send(sent.body)
        assert (again.status_code, again.json()) == (200, sent.receipt)
        # Only the same bytes: what is new is judged by what is true now.
        answer = office.system.send(sealed.signed(office.paper(PROVINCE)))
        assert refused(answer, 422, "document-refused") == ["rfc5280.6.3.revoked"]

    def test_from_somebody_else_are_none_of_its_business(self, shared: Exchange) -> None:
        sent = send(shared[DISTRICT], PROVINCE)
        refused(shared[PROVINCE].system.send(sent.body), 403, "agency-not-granted")

    def test_at_once_make_one_document(self, exchange: Exchange) -> None:
        office = exchange[DISTRICT]
        body = office.signed(office.paper(PROVINCE))
        before = remains(exchange)
        assert office.system.token
        answers = all_at_once([lambda: office.system.send(body)] * AT_ONCE)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: AT_ONCE - 1}
        assert len({answer.text for answer in answers}) == 1
        after = remains(exchange)
        assert after.rows - before.rows == Counter(documents=1, deliveries=1, events=2)
        assert (len(after.bodies - before.bodies), after.incoming) == (1, before.incoming)

    def test_of_a_status_at_once_make_one_report(self, exchange: Exchange) -> None:
        province = exchange[PROVINCE]
        sent = send(exchange[DISTRICT], PROVINCE)
        body = province.status(sent.named, StatusCode.RECEIVED, owner=DISTRICT)
        before = remains(exchange)
        assert province.system.token
        answers = all_at_once([lambda: province.system.report(body)] * AT_ONCE)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: AT_ONCE - 1}
        assert len({answer.text for answer in answers}) == 1
        assert remains(exchange).rows - before.rows == Counter(reports=1, deliveries=1, events=2)


class TestTheSameDocumentId:
    """Other content under a DocumentId that was used."""

    def test_later_is_refused(self, shared: Exchange) -> None:
        office = shared[DISTRICT]
        message = office.paper(PROVINCE)
        created(office.system.send(office.signed(message)))
        other = office.signed(replace(message, subject="V/v khác"))
        assert refused(office.system.send(other), 409, "document-id-taken") == ["ours.exchange.document-id-taken"]

    def test_of_another_agency_is_another_document(self, shared: Exchange) -> None:
        first = send(shared[DISTRICT], PROVINCE)
        second = send(shared[GOVERNMENT_OFFICE], PROVINCE, document_id=first.receipt["document_id"])
        assert second.id != first.id

    def test_at_once_is_accepted_exactly_once(self, exchange: Exchange) -> None:
        office = exchange[DISTRICT]
        message = office.paper(PROVINCE)
        bodies = [office.signed(replace(message, subject=f"V/v {number}")) for number in range(AT_ONCE)]
        before = remains(exchange)
        assert office.system.token
        answers = all_at_once([lambda body=body: office.system.send(body) for body in bodies])
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: AT_ONCE - 1}
        refusals = events_since(exchange, before, event="document.refused")
        assert [event["detail"]["problem"] for event in refusals] == ["document-id-taken"] * (AT_ONCE - 1)
        assert remains(exchange).rows - before.rows - Counter(events=100) == Counter(documents=1, deliveries=1)


class TestIdempotencyKey:
    """The header that ties a request to its answer."""

    def test_gives_the_first_answer(self, exchange: Exchange) -> None:
        office, key = exchange[DISTRICT], {"Idempotency-Key": str(uuid4())}
        body = office.signed(office.paper(PROVINCE))
        first = office.system.send(body, **key)
        again = office.system.send(body, **key)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json() == first.json()

    def test_belongs_to_one_body(self, shared: Exchange) -> None:
        office, key = shared[DISTRICT], {"Idempotency-Key": str(uuid4())}
        created(office.system.send(office.signed(office.paper(PROVINCE)), **key))
        before = remains(shared)
        answer = office.system.send(office.signed(office.paper(PROVINCE)), **key)
        refused(answer, 422, "idempotency-key-reused")
        # The message itself was not judged, so there is nothing to count against its sender.
        assert remains(shared) == before

    def test_belongs_to_one_call(self, shared: Exchange) -> None:
        office, key = shared[PROVINCE], {"Idempotency-Key": str(uuid4())}
        sent = send(shared[DISTRICT], PROVINCE)
        created(office.system.send(office.signed(office.paper(DISTRICT)), **key))
        status = office.status(sent.named, StatusCode.ARRIVED, owner=DISTRICT)
        refused(office.system.report(status, **key), 422, "idempotency-key-reused")
        assert sent.state_at(PROVINCE) == "available"

    def test_belongs_to_one_client(self, shared: Exchange) -> None:
        key = {"Idempotency-Key": str(uuid4())}
        for code in (DISTRICT, PROVINCE):
            office = shared[code]
            created(office.system.send(office.signed(office.paper(GOVERNMENT_OFFICE)), **key))

    def test_of_a_refused_message_is_free_again(self, shared: Exchange) -> None:
        office, key = shared[DISTRICT], {"Idempotency-Key": str(uuid4())}
        refused(office.system.send(office.signed(office.paper("H99.99")), **key), 422, "document-refused")
        created(office.system.send(office.signed(office.paper(PROVINCE)), **key))

    def test_of_a_status_gives_the_first_answer(self, shared: Exchange) -> None:
        province, key = shared[PROVINCE], {"Idempotency-Key": str(uuid4())}
        sent = send(shared[DISTRICT], PROVINCE)
        body = province.status(sent.named, StatusCode.ARRIVED, owner=DISTRICT)
        first = created(province.system.report(body, **key))
        again = province.system.report(body, **key)
        assert (again.status_code, again.json()) == (200, first)
        other = province.status(sent.named, StatusCode.RECEIVED, owner=DISTRICT)
        refused(province.system.report(other, **key), 422, "idempotency-key-reused")

    def test_is_taken_once_by_requests_at_the_same_time(self, exchange: Exchange) -> None:
        office, key = exchange[DISTRICT], {"Idempotency-Key": str(uuid4())}
        bodies = [office.signed(office.paper(PROVINCE)) for _ in range(AT_ONCE)]
        before = remains(exchange)
        assert office.system.token
        answers = all_at_once([lambda body=body: office.system.send(body, **key) for body in bodies])
        assert Counter(answer.status_code for answer in answers) == {201: 1, 422: AT_ONCE - 1}
        after = remains(exchange)
        assert after.rows - before.rows == Counter(documents=1, deliveries=1, events=2)
        [accepted] = [body for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 201]
        # Who lost the race is not stuck: its message is as new as before.
        other = next(body for body in bodies if body is not accepted)
        created(office.system.send(other))
        assert office.system.send(accepted, **key).status_code == 200

    def test_of_statuses_is_taken_once_by_requests_at_the_same_time(self, exchange: Exchange) -> None:
        province, key = exchange[PROVINCE], {"Idempotency-Key": str(uuid4())}
        sent = send(exchange[DISTRICT], PROVINCE)
        codes = ["01", "03", "04", "05", "06"] * 2
        bodies = [province.status(sent.named, StatusCode(code), owner=DISTRICT) for code in codes]
        assert province.system.token
        answers = all_at_once([lambda body=body: province.system.report(body, **key) for body in bodies])
        assert Counter(answer.status_code for answer in answers) == {201: 1, 422: len(codes) - 1}
        [kept] = sent.seen_by(exchange[DISTRICT])["statuses"]
        [answer] = [answer for answer in answers if answer.status_code == 201]
        assert (kept["id"], sent.state_at(PROVINCE)) == (answer.json()["id"], answer.json()["state"])
        found = checked(exchange)
        assert found.consistent, found.divergences
