"""`truc sign` and `truc inspect`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from app.edxml.write import write
from app.signing.sign import sign
from app.simulation import country, papers, pki
from tests.cli.conftest import Truc
from tests.support.office import current_seal
from tests.support.pdf import plain_pdf, signed_pdf
from tests.support.pki import NOW, YEAR, Pki, shared_pki

ROOT = Path(__file__).parents[2]
SAMPLES = sorted(
    path
    for folder in (ROOT / "tests/vectors/shapes", ROOT.parent / "shared/domain/samples")
    for path in folder.glob("*.edxml")
)


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.make_issuer("issuer", pki.make_root("root", at=NOW), at=NOW)


@pytest.fixture
def signer(tmp_path: Path, authority: pki.Authority) -> dict[str, Path]:
    """Files of somebody who signs."""
    credential = authority.issue(pki.seal_name("G22", "G22"), not_before=NOW - YEAR, not_after=NOW + 50 * YEAR)
    return _files(tmp_path, credential, password=None)


@pytest.fixture
def unsigned(tmp_path: Path) -> Path:
    path = tmp_path / "document.edxml"
    path.write_bytes(write(_document()))
    return path


def _document() -> Any:
    import random

    habits = papers.Habits(papers.Spelling.PLAIN, old_codes=True, zips=True, legal_ids=False)
    sender, recipient = country.AGENCIES[:2]
    draft = papers.Draft(sender, ((recipient, recipient.old_code),), sizes=(2048,), number=7)
    return papers.compose(draft, habits, number=7, at=NOW, rng=random.Random(1))


def _files(folder: Path, credential: pki.Credential, password: bytes | None) -> dict[str, Path]:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files = {name: folder / f"{name}.pem" for name in ("key", "cert", "chain")}
    files["key"].write_bytes(credential.key.private_bytes(pem, pkcs8, encryption))
    files["cert"].write_bytes(credential.certificate.public_bytes(pem))
    files["chain"].write_bytes(b"".join(each.public_bytes(pem) for each in credential.chain))
    return files


def _options(files: dict[str, Path]) -> list[object]:
    return [part for name in ("key", "cert", "chain") for part in (f"--{name}", files[name])]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_told_whole(path: Path, truc: Truc) -> None:
    ended = truc("inspect", "--json", path)
    assert ended.code == 0
    assert ended.json["document"]["message_type"] == ("status" if path.name.startswith("status") else "document")
    # Their signatures are placeholders in the wrong namespace, or missing.
    assert ended.json["signature"]["holds"] is None
    assert not [each for each in ended.json["findings"] if each["severity"] == "fatal"]


@pytest.mark.parametrize(("language", "said"), [("vi", "CHƯA ĐƯỢC CHỨNG MINH"), ("en", "NOT PROVEN")])
def test_a_report_is_told_in_either_language(
    language: str, said: str, truc: Truc, unsigned: Path, signer: dict[str, Path], tmp_path: Path
) -> None:
    signed = tmp_path / "signed.edxml"
    truc("sign", unsigned, *_options(signer), "-o", signed)
    told = truc("inspect", signed, "--lang", language)
    report = truc("inspect", "--json", signed).json["report"]
    assert told.code == 0
    first, second, *_ = told.text.splitlines()
    # Without an anchor nobody vouches for the certificate, and that stands first.
    assert (first, second.startswith(said)) == ("INDETERMINATE / NO_CERTIFICATE_CHAIN_FOUND", True)
    for step in report["steps"]:
        assert step["title_vi" if language == "vi" else "title"] in told.text
    for certificate in report["certificates"]:
        assert certificate["subject"] in told.text
    for finding in report["findings"]:
        assert finding["code"] in told.text
        assert finding["fix"] in told.text


def test_a_report_in_another_language_is_refused(truc: Truc, unsigned: Path) -> None:
    assert truc("inspect", unsigned, "--lang", "fr").code == 2


def test_what_was_signed_is_found_to_hold(truc: Truc, unsigned: Path, signer: dict[str, Path], tmp_path: Path) -> None:
    signed = tmp_path / "signed.edxml"
    assert truc("sign", unsigned, *_options(signer), "-o", signed).code == 0
    report = truc("inspect", "--json", signed).json
    assert report["signature"]["holds"] is True
    assert report["signature"]["covers_document"] is True
    assert report["signature"]["path"] is None
    assert report["document"]["document_id"] == "000.00.00.G22,2026/11/20,7/" + report["document"]["code"]["notation"]
    assert [each["wrapped"] for each in report["document"]["attachments"]] == [True]


def test_signing_writes_to_standard_output(truc: Truc, unsigned: Path, signer: dict[str, Path]) -> None:
    by_file = truc("sign", unsigned, *_options(signer))
    by_stream = truc("sign", "-", *_options(signer), stdin=unsigned.read_bytes())
    assert by_file.code == by_stream.code == 0
    assert truc("inspect", "--json", "-", stdin=by_stream.out).json["signature"]["holds"] is True


def test_a_path_is_judged_where_a_root_is_given(
    truc: Truc, unsigned: Path, signer: dict[str, Path], tmp_path: Path
) -> None:
    signed, foreign = tmp_path / "signed.edxml", tmp_path / "foreign.pem"
    foreign.write_text(pki.make_root("another", at=NOW).pem)
    truc("sign", unsigned, *_options(signer), "-o", signed)
    assert truc("inspect", "--json", signed, "--anchor", foreign).json["signature"]["path"]["passed"] is False
    assert truc("inspect", "--json", signed, "--anchor", signer["chain"]).json["signature"]["path"]["passed"] is True


def test_with_anchor_and_lists_a_signature_is_proven_without_a_node(truc: Truc, unsigned: Path, tmp_path: Path) -> None:
    authorities = shared_pki()
    seal = current_seal(authorities, "000.00.00.G22", "Văn phòng Chính phủ")
    signed = tmp_path / "signed.edxml"
    body = sign(unsigned.read_bytes(), key=seal.key, certificate=seal.certificate, chain=seal.chain)
    signed.write_bytes(body)
    (tmp_path / "root.pem").write_text(authorities.root_pem)
    lists = [option for each in _lists(authorities, tmp_path) for option in ("--crl", each)]
    known = ("--anchor", tmp_path / "root.pem", *lists)
    report = truc("inspect", "--json", signed, *known).json["report"]
    assert (report["indication"], report["proven"]) == ("TOTAL-PASSED", True)
    (signature,) = report["signatures"]
    assert [step["revocation"] and step["revocation"]["status"] for step in signature["path"]] == ["good", "good", None]
    assert {each["kind"] for each in report["evidence"]} == {"certificate", "crl"}
    assert truc("inspect", signed, *known).text.startswith("TOTAL-PASSED\n")
    # Without the lists it is open whether it was revoked.
    report = truc("inspect", "--json", signed, *known[:2]).json["report"]
    assert (report["indication"], report["sub_indication"]) == ("INDETERMINATE", "TRY_LATER")


def test_a_pdf_has_the_same_report(truc: Truc, tmp_path: Path) -> None:
    authorities = shared_pki()
    seal = current_seal(authorities, "000.00.00.G22", "Văn phòng Chính phủ")
    file = tmp_path / "cong-van.pdf"
    file.write_bytes(signed_pdf(plain_pdf(), replace(seal, chain=(authorities.issuing.certificate,))))
    (tmp_path / "root.pem").write_text(authorities.root_pem)
    lists = [option for each in _lists(authorities, tmp_path) for option in ("--crl", each)]
    told = truc("inspect", "--json", file, "--anchor", tmp_path / "root.pem", *lists)
    assert told.code == 0
    report = told.json["report"]
    assert (report["indication"], report["signatures"][0]["certificate"]) == ("TOTAL-PASSED", seal.sha256)
    file.write_bytes(plain_pdf())
    assert truc("inspect", file, "--lang", "en").text.splitlines()[1].startswith("NOT PROVEN")


def _lists(authorities: Pki, folder: Path) -> list[Path]:
    files = []
    for number, issuer in enumerate((authorities.root, authorities.issuing)):
        files.append(folder / f"list-{number}.crl")
        files[-1].write_bytes(authorities.crl(issuer=issuer, next_update=NOW + 20 * YEAR))
    return files


def test_a_changed_document_does_not_hold(truc: Truc, unsigned: Path, signer: dict[str, Path], tmp_path: Path) -> None:
    signed = tmp_path / "signed.edxml"
    truc("sign", unsigned, *_options(signer), "-o", signed)
    signed.write_bytes(signed.read_bytes().replace("Như trên".encode(), "Như dưới".encode()))
    ended = truc("inspect", "--json", signed)
    assert ended.code == 0
    assert ended.json["signature"]["holds"] is False
    assert [each["code"] for each in ended.json["signature"]["findings"]] == ["xmldsig.3.2.1.digest-mismatch"]


def test_a_secret_mark_is_a_finding(truc: Truc, unsigned: Path) -> None:
    unsigned.write_bytes(unsigned.read_bytes().replace(b"</Subject>", " (TỐI MẬT)</Subject>".encode()))
    assert "qd28.1.2.secret-mark" in [each["code"] for each in truc("inspect", "--json", unsigned).json["findings"]]


@pytest.mark.parametrize("body", [b"", b"<edXML", b"<other/>", b"<!DOCTYPE a><a/>"])
def test_what_cannot_be_read_ends_with_1(body: bytes, truc: Truc) -> None:
    ended = truc("inspect", "--json", "-", stdin=body)
    assert ended.code == 1
    assert ended.json["document"] is None
    assert ended.json["findings"]


def test_a_key_of_another_certificate_is_refused(
    truc: Truc, unsigned: Path, signer: dict[str, Path], authority: pki.Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = authority.issue(pki.seal_name("G12", "G12"), not_before=NOW - YEAR, not_after=NOW + YEAR)
    stranger = _files(tmp_path / "other", other, password=None)
    ended = truc("sign", unsigned, "--key", stranger["key"], "--cert", signer["cert"])
    assert ended.code == 1
    assert "does not belong to the certificate" in ended.err
    assert not ended.out


def test_a_key_with_a_password_is_opened_by_a_file(
    truc: Truc, unsigned: Path, authority: pki.Authority, tmp_path: Path
) -> None:
    credential = authority.issue(pki.seal_name("G22", "G22"), not_before=NOW - YEAR, not_after=NOW + YEAR)
    files = _files(tmp_path, credential, password=b"mot mat khau")
    assert truc("sign", unsigned, *_options(files)).code == 1
    password = tmp_path / "password"
    password.write_text("mot mat khau\n")
    assert truc("sign", unsigned, *_options(files), "--key-password-file", password).code == 0
    password.write_text("another")
    assert truc("sign", unsigned, *_options(files), "--key-password-file", password).code == 1


def test_a_missing_file_is_told_in_a_line(truc: Truc, tmp_path: Path) -> None:
    ended = truc("inspect", "--json", tmp_path / "nowhere.edxml")
    assert ended.code == 1
    assert ended.err.count("\n") == 1
