"""Reports of documents: what they say, what they cite, and who may read them."""

import hashlib
import html
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes

from app.edxml.write import write
from app.exchange.pdf_readers import PdfReaders
from app.exchange.refuse import Declared
from app.exchange.verification_report import TYPE, VERSION, Report
from app.exchange.verifications import PdfReading, examine
from app.node import Node
from app.registry.model import Scope
from app.routers import clock
from app.routers.verification_shapes import VerificationReportView
from app.signing.pdf_found import PdfLimits
from app.signing.sign import sign
from tests.console.conftest import Visitor
from tests.exchange.desk_work import streamed
from tests.exchange.remains import remains
from tests.support.office import (
    DISTRICT,
    GOVERNMENT_OFFICE,
    PARTY,
    PROVINCE,
    Exchange,
    Office,
    created,
    current_seal,
    refused,
    register_certificate,
)
from tests.support.pdf import changed_page, plain_pdf, signed_pdf
from tests.support.pki import NOW, YEAR, Pki

XML = {"Content-Type": "application/xml"}
SUBJECT = "V/v một việc riêng không ai khác được biết"


def report_of(exchange: Exchange, document: str, organ_id: str = GOVERNMENT_OFFICE, **params: Any) -> dict[str, Any]:
    answer = exchange[organ_id].system.get(f"/v1/documents/{document}/verification", params=params)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def asked(office: Office, body: bytes) -> dict[str, Any]:
    """Ask for the report of a file; nothing is stored."""
    return created(office.system.post("/v1/verifications", content=body, headers=XML), 200)


def asked_of_pdfs(exchange: Exchange, *files: bytes) -> list[dict[str, Any]]:
    """Ask for the reports of PDFs, of a process as nodes have them that look into PDFs."""

    async def ask(node: Node) -> list[Report]:
        pdfs = PdfReading(PdfReaders(1, 30), PdfLimits())
        declared = Declared("application/pdf")
        try:
            return [
                await examine(node.desk, streamed(file), declared=declared, pdfs=pdfs, now=clock.now) for file in files
            ]
        finally:
            await pdfs.readers.close()

    return [VerificationReportView.of(report).model_dump(mode="json") for report in exchange.running.run(ask)]


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {step["step"]: step["outcome"] for step in report["steps"]}


def not_passed(report: dict[str, Any]) -> dict[str, str]:
    return {step: outcome for step, outcome in outcomes(report).items() if outcome != "passed"}


@pytest.fixture
def sent(exchange: Exchange) -> dict[str, Any]:
    """A document that passed, of an office that is not strictly taken."""
    office = exchange[GOVERNMENT_OFFICE]
    return created(office.system.send(office.signed(office.paper(PROVINCE, subject=SUBJECT))))


