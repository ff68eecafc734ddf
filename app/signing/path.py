"""From a certificate to a verdict at a point in time: is there a path to a trust anchor, and does all of it hold?

Owns the building of paths, bounded, and the checks Vietnamese law asks of every certificate on one (NĐ 68/2024/NĐ-CP
Đ31 and Đ32: in its period, fit for the purpose, not revoked when it was used). The path itself is validated after
RFC 5280 §6.1 by pyhanko-certvalidator, which is given the path and no way to the network. Nothing is remembered here:
equal arguments give equal verdicts, and callers may keep them until `valid_until`.

The checks, in the order of the findings: (1) the signer's certificate is for signing, (2) a path exists; then for each
certificate of the path (3) its key and the signature on it are strong, (4) its period, (5) its revocation; and
(6) the path as a whole.
"""

from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar, assert_never

from asn1crypto import x509 as asn1  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko_certvalidator.authority import CertTrustAnchor, TrustQualifiers, derive_quals_from_cert
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.errors import ValidationError
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import NO_REVOCATION, CertRevTrustPolicy, PKIXValidationParams
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.validate import async_validate_path

from app.findings import Finding, Severity
from app.signing.certificates import (
    UNREADABLE,
    fingerprint,
    issuer_of,
    key_defect,
    serial_of,
    signature_defect,
    subject_of,
    validity_of,
)
from app.signing.refusal import OURS, shortened
from app.signing.revocations import Revocation, Revocations, Unknown

LENGTH_MAX: Final = 6
"""Most certificates on a path, signer and anchor included; the state's hierarchies have three or four."""
PATHS_MAX: Final = 4
"""Most paths that are tried; cross-certification gives two."""
SIGNATURES_MAX: Final = 48
"""Most signatures that are checked while paths are built, whatever a stranger puts into KeyInfo."""
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_LAW: Final = "NĐ 68/2024/NĐ-CP Đ31, Đ32"
_OTHER_PURPOSES: Final = frozenset(
    (
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CODE_SIGNING,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.OCSP_SIGNING,
    )
)


class UnknownRevocation(StrEnum):
    """What follows when it is not known whether a certificate was revoked."""

    REFUSE = "refuse"
    """An error: what is unknown is never valid."""
    ACCEPT = "accept"
    """Unknown it stays: the verdict is INDETERMINATE until it is known (ETSI EN 319 102-1 §5.2.6)."""


@dataclass(frozen=True, slots=True)
class PathVerdict:
    """What is to be said about a certificate at one moment.

    Attributes:
        findings: in the order of the checks; empty when all is well.
        path: signer first, anchor last; the best one where several were tried, empty where there is none.
        valid_until: until when a passing verdict stays true with the same anchors and revocations: the first end of a
            validity period or of a revocation list's, or a revocation to come. None for one that does not pass; do
            not keep that.
    """

    findings: tuple[Finding, ...]
    path: tuple[x509.Certificate, ...]
    valid_until: datetime | None

    @property
    def passed(self) -> bool:
        """Whether the certificate may be relied on."""
        return not any(finding.refuses for finding in self.findings)


def validate(
    leaf: x509.Certificate,
    *,
    intermediates: Iterable[x509.Certificate],
    anchors: Iterable[x509.Certificate],
    revocations: Revocations,
    at: datetime,
    unknown_revocation: UnknownRevocation = UnknownRevocation.REFUSE,
) -> PathVerdict:
    """Judge a signer's certificate. Reads no clock and no network, and may be called from any thread.

    Args:
        leaf: the signer's certificate; it and the others were read by `certificates`, so that every part is readable.
        intermediates: authorities that may lie between; need not be trusted, order does not matter.
        anchors: authorities that are trusted; a path ends at the first one it meets.
        revocations: what is known about revocations.
        at: when the signature was made or received, aware.
        unknown_revocation: what follows when nothing is known.

    Returns:
        the verdict; of several paths the first that passes, else the first with the fewest findings.
    """
    about_leaf = [*_check_usage(leaf)]  # (1)
    anchored = {fingerprint(anchor): anchor for anchor in anchors}
    best: PathVerdict | None = None
    for path in _paths(leaf, tuple(intermediates), tuple(anchored.values())):  # (2)
        findings = [*about_leaf]
        for certificate in path:
            trusted = certificate is path[-1]
            findings.extend(_check_strength(certificate, anchor=trusted))  # (3)
            findings.extend(_check_period(certificate, at))  # (4)
            if not trusted:
                findings.extend(_check_revocation(certificate, revocations, at, unknown_revocation))  # (5)
        if not any(finding.refuses for finding in findings):
            findings.extend(_check_path(path, at))  # (6)
        verdict = _verdict(findings, path, revocations, at)
        if verdict.passed:
            return verdict
        if best is None or len(verdict.findings) < len(best.findings):
            best = verdict
    if best is not None:
        return best
    # Without a path there is still something to say about the certificate alone.
    return _verdict(
        [*about_leaf, _no_path(leaf), *_check_strength(leaf), *_check_period(leaf, at)], (), revocations, at
    )


