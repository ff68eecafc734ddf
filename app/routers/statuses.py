"""Status messages over HTTP: reporting how far a document came."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from app.exchange import archive, report
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, Caller, require
from app.routers.calls import calls
from app.routers.conditions import REPLAYED_HEADER, IdempotencyKey
from app.routers.messages import MESSAGE_BODY, MESSAGE_CONTENT, DeclaredBody
from app.routers.openapi import header
from app.routers.ranges import body_answer

router: APIRouter = calls(tag="Exchange")


class StatusReceipt(BaseModel):
    """What the reporter gets for an accepted status message."""

    id: str = Field(description="The node's id of the report (UUIDv7).")
    document: str = Field(description="The node's id of the document it is about.")
    recipient: str = Field(description="Whose delivery of the document it is about.", examples=["000.00.00.H41"])
    status_code: str = Field(examples=["03"], description="What was reported.")
    state: str = Field(examples=["received"], description="Where the delivery stood after it.")
    accepted_at: datetime
    receipt: str = Field(description="Compact JWS (ES256) signed by the node.")


@router.post(
    "/v1/statuses",
    summary="Report a status",
    status_code=201,
    response_model=StatusReceipt,
    responses={
        200: {
            "model": StatusReceipt,
            "description": "The same report again: the first answer.",
            "headers": header("Idempotent-Replayed"),
        },
        201: {"headers": header("Location")},
        **problems.answers(409, 413, 415, 422),
    },
    openapi_extra=MESSAGE_BODY,
)
async def post_status(
    node: AtNode,
    caller: Annotated[Caller, require(Scope.EXCHANGE)],
    declared: DeclaredBody,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> StatusReceipt:
    """Accept a signed status message of a recipient, or of the sender (13), and lay it into the other party's inbox."""
    reported = await report.report(
        node.desk,
        request.stream(),
        declared=declared,
        client=caller.client,
        idempotency_key=idempotency_key,
        now=clock.now,
    )
    row = reported.report
    response.headers["Location"] = f"/v1/statuses/{row['id']}/content"
    if reported.replayed:
        response.status_code = 200
        response.headers[REPLAYED_HEADER] = "true"
    same = ("id", "document", "status_code", "state", "accepted_at", "receipt")
    return StatusReceipt(**{name: row[name] for name in same}, recipient=reported.recipient)


@router.get(
    "/v1/statuses/{report_id:uuid}/content",
    summary="Fetch a status message",
    response_class=StreamingResponse,
    responses={
        200: {"content": MESSAGE_CONTENT, "headers": header("Content-Digest", "ETag")},
        206: {"description": "The range that was asked for.", "content": MESSAGE_CONTENT},
        304: {"description": "The client has it already."},
        **problems.answers(404, 410, 412, 416),
    },
)
async def get_status_content(
    node: AtNode, caller: Annotated[Caller, require(Scope.EXCHANGE)], report_id: UUID, request: Request
) -> Response:
    """Return exactly the bytes of a status message, for its reporter and the other party."""
    row = await archive.report_content(
        node.desk, str(report_id), client=caller.client, scopes=caller.scopes, at=clock.now()
    )
    return body_answer(node, row, request)
