"""Time stamps of a time-stamping authority (RFC 3161): asking for one, and judging what came back.

A token says that somebody whom this node trusts for the time had the digest of some octets before it at `gen_time`. It
counts when all of this holds, in this order: (1) it is readable, and one signer signed it and named its own
certificate in it (RFC 5816, RFC 5035 §3); (2) its hashes are SHA-2; (3) it is about these octets and answers this
request; (4) the signer's certificate is for time stamps alone and led to a registered anchor at `gen_time`, not revoked
then; (5) the signature holds. The last is rfc3161-client's work, on OpenSSL; the path is judged as that of every other
certificate, with what this node knows about revocations.

Nothing here asks anybody: no network, no clock, no randomness.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from asn1crypto import cms, tsp  # type: ignore[import-untyped]
from asn1crypto.parser import emit  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from app.findings import Finding, Severity
from app.signing.certificates import UnreadableCertificate, load, serial_of, subject_of
from app.signing.path import UnknownRevocation, validate
from app.signing.purpose import Purpose
from app.signing.refusal import shortened
from app.signing.revocations import Revocation, Revocations

TOKEN_OCTETS_MAX: Final = 64 * 1024
"""Longest token or response that is read; one with its certificates has three to eight thousand octets."""
CERTIFICATES_MAX: Final = 10
"""Most certificates in a token that are looked at."""
OURS: Final = "ours, decision 0016"

_HASHES: Final = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_SIGNATURES: Final = frozenset(
    ("rsassa_pkcs1v15", *(f"sha{bits}_{key}" for bits in (256, 384, 512) for key in ("rsa", "ecdsa")))
)
"""The bare RSA algorithm takes its hash from the signer's digest algorithm, which is checked as well."""
_STILL_GOOD: Final = frozenset(("unspecified", "affiliationChanged", "superseded", "cessationOfOperation"))
"""Reasons of a revocation after which earlier tokens stay good (RFC 3161 §4, 1); any other spoils all of them."""
_GRANTED: Final = b"\x30\x03\x02\x01\x00"
"""PKIStatusInfo that says granted: what a bare token lacks to be a response."""
_READING: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What asn1crypto raises over octets that are not what they should be, some of it only when a part is looked at."""


class TimestampRefused(ValueError):
    """A token or response that proves nothing.

    Attributes:
        findings: why; at least one refuses.
    """

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A token that was verified.

    Attributes:
        gen_time: when the authority had the digest before it, aware, UTC.
        tsa: the authority's certificate.
        serial: the token's number, unique with this authority.
        accuracy: how far `gen_time` may be off, either way; None where the authority does not say.
        policy: OID of the policy the authority stamped under.
        path: from `tsa` to the anchor, both included.
        findings: what was found besides, none of it refusing; one of severity unknown means that the authority's
            revocation is not known, and the time therefore not proven.
        token: in DER, without the response around it.
    """

    gen_time: datetime
    tsa: x509.Certificate
    serial: int
    accuracy: timedelta | None
    policy: str
    path: tuple[x509.Certificate, ...]
    findings: tuple[Finding, ...]
    token: bytes

    @property
    def proven(self) -> bool:
        """Whether nothing about it is unknown."""
        return all(finding.severity is not Severity.UNKNOWN for finding in self.findings)


def build_request(octets: bytes, *, nonce: int, policy: str | None = None) -> bytes:
    """Ask for a time stamp over the SHA-256 of some octets, with the authority's certificate in it.

    Args:
        octets: what is to be stamped; only its digest goes into the request.
        nonce: random, not negative, at least 64 bits; the answer must repeat it.
        policy: OID the authority is asked to stamp under; None leaves it to the authority.
    """
    return bytes(
        tsp.TimeStampReq(
            {
                "version": "v1",
                "message_imprint": {
                    "hash_algorithm": {"algorithm": "sha256"},
                    "hashed_message": hashlib.sha256(octets).digest(),
                },
                "nonce": nonce,
                "cert_req": True,
                **({} if policy is None else {"req_policy": policy}),
            }
        ).dump()
    )