class TestOfAnAcceptedDocument:
    """The report that was written when it was accepted."""

    def test_every_step_passed_and_the_signature_is_proven(self, exchange: Exchange, sent: dict[str, Any]) -> None:
        report = report_of(exchange, sent["id"])
        assert (report["type"], report["version"], report["document"]) == (TYPE, VERSION, sent["id"])
        assert (report["indication"], report["sub_indication"], report["proven"]) == ("TOTAL-PASSED", None, True)
        assert (report["revision"], report["revisions"]) == (0, 1)
        assert set(outcomes(report).values()) == {"passed"}
        assert [step["number"] for step in report["steps"]] == list(range(1, 10))
        (signature,) = report["signatures"]
        assert (signature["certificate"], signature["agency"], signature["role"]) == (
            exchange[GOVERNMENT_OFFICE].seal.sha256,
            GOVERNMENT_OFFICE,
            "seal",
        )
        assert (signature["indication"], signature["intact"], signature["form"]) == ("TOTAL-PASSED", True, "XMLDSig")
        assert (signature["best_signing_time"], signature["best_signing_time_by"]) == (
            report["times"]["received_at"],
            "receipt",
        )
        assert report["examined"] == {
            "media_type": "application/xml",
            "sha256": sent["sha256"],
            "size": sent["size"],
        }
        assert [each["sha256"] for each in report["attachments"]] == [hashlib.sha256(b"%PDF-1.7 synthetic").hexdigest()]

    def test_what_it_cites_proves_the_certificate_without_the_node(
        self, exchange: Exchange, sent: dict[str, Any]
    ) -> None:
        report = report_of(exchange, sent["id"])
        assert all(each["kept"] for each in report["evidence"])
        octets = {each["sha256"]: fetched(exchange, sent["id"], each["sha256"]) for each in report["evidence"]}
        (signature,) = report["signatures"]
        at = datetime.fromisoformat(signature["best_signing_time"])
        path = [x509.load_der_x509_certificate(octets[step["certificate"]]) for step in signature["path"]]
        assert [step["anchor"] for step in signature["path"]] == [False, False, True]
        for certificate, issuer, step in zip(path, path[1:], signature["path"], strict=False):
            certificate.verify_directly_issued_by(issuer)
            assert certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
            (cited,) = step["revocation"]["evidence"]
            listed = x509.load_der_x509_crl(octets[cited])
            key: CertificateIssuerPublicKeyTypes = issuer.public_key()  # type: ignore[assignment]
            assert listed.is_signature_valid(key)
            assert listed.get_revoked_certificate_by_serial_number(certificate.serial_number) is None
            assert (step["revocation"]["status"], listed.next_update_utc is not None) == ("good", True)
        assert path[-1] == exchange.pki.root.certificate

    def test_a_list_it_cites_outlives_the_next_one(self, exchange: Exchange) -> None:
        authority = trusted(exchange, "Có danh sách", slot=910)
        office = with_seal_of(exchange, PROVINCE, authority)
        first = publish(exchange, authority, days=1)
        document = created(office.system.send(office.signed(office.paper(PARTY))))
        second = publish(exchange, authority, days=2)
        later = created(office.system.send(office.signed(office.paper(PARTY))))
        assert first != second
        for sent_one, cited in ((document, first), (later, second)):
            report = report_of(exchange, sent_one["id"], PROVINCE)
            assert report["signatures"][0]["path"][0]["revocation"]["evidence"] == [cited]
            fetched(exchange, sent_one["id"], cited, PROVINCE)

    def test_what_is_not_known_is_not_proven_and_says_so(self, exchange: Exchange) -> None:
        authority = trusted(exchange, "Chưa có danh sách", slot=920)
        office = with_seal_of(exchange, PROVINCE, authority)
        document = created(office.system.send(office.signed(office.paper(PARTY))))
        report = report_of(exchange, document["id"], PROVINCE)
        assert (report["indication"], report["sub_indication"]) == ("INDETERMINATE", "TRY_LATER")
        assert (report["proven"], not_passed(report)) == (False, {"trust": "indeterminate"})
        revocations = [step["revocation"] for step in report["signatures"][0]["path"]]
        assert [each and (each["status"], each["reason"], each["evidence"]) for each in revocations] == [
            ("unknown", "no-list", []),
            ("unknown", "no-list", []),
            None,
        ]
        assert {each["severity"] for each in report["findings"] if each["step"] == "trust"} == {"unknown"}
        for language in ("vi", "en"):
            page = page_of(exchange, document["id"], PROVINCE, language)
            assert report["meaning"][language] in page
            assert report["sub_meaning"][language] in page
            assert "verdict good" not in page


