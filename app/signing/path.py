"""From a certificate to a verdict at a point in time: is there a path to a trust anchor, and does all of it hold?

The checks Vietnamese law asks of every certificate (NĐ 68/2024/NĐ-CP Đ31 and Đ32: in its period, fit for the purpose,
not revoked when it was used), in the order of the findings:

(1) purpose          the signer's certificate is for signing                         `purpose`
(2) path             a path to an anchor exists                                      `path_building`
(3) strength         each key and each signature on the path is strong               `soundness`
(4) period           each certificate is in its period                               `soundness`
(5) revocation       none below the anchor is revoked, and that is known             `path_revocation`
(6) the whole path   RFC 5280 §6.1                                                   `whole_path`

Nothing is remembered here: equal arguments give equal verdicts, and callers may keep them until `valid_until`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from app.findings import Finding
from app.signing.certificates import fingerprint, subject_of, validity_of
from app.signing.path_building import SIGNATURES_MAX, no_path, paths
from app.signing.path_revocation import Lookups, UnknownRevocation, check_revocation
from app.signing.purpose import Purpose, check_purpose
from app.signing.revocations import Evidence, EvidenceKind, Revocation, Revocations, Standing
from app.signing.soundness import Strength, check_period, check_strength
from app.signing.whole_path import ANY_POLICY, Policies, check_path

__all__ = [
    "SIGNATURES_MAX",
    "PathVerdict",
    "Policies",
    "Purpose",
    "Strength",
    "UnknownRevocation",
    "validate",
]


@dataclass(frozen=True, slots=True)
class PathVerdict:
    """What is to be said about a certificate at one moment.

    Attributes:
        findings: in the order of the checks; empty when all is well.
        path: signer first, anchor last; the best one where several were tried, empty where there is none.
        valid_until: until when a passing verdict stays true with the same anchors and revocations: the first end of a
            validity period or of what is known about revocations, or a revocation to come. None for one that does not
            pass; do not keep that.
        evidence: what it rests on: the certificates of the path, then the lists and answers that were used.
        standings: what is known of the revocation of each certificate below the anchor, signer first.
    """

    findings: tuple[Finding, ...]
    path: tuple[x509.Certificate, ...]
    valid_until: datetime | None
    evidence: tuple[Evidence, ...] = ()
    standings: tuple[Standing, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the certificate may be relied on."""
        return not any(finding.refuses for finding in self.findings)


@dataclass(frozen=True, slots=True)
class _Trust:
    """What stays the same for the signer and for whoever signed the lists about it."""

    intermediates: tuple[x509.Certificate, ...]
    anchors: tuple[x509.Certificate, ...]
    revocations: Revocations
    at: datetime
    unknown: UnknownRevocation
    strength: Strength
    asked: frozenset[str] = frozenset()


def validate(
    leaf: x509.Certificate,
    *,
    intermediates: Iterable[x509.Certificate],
    anchors: Iterable[x509.Certificate],
    revocations: Revocations,
    at: datetime,
    unknown_revocation: UnknownRevocation = UnknownRevocation.REFUSE,
    purpose: Purpose = Purpose.DOCUMENTS,
    strength: Strength = Strength.STRICT,
    policies: Policies = ANY_POLICY,
) -> PathVerdict:
    """Judge a signer's certificate. Reads no clock and no network, and may be called from any thread.

    Args:
        leaf: the signer's certificate; it and the others were read by `certificates`, so that every part is readable.
        intermediates: authorities that may lie between; need not be trusted, order does not matter.
        anchors: authorities that are trusted; a path ends at the first one it meets.
        revocations: what is known about revocations.
        at: when the signature was made or received, aware.
        unknown_revocation: what follows when nothing is known.
        purpose: what the certificate is used for.
        strength: how strong keys and signatures have to be; a node asks for the strict one.
        policies: what is asked of certificate policies.

    Returns:
        the verdict; of several paths the first that passes, else the first with the fewest findings.
    """
    anchored = {fingerprint(anchor): anchor for anchor in anchors}
    trust = _Trust(tuple(intermediates), tuple(anchored.values()), revocations, at, unknown_revocation, strength)
    return _judged(leaf, trust, purpose, policies)


