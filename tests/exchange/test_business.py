"""Revocations, updates and replacements over HTTP, on both databases: what becomes of the documents they are about."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest

from app.edxml.model import DocumentKind, ResponseFor, StatusCode
from app.edxml.organ_id import OrganId
from app.regulations.provisions import Effect
from tests.exchange.business_messages import (
    ADDED,
    BUSINESS,
    HEADER,
    REMOVED,
    happened,
    id_of,
    kept,
    leg,
    refusing,
    remarks,
    replacement,
    revocation,
    standing,
    told,
    under,
    update,
    waiting,
    written,
)
from tests.exchange.desk_work import acting, submitting
from tests.exchange.mail import close, enlist, report, send
from tests.exchange.remains import checked, events_since, remains
from tests.support.office import (
    COMMUNE,
    DISTRICT,
    GOVERNMENT_OFFICE,
    PARTY,
    PROVINCE,
    Exchange,
    business,
    created,
    outcomes,
    refused,
)

PLACES = {
    "revocation": f"{BUSINESS}/DocumentId",
    "update": f"{BUSINESS}/DocumentId",
    "replacement": f"{BUSINESS}/ReplacementInfoList/ReplacementInfo/DocumentId",
}
NOWHERE = "000.00.20.H41,2020/01/01,1/TRUOC-TRUC"


class TestRevocation:
    """BussinessDocType 1."""

    def test_asks_everybody_it_addresses_for_the_document_back(self, exchange: Exchange) -> None:
        sender = exchange[DISTRICT]
        sent = send(sender, PROVINCE, COMMUNE, PARTY)
        revoked = send(sender, PROVINCE, COMMUNE, business=revocation(id_of(sent)))
        for code in (PROVINCE, COMMUNE):
            assert standing(sent, code, "state", "change_by") == ("withdrawal_requested", revoked.id)
        assert standing(sent, PARTY, "state", "change_by") == ("available", None)
        left_out = remarks(revoked)["recipients-not-addressed"]
        assert (left_out["severity"], left_out["location"]) == ("warning", f"{HEADER}/MessageHeader/To")
        assert PARTY in left_out["message"]
        asked = happened(sent, "delivery.change_requested")
        assert [(each["agency"], each["detail"]) for each in asked] == [
            (code, {"by": revoked.id, "relation": "revokes", "asks": "withdrawal", "state": "withdrawal_requested"})
            for code in (PROVINCE, COMMUNE)
        ]

    def test_agreed_to_takes_the_document_and_leaves_the_evidence(self, shared: Exchange) -> None:
        sender, province = shared[DISTRICT], shared[PROVINCE]
        sent = send(sender, PROVINCE)
        revoked = send(sender, PROVINCE, business=revocation(id_of(sent)))
        assert created(report(province, sent, "15"))["state"] == "withdrawn"
        assert created(report(province, sent, "15"))["state"] == "withdrawn"
        assert outcomes(created(province.system.acknowledge([sent.delivery_to(PROVINCE)]), 200)["items"]) == [
            "not-found"
        ]
        for path in ("content", "attachments", "attachments/1"):
            refused(province.system.get(f"/v1/documents/{sent.id}/{path}"), 404, "not-found")
        seen = sent.seen_by(province)
        assert (seen["subject"], seen["sha256"]) == (None, sent.receipt["sha256"])
        assert [status["status_code"] for status in seen["statuses"]] == ["15", "15"]
        assert province.system.get(f"/v1/documents/{sent.id}/history").status_code == 200
        assert sender.system.content(sent.id).content == sent.body
        # The revocation itself stays readable for whom it was sent to.
        assert province.system.content(revoked.id).content == revoked.body
        [withdrawn] = happened(sent, "delivery.withdrawn")
        assert (withdrawn["agency"], withdrawn["detail"]["by"]) == (DISTRICT, revoked.id)

    def test_refused_leaves_the_document_and_may_be_asked_again(self, shared: Exchange) -> None:
        sender, province = shared[DISTRICT], shared[PROVINCE]
        sent = send(sender, PROVINCE)
        send(sender, PROVINCE, business=revocation(id_of(sent)))
        assert created(report(province, sent, "16", reason="Đã giải quyết"))["state"] == "change_refused"
        assert province.system.content(sent.id).status_code == 200
        again = send(sender, PROVINCE, business=revocation(id_of(sent)))
        assert standing(sent, PROVINCE, "state", "change_by") == ("withdrawal_requested", again.id)

    def test_asks_once_where_13_asked_before(self, shared: Exchange) -> None:
        sender = shared[DISTRICT]
        sent = send(sender, PROVINCE)
        asked = created(report(sender, sent, "13", owner=PROVINCE, reason="Gửi nhầm"))
        send(sender, PROVINCE, business=revocation(id_of(sent)))
        assert leg(sent, PROVINCE)["change_by"] == asked["id"]
        assert happened(sent, "delivery.change_requested") == []

    def test_leaves_alone_what_has_ended(self, shared: Exchange) -> None:
        sender = shared[DISTRICT]
        sent = send(sender, PROVINCE)
        created(report(shared[PROVINCE], sent, "02", reason="Sai thẩm quyền"))
        revoked = send(sender, PROVINCE, business=revocation(id_of(sent)))
        assert leg(sent, PROVINCE)["state"] == "refused"
        assert remarks(revoked)["nobody-holds"]["severity"] == "info"

    def test_of_a_document_in_progress_waits_while_the_recipient_goes_on(self, shared: Exchange) -> None:
        sender, province = shared[DISTRICT], shared[PROVINCE]
        sent = send(sender, PROVINCE)
        created(report(province, sent, "03"))
        send(sender, PROVINCE, business=revocation(id_of(sent)))
        assert created(report(province, sent, "06"))["state"] == "withdrawal_requested"
        assert standing(sent, PROVINCE, "state", "progress") == ("withdrawal_requested", "completed")

    def test_takes_effect_at_once_where_the_rule_says_so(self, shared: Exchange) -> None:
        sender, province = shared[DISTRICT], shared[PROVINCE]
        sent = send(sender, PROVINCE)
        body = sender.signed(written(sender, revocation(id_of(sent)), PROVINCE))
        done = acting(shared, sender, submitting(body), policy=under(shared, revocation=Effect.AT_ONCE))
        assert leg(sent, PROVINCE)["state"] == "withdrawn"
        refused(province.system.content(sent.id), 404, "not-found")
        [notice] = told(shared, province, "withdrawn", sent)
        assert notice["notice"]["delivery"]["id"] == sent.delivery_to(PROVINCE)
        [withdrawn] = happened(sent, "delivery.withdrawn")
        assert withdrawn["detail"] == {
            "by": done.document["id"],
            "relation": "revokes",
            "state": "withdrawn",
            "in_inbox": False,
            "recipient": PROVINCE,
        }


class TestUpdate:
    """BussinessDocType 2."""

    def test_agreed_to_holds_instead(self, exchange: Exchange) -> None:
        sender, province = exchange[DISTRICT], exchange[PROVINCE]
        sent = send(sender, PROVINCE)
        changed = send(sender, PROVINCE, business=update(id_of(sent)))
        assert standing(sent, PROVINCE, "state", "superseded_by") == ("update_requested", None)
        [item] = [each for each in waiting(exchange, province, "document") if each["document"]["id"] == sent.id]
        assert (item["change"], item["change_by"]) == ("update_requested", changed.id)
        assert created(report(province, sent, "15"))["state"] == "change_accepted"
        assert standing(sent, PROVINCE, "state", "superseded_by") == ("change_accepted", changed.id)
        assert kept(exchange, sent.delivery_to(PROVINCE)).due_at is None
        # Both stay readable: an update takes nothing away.
        assert province.system.content(sent.id).content == sent.body
        assert province.system.content(changed.id).content == changed.body
        [superseded] = happened(sent, "delivery.superseded")
        assert superseded["agency"] == PROVINCE
        assert (superseded["detail"]["by"], superseded["detail"]["relation"]) == (changed.id, "updates")

    def test_refused_leaves_the_document_as_it_was(self, shared: Exchange) -> None:
        sender, province = shared[DISTRICT], shared[PROVINCE]
        sent = send(sender, PROVINCE)
        changed = send(sender, PROVINCE, business=update(id_of(sent)))
        assert created(report(province, sent, "16", reason="Đã ban hành"))["state"] == "change_refused"
        assert standing(sent, PROVINCE, "superseded_by", "change_by") == (None, changed.id)

    def test_a_later_update_is_the_one_that_is_answered(self, shared: Exchange) -> None:
        sender, province = shared[DISTRICT], shared[PROVINCE]
        sent = send(sender, PROVINCE)
        first = send(sender, PROVINCE, business=update(id_of(sent)))
        second = send(sender, PROVINCE, business=update(id_of(sent)))
        asked = happened(sent, "delivery.change_requested")
        assert [each["detail"]["by"] for each in asked] == [first.id, second.id]
        created(report(province, sent, "15"))
        assert leg(sent, PROVINCE)["superseded_by"] == second.id

    def test_changes_nothing_of_what_is_to_be_given_back(self, shared: Exchange) -> None:
        sender, province = shared[DISTRICT], shared[PROVINCE]
        sent = send(sender, PROVINCE)
        revoked = send(sender, PROVINCE, business=revocation(id_of(sent)))
        send(sender, PROVINCE, business=update(id_of(sent)))
        assert standing(sent, PROVINCE, "state", "change_by") == ("withdrawal_requested", revoked.id)
        assert created(report(province, sent, "15"))["state"] == "withdrawn"

    def test_an_added_receiver_gets_the_document_as_if_it_had_been_sent_to_it(self, exchange: Exchange) -> None:
        sender, party = exchange[DISTRICT], exchange[PARTY]
        sent = send(sender, PROVINCE)
        changed = send(sender, PROVINCE, PARTY, business=update(id_of(sent), (PARTY, ADDED)))
        added = leg(sent, PARTY)
        assert (added["state"], added["added_by"], added["change_by"]) == ("available", changed.id, None)
        listed = [item["document"]["id"] for item in waiting(exchange, party, "document")]
        assert (listed.count(sent.id), listed.count(changed.id)) == (1, 1)
        assert party.system.content(sent.id).content == sent.body
        assert created(report(party, sent, "03"))["state"] == "received"
        row = kept(exchange, added["id"])
        assert row.due_at is not None
        [available] = [event for event in happened(sent, "delivery.available") if event["delivery"] == added["id"]]
        assert available["detail"]["added_by"] == changed.id
        # Who sends the first document again still gets its first answer.
        assert sender.system.send(sent.body).json() == sent.receipt

    def test_who_is_added_without_being_addressed_gets_the_document_alone(self, shared: Exchange) -> None:
        sender = shared[DISTRICT]
        sent = send(sender, PROVINCE)
        changed = send(sender, PROVINCE, business=update(id_of(sent), (PARTY, ADDED)))
        assert leg(sent, PARTY)["state"] == "available"
        assert [each["recipient"] for each in changed.receipt["deliveries"]] == [PROVINCE]
        assert shared[PARTY].system.content(sent.id).content == sent.body
        refused(shared[PARTY].system.content(changed.id), 404, "not-found")

    def test_who_has_it_already_is_not_given_it_twice(self, shared: Exchange) -> None:
        sender = shared[DISTRICT]
        sent = send(sender, PROVINCE, COMMUNE)
        changed = send(sender, PROVINCE, business=update(id_of(sent), ("H41", ADDED), (COMMUNE, ADDED)))
        assert len(sent.seen_by(sender)["deliveries"]) == 2
        found = [each for each in changed.receipt["verification"]["findings"] if "already" in each["code"]]
        listed = f"{BUSINESS}/BussinessDocumentInfo/ReceiverList"
        assert [(each["severity"], each["location"]) for each in found] == [
            ("info", f"{listed}/Receiver[1]/OrganId"),
            ("info", f"{listed}/Receiver[2]/OrganId"),
        ]
        # It was addressed all the same, so it is asked.
        assert leg(sent, PROVINCE)["state"] == "update_requested"

    def test_a_dropped_receiver_is_asked_for_it_back_and_told(self, shared: Exchange) -> None:
        sender, commune = shared[DISTRICT], shared[COMMUNE]
        sent = send(sender, PROVINCE, COMMUNE)
        changed = send(sender, PROVINCE, business=update(id_of(sent), (COMMUNE, REMOVED)))
        assert standing(sent, COMMUNE, "state", "change_by") == ("withdrawal_requested", changed.id)
        assert leg(sent, PROVINCE)["state"] == "update_requested"
        [notice] = told(shared, commune, "dropped", sent)
        assert notice["notice"]["delivery"] == {
            "id": sent.delivery_to(COMMUNE),
            "recipient": COMMUNE,
            "state": "withdrawal_requested",
        }
        assert created(report(commune, sent, "15"))["state"] == "withdrawn"
        refused(commune.system.content(sent.id), 404, "not-found")
        assert created(report(shared[PROVINCE], sent, "15"))["state"] == "change_accepted"
        assert remarks(changed) == {}

    def test_who_was_dropped_may_be_added_again(self, shared: Exchange) -> None:
        sender, commune = shared[DISTRICT], shared[COMMUNE]
        sent = send(sender, PROVINCE, COMMUNE)
        send(sender, PROVINCE, business=update(id_of(sent), (COMMUNE, REMOVED)))
        too_early = send(sender, PROVINCE, business=update(id_of(sent), (COMMUNE, ADDED)))
        assert remarks(too_early)["receiver-already-recipient"]["severity"] == "warning"
        created(report(commune, sent, "15"))
        send(sender, PROVINCE, business=update(id_of(sent), (COMMUNE, ADDED)))
        legs = [each for each in sent.seen_by(sender)["deliveries"] if each["recipient"] == COMMUNE]
        assert [each["state"] for each in legs] == ["withdrawn", "available"]
        # Reports are about the newest one.
        assert created(report(commune, sent, "03"))["state"] == "received"
        assert commune.system.content(sent.id).content == sent.body

    def test_dropping_who_never_received_it_is_said_to_be_in_vain(self, shared: Exchange) -> None:
        sender = shared[DISTRICT]
        sent = send(sender, PROVINCE)
        changed = send(sender, PROVINCE, business=update(id_of(sent), (PARTY, REMOVED), ("H99.99", REMOVED)))
        found = [each for each in changed.receipt["verification"]["findings"] if "not-recipient" in each["code"]]
        listed = f"{BUSINESS}/BussinessDocumentInfo/ReceiverList"
        assert [(each["severity"], each["location"]) for each in found] == [
            ("warning", f"{listed}/Receiver[1]/OrganId"),
            ("warning", f"{listed}/Receiver[2]/OrganId"),
        ]

    def test_who_cannot_be_reached_cannot_be_added(self, shared: Exchange, stack: ExitStack) -> None:
        sender, gone = shared[DISTRICT], enlist(shared, stack)
        created(shared.administrator.post(f"/v1/agencies/{gone.organ_id}/suspend", json={"reason": "requested"}), 200)
        sent = send(sender, PROVINCE)
        receivers = (("H99.99", ADDED), (gone.organ_id, ADDED))
        before = remains(shared)
        answer = sender.system.send(sender.signed(written(sender, update(id_of(sent), *receivers), PROVINCE)))
        assert [(each["code"], each["location"].rpartition("ReceiverList/")[2]) for each in refusing(answer)] == [
            ("ours.route.recipient-unknown", "Receiver[1]/OrganId"),
            ("ours.route.recipient-suspended", "Receiver[2]/OrganId"),
        ]
        assert remains(shared).less_events() == before.less_events()
        assert leg(sent, PROVINCE)["state"] == "available"

    def test_an_added_code_that_is_closed_leads_to_its_successor(self, shared: Exchange, stack: ExitStack) -> None:
        sender, old, new = shared[DISTRICT], enlist(shared, stack), enlist(shared, stack)
        close(shared, old, new)
        sent = send(sender, PROVINCE)
        changed = send(sender, PROVINCE, business=update(id_of(sent), (old.organ_id, ADDED)))
        assert "redirected" in remarks(changed)
        assert (leg(sent, new.organ_id)["addressed_to"], leg(sent, new.organ_id)["state"]) == (
            old.organ_id,
            "available",
        )
        assert told(shared, sender, "redirected", sent) != []

    def test_takes_effect_at_once_where_the_rule_says_so(self, shared: Exchange) -> None:
        sender, commune = shared[DISTRICT], shared[COMMUNE]
        sent = send(sender, PROVINCE, COMMUNE)
        body = sender.signed(written(sender, update(id_of(sent), (COMMUNE, REMOVED)), PROVINCE))
        done = acting(shared, sender, submitting(body), policy=under(shared, update=Effect.AT_ONCE))
        assert standing(sent, PROVINCE, "state", "superseded_by") == (
            "available",
            done.document["id"],
        )
        assert leg(sent, COMMUNE)["state"] == "withdrawn"
        assert len(told(shared, commune, "dropped", sent)) == 1
        assert told(shared, commune, "withdrawn", sent) == []

    def test_two_that_add_the_same_receiver_add_it_once(self, exchange: Exchange) -> None:
        sender = exchange[DISTRICT]
        sent = send(sender, PROVINCE)
        bodies = [sender.signed(written(sender, update(id_of(sent), (PARTY, ADDED)), PROVINCE)) for _ in range(4)]
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(sender.system.send, bodies))
        assert {answer.status_code for answer in answers} == {201}
        assert [each["recipient"] for each in sent.seen_by(sender)["deliveries"]] == [PROVINCE, PARTY]


class TestReplacement:
    """BussinessDocType 3."""

    def test_holds_for_everybody_where_nobody_is_listed(self, exchange: Exchange) -> None:
        sender, province, commune = exchange[DISTRICT], exchange[PROVINCE], exchange[COMMUNE]
        sent = send(sender, PROVINCE, COMMUNE)
        created(report(province, sent, "03"))
        instead = send(sender, PROVINCE, business=replacement((id_of(sent), ())))
        for code, state in ((PROVINCE, "received"), (COMMUNE, "available")):
            assert standing(sent, code, "state", "superseded_by") == (state, instead.id)
        # Who does not receive the replacement is told; who does needs not be.
        [notice] = told(exchange, commune, "superseded", sent)
        assert notice["notice"]["delivery"]["id"] == sent.delivery_to(COMMUNE)
        assert told(exchange, province, "superseded", sent) == []
        superseded = happened(sent, "delivery.superseded")
        assert [(each["agency"], each["detail"]) for each in superseded] == [
            (code, {"by": instead.id, "relation": "replaces", "state": state})
            for code, state in ((PROVINCE, "received"), (COMMUNE, "available"))
        ]
        assert province.system.content(sent.id).content == sent.body
        assert kept(exchange, sent.delivery_to(COMMUNE)).due_at is None
        assert created(report(province, sent, "06"))["state"] == "completed"

    def test_holds_only_for_those_that_are_listed(self, shared: Exchange) -> None:
        sender = shared[DISTRICT]
        first, second = send(sender, PROVINCE, COMMUNE), send(sender, COMMUNE)
        instead = send(
            sender,
            PROVINCE,
            COMMUNE,
            business=replacement((id_of(first), ["H41"]), (id_of(second), [COMMUNE])),
        )
        assert leg(first, PROVINCE)["superseded_by"] == instead.id
        assert leg(first, COMMUNE)["superseded_by"] is None
        assert leg(second, COMMUNE)["superseded_by"] == instead.id
        assert remarks(instead) == {}
        assert told(shared, shared[COMMUNE], "superseded", first) == []

    def test_names_a_document_twice_as_the_vendor_does(self, shared: Exchange) -> None:
        sender = shared[DISTRICT]
        sent = send(sender, PROVINCE, COMMUNE)
        said = replacement((id_of(sent), [PROVINCE]), (id_of(sent), [COMMUNE]))
        instead = send(sender, PROVINCE, COMMUNE, business=said)
        assert [leg(sent, code)["superseded_by"] for code in (PROVINCE, COMMUNE)] == [instead.id] * 2
        assert len(happened(sent, "delivery.superseded")) == 2

    def test_listing_who_never_received_it_is_said_to_be_in_vain(self, shared: Exchange) -> None:
        sender = shared[DISTRICT]
        sent = send(sender, PROVINCE)
        instead = send(sender, PROVINCE, business=replacement((id_of(sent), [PROVINCE, PARTY])))
        found = remarks(instead)["receiver-not-recipient"]
        assert found["severity"] == "warning"
        assert found["location"] == f"{BUSINESS}/ReplacementInfoList/ReplacementInfo/OrganIdList/OrganId[2]"

    def test_waits_for_an_answer_where_the_rule_says_so(self, shared: Exchange) -> None:
        sender, province = shared[DISTRICT], shared[PROVINCE]
        sent = send(sender, PROVINCE)
        body = sender.signed(written(sender, replacement((id_of(sent), ())), PROVINCE))
        done = acting(shared, sender, submitting(body), policy=under(shared, replacement=Effect.ON_ANSWER))
        assert leg(sent, PROVINCE)["state"] == "update_requested"
        created(report(province, sent, "15"))
        assert leg(sent, PROVINCE)["superseded_by"] == done.document["id"]
        [superseded] = happened(sent, "delivery.superseded")
        assert superseded["detail"]["relation"] == "replaces"

    def test_an_earlier_update_that_is_agreed_to_later_does_not_undo_it(self, shared: Exchange) -> None:
        sender, province = shared[DISTRICT], shared[PROVINCE]
        sent = send(sender, PROVINCE)
        send(sender, PROVINCE, business=update(id_of(sent)))
        instead = send(sender, PROVINCE, business=replacement((id_of(sent), ())))
        assert created(report(province, sent, "15"))["state"] == "change_accepted"
        assert leg(sent, PROVINCE)["superseded_by"] == instead.id


class TestWhatTheSenderDidNotSend:
    """Unknown and somebody else's answer alike, and leave one event."""

    @pytest.mark.parametrize("kind", PLACES)
    @pytest.mark.parametrize("whose", ["nobody's", "somebody else's"])
    def test_refuses_the_message(self, shared: Exchange, kind: str, whose: str) -> None:
        office = shared[COMMUNE]
        theirs = send(shared[DISTRICT], PROVINCE, COMMUNE)
        document_id = NOWHERE if whose == "nobody's" else id_of(theirs)
        said = {
            "revocation": revocation(document_id),
            "update": update(document_id, (PARTY, ADDED), (PROVINCE, REMOVED)),
            "replacement": replacement((document_id, [PROVINCE])),
        }[kind]
        body = office.signed(written(office, said, PROVINCE))
        before = remains(shared)
        answer = office.system.send(body)
        [finding] = refusing(answer)
        assert (finding["code"], finding["location"]) == (
            "ours.exchange.concerned-document-not-sent",
            PLACES[kind],
        )
        [event] = events_since(shared, before, outcome="refused")
        assert event["detail"]["codes"] == ["ours.exchange.concerned-document-not-sent"]
        assert remains(shared).less_events() == before.less_events()
        assert leg(theirs, PROVINCE)["state"] == "available"
        checked_before = office.system.post(
            "/v1/documents/validate", content=body, headers={"Content-Type": "application/xml"}
        )
        assert "ours.exchange.concerned-document-not-sent" in [
            each["code"] for each in created(checked_before, 200)["findings"]
        ]

    def test_is_named_where_the_vendor_names_it(self, shared: Exchange) -> None:
        office = shared[DISTRICT]
        sent = send(office, PROVINCE)
        named = tuple(
            ResponseFor(OrganId.parse(PROVINCE), "1/X", None, document_id) for document_id in (id_of(sent), NOWHERE)
        )
        answer = office.system.send(
            office.signed(office.paper(PROVINCE, response_for=named, business=business(DocumentKind.REVOCATION)))
        )
        [finding] = refusing(answer)
        assert finding["location"] == f"{HEADER}/MessageHeader/ResponseFor[2]/DocumentId"

    def test_cannot_be_itself(self, shared: Exchange) -> None:
        office = shared[DISTRICT]
        message = office.paper(PROVINCE, document_id=NOWHERE, business=update(NOWHERE))
        [finding] = refusing(office.system.send(office.signed(message)))
        assert finding["code"] == "ours.exchange.concerned-document-not-sent"