class TestAccess:
    """Who may read a report, and how much of it."""

    def test_a_recipient_reads_all_of_it(self, exchange: Exchange, sent: dict[str, Any]) -> None:
        report = report_of(exchange, sent["id"], PROVINCE)
        assert (report["with_content"], report["attachments"][0]["name"]) == (True, "cong-van.pdf")
        for each in report["evidence"]:
            fetched(exchange, sent["id"], each["sha256"], PROVINCE)

    def test_an_auditor_reads_what_was_checked_and_never_what_it_says(
        self, exchange: Exchange, sent: dict[str, Any]
    ) -> None:
        path = f"/v1/documents/{sent['id']}/verification"
        answer = exchange.auditor.get(path)
        report = created(answer, 200)
        assert (report["indication"], report["with_content"], report["attachments"][0]["name"]) == (
            "TOTAL-PASSED",
            False,
            None,
        )
        assert SUBJECT not in answer.text
        assert "cong-van" not in answer.text
        assert all(each["message"] is None for each in report["findings"] if each["step"] == "rules")
        assert exchange.auditor.get(f"{path}/evidence/{report['evidence'][0]['sha256']}").status_code == 200

    def test_to_others_the_document_does_not_exist(self, exchange: Exchange, sent: dict[str, Any]) -> None:
        path = f"/v1/documents/{sent['id']}/verification"
        evidence = report_of(exchange, sent["id"])["evidence"][0]["sha256"]
        for stranger in (exchange[DISTRICT].system, exchange[PARTY].system):
            assert stranger.get(path).status_code == 404
            assert stranger.get(f"{path}/evidence/{evidence}").status_code == 404
        assert exchange.statistician.get(path).status_code == 403
        assert exchange.running.http.get(path).status_code == 401
        assert exchange.running.http.post("/v1/verifications", content=b"<a/>", headers=XML).status_code == 401

    def test_only_what_a_report_cites_is_given_out(self, exchange: Exchange, sent: dict[str, Any]) -> None:
        office = exchange[DISTRICT]
        other = created(office.system.send(office.signed(office.paper(PARTY))))
        path = f"/v1/documents/{sent['id']}/verification"
        asking = exchange[GOVERNMENT_OFFICE].system
        kept = report_of(exchange, other["id"], DISTRICT)["signatures"][0]["certificate"]
        assert asking.get(f"{path}/evidence/{kept}").status_code == 404
        assert asking.get(f"{path}/evidence/{'0' * 64}").status_code == 404
        assert asking.get(path, params={"revision": 1}).status_code == 404
        assert asking.get(path, params={"revision": 0}).json()["revision"] == 0
        assert asking.get(path, params={"revision": -1}).status_code == 422


def _unsigned(exchange: Exchange, office: Office) -> bytes:
    return write(office.paper(PROVINCE))


def _changed(exchange: Exchange, office: Office) -> bytes:
    return office.signed(office.paper(PROVINCE, subject=SUBJECT)).replace(b"</Subject>", b"?</Subject>")


def _of_a_stranger(exchange: Exchange, office: Office) -> bytes:
    seal = current_seal(exchange.pki, GOVERNMENT_OFFICE, "Văn phòng Chính phủ", key="p256")
    return office.signed(office.paper(PROVINCE), key=seal.key, certificate=seal.certificate)


def _of_another_agency(exchange: Exchange, office: Office) -> bytes:
    seal = exchange[PROVINCE].seal
    return office.signed(office.paper(PROVINCE), key=seal.key, certificate=seal.certificate)


FAILING: dict[str, tuple[Callable[[Exchange, Office], bytes], dict[str, str], tuple[str, str | None]]] = {
    "markup": (lambda _exchange, _office: b"<edXML", {"markup": "failed"}, ("TOTAL-FAILED", "FORMAT_FAILURE")),
    "no-signature": (
        _unsigned,
        {"signature": "failed", "trust": "not-run", "integrity": "not-run"},
        ("TOTAL-FAILED", "FORMAT_FAILURE"),
    ),
    "trust": (
        _of_a_stranger,
        {"trust": "failed", "integrity": "not-run"},
        ("INDETERMINATE", "CHAIN_CONSTRAINTS_FAILURE"),
    ),
    "integrity": (_changed, {"integrity": "failed"}, ("TOTAL-FAILED", "HASH_FAILURE")),
    "reading": (
        lambda _exchange, office: office.signed(office.paper(PROVINCE, document_id="")),
        {"reading": "failed"},
        ("TOTAL-PASSED", None),
    ),
    "secrecy": (
        lambda _exchange, office: office.signed(office.paper(PROVINCE, subject=f"(TỐI MẬT) {SUBJECT}")),
        {"reading": "not-run", "rules": "not-run", "secrecy": "failed", "signer": "not-run"},
        ("TOTAL-PASSED", None),
    ),
    "signer": (_of_another_agency, {"signer": "failed"}, ("INDETERMINATE", "SIG_CONSTRAINTS_FAILURE")),
}


