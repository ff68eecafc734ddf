"""The verification report: what was checked of a message, how each check ended, and what that rests on.

Pure: built from what verification knows anyway, so the report of a stored document, of a file that somebody asks about
and of `truc inspect` are the same values. Indications are those of ETSI EN 319 102-1: each signature has its own pair,
the report's own indication is what was decided about the message as a whole (decision 0019). Words for the codes are
in `verification_words`. A report holds ids, codes, names in certificates, digests and times; of the content it has the
names of attachments and what findings quote, which `without_content` takes out.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.edxml.attachments import AttachmentSummary
from app.exchange.shelf import Cited
from app.exchange.signature_facts import SignatureFacts, certificate_facts, signature_facts
from app.exchange.steps import Outcome, Step, StepFindings, outcome_of
from app.exchange.verify import Verified, members
from app.findings import Finding, Indication, Verdict
from app.ledger.events import instant_text
from app.signing.indications import SubIndication, indication_of, sub_indication_of
from app.signing.legacy import LegacyForm

TYPE: Final = "truc.verification-report"
XML: Final = "application/xml"
PDF: Final = "application/pdf"
RECEIPT: Final = "receipt"
ASKING: Final = "asking"
VERSION: Final = 1
"""Grows when a member changes its meaning or goes away; new members may come without."""

Report = Mapping[str, Any]
"""JSON values."""

_SIGNATURE_STEPS: Final = frozenset({Step.MARKUP, Step.SIGNATURE, Step.TRUST, Step.INTEGRITY, Step.SIGNER})
"""What these find is about signatures; the rest is about what the message says."""
_CONTENT_STEPS: Final = frozenset({Step.READING.value, Step.RULES.value, Step.SECRECY.value, Step.ROUTE.value})
"""What these find may quote what the message says."""
_NUMBERED: Final = re.compile(r"Signature\[(\d+)\]")
_SIGNER_CODES: Final = ("ours.access.", "ours.route.sender-", "ours.signature.signer-")


@dataclass(frozen=True, slots=True)
class Examined:
    """The octets a report is about.

    Attributes:
        media_type: what they were taken for: `application/xml` or `application/pdf`.
        sha256: lower-case hex.
        size: in bytes.
    """

    media_type: str
    sha256: str
    size: int


def report_of(
    examined: Examined,
    verified: Verified,
    verdict: Verdict,
    *,
    at: datetime,
    basis: str = RECEIPT,
    taken: Collection[Step] = (),
    kept: Collection[str] = (),
) -> Report:
    """Build the report of a message.

    Args:
        verdict: the sum over all steps that were taken, with the weight each finding has for the sender.
        at: when all of it had arrived: without a trusted timestamp the best signing time that is proven.
        basis: what `at` is: `RECEIPT`, or `ASKING` for what was never received.
        taken: which steps after those of `verified` were taken.
        kept: digests of the evidence the node keeps; what else is cited has to be found elsewhere.
    """
    found = by_step(verdict.findings, verified.steps, taken)
    signatures = [
        signature_facts(number, each, _about(number, found), basis=basis)
        for number, each in enumerate(verified.signatures, start=1)
    ]
    received = basis == RECEIPT
    return assembled(
        examined,
        verdict,
        found,
        signatures,
        verified.attachments,
        legacy=verified.legacy,
        at=at,
        received=received,
        kept=kept,
    )


def report_of_unread(examined: Examined, findings: Sequence[Finding], *, at: datetime) -> Report:
    """Build the report of octets that are not even looked into: step (1) failed."""
    verdict = Verdict.of(findings)
    return assembled(examined, verdict, {Step.MARKUP: verdict.findings}, [], (), at=at, received=False, kept=())


def by_step(
    findings: Iterable[Finding], steps: StepFindings, taken: Collection[Step] = ()
) -> dict[Step, tuple[Finding, ...]]:
    """Sort findings by the step that made them, whatever they weigh by now."""
    made = {_place(each): step for step, kept in steps.items() for each in kept}
    sorted_: dict[Step, list[Finding]] = {step: [] for step in Step if step in steps or step in taken}
    for finding in findings:
        sorted_.setdefault(made.get(_place(finding)) or _later_step(finding), []).append(finding)
    return {step: tuple(kept) for step, kept in sorted_.items()}


def without_content(report: Report) -> Report:
    """Take out what tells what the message says: names of attachments, words of findings that may quote it."""
    return {
        **report,
        "findings": [
            {**each, "message": None} if each["step"] in _CONTENT_STEPS else each for each in report["findings"]
        ],
        "attachments": [{**each, "name": None} for each in report["attachments"]],
    }


def cited_in(report: Report) -> frozenset[str]:
    """Return the digests of all the evidence a report cites."""
    return frozenset(each["sha256"] for each in report["evidence"])


def assembled(
    examined: Examined,
    verdict: Verdict,
    found: StepFindings,
    signatures: Sequence[SignatureFacts],
    attachments: Sequence[AttachmentSummary],
    *,
    legacy: LegacyForm | None = None,
    at: datetime,
    received: bool,
    kept: Collection[str],
) -> Report:
    """Put a report together.

    Args:
        found: what each step found; one that is missing was not taken.
        legacy: the form its signature has, where that proves nothing.
        at: when it was judged.
        received: whether that is also when it was received.
        kept: digests of the evidence the node keeps.
    """
    indication, cause = _of_signatures(found)
    certificates = {each: None for signature in signatures for each in signature.path}
    return {
        "type": TYPE,
        "version": VERSION,
        "indication": verdict.indication.value,
        # Only where ETSI counts it to this very indication, so that the pair is one of the standard's.
        "sub_indication": cause.value if cause is not None and indication is verdict.indication else None,
        "proven": verdict.indication is Indication.TOTAL_PASSED,
        "signature": {"indication": indication.value, "sub_indication": cause.value if cause is not None else None},
        "legacy": legacy.value if legacy is not None else None,
        "examined": members(examined),
        "times": {"received_at": instant_text(at) if received else None, "judged_at": instant_text(at)},
        "steps": [_step(step, found.get(step)) for step in Step],
        "signatures": [signature.shown for signature in signatures],
        "certificates": [certificate_facts(each) for each in certificates],
        "evidence": [
            _evidence(each, kept=each.sha256 in kept)
            for each in {each.sha256: each for signature in signatures for each in signature.cited}.values()
        ],
        "attachments": [_attachment(number, each) for number, each in enumerate(attachments, start=1)],
        "findings": [{**members(each), "step": step.value} for step in Step for each in found.get(step, ())],
    }


def _of_signatures(found: StepFindings) -> tuple[Indication, SubIndication | None]:
    """Sum up what is proven of the signatures alone."""
    if outcome_of(found.get(Step.MARKUP)) is Outcome.FAILED:
        # What is no XML holds no signature, whatever is wrong with it.
        return indication_of(SubIndication.FORMAT_FAILURE), SubIndication.FORMAT_FAILURE
    return sub_indication_of(_about_signature(found))


def _step(step: Step, findings: tuple[Finding, ...] | None) -> dict[str, Any]:
    return {"number": step.number, "step": step.value, "outcome": outcome_of(findings).value}


def _evidence(cited: Cited, *, kept: bool) -> dict[str, Any]:
    return {
        "sha256": cited.sha256,
        "kind": cited.material.value,
        "about": cited.about,
        "since": instant_text(cited.since) if cited.since is not None else None,
        "until": instant_text(cited.until) if cited.until is not None else None,
        "kept": kept,
    }


def _attachment(number: int, summary: AttachmentSummary) -> dict[str, Any]:
    return {
        "number": number,
        "name": summary.name,
        "media_type": summary.media_type,
        "size": summary.size,
        "sha256": summary.sha256,
    }


def _about_signature(found: StepFindings) -> list[Finding]:
    return [each for step in Step if step in _SIGNATURE_STEPS for each in found.get(step, ())]


def _about(number: int, found: StepFindings) -> list[Finding]:
    """Leave out of what is about signatures what names another one of them."""
    named = [(each, _NUMBERED.search(each.location or "")) for each in _about_signature(found)]
    return [each for each, match in named if match is None or int(match[1]) == number]


def _place(finding: Finding) -> tuple[str, str | None, str]:
    """Identify a finding whatever it weighs: its weight is raised once the sender is known."""
    return finding.code, finding.location, finding.message


def _later_step(finding: Finding) -> Step:
    return Step.SIGNER if finding.code.startswith(_SIGNER_CODES) else Step.ROUTE
