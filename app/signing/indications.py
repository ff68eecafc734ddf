"""What a finding means for a signature in the words of ETSI EN 319 102-1: an indication and a sub-indication.

Owns the table from codes to sub-indications; judges nothing. It speaks of the signature alone: findings about the
document's content cause none. The standard calls many things open that this node refuses, because a proof might turn up
later that the signature is older than the defect; `findings.Verdict` says what was decided, this says what was proven.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from app.findings import Finding, Indication, Severity


class SubIndication(StrEnum):
    """Why a signature is not proven valid (ETSI EN 319 102-1 V1.3.1 §5.1.3, tables 5 and 6)."""

    FORMAT_FAILURE = "FORMAT_FAILURE"
    """The signature does not have the form of its standard, so that nothing could be computed."""
    HASH_FAILURE = "HASH_FAILURE"
    """What was signed is not what is there: a digest differs."""
    SIG_CRYPTO_FAILURE = "SIG_CRYPTO_FAILURE"
    """The signature value does not belong to the signer's key."""
    REVOKED = "REVOKED"
    """The signature was proven to be made after the certificate was revoked."""
    NOT_YET_VALID = "NOT_YET_VALID"
    """The signature existed before the certificate's period began."""
    SIG_CONSTRAINTS_FAILURE = "SIG_CONSTRAINTS_FAILURE"
    """The signature breaks a rule of the exchange, such as what it has to cover."""
    CHAIN_CONSTRAINTS_FAILURE = "CHAIN_CONSTRAINTS_FAILURE"
    """The certificates break a rule on certificates: usage, purpose, names, policies, registration."""
    CERTIFICATE_CHAIN_GENERAL_FAILURE = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
    """The certificates could not be validated for another reason."""
    CRYPTO_CONSTRAINTS_FAILURE = "CRYPTO_CONSTRAINTS_FAILURE"
    """An algorithm or a key is too weak."""
    NO_SIGNING_CERTIFICATE_FOUND = "NO_SIGNING_CERTIFICATE_FOUND"
    """The signer's certificate is not known."""
    NO_CERTIFICATE_CHAIN_FOUND = "NO_CERTIFICATE_CHAIN_FOUND"
    """No path leads to an authority that is trusted."""
    REVOKED_NO_POE = "REVOKED_NO_POE"
    """The signer's certificate was revoked, and nothing proves that the signature is older."""
    REVOKED_CA_NO_POE = "REVOKED_CA_NO_POE"
    """An authority's certificate was revoked, and nothing proves that the signature is older."""
    OUT_OF_BOUNDS_NO_POE = "OUT_OF_BOUNDS_NO_POE"
    """The certificate had expired, and nothing proves that the signature is older."""
    SIGNED_DATA_NOT_FOUND = "SIGNED_DATA_NOT_FOUND"
    """What was signed is not there."""
    TIMESTAMP_ORDER_FAILURE = "TIMESTAMP_ORDER_FAILURE"
    """Times contradict each other."""
    TRY_LATER = "TRY_LATER"
    """Whether the certificate is in force is not known yet; it will be."""


_FAILED: Final = frozenset(
    (
        SubIndication.FORMAT_FAILURE,
        SubIndication.HASH_FAILURE,
        SubIndication.SIG_CRYPTO_FAILURE,
        SubIndication.REVOKED,
        SubIndication.NOT_YET_VALID,
    )
)

_SubIndications = dict[str, SubIndication]