def _verdict(
    findings: Sequence[Finding], path: tuple[x509.Certificate, ...], revocations: Revocations, at: datetime
) -> PathVerdict:
    refused = any(finding.refuses for finding in findings)
    return PathVerdict(
        findings=tuple(findings),
        path=path,
        valid_until=None if refused else min(_ends(path, revocations, at)),
    )


def _ends(path: tuple[x509.Certificate, ...], revocations: Revocations, at: datetime) -> Iterator[datetime]:
    """Give every moment at which a passing verdict might change by itself."""
    yield path[-1].not_valid_after_utc
    for certificate in path[:-1]:
        yield certificate.not_valid_after_utc
        fresh = revocations.fresh_until(issuer_of(certificate))
        # What is stale already and was only warned about does not grow staler.
        if fresh is not None and fresh >= at:
            yield fresh
        known = revocations.find(issuer_of(certificate), certificate.serial_number, at=at)
        if isinstance(known, Revocation):
            yield known.at


def _finding(
    code: str, certificate: x509.Certificate, says: str, fix: str, source: str, severity: Severity = Severity.ERROR
) -> Finding:
    name = f"{shortened(subject_of(certificate), 120)} (serial {serial_of(certificate)})"
    return Finding(code, severity, f"The certificate of {name} {says}.", fix, source)


# (1) The signer's certificate is one for signing documents.


def _check_usage(leaf: x509.Certificate) -> Iterator[Finding]:
    fix = "Sign with the certificate that was issued to the agency for signing."
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        yield _finding(
            "rfc5280.4.2.1.3.wrong-usage",
            leaf,
            "is not for signatures: its key usage has neither digitalSignature nor nonRepudiation",
            fix,
            f"RFC 5280 §4.2.1.3; {_LAW}",
        )
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield _finding(
            "rfc5280.4.2.1.9.authority",
            leaf,
            "is that of an authority, which signs certificates and no documents",
            fix,
            f"RFC 5280 §4.2.1.9; {_LAW}",
        )
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is not None and set(purposes) <= _OTHER_PURPOSES:
        yield _finding(
            "rfc5280.4.2.1.12.wrong-purpose",
            leaf,
            "is for servers, code, time stamps or OCSP only",
            fix,
            f"RFC 5280 §4.2.1.12; {_LAW}",
        )


# (2) Paths from the signer up to an anchor, each step's signature checked, all of it bounded.


def _paths(
    leaf: x509.Certificate, intermediates: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]
) -> Iterator[tuple[x509.Certificate, ...]]:
    budget, given = SIGNATURES_MAX, 0
    # Depth first, anchors before others, so the shortest trusted path comes first.
    waiting: list[tuple[x509.Certificate, ...]] = [(leaf,)]
    while waiting and given < PATHS_MAX:
        path = waiting.pop()
        ends: list[tuple[x509.Certificate, ...]] = []
        steps: list[tuple[x509.Certificate, ...]] = []
        for candidate, trusted in (*((each, True) for each in anchors), *((each, False) for each in intermediates)):
            if candidate.subject != path[-1].issuer or any(_same(candidate, passed) for passed in path):
                continue
            if budget == 0:
                return
            budget -= 1
            if _issued(path[-1], candidate):
                (ends if trusted else steps).append((*path, candidate))
        for end in ends[: PATHS_MAX - given]:
            given += 1
            yield end
        if len(path) < LENGTH_MAX - 1:
            waiting.extend(reversed(steps))


