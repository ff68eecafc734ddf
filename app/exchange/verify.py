"""Verification of a message, in numbered steps; the same numbers in the architecture page and the tests.

(1) markup     the bytes are XML within bounds, without DTD, entities or foreign encodings
(2) signature  there is exactly one, of the allowed form and algorithms, with its certificate
(3) trust      that certificate is registered, in force and chains to an anchor (asked of the registry, never of the
network)
(4) integrity  SignatureValue first, then what it refers to; the whole message must be covered
(5) reading    what was signed, as values
(6) rules      the standard's and ours, each with its source
(7) secrecy    no mark of a state secret
(8) signer     the certificate belongs to the agency that sends (in `parties`, where the directory is known)

Steps (1), (2) and (4)–(7) are pure and run where they hold nobody up; step (3) reads the registry. Where (2)–(4) fail,
the message is read all the same, only to tell the sender everything that is wrong at once; nothing of it is used.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from app.edxml import rules
from app.edxml.attachments import AttachmentSummary, inspect
from app.edxml.model import DocumentMessage, Message
from app.edxml.read import read
from app.edxml.secrecy import find_mark
from app.errors import DocumentRefused
from app.exchange.desk import Desk
from app.exchange.receive import Body
from app.exchange.steps import Step, StepFindings
from app.findings import Finding, Severity, Verdict
from app.markup import Markup, MarkupLimits, parse
from app.registry.model import RegisteredCertificate
from app.registry.trust import TrustDecision, decide
from app.signing.xmldsig import PresentedSignature, present

_SIGNATURE = "/edXML/edXMLEnvelope/edXMLHeader/Signature"
_CERTIFICATE = f"{_SIGNATURE}/KeyInfo/X509Data/X509Certificate"


@dataclass(frozen=True, slots=True)
class Opened:
    """A message after steps (1) and (2)."""

    markup: Markup
    presented: PresentedSignature | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CheckedSignature:
    """One signature of a message and what became of it.

    Attributes:
        decision: what the registry says of its certificate.
        intact: whether it holds and covers the message; None where that was not asked.
    """

    presented: PresentedSignature
    decision: TrustDecision
    intact: bool | None


@dataclass(frozen=True, slots=True)
class Verified:
    """A message after all steps.

    Attributes:
        message: what it says; None where it could not be read. Only to be used when the verdict passed.
        verdict: the sum of all findings.
        certificate: the registered certificate it was signed with; None where there is none.
        attachments: what the attachments really are, in their order.
        secret: the mark that makes it a state secret; then nothing further was looked at.
        steps: what each step up to (7) found, with the weight of a lenient day.
        signatures: each signature that was presented, for the report.
    """

    message: Message | None
    verdict: Verdict
    certificate: RegisteredCertificate | None
    attachments: tuple[AttachmentSummary, ...]
    secret: Finding | None = None
    steps: StepFindings = field(default_factory=dict)
    signatures: tuple[CheckedSignature, ...] = ()


async def verify(desk: Desk, body: Body, *, at: datetime) -> Verified:
    """Take a body through the steps.

    Raises:
        MalformedMarkup: it is not well-formed XML.
        DocumentRefused: it is XML that is not even looked into (DTD, encoding, bounds).
        Unavailable: the registry does not answer.
    """
    limits = MarkupLimits(body_bytes_max=desk.policy.body_bytes_max)
    opened = await desk.judge(body.size, open_message, body, limits=limits)
    decision = TrustDecision(None, ())
    if opened.presented is not None:
        decision = await decide(
            desk.database,
            desk.trust,
            opened.presented,
            at=at,
            unknown_revocation=desk.policy.unknown_revocation,
        )
    return await desk.judge(body.size, judge, opened, decision, at=at)


def open_message(body: Body, *, limits: MarkupLimits) -> Opened:
    """Take steps (1) and (2)."""
    markup = parse(body.source, limits=limits)
    try:
        presented = present(markup)
    except DocumentRefused as error:
        return Opened(markup, None, _placed(error.findings, _SIGNATURE))
    return Opened(markup, presented, presented.findings)


def judge(opened: Opened, decision: TrustDecision, *, at: datetime) -> Verified:
    """Take steps (4) to (7), given what the registry says of the certificate.

    Rules weigh what they weigh for a sender taken leniently; `parties.weighed` raises them once the sender is known.
    """
    steps: dict[Step, tuple[Finding, ...]] = {Step.MARKUP: (), Step.SIGNATURE: opened.findings}
    signatures: tuple[CheckedSignature, ...] = ()
    if opened.presented is not None:
        steps[Step.TRUST] = _placed(decision.findings, _CERTIFICATE)
        intact = None
        if not any(finding.refuses for found in steps.values() for finding in found):
            steps[Step.INTEGRITY] = _integrity(opened.presented)
            intact = not steps[Step.INTEGRITY]
        signatures = (CheckedSignature(opened.presented, decision, intact),)
    reading = read(opened.markup)
    steps[Step.READING] = reading.findings
    attachments: tuple[AttachmentSummary, ...] = ()
    mark: Finding | None = None
    if reading.message is not None:
        mark = find_mark(reading.message)
        steps[Step.SECRECY] = (mark,) if mark is not None else ()
    if reading.message is not None and mark is None:
        steps[Step.RULES] = rules.check(reading.message, at=at)
        if isinstance(reading.message, DocumentMessage):
            attachments, unreadable = inspect(reading.message, opened.markup)
            steps[Step.RULES] += unreadable
    verdict = Verdict.of(finding for found in steps.values() for finding in found)
    return Verified(reading.message, verdict, decision.certificate, attachments, mark, steps, signatures)


def verification_record(
    verdict: Verdict, certificate: str, attachments: tuple[AttachmentSummary, ...]
) -> dict[str, Any]:
    """Return what is kept of a verification with the message."""
    return {
        "indication": verdict.indication.value,
        "certificate": certificate,
        "findings": [asdict(finding) for finding in verdict.findings],
        "attachments": [asdict(attachment) for attachment in attachments],
    }


def _integrity(presented: PresentedSignature) -> tuple[Finding, ...]:
    try:
        signed = presented.verify()
    except DocumentRefused as error:
        return error.findings
    if signed.covers_document:
        return ()
    return (
        Finding(
            "ours.signature.coverage",
            Severity.ERROR,
            "the signature covers only a part of the message",
            'Sign the whole message: one Reference with URI="" and the enveloped-signature transform.',
            "XML Signature 1.1 §4.4.3.2; ours, decision 0003",
            _SIGNATURE,
        ),
    )


def _placed(findings: Iterable[Finding], location: str) -> tuple[Finding, ...]:
    """Give findings that speak of no place the one they are about."""
    return tuple(each if each.location else replace(each, location=location) for each in findings)
