"""Signatures in PDFs: what is said of honest, faked, odd and broken files; nothing in a file is an exception."""

import io
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.exchange.pdf_told import read, written
from app.findings import Severity
from app.signing.certificates import fingerprint, load
from app.signing.pdf import examine
from app.signing.pdf_found import Changes, Coverage, PdfExamination, PdfLimits, PdfSignature, Role
from tests.support.pdf import (
    TEXT,
    changed_page,
    encrypted_pdf,
    hybrid_pdf,
    pdf_of,
    plain_pdf,
    signed_pdf,
    time_authority,
    with_hybrid_update,
)
from tests.support.pki import NOW, Identity, Pki, shared_pki

PKI: Pki = shared_pki()
SEAL = PKI.seal(key="p256")
PERSON = PKI.person()
SIGNED = signed_pdf(plain_pdf(), SEAL)
COUNTERSIGNED = signed_pdf(SIGNED, PERSON, field="Signature2")


def _looked_into(pdf: bytes, **limits: int) -> PdfExamination:
    return examine(io.BytesIO(pdf), limits=replace(PdfLimits(), **limits))


def _only(pdf: bytes) -> PdfSignature:
    [signature] = _looked_into(pdf).signatures
    return signature


def _codes(found: PdfExamination | PdfSignature) -> list[str]:
    return [finding.code for finding in found.findings]


def _signers(found: PdfExamination) -> list[str]:
    return [fingerprint(load(each.certificates[0])) for each in found.signatures]


def test_a_file_nobody_signed_has_no_signatures() -> None:
    found = _looked_into(plain_pdf())
    assert (found.revisions, found.signatures, found.findings) == (1, (), ())


def test_a_signature_over_the_whole_file_holds() -> None:
    found = _looked_into(SIGNED)
    assert _signers(found) == [SEAL.sha256]
    [signature] = found.signatures
    assert (signature.field, signature.role, signature.intact) == ("Signature1", Role.APPROVAL, True)
    assert (signature.coverage, signature.changes, signature.findings) == (Coverage.WHOLE_FILE, Changes.NONE, ())
    assert signature.claimed_at is not None
    assert signature.timestamp is None
    # The authority came along, so that a path can be found.
    assert [load(each).subject for each in signature.certificates[1:]] == [PKI.issuing.certificate.subject]


def test_a_person_and_then_an_agency_may_sign() -> None:
    found = _looked_into(COUNTERSIGNED)
    assert _signers(found) == [SEAL.sha256, PERSON.sha256]
    first, second = found.signatures
    assert (first.intact, first.coverage, first.changes) == (True, Coverage.REVISION, Changes.FORM_FILLING)
    assert (second.intact, second.coverage, second.changes) == (True, Coverage.WHOLE_FILE, Changes.NONE)
    assert (first.revision, second.revision, found.revisions) == (2, 3, 3)
    assert first.findings == second.findings == ()


def test_changed_octets_break_the_signature() -> None:
    signature = _only(SIGNED.replace(TEXT, TEXT.replace(b"gui", b"giu")))
    assert not signature.intact
    assert _codes(signature) == ["ours.pdf.not-intact"]


def test_a_page_changed_in_an_update_is_told() -> None:
    signature = _only(changed_page(SIGNED))
    assert (signature.intact, signature.coverage, signature.changes) == (True, Coverage.REVISION, Changes.OTHER)
    assert _codes(signature) == ["ours.pdf.changed-afterwards"]


def test_a_word_processors_file_may_be_signed_and_nothing_two_faced_may_follow() -> None:
    signed = signed_pdf(hybrid_pdf(), SEAL)
    assert _codes(_only(signed)) == []
    signature = _only(with_hybrid_update(SIGNED))
    assert (signature.coverage, signature.changes) == (Coverage.REVISION, Changes.OTHER)
    assert _codes(signature) == ["ours.pdf.changed-afterwards"]


def test_a_certified_file_may_not_be_signed_again_where_it_says_so() -> None:
    certified = signed_pdf(plain_pdf(), SEAL, certify=True)
    assert _only(certified).role is Role.CERTIFICATION
    assert _codes(_only(certified)) == []


def test_the_value_of_another_key_does_not_hold() -> None:
    other = Identity(PERSON.key, SEAL.certificate, SEAL.chain)
    assert _codes(_only(signed_pdf(plain_pdf(), other))) == ["ours.pdf.value-wrong"]


def test_sha1_proves_nothing() -> None:
    assert "ours.pdf.weak-signature" in _codes(_only(signed_pdf(plain_pdf(), SEAL, md_algorithm="sha1")))


def _gap(pdf: bytes) -> tuple[int, int]:
    start = pdf.index(b"/Contents <") + len(b"/Contents ")
    return start, pdf.index(b">", start) + 1