def _same(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether both are the same authority: name and key; another certificate for it leads nowhere new."""
    return one.subject == other.subject and _key_octets(one) == _key_octets(other)


def _key_octets(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if signature_defect(certificate) is not None:
        # Names alone decide: (3) refuses every such path, and the finding then names the cause.
        return True
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _no_path(leaf: x509.Certificate) -> Finding:
    if leaf.issuer == leaf.subject:
        return _finding(
            "rfc5280.6.1.self-signed",
            leaf,
            "is self-signed; nobody this node trusts vouches for it",
            "Use a certificate issued by an authority of the exchange.",
            f"RFC 5280 §6.1; {_LAW}",
        )
    return _finding(
        "rfc5280.6.1.no-path",
        leaf,
        f"leads to no trust anchor; its issuer is {shortened(issuer_of(leaf), 120)}",
        "Put the authorities between into KeyInfo/X509Data, or ask the operator to trust the root.",
        f"RFC 5280 §6.1; TT 41/2017/TT-BTTTT Đ8; {_LAW}",
    )


# (3) Keys and signatures are strong.


def _check_strength(certificate: x509.Certificate, *, anchor: bool = False) -> Iterator[Finding]:
    fix = "Have it replaced: RSA of 2048 bits or more or ECDSA on P-256 or P-384, signed with SHA-256 or better."
    defect = key_defect(certificate)
    if defect is not None:
        yield _finding("ours.certificate.weak-key", certificate, f"is too weak: {defect}", fix, OURS)
    # An anchor is trusted as it is; nobody relies on its signature on itself.
    defect = None if anchor else signature_defect(certificate)
    if defect is not None:
        yield _finding("ours.certificate.weak-signature", certificate, f"is too weak: {defect}", fix, OURS)


# (4) Validity periods, anchor included (TT 41/2017 Đ8: up to the root).


def _check_period(certificate: x509.Certificate, at: datetime) -> Iterator[Finding]:
    validity = validity_of(certificate)
    source = f"RFC 5280 §4.1.2.5; {_LAW}"
    if at < validity.not_before:
        yield _finding(
            "rfc5280.4.1.2.5.not-yet-valid",
            certificate,
            f"is valid from {validity.not_before:%Y-%m-%dT%H:%M:%SZ} on, after {at:%Y-%m-%dT%H:%M:%S%z}",
            "Sign with a certificate that is valid now, and set the clock.",
            source,
        )
    elif at > validity.not_after:
        yield _finding(
            "rfc5280.4.1.2.5.expired",
            certificate,
            f"expired on {validity.not_after:%Y-%m-%dT%H:%M:%SZ}, before {at:%Y-%m-%dT%H:%M:%S%z}",
            "Have the certificate renewed and sign again.",
            source,
        )


# (5) Revocation, by the node's own index.


def _check_revocation(
    certificate: x509.Certificate, revocations: Revocations, at: datetime, unknown: UnknownRevocation
) -> Iterator[Finding]:
    known = revocations.find(issuer_of(certificate), certificate.serial_number, at=at)
    source = f"RFC 5280 §6.3; {_LAW}"
    match known:
        case None:
            return
        case Revocation():
            since = f"{known.at:%Y-%m-%dT%H:%M:%SZ}"
            if known.at > at:
                yield _finding(
                    "rfc5280.6.3.revoked-later",
                    certificate,
                    f"was revoked at {since} ({known.reason}), after it was used",
                    "Nothing; what was signed before stays valid.",
                    source,
                    Severity.INFO,
                )
                return
            yield _finding(
                "rfc5280.6.3.revoked",
                certificate,
                f"was revoked at {since} ({known.reason})",
                "Sign with a certificate that is in force.",
                source,
            )
        case Unknown():
            reason = {
                Unknown.NO_LIST: "no revocation list of its issuer is known",
                Unknown.STALE: "the revocation list of its issuer is out of date",
            }[known]
            yield _finding(
                f"rfc5280.6.3.revocation-unknown.{known.value}",
                certificate,
                f"may have been revoked: {reason}",
                "Nothing the sender can do; the operator imports the issuer's current revocation list.",
                source,
                Severity.ERROR if unknown is UnknownRevocation.REFUSE else Severity.UNKNOWN,
            )
        case _:
            assert_never(known)


# (6) The path as a whole, RFC 5280 §6.1: names, constraints, policies, usages of authorities, critical extensions.


def _check_path(path: tuple[x509.Certificate, ...], at: datetime) -> Iterator[Finding]:
    try:
        loaded = [_asn1(certificate) for certificate in path]
        root = loaded[-1]
        anchor = CertTrustAnchor(root, _qualifiers(root))
        context = ValidationContext(
            trust_manager=SimpleTrustManager.build(trust_roots=[anchor]),
            other_certs=loaded[1:-1],
            moment=at,
            allow_fetching=False,
            revinfo_policy=CertRevTrustPolicy(NO_REVOCATION),
            time_tolerance=timedelta(0),
        )
        _run(async_validate_path(context, ValidationPath(anchor, loaded[-2:0:-1], loaded[0])))
    except ValidationError as error:
        yield _finding(
            "rfc5280.6.1.path-invalid",
            path[0],
            f"has a path to an anchor that does not hold: {shortened(str(error), 300)}",
            "Ask the authority that issued it; the certificates contradict each other.",
            "RFC 5280 §6.1",
        )
    except Exception as error:  # noqa: BLE001 - whatever breaks in there, the path was not validated
        yield _finding(
            "rfc5280.6.1.path-unchecked",
            path[0],
            f"has a path that could not be checked: {type(error).__name__} {shortened(str(error), 200)}",
            "Ask the authority that issued it whether its certificates follow RFC 5280.",
            "RFC 5280 §6.1",
            Severity.FATAL,
        )


def _qualifiers(root: asn1.Certificate) -> TrustQualifiers:
    """Keep an anchor's own limits on length and names; its policies describe it and bind nobody below."""
    derived = derive_quals_from_cert(root)
    limits = derived.standard_parameters
    return TrustQualifiers(
        max_path_length=derived.max_path_length,
        standard_parameters=None
        if limits is None
        else PKIXValidationParams(
            initial_permitted_subtrees=limits.initial_permitted_subtrees,
            initial_excluded_subtrees=limits.initial_excluded_subtrees,
        ),
    )


def _asn1(certificate: x509.Certificate) -> asn1.Certificate:
    return asn1.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def _run(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine that has nothing to wait for; works inside and outside event loops alike.

    Raises:
        RuntimeError: it waited.
    """
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("the path validator waited, but it has no way to fetch anything")


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
