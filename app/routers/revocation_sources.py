"""Where revocations are fetched from, over HTTP: every source with its freshness, and those an operator names."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from app.registry import revocation_sources
from app.registry.model import Scope
from app.registry.revocation_sources import RevocationSource, SourceKind, SourceOrigin, SourceState
from app.routers import clock, problems
from app.routers.access import Acting, AtNode, require
from app.routers.calls import calls
from app.routers.conditions import mark
from app.routers.openapi import header
from app.routers.paging import Page, Paged, page
from app.signing.revocation_addresses import LENGTH_MAX

router: APIRouter = calls(tag="Registry")

SourceDigest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Digest of the source, hex.")]


class SourceView(BaseModel):
    """A place where an authority publishes what it revoked, and how it is doing."""

    sha256: str = Field(description="SHA-256 over kind, issuer and address; its name in this API.")
    kind: SourceKind = Field(description="A revocation list, or an OCSP responder.")
    issuer: str = Field(description="Distinguished name of the authority (RFC 4514).")
    address: str = Field(description="Where it is asked.")
    origin: SourceOrigin = Field(description="Whether a registered certificate names it, or an administrator.")
    state: SourceState = Field(description="How it is doing now.")
    tried_at: datetime | None = Field(description="When it was last asked.")
    fetched_at: datetime | None = Field(description="When it last answered with what holds.")
    fresh_until: datetime | None = Field(description="Until when what is known holds; null where it does not say.")
    failures: int = Field(description="Failures in a row since it last answered.")
    problem: str | None = Field(description="What was wrong last time.")
    next_try_at: datetime = Field(description="When it is asked again.")

    @classmethod
    def of(cls, source: RevocationSource, *, at: datetime) -> "SourceView":
        """Show a source as it is at a moment."""
        return cls(
            sha256=source.sha256,
            kind=source.kind,
            issuer=source.issuer,
            address=source.address,
            origin=source.origin,
            state=source.state(at),
            tried_at=source.tried_at,
            fetched_at=source.fetched_at,
            fresh_until=source.fresh_until,
            failures=source.failures,
            problem=source.problem,
            next_try_at=source.next_try_at,
        )


class NewSource(BaseModel):
    """A place to fetch revocations from besides those that certificates name."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"kind": "crl", "issuer": "CN=Root CA,C=VN", "address": "http://ca.example.vn/root.crl"}]
        },
    )

    kind: SourceKind = Field(description="A revocation list, or an OCSP responder.")
    issuer: str = Field(min_length=1, max_length=2_000, description="Distinguished name of an authority known here.")
    address: str = Field(min_length=1, max_length=LENGTH_MAX, description="http or https.")


@router.get(
    "/v1/trust/sources",
    summary="List where revocations come from",
    response_model=Page[SourceView],
    dependencies=[require(Scope.REGISTRY_READ, Scope.AUDIT)],
)
async def list_sources(node: AtNode, window: Paged) -> Page[SourceView]:
    """List every source of revocations by digest, with how fresh is what it said."""
    async with node.database.read() as tx:
        found = await revocation_sources.list_sources(tx, after=window.text_after(), limit=window.fetch)
    at = clock.now()
    return page(found, window, shape=lambda each: SourceView.of(each, at=at), key=lambda each: (each.sha256,))


@router.post(
    "/v1/trust/sources",
    summary="Add a source of revocations",
    status_code=201,
    response_model=SourceView,
    responses={201: {"headers": header("Idempotent-Replayed")}, **problems.answers(409, 422)},
)
async def add_source(node: AtNode, act: Acting, new: NewSource, response: Response) -> SourceView:
    """Have an authority's revocations fetched from another place too; what comes from there is verified alike."""
    done = await revocation_sources.add(
        node.database,
        kind=new.kind,
        issuer=new.issuer,
        address=new.address,
        private=node.fetch.private,
        act=act,
    )
    mark(response, replayed=done.replayed)
    return SourceView.of(done.value, at=clock.now())


@router.delete(
    "/v1/trust/sources/{sha256}",
    summary="Remove a source of revocations",
    response_model=SourceView,
    responses={200: {"headers": header("Idempotent-Replayed")}, **problems.answers(404)},
)
async def remove_source(node: AtNode, act: Acting, sha256: SourceDigest, response: Response) -> SourceView:
    """Fetch from there no longer; what it said stays known. One that a certificate names is learned again with it."""
    done = await revocation_sources.remove(node.database, sha256, act=act)
    mark(response, replayed=done.replayed)
    return SourceView.of(done.value, at=clock.now())
