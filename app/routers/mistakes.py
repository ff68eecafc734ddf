"""What a client sends wrongly over HTTP: for administrators, and for the client's own people."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Final, cast

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from app.errors import NotFound, RequestInvalid
from app.registry import clients, mistakes
from app.registry.mistakes import UNKNOWN, Mistake
from app.registry.model import Scope
from app.routers import problems
from app.routers.access import AtNode, Caller, require
from app.routers.calls import calls
from app.routers.paging import BAD_CURSOR, Page, Paged, Window, page
from app.store.database import Transaction

router: APIRouter = calls(tag="Registry")

ClientOrUnknown = Annotated[
    str,
    Path(max_length=64, description=f"Client id (UUIDv7), or `{UNKNOWN}`: all whose client could not be told."),
]
Seeing = Annotated[Caller, require(Scope.REGISTRY_WRITE, Scope.EXCHANGE)]
_NO_CLIENT: Final = "no such client"


class MistakeView(BaseModel):
    """Something a client sent wrongly on one day, counted."""

    day: date = Field(description="In Vietnam.")
    code: str = Field(
        description="Code of the finding; the slug of the problem where no rule found anything.",
        examples=["ours.vxp.hash-file-mismatch"],
    )
    refused: int = Field(description="How often it was refused for it.")
    accepted: int = Field(description="How often it was accepted in spite of it.")
    first_at: datetime
    last_at: datetime
    asked: str | None = Field(description="What was called the last time; null where that is not known.")
    location: str | None = Field(description="Place in the last one; null for the whole.")
    message: str = Field(description="Of the last one, without the values it named.")
    fix: str = Field(description="What to change.")
    system_id: str | None = Field(description="System id that was claimed the last time; null where none was.")

    @classmethod
    def of(cls, mistake: Mistake) -> "MistakeView":
        """Show a mistake."""
        return cls(
            day=mistake.day,
            code=mistake.code,
            refused=mistake.refused,
            accepted=mistake.accepted,
            first_at=mistake.first_at,
            last_at=mistake.last_at,
            asked=mistake.asked or None,
            location=mistake.location or None,
            message=mistake.message,
            fix=mistake.fix,
            system_id=mistake.system_id or None,
        )


@router.get(
    "/v1/clients/{client_id}/mistakes",
    summary="List what a client sends wrongly",
    response_model=Page[MistakeView],
    responses=problems.answers(404),
)
async def list_mistakes(node: AtNode, caller: Seeing, client_id: ClientOrUnknown, window: Paged) -> Page[MistakeView]:
    """List what the client sent wrongly in the last month by day and rule, newest day first, with what to change.

    What was accepted all the same is counted, too. An aid and no evidence: it is a few seconds behind, and what a
    process had not written when it died is missing; the log has every refusal. A client may see its own.
    """
    _require_own(caller, client_id)
    async with node.database.read() as tx:
        await require_client(tx, client_id)
        found: Sequence[Mistake] = await mistakes.page_of(tx, client_id, before=_before(window), limit=window.fetch)
    return page(found, window, shape=MistakeView.of, key=lambda each: (each.day.isoformat(), each.code))


async def require_client(tx: Transaction, client_id: str) -> None:
    """Insist that somebody has the id of a client, or that it stands for all whose client could not be told.

    Raises:
        NotFound: nobody has it.
    """
    if client_id != UNKNOWN and await clients.find(tx, client_id) is None:
        raise NotFound(_NO_CLIENT)


def _require_own(caller: Caller, client_id: str) -> None:
    if Scope.REGISTRY_WRITE not in caller.scopes and client_id != caller.client.client_id:
        raise NotFound(_NO_CLIENT)


def _before(window: Window) -> tuple[date, str] | None:
    key = window.key_after(str, str)
    if key is None:
        return None
    day, code = cast("tuple[str, str]", key)
    try:
        return date.fromisoformat(day), code
    except ValueError as error:
        raise RequestInvalid(BAD_CURSOR) from error
