"""An agency brings its next certificate by itself: who may, and how far that goes.

Ours, decision 0018. The agency's own client asks; the new certificate's key is proven to be at hand; and one of the
agency's seals that is in force says, in a statement it signed for this node, that this certificate follows it. The name
in both is the same. Everything else is for an administrator: the first certificate, another name, a person's.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from app.edxml.organ_id import OrganId
from app.errors import RequestInvalid, ScopeMissing
from app.findings import Finding, Severity
from app.registry import directory
from app.registry.known import stored
from app.registry.model import Agency, CertificateKind, Client
from app.registry.trust import TrustCache, decide
from app.signing.certificates import fingerprint, parse_certificates, subject_of
from app.signing.path import UnknownRevocation
from app.signing.possession import ENROLMENT_TYPE, read_statement
from app.store import certificates as rows
from app.store.database import Database

_OURS = "ours, decision 0018"
_FIX = "Have an administrator register the certificate."


@dataclass(frozen=True, slots=True)
class _Held:
    """A certificate as `trust.decide` takes it."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


async def succeeding(
    database: Database,
    cache: TrustCache,
    client: Client,
    code: OrganId,
    bundle: bytes,
    kind: CertificateKind,
    authorisation: str | None,
    *,
    audience: str,
    at: datetime,
    unknown_revocation: UnknownRevocation,
) -> str:
    """Check that a client may bring this certificate for an agency itself.

    Args:
        authorisation: compact JWS of type `enrolment+jwt`, signed with a seal of the agency that is in force.
        audience: the node's public address.

    Returns:
        Digest of the certificate that answers for the new one.

    Raises:
        NotFound: nobody has the code.
        ScopeMissing: the client does not act for the agency, or sent no authorisation.
        RequestInvalid: the authorisation does not hold; the finding says why.
        Unavailable: the database does not answer.
    """
    leaf = parse_certificates(bundle)[0]
    async with database.read() as tx:
        agency = await directory.get(tx, code)
    _require(client, agency, authorisation, kind)
    statement = read_statement(authorisation or "", typ=ENROLMENT_TYPE, audience=audience, at=at)
    if statement.sha256 != fingerprint(leaf):
        raise _refusal("other", "The authorisation speaks of another certificate.", "State this one's SHA-256.")
    async with database.read() as tx:
        row = await rows.find(tx, statement.signer) if statement.signer else None
    if row is None or row.organ_id != agency.organ_id.text or row.kind != CertificateKind.SEAL:
        raise _refusal(
            "signer",
            "The authorisation names no seal of this agency.",
            "Name it by its x5t#S256 in the header, and sign with it.",
        )
    signer = stored(row.der)
    decision = await decide(database, cache, _Held(signer), at=at, unknown_revocation=unknown_revocation)
    if not decision.trusted:
        raise RequestInvalid(
            "authorisation: the certificate it is signed with does not count", findings=decision.findings
        )
    statement.verify(signer)
    if subject_of(signer) != subject_of(leaf):
        raise _refusal("subject", "The new certificate has another name than the one that answers for it.", _FIX)
    return fingerprint(signer)


def _require(client: Client, agency: Agency, authorisation: str | None, kind: CertificateKind) -> None:
    if not client.may_act_for(agency) or authorisation is None:
        raise ScopeMissing(
            "this call needs the scope registry.write, or an authorisation by a certificate in force of an agency that "
            "the client acts for"
        )
    if kind is not CertificateKind.SEAL:
        raise _refusal("kind", "Only a seal can follow a seal.", _FIX)


def _refusal(code: str, message: str, fix: str) -> RequestInvalid:
    finding = Finding(f"ours.enrolment.{code}", Severity.ERROR, message, fix, _OURS)
    return RequestInvalid(f"authorisation: {message}", findings=[finding])