BY_CODE: Final[_SubIndications] = {
    "ours.certificate.weak-key": SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
    "ours.certificate.weak-signature": SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
    "ours.pdf.not-intact": SubIndication.HASH_FAILURE,
    "ours.pdf.signature-unreadable": SubIndication.FORMAT_FAILURE,
    "ours.pdf.value-wrong": SubIndication.SIG_CRYPTO_FAILURE,
    "ours.pdf.weak-signature": SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
    "ours.signature.key-weak": SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
    "ours.signature.missing": SubIndication.FORMAT_FAILURE,
    "ours.signature.no-canonical-form": SubIndication.FORMAT_FAILURE,
    "ours.signature.sha1": SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
    "ours.signature.md5": SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
    "ours.signature.algorithm": SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
    "ours.signature.hmac": SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
    "ours.signature.dsa": SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
    "ours.trust.no-anchor": SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
    "ours.trust.suspended": SubIndication.TRY_LATER,
    "rfc5280.4.1.2.5.expired": SubIndication.OUT_OF_BOUNDS_NO_POE,
    "rfc5280.4.1.2.5.not-yet-valid": SubIndication.NOT_YET_VALID,
    "rfc5280.4.2.1.12.wrong-purpose": SubIndication.CHAIN_CONSTRAINTS_FAILURE,
    "rfc5280.4.2.1.3.wrong-usage": SubIndication.CHAIN_CONSTRAINTS_FAILURE,
    "rfc5280.4.2.1.9.authority": SubIndication.CHAIN_CONSTRAINTS_FAILURE,
    "rfc5280.6.1.no-path": SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
    "rfc5280.6.1.path-invalid": SubIndication.CHAIN_CONSTRAINTS_FAILURE,
    "rfc5280.6.1.self-signed": SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
    "rfc5280.6.3.revoked": SubIndication.REVOKED_NO_POE,
    "xmldsig.3.2.1.digest-mismatch": SubIndication.HASH_FAILURE,
    "xmldsig.3.2.2.signature-invalid": SubIndication.SIG_CRYPTO_FAILURE,
    "xmldsig.4.3.reference-foreign": SubIndication.SIGNED_DATA_NOT_FOUND,
    "xmldsig.4.3.reference-unresolved": SubIndication.SIGNED_DATA_NOT_FOUND,
    "xmldsig.4.4.certificate-missing": SubIndication.NO_SIGNING_CERTIFICATE_FOUND,
    "xmldsig.4.4.certificate-unreadable": SubIndication.NO_SIGNING_CERTIFICATE_FOUND,
    "xmldsig.4.4.signer-ambiguous": SubIndication.NO_SIGNING_CERTIFICATE_FOUND,
}
"""Sub-indication of each code that has one of its own."""

BY_BEGINNING: Final[_SubIndications] = {
    "etsi319132.": SubIndication.SIG_CONSTRAINTS_FAILURE,
    "ours.certificate.": SubIndication.CHAIN_CONSTRAINTS_FAILURE,
    "ours.markup.": SubIndication.FORMAT_FAILURE,
    "ours.pdf.": SubIndication.SIG_CONSTRAINTS_FAILURE,
    "ours.signature.": SubIndication.SIG_CONSTRAINTS_FAILURE,
    "ours.trust.": SubIndication.CHAIN_CONSTRAINTS_FAILURE,
    "rfc3161.": SubIndication.SIG_CONSTRAINTS_FAILURE,
    "rfc4648.": SubIndication.FORMAT_FAILURE,
    "rfc5280.6.3.revocation-unknown.": SubIndication.TRY_LATER,
    "rfc5280.": SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE,
    "rfc6960.": SubIndication.TRY_LATER,
    "xmldsig.": SubIndication.FORMAT_FAILURE,
}
"""For all other codes that begin so; the first that fits."""


_LET_IN: Final = frozenset(("ours.signature.missing", "xmldsig.4.1.foreign-namespace"))
"""Forms that a policy lets in although nobody's signature is there to look at (decision 0015)."""


def cause(finding: Finding) -> SubIndication | None:
    """Say what one finding means for the signature; None where it is not about it or takes nothing from it."""
    if not finding.refuses and finding.severity is not Severity.UNKNOWN:
        return None
    if finding.severity is Severity.UNKNOWN and finding.code in _LET_IN:
        # Nobody says that it was signed, so there is no format to fail.
        return SubIndication.NO_SIGNING_CERTIFICATE_FOUND
    if exact := BY_CODE.get(finding.code):
        return exact
    return next((each for beginning, each in BY_BEGINNING.items() if finding.code.startswith(beginning)), None)


def indication_of(sub_indication: SubIndication) -> Indication:
    """Give the indication a sub-indication belongs to."""
    return Indication.TOTAL_FAILED if sub_indication in _FAILED else Indication.INDETERMINATE


def sub_indication_of(findings: Iterable[Finding]) -> tuple[Indication, SubIndication | None]:
    """Sum findings up: what is broken for good before what is open, and of equals the first.

    Returns:
        TOTAL-PASSED and None where nothing was found that takes from the signature.
    """
    causes = [found for finding in findings if (found := cause(finding)) is not None]
    if not causes:
        return Indication.TOTAL_PASSED, None
    first = min(causes, key=lambda each: each not in _FAILED)
    return indication_of(first), first
