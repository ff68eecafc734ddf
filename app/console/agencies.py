"""The directory as pages: search, and one agency with its codes and certificates."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.console.frame import Viewer, asked, pages, render
from app.node import Node
from app.registry import certificates, directory
from app.registry.model import AgencyStatus, Branch, CertificateStatus, RegisteredCertificate, Tier
from app.routers import clock
from app.routers.access import AtNode
from app.routers.agencies import code_in_path, list_agencies
from app.routers.paging import Paged
from app.statistics.periods import ZONE

router: APIRouter = pages()

CERTIFICATES_MAX: Final = 50
"""Most certificates of one agency that its page shows; a dozen renewals fit many times."""
PARTS_MAX: Final = 20
_FILTERS: Final = ("q", "tier", "branch", "status", "parent")


@router.get("/agencies")
async def search(
    request: Request,
    node: AtNode,
    _caller: Viewer,
    window: Paged,
    q: Annotated[str | None, Query(max_length=200)] = None,
    tier: Tier | None = None,
    branch: Branch | None = None,
    parent: Annotated[str | None, Query(max_length=35)] = None,
    status: AgencyStatus | None = None,
) -> Response:
    """List agencies by name, code, tier, branch and status."""
    found = await list_agencies(node, window, q=q, tier=tier, branch=branch, parent=parent, status=status, as_of=None)
    return render(
        request,
        "agencies.html",
        found=found,
        given=asked(request, *_FILTERS),
        tiers=list(Tier),
        branches=list(Branch),
        statuses=list(AgencyStatus),
        paged="cursor" in request.query_params,
    )


@router.get("/agencies/{organ_id}")
async def one(request: Request, node: AtNode, _caller: Viewer, organ_id: str) -> Response:
    """Show one agency, by any of its codes."""
    at = clock.now()
    async with node.database.read() as tx:
        agency = await directory.get(tx, code_in_path(organ_id))
        held = await certificates.list_of(tx, agency.organ_id, limit=CERTIFICATES_MAX)
        parts = await directory.search(tx, parent=agency.organ_id, limit=PARTS_MAX + 1)
    named = [code.text for code in (agency.parent, agency.successor) if code is not None]
    return render(
        request,
        "agency.html",
        agency=agency,
        certificates=[(each, _standing(each, at), (each.not_after - at).days) for each in _newest_first(held)],
        parts=parts[:PARTS_MAX],
        more_parts=len(parts) > PARTS_MAX,
        names=await names_of(node, named, at=at),
    )


async def names_of(node: Node, codes: Any, *, at: datetime) -> dict[str, str]:
    """Return the names of the agencies behind these codes, for showing; a code nobody has is missing."""
    async with node.database.read() as tx:
        found = await directory.resolve(tx, {code for code in codes if code}, on=at.astimezone(ZONE).date())
    return {code: agency.name for code, agency in found.items()}


def _standing(certificate: RegisteredCertificate, at: datetime) -> str:
    """Return the word for where a certificate stands, its period included."""
    if certificate.status is CertificateStatus.REVOKED:
        return "revoked"
    if certificate.status is CertificateStatus.SUSPENDED:
        return "suspended"
    if at >= certificate.not_after:
        return "expired"
    return "not-yet" if at < certificate.not_before else "active"


def _newest_first(held: tuple[RegisteredCertificate, ...]) -> list[RegisteredCertificate]:
    return sorted(held, key=lambda each: each.not_after, reverse=True)
