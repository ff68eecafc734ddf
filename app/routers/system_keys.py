"""Secrets of a client's systems over HTTP: for those that sign their requests as the axis' SDK does."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.edxml.organ_id import OrganId
from app.registry import system_key_acts
from app.registry.model import Scope
from app.registry.system_key_acts import OVERLAP_MAX, SystemKey, SystemKeyState
from app.registry.system_keys import SYSTEM_ID_LENGTH_MAX
from app.routers import clock, problems
from app.routers.access import Acting, AtNode, require
from app.routers.calls import calls
from app.routers.clients import ClientId
from app.routers.conditions import mark
from app.routers.openapi import header
from app.routers.paging import Page, Paged, page

router: APIRouter = calls(tag="Registry")

KeyId = Annotated[str, Path(max_length=64, description="Id of the secret (UUIDv7).")]
_HOUR = timedelta(hours=1)


class SystemKeyView(BaseModel):
    """A secret of a system, without the secret."""

    id: str = Field(description="Its id.")
    client_id: str = Field(description="Client the system is.")
    system_id: str = Field(description="What the system calls itself in its requests (`XroadVnpt-systemid`).")
    agency: str = Field(description="Own code of the agency it stands for.")
    state: SystemKeyState = Field(description="Whether requests may be signed with it now.")
    valid_from: datetime = Field(description="From when on it counts.")
    valid_until: datetime | None = Field(description="From when on it does not count any more; null: without end.")
    revoked_at: datetime | None = Field(description="When it was taken back.")
    created_at: datetime = Field(description="When it was made.")

    @classmethod
    def members(cls, key: SystemKey, *, at: datetime) -> dict[str, Any]:
        """Return what is shown of a secret."""
        return {name: getattr(key, name) for name in cls.model_fields if hasattr(key, name)} | {"state": key.state(at)}


class IssuedSystemKeyView(SystemKeyView):
    """A secret of a system with the secret itself, which is shown this once."""

    secret: str | None = Field(description="Keep it; null where this is an earlier answer again.")


class NewSystemKey(BaseModel):
    """A secret to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"agency": "000.00.00.G22"}, {"agency": "H28.01", "overlap_hours": 168}]},
    )

    agency: str = Field(max_length=40, description="Agency the system stands for; the client must act for it.")
    system_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=SYSTEM_ID_LENGTH_MAX,
        description="What the system calls itself; the agency's own code where it is not given.",
    )
    valid_from: AwareDatetime | None = Field(default=None, description="From when on it counts; now, if not given.")
    valid_until: AwareDatetime | None = Field(default=None, description="Until when; without end, if not given.")
    overlap_hours: int | None = Field(
        default=None,
        ge=0,
        le=OVERLAP_MAX // _HOUR,
        description="Let the system's earlier secrets end so many hours from now; they stay as they are, if not given.",
    )


@router.get(
    "/v1/clients/{client_id}/system-keys",
    summary="List the secrets of a client's systems",
    response_model=Page[SystemKeyView],
    dependencies=[require(Scope.REGISTRY_WRITE)],
    responses=problems.answers(404),
)
async def list_system_keys(node: AtNode, client_id: ClientId, window: Paged) -> Page[SystemKeyView]:
    """List them in the order they were made, without the secrets; ended and revoked ones too."""
    async with node.database.read() as tx:
        found = await system_key_acts.list_of(tx, client_id, after=window.id_after(), limit=window.fetch)
    at = clock.now()
    return page(
        found, window, shape=lambda key: SystemKeyView(**SystemKeyView.members(key, at=at)), key=lambda key: (key.id,)
    )


@router.post(
    "/v1/clients/{client_id}/system-keys",
    summary="Give a client's system a secret",
    status_code=201,
    response_model=IssuedSystemKeyView,
    responses={201: {"headers": header("Idempotent-Replayed")}, **problems.answers(404, 409, 422)},
)
async def issue_system_key(
    node: AtNode, act: Acting, client_id: ClientId, new: NewSystemKey, response: Response
) -> IssuedSystemKeyView:
    """Make a secret, which is shown in this answer and never again.

    A system may have several in force at once. With `overlap_hours` this is a rotation: the earlier ones end then.
    """
    done = await system_key_acts.issue(
        node.systems,
        act,
        client_id,
        agency=OrganId.parse(new.agency),
        system_id=new.system_id,
        valid_from=new.valid_from,
        valid_until=new.valid_until,
        overlap=None if new.overlap_hours is None else new.overlap_hours * _HOUR,
    )
    mark(response, replayed=done.replayed)
    members = SystemKeyView.members(done.value.key, at=clock.now())
    return IssuedSystemKeyView(secret=done.value.secret, **members)


@router.post(
    "/v1/clients/{client_id}/system-keys/{key_id}/revoke",
    summary="Take a secret of a system back",
    response_model=SystemKeyView,
    responses={200: {"headers": header("Idempotent-Replayed")}, **problems.answers(404)},
)
async def revoke_system_key(
    node: AtNode, act: Acting, client_id: ClientId, key_id: KeyId, response: Response
) -> SystemKeyView:
    """Refuse what is signed with it from now on; other processes of the node do within a second."""
    done = await system_key_acts.revoke(node.systems, act, client_id, key_id)
    mark(response, replayed=done.replayed)
    return SystemKeyView(**SystemKeyView.members(done.value, at=clock.now()))