class TestOfAnyFile:
    """Reports that nobody keeps."""

    @pytest.mark.parametrize("case", FAILING)
    def test_the_step_that_fails_is_named(self, shared: Exchange, case: str) -> None:
        make, failing, proven = FAILING[case]
        office = shared[GOVERNMENT_OFFICE]
        before = remains(shared)
        report = asked(office, make(shared, office))
        assert report["indication"] == "TOTAL-FAILED"
        told = not_passed(report)
        assert failing.items() <= told.items(), told
        assert {step for step, outcome in told.items() if outcome == "failed"} <= {*failing, "reading", "rules"}
        assert (report["signature"]["indication"], report["signature"]["sub_indication"]) == proven
        assert SUBJECT not in str(report)
        assert remains(shared) == before

    def test_each_signature_has_its_own_verdict(self, shared: Exchange) -> None:
        office = shared[GOVERNMENT_OFFICE]
        stranger = shared.pki.person()
        octets = write(office.paper(PROVINCE))
        for signer in (stranger, office.seal):
            octets = sign(octets, key=signer.key, certificate=signer.certificate, add=True)
        report = asked(office, octets)
        assert report["indication"] == "TOTAL-FAILED"
        assert [(each["indication"], each["sub_indication"], each["role"]) for each in report["signatures"]] == [
            ("INDETERMINATE", "CHAIN_CONSTRAINTS_FAILURE", "person"),
            ("TOTAL-PASSED", None, "seal"),
        ]
        assert {each["certificate"] for each in report["signatures"]} == {stranger.sha256, office.seal.sha256}

    def test_what_is_not_signed_is_said_to_prove_nothing(self, shared: Exchange) -> None:
        office = shared[GOVERNMENT_OFFICE]
        report = asked(office, _unsigned(shared, office))
        assert (report["legacy"], report["proven"]) == ("unsigned", False)
        assert "NOT SIGNED" in report["legacy_meaning"]["en"]
        assert "KHÔNG ĐƯỢC KÝ" in report["legacy_meaning"]["vi"]

    def test_what_holds_is_proven_as_if_it_were_sent(self, exchange: Exchange) -> None:
        office = exchange[GOVERNMENT_OFFICE]
        body = office.signed(office.paper(PROVINCE))
        document = created(office.system.send(body))
        # Anybody who is signed in may ask, also who is no party and sends nothing.
        for system in (office.system, exchange[PARTY].system, exchange.statistician):
            report = created(system.post("/v1/verifications", content=body, headers=XML), 200)
            kept = report_of(exchange, document["id"])
            assert (report["indication"], not_passed(report)) == ("TOTAL-PASSED", {"route": "not-run"})
            assert (report["times"]["received_at"], report["signatures"][0]["best_signing_time_by"]) == (None, "asking")
            same = ("certificates", "evidence", "examined", "findings", "signature", "type", "version")
            assert {name: report[name] for name in same} == {name: kept[name] for name in same}

    def test_a_revoked_certificate_is_found_revoked(self, exchange: Exchange) -> None:
        authority = trusted(exchange, "Thu hồi", slot=930)
        office = with_seal_of(exchange, PROVINCE, authority)
        publish(exchange, authority, days=1, revoked=[office.seal.certificate])
        report = asked(office, office.signed(office.paper(PARTY)))
        # The standard leaves it open, for the signature may be older; the node refuses it.
        assert (report["indication"], report["sub_indication"]) == ("TOTAL-FAILED", None)
        assert report["signature"] == {"indication": "INDETERMINATE", "sub_indication": "REVOKED_NO_POE"}
        revocation = report["signatures"][0]["path"][0]["revocation"]
        assert (revocation["status"], revocation["reason"]) == ("revoked", "keyCompromise")
        assert len(revocation["evidence"]) == 1

    def test_a_signed_pdf_has_a_report_of_the_same_shape(self, shared: Exchange) -> None:
        office = shared[GOVERNMENT_OFFICE]
        signed = signed_pdf(plain_pdf(), office.seal)
        before = remains(shared)
        files = (signed, changed_page(signed), plain_pdf(), b"%PDF-1.7 this is none")
        report, faked, plain, broken = asked_of_pdfs(shared, *files)
        assert (report["indication"], report["type"]) == ("TOTAL-PASSED", TYPE)
        (signature,) = report["signatures"]
        assert (signature["certificate"], signature["agency"], signature["role"], signature["intact"]) == (
            office.seal.sha256,
            GOVERNMENT_OFFICE,
            "seal",
            True,
        )
        assert (report["pdf"]["status"], outcomes(report)["reading"]) == ("valid", "not-run")
        assert (faked["indication"], outcomes(faked)["integrity"]) == ("TOTAL-FAILED", "failed")
        assert (plain["indication"], plain["signatures"]) == ("INDETERMINATE", [])
        assert [each["code"] for each in plain["findings"]] == ["ours.pdf.unsigned"]
        assert (broken["indication"], outcomes(broken)["signature"]) == ("INDETERMINATE", "not-run")
        assert remains(shared) == before

    def test_only_messages_and_pdfs_are_looked_into(self, shared: Exchange) -> None:
        system = shared[GOVERNMENT_OFFICE].system
        # This node looks into no PDFs.
        for media_type in ("application/json", "application/pdf"):
            answer = system.post("/v1/verifications", content=b"{}", headers={"Content-Type": media_type})
            refused(answer, 415, "unsupported-media-type")


