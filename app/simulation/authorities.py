"""What the country's authorities offer to machines: revocation lists, OCSP, time stamps; on one server of theirs.

All of it is made when it is asked for, with the time of that moment, and is good for seconds: what real authorities
renew in days happens here while one looks on.
"""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from app.simulation.authority_server import AuthorityServer
from app.simulation.pki import Authority, Credential, Services
from app.simulation.stamper import Stamper

LIFE: Final = timedelta(seconds=10)
"""How long a list or an answer is good for."""
_STAMPS: Final = "/time-stamps"


@dataclass(frozen=True, slots=True)
class PublicServices:
    """What is offered at one server.

    Attributes:
        revoked: certificates that their issuers revoked, and since when; may grow.
    """

    server: AuthorityServer
    revoked: dict[x509.Certificate, datetime] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(
        default_factory=lambda: itertools.count(int(datetime.now(UTC).timestamp()))
    )

    @property
    def stamps(self) -> str:
        """Address of the time-stamping authority."""
        return self.server.address(_STAMPS)

    def of(self, name: str) -> Services:
        """Return the addresses that an authority's certificates are to name, before there is the authority."""
        return Services(self.server.address(f"/{name}.crl"), self.server.address(f"/{name}/ocsp"))

    def publish(self, name: str, authority: Authority) -> None:
        """Publish an authority's revocations at its addresses."""

        def revocation_list(_request: bytes) -> bytes:
            return self._list_of(authority)

        def answer(request: bytes) -> bytes:
            return self._answer(authority, request)

        self.server.offer(f"/{name}.crl", "application/pkix-crl", revocation_list)
        self.server.offer(f"/{name}/ocsp", "application/ocsp-response", answer)

    def stamp_as(self, credential: Credential) -> None:
        """Stamp with a credential for time stamps from now on."""
        assert isinstance(credential.key, ec.EllipticCurvePrivateKey), "issue_stamper gives no other"
        stamper = Stamper(credential.key, credential.certificate, credential.chain)
        self.server.offer(_STAMPS, "application/timestamp-reply", lambda request: stamper.answer(request, at=_now()))

    def _list_of(self, authority: Authority) -> bytes:
        named = [each for each in self.revoked if each.issuer == authority.certificate.subject]
        pem = authority.revocation_list(tuple(named), at=_now(), life=LIFE, number=next(self._numbers))
        return x509.load_pem_x509_crl(pem.encode("ascii")).public_bytes(serialization.Encoding.DER)

    def _answer(self, authority: Authority, request: bytes) -> bytes:
        asked = ocsp.load_der_ocsp_request(request)
        at, serial = _now(), asked.serial_number
        since = next((since for each, since in self.revoked.items() if each.serial_number == serial), None)
        status = ocsp.OCSPCertStatus.GOOD if since is None else ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=serial,
            algorithm=asked.hash_algorithm,
            cert_status=status,
            this_update=at,
            next_update=at + LIFE,
            revocation_time=since,
            revocation_reason=None if since is None else x509.ReasonFlags.key_compromise,
        )
        answer = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate)
        return answer.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