class TestSuccessors:
    """Who took over acts on, and answers for, what its predecessor sent and received."""

    def test_revoke_what_their_predecessor_sent(self, shared: Exchange, stack: ExitStack) -> None:
        old, new = enlist(shared, stack), enlist(shared, stack)
        sent = send(old, PROVINCE)
        close(shared, old, new)
        revoked = send(new, PROVINCE, business=revocation(id_of(sent)))
        seen = sent.seen_by(shared[PROVINCE])
        assert [(each["state"], each["change_by"]) for each in seen["deliveries"]] == [
            ("withdrawal_requested", revoked.id)
        ]
        assert created(report(shared[PROVINCE], sent, "15"))["state"] == "withdrawn"

    def test_are_asked_for_what_their_predecessor_received(self, shared: Exchange, stack: ExitStack) -> None:
        old, new = enlist(shared, stack), enlist(shared, stack)
        sender = shared[DISTRICT]
        sent = send(sender, old.organ_id)
        close(shared, old, new)
        send(sender, new.organ_id, business=revocation(id_of(sent)))
        assert leg(sent, old.organ_id)["state"] == "withdrawal_requested"
        assert created(report(new, sent, "15"))["state"] == "withdrawn"
        [asked] = happened(sent, "delivery.change_requested")
        assert asked["agency"] == old.organ_id

    def test_are_asked_by_13_under_either_code(self, shared: Exchange, stack: ExitStack) -> None:
        old, new = enlist(shared, stack), enlist(shared, stack)
        sender = shared[DISTRICT]
        sent = send(sender, old.organ_id, PROVINCE)
        close(shared, old, new)
        asked = created(report(sender, sent, "13", owner=new.organ_id, reason="Gửi nhầm"))
        assert (asked["recipient"], asked["state"]) == (old.organ_id, "withdrawal_requested")
        assert leg(sent, PROVINCE)["state"] == "available"


