"""Registering the certificates of an authority's list over HTTP."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from app.registry import certificate_import
from app.registry.acts import Done
from app.registry.agency_import import Existing, ImportReport, Tell
from app.registry.certificate_sheet import BYTES_MAX
from app.routers import problems, progress
from app.routers.access import Acting, AtNode
from app.routers.calls import calls, octets
from app.routers.conditions import CSV, JSON, NDJSON, mark, negotiate
from app.routers.openapi import header
from app.routers.problems import FindingView

router: APIRouter = calls(tag="Registry")

ZIP: Final = "application/zip"
_LIST = octets(BYTES_MAX, CSV, ZIP)


class CertificateImportView(BaseModel):
    """What an import did, or would do."""

    rows: int = Field(description="Certificates in the list.")
    registered: int = Field(description="How many were registered, or would be; all of them or none.")
    skipped: int = Field(description="How many were left out because their agency has them already.")
    dry_run: bool = Field(description="Whether nothing was written.")
    findings: list[FindingView] = Field(description="Faults by line:column; only a dry run reports them here.")

    @classmethod
    def of(cls, report: ImportReport) -> "CertificateImportView":
        """Show a report."""
        return cls(
            rows=report.rows,
            registered=report.registered,
            skipped=report.skipped,
            dry_run=report.dry_run,
            findings=[FindingView.of(finding) for finding in report.findings],
        )


@router.post(
    "/v1/certificates/import",
    summary="Register many certificates from an authority's list",
    response_model=CertificateImportView,
    responses={
        200: {
            "headers": header("Idempotent-Replayed"),
            "content": {NDJSON: {"schema": {"type": "string", "description": "How far it is, and the outcome."}}},
        },
        **problems.answers(406, 409, 422),
    },
    openapi_extra=_LIST.description,
)
async def import_certificates(
    request: Request,
    node: AtNode,
    act: Acting,
    content: Annotated[bytes, Depends(_LIST)],
    response: Response,
    dry_run: Annotated[bool, Query(description="Only tell what would happen.")] = False,  # noqa: FBT002
    existing: Annotated[
        Existing, Query(description="What to do with certificates that their agency has.")
    ] = Existing.REFUSE,
    accept: Annotated[str | None, Header(description="NDJSON to be told how far it is.")] = None,
) -> CertificateImportView | StreamingResponse:
    """Register the certificates of a CSV file, or of a ZIP archive with one, all or none.

    Columns: `organ_id`, `kind`, and `certificate` (PEM or base64 of DER) or `file` (of the archive). `authorities.pem`
    of the archive holds authorities above them. Each certificate is judged as one that is registered alone; thousands
    take a minute or more. Who accepts NDJSON is told meanwhile how far it is, as when agencies are imported.
    """

    async def work(tell: Tell) -> Done[ImportReport]:
        return await certificate_import.import_list(
            node.database, content, dry_run=dry_run, existing=existing, act=act, tell=tell
        )

    if negotiate(accept, (JSON, NDJSON)) == NDJSON:
        lines = progress.as_lines(request, work, lambda done: CertificateImportView.of(done.value))
        return StreamingResponse(lines, media_type=NDJSON)
    done = await work(lambda _progress: None)
    mark(response, replayed=done.replayed)
    return CertificateImportView.of(done.value)
