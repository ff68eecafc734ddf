"""Who a message is from: the agency, the client's right to speak for it, the certificate it signed with."""

from collections.abc import Iterable
from datetime import datetime

from app.edxml.model import Message
from app.errors import AgencyNotGranted, DocumentRefused, SecretDocument
from app.exchange.desk import Desk
from app.exchange.route import SUCCESSION_MAX, missing_successors
from app.exchange.verify import Verified
from app.findings import Finding, Severity
from app.ledger.events import Standing
from app.registry import directory
from app.registry.model import Agency, AgencyStatus, Client
from app.statistics.periods import ZONE

_FROM = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/From/OrganId"


def readable(verified: Verified) -> Message:
    """Return the message, which must have been readable.

    Raises:
        DocumentRefused: it was not; the findings say why.
    """
    if verified.message is None:
        raise DocumentRefused("the message cannot be read as edXML", findings=verified.verdict.findings)
    return verified.message


async def look_up(desk: Desk, codes: Iterable[str], *, at: datetime) -> dict[str, Agency]:
    """Return the agencies behind these codes and behind the successors of closed ones, by every such code."""
    day = at.astimezone(ZONE).date()
    async with desk.database.read() as tx:
        found = await directory.resolve(tx, set(codes), on=day)
        for _ in range(SUCCESSION_MAX):
            missing = missing_successors(found)
            if not missing:
                break
            further = await directory.resolve(tx, missing, on=day)
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


def signer_findings(agency: Agency, verified: Verified) -> tuple[Finding, ...]:
    """Take step (8): the agency may exchange, and the certificate is its own."""
    findings: list[Finding] = []
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
    owner = verified.certificate.organ_id if verified.certificate else None
    if owner is not None and owner != agency.organ_id:
        findings.append(
            Finding(
                "ours.signature.signer-not-sender",
                Severity.ERROR,
                f"the message is from {agency.organ_id.text!r}, its certificate belongs to {owner.text!r}",
                "Sign with a certificate that is registered for the agency in From.",
                "QĐ 28/2018/QĐ-TTg Đ8, Đ9; TT 41/2017/TT-BTTTT Đ8",
                _FROM,
            )
        )
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
