"""Reading: the same message whatever prefixes, order and layout it is written in, and bounded findings."""

import random
import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from app.edxml import vocabulary as v
from app.edxml.model import DocumentKind, DocumentMessage, StatusMessage
from app.edxml.read import read
from app.edxml.walk import FINDINGS_MAX
from app.edxml.write import write
from app.findings import Severity
from app.markup import MarkupLimits, parse
from tests.edxml.messages import DOCUMENT, DOCUMENTS, STATUS


def document(header: str, *, inside: str = "", behind: str = "") -> bytes:
    return (
        f'<edXML xmlns="{v.NAMESPACE}"><edXMLEnvelope><edXMLHeader><MessageHeader>{header}</MessageHeader>{inside}'
        f"</edXMLHeader></edXMLEnvelope>{behind}</edXML>"
    ).encode()


MINIMAL = "<From><OrganId>H41</OrganId></From><To><OrganId>H42</OrganId></To><DocumentId>x</DocumentId>"


def read_document(header: str, *, inside: str = "", behind: str = "") -> DocumentMessage:
    message = read(parse(document(header, inside=inside, behind=behind))).message
    assert isinstance(message, DocumentMessage)
    return message


def codes(octets: bytes) -> list[str]:
    return [finding.code for finding in read(parse(octets)).findings]


@settings(max_examples=30, deadline=None)
@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_the_order_of_elements_means_nothing(message: DocumentMessage, chance: random.Random) -> None:
    """Elements of one name keep their order among themselves; everything else may stand anywhere."""
    root = etree.fromstring(write(message))
    for parent in list(root.iter()):
        names = list({child.tag for child in parent})
        chance.shuffle(names)
        children = [child for name in names for child in parent if child.tag == name]
        for child in children:
            parent.remove(child)
        parent.extend(children)
    assert read(parse(etree.tostring(root))).message == message


@settings(max_examples=30, deadline=None)
@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_prefixes_mean_nothing(message: DocumentMessage, chance: random.Random) -> None:
    def rewrite(element: etree._Element, parent: etree._Element | None) -> etree._Element:
        prefix = chance.choice([None, "edXML", "ns0", "q"])
        nsmap = {prefix: v.NAMESPACE}
        made = (
            etree.Element(element.tag, nsmap=nsmap)
            if parent is None
            else etree.SubElement(parent, element.tag, nsmap=nsmap)
        )
        made.text, made.tail = element.text, element.tail
        for name, value in element.attrib.items():
            made.set(name, value)
        for child in element:
            rewrite(child, made)
        return made

    octets = etree.tostring(rewrite(etree.fromstring(write(message)), None))
    assert read(parse(octets)).message == message


def test_what_the_signature_covers_is_read_instead_of_the_root() -> None:
    markup = parse(b"<wrapper>" + write(STATUS).partition(b"?>")[2] + b"</wrapper>")
    assert read(markup).message is None
    assert read(markup, root=markup.root[0]).message == STATUS


def test_a_status_code_makes_a_status() -> None:
    assert isinstance(read(parse(write(STATUS))).message, StatusMessage)
    assert isinstance(read(parse(write(DOCUMENT))).message, DocumentMessage)


def test_the_smallest_document() -> None:
    message = read_document(MINIMAL)
    assert message.kind is DocumentKind.NEW
    assert message.business is None
    assert message.priority == 0
    assert message.code.text == ""
    assert message.promulgated_on is None


def test_the_business_may_stand_before_the_hops() -> None:
    inside = (
        "<TraceHeaderList><Bussiness><BussinessDocType> 3 </BussinessDocType></Bussiness>"
        "<TraceHeader><Timestamp>2026/1/2 3:4:5</Timestamp></TraceHeader><TraceHeader/></TraceHeaderList>"
    )
    message = read_document(MINIMAL, inside=inside)
    assert message.kind is DocumentKind.REPLACEMENT
    assert [trace.at for trace in message.traces] == [datetime(2026, 1, 1, 20, 4, 5, tzinfo=UTC)]


def test_lists_whose_entries_have_other_names() -> None:
    message = read_document(
        MINIMAL + "<OtherInfo><ReplyFors><Code>1/A</Code><Code>2/B</Code></ReplyFors>"
        "<ReferenceCodes>3/C</ReferenceCodes><Appendixes><Appendix/></Appendixes></OtherInfo>"
        "<ResponseForTask><TaskCode>T1</TaskCode></ResponseForTask><ApplicationType>MCDT_DT</ApplicationType>"
    )
    assert message.handling.reply_fors == ("1/A", "2/B")
    assert message.handling.reference_codes == ("3/C",)
    assert message.handling.appendixes == ()
    assert message.task_codes == ("T1",)
    assert message.application_type == "MCDT_DT"


def test_an_update_in_several_pieces() -> None:
    """The vendor library may write BussinessDocumentInfo once for each part."""
    inside = (
        "<TraceHeaderList><Bussiness><DocumentId>x</DocumentId><BussinessDocType>2</BussinessDocType>"
        "<BussinessDocumentInfo><DocumentInfo>0</DocumentInfo></BussinessDocumentInfo>"
        "<BussinessDocumentInfo><DocumentInfo>1</DocumentInfo><DocumentReceiver>1</DocumentReceiver><ReceiverList>"
        "<Receiver><OrganId>H41</OrganId><ReceiverType>1</ReceiverType></Receiver></ReceiverList>"
        "</BussinessDocumentInfo></Bussiness></TraceHeaderList>"
    )
    business = read_document(MINIMAL, inside=inside).business
    assert business is not None
    assert business.update is not None
    assert business.update.document_changed
    assert business.update.receivers_changed
    assert len(business.update.receivers) == 1


