"""Documents over HTTP: sending them, and everything about one that was sent."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from app.errors import NotFound
from app.exchange import archive, submit
from app.exchange.extract import attachment_of
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, Caller, require
from app.routers.audit import EventView
from app.routers.calls import calls
from app.routers.conditions import REPLAYED_HEADER, IdempotencyKey, content_digest
from app.routers.document_views import AttachmentView, DocumentReceipt, DocumentView, ValidationReport
from app.routers.inspection_views import pdf_views
from app.routers.messages import MESSAGE_BODY, MESSAGE_CONTENT, DeclaredBody
from app.routers.openapi import header
from app.routers.ranges import body_answer

router: APIRouter = calls(tag="Exchange")

Exchanging = Annotated[Caller, require(Scope.EXCHANGE)]
ExchangingOrAuditing = Annotated[Caller, require(Scope.EXCHANGE, Scope.AUDIT)]


@router.post(
    "/v1/documents",
    summary="Send a document",
    status_code=201,
    response_model=DocumentReceipt,
    responses={
        200: {
            "model": DocumentReceipt,
            "description": "The same document again: the first answer.",
            "headers": header("Idempotent-Replayed"),
        },
        201: {"headers": header("Location")},
        **problems.answers(409, 413, 415, 422),
    },
    openapi_extra=MESSAGE_BODY,
)
async def send(
    node: AtNode,
    caller: Exchanging,
    declared: DeclaredBody,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> DocumentReceipt:
    """Accept a signed document and deliver it to every recipient, or refuse it whole.

    Answered only when document, deliveries and log are durable. The same bytes again get the first answer.
    """
    accepted = await submit.submit(
        node.desk,
        request.stream(),
        declared=declared,
        client=caller.client,
        idempotency_key=idempotency_key,
        now=clock.now,
    )
    response.headers["Location"] = f"/v1/documents/{accepted.document['id']}"
    if accepted.replayed:
        response.status_code = 200
        response.headers[REPLAYED_HEADER] = "true"
    return DocumentReceipt.of(accepted)


@router.post(
    "/v1/documents/validate",
    summary="Try a document",
    response_model=ValidationReport,
    responses=problems.answers(413, 415, 422),
    openapi_extra=MESSAGE_BODY,
)
async def validate(node: AtNode, caller: Exchanging, declared: DeclaredBody, request: Request) -> ValidationReport:
    """Tell everything that sending it would tell; nothing is stored."""
    verified = await submit.validate(
        node.desk, request.stream(), declared=declared, client=caller.client, now=clock.now
    )
    return ValidationReport.of(verified)


@router.get(
    "/v1/documents/{document:uuid}",
    summary="Look up a document",
    response_model=DocumentView,
    responses=problems.answers(404),
)
async def get_document(node: AtNode, caller: ExchangingOrAuditing, document: UUID) -> DocumentView:
    """Return what is known of a document and how far it came with each recipient."""
    return DocumentView.of(await _dossier(node, caller, document))


@router.get(
    "/v1/documents/{document:uuid}/content",
    summary="Fetch a document",
    response_class=StreamingResponse,
    responses={
        200: {"content": MESSAGE_CONTENT, "headers": header("Content-Digest", "ETag")},
        206: {"description": "The range that was asked for.", "content": MESSAGE_CONTENT},
        304: {"description": "The client has it already."},
        **problems.answers(404, 410, 412, 416),
    },
)
async def get_content(node: AtNode, caller: Exchanging, document: UUID, request: Request) -> Response:
    """Return exactly the bytes that were sent, signature included; a part of them with Range."""
    row = await archive.content(node.desk, str(document), client=caller.client, scopes=caller.scopes, at=clock.now())
    return body_answer(node, row, request)


@router.get(
    "/v1/documents/{document:uuid}/attachments",
    summary="List attachments",
    response_model=list[AttachmentView],
    responses=problems.answers(404, 410),
)
async def list_attachments(node: AtNode, caller: Exchanging, document: UUID) -> list[AttachmentView]:
    """Return what is attached to a document, bounded by the document's own size, and what was found in its PDFs."""
    row = await archive.content(node.desk, str(document), client=caller.client, scopes=caller.scopes, at=clock.now())
    pdfs = pdf_views(await archive.inspection_of(node.desk, row.id))
    same = ("name", "media_type", "size", "sha256")
    return [
        AttachmentView(number=number, pdf=pdfs.get(number), **{name: kept[name] for name in same})
        for number, kept in enumerate(row.verification["attachments"], start=1)
    ]


@router.get(
    "/v1/documents/{document:uuid}/attachments/{number}",
    summary="Fetch an attachment",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            "headers": header("Content-Digest"),
        },
        **problems.answers(404, 410, 422),
    },
)
async def get_attachment(node: AtNode, caller: Exchanging, document: UUID, number: int) -> Response:
    """Return one attached file, decoded and unwrapped."""
    row = await archive.content(node.desk, str(document), client=caller.client, scopes=caller.scopes, at=clock.now())
    kept = row.verification["attachments"]
    if not 1 <= number <= len(kept):
        raise NotFound("no such attachment")
    pieces = await attachment_of(node.desk, row.sha256, row.size, number)
    summary = kept[number - 1]
    return StreamingResponse(
        pieces,
        # Never shown in place: what it really is was not decided by us, and a browser must not guess.
        media_type="application/octet-stream",
        headers={
            "Content-Length": str(summary["size"]),
            "Content-Digest": content_digest(summary["sha256"]),
            "Content-Disposition": "attachment",
        },
    )


@router.get(
    "/v1/documents/{document:uuid}/history",
    summary="Read the trail of a document",
    response_model=list[EventView],
    responses=problems.answers(404),
)
async def get_history(node: AtNode, caller: ExchangingOrAuditing, document: UUID) -> list[EventView]:
    """Return every event of a document in the order of the log; events just committed may still lack their index.

    Its length is bounded by what recipients may report. An auditor's reading is an event itself.
    """
    rows = await archive.history(node.desk, str(document), client=caller.client, scopes=caller.scopes, at=clock.now())
    return [EventView.of(row) for row in rows]


@router.get(
    "/v1/documents/{document:uuid}/receipt",
    summary="Fetch the receipt",
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"application/jose": {"schema": {"type": "string"}}}},
        **problems.answers(404),
    },
)
async def get_receipt(node: AtNode, caller: ExchangingOrAuditing, document: UUID) -> Response:
    """Return the receipt the sender was given: a compact JWS."""
    dossier = await _dossier(node, caller, document)
    return Response(dossier.document.receipt, media_type="application/jose")


async def _dossier(node: AtNode, caller: Caller, document: UUID) -> archive.Dossier:
    return await archive.dossier(node.desk, str(document), client=caller.client, scopes=caller.scopes, at=clock.now())
