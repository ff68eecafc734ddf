"""Attachments in both wire forms, streamed, and refused where receivers would choke."""

import hashlib
import io
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.edxml.attachments import AttachmentRules, AttachmentSummary, DecodedAttachment, inspect, open_attachment
from app.edxml.encoding import decode, encode
from app.edxml.media import contradicts, is_executable, looks_damaged, media_type
from app.edxml.model import Attachment, DocumentMessage
from app.edxml.read import read
from app.edxml.wrapper import UnpackLimits, wrap
from app.edxml.write import write
from app.errors import DocumentRefused
from app.findings import Severity
from app.markup import FileSource, Markup, MarkupLimits, parse
from tests.edxml.messages import DOCUMENT, PDF

UUID = "5f0c8a54-7a5f-4d0e-9a53-2f1de3b0c6a1"
USUAL = UnpackLimits()
EMPTY = parse(b"<a/>")


def attachment(content: bytes | str, *, name: str | None = "a.pdf", kind: str | None = "application/pdf") -> Attachment:
    return Attachment("1", name, None, kind, content if isinstance(content, str) else encode(content))


def opened(this: Attachment, markup: Markup = EMPTY, limits: UnpackLimits = USUAL) -> tuple[AttachmentSummary, bytes]:
    with open_attachment(this, markup, limits=limits) as decoded:
        content = b"".join(decoded.slices())
        assert content == b"".join(decoded.slices())
        assert decoded.summary.size == len(content)
        assert decoded.summary.sha256 == hashlib.sha256(content).hexdigest()
        return decoded.summary, content


def refusal(this: Attachment, limits: UnpackLimits = USUAL) -> str:
    with pytest.raises(DocumentRefused) as caught:
        opened(this, limits=limits)
    (finding,) = caught.value.findings
    assert finding.refuses
    assert finding.fix
    assert finding.location
    assert finding.location.startswith("/edXML/AttachmentEncoded/Attachment")
    return finding.code


def zip_of(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), PDF)
    return file.getvalue()


class TestForms:
    def test_raw(self) -> None:
        summary, content = opened(attachment(PDF))
        assert content == PDF
        assert summary.media_type == "application/pdf"
        assert not summary.wrapped

    @pytest.mark.parametrize("kind", ["application/zip", None, "application/pdf"])
    def test_wrapped_whatever_the_type_says(self, kind: str | None) -> None:
        summary, content = opened(attachment(wrap(PDF, identifier=UUID, extension="pdf"), kind=kind))
        assert content == PDF
        assert summary.wrapped
        assert summary.declared_type == kind

    def test_wrapped_without_extension(self) -> None:
        assert opened(attachment(wrap(PDF, identifier=UUID, extension="unk"), name="a"))[1] == PDF

    def test_zip_of_one_file_under_a_name_of_its_own(self) -> None:
        """Declared application/zip and not named *.zip, it is a wrapper to every receiver."""
        assert opened(attachment(zip_of("van ban.pdf"), kind="application/zip"))[1] == PDF
        assert opened(attachment(zip_of("van ban.pdf")))[1] == zip_of("van ban.pdf")

    @pytest.mark.parametrize("name", ["ho so.zip", "HO SO.ZIP"])
    @pytest.mark.parametrize("entries", [("a.pdf",), (f"{UUID}.pdf",), ("a.pdf", "b/c.pdf"), ("a.pdf", "b.pdf")])
    def test_a_real_zip_stays_one(self, name: str, entries: tuple[str, ...]) -> None:
        summary, content = opened(attachment(zip_of(*entries), name=name, kind="application/zip"))
        assert content == zip_of(*entries)
        assert summary.media_type == "application/zip"
        assert not summary.wrapped

    def test_office_files_are_zips_but_no_wrappers(self) -> None:
        content = zip_of("[Content_Types].xml", "word/document.xml")
        summary, same = opened(attachment(content, name="a.docx", kind="application/docx"))
        assert same == content
        assert summary.media_type.endswith("wordprocessingml.document")

    def test_an_empty_file_cannot_be_told_from_a_missing_one(self) -> None:
        assert refusal(Attachment("1", "a.pdf", content=None)) == "ours.edxml.no-content"


