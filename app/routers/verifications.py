"""Verification reports over HTTP: of documents that are here, the evidence they cite, and of any file."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from app.exchange import verifications
from app.exchange.verifications import KeptReport, PdfReading
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, Caller, require
from app.routers.calls import calls
from app.routers.inspection_views import InspectionView, pdf_views
from app.routers.messages import MESSAGE_BODY, DeclaredBody
from app.routers.verification_shapes import DocumentReportView, VerificationReportView
from app.signing.pdf_found import PdfLimits

router: APIRouter = calls(tag="Exchange")

Anybody = Annotated[Caller, require()]
ExchangingOrAuditing = Annotated[Caller, require(Scope.EXCHANGE, Scope.AUDIT)]
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the evidence, lower-case hex.")]

MEDIA_TYPES: Final = {
    "certificate": "application/pkix-cert",
    "crl": "application/pkix-crl",
    "ocsp": "application/ocsp-response",
    "timestamp": "application/timestamp-token",
}
"""How each kind of evidence is sent (RFC 2585, RFC 6960, RFC 3161)."""

_CONTENT: dict[str, Any] = {
    media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()
}

_OCTETS: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    **MESSAGE_BODY,
    "requestBody": {
        "required": True,
        "description": "One edXML message, or a PDF; streamed, not encoded.",
        "content": {"application/xml": _OCTETS, "application/pdf": _OCTETS},
    },
}


@router.get(
    "/v1/documents/{document:uuid}/verification",
    summary="Read the verification report",
    response_model=DocumentReportView,
    responses=problems.answers(404, 422),
)
async def get_verification(
    node: AtNode,
    caller: ExchangingOrAuditing,
    document: UUID,
    revision: Annotated[
        int | None, Query(ge=0, le=32_767, description="An earlier report; without it the newest.")
    ] = None,
) -> DocumentReportView:
    """Return what was checked of a document and what that rests on.

    Auditors, and recipients it was withdrawn from, get no names of files and no words of findings about the content.
    """
    kept = await verifications.of_document(
        node.desk, str(document), revision=revision, client=caller.client, scopes=caller.scopes, at=clock.now()
    )
    return shown(kept)


@router.get(
    "/v1/documents/{document:uuid}/verification/evidence/{sha256}",
    summary="Fetch evidence",
    response_class=Response,
    responses={200: {"content": _CONTENT}, **problems.answers(404, 422)},
)
async def get_evidence(node: AtNode, caller: ExchangingOrAuditing, document: UUID, sha256: Sha256) -> Response:
    """Return a certificate, revocation list, OCSP answer or timestamp that a report of the document cites, DER."""
    row = await verifications.evidence(
        node.desk, str(document), sha256, client=caller.client, scopes=caller.scopes, at=clock.now()
    )
    return Response(row.der, media_type=MEDIA_TYPES[row.kind])


@router.post(
    "/v1/verifications",
    summary="Verify any file",
    response_model=VerificationReportView,
    responses=problems.answers(400, 413, 415, 422),
    openapi_extra=_BODY,
)
async def verify(node: AtNode, _caller: Anybody, declared: DeclaredBody, request: Request) -> VerificationReportView:
    """Return the report that a document with these bytes would get, or that of a PDF; nothing of it is stored.

    Whatever is wrong with it is in the report, not a problem; only what cannot be received is one.
    """
    limits = PdfLimits(octets_max=node.settings.pdf_bytes_max)
    pdfs = PdfReading(node.readers, limits) if node.settings.pdf_processes else None
    report = await verifications.examine(node.desk, request.stream(), declared=declared, pdfs=pdfs, now=clock.now)
    return VerificationReportView.of(report)


def shown(kept: KeptReport) -> DocumentReportView:
    """Show a report of a document, with what was found in its PDF attachments since."""
    # Who signed inside a file is part of what the document says.
    pdfs = pdf_views(kept.inspection) if kept.may_read_content else {}
    attachments = [{**each, "pdf": pdfs.get(each["number"])} for each in kept.report["attachments"]]
    return DocumentReportView(
        **DocumentReportView.members({**kept.report, "attachments": attachments}),
        document=kept.document,
        revision=kept.revision,
        revisions=kept.revisions,
        with_content=kept.may_read_content,
        inspection=InspectionView.of(kept.inspection),
    )
