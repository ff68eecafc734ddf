"""Hardened parsing: what is read, what is refused, and that a refusal says where and costs little."""

import time

import pytest

from app.errors import DocumentRefused, DocumentTooLarge, MalformedMarkup, SubmissionRejected
from app.markup import BytesSource, MarkupLimits, parse

NAMESPACE = "urn:test"
USUAL = MarkupLimits()
TIGHT = MarkupLimits(
    depth_max=4,
    elements_max=10,
    attributes_per_element_max=3,
    attributes_max=8,
    namespaces_max=4,
    skeleton_bytes_max=4_000,
    splice_from_bytes=2_000,
    run_bytes_min=64,
    block_bytes=97,
)


def refusal(document: bytes, limits: MarkupLimits = USUAL) -> DocumentRefused:
    with pytest.raises(DocumentRefused) as caught:
        parse(document, limits=limits)
    assert all(finding.refuses and finding.fix and finding.source for finding in caught.value.findings)
    return caught.value


def codes(error: SubmissionRejected) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.location) for finding in error.findings]


def malformed(document: bytes, limits: MarkupLimits = USUAL) -> MalformedMarkup:
    with pytest.raises(MalformedMarkup) as caught:
        parse(document, limits=limits)
    return caught.value


class TestWhatIsRead:
    def test_plain_document(self) -> None:
        markup = parse(b'<?xml version="1.0" encoding="UTF-8"?><a><b>\xc4\x91</b></a>')
        assert markup.root.tag == "a"
        assert markup.root[0].text == "đ"
        assert markup.runs == ()

    def test_byte_order_mark_is_tolerated(self) -> None:
        assert parse(b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><a/>').root.tag == "a"

    @pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "Utf-8"])
    def test_utf8_by_any_of_its_names(self, encoding: str) -> None:
        assert parse(f"<?xml version='1.0' encoding='{encoding}'?><a/>".encode()).root.tag == "a"

    def test_comments_are_dropped_and_instructions_kept(self) -> None:
        """`<OrganId>000.00<!-- -->.00</OrganId>` must not be read as `000.00`."""
        markup = parse(b"<a><b>000.00<!-- x -->.00</b><?pi data?></a>")
        assert markup.root[0].text == "000.00.00"
        assert len(markup.root) == 2

    def test_a_source_may_be_given_instead_of_bytes(self) -> None:
        assert parse(BytesSource(b"<a/>")).root.tag == "a"

    def test_doctype_in_a_comment_is_text(self) -> None:
        assert parse(b"<!-- <!DOCTYPE a> --><a><![CDATA[<!DOCTYPE a>]]></a>").root.text == "<!DOCTYPE a>"

    def test_many_namespaced_attributes_within_the_limits(self) -> None:
        document = b"<a>" + b'<b c="1" d="2"/>' * 4 + b"</a>"
        assert len(parse(document, limits=TIGHT).root) == 4


class TestWhatIsForbidden:
    @pytest.mark.parametrize(
        "document",
        [
            b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
            b'<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>',
            b'<!DOCTYPE a PUBLIC "-//x" "http://localhost:1/x.dtd"><a/>',
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
            b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://localhost:1/x"> %p;]><a/>',
        ],
    )
    def test_document_type(self, document: bytes) -> None:
        assert codes(refusal(document)) == [("ours.markup.doctype", "1:1")]

    def test_document_type_behind_declaration_comment_and_instruction(self) -> None:
        document = b'<?xml version="1.0"?>\n<!-- x -->\n <?pi x?><!DOCTYPE a><a/>'
        assert codes(refusal(document)) == [("ours.markup.doctype", "3:10")]

    def test_entity_bomb_is_refused_at_once(self) -> None:
        """Billion laughs: ten entities, each ten times the one before."""
        entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 11))
        document = f'<!DOCTYPE a [<!ENTITY e0 "ha">{entities}]><a>&e10;</a>'.encode()
        started = time.process_time()
        assert codes(refusal(document)) == [("ours.markup.doctype", "1:1")]
        assert time.process_time() - started < 0.5

    @pytest.mark.parametrize(
        "document",
        [
            "<a>é</a>".encode("utf-16"),
            "<a>é</a>".encode("utf-16-le"),
            "<a>é</a>".encode("utf-16-be"),
            "<a>é</a>".encode("utf-32"),
            b'<?xml version="1.0" encoding="windows-1258"?><a/>',
            b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
            b'<?xml version="1.0" encoding="UTF-7"?><a/>',
        ],
    )
    def test_other_encodings(self, document: bytes) -> None:
        assert codes(refusal(document)) == [("ours.markup.encoding", "1:1")]

    @pytest.mark.parametrize("version", ["1.1", "2.0", ""])
    def test_other_versions(self, version: str) -> None:
        """Canonical XML is defined for XML 1.0 only."""
        assert codes(refusal(f'<?xml version="{version}"?><a/>'.encode())) == [("ours.markup.version", "1:1")]


