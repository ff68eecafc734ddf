"""Routing: from the addressees to one delivery each, or a finding for everyone who cannot be reached. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.findings import Finding, Severity
from app.registry.model import Agency, AgencyStatus

SUCCESSION_MAX = 8
"""Longest chain of successors that is followed; reorganisations are years apart."""

_SOURCE = "QĐ 28/2018/QĐ-TTg Đ5, Đ7; ours, decision 0006"


@dataclass(frozen=True, slots=True)
class Route:
    """One recipient of a document.

    Attributes:
        recipient: the agency whose inbox it goes to.
        addressed_to: the code the sender wrote, which may be an alias or a closed code.
        redirected: whether that code is of an agency that was closed, whose successor the recipient is.
    """

    recipient: Agency
    addressed_to: str
    redirected: bool = False


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a document goes, or why it goes nowhere."""

    routes: tuple[Route, ...]
    findings: tuple[Finding, ...]


def route(
    addressees: Sequence[str],
    directory: Mapping[str, Agency],
    *,
    on: date,
    places: Sequence[str] | None = None,
) -> Routing:
    """Give every addressee a route.

    Args:
        addressees: OrganId of each To, in the order of the document.
        directory: by every code that occurs: addressees and successors; a code that is missing is unknown.
        on: the day, in Vietnam, on which a code must stand for its agency.
        places: element path of each code, where they do not stand in To.

    Returns:
        One route per recipient agency, however many of its codes were addressed; findings refuse when anybody cannot be
        reached, and inform when a closed code was followed to its successor.
    """
    routes: dict[str, Route] = {}
    findings: list[Finding] = []
    to = [
        f"/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/To[{number + 1}]/OrganId" for number in range(len(addressees))
    ]
    for code, location in zip(addressees, places or to, strict=True):
        agency, finding = _reach(code, directory, location, on=on)
        if finding is not None:
            findings.append(finding)
        if agency is not None:
            routes.setdefault(agency.organ_id.text, Route(agency, code, redirected=finding is not None))
    return Routing(tuple(routes.values()), tuple(findings))


def missing_successors(directory: Mapping[str, Agency]) -> set[str]:
    """Return the successors of closed agencies that are not in the directory yet."""
    named = {
        agency.successor.text
        for agency in directory.values()
        if agency.status is AgencyStatus.CLOSED and agency.successor is not None
    }
    return named - directory.keys()


def heir(agency: Agency, directory: Mapping[str, Agency]) -> Agency:
    """Return who answers for an agency: itself, or for a closed one the end of its chain of successors."""
    for _ in range(SUCCESSION_MAX):
        if agency.status is not AgencyStatus.CLOSED or agency.successor is None:
            break
        successor = directory.get(agency.successor.text)
        if successor is None:
            break
        agency = successor
    return agency


def _reach(
    code: str, directory: Mapping[str, Agency], location: str, *, on: date
) -> tuple[Agency | None, Finding | None]:
    agency = directory.get(code)
    if agency is None:
        return None, _unreachable(
            "recipient-unknown",
            f"no agency has the code {code[:40]!r}",
            "Use a code of the directory (GET /v1/agencies), or have the agency registered.",
            location,
        )
    if agency.status is not AgencyStatus.CLOSED and not agency.has_code(code, on=on):
        return None, _unreachable(
            "code-not-in-force",
            f"the code {code[:40]!r} does not stand for an agency today",
            f"Use the code in force, {agency.organ_id.text!r}.",
            location,
        )
    closed, agency = agency, heir(agency, directory)
    match agency.status:
        case AgencyStatus.CLOSED:
            return None, _unreachable(
                "recipient-closed",
                f"the agency {code[:40]!r} was closed and has no active successor",
                "Address the agency that took over its duties.",
                location,
            )
        case AgencyStatus.SUSPENDED:
            return None, _unreachable(
                "recipient-suspended",
                f"the agency {agency.organ_id.text!r} is suspended from the exchange",
                "Send again when it is reinstated, or use another channel.",
                location,
            )
        case AgencyStatus.ACTIVE:
            return agency, None if agency is closed else _redirected(code, agency, location)


def _unreachable(defect: str, message: str, fix: str, location: str) -> Finding:
    return Finding(f"ours.route.{defect}", Severity.ERROR, message, fix, _SOURCE, location)


def _redirected(code: str, agency: Agency, location: str) -> Finding:
    return Finding(
        "ours.route.redirected",
        Severity.INFO,
        f"{code[:40]!r} is closed; delivered to its successor {agency.organ_id.text!r}",
        "Use the successor's code from now on.",
        "QĐ 09/2025/QĐ-TTg Đ2; ours, decision 0006",
        location,
    )
