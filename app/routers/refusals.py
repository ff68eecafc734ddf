"""Refused messages over HTTP: for a sender that lost the answer."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.exchange import archive
from app.exchange.acting import own_agencies
from app.ledger.events import EventKind
from app.ledger.said import said_by
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, Caller, require
from app.routers.calls import calls
from app.routers.mailbox import AgencyParameter
from app.routers.paging import Page, Paged, page

router: APIRouter = calls(tag="Exchange")

Exchanging = Annotated[Caller, require(Scope.EXCHANGE)]


class RefusedKind(StrEnum):
    """What was refused."""

    DOCUMENT = "document"
    """Posted to /v1/documents."""
    STATUS = "status"
    """Posted to /v1/statuses."""


class RefusalView(BaseModel):
    """A message that was refused; nothing else of it was kept."""

    index: int = Field(description="Place of the refusal in the log.")
    refused_at: datetime
    kind: RefusedKind
    agency: str | None = Field(description="The sender; null where the message did not come as far as its sender.")
    client_id: str = Field(description="Which client sent it.")
    sha256: str | None = Field(description="SHA-256 of the bytes, hex; null where they were not all received.")
    size: int | None = Field(description="Their number.")
    problem: str = Field(description="Slug of the problem that was answered.", examples=["document-refused"])
    codes: list[str] = Field(description="Codes of the findings that refused it.")

    @classmethod
    def of(cls, row: Any) -> "RefusalView":
        """Show the event of a refusal."""
        detail = said_by(row).detail
        return cls(
            index=row.position,
            refused_at=row.at,
            kind=RefusedKind.DOCUMENT if row.kind == EventKind.DOCUMENT_REFUSED.value else RefusedKind.STATUS,
            agency=row.agency,
            client_id=row.actor,
            sha256=detail.get("sha256"),
            size=detail.get("size"),
            problem=detail.get("problem", ""),
            codes=detail.get("codes", []),
        )


@router.get(
    "/v1/outbox/refusals",
    summary="List what was refused",
    response_model=Page[RefusalView],
    responses=problems.answers(422),
)
async def refusals(
    node: AtNode, caller: Exchanging, window: Paged, agency: AgencyParameter = None
) -> Page[RefusalView]:
    """List messages of the client's agencies that were refused, newest first.

    With them go messages of this client that did not come as far as their sender: unreadable, too long, or of an agency
    it does not act for.
    """
    found = await archive.refusals(
        node.desk,
        await own_agencies(node.desk, agency, client=caller.client, at=clock.now()),
        client=caller.client,
        before=window.number_after(),
        limit=window.fetch,
    )
    return page(found, window, shape=RefusalView.of, key=lambda row: (row.position,))
