"""Who a message is from: the agency, the client's right to speak for it, how its mistakes are taken, who signed it."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime

from app.edxml import rules
from app.edxml.model import Message
from app.errors import AgencyNotGranted, DocumentRefused, SecretDocument
from app.exchange.desk import Desk, Policy
from app.exchange.route import SUCCESSION_MAX, missing_successors
from app.exchange.verify import Verified
from app.findings import Finding, Severity, Verdict
from app.ledger.events import Standing
from app.registry import directory
from app.registry.model import Agency, AgencyStatus, Client
from app.registry.remembered import Directory
from app.regulations.calendar import day_of
from app.regulations.provisions import Leniency
from app.signing import legacy
from app.store.database import Transaction

_FROM = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/From/OrganId"


def readable(verified: Verified) -> Message:
    """Return the message, which must have been readable.

    Raises:
        DocumentRefused: it was not; the findings say why.
    """
    if verified.message is None:
        raise DocumentRefused("the message cannot be read as edXML", findings=verified.verdict.findings)
    return verified.message


async def look_up(desk: Desk, codes: Iterable[str]) -> dict[str, Agency]:
    """Return the agencies behind these codes and behind the successors of closed ones, by every such code.

    Also by codes that are in force no longer, or not yet: who uses one is told which is.
    """
    async with desk.database.read() as tx:
        return await _resolved(tx, set(codes))


async def remembered(tx: Transaction, known: Directory, codes: Collection[str], *, version: int) -> dict[str, Agency]:
    """Return the same, without a query where all of it is remembered.

    Args:
        version: of the directory, as this transaction sees it.
    """
    found = known.find(codes, version=version)
    if found is not None:
        for _ in range(SUCCESSION_MAX):
            missing = missing_successors(found)
            if not missing:
                return found
            further = known.find(missing, version=version)
            if further is None:
                break
            found |= further
    found = await _resolved(tx, codes)
    known.keep(found, version=version)
    return found


async def _resolved(tx: Transaction, codes: Collection[str]) -> dict[str, Agency]:
    found = await directory.resolve(tx, codes)
    for _ in range(SUCCESSION_MAX):
        missing = missing_successors(found)
        if not missing:
            break
        further = await directory.resolve(tx, missing)
        if not further:
            break
        found |= further
    return found


def standing_of(agency: Agency | None, client: Client) -> Standing | None:
    """Return whose refusal it would be: the agency a message claims to be from, if the client acts for it."""
    return agency.standing if agency is not None and client.may_act_for(agency) else None


def refuse_secret(verified: Verified) -> None:
    """Take step (7).

    Raises:
        SecretDocument: the message is marked as a state secret, whatever else is wrong with it.
    """
    if verified.secret is not None:
        raise SecretDocument(
            "the message is marked as a state secret; nothing of it was kept", findings=[verified.secret]
        )


def authorised(code: str, agency: Agency | None, client: Client) -> Agency:
    """Return the agency a message claims to be from, if the client acts for it.

    Raises:
        AgencyNotGranted: it does not, or there is no such agency: both answer alike.
    """
    if agency is None or not client.may_act_for(agency):
        message = f"the client does not act for {code[:40]!r}"
        raise AgencyNotGranted(message, findings=[_not_granted(message)])
    return agency


def weighed(verified: Verified, sender: Agency | None, *, policy: Policy, at: datetime) -> Verified:
    """Give the findings of step (6), and of forms of signatures, the weight they have for this sender on this day.

    Args:
        sender: None where nobody is known to have sent it; then it is taken as an agency without a policy is.
    """
    day = day_of(at)
    leniency = leniency_for(sender, policy=policy, on=day)
    findings = rules.weigh(verified.verdict.findings, strict=leniency is Leniency.STRICT)
    # What proves nothing is let in for this agency on this day, or stays refused.
    findings = legacy.admitted(findings, verified.legacy, sender.legacy_forms_on(day) if sender is not None else ())
    return replace(verified, verdict=Verdict.of(findings))


def leniency_for(sender: Agency | None, *, policy: Policy, on: date) -> Leniency:
    """Return how what real senders get wrong is taken (ours, decision 0013).

    The agency's own policy of that day goes first, then the operator's setting, then the dated rule of everybody.
    """
    own = sender.leniency_on(on) if sender is not None else None
    if own is not None:
        return own
    return Leniency.STRICT if policy.strict else policy.regulations.leniency_on(on).mode


def signer_findings(agency: Agency, verified: Verified, *, at: datetime) -> tuple[Finding, ...]:
    """Take step (8): the agency may exchange, under the code it gives, and the certificate is its own."""
    findings: list[Finding] = []
    code = readable(verified).sender.organ_id.text
    if not agency.has_code(code, on=day_of(at)):
        findings.append(
            Finding(
                "ours.route.sender-code-not-in-force",
                Severity.ERROR,
                f"the code {code!r} does not stand for the sending agency today",
                f"Send under the code in force, {agency.organ_id.text!r}.",
                "QĐ 20/2020/QĐ-TTg Đ4, Đ11; ours, decision 0013",
                _FROM,
            )
        )
    if agency.status is not AgencyStatus.ACTIVE:
        findings.append(
            Finding(
                f"ours.route.sender-{agency.status.value}",
                Severity.ERROR,
                f"the sending agency {agency.organ_id.text!r} is {agency.status.value}",
                "Ask the administrator of the exchange.",
                "ours, decision 0006",
                _FROM,
            )
        )
    certificates = [each.decision.certificate for each in verified.signatures]
    owners = {certificate.organ_id for certificate in certificates if certificate is not None}
    findings += [
        Finding(
            "ours.signature.signer-not-sender",
            Severity.ERROR,
            f"the message is from {agency.organ_id.text!r}, its certificate belongs to {owner.text!r}",
            "Sign with certificates that are registered for the agency in From.",
            "QĐ 28/2018/QĐ-TTg Đ8, Đ9; TT 41/2017/TT-BTTTT Đ8",
            _FROM,
        )
        for owner in sorted(owners - {agency.organ_id}, key=str)
    ]
    return tuple(findings)


def _not_granted(message: str) -> Finding:
    return Finding(
        "ours.access.agency-not-granted",
        Severity.ERROR,
        message,
        "Send with a client of that agency, or have the agency granted to this client.",
        "ours, decision 0006",
        _FROM,
    )
