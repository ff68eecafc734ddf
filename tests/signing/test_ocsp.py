"""OCSP (RFC 6960): what is asked, which answers may be relied on, and why others may not."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import RequestInvalid
from app.signing.ocsp import (
    ANSWER_OCTETS_MAX,
    LIFETIME,
    OcspAnswer,
    OcspStatus,
    delegated_responder,
    parse_answer,
    request_for,
)
from tests.support.pki import DAY, NOW, YEAR, Identity, Pki, certify, make_key, name, shared_pki

PKI = shared_pki()
SEAL = PKI.seal(key="p256", slot=0, serial=4711)
ISSUERS = (PKI.root.certificate, PKI.issuing.certificate)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Answer:
    """An answer to be made; as it stands, one that holds."""

    about: x509.Certificate = SEAL.certificate
    issuer: x509.Certificate = PKI.issuing.certificate
    signer: Identity = PKI.issuing
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD
    reason: x509.ReasonFlags | None = None
    this_update: datetime = NOW - HOUR
    next_update: datetime | None = NOW + DAY
    certificate_id: type[hashes.HashAlgorithm] = hashes.SHA1
    by_key: bool = False
    brings: tuple[x509.Certificate, ...] = ()
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = ()

    def der(self) -> bytes:
        revoked = self.status is ocsp.OCSPCertStatus.REVOKED
        encoding = ocsp.OCSPResponderEncoding.HASH if self.by_key else ocsp.OCSPResponderEncoding.NAME
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                self.about,
                self.issuer,
                self.certificate_id(),
                self.status,
                self.this_update,
                self.next_update,
                NOW - DAY if revoked else None,
                self.reason,
            )
            .responder_id(encoding, self.signer.certificate)
        )
        if self.brings:
            builder = builder.certificates(list(self.brings))
        for extension, critical in self.extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.signer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)  # type: ignore[arg-type]


def read(octets: bytes, *, at: datetime = NOW, nonce: bytes | None = None, revoked: bool = False) -> OcspAnswer:
    return parse_answer(
        octets, certificate=SEAL.certificate, issuers=ISSUERS, at=at, nonce=nonce, responder_revoked=revoked
    )


def responder(
    *,
    pki: Pki = PKI,
    purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.OCSP_SIGNING,),
    not_after: datetime = NOW + YEAR,
    digest: hashes.HashAlgorithm | None = None,
    key: str = "p256",
    unchecked: bool = True,
) -> Identity:
    private = make_key(key, 640)  # type: ignore[arg-type]
    certificate = certify(
        name((NameOID.COMMON_NAME, "Máy trả lời OCSP")),
        private,
        issuer=pki.issuing.certificate,
        signer=pki.issuing.key,
        serial=900,
        not_after=not_after,
        purposes=purposes,
        digest=digest,
        extensions=[(x509.OCSPNoCheck(), False)] if unchecked else [],
    )
    return Identity(private, certificate)


def by(identity: Identity, **changes: object) -> bytes:
    return replace(Answer(signer=identity, brings=(identity.certificate,)), **changes).der()  # type: ignore[arg-type]


def test_request_names_certificate_and_issuer() -> None:
    request = ocsp.load_der_ocsp_request(request_for(SEAL.certificate, PKI.issuing.certificate, nonce=b"12345678"))
    assert request.serial_number == 4711
    assert request.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"12345678"
    assert not list(ocsp.load_der_ocsp_request(request_for(SEAL.certificate, PKI.issuing.certificate)).extensions)


@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.parametrize("certificate_id", [hashes.SHA1, hashes.SHA256])
def test_answer_of_the_issuer_itself_holds(by_key: bool, certificate_id: type[hashes.HashAlgorithm]) -> None:
    answer = read(Answer(by_key=by_key, certificate_id=certificate_id).der())
    assert (answer.status, answer.serial, answer.delegated) == (OcspStatus.GOOD, 4711, None)
    assert (answer.this_update, answer.fresh_until) == (NOW - HOUR, NOW + DAY)
    assert answer.issuer == answer.responder == PKI.issuing.certificate.subject.rfc4514_string()


def test_answer_of_an_rsa_issuer_holds() -> None:
    pki = Pki.new("RSA", key="rsa2048")
    seal = pki.seal(key="p256")
    octets = Answer(about=seal.certificate, issuer=pki.issuing.certificate, signer=pki.issuing, by_key=True).der()
    assert parse_answer(octets, certificate=seal.certificate, issuers=[pki.issuing.certificate], at=NOW)


def test_answer_of_an_appointed_responder_holds() -> None:
    appointed = responder()
    answer = read(by(appointed))
    assert answer.delegated == appointed.certificate
    assert answer.responder == appointed.certificate.subject.rfc4514_string()
    assert delegated_responder(by(appointed)) is None


def test_responder_whose_own_revocation_matters_is_named() -> None:
    appointed = responder(unchecked=False)
    assert delegated_responder(by(appointed)) == appointed.certificate
    assert read(by(appointed)).status is OcspStatus.GOOD
    with pytest.raises(RequestInvalid, match="own certificate is revoked"):
        read(by(appointed), revoked=True)
    assert delegated_responder(Answer().der()) is None


def test_revocation_has_its_time_and_reason() -> None:
    revoked = Answer(status=ocsp.OCSPCertStatus.REVOKED, reason=x509.ReasonFlags.key_compromise)
    answer = read(revoked.der())
    assert (answer.status, answer.revoked_at, answer.reason) == (OcspStatus.REVOKED, NOW - DAY, "keyCompromise")
    assert read(replace(revoked, reason=None).der()).reason == "unspecified"


def test_unknown_is_an_answer_too() -> None:
    assert read(Answer(status=ocsp.OCSPCertStatus.UNKNOWN).der()).status is OcspStatus.UNKNOWN


def test_answer_without_an_end_counts_for_a_day() -> None:
    octets = Answer(next_update=None).der()
    assert read(octets).fresh_until == NOW - HOUR + LIFETIME
    with pytest.raises(RequestInvalid, match="counted until"):
        read(octets, at=NOW + LIFETIME)


def test_other_nonce_is_refused_and_none_is_taken() -> None:
    own, others = ((x509.OCSPNonce(each), False) for each in (b"own-nonce", b"another-one"))
    assert read(Answer(extensions=(own,)).der(), nonce=b"own-nonce")
    assert read(Answer().der(), nonce=b"own-nonce")
    with pytest.raises(RequestInvalid, match="nonce is not ours"):
        read(Answer(extensions=(others,)).der(), nonce=b"own-nonce")


STRANGE = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "stale": (lambda: Answer(next_update=NOW - HOUR / 2).der(), "counted until"),
    "ahead": (lambda: Answer(this_update=NOW + HOUR).der(), "lies ahead"),
    "another certificate": (lambda: Answer(about=PKI.seal(key="p256", serial=1).certificate).der(), "not about"),
    "another issuer": (lambda: Answer(issuer=PKI.root.certificate).der(), "not about"),
    "CertID with SHA-512": (lambda: Answer(certificate_id=hashes.SHA512).der(), "not about"),
    "stranger": (lambda: Answer(signer=PKI.look_alike().issuing).der(), "signature is not that"),
    "signer not there": (lambda: Answer(signer=responder()).der(), "neither by"),
    "not appointed": (lambda: by(responder(purposes=())), "id-kp-OCSPSigning is missing"),
    "for servers": (lambda: by(responder(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))), "id-kp-OCSPSigning"),
    "appointed by another": (lambda: by(responder(pki=PKI.look_alike())), "did not appoint"),
    "expired responder": (lambda: by(responder(not_after=NOW - HOUR)), "not in force"),
    "short key": (lambda: by(responder(key="rsa1024")), "too weak"),
    "unknown critical extension": (lambda: Answer(extensions=((STRANGE, True),)).der(), "critical extension"),
    "refusal": (
        lambda: ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(
            serialization.Encoding.DER
        ),
        "refused to answer: try_later",
    ),
    "tampered": (lambda: Answer().der()[:-1] + b"\0", "signature is not that|not readable"),
    "cut off": (lambda: Answer().der()[:-20], "not readable"),
    "nothing": (lambda: b"", "not readable"),
    "too long": (lambda: b"\0" * (ANSWER_OCTETS_MAX + 1), "at most"),
}


@pytest.mark.parametrize("defect", BAD)
def test_answer_that_does_not_hold_says_why(defect: str) -> None:
    make, why = BAD[defect]
    with pytest.raises(RequestInvalid, match=why):
        read(make())


def test_answer_signed_with_another_hash_is_refused() -> None:
    """`cryptography` signs none; the algorithm named in a good one is overwritten."""
    ecdsa_sha256, ecdsa_sha224 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d040301")
    octets = Answer().der()
    assert ecdsa_sha256 in octets
    with pytest.raises(RequestInvalid, match="is signed with SHA224"):
        read(octets.replace(ecdsa_sha256, ecdsa_sha224))


GOOD = Answer().der()


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_no_changed_octet_makes_another_answer(place: int, change: int) -> None:
    good = read(GOOD)
    changed = bytearray(GOOD)
    changed[place] ^= change
    try:
        found = read(bytes(changed))
    except RequestInvalid:
        return
    # Only what is not signed may change: wrapping and the certificates that come along.
    assert (found.status, found.this_update, found.next_update) == (good.status, good.this_update, good.next_update)


def test_openssl_answers_our_request_and_we_believe_it(tmp_path: Path) -> None:
    def file(name: str, content: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    pem = PKI.issuing.certificate.public_bytes(serialization.Encoding.PEM)
    line = "R\t281120093000Z\t261119093000Z,keyCompromise\t1267\tunknown\t/CN=x\n"
    command = [
        *("openssl", "ocsp", "-index", file("index.txt", line.encode()), "-CA", file("ca.pem", pem)),
        *("-rsigner", file("signer.pem", pem), "-rkey", file("key.pem", PKI.issuing.key_pem()), "-rmd", "sha256"),
        *("-reqin", file("request.der", request_for(SEAL.certificate, PKI.issuing.certificate, nonce=b"12345678"))),
        *("-respout", str(tmp_path / "answer.der"), "-ndays", "36500"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    octets = (tmp_path / "answer.der").read_bytes()
    made = next(iter(ocsp.load_der_ocsp_response(octets).responses)).this_update_utc
    answer = read(octets, at=made, nonce=b"12345678")
    assert (answer.status, answer.revoked_at, answer.reason) == (OcspStatus.REVOKED, NOW - DAY, "keyCompromise")
