"""Evidence bundles over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from app.exchange.evidence_bundle import Published, Reader, evidence_bundle
from app.ledger.bundle.layout import FILE_EXTENSION, MEDIA_TYPE
from app.registry.model import Scope
from app.routers import clock, oauth, problems
from app.routers.access import AtNode, Caller, require
from app.routers.calls import calls
from app.routers.timestamps import ReceiptTimestamp
from app.signing.stamped_receipt import StampedReceipt

router: APIRouter = calls(tag="Exchange")

_CONTENT: dict[str, Any] = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/v1/documents/{document:uuid}/evidence",
    summary="Fetch the evidence of a document",
    response_class=StreamingResponse,
    responses={200: {"content": _CONTENT}, **problems.answers(404)},
)
async def get_evidence_bundle(
    node: AtNode, caller: Annotated[Caller, require(Scope.EXCHANGE, Scope.AUDIT)], document: UUID
) -> Response:
    """Return one ZIP (ASiC-E) with all that proves the life of a document, for `truc verify`, which needs no node.

    It holds the document as sent, receipts, verification reports with what they cite, every event with its proof of
    inclusion, and a signed checkpoint. Auditors, and recipients it was withdrawn from, get digests in place of the
    content; an auditor's reading is an event. 503 in the moment before the log covers the document.
    """
    keys = await oauth.key_set(node)
    bundle = await evidence_bundle(
        node.desk,
        str(document),
        reader=Reader(caller.client, caller.scopes),
        published=Published(keys.model_dump_json(exclude_none=True).encode("utf-8"), _timestamp),
        at=clock.now(),
    )
    name = f"{bundle.document}.{FILE_EXTENSION}"
    headers = {"Content-Length": str(bundle.size), "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(bundle.pieces(), media_type=MEDIA_TYPE, headers=headers)


def _timestamp(document: str, found: StampedReceipt) -> bytes:
    return ReceiptTimestamp.of(document, found).model_dump_json().encode("utf-8")