class TestRefusals:
    def test_a_zip_whose_end_is_missing_is_a_file_like_any_other_unless_declared(self) -> None:
        cut = wrap(PDF, identifier=UUID, extension="pdf")[:-40]
        assert opened(attachment(cut))[1] == cut
        assert refusal(attachment(cut, kind="application/zip")) == "ours.edxml.zip-damaged"

    def test_a_directory_of_many_entries_is_not_read(self) -> None:
        many = zip_of(*(f"{number}.txt" for number in range(200)))
        limits = UnpackLimits(directory_bytes_max=1_000)
        assert refusal(attachment(many, kind="application/zip"), limits) == "ours.edxml.zip-damaged"
        assert opened(attachment(many, name="a.zip", kind="application/zip"), limits=limits)[1] == many

    def test_a_zip64_record_is_not_followed(self) -> None:
        plain = zip_of(f"{UUID}.pdf")
        end = plain.rfind(b"PK\x05\x06")
        forged = plain[:end] + b"PK\x06\x07" + b"\x00" * 16 + plain[end:]
        assert refusal(attachment(forged, kind="application/zip")) == "ours.edxml.zip-damaged"

    def test_a_directory_that_contradicts_itself(self) -> None:
        plain = bytearray(zip_of(f"{UUID}.pdf"))
        plain[plain.rfind(b"PK\x01\x02") + 1] ^= 0xFF
        assert refusal(attachment(bytes(plain), kind="application/zip")) == "ours.edxml.zip-damaged"

    @pytest.mark.parametrize("name", ["../a.pdf", "/a.pdf", "b/a.pdf", "b\\a.pdf", "C:a.pdf", "..", "a/", "b\x00/../a"])
    def test_entries_that_would_be_written_elsewhere(self, name: str) -> None:
        content = zip_of(name.replace("\x00", "_"))
        content = content.replace(name.replace("\x00", "_").encode(), name.encode())
        assert refusal(attachment(content, kind="application/zip")) == "ours.edxml.zip-entry-name"

    def test_a_file_longer_than_allowed(self) -> None:
        content = wrap(PDF * 100, identifier=UUID, extension="pdf")
        assert refusal(attachment(content), UnpackLimits(file_bytes_max=1_000)) == "ours.edxml.zip-expands"

    def test_a_bomb(self) -> None:
        content = wrap(b"\x00" * 20_000_000, identifier=UUID, extension="bin")
        assert refusal(attachment(content)) == "ours.edxml.zip-expands"

    def test_a_small_dense_file_is_no_bomb(self) -> None:
        content = wrap(b"\x00" * 2_000_000, identifier=UUID, extension="bin")
        assert len(opened(attachment(content))[1]) == 2_000_000

    def test_content_that_claims_to_be_shorter_than_it_is(self) -> None:
        """The size in the directory bounds what is given out; the checksum then tells."""
        content = bytearray(wrap(b"\x00" * 100_000, identifier=UUID, extension="bin"))
        entry = content.rfind(b"PK\x01\x02")
        content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
        assert refusal(attachment(bytes(content), kind="application/zip")) == "ours.edxml.zip-damaged"