def test_what_lies_hidden_in_the_gap_of_a_signature_is_found() -> None:
    start, end = _gap(SIGNED)
    # Readers skip white space in a hexadecimal string; a viewer may find more than that in there.
    hidden = SIGNED[: end - 41] + b" " * 40 + SIGNED[end - 1 :]
    assert len(hidden) == len(SIGNED)
    found = _only(hidden)
    assert found.coverage is Coverage.PART or not found.intact
    assert any(finding.refuses for finding in found.findings)
    assert start < end


def test_a_timestamp_over_a_signature_is_given_on_unjudged() -> None:
    authority = time_authority(PKI)
    pdf = signed_pdf(plain_pdf(), SEAL, authority=authority, stamped_at=NOW - timedelta(days=3))
    stamp = _only(pdf).timestamp
    assert stamp is not None
    assert fingerprint(load(stamp.certificates[0])) == authority.sha256


@pytest.mark.parametrize(
    ("pdf", "code"),
    [
        (b"", "ours.pdf.unreadable"),
        (b"%PDF-1.7 synthetic", "ours.pdf.unreadable"),
        (SIGNED[: len(SIGNED) // 2], "ours.pdf.unreadable"),
        (SIGNED[:-20], "ours.pdf.unreadable"),
        (encrypted_pdf(), "ours.pdf.encrypted"),
    ],
    ids=["empty", "no more than a beginning", "half", "without its end", "encrypted"],
)
def test_what_cannot_be_looked_into_is_unknown_and_no_exception(pdf: bytes, code: str) -> None:
    found = _looked_into(pdf)
    assert (found.revisions, found.signatures, _codes(found)) == (0, (), [code])
    assert {finding.severity for finding in found.findings} == {Severity.UNKNOWN}


_BOMB = zlib.compress(bytes(70_000_000))


@pytest.mark.parametrize(
    "pdf",
    [
        pdf_of(b"<</Type/Catalog/AcroForm " + b"[" * 200_000 + b"]" * 200_000 + b">>"),
        pdf_of(b"<</Type/Catalog/AcroForm<</Fields[2 0 R]>>>>", b"<</T(a)/Kids[2 0 R]>>"),
        pdf_of(b"1 0 R"),
        pdf_of(b"<</Type/Catalog>>", trailer=b"/Prev 9"),
        pdf_of(b"<</Type/Catalog/AcroForm 2 0 R>>", b"<</Length 2 0 R>>\nstream\nx\nendstream"),
        pdf_of(
            b"<</Type/Catalog/AcroForm 2 0 R>>",
            b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (len(_BOMB), _BOMB),
        ),
    ],
    ids=["nested", "fields in a ring", "itself", "tables in a ring", "a length that is itself", "a bomb"],
)
def test_files_that_are_made_to_harm_are_findings_soon(pdf: bytes) -> None:
    found = _looked_into(pdf)
    assert found.signatures == ()
    assert set(_codes(found)) <= {"ours.pdf.unreadable"}


def test_a_file_and_its_signatures_are_bounded() -> None:
    assert _codes(_looked_into(SIGNED, octets_max=len(SIGNED) - 1)) == ["ours.pdf.too-long"]
    assert _codes(_looked_into(SIGNED, octets_max=len(SIGNED))) == []
    bounded = _looked_into(COUNTERSIGNED, signatures_max=1)
    assert (len(bounded.signatures), _codes(bounded)) == (1, ["ours.pdf.signatures-too-many"])
    assert len(_looked_into(SIGNED, certificates_max=0).signatures[0].certificates) == 1


@pytest.mark.parametrize("pdf", [plain_pdf(), COUNTERSIGNED, b"", SIGNED[:-20]])
def test_what_one_process_writes_another_reads(pdf: bytes) -> None:
    found = _looked_into(pdf)
    line = written(found).encode("ascii")
    assert b"\n" not in line
    assert read(line) == found


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line[:-1],
        lambda line: b"{}",
        lambda line: line.replace(b'"whole-file"', b'"everything"'),
        lambda line: line.replace(b'"revisions": 2', b'"revisions": "many"'),
    ],
)
def test_nonsense_from_the_other_process_is_noticed(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        read(spoil(written(_looked_into(SIGNED)).encode("ascii")))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SIGNED) - 1), st.binary(max_size=6), st.integers(0, 12)), max_size=4))
def test_no_damage_is_an_exception_and_none_goes_unnoticed(damage: list[tuple[int, bytes, int]]) -> None:
    pdf = SIGNED
    for at, put, out in damage:
        pdf = pdf[:at] + put + pdf[at + out :]
    found = _looked_into(pdf)
    whole = [each for each in found.signatures if each.coverage is Coverage.WHOLE_FILE and not each.findings]
    start, end = _gap(SIGNED)
    if whole:
        # Nothing but the value of the signature itself, which has slack of its own, can differ in what was signed.
        assert pdf[:start] == SIGNED[:start]
        assert pdf[-(len(SIGNED) - end) :] == SIGNED[end:]
