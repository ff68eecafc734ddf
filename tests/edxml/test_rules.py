"""The table of rules: every row has its source, dates decide, and a broken check is never a pass."""

import inspect
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from app.edxml import rules
from app.edxml.clauses.agencies import RECIPIENTS_MAX
from app.edxml.model import (
    Attachment,
    Business,
    DocumentKind,
    DocumentMessage,
    Message,
    Organization,
    Receiver,
    ReceiverChange,
    Reference,
    Replacement,
    ResponseFor,
    Trace,
    Update,
)
from app.edxml.organ_id import OrganId, OrganIdForm
from app.edxml.rule import Breach, Rule
from app.findings import Severity, Verdict
from tests.edxml.messages import AT, DOCUMENT, STATUS

ALL = [*rules.DOCUMENT_RULES, *rules.STATUS_RULES]


def test_every_rule_has_a_code_a_source_and_a_sentence() -> None:
    for rule in ALL:
        assert rule.code.split(".")[0] in {"qcvn102", "qd20", "qd28", "ours"}
        assert rule.source
        function = getattr(rule.breaches, "func", rule.breaches)
        assert inspect.getdoc(function) or function.__name__ == "_too_long"


def test_codes_are_unique_in_each_table() -> None:
    for table in (rules.DOCUMENT_RULES, rules.STATUS_RULES):
        codes = [rule.code for rule in table]
        assert len(set(codes)) == len(codes)


def test_a_rule_holds_from_its_first_to_its_last_day() -> None:
    rule: Rule[DocumentMessage] = Rule(
        "qcvn102.0.x",
        Severity.ERROR,
        "x",
        lambda message, at: iter([Breach("m", "f", "/l")]),
        in_force_from=date(2026, 1, 2),
        in_force_until=date(2026, 1, 3),
    )
    assert [rule.in_force(date(2026, 1, day)) for day in (1, 2, 3, 4)] == [False, True, True, False]


def test_the_day_is_counted_in_vietnam() -> None:
    rule: Rule[DocumentMessage] = Rule(
        "qcvn102.0.x",
        Severity.ERROR,
        "x",
        lambda message, at: iter([Breach("m", "f", "/l")]),
        in_force_from=date(2026, 1, 2),
    )
    before = datetime(2026, 1, 1, 16, 59, tzinfo=UTC)
    after = datetime(2026, 1, 1, 17, 0, tzinfo=UTC)
    assert not list(rules.apply([rule], DOCUMENT, at=before))
    assert list(rules.apply([rule], DOCUMENT, at=after))


def test_a_check_that_breaks_is_fatal_and_the_others_go_on() -> None:
    def broken(message: DocumentMessage, at: datetime) -> Iterator[Breach]:
        yield Breach("half", "way", "/l")
        raise LookupError("secret of the message")

    broken_rule: Rule[DocumentMessage] = Rule("qcvn102.0.broken", Severity.INFO, "x", broken)
    fine_rule: Rule[DocumentMessage] = Rule(
        "qcvn102.0.fine", Severity.INFO, "x", lambda message, at: iter([Breach("m", "f", "/l")])
    )
    fatal, fine = rules.apply([broken_rule, fine_rule], DOCUMENT, at=AT)
    assert fatal.severity is Severity.FATAL
    assert "qcvn102.0.broken" in fatal.message
    assert "secret" not in fatal.message
    assert fine.code == "qcvn102.0.fine"
    assert not Verdict.of([fatal]).acceptable


def test_who_is_taken_strictly_is_refused_for_lengths_and_codes_of_no_form() -> None:
    raised = {rule.code for rule in ALL if rule.strict is not None}
    assert "qd20.4.organ-id-nonconforming" in raised
    assert {code for code in raised if not code.endswith("-too-long")} == {"qd20.4.organ-id-nonconforming"}
    assert all(rule.strict is Severity.ERROR for rule in ALL if rule.strict is not None)


@pytest.mark.parametrize("message", [DOCUMENT, STATUS], ids=["document", "status"])
def test_a_code_of_no_form_is_a_warning_or_refused_wherever_the_sender_wrote_it(message: Message) -> None:
    odd = OrganId.parse("28.22.H17")
    named = replace(message, sender=replace(message.sender, organ_id=odd))
    if isinstance(named, DocumentMessage):
        answered = (ResponseFor(odd, "1/X", None, "1"), ResponseFor(OrganId.parse("H41"), "1/X", None, "1"))
        update = Update(receivers_changed=True, receivers=(Receiver(odd, ReceiverChange.ADDED),))
        replaced = (Replacement("1", (odd,)),)
        business = Business(DocumentKind.UPDATE, "1", "Lý do", update=update, replacements=replaced)
        named = replace(named, response_for=answered, business=business, traces=(Trace(odd, AT),))
        places = [
            "MessageHeader/From/OrganId",
            "MessageHeader/ResponseFor[1]/OrganId",
            "TraceHeaderList/Bussiness/BussinessDocumentInfo/ReceiverList/Receiver/OrganId",
            "TraceHeaderList/Bussiness/ReplacementInfoList/ReplacementInfo/OrganIdList/OrganId",
        ]
    else:
        named = replace(named, response_for=replace(named.response_for, organ_id=odd))
        places = ["MessageHeader/From/OrganId", "MessageHeader/ResponseFor/OrganId"]
    for strict, severity in ((False, Severity.WARNING), (True, Severity.ERROR)):
        found = [each for each in rules.check(named, at=AT, strict=strict) if each.code.endswith("nonconforming")]
        assert [(each.location or "").partition("edXMLHeader/")[2] for each in found] == places
        assert {each.severity for each in found} == {severity}


def test_a_code_over_35_characters_cannot_come_from_reading_but_is_refused_all_the_same() -> None:
    long = Organization(OrganId("H" * 36, OrganIdForm.NONCONFORMING), name="x")
    for message in (replace(DOCUMENT, sender=long), replace(STATUS, sender=long)):
        assert "qcvn102.1.1.organ-id-over-35" in [finding.code for finding in rules.check(message, at=AT)]


def test_too_many_recipients() -> None:
    recipients = tuple(Organization(OrganId.parse(f"H41.{number}"), name="x") for number in range(RECIPIENTS_MAX + 1))
    findings = rules.check(replace(DOCUMENT, recipients=recipients), at=AT)
    assert [finding.code for finding in findings] == ["ours.edxml.recipients-too-many"]
    assert rules.check(replace(DOCUMENT, recipients=recipients[:-1]), at=AT) == ()


@pytest.mark.parametrize(
    "message",
    [
        replace(DOCUMENT, references=(Reference(None, name="7816.pdf"),)),
        replace(DOCUMENT, attachments=(Attachment(None, "7816.pdf", content="QUJD"),)),
    ],
    ids=["reference", "attachment"],
)
def test_nothing_matches_a_missing_content_id(message: DocumentMessage) -> None:
    assert [finding.code for finding in rules.check(message, at=AT)] == [
        "qcvn102.3.attachment-missing",
        "qcvn102.3.reference-missing",
    ]


def test_two_attachments_without_content_id_are_not_the_same() -> None:
    attachment = Attachment(None, "a.pdf", content="QUJD")
    codes = [finding.code for finding in rules.check(replace(DOCUMENT, attachments=(attachment,) * 2), at=AT)]
    assert "qcvn102.4.content-id-repeated" not in codes