class TestInspect:
    def test_every_attachment_is_looked_at(self) -> None:
        message = replace(
            DOCUMENT,
            attachments=(
                attachment(PDF),
                attachment("???"),
                Attachment("3", "c.pdf"),
                attachment(("%PDF-" + "\ufffd" * 20 + "\x00").encode()),
            ),
        )
        summaries, findings = inspect(message, EMPTY)
        assert [summary.content_id for summary in summaries] == ["1", "1"]
        assert [(finding.code, finding.location) for finding in findings] == [
            ("rfc4648.4.base64-truncated", "/edXML/AttachmentEncoded/Attachment[2]/ContentTransferEncoded"),
            ("ours.edxml.attachment-damaged", "/edXML/AttachmentEncoded/Attachment[4]/ContentTransferEncoded"),
        ]

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_content_that_stayed_in_the_source(self, tmp_path: Path, wrapped: bool) -> None:
        content = PDF + bytes(range(256)) * 2_000
        sent = wrap(content, identifier=UUID, extension="pdf") if wrapped else content
        path = tmp_path / "document.edxml"
        path.write_bytes(write(replace(DOCUMENT, attachments=(attachment(sent),))))
        limits = MarkupLimits(splice_from_bytes=0, run_bytes_min=1_000)
        with FileSource(path) as source:
            markup = parse(source, limits=limits)
            assert markup.runs
            message = read(markup).message
            assert isinstance(message, DocumentMessage)
            summary, same = opened(message.attachments[0], markup)
            assert same == content
            assert inspect(message, markup) == ((summary,), ())

    def test_many_zips_share_one_bound(self) -> None:
        sent = attachment(wrap(PDF * 100, identifier=UUID, extension="pdf"))
        limits = UnpackLimits(total_bytes_max=len(PDF) * 250)
        summaries, findings = inspect(
            replace(DOCUMENT, attachments=(sent,) * 4), EMPTY, allowed=AttachmentRules(limits)
        )
        assert len(summaries) == 2
        assert [finding.code for finding in findings] == ["ours.edxml.zip-expands"] * 2

    def test_a_zip_whose_text_breaks_off_late(self, tmp_path: Path) -> None:
        """The first slice is fine; the temporary file is given back when a later one is not."""
        sent = zip_of("a.pdf") + b"\x00" * 1_500_000
        octets = write(replace(DOCUMENT, attachments=(attachment(encode(sent) + "QUJ", kind="application/zip"),)))
        markup = parse(octets)
        assert markup.runs
        message = read(markup).message
        assert isinstance(message, DocumentMessage)
        assert [finding.code for finding in inspect(message, markup)[1]] == ["rfc4648.4.base64-truncated"]

    def test_programs_are_refused_unless_the_operator_takes_them(self) -> None:
        message = replace(DOCUMENT, attachments=(attachment(b"MZ\x90\x00", kind="application/octet-stream"),))
        for executables in (Severity.ERROR, Severity.WARNING):
            rules = AttachmentRules(executables=executables)
            _, (finding,) = inspect(message, EMPTY, allowed=rules)
            assert (finding.code, finding.severity) == ("ours.edxml.attachment-executable", executables)

    def test_a_zip_in_the_zip_around_a_file_is_a_file_like_any_other(self) -> None:
        inner = wrap(b"x" * 100_000, identifier=UUID, extension="exe")
        outer = wrap(inner, identifier=UUID, extension="zip")
        message = replace(DOCUMENT, attachments=(attachment(outer, name="a.pdf", kind="application/zip"),))
        (summary,), findings = inspect(message, EMPTY)
        assert (summary.media_type, summary.size, summary.wrapped) == ("application/zip", len(inner), True)
        assert findings == ()


class TestBase64:
    @settings(deadline=None)
    @given(
        st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=5), st.lists(st.integers(0, 400), max_size=5)
    )
    def test_cut_and_broken_anywhere_it_decodes_to_the_same(
        self, octets: bytes, cuts: list[int], breaks: list[int]
    ) -> None:
        text = bytearray(encode(octets).encode())
        for place in breaks:
            text[place % (len(text) + 1) : place % (len(text) + 1)] = b"\r\n"
        places = sorted(cut % (len(text) + 1) for cut in cuts)
        slices = [bytes(text[a:b]) for a, b in zip([0, *places], [*places, len(text)], strict=True)]
        assert b"".join(decode(slices, location="/x")) == octets

    @pytest.mark.parametrize(
        ("slices", "code"),
        [
            ([b"QUJ"], "truncated"),
            ([b"QUJDQ"], "truncated"),
            ([b"QQ=="], None),
            ([b"QQ=", b"="], None),
            ([b"QQ==", b" \n"], None),
            ([b"QQ==", b"QUJD"], "padding-inside"),
            ([b"QQ==QUJD"], "malformed"),
            ([b"QQ==Q"], "padding-inside"),
            ([b"Q==="], "malformed"),
            ([b"===="], "malformed"),
            ([b"QU-_"], "malformed"),
            ([b"QU\x00D"], "malformed"),
            ([b""], None),
            ([], None),
        ],
    )
    def test_strictness(self, slices: list[bytes], code: str | None) -> None:
        if code is None:
            assert b"".join(decode(slices, location="/x")) in {b"A", b""}
            return
        with pytest.raises(DocumentRefused) as caught:
            list(decode(slices, location="/x"))
        assert caught.value.findings[0].code == f"rfc4648.4.base64-{code}"