class TestRedirection:
    """A closed code leads to its successor, and the sender hears of it."""

    def test_is_on_record_and_in_the_senders_inbox(self, shared: Exchange, stack: ExitStack) -> None:
        old, new = enlist(shared, stack), enlist(shared, stack)
        close(shared, old, new)
        sender = shared[DISTRICT]
        sent = send(sender, old.organ_id, PROVINCE)
        [redirected] = happened(sent, "delivery.redirected")
        assert (redirected["agency"], redirected["delivery"]) == (new.organ_id, sent.delivery_to(new.organ_id))
        assert redirected["detail"]["addressed_to"] == old.organ_id
        [notice] = told(shared, sender, "redirected", sent)
        assert notice["notice"]["delivery"]["recipient"] == new.organ_id
        assert len(sent.receipt["deliveries"]) == 2


def test_documents_and_reports_at_the_same_time_lose_nothing(exchange: Exchange) -> None:
    sender, province = exchange[DISTRICT], exchange[PROVINCE]
    sent = send(sender, PROVINCE, COMMUNE)
    said = (revocation(id_of(sent)), update(id_of(sent), (PARTY, ADDED)), replacement((id_of(sent), ())))
    sends = [(sender.system.send, sender.signed(written(sender, each, PROVINCE))) for each in said * 2]
    reports = [
        (province.system.report, province.status(sent.named, StatusCode(code), owner=DISTRICT, reason="Lý do"))
        for code in ("03", "16", "15", "06", "16", "15")
    ]
    mixed = [each for pair in zip(sends, reports, strict=True) for each in pair]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda work: work[0](work[1]), mixed))
    assert {answer.status_code for answer in answers[::2]} == {201}
    assert {answer.status_code for answer in answers[1::2]} <= {201, 409}
    legs = sent.seen_by(sender)["deliveries"]
    assert [each["recipient"] for each in legs] == [PROVINCE, COMMUNE, PARTY]


