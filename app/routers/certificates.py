"""Certificates of agencies over HTTP: registering, listing, revoking."""

import base64
import binascii
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.errors import NotFound, RequestInvalid
from app.registry import certificates, directory
from app.registry.model import CertificateKind, CertificateStatus, RegisteredCertificate, RevocationReason
from app.routers import problems
from app.routers.access import Acting, AtNode, require
from app.routers.agencies import code_in_path
from app.routers.calls import calls
from app.routers.clock import Moment
from app.routers.conditions import mark
from app.routers.openapi import header
from app.routers.paging import Page, Paged, page

router: APIRouter = calls(tag="Registry")

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the certificate's DER form, hex.")]
_PEM_EXAMPLE = "-----BEGIN CERTIFICATE-----\nMIIC…\n-----END CERTIFICATE-----\n"


class CertificateView(BaseModel):
    """A certificate that is registered for an agency."""

    sha256: str = Field(description="SHA-256 of its DER form, hex.")
    organ_id: str = Field(description="Own code of the agency.", examples=["000.00.00.G22"])
    kind: CertificateKind = Field(description="`seal`: of the agency; `person`: of somebody competent to sign for it.")
    subject: str = Field(description="Distinguished name (RFC 4514).")
    issuer: str = Field(description="Distinguished name of the issuer (RFC 4514).")
    serial: str = Field(description="Serial number, hex.")
    not_before: datetime = Field(description="First moment it is valid.")
    not_after: datetime = Field(description="Last moment it is valid.")
    status: CertificateStatus = Field(description="`revoked` where an administrator revoked it at this node.")
    revoked_at: datetime | None = Field(description="From when on it does not count.")
    revocation_reason: RevocationReason | None = Field(description="Why.")

    @classmethod
    def of(cls, certificate: RegisteredCertificate) -> "CertificateView":
        """Show a certificate."""
        return cls(
            sha256=certificate.sha256,
            organ_id=certificate.organ_id.text,
            kind=certificate.kind,
            subject=certificate.subject,
            issuer=certificate.issuer,
            serial=certificate.serial,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            status=certificate.status,
            revoked_at=certificate.revoked_at,
            revocation_reason=certificate.revocation_reason,
        )


class Encoded(BaseModel):
    """A certificate as PEM text or as base64 of its DER form; exactly one of them."""

    model_config = ConfigDict(extra="forbid")

    pem: str | None = Field(default=None, max_length=500_000, description="PEM.", examples=[_PEM_EXAMPLE])
    der: str | None = Field(default=None, max_length=500_000, description="Base64 of DER.")

    @model_validator(mode="after")
    def _one_form(self) -> "Encoded":
        if (self.pem is None) == (self.der is None):
            raise ValueError("give either pem or der")
        return self

    def octets(self) -> bytes:
        """Return PEM or DER as bytes.

        Raises:
            RequestInvalid: `der` is not base64.
        """
        try:
            return base64.b64decode(self.der, validate=True) if self.der is not None else (self.pem or "").encode()
        except (binascii.Error, ValueError) as error:
            raise RequestInvalid("der: not base64") from error


class NewCertificate(Encoded):
    """A certificate to register, followed by the authorities above it where the node does not know them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pem": _PEM_EXAMPLE, "kind": "seal"}]})

    kind: CertificateKind = Field(description="Whose it is.")


class Revocation(BaseModel):
    """Why and from when on a certificate no longer counts."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "keyCompromise"}]})

    reason: RevocationReason = Field(default=RevocationReason.UNSPECIFIED, description="RFC 5280 §5.3.1.")
    at: Moment | None = Field(default=None, description="Not later than now; left out: now.")


@router.get(
    "/v1/agencies/{organ_id}/certificates",
    summary="List an agency's certificates",
    response_model=Page[CertificateView],
    dependencies=[require()],
    responses=problems.answers(404),
)
async def list_certificates(node: AtNode, organ_id: str, window: Paged) -> Page[CertificateView]:
    """List certificates by digest, revoked and expired ones included."""
    async with node.database.read() as tx:
        agency = await directory.get(tx, code_in_path(organ_id))
        found = await certificates.list_of(tx, agency.organ_id, after=window.text_after(), limit=window.fetch)
    return page(found, window, shape=CertificateView.of, key=lambda certificate: (certificate.sha256,))


@router.post(
    "/v1/agencies/{organ_id}/certificates",
    summary="Register a certificate",
    status_code=201,
    response_model=CertificateView,
    responses={201: {"headers": header("Location", "Idempotent-Replayed")}, **problems.answers(404, 409, 422)},
)
async def register_certificate(
    node: AtNode, act: Acting, organ_id: str, new: NewCertificate, response: Response
) -> CertificateView:
    """Let documents signed with it count as the agency's; it must lead to a trust anchor. Several may be in force."""
    code = code_in_path(organ_id)
    done = await certificates.register(node.database, code, new.octets(), new.kind, act=act)
    response.headers["Location"] = f"/v1/certificates/{done.value.sha256}"
    mark(response, replayed=done.replayed)
    return CertificateView.of(done.value)


@router.get(
    "/v1/certificates/{sha256}",
    summary="Look up one certificate",
    response_model=CertificateView,
    dependencies=[require()],
    responses=problems.answers(404),
)
async def get_certificate(node: AtNode, sha256: Digest) -> CertificateView:
    """Return the certificate with this digest."""
    async with node.database.read() as tx:
        certificate = await certificates.find(tx, sha256)
    if certificate is None:
        raise NotFound("no certificate with this digest is registered")
    return CertificateView.of(certificate)


@router.post(
    "/v1/certificates/{sha256}/revoke",
    summary="Revoke a certificate",
    response_model=CertificateView,
    responses={200: {"headers": header("Idempotent-Replayed")}, **problems.answers(404, 409, 422)},
)
async def revoke_certificate(
    node: AtNode, act: Acting, sha256: Digest, response: Response, revocation: Revocation | None = None
) -> CertificateView:
    """Let a certificate no longer count at this node, for good; what was accepted before stays accepted."""
    given = revocation or Revocation()
    done = await certificates.revoke(node.database, sha256, reason=given.reason, revoked_at=given.at, act=act)
    mark(response, replayed=done.replayed)
    return CertificateView.of(done.value)
