"""What is written is read again as the same message."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from app.edxml import rules
from app.edxml import vocabulary as v
from app.edxml.model import Attachment, DocumentMessage, Message, StatusMessage
from app.edxml.read import read
from app.edxml.write import write
from app.errors import RequestInvalid
from app.markup import Run, local_name, parse
from tests.edxml.messages import AT, DOCUMENT, DOCUMENTS, STATUS, STATUSES

generously = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@generously
@given(DOCUMENTS)
def test_documents_are_read_as_they_were_written(message: DocumentMessage) -> None:
    reading = read(parse(write(message)))
    assert reading.message == message, reading.findings


@generously
@given(STATUSES)
def test_statuses_are_read_as_they_were_written(message: StatusMessage) -> None:
    reading = read(parse(write(message)))
    assert reading.message == message, reading.findings


@pytest.mark.parametrize("message", [DOCUMENT, STATUS], ids=["document", "status"])
def test_what_is_written_has_no_findings(message: Message) -> None:
    reading = read(parse(write(message)))
    assert reading.findings == ()
    assert reading.message is not None
    assert rules.check(reading.message, at=AT, strict=True) == ()


def test_the_order_is_that_of_the_annex() -> None:
    root = parse(write(DOCUMENT)).root
    assert root.nsmap == {None: v.NAMESPACE}
    header = root.find(f".//{{{v.NAMESPACE}}}{v.MESSAGE_HEADER}")
    assert header is not None
    assert [local_name(child) for child in header] == [
        "From", "To", "Code", "PromulgationInfo", "DocumentType", "Subject", "SignerInfo", "DocumentId",
    ]  # fmt: skip
    assert [local_name(child) for child in root] == ["edXMLEnvelope", "AttachmentEncoded"]


def test_times_are_those_of_vietnam() -> None:
    root = etree.fromstring(write(STATUS))
    assert root.findtext(f".//{{{v.NAMESPACE}}}{v.TIMESTAMP}") == "2026/10/01 08:00:00"


def test_a_status_has_neither_body_nor_attachments() -> None:
    names = {local_name(element) for element in etree.fromstring(write(STATUS)).iter()}
    assert not names & {*v.BODIES, v.ATTACHMENT_ENCODED, v.TRACE_HEADER_LIST, v.TO}


def test_text_that_xml_cannot_carry_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="cannot be written"):
        write(replace(DOCUMENT, subject="a\x00b"))


def test_content_that_lies_elsewhere_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="another document"):
        write(replace(DOCUMENT, attachments=(Attachment("1", "a.pdf", content=Run(0, 4)),)))
