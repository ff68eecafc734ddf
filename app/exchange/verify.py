"""Verification of a message, in numbered steps; the same numbers in the architecture page and the tests.

(1) markup     the bytes are XML within bounds, without DTD, entities or foreign encodings
(2) signature  there is one, or a few one after the other, of the allowed form and algorithms, with certificates
(3) trust      those certificates are registered, in force and chain to an anchor (asked of the registry, never of the
network) at the best signing time, and their roles go together
(4) integrity  the last signature first: SignatureValue, then what it refers to; the whole message must be covered
(5) reading    what was signed, as values
(6) rules      the standard's and ours, each with its source
(7) secrecy    no mark of a state secret
(8) signer     the certificate belongs to the agency that sends (in `parties`, where the directory is known)

Steps (1), (2) and (4)–(7) are pure and run where they hold nobody up; step (3) reads the registry. Where (2)–(4) fail,
the message is read all the same, only to tell the sender everything that is wrong at once; nothing of it is used.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.edxml import rules
from app.edxml.attachments import USUAL_RULES, AttachmentRules, AttachmentSummary, inspect
from app.edxml.model import DocumentMessage, Message
from app.edxml.read import read
from app.edxml.secrecy import find_mark
from app.errors import DocumentRefused
from app.exchange.desk import Desk
from app.exchange.receive import Body
from app.exchange.roles import role_findings
from app.exchange.steps import Step, StepFindings
from app.findings import Finding, Severity, Verdict
from app.markup import Markup, MarkupLimits, parse
from app.registry.model import RegisteredCertificate
from app.registry.stamped import SigningMoment, signing_moment
from app.registry.trust import TrustDecision, decide
from app.signing import legacy
from app.signing.algorithms import STRICT, WITH_SHA1
from app.signing.legacy import LegacyForm
from app.signing.xmldsig import PresentedSignature, present_all

_SIGNATURE = "/edXML/edXMLEnvelope/edXMLHeader/Signature"


@dataclass(frozen=True, slots=True)
class Opened:
    """A message after steps (1) and (2).

    Attributes:
        presented: its signatures, in its order; none where one of them is not of the accepted form.
        legacy: the one thing that refuses it so far, where that is a form a policy may allow.
    """

    markup: Markup
    presented: tuple[PresentedSignature, ...]
    findings: tuple[Finding, ...]
    legacy: LegacyForm | None = None


@dataclass(frozen=True, slots=True)
class Trusted:
    """A signature after step (3).

    Attributes:
        moment: when it was made, as far as that is proven.
        decision: what the registry says of its certificate at that moment.
    """

    moment: SigningMoment
    decision: TrustDecision


@dataclass(frozen=True, slots=True)
class CheckedSignature:
    """One signature of a message and what became of it.

    Attributes:
        decision: what the registry says of its certificate.
        intact: whether it holds and covers the message; None where that was not asked.
        moment: when it was made, as far as that is proven.
    """

    presented: PresentedSignature
    decision: TrustDecision
    intact: bool | None
    moment: SigningMoment


@dataclass(frozen=True, slots=True)
class Verified:
    """A message after all steps.

    Attributes:
        message: what it says; None where it could not be read. Only to be used when the verdict passed.
        verdict: the sum of all findings.
        certificate: the registered certificate it was signed with, of several the last; None where there is none.
        attachments: what the attachments really are, in their order.
        secret: the mark that makes it a state secret; then nothing further was looked at.
        steps: what each step up to (7) found, with the weight of a lenient day.
        signatures: each signature that was presented, in the message's order.
        legacy: the form its signature has, where that proves nothing and only a policy can let it in.
    """

    message: Message | None
    verdict: Verdict
    certificate: RegisteredCertificate | None
    attachments: tuple[AttachmentSummary, ...]
    secret: Finding | None = None
    steps: StepFindings = field(default_factory=dict)
    signatures: tuple[CheckedSignature, ...] = ()
    legacy: LegacyForm | None = None

    @property
    def trusted_at(self) -> frozenset[int]:
        """Versions of the trust part of the registry at which its certificates were judged; empty without any."""
        return frozenset(each.decision.version for each in self.signatures)

    @property
    def signature(self) -> str:
        """What is kept of an accepted message: `valid`, or its legacy form."""
        return self.legacy.value if self.legacy else legacy.VALID


async def verify(desk: Desk, body: Body, *, at: datetime, believing: bool = False) -> Verified:
    """Take a body through the steps.

    Args:
        believing: whether step (3) may take what is remembered for true; the caller compares `trusted_at` with the
            version of the trust part before anything is decided, and verifies again where it has moved.

    Raises:
        MalformedMarkup: it is not well-formed XML.
        DocumentRefused: it is XML that is not even looked into (DTD, encoding, bounds).
        Unavailable: the registry does not answer.
    """
    limits = MarkupLimits(body_bytes_max=desk.policy.body_bytes_max)
    opened = await desk.judge(body.size, open_message, body, limits=limits)
    trusted = [await _trusted(desk, each, at=at, believing=believing) for each in opened.presented]
    return await desk.judge(body.size, judge, opened, trusted, at=at, allowed=desk.policy.attachments)


def open_message(body: Body, *, limits: MarkupLimits) -> Opened:
    """Take steps (1) and (2)."""
    markup = parse(body.source, limits=limits)
    try:
        presented = present_all(markup, accepted=STRICT)
    except DocumentRefused as error:
        findings = _placed(error.findings, _SIGNATURE)
        form = legacy.form_of(findings)
        return _opened_with_sha1(markup, findings) if form is LegacyForm.SHA1 else Opened(markup, (), findings, form)
    return Opened(markup, presented, presented[0].findings)


def _opened_with_sha1(markup: Markup, findings: tuple[Finding, ...]) -> Opened:
    """Look at a signature over SHA-1 as at any other; the finding that refuses it stays."""
    try:
        presented = present_all(markup, accepted=WITH_SHA1)
    except DocumentRefused:
        # Something else is wrong with it too, so no policy lets it in; the sender has to sign anew in any case.
        return Opened(markup, (), findings)
    return Opened(markup, presented, (*findings, *presented[0].findings), LegacyForm.SHA1)


async def _trusted(desk: Desk, presented: PresentedSignature, *, at: datetime, believing: bool) -> Trusted:
    moment = SigningMoment(at)
    if presented.timestamp_tokens:
        moment = await signing_moment(desk.database, presented, at=at)
    decision = await decide(
        desk.database,
        desk.trust,
        presented,
        at=moment.at,
        unknown_revocation=desk.policy.unknown_revocation,
        believing=believing,
    )
    return Trusted(moment, decision)


def judge(
    opened: Opened, trusted: Sequence[Trusted], *, at: datetime, allowed: AttachmentRules = USUAL_RULES
) -> Verified:
    """Take steps (4) to (7), given what the registry says of each certificate.

    Rules weigh what they weigh for a sender taken leniently; `parties.weighed` raises them once the sender is known.
    """
    steps: dict[Step, tuple[Finding, ...]] = {Step.MARKUP: (), Step.SIGNATURE: opened.findings}
    signatures: tuple[CheckedSignature, ...] = ()
    if opened.presented:
        steps[Step.TRUST] = _trust_findings(trusted)
        intact: list[bool | None] = [None] * len(trusted)
        found = [finding for made in steps.values() for finding in made]
        if not any(finding.refuses and not legacy.names(finding, opened.legacy) for finding in found):
            steps[Step.INTEGRITY] = _integrity(opened.presented, intact)
        signatures = tuple(
            CheckedSignature(presented, each.decision, whole, each.moment)
            for presented, each, whole in zip(opened.presented, trusted, intact, strict=True)
        )
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
            attachments, unreadable = inspect(reading.message, opened.markup, allowed=allowed)
            steps[Step.RULES] += unreadable
    verdict = Verdict.of(finding for found in steps.values() for finding in found)
    return Verified(
        reading.message,
        verdict,
        trusted[-1].decision.certificate if trusted else None,
        attachments,
        mark,
        steps,
        signatures,
        opened.legacy,
    )


def members(value: Any) -> dict[str, Any]:
    """Return the fields of a value with slots that holds none but plain values: nothing of them has to be copied."""
    return {name: getattr(value, name) for name in value.__slots__}


def verification_record(verdict: Verdict, verified: Verified) -> dict[str, Any]:
    """Return what is kept of a verification with the message."""
    return {
        "indication": verdict.indication.value,
        "signature": verified.signature,
        "certificate": verified.certificate.sha256 if verified.certificate else None,
        "findings": [members(finding) for finding in verdict.findings],
        "attachments": [members(attachment) for attachment in verified.attachments],
    }


def _trust_findings(trusted: Sequence[Trusted]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for number, each in enumerate(trusted, start=1):
        place = _SIGNATURE if len(trusted) == 1 else f"{_SIGNATURE}[{number}]"
        found += _placed(each.moment.findings, f"{place}/Object")
        found += _placed(each.decision.findings, f"{place}/KeyInfo/X509Data/X509Certificate")
    certificates = [each.decision.certificate for each in trusted]
    kinds = [certificate.kind for certificate in certificates if certificate is not None]
    if len(kinds) == len(trusted):
        found += _placed(role_findings(kinds), _SIGNATURE)
    return tuple(found)


def _integrity(presented: Sequence[PresentedSignature], intact: list[bool | None]) -> tuple[Finding, ...]:
    """Prove the signatures, the last one first, and note which are intact; stop at the first that is not."""
    for number in reversed(range(len(presented))):
        try:
            signed = presented[number].verify()
        except DocumentRefused as error:
            intact[number] = False
            return error.findings
        intact[number] = signed.covers_document
        if not signed.covers_document:
            return (NOT_COVERED,)
    return ()


NOT_COVERED = Finding(
    "ours.signature.coverage",
    Severity.ERROR,
    "the signature covers only a part of the message",
    'Sign the whole message: one Reference with URI="" and the enveloped-signature transform.',
    "XML Signature 1.1 §4.4.3.2; ours, decision 0003",
    _SIGNATURE,
)


def _placed(findings: Iterable[Finding], location: str) -> tuple[Finding, ...]:
    """Give findings that speak of no place the one they are about."""
    return tuple(each if each.location else replace(each, location=location) for each in findings)
