"""The verification of one document as a page: what was decided, every check, and what that rests on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.console.frame import locale_of, pages, render, viewer
from app.exchange.verification_words import words
from app.registry.model import Scope
from app.routers import verifications as calls
from app.routers.access import AtNode, Caller

router: APIRouter = pages()

Reader = Annotated[Caller, viewer(Scope.EXCHANGE, Scope.AUDIT)]


@router.get("/documents/{document}/verification")
async def verification(
    request: Request,
    node: AtNode,
    caller: Reader,
    document: UUID,
    revision: Annotated[int | None, Query(ge=0, le=32_767)] = None,
) -> Response:
    """Show a report of a document, the newest or an earlier one."""
    report = await calls.get_verification(node, caller, document, revision)
    language = locale_of(request).language.value

    def meaning(group: str, code: str) -> str:
        return words(group, code).said("en" if language == "en" else "vi")

    return render(
        request,
        "verification.html",
        report=report,
        meaning=meaning,
        described={each.sha256: each for each in report.certificates},
        cited={each.sha256: each for each in report.evidence},
    )


@router.get("/documents/{document}/verification/evidence/{sha256}")
async def evidence(node: AtNode, caller: Reader, document: UUID, sha256: calls.Sha256) -> Response:
    """Give a piece of evidence as a file, under its digest."""
    answer = await calls.get_evidence(node, caller, document, sha256)
    answer.headers["Content-Disposition"] = f'attachment; filename="{sha256}.der"'
    return answer
