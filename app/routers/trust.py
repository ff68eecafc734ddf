"""What the node trusts, over HTTP: root certificates and revocation lists."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from app.registry import anchors, revocation_lists
from app.registry.model import ImportedCrl, TrustAnchor
from app.routers import problems
from app.routers.access import Acting, AtNode, require
from app.routers.calls import calls, octets
from app.routers.certificates import Encoded
from app.routers.conditions import mark
from app.routers.openapi import header
from app.routers.paging import Page, Paged, page

router: APIRouter = calls(tag="Registry")

_LIST = octets(32 * 1024 * 1024, "application/pkix-crl", "application/x-pem-file", "application/octet-stream", "*/*")


class AnchorView(BaseModel):
    """A root certificate that this node trusts without asking further."""

    sha256: str = Field(description="SHA-256 of its DER form, hex.")
    name: str = Field(description="What administrators call it.")
    subject: str = Field(description="Distinguished name (RFC 4514).")
    not_before: datetime = Field(description="First moment it is valid.")
    not_after: datetime = Field(description="Last moment it is valid.")

    @classmethod
    def of(cls, anchor: TrustAnchor) -> "AnchorView":
        """Show an anchor."""
        return cls(
            sha256=anchor.sha256,
            name=anchor.name,
            subject=anchor.subject,
            not_before=anchor.not_before,
            not_after=anchor.not_after,
        )


class NewAnchor(Encoded):
    """A root certificate to trust."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Root CA", "pem": "-----BEGIN CERTIFICATE…"}]})

    name: str = Field(min_length=1, max_length=200, description="What administrators call it.")


class RevocationListView(BaseModel):
    """A certificate revocation list as it was taken in."""

    sha256: str = Field(description="SHA-256 of the list as it was sent, hex.")
    issuer: str = Field(description="Distinguished name of the issuer (RFC 4514).")
    number: str | None = Field(description="CRL number (RFC 5280 §5.2.3), hex.")
    this_update: datetime = Field(description="When it was issued.")
    next_update: datetime | None = Field(description="When the issuer promised the next one.")
    entries: int = Field(description="How many certificates it names.")

    @classmethod
    def of(cls, crl: ImportedCrl) -> "RevocationListView":
        """Show a list."""
        return cls(
            sha256=crl.sha256,
            issuer=crl.issuer,
            number=crl.number,
            this_update=crl.this_update,
            next_update=crl.next_update,
            entries=crl.entries,
        )


@router.get(
    "/v1/trust/anchors", summary="List trust anchors", response_model=Page[AnchorView], dependencies=[require()]
)
async def list_anchors(node: AtNode, window: Paged) -> Page[AnchorView]:
    """List the root certificates this node trusts, by digest."""
    async with node.database.read() as tx:
        found = await anchors.list_anchors(tx, after=window.text_after(), limit=window.fetch)
    return page(found, window, shape=AnchorView.of, key=lambda anchor: (anchor.sha256,))


@router.post(
    "/v1/trust/anchors",
    summary="Add a trust anchor",
    status_code=201,
    response_model=AnchorView,
    responses={201: {"headers": header("Idempotent-Replayed")}, **problems.answers(409, 422)},
)
async def add_anchor(node: AtNode, act: Acting, new: NewAnchor, response: Response) -> AnchorView:
    """Trust a root certificate, and with it every certificate below it, from now on."""
    done = await anchors.add_anchor(node.database, new.octets(), name=new.name, act=act)
    mark(response, replayed=done.replayed)
    return AnchorView.of(done.value)


@router.post(
    "/v1/trust/crls",
    summary="Take in a revocation list",
    status_code=201,
    response_model=RevocationListView,
    responses={201: {"headers": header("Idempotent-Replayed")}, **problems.answers(409, 422)},
    openapi_extra=_LIST.description,
)
async def import_revocation_list(
    node: AtNode, act: Acting, content: Annotated[bytes, Depends(_LIST)], response: Response
) -> RevocationListView:
    """Take in a certificate revocation list, PEM or DER, of an authority that is known here."""
    done = await revocation_lists.import_crl(node.database, content, act=act)
    mark(response, replayed=done.replayed)
    return RevocationListView.of(done.value)