class TestMedia:
    @pytest.mark.parametrize(
        ("head", "name", "kind"),
        [
            (b"%PDF-1.7", None, "application/pdf"),
            (b"\n" * 500 + b"%PDF-1.4", None, "application/pdf"),
            (b"\x89PNG\r\n\x1a\n", None, "image/png"),
            (b"\xff\xd8\xff\xe0", None, "image/jpeg"),
            (
                b"PK\x03\x04....xl/workbook.xml",
                None,
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ),
            (b"PK\x03\x04....", None, "application/zip"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.DOC", "application/msword"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None, "application/x-ole-storage"),
            (b"<?xml version", None, "application/xml"),
            (b"GIF89a", None, "image/gif"),
            (b"II*\x00", None, "image/tiff"),
            (b"{\\rtf1", None, "application/rtf"),
            (b"7z\xbc\xaf\x27\x1c", None, "application/x-7z-compressed"),
            (b"Rar!\x1a\x07\x01\x00", None, "application/vnd.rar"),
            (b"MZ\x90\x00\x03", "a.pdf", "application/vnd.microsoft.portable-executable"),
            (b"MZ, a name", None, "text/plain"),
            (b"\x7fELF\x02", None, "application/x-elf"),
            (b"#!/bin/sh\n", None, "text/x-script"),
            ("Kính gửi".encode(), "a.pdf", "text/plain"),
            (b"x" + "ấ".encode() * 1365, None, "text/plain"),
            (b"x" * 4095 + "ấ".encode()[:1], None, "text/plain"),
            (b"x" * 4000 + b"\xe1", None, "application/octet-stream"),
            ("Kính gửi".encode("utf-16"), None, "text/plain"),
            (b"anything\x00", "a.pdf", "application/octet-stream"),
            (b"", None, "application/octet-stream"),
        ],
    )
    def test_types_by_bytes(self, head: bytes, name: str | None, kind: str) -> None:
        assert media_type(head, name) == kind

    @pytest.mark.parametrize(
        ("head", "name", "runs"),
        [
            (b"MZ\x90\x00", "cong-van.pdf", True),
            (b"\x7fELF", None, True),
            (b"#!/usr/bin/env python3", "a.txt", True),
            (b"del *.*", "a.BAT", True),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "cai-dat.msi", True),
            (b"WScript.Echo", "cong-van.pdf.vbs ", True),
            (b"%PDF-1.7", "exe.pdf", False),
            (b"PK\x03\x04", "tai-lieu.zip", False),
            (b"text", None, False),
        ],
    )
    def test_programs_are_told_by_bytes_and_scripts_by_name(self, head: bytes, name: str | None, runs: bool) -> None:
        assert is_executable(media_type(head, name), name) is runs

    @pytest.mark.parametrize(
        ("declared", "head", "contradicted"),
        [
            ("application/pdf", b"\x89PNG\r\n\x1a\n", True),
            ("image/png", b"%PDF-1.7", True),
            ("application/pdf", b"text", True),
            ("application/msword", b"PK\x03\x04....word/document.xml", True),
            ("Application/PDF; name=a", b"%PDF-1.7", False),
            ("image/jpg", b"\xff\xd8\xff", False),
            ("application/vnd.ms-excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", False),
            ("text/plain", b"<?xml version='1.0'?>", False),
            ("application/zip", b"PK\x03\x04....word/document.xml", False),
            ("application/octet-stream", b"%PDF-1.7", False),
            ("application/x-something", b"%PDF-1.7", False),
            ("application/pdf", b"\x00\x01", False),
            (None, b"%PDF-1.7", False),
        ],
    )
    def test_what_the_bytes_contradict(self, declared: str | None, head: bytes, contradicted: bool) -> None:
        assert contradicts(declared, media_type(head, None)) is contradicted

    def test_damage_is_told_from_text_that_holds_such_characters(self) -> None:
        assert looks_damaged(b"%PDF" + "\ufffd".encode() * 20 + b"\x00")
        assert not looks_damaged("\ufffd".encode() * 20)


def test_a_decoded_attachment_gives_its_file_back() -> None:
    decoded: DecodedAttachment = open_attachment(attachment(wrap(PDF, identifier=UUID, extension="pdf")), EMPTY)
    decoded.close()
    with pytest.raises(ValueError, match="closed"):
        list(decoded.slices())


_MEASURE = """
import resource, sys
from app.edxml.attachments import inspect
from app.edxml.read import read
from app.markup import FileSource, parse

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before = peak()
with FileSource(sys.argv[1]) as source:
    markup = parse(source)
    (summary,), findings = inspect(read(markup).message, markup)
assert not findings, findings
print(summary.size, summary.sha256, peak() - before)
"""


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_attachment_of_32_mb_costs_a_few(tmp_path: Path, wrapped: bool) -> None:
    block = hashlib.sha512(b"x").digest() * 16_384
    octets = b"%PDF-" + block * 32
    path = tmp_path / "large.edxml"
    kind = "application/zip" if wrapped else "application/pdf"
    sent = octets
    if wrapped:
        # Stored, not deflated: as large on the wire as the file.
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(f"{UUID}.pdf", octets)
        sent = file.getvalue()
    path.write_bytes(write(replace(DOCUMENT, attachments=(attachment(sent, kind=kind),))))
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    size, sha256, extra = ran.stdout.split()
    assert int(size) == len(octets)
    assert sha256 == hashlib.sha256(octets).hexdigest()
    assert int(extra) < 24 * 1024 * 1024
