"""What a check found and what follows from it: the vocabulary every rule answers in.

Owns the values `Finding` and `Verdict`; decides nothing. Indications follow ETSI EN 319 102-1 §5.1.3:
what could not be established is INDETERMINATE and never counts as passed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs."""

    FATAL = "fatal"
    """The check itself broke; the document is refused because nothing was established."""
    ERROR = "error"
    """A rule in force is violated; the document is refused."""
    UNKNOWN = "unknown"
    """Whether a rule is kept could not be established; accepted only where the policy says so, and not proven."""
    WARNING = "warning"
    """A rule is violated that real senders violate; the document is accepted and the finding kept."""
    INFO = "info"
    """Worth knowing; nothing is wrong."""


class Indication(StrEnum):
    """Outcome of a verification (ETSI EN 319 102-1 §5.1.3)."""

    TOTAL_PASSED = "TOTAL-PASSED"
    """Every check that was required succeeded."""
    TOTAL_FAILED = "TOTAL-FAILED"
    """At least one check failed for good."""
    INDETERMINATE = "INDETERMINATE"
    """Not enough was known to decide; never treated as passed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a rule has to say about one place in a document.

    Attributes:
        code: stable for ever, `regulation.clause.defect`, such as `qcvn102.1.14.document-id-missing`.
        severity: whether it refuses.
        message: English; names the element, the offending value (shortened) and what is wrong with it.
        fix: English; what the sender changes so that the finding goes away.
        source: article or section the rule comes from; a rule of this node says "ours" and names the decision.
        location: element path such as `/edXML/edXMLEnvelope/…/DocumentId`, or `line:column`; None for the whole.
    """

    code: str
    severity: Severity
    message: str
    fix: str
    source: str
    location: str | None = None

    @property
    def refuses(self) -> bool:
        """Whether this finding alone is enough to refuse the document."""
        return self.severity in (Severity.FATAL, Severity.ERROR)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The sum of a verification: one indication and every finding that led to it."""

    indication: Indication
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> "Verdict":
        """Derive the indication: failed as soon as one finding refuses, open where one is unknown, else passed."""
        kept = tuple(findings)
        if any(finding.refuses for finding in kept):
            return cls(Indication.TOTAL_FAILED, kept)
        unknown = any(finding.severity is Severity.UNKNOWN for finding in kept)
        return cls(Indication.INDETERMINATE if unknown else Indication.TOTAL_PASSED, kept)

    @property
    def acceptable(self) -> bool:
        """Whether the document may be accepted: nothing refuses it, though something may not be proven."""
        return self.indication is not Indication.TOTAL_FAILED
