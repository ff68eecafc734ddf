"""Ways in which older systems sign, or do not, that prove nothing today; how a dated policy lets them in.

Refused unless an administrator allowed the form for that very agency and day (ours, decision 0015). What is let in
keeps its finding with the weight of something unknown: the document is INDETERMINATE, and never reported as valid.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Final

from app.findings import Finding, Severity


class LegacyForm(StrEnum):
    """A form of signature that proves nothing, and that senders still have."""

    UNSIGNED = "unsigned"
    """No signature at all."""
    SHA1 = "sha1"
    """A real signature that computes, with a registered certificate, over SHA-1, which can be forged (RFC 6194)."""
    FOREIGN_NAMESPACE = "foreign-namespace"
    """A Signature outside the namespace of XMLDSig, as a vendor's library writes it; it is not verifiable."""


VALID: Final = "valid"
"""What is kept of a document without a legacy form: its signature holds, or its certificate is not judged yet."""

_BY_CODE: Final = {
    "ours.signature.missing": LegacyForm.UNSIGNED,
    "ours.signature.sha1": LegacyForm.SHA1,
    "xmldsig.4.1.foreign-namespace": LegacyForm.FOREIGN_NAMESPACE,
}


def form_of(findings: Iterable[Finding]) -> LegacyForm | None:
    """Tell which form it is that findings refuse; None where they refuse something else too, or nothing."""
    forms = {_BY_CODE.get(finding.code) for finding in findings if finding.refuses}
    return forms.pop() if len(forms) == 1 else None


def names(finding: Finding, form: LegacyForm | None) -> bool:
    """Whether this finding is the one that refuses a form."""
    return form is not None and finding.refuses and _BY_CODE.get(finding.code) is form


def is_let_in(finding: Finding) -> bool:
    """Whether this finding is the one that would refuse a form, and was let in."""
    return finding.severity is Severity.UNKNOWN and finding.code in _BY_CODE


def admitted(
    findings: Iterable[Finding], form: LegacyForm | None, allowed: Collection[LegacyForm]
) -> tuple[Finding, ...]:
    """Give findings the weight they have where these forms are allowed: unknown instead of an error."""
    return tuple(
        replace(finding, severity=Severity.UNKNOWN) if form in allowed and names(finding, form) else finding
        for finding in findings
    )