def token_of(response: bytes) -> bytes:
    """Take the token out of an authority's answer.

    Raises:
        TimestampRefused: it is no answer, or the authority declined.
    """
    if len(response) > TOKEN_OCTETS_MAX:
        _refuse("rfc3161.2.4.2.too-long", f"The answer has {len(response)} octets; at most {TOKEN_OCTETS_MAX} are read")
    try:
        read = decode_timestamp_response(response)
        status, texts = read.status, read.status_string if read.status else []
        token = b"" if status > 1 else read.time_stamp_token()
    except (*_READING, RuntimeError) as error:
        _refuse("rfc3161.2.4.2.unreadable", f"The answer is no RFC 3161 response: {shortened(str(error), 200)}")
    if status > 1:
        said = f", saying {shortened(' '.join(texts), 200)!r}" if texts else ""
        _refuse("rfc3161.2.4.2.declined", f"The authority declined with status {status}{said}")
    return token


def certificates_of(token: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates in a token, its signer's first, so that what is known of them can be looked up.

    Raises:
        TimestampRefused: its form is not one that can count.
    """
    signed = _Signed(token)
    return (signed.signer, *signed.others)


def verify_token(
    token: bytes,
    octets: bytes,
    *,
    anchors: Iterable[x509.Certificate],
    revocations: Revocations,
    intermediates: Iterable[x509.Certificate] = (),
    nonce: int | None = None,
    policy: str | None = None,
    unknown_revocation: UnknownRevocation = UnknownRevocation.REFUSE,
) -> Timestamp:
    """Judge a bare token, as XAdES has it in EncapsulatedTimeStamp, at the moment it names itself.

    Args:
        token: a ContentInfo in DER.
        octets: what was stamped; any length, they are hashed once.
        anchors: authorities that are trusted for time stamps.
        revocations: what is known about revocations.
        intermediates: authorities that may lie between, besides those in the token; need not be trusted.
        nonce: that of the request, None where there is none to compare with.
        policy: OID that is demanded; None takes any.
        unknown_revocation: what follows when nothing is known about the revocation of a certificate on the path.

    Raises:
        TimestampRefused: it proves nothing; the findings say why.
    """
    signed = _Signed(token)  # (1), (2)
    signed.check_about(octets, nonce=nonce, policy=policy)  # (3)
    anchors = tuple(anchors)
    path, findings = _judged(signed, anchors, (*signed.others, *intermediates), revocations, unknown_revocation)  # (4)
    _check_signature(token, octets, signed, path)  # (5)
    return Timestamp(
        gen_time=signed.gen_time,
        tsa=signed.signer,
        serial=signed.serial,
        accuracy=signed.accuracy,
        policy=signed.policy,
        path=path,
        findings=findings,
        token=token,
    )


def said_by(token: bytes, octets: bytes) -> tuple[datetime, x509.Certificate]:
    """Return what a token says of some octets, and who is to have signed it, whether anybody vouches for that or not.

    Returns:
        its time, aware, UTC, and its signer's certificate; neither is proven.

    Raises:
        TimestampRefused: its form is not one that can count, or it is about other octets.
    """
    signed = _Signed(token)
    signed.check_about(octets, nonce=None, policy=None)
    return signed.gen_time, signed.signer


def digest_in(token: bytes) -> tuple[str, bytes]:
    """Return the name of the hash and the digest of what a token stamps, whether anybody vouches for it or not.

    Raises:
        TimestampRefused: its form is not one that can count.
    """
    signed = _Signed(token)
    return signed.imprint_hash, signed.imprint


class _Signed:
    """What a token says, its form checked, before anybody vouches for it."""

    def __init__(self, token: bytes) -> None:
        if len(token) > TOKEN_OCTETS_MAX:
            _refuse("rfc3161.2.4.2.too-long", f"The token has {len(token)} octets; at most {TOKEN_OCTETS_MAX} are read")
        try:
            self._read(token)
        except (*_READING, RuntimeError, UnreadableCertificate) as error:
            if isinstance(error, TimestampRefused):
                raise
            _refuse(
                "rfc3161.2.4.2.unreadable",
                f"The token is no signed TSTInfo in DER: {shortened(str(error), 200)}",
            )

    def _read(self, token: bytes) -> None:
        outer = cms.ContentInfo.load(token, strict=True)
        if outer["content_type"].native != "signed_data":
            _refuse("rfc3161.2.4.2.unreadable", "The token is not CMS SignedData")
        content = outer["content"]
        if content["encap_content_info"]["content_type"].native != "tst_info":
            _refuse("rfc3161.2.4.2.unreadable", "The token signs something else than a TSTInfo")
        if len(content["signer_infos"]) != 1:
            _refuse("rfc3161.2.4.2.signers", f"The token has {len(content['signer_infos'])} signers, not one")
        info = tsp.TSTInfo.load(content["encap_content_info"]["content"].contents, strict=True)
        self.gen_time: datetime = info["gen_time"].native
        self.serial: int = info["serial_number"].native
        self.nonce: int | None = info["nonce"].native
        self.policy: str = info["policy"].dotted
        self.accuracy = _accuracy(info["accuracy"].native)
        self.imprint_hash: str = info["message_imprint"]["hash_algorithm"]["algorithm"].native
        self.imprint: bytes = info["message_imprint"]["hashed_message"].native
        self.signer, self.others = self._certificates(content)
        self._check_signer(content["signer_infos"][0])

    def _certificates(self, content: Any) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
        given = [choice.chosen.dump() for choice in content["certificates"] if choice.name == "certificate"]
        if len(given) > CERTIFICATES_MAX:
            _refuse("rfc3161.2.4.2.certificates", f"The token has {len(given)} certificates, over {CERTIFICATES_MAX}")
        sid = content["signer_infos"][0]["sid"]
        if sid.name != "issuer_and_serial_number":
            _refuse("rfc3161.2.4.2.signer", "The token names its signer by key, not by issuer and serial number")
        name, number = sid.chosen["issuer"].dump(), sid.chosen["serial_number"].native
        loaded = [load(octets) for octets in given]
        own = [each for each in loaded if each.serial_number == number and each.issuer.public_bytes() == name]
        if len(own) != 1:
            _refuse(
                "rfc3161.2.4.2.signer",
                f"The token has {len(own)} certificates of its signer's name and number, not one",
                fix="Ask the authority to put its certificate into its tokens.",
            )
        return own[0], tuple(each for each in loaded if each is not own[0])

    def _check_signer(self, signer: Any) -> None:
        digest = signer["digest_algorithm"]["algorithm"].native
        method = signer["signature_algorithm"]["algorithm"].native
        for what, used, allowed in (
            ("imprint", self.imprint_hash, _HASHES),
            ("digest", digest, _HASHES),
            ("signature", method, _SIGNATURES),
        ):
            if used not in allowed:
                _refuse(
                    "ours.timestamp.weak-hash",
                    f"The token's {what} is made with {shortened(str(used), 40)}; SHA-256, SHA-384 and SHA-512 count",
                    fix="Use a time-stamping authority that stamps with SHA-256.",
                    source=OURS,
                )
        attributes = {each["type"].native: each["values"] for each in signer["signed_attrs"]}
        if [each.native for each in attributes["content_type"]] != ["tst_info"]:
            _refuse("rfc3161.2.4.2.unreadable", "The signed attributes name another content than TSTInfo")
        if not any(self._names_signer(*each) for each in _named(attributes)):
            _refuse(
                "rfc5816.2.2.signing-certificate",
                "The token's signed attributes do not name the certificate it was made with",
                source="RFC 5816 §2.2; RFC 5035 §3",
            )

    def _names_signer(self, algorithm: str, digest: bytes) -> bool:
        if algorithm not in ("sha1", *_HASHES):
            return False
        # SHA-1 only picks out a certificate whose path is judged anyway; forging it takes a second preimage.
        found = hashlib.new(algorithm, self.signer.public_bytes(serialization.Encoding.DER), usedforsecurity=False)
        return found.digest() == digest

    def check_about(self, octets: bytes, *, nonce: int | None, policy: str | None) -> None:
        """Raise unless the token is about these octets and answers this request."""
        if self.imprint != _HASHES[self.imprint_hash](octets).digest():
            _refuse(
                "rfc3161.2.4.2.imprint",
                "The token is about other octets: its message imprint is not their digest",
                fix="Use the token that was made for exactly these octets.",
            )
        if nonce is not None and nonce != self.nonce:
            _refuse("rfc3161.2.4.2.nonce", "The token does not repeat the nonce of the request")
        if policy is not None and policy != self.policy:
            _refuse("rfc3161.2.4.2.policy", f"The token was made under the policy {self.policy}, not {policy}")


def _named(attributes: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Give hash and digest of the first certificate each attribute names, which is the signer's (RFC 5035 §3)."""
    for value in attributes.get("signing_certificate_v2", ()):
        first = value["certs"][0]
        yield first["hash_algorithm"]["algorithm"].native, first["cert_hash"].native
    for value in attributes.get("signing_certificate", ()):
        yield "sha1", value["certs"][0]["cert_hash"].native


def _accuracy(given: dict[str, int | None] | None) -> timedelta | None:
    if given is None:
        return None
    return timedelta(
        seconds=given["seconds"] or 0, milliseconds=given["millis"] or 0, microseconds=given["micros"] or 0
    )


def _judged(
    signed: _Signed,
    anchors: tuple[x509.Certificate, ...],
    intermediates: tuple[x509.Certificate, ...],
    revocations: Revocations,
    unknown_revocation: UnknownRevocation,
) -> tuple[tuple[x509.Certificate, ...], tuple[Finding, ...]]:
    verdict = validate(
        signed.signer,
        intermediates=intermediates,
        anchors=anchors,
        revocations=revocations,
        at=signed.gen_time,
        unknown_revocation=unknown_revocation,
        purpose=Purpose.TIME_STAMPS,
    )
    if not verdict.passed:
        raise TimestampRefused(*verdict.findings)
    known = revocations.standing(signed.signer, at=signed.gen_time).known
    if isinstance(known, Revocation) and known.reason not in _STILL_GOOD:
        _refuse(
            "rfc3161.4.compromised",
            f"The authority's certificate {subject_of(signed.signer)} (serial {serial_of(signed.signer)}) was revoked "
            f"at {known.at:%Y-%m-%dT%H:%M:%SZ} ({known.reason}): none of its tokens can be relied on, earlier or later",
            source="RFC 3161 §4, 1",
        )
    return verdict.path, verdict.findings


def _check_signature(token: bytes, octets: bytes, signed: _Signed, path: tuple[x509.Certificate, ...]) -> None:
    response = emit(0, 1, 16, _GRANTED + token)
    try:
        read = decode_timestamp_response(response)
        # What is trusted is decided already; here the path found is followed once more, by another implementation.
        builder = VerifierBuilder(roots=[path[-1]], intermediates=list(path[1:-1]), nonce=signed.nonce)
        builder.build().verify(read, _HASHES[signed.imprint_hash](octets).digest())
        same = read.tst_info.gen_time.replace(microsecond=0) == signed.gen_time.replace(microsecond=0)
    except (VerificationError, *_READING, RuntimeError) as error:
        _refuse("rfc3161.2.4.2.signature", f"The token's signature does not hold: {shortened(str(error), 200)}")
    if not same:
        _refuse("rfc3161.2.4.2.unreadable", "The token's time is read differently by two implementations")


def _refuse(
    code: str,
    message: str,
    *,
    fix: str = "Ask the authority for another token, or use another authority.",
    source: str = "RFC 3161 §2.4.2",
) -> NoReturn:
    raise TimestampRefused(Finding(code, Severity.ERROR, f"{message}.", fix, source))
