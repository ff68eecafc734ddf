"""Clients over HTTP: the systems that sign in, and what each of them may do."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from app.errors import NotFound
from app.registry import clients
from app.registry.acts import Done
from app.registry.clients import ClientChanges, ClientCredentials
from app.registry.model import Client, ClientStatus, Grant, Scope
from app.routers import problems
from app.routers.access import Acting, AtNode, require
from app.routers.calls import calls
from app.routers.conditions import ExpectedVersion, etag, mark
from app.routers.openapi import header
from app.routers.paging import Page, Paged, page

router: APIRouter = calls(tag="Registry")

ClientId = Annotated[str, Path(max_length=64, description="Client id (UUIDv7).")]
GrantText = Annotated[
    str, Field(max_length=40, description="Agency code, or a subtree such as `H28.*`.", examples=["000.00.00.G22"])
]


class ClientView(BaseModel):
    """A client."""

    client_id: str = Field(description="Its id; the user name at the token endpoint.")
    name: str = Field(description="What administrators call it.")
    scopes: list[Scope] = Field(description="What was granted; every client may read the directory besides.")
    agencies: list[GrantText] = Field(description="Whom it acts for.")
    status: ClientStatus = Field(description="Whether it may sign in.")
    created_at: datetime = Field(description="When it was made.")
    version: int = Field(description="Counts the changes; also the ETag. Tokens of an older version end with it.")

    @classmethod
    def members(cls, client: Client) -> dict[str, Any]:
        """Return what is shown of a client."""
        return {
            "client_id": client.client_id,
            "name": client.name,
            "scopes": sorted(client.scopes),
            "agencies": [str(grant) for grant in client.agencies],
            "status": client.status,
            "created_at": client.created_at,
            "version": client.version,
        }


class CredentialsView(ClientView):
    """A client with its secret, which is shown this once."""

    client_secret: str | None = Field(description="Keep it; null where this is an earlier answer again.")


class NewClient(BaseModel):
    """A client to create."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "VPCP e-office", "scopes": ["exchange"], "agencies": ["000.00.00.G22"]}]
        },
    )

    name: str = Field(min_length=1, max_length=200, description="What administrators call it.")
    scopes: list[Scope] = Field(min_length=1, max_length=20, description="What it may do.")
    agencies: list[GrantText] = Field(default=[], max_length=1000, description="Whom it acts for.")


class ClientPatch(BaseModel):
    """Changes of a client; only the members that are given change."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"status": "disabled"}]})

    name: str = Field(default="", min_length=1, max_length=200, description="What administrators call it.")
    scopes: list[Scope] = Field(default=[], min_length=1, max_length=20, description="What it may do.")
    agencies: list[GrantText] = Field(default=[], max_length=1000, description="Whom it acts for.")
    status: ClientStatus = Field(default=ClientStatus.ACTIVE, description="`disabled` shuts it out at once.")

    def changes(self) -> ClientChanges:
        """Return the fields that were given, as the registry takes them."""
        given: Any = {name: getattr(self, name) for name in self.model_fields_set}
        if "scopes" in given:
            given["scopes"] = frozenset(given["scopes"])
        if "agencies" in given:
            given["agencies"] = _grants(given["agencies"])
        changes: ClientChanges = given
        return changes


@router.get(
    "/v1/clients",
    summary="List clients",
    response_model=Page[ClientView],
    dependencies=[require(Scope.REGISTRY_WRITE)],
)
async def list_clients(node: AtNode, window: Paged) -> Page[ClientView]:
    """List clients, oldest first, disabled ones included."""
    async with node.database.read() as tx:
        found = await clients.list_all(tx, after=window.id_after(), limit=window.fetch)
    return page(found, window, shape=_view, key=lambda client: (client.client_id,))


@router.get(
    "/v1/clients/{client_id}",
    summary="Look up one client",
    response_model=ClientView,
    dependencies=[require(Scope.REGISTRY_WRITE)],
    responses={200: {"headers": header("ETag")}, **problems.answers(404)},
)
async def get_client(node: AtNode, client_id: ClientId, response: Response) -> ClientView:
    """Return the client with this id."""
    async with node.database.read() as tx:
        client = await clients.find(tx, client_id)
    if client is None:
        raise NotFound("no such client")
    response.headers["ETag"] = etag(client.version)
    return _view(client)


@router.post(
    "/v1/clients",
    summary="Create a client",
    status_code=201,
    response_model=CredentialsView,
    responses={201: {"headers": header("Location", "ETag", "Idempotent-Replayed")}, **problems.answers(422)},
)
async def create_client(node: AtNode, act: Acting, new: NewClient, response: Response) -> CredentialsView:
    """Create a client with a secret, which is shown in this answer and never again."""
    done = await clients.create(
        node.database, act, name=new.name, scopes=frozenset(new.scopes), agencies=_grants(new.agencies)
    )
    response.headers["Location"] = f"/v1/clients/{done.value.client.client_id}"
    return _credentials(done, response)


@router.patch(
    "/v1/clients/{client_id}",
    summary="Change a client",
    response_model=ClientView,
    responses={200: {"headers": header("ETag")}, **problems.answers(404, 412, 422)},
)
async def change_client(
    node: AtNode, act: Acting, client_id: ClientId, patch: ClientPatch, expected: ExpectedVersion, response: Response
) -> ClientView:
    """Change the fields that are given; tokens that were issued before end at once."""
    done = await clients.change(node.database, client_id, patch.changes(), if_match=expected, act=act)
    # Its systems are known to this process; whoever was shut out is out at once.
    node.systems.forget()
    mark(response, version=done.value.version, replayed=done.replayed)
    return _view(done.value)


@router.post(
    "/v1/clients/{client_id}/rotate-secret",
    summary="Give a client another secret",
    response_model=CredentialsView,
    responses={200: {"headers": header("ETag", "Idempotent-Replayed")}, **problems.answers(404, 412, 422)},
)
async def rotate_secret(
    node: AtNode, act: Acting, client_id: ClientId, expected: ExpectedVersion, response: Response
) -> CredentialsView:
    """Make a new secret, shown in this answer and never again; the one before ends at once."""
    done = await clients.rotate_secret(node.database, client_id, if_match=expected, act=act)
    return _credentials(done, response)


def _view(client: Client) -> ClientView:
    return ClientView(**ClientView.members(client))


def _credentials(done: Done[ClientCredentials], response: Response) -> CredentialsView:
    client = done.value.client
    mark(response, version=client.version, replayed=done.replayed)
    return CredentialsView(client_secret=done.value.secret, **ClientView.members(client))


def _grants(texts: list[str]) -> tuple[Grant, ...]:
    return tuple(Grant.parse(text) for text in texts)
