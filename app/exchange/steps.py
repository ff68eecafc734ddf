"""The numbered steps of a verification, and what each of them found."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from app.findings import Finding, Severity


class Step(StrEnum):
    """One step; the numbers are those of `verify` and of the architecture page."""

    MARKUP = "markup"
    """(1) The bytes are XML within bounds."""
    SIGNATURE = "signature"
    """(2) There are signatures of the allowed form and algorithms."""
    TRUST = "trust"
    """(3) Their certificates are registered, in force, not revoked and lead to an anchor."""
    INTEGRITY = "integrity"
    """(4) The values are those of the keys, and the digests those of the message."""
    READING = "reading"
    """(5) What was signed can be read."""
    RULES = "rules"
    """(6) The rules of the standard and ours are kept."""
    SECRECY = "secrecy"
    """(7) There is no mark of a state secret."""
    SIGNER = "signer"
    """(8) The certificate belongs to the agency that sends."""
    ROUTE = "route"
    """(9) It can be delivered, and what it says of other documents is right; judged of what is sent only."""

    @property
    def number(self) -> int:
        """Its number, from 1."""
        return _NUMBERS[self]


_NUMBERS = {step: number for number, step in enumerate(Step, start=1)}


class Outcome(StrEnum):
    """How a step ended."""

    PASSED = "passed"
    """It was taken, and nothing it found refuses."""
    FAILED = "failed"
    """A finding of it refuses."""
    INDETERMINATE = "indeterminate"
    """Something it asks could not be established."""
    NOT_RUN = "not-run"
    """It was not taken; nothing is known of it."""


StepFindings = Mapping[Step, tuple[Finding, ...]]
"""What each step found; one that is missing was not taken."""


def outcome_of(findings: Iterable[Finding] | None) -> Outcome:
    """Say how a step ended by what it found; None where it was not taken."""
    if findings is None:
        return Outcome.NOT_RUN
    kept = tuple(findings)
    if any(finding.refuses for finding in kept):
        return Outcome.FAILED
    if any(finding.severity is Severity.UNKNOWN for finding in kept):
        return Outcome.INDETERMINATE
    return Outcome.PASSED
