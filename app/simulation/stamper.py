"""A time-stamping authority of the simulated country (RFC 3161): a request in, a token out, the time as it is told."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from asn1crypto import cms, core, tsp  # type: ignore[import-untyped]
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

POLICY: Final = "1.3.6.1.4.1.99999.1"
"""Under an enterprise number nobody has: nothing stamped here is worth anything outside the simulation."""
ACCURACY_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class Stamper:
    """An authority with its key, its certificate and the authorities above it, the root left out."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def answer(self, request: bytes, *, at: datetime) -> bytes:
        """Stamp what is asked, at a moment; a request over anything but SHA-256 is declined.

        Raises:
            ValueError: it is no request.
        """
        asked = tsp.TimeStampReq.load(request, strict=True)
        if asked["message_imprint"]["hash_algorithm"]["algorithm"].native != "sha256":
            declined = {"status": "rejection", "fail_info": {"bad_alg"}}
            return bytes(core.SequenceOf([tsp.PKIStatusInfo(declined)], spec=tsp.PKIStatusInfo).dump())
        info = {
            "version": "v1",
            "policy": asked["req_policy"].native or POLICY,
            "message_imprint": asked["message_imprint"],
            "serial_number": secrets.randbits(63),
            "gen_time": at,
            "accuracy": {"seconds": ACCURACY_SECONDS},
        }
        if asked["nonce"].native is not None:
            info["nonce"] = asked["nonce"]
        answer = {"status": {"status": "granted"}, "time_stamp_token": self.token(tsp.TSTInfo(info).dump(), at=at)}
        return bytes(tsp.TimeStampResp(answer).dump())

    def token(self, info: bytes, *, at: datetime, digest: str = "sha256") -> cms.ContentInfo:
        """Sign a TSTInfo in DER; the result is a CMS ContentInfo (RFC 3161 §2.4.2)."""
        own = self.certificate.public_bytes(serialization.Encoding.DER)
        attributes = cms.CMSAttributes(
            [
                _attribute("content_type", "tst_info"),
                _attribute("signing_time", cms.Time({"utc_time": core.UTCTime(at)})),
                _attribute("message_digest", hashlib.new(digest, info).digest()),
                _attribute(
                    "signing_certificate_v2",
                    tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(own).digest()}]}),
                ),
            ]
        )
        algorithm = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}[digest]  # noqa: S303 - for what must be refused
        signer = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {"issuer_and_serial_number": _name_and_number(asn1.Certificate.load(own))},
            ),
            "digest_algorithm": {"algorithm": digest},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": f"{digest}_ecdsa"},
            "signature": self.key.sign(attributes.dump(), ec.ECDSA(algorithm)),
        }
        certificates = [
            asn1.Certificate.load(each.public_bytes(serialization.Encoding.DER))
            for each in (self.certificate, *self.chain)
        ]
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [{"algorithm": digest}],
                "encap_content_info": {"content_type": "tst_info", "content": cms.ParsableOctetString(info)},
                "certificates": certificates,
                "signer_infos": [signer],
            }
        )
        return cms.ContentInfo({"content_type": "signed_data", "content": signed})


def _attribute(kind: str, value: Any) -> cms.CMSAttribute:
    return cms.CMSAttribute({"type": kind, "values": [value]})


def _name_and_number(certificate: asn1.Certificate) -> cms.IssuerAndSerialNumber:
    return cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number})