def _judged(leaf: x509.Certificate, trust: _Trust, purpose: Purpose, policies: Policies) -> PathVerdict:
    about_leaf = [*check_purpose(leaf, purpose)]  # (1)
    lookups = Lookups(trust.revocations, trust.at, trust.unknown, _signers(leaf, trust))
    best: PathVerdict | None = None
    for path in paths(leaf, trust.intermediates, trust.anchors):  # (2)
        findings = [*about_leaf]
        standings = lookups.of_path(path)
        for position, certificate in enumerate(path):
            trusted = certificate is path[-1]
            if trust.strength is Strength.STRICT:
                findings.extend(check_strength(certificate, anchor=trusted))  # (3)
            findings.extend(check_period(certificate, trust.at))  # (4)
            if not trusted:
                findings.extend(
                    check_revocation(certificate, standings[position], at=trust.at, unknown=trust.unknown)  # (5)
                )
        if not any(finding.refuses for finding in findings):
            findings.extend(check_path(path, trust.at, policies=policies, strength=trust.strength))  # (6)
        verdict = _verdict(findings, path, standings)
        if verdict.passed:
            return verdict
        if best is None or len(verdict.findings) < len(best.findings):
            best = verdict
    if best is not None:
        return best
    # Without a path there is still something to say about the certificate alone.
    return _verdict([*about_leaf, no_path(leaf), *check_strength(leaf), *check_period(leaf, trust.at)], (), ())


def _signers(leaf: x509.Certificate, trust: _Trust) -> "_Signers":
    asked = trust.asked | {fingerprint(leaf)}
    return _Signers(
        _Trust(
            trust.intermediates,
            trust.anchors,
            trust.revocations,
            trust.at,
            UnknownRevocation.REFUSE,
            trust.strength,
            asked,
        )
    )


@dataclass(frozen=True, slots=True)
class _Signers:
    """Whether signers of revocation lists hold, by the same checks as anybody else."""

    trust: _Trust

    def __call__(self, signer: x509.Certificate) -> bool:
        # A list may speak of its own signer; whoever is being asked about already is not asked about again.
        if fingerprint(signer) in self.trust.asked:
            return True
        if any(signer == anchor for anchor in self.trust.anchors):
            return not [*check_period(signer, self.trust.at)]
        return _judged(signer, self.trust, Purpose.REVOCATION_LISTS, ANY_POLICY).passed


def _verdict(
    findings: Sequence[Finding], path: tuple[x509.Certificate, ...], standings: tuple[Standing, ...]
) -> PathVerdict:
    refused = any(finding.refuses for finding in findings)
    return PathVerdict(
        findings=tuple(findings),
        path=path,
        valid_until=None if refused else min(_ends(path, standings)),
        evidence=tuple(dict.fromkeys(_evidence(path, standings))),
        standings=standings,
    )


def _ends(path: tuple[x509.Certificate, ...], standings: tuple[Standing, ...]) -> Iterator[datetime]:
    """Give every moment at which a passing verdict might change by itself."""
    for certificate in path:
        yield certificate.not_valid_after_utc
    for standing in standings:
        # What is unknown already does not grow more so.
        if standing.fresh_until is not None:
            yield standing.fresh_until
        if isinstance(standing.known, Revocation):
            yield standing.known.at


def _evidence(path: tuple[x509.Certificate, ...], standings: tuple[Standing, ...]) -> Iterator[Evidence]:
    for certificate in path:
        validity = validity_of(certificate)
        yield Evidence(
            EvidenceKind.CERTIFICATE,
            fingerprint(certificate),
            subject_of(certificate),
            validity.not_before,
            validity.not_after,
        )
    for standing in standings:
        yield from standing.evidence