def test_what_documents_did_is_told_by_the_log_alone(exchange: Exchange) -> None:
    """Runs behind the others, on everything they left."""
    found = checked(exchange)
    assert found.consistent, found.divergences


def test_a_document_is_marked_with_what_the_rules_say_of_it(shared: Exchange) -> None:
    sender = shared[DISTRICT]
    sent = send(sender, PROVINCE)
    row = kept(shared, sent.delivery_to(PROVINCE))
    waiting = shared.running.node.desk.policy.regulations.waiting[0]
    assert row.undelivered_at == row.available_at + (waiting.undelivered_after or timedelta())
    assert row.expires_at == row.available_at + (waiting.expires_after or timedelta())
    assert row.due_at is not None
    [accepted] = happened(sent, "document.accepted")
    assert accepted["detail"]["on_time"] is True
    old = send(sender, PROVINCE, promulgated_on=sender.paper(PROVINCE).promulgated_on - timedelta(days=30))
    [accepted] = happened(old, "document.accepted")
    assert accepted["detail"]["on_time"] is False


def test_reports_say_what_they_reached_and_how_long_it_took(shared: Exchange) -> None:
    sender, province = shared[DISTRICT], shared[PROVINCE]
    sent = send(sender, PROVINCE, GOVERNMENT_OFFICE)
    for code in ("03", "01", "06", "06"):
        created(report(province, sent, code))
    created(report(shared[GOVERNMENT_OFFICE], sent, "02", reason="Sai"))
    created(report(sender, sent, "13", owner=PROVINCE, reason="Nhầm"))
    created(report(sender, sent, "13", owner=PROVINCE, reason="Nhầm lần nữa"))
    created(report(province, sent, "16", reason="Không"))
    said = [event["detail"] for event in happened(sent, "status.accepted")]
    assert [(each["status"], each["reached"], each.get("change"), each.get("on_time")) for each in said] == [
        ("03", ["arrived", "received"], None, None),
        ("01", [], None, None),
        ("06", ["assigned", "in_progress", "completed"], None, True),
        ("06", [], None, None),
        ("02", ["refused"], None, None),
        ("13", [], "requested", None),
        ("13", [], None, None),
        ("16", [], "refused", None),
    ]
    assert all(isinstance(each["seconds"], int) and each["seconds"] >= 0 for each in said)
    for code in (PROVINCE, GOVERNMENT_OFFICE):
        row = kept(shared, sent.delivery_to(code))
        assert (row.due_at, row.undelivered_at, row.expires_at) == (None, None, None)
