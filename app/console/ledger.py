"""The ledger as a page for auditors: how far it is signed, by whom, and the proof that an event is in it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.console.frame import pages, render, viewer
from app.errors import NotFound
from app.ledger import publish, published
from app.ledger.published import Published
from app.node import Node
from app.registry.model import Scope
from app.routers import ledger as calls
from app.routers.access import AtNode, Caller
from app.routers.conditions import JSON
from app.signing.note import VerifierKey
from app.store import checkpoints, journal

router: APIRouter = pages()

Auditor = Annotated[Caller, viewer(Scope.AUDIT)]

_INDEX_MAX: Final = 2**53


@router.get("/ledger")
async def ledger(
    request: Request, node: AtNode, caller: Auditor, index: Annotated[int | None, Query(ge=0, le=_INDEX_MAX)] = None
) -> Response:
    """Show the newest checkpoint, and of one event its entry and proof; looking an entry up becomes an event itself."""
    async with node.database.read() as tx:
        sealed = await journal.size(tx)
        origin = await checkpoints.origin(tx) or node.publisher.origin
        stamped = await checkpoints.latest_stamped(tx)
        keys = await publish.verifier_keys(tx, node.publisher.key, proposed=node.publisher.origin)
    newest, witnessed = await _newest(node, witnessed=False), await _newest(node, witnessed=True)
    shown: dict[str, Any] = {"entry": None, "proof": None}
    if index is not None:
        shown = {
            "entry": await calls.entry(node, caller, index),
            "proof": await calls.inclusion(node, index, newest.size if newest else None, accept=JSON),
        }
    return render(
        request,
        "ledger.html",
        newest=newest,
        witnessed=witnessed,
        origin=origin,
        sealed=sealed,
        stamped=stamped,
        keys=keys,
        witnesses=_witnesses(node, witnessed),
        index=index,
        public_url=request.app.state.public_url,
        **shown,
    )


async def _newest(node: Node, *, witnessed: bool) -> Published | None:
    async with node.database.read() as tx:
        try:
            return await published.newest(tx, witnessed=witnessed)
        except NotFound:
            return None


def _witnesses(node: Node, witnessed: Published | None) -> list[tuple[VerifierKey, Any]]:
    """List witnesses that signed the newest checkpoint that was cosigned, with the moment, and those that are named."""
    signed = {VerifierKey.read(key): at for key, at in witnessed.witnesses} if witnessed else {}
    return [*signed.items(), *((key, None) for key in node.witnesses if key not in signed)]
