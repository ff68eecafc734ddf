"""Algorithms this node signs and verifies with, and how it names those it refuses. What is on no list here is refused.

Identifiers are those of XMLDSig (W3C 2008, §6) and RFC 9231. RSA is PKCS#1 v1.5 with a key of 2,048 bits or more, ECDSA
uses P-256 or P-384; SHA-1 and MD5 have practical collisions (RFC 6194, RFC 6151) and are refused for every purpose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives import hashes

XMLDSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
ENVELOPED: Final = XMLDSIG + "enveloped-signature"
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_XMLENC: Final = "http://www.w3.org/2001/04/xmlenc#"

RSA_BITS_MIN: Final = 2_048
RSA_BITS_MAX: Final = 8_192
"""Above this a verification costs milliseconds, and no authority in Vietnam issues such keys."""


class Canonicalization(StrEnum):
    """How XML becomes the octets that are hashed; always without comments."""

    INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    """Canonical XML 1.0; the default where a reference names none (XMLDSig §4.3.3.2)."""
    INCLUSIVE_11 = "http://www.w3.org/2006/12/xml-c14n11"
    """Canonical XML 1.1; differs in which xml: attributes a part of a document inherits."""
    EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
    """Exclusive XML Canonicalization 1.0; survives a move into another envelope."""


class KeyKind(StrEnum):
    """Family of the signer's key."""

    RSA = "RSA"
    """RSA, PKCS#1 v1.5 signatures (RFC 8017 §8.2)."""
    EC = "EC"
    """ECDSA on P-256 or P-384 (FIPS 186-5), value r || s (RFC 9231 §2.3.6)."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A hash function.

    Attributes:
        uri: its identifier in XML.
        name: short name, also hashlib's.
        octets: length of a value.
        algorithm: the same for `cryptography`.
    """

    uri: str
    name: str
    octets: int
    algorithm: hashes.HashAlgorithm


@dataclass(frozen=True, slots=True)
class SignatureMethod:
    """A signature algorithm: which key, which hash.

    Attributes:
        uri: its identifier in XML.
        name: short name for people, such as `rsa-sha256`.
        key: family of key it needs.
        digest: hash over the canonical SignedInfo.
    """

    uri: str
    name: str
    key: KeyKind
    digest: Digest


SHA256: Final = Digest(_XMLENC + "sha256", "sha256", 32, hashes.SHA256())
SHA384: Final = Digest(_MORE + "sha384", "sha384", 48, hashes.SHA384())
SHA512: Final = Digest(_XMLENC + "sha512", "sha512", 64, hashes.SHA512())

DIGESTS: Final = {digest.uri: digest for digest in (SHA256, SHA384, SHA512)}

SIGNATURE_METHODS: Final = {
    method.uri: method
    for method in (
        SignatureMethod(_MORE + "rsa-sha256", "rsa-sha256", KeyKind.RSA, SHA256),
        SignatureMethod(_MORE + "rsa-sha384", "rsa-sha384", KeyKind.RSA, SHA384),
        SignatureMethod(_MORE + "rsa-sha512", "rsa-sha512", KeyKind.RSA, SHA512),
        SignatureMethod(_MORE + "ecdsa-sha256", "ecdsa-sha256", KeyKind.EC, SHA256),
        SignatureMethod(_MORE + "ecdsa-sha384", "ecdsa-sha384", KeyKind.EC, SHA384),
    )
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A whitelist: which signature and digest algorithms a signature may name, by their identifiers."""

    methods: Mapping[str, SignatureMethod]
    digests: Mapping[str, Digest]


STRICT: Final = Accepted(SIGNATURE_METHODS, DIGESTS)
"""What proves something today."""

SHA1: Final = Digest(XMLDSIG + "sha1", "sha1", 20, hashes.SHA1())  # noqa: S303 - known so that it can be named
RSA_SHA1: Final = SignatureMethod(XMLDSIG + "rsa-sha1", "rsa-sha1", KeyKind.RSA, SHA1)

WITH_SHA1: Final = Accepted({**SIGNATURE_METHODS, RSA_SHA1.uri: RSA_SHA1}, {**DIGESTS, SHA1.uri: SHA1})
"""What older systems still sign with: that it computes is worth knowing, and proves nothing (decision 0015)."""

EC_COORDINATE_OCTETS: Final = {"secp256r1": 32, "secp384r1": 48}
"""Accepted curves, and how long r and s are in a signature value."""


def defect_of(uri: str) -> str:
    """Name what is wrong with an algorithm that is on no whitelist.

    Returns:
        the last part of a finding's code: `sha1`, `md5`, `hmac`, `dsa`, `with-comments`, or `algorithm`.
    """
    tail = uri.rpartition("#")[2].lower()
    if "hmac" in tail:
        return "hmac"
    if "sha1" in tail:
        return "sha1"
    if "md5" in tail:
        return "md5"
    if "dsa" in tail and "ecdsa" not in tail and "eddsa" not in tail:
        return "dsa"
    if "withcomments" in tail:
        return "with-comments"
    return "algorithm"
