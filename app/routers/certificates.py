"""Certificates of agencies over HTTP: registering, listing, suspending, revoking."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.errors import NotFound, RequestInvalid
from app.exchange import archive
from app.registry import certificate_holds, certificates, directory, enrolment
from app.registry.acts import Act
from app.registry.certificates import Proof
from app.registry.model import (
    CertificateKind,
    CertificateStatus,
    Possession,
    RegisteredCertificate,
    RevocationReason,
    Scope,
    SuspensionReason,
)
from app.routers import clock, problems
from app.routers.access import Acting, AtNode, Caller, once_of, require
from app.routers.agencies import code_in_path
from app.routers.calls import calls
from app.routers.clock import Moment
from app.routers.conditions import IdempotencyKey, mark
from app.routers.openapi import header
from app.routers.paging import Page, Paged, page
from app.signing.possession import PROOF_CHARACTERS_MAX
from app.store import documents

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
    status: CertificateStatus = Field(description="What an administrator made of it at this node.")
    revoked_at: datetime | None = Field(description="From when on it does not count.")
    revocation_reason: RevocationReason | None = Field(description="Why.")
    suspended_at: datetime | None = Field(description="Since when it does not count for the time being.")
    possession: Possession | None = Field(description="How it was proven that the agency holds its key; null: not.")

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
            suspended_at=certificate.suspended_at,
            possession=certificate.possession,
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
    proof: str | None = Field(
        default=None,
        max_length=PROOF_CHARACTERS_MAX,
        description="That its key is at hand: a certification request of the same key (PKCS#10, PEM), or a compact JWS "
        "of type `possession+jwt` with `aud`, `exp` and the certificate's `sha256`, signed with it.",
    )
    authorisation: str | None = Field(
        default=None,
        max_length=PROOF_CHARACTERS_MAX,
        description="Where the agency brings it by itself: a compact JWS of type `enrolment+jwt` with `aud`, `exp` and "
        "the certificate's `sha256`, signed with a seal in force of the agency, which `x5t#S256` names.",
    )


class Revocation(BaseModel):
    """Why and from when on a certificate no longer counts."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "keyCompromise"}]})

    reason: RevocationReason = Field(default=RevocationReason.UNSPECIFIED, description="RFC 5280 §5.3.1.")
    at: Moment | None = Field(default=None, description="Not later than now; left out: now.")


class CertificateSuspension(BaseModel):
    """Why a certificate is stopped."""

    model_config = ConfigDict(extra="forbid")

    reason: SuspensionReason = Field(default=SuspensionReason.REQUESTED, description="A code; kept in the log.")


class AcceptedView(BaseModel):
    """A document that was accepted with a certificate."""

    document: str = Field(description="The node's id of it.")
    sender: str = Field(description="Code of the agency that sent it.")
    sha256: str = Field(description="SHA-256 of its bytes, hex.")
    accepted_at: datetime = Field(description="When it was accepted.")

    @classmethod
    def of(cls, row: Any) -> "AcceptedView":
        """Show a document's row."""
        return cls(document=row.id, sender=row.sender, sha256=row.sha256, accepted_at=row.accepted_at)


@dataclass(frozen=True, slots=True)
class Enroller:
    """Who brings a certificate: an administrator, or the agency's own client."""

    caller: Caller
    act: Act


async def enroller_of(
    request: Request,
    caller: Annotated[Caller, require(Scope.REGISTRY_WRITE, Scope.EXCHANGE)],
    key: IdempotencyKey = None,
) -> Enroller:
    """Dependency that gives who brings a certificate.

    Raises:
        RequestInvalid: no Idempotency-Key a client may choose.
    """
    at = clock.now()
    once = None if key is None else once_of(request, caller, key, at=at)
    return Enroller(caller, Act(caller.client.client_id, at, once))


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
    node: AtNode,
    enroller: Annotated[Enroller, Depends(enroller_of)],
    organ_id: str,
    new: NewCertificate,
    response: Response,
) -> CertificateView:
    """Let documents signed with it count as the agency's; it must lead to a trust anchor. Several may be in force.

    A client of the agency itself needs no administrator where one of the agency's seals in force answers for the new
    one (`authorisation`) and its key is proven to be at hand (`proof`).
    """
    code, act, octets = code_in_path(organ_id), enroller.act, new.octets()
    follows = None
    if Scope.REGISTRY_WRITE not in enroller.caller.scopes:
        follows = await enrolment.succeeding(
            node.database,
            node.trust,
            enroller.caller.client,
            code,
            octets,
            new.kind,
            new.authorisation,
            audience=node.settings.public_url,
            at=act.at,
            unknown_revocation=node.desk.policy.unknown_revocation,
        )
    done = await certificates.register(
        node.database,
        code,
        octets,
        new.kind,
        proof=Proof(new.proof, node.settings.public_url) if new.proof is not None else None,
        proof_needed=node.settings.certificate_proof_required or follows is not None,
        follows=follows,
        act=act,
    )
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


@router.post(
    "/v1/certificates/{sha256}/suspend",
    summary="Suspend a certificate",
    response_model=CertificateView,
    responses={200: {"headers": header("Idempotent-Replayed")}, **problems.answers(404, 409, 422)},
)
async def suspend_certificate(
    node: AtNode, act: Acting, sha256: Digest, response: Response, suspension: CertificateSuspension | None = None
) -> CertificateView:
    """Let a certificate not count at this node until it is reinstated; what was accepted before stays accepted."""
    reason = (suspension or CertificateSuspension()).reason
    done = await certificate_holds.suspend(node.database, sha256, reason=reason, act=act)
    mark(response, replayed=done.replayed)
    return CertificateView.of(done.value)


@router.post(
    "/v1/certificates/{sha256}/reinstate",
    summary="Reinstate a certificate",
    response_model=CertificateView,
    responses={200: {"headers": header("Idempotent-Replayed")}, **problems.answers(404, 409)},
)
async def reinstate_certificate(node: AtNode, act: Acting, sha256: Digest, response: Response) -> CertificateView:
    """Let a suspended certificate count again from now on."""
    done = await certificate_holds.reinstate(node.database, sha256, act=act)
    mark(response, replayed=done.replayed)
    return CertificateView.of(done.value)


@router.get(
    "/v1/certificates/{sha256}/documents",
    summary="List what was accepted with a certificate",
    response_model=Page[AcceptedView],
    responses=problems.answers(404, 422),
)
async def list_accepted(
    node: AtNode,
    caller: Annotated[Caller, require(Scope.REGISTRY_WRITE, Scope.AUDIT)],
    request: Request,
    sha256: Digest,
    window: Paged,
    after: Annotated[Moment | None, Query(description="Only what was accepted at or after this moment.")] = None,
) -> Page[AcceptedView]:
    """List documents whose receipts name the certificate, oldest first: ids only, for whoever follows up a lost key.

    What was accepted before a revocation stays valid; this finds what was accepted in the time a key was not safe. The
    reading itself becomes an event, with the digest of address and query.
    """
    async with node.database.read() as tx:
        if await certificates.find(tx, sha256) is None:
            raise NotFound("no certificate with this digest is registered")
        found = await documents.accepted_with(tx, sha256, since=after, after=window.id_after(), limit=window.fetch)
    asked = hashlib.sha256(f"{request.url.path}?{request.url.query}".encode()).hexdigest()
    await archive.note_reading(node.desk, client=caller.client, at=clock.now(), document=None, query=asked)
    return page(found, window, shape=AcceptedView.of, key=lambda row: (row.id,))