def test_the_error_list_of_the_soap_era() -> None:
    inside = "<ErrorList><Error><ErrorCode>M.Exist</ErrorCode></Error><Error/></ErrorList>"
    assert [error.code for error in read_document(MINIMAL, inside=inside).errors] == ["M.Exist"]


def test_attachments_inside_the_body() -> None:
    octets = document(MINIMAL).replace(
        b"</edXMLHeader>",
        b"</edXMLHeader><edXMLBody><AttachmentEncoded><Attachment><ContentId>cid:cid:7</ContentId></Attachment>"
        b"</AttachmentEncoded></edXMLBody>",
    )
    reading = read(parse(octets))
    assert isinstance(reading.message, DocumentMessage)
    assert [attachment.content_id for attachment in reading.message.attachments] == ["7"]
    assert [finding.code for finding in reading.findings] == ["qcvn102.1.10.attachments-misplaced"]


def test_content_around_an_instruction_is_whole() -> None:
    behind = (
        "<AttachmentEncoded><Attachment><ContentTransferEncoded>QU<?x y?>JD</ContentTransferEncoded></Attachment>"
        "</AttachmentEncoded>"
    )
    assert read_document(MINIMAL, behind=behind).attachments[0].content == "QUJD"


@pytest.mark.parametrize("stray", ["<!-- c -->", "<?pi x?>"])
def test_comments_and_instructions_between_elements_mean_nothing(stray: str) -> None:
    assert read_document(MINIMAL.replace("><", f">{stray}<")).document_id == "x"


def test_a_signature_of_the_xml_signature_namespace_is_no_edxml() -> None:
    inside = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><Reference/></Signature>'
    assert codes(document(MINIMAL, inside=inside)) == []


def test_elements_of_nobody_in_foreign_namespaces_are_ignored() -> None:
    assert codes(document(MINIMAL + '<x:extension xmlns:x="urn:x"/>')) == []


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026/09/30", date(2026, 9, 30)),
        ("2026/9/3", date(2026, 9, 3)),
        ("2026/09/30T00:00:00Z", date(2026, 9, 30)),
        ("0001/01/01", date(1, 1, 1)),
        ("26/09/30", None),
        ("2026/13/01", None),
        ("0000/01/01", None),
        ("٢٠٢٦/09/30", None),
        ("2026/09/30\nx", None),
    ],
)
def test_days(text: str, day: date | None) -> None:
    reading = read(parse(document(f"{MINIMAL}<DueDate>{text}</DueDate>")))
    if day is None:
        assert reading.message is None
        assert [finding.code for finding in reading.findings] == ["qcvn102.1.9.due-date-malformed"]
    else:
        assert isinstance(reading.message, DocumentMessage)
        assert reading.message.due_date == day


@pytest.mark.parametrize("text", ["0001/01/01 00:00:00", "2026/02/29 00:00:00", "2026/01/01 24:00:00", "now"])
def test_times_that_are_none_are_left_out(text: str) -> None:
    octets = write(STATUS).replace(b"2026/10/01 08:00:00", text.encode())
    reading = read(parse(octets))
    assert isinstance(reading.message, StatusMessage)
    assert reading.message.reported_at is None
    assert [finding.code for finding in reading.findings] == ["qcvn102.1.4.timestamp-malformed"]


class TestManyFindings:
    def test_findings_are_bounded_and_quick(self) -> None:
        recipients = "<To><OrganId>?</OrganId></To>" * 10_000
        started = time.process_time()
        reading = read(parse(document(recipients)))
        assert time.process_time() - started < 3
        assert reading.message is None
        assert FINDINGS_MAX <= len(reading.findings) <= FINDINGS_MAX + 1

    def test_the_first_error_is_kept_though_there_is_no_more_room(self) -> None:
        recipients = "<To><OrganId>vxp.saas.03</OrganId></To>" * (FINDINGS_MAX + 10)
        reading = read(parse(document(f"<From/>{recipients}".replace("<From/>", MINIMAL) + "<DueDate>?</DueDate>")))
        assert reading.message is None
        assert reading.findings[-1].code == "qcvn102.1.9.due-date-malformed"
        assert [finding.severity for finding in reading.findings].count(Severity.ERROR) == 1

    def test_missing_elements_count_though_there_is_no_more_room(self) -> None:
        recipients = "<To><OrganId/></To>" * (FINDINGS_MAX + 10)
        reading = read(parse(document(MINIMAL + recipients)))
        assert reading.message is None
        assert len(reading.findings) == FINDINGS_MAX


class TestLongTexts:
    LONG = "A" * 70_000

    @pytest.mark.parametrize("limits", [MarkupLimits(), MarkupLimits(splice_from_bytes=0)], ids=["whole", "cut"])
    def test_a_field_of_70_000_letters_is_refused_cut_or_whole(self, limits: MarkupLimits) -> None:
        reading = read(parse(document(f"{MINIMAL}<Subject>{self.LONG}</Subject>"), limits=limits))
        assert reading.message is None
        (finding,) = reading.findings
        assert finding.code == "ours.edxml.text-too-long"
        assert "70000" in finding.message