class TestLimits:
    def test_a_longer_document_is_too_large(self) -> None:
        with pytest.raises(DocumentTooLarge):
            parse(b"<a>" + b"x" * 100 + b"</a>", limits=MarkupLimits(body_bytes_max=50))

    def test_depth(self) -> None:
        assert codes(refusal(b"<a><a><a><a><b/></a></a></a></a>", TIGHT)) == [("ours.markup.depth", "/a/a/a/a/b")]
        assert parse(b"<a><a><a><b/></a></a></a>", limits=TIGHT)

    def test_ten_thousand_deep(self) -> None:
        started = time.process_time()
        error = refusal(b"<a>" * 10_000 + b"</a>" * 10_000)
        assert codes(error) == [("ours.markup.depth", "1:771")]
        assert "64" in error.findings[0].message
        assert time.process_time() - started < 0.5

    def test_depth_in_a_document_so_long_that_trees_may_be_huge(self) -> None:
        document = b"<a>" * 10_000 + b"</a>" * 10_000 + b"<!--" + b"\xc4\x91" * 5_000_000 + b"-->"
        assert codes(refusal(document))[0][0] == "ours.markup.depth"

    def test_fifty_thousand_attributes(self) -> None:
        document = b"<a " + b" ".join(b'b%d=""' % n for n in range(50_000)) + b"/>"
        started = time.process_time()
        assert [code for code, _ in codes(refusal(document))] == ["ours.markup.attributes"]
        assert time.process_time() - started < 0.5

    def test_attributes_of_one_element(self) -> None:
        error = refusal(b'<a><b/><b w="" x="" y="" z=""/></a>', TIGHT)
        assert codes(error) == [("ours.markup.attributes-on-element", "/a/b[2]")]

    def test_attributes_in_all(self) -> None:
        error = refusal(b"<a>" + b'<b x="" y="" z=""/>' * 3 + b"</a>", TIGHT)
        assert codes(error) == [("ours.markup.attributes", None)]

    @pytest.mark.parametrize("text", ['"=" ' * 5, "= " * 50, "\" '" * 50])
    def test_equal_signs_and_quotes_in_a_text_are_no_attributes(self, text: str) -> None:
        assert parse(f"<a>{text}</a>".encode(), limits=TIGHT).root.text == text

    def test_elements(self) -> None:
        assert codes(refusal(b"<a>" + b"<b/>" * 10 + b"</a>", TIGHT)) == [("ours.markup.elements", None)]
        assert parse(b"<a>" + b"<b/>" * 9 + b"</a>", limits=TIGHT)

    @pytest.mark.parametrize("tag", [b"<b/>", b"<b></b>"])
    def test_three_million_elements(self, tag: bytes) -> None:
        document = b"<a>\n" + tag * 3_000_000 + b"</a>"
        started = time.process_time()
        ((code, location),) = codes(refusal(document))
        assert code == "ours.markup.elements"
        assert location is not None
        assert location.startswith("2:")
        assert time.process_time() - started < 1

    def test_too_many_elements_in_a_short_document(self) -> None:
        limits = MarkupLimits(elements_max=10)
        error = refusal(b"<a>" + b"<b/>" * 2_000 + b"</a>", limits)
        assert codes(error) == [("ours.markup.elements", "1:4080")]

    def test_namespaces(self) -> None:
        error = refusal(b"<a>" + b'<b xmlns="u"/>' * 5 + b"</a>", TIGHT)
        assert codes(error) == [("ours.markup.namespaces", "1:63")]

    def test_too_much_besides_attachments(self) -> None:
        error = refusal(b"<a>" + b"\xc4\x91" * 3_000 + b"</a>", TIGHT)
        assert codes(error) == [("ours.markup.skeleton", None)]
        assert "6007 bytes" in error.findings[0].message

    def test_a_text_longer_than_the_parser_takes(self) -> None:
        """The parser refuses texts above ten million bytes unless told otherwise; ours are told by their length."""
        text = b"\xc4\x91" * 5_500_000
        assert len(parse(b"<a>" + text + b"</a>").root.text or "") == 5_500_000

    def test_a_name_longer_than_the_parser_takes(self) -> None:
        error = refusal(b"<" + b"a" * 60_000 + b"/>")
        assert [code for code, _ in codes(error)] == ["ours.markup.resources"]


class TestMalformed:
    @pytest.mark.parametrize(
        ("document", "location"),
        [
            (b"", "1:1"),
            (b"   ", "1:4"),
            (b"not XML", "1:1"),
            (b"<a>\n<b></a>", "2:8"),
            (b"<a>&x;</a>", "1:7"),
            (b'<a b="1" b="2"/>', "1:15"),
            (b"<a><x:b/></a>", "1:8"),
            (b"<a/><b/>", "1:5"),
            (b"<a>\x01</a>", "1:4"),
            (b"<a>\x00</a>", "1:4"),
            ("<a>\n\tđđ</b></a>".encode(), "2:8"),
            (b"<?xml version='1.0'", "1:20"),
            (b"<!-- never closed", "1:18"),
            (b"\n<?xml version='1.0'?><a/>", "2:6"),
            (b"<a", "1:3"),
        ],
    )
    def test_not_well_formed(self, document: bytes, location: str) -> None:
        error = malformed(document)
        assert codes(error) == [("xml1.0.2.1.not-well-formed", location)]
        assert error.findings[0].source == "W3C XML 1.0 §2.1"
        assert location in str(error)

    @pytest.mark.parametrize("octets", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xc4"])
    def test_not_utf8(self, octets: bytes) -> None:
        assert codes(malformed(b"<a>\n  <b>" + octets + b"</b></a>")) == [("xml1.0.4.3.3.not-utf8", "2:6")]

    def test_the_place_is_that_in_the_bytes_sent_not_in_what_the_parser_saw(self) -> None:
        run = (b"A" * 76 + b"\n") * 60
        document = b"<a>\n<b>" + run + b"</b>\n<c></d></a>"
        assert len(document) > TIGHT.skeleton_bytes_max
        assert codes(malformed(document, TIGHT)) == [("xml1.0.2.1.not-well-formed", "63:8")]

    def test_an_error_behind_ten_million_lines_is_found_in_time(self) -> None:
        started = time.process_time()
        error = malformed(b"<a>" + b"\n" * 10_000_000 + b"<b></a>")
        assert codes(error) == [("xml1.0.2.1.not-well-formed", "10000001:8")]
        assert time.process_time() - started < 2
