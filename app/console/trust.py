"""What the node trusts, as a page: root certificates, and where revocations come from with how fresh they are."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.console.frame import Viewer, pages, render
from app.registry import anchors
from app.registry.revocation_sources import SourceState
from app.routers import clock
from app.routers.access import AtNode
from app.routers.paging import Paged
from app.routers.revocation_sources import list_sources

router: APIRouter = pages()

ANCHORS_MAX: Final = 50
"""Most root certificates the page shows; a country has a handful."""
_TONES: Final = {
    SourceState.FRESH: "active",
    SourceState.NEVER: "available",
    SourceState.FAILING: "suspended",
    SourceState.STALE: "expired",
}
"""Style of each state."""


@router.get("/trust")
async def trust(request: Request, node: AtNode, _caller: Viewer, window: Paged) -> Response:
    """Show anchors and sources."""
    async with node.database.read() as tx:
        roots = await anchors.list_anchors(tx, limit=ANCHORS_MAX)
    return render(
        request,
        "trust.html",
        anchors=roots,
        found=await list_sources(node, window),
        paged="cursor" in request.query_params,
        tones=_TONES,
        at=clock.now(),
    )