def page_of(exchange: Exchange, document: str, organ_id: str, language: str) -> str:
    """Look at the page of a report as somebody of an agency."""
    with Visitor(exchange.running.url) as visitor:
        visitor.sign_in(exchange.running.client(Scope.EXCHANGE, agencies=[organ_id]))
        return html.unescape(visitor.get(f"/documents/{document}/verification?lang={language}").text)


def fetched(exchange: Exchange, document: str, sha256: str, organ_id: str = GOVERNMENT_OFFICE) -> bytes:
    """Fetch evidence and insist that it is what its digest says."""
    answer = exchange[organ_id].system.get(f"/v1/documents/{document}/verification/evidence/{sha256}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] in ("application/pkix-cert", "application/pkix-crl")
    octets: bytes = answer.content
    assert hashlib.sha256(octets).hexdigest() == sha256
    return octets


def trusted(exchange: Exchange, country: str, *, slot: int) -> Pki:
    """Trust another root, about whose certificates nothing is known."""
    authority = Pki.new(country, slot=slot)
    created(exchange.administrator.post("/v1/trust/anchors", json={"pem": authority.root_pem, "name": country}))
    return authority


def with_seal_of(exchange: Exchange, organ_id: str, authority: Pki) -> Office:
    """Give an office another seal."""
    seal = current_seal(authority, organ_id, f"Cơ quan {organ_id}", slot=990)
    register_certificate(exchange.administrator, organ_id, seal, authority)
    return replace(exchange[organ_id], seal=seal)


def publish(exchange: Exchange, authority: Pki, *, days: int, revoked: list[x509.Certificate] | None = None) -> str:
    """Publish lists of both authorities; returns the digest of the issuing one's."""
    made = datetime.now(UTC) - timedelta(days=10 - days)
    above, own = (
        authority.crl(
            entries, issuer=issuer, this_update=made, next_update=NOW + 20 * YEAR, number=days, at=made, pem=False
        )
        for issuer, entries in ((authority.root, []), (authority.issuing, revoked or []))
    )
    for listed in (above, own):
        created(exchange.administrator.post("/v1/trust/crls", content=listed))
    return hashlib.sha256(own).hexdigest()
