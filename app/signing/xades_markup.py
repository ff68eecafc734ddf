"""Writing the properties of XAdES-BASELINE-B and -T (ETSI EN 319 132-1) that `xades` reads."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.signing.algorithms import Canonicalization, Digest
from app.signing.xades import SIGNED_PROPERTIES_TYPE, XADES

BLANK_TOKEN: Final = b"\1"
"""Stands for the timestamp until SignatureValue, which it is about, is there."""


@dataclass(frozen=True, slots=True)
class Xades:
    """What a signer adds to a signature.

    Attributes:
        signing_time: when it signs, aware; a claim.
        timestamp: gets the octets to be stamped and gives a time-stamp token in DER (level T); None for level B.
    """

    signing_time: datetime
    timestamp: Callable[[bytes], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Ids:
    """The Ids of one signature's parts; those of another signature of the same document differ."""

    signature: str
    reference: str
    properties: str

    @classmethod
    def of(cls, document: bytes, certificate: x509.Certificate) -> "Ids":
        """Draw them from what is signed and by whom, so that signing again gives the same bytes."""
        digest = sha256(certificate.public_bytes(Encoding.DER))
        digest.update(document)
        drawn = digest.hexdigest()[:16]
        return cls(f"signature-{drawn}", f"document-{drawn}", f"properties-{drawn}")


def reference_markup(
    ids: Ids, *, canonicalization: Canonicalization, hashing: Digest, digest: bytes, prefix: str
) -> str:
    """Write the Reference that signs the properties; `prefix` ends with its colon, or is empty."""
    return (
        f'<{prefix}Reference URI="#{ids.properties}" Type="{SIGNED_PROPERTIES_TYPE}"><{prefix}Transforms>'
        f'<{prefix}Transform Algorithm="{canonicalization}"/></{prefix}Transforms>'
        f'<{prefix}DigestMethod Algorithm="{hashing.uri}"/>'
        f"<{prefix}DigestValue>{base64.b64encode(digest).decode()}</{prefix}DigestValue></{prefix}Reference>"
    )


def object_markup(
    xades: Xades,
    ids: Ids,
    *,
    certificate: x509.Certificate,
    canonicalization: Canonicalization,
    hashing: Digest,
    token: bytes | None,
    prefix: str,
) -> str:
    """Write the ds:Object.

    Args:
        token: the timestamp, or None for level B.
        prefix: of the elements of XMLDSig, with its colon, or empty.
    """
    named = base64.b64encode(certificate.fingerprint(hashing.algorithm)).decode()
    unsigned = ""
    if token is not None:
        unsigned = (
            "<xades:UnsignedProperties><xades:UnsignedSignatureProperties><xades:SignatureTimeStamp>"
            f'<{prefix}CanonicalizationMethod Algorithm="{canonicalization}"/>'
            f"<xades:EncapsulatedTimeStamp>{base64.b64encode(token).decode()}</xades:EncapsulatedTimeStamp>"
            "</xades:SignatureTimeStamp></xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
        )
    return (
        f'<{prefix}Object><xades:QualifyingProperties xmlns:xades="{XADES}" Target="#{ids.signature}">'
        f'<xades:SignedProperties Id="{ids.properties}"><xades:SignedSignatureProperties>'
        f"<xades:SigningTime>{xades.signing_time.isoformat(timespec='seconds')}</xades:SigningTime>"
        "<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>"
        f'<{prefix}DigestMethod Algorithm="{hashing.uri}"/><{prefix}DigestValue>{named}</{prefix}DigestValue>'
        "</xades:CertDigest></xades:Cert></xades:SigningCertificateV2>"
        "</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>"
        f'<xades:DataObjectFormat ObjectReference="#{ids.reference}"><xades:MimeType>text/xml</xades:MimeType>'
        "</xades:DataObjectFormat></xades:SignedDataObjectProperties></xades:SignedProperties>"
        f"{unsigned}</xades:QualifyingProperties></{prefix}Object>"
    )
