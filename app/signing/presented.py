"""A signature that has the right shape, and what is left to prove about it: steps (12) to (14) of the strict profile.

The steps before are in `profile`, the whole list is in `xmldsig`. SignatureValue is checked before any reference, so
that nobody without the signer's key makes the node hash a hundred megabytes or more.
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from app.findings import Finding
from app.markup import Markup
from app.signing.algorithms import Canonicalization, Digest, SignatureMethod
from app.signing.canonical import NotCanonicalizable, canonical_document, canonical_part
from app.signing.certificates import fingerprint
from app.signing.refusal import OURS, refuse, xmldsig


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One thing a signature covers, and the digest it must have.

    Attributes:
        uri: as written, empty or `#…`.
        place: path of the ds:Reference, for findings; the element leaves the tree.
        target: what is signed; the root for `URI=""`.
        whole: whether it is the whole document, `URI=""`.
        canonicalization: how the target becomes octets.
        inclusive_prefixes: PrefixList of the exclusive form.
        digest: the hash function.
        value: the digest that was signed.
    """

    uri: str
    place: str
    target: "etree._Element"
    whole: bool
    canonicalization: Canonicalization
    inclusive_prefixes: tuple[str, ...]
    digest: Digest
    value: bytes

    def octets(self, markup: Markup) -> Iterator[bytes]:
        """Give the true octets that are hashed; ds:Signature must be detached where the transform says enveloped.

        Raises:
            NotCanonicalizable: see `canonical`.
        """
        form = canonical_document if self.whole else canonical_part
        return markup.octets(form(self.target, self.canonicalization, inclusive_prefixes=self.inclusive_prefixes))


@dataclass(frozen=True, slots=True, eq=False)
class Signed:
    """What a signature that holds covers; nothing else of the document is proven.

    Attributes:
        elements: what was signed, in the order of the references, ds:Signature taken out.
        covers_document: whether the whole document is signed (`URI=""`, enveloped); then `root` is its root.
        signature_algorithm: such as `rsa-sha256`.
        digest_algorithms: such as `sha256`, in the order of the references.
        canonicalization: of SignedInfo.
    """

    elements: tuple["etree._Element", ...]
    covers_document: bool
    signature_algorithm: str
    digest_algorithms: tuple[str, ...]
    canonicalization: Canonicalization

    @property
    def root(self) -> "etree._Element":
        """The document's root where the whole document is signed, else the first element that is."""
        return self.elements[0]


@dataclass(frozen=True, slots=True)
class TimestampToken:
    """A timestamp over SignatureValue, as it came; `timestamps` judges it.

    Attributes:
        token: a CMS time-stamp token (RFC 3161 §2.4.2), DER.
        imprint_octets: the canonical SignatureValue, whose digest the token must hold.
    """

    token: bytes
    imprint_octets: bytes


@dataclass(frozen=True, slots=True)
class SignedProperties:
    """Properties of XAdES that the signature covers, and what is unsigned beside them.

    Attributes:
        octets: canonical SignedProperties.
        digest: the hash function of their reference.
        value: the digest that was signed.
        signing_time: when the signer says it signed; a claim that proves nothing.
        tokens: timestamps over SignatureValue, unverified.
    """

    octets: bytes
    digest: Digest
    value: bytes
    signing_time: datetime | None
    tokens: tuple[TimestampToken, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PresentedSignature:
    """A signature in the expected place and of the accepted form. Nothing in it is proven yet.

    Attributes:
        markup: the document it stands in.
        element: the ds:Signature.
        certificate: the signer's certificate, whose key is used. Trust it (`path`) before `verify`.
        chain: the other certificates in KeyInfo, as they came; hints for building a path.
        method: signature algorithm.
        canonicalization: of SignedInfo.
        signed_octets: canonical SignedInfo.
        value: SignatureValue; for ECDSA r || s.
        references: what of the document it covers, one to sixteen, in order.
        properties: what XAdES says of it; None where it is a plain signature.
        findings: what is odd without being refused.
    """

    markup: Markup
    element: "etree._Element"
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    method: SignatureMethod
    canonicalization: Canonicalization
    signed_octets: bytes
    value: bytes
    references: tuple[Reference, ...]
    properties: SignedProperties | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def signing_time(self) -> datetime | None:
        """When the signer says it signed; a claim, and one only once `verify` has passed."""
        return self.properties.signing_time if self.properties else None

    @property
    def timestamp_tokens(self) -> tuple[TimestampToken, ...]:
        """Timestamps over SignatureValue, as they came."""
        return self.properties.tokens if self.properties else ()

    @property
    def covers_whole(self) -> bool:
        """Whether it claims to cover the whole document, and nothing beside."""
        return len(self.references) == 1 and self.references[0].whole

    @property
    def sha256(self) -> str:
        """Fingerprint of the signer's certificate, lower-case hex."""
        return fingerprint(self.certificate)

    def verify(self) -> Signed:
        """Prove the signature with the certificate's key, then every reference.

        Takes ds:Signature out of the markup's tree, for good, once SignatureValue holds. May be repeated. Of several
        signatures in one document the last one goes first: each was made over the document with those before it in
        place and without those behind it (decision 0015).

        Returns:
            exactly what was signed.

        Raises:
            DocumentRefused: SignatureValue is not the key's, or a digest is not that of the document.
        """
        # (12) SignatureValue, before any reference is looked at.
        if not value_holds(self.certificate, self.method, self.signed_octets, self.value):
            refuse(
                "xmldsig.3.2.2.signature-invalid",
                "SignatureValue was not made over this SignedInfo with the key of the certificate in KeyInfo.",
                fix="Sign again with the key that belongs to the certificate, and send the bytes unchanged.",
                source=xmldsig("3.2.2"),
                place=self.element,
            )
        detach(self.element)
        # (13) Every reference, the signature's own properties first.
        if self.properties is not None:
            self._check_properties(self.properties)
        for reference in self.references:
            self._check_digest(reference)
        # (14) What was signed.
        return Signed(
            elements=tuple(reference.target for reference in self.references),
            covers_document=self.covers_whole,
            signature_algorithm=self.method.name,
            digest_algorithms=tuple(reference.digest.name for reference in self.references),
            canonicalization=self.canonicalization,
        )

    def _check_properties(self, properties: SignedProperties) -> None:
        hashed = hashlib.new(properties.digest.name, properties.octets)
        if not hmac.compare_digest(hashed.digest(), properties.value):
            refuse(
                "etsi319132.4.4.properties-changed",
                "SignedProperties are not those that were signed: their digest differs from its DigestValue.",
                fix="Send the bytes as they were signed.",
                source=f"ETSI EN 319 132-1 §4.4; {xmldsig('3.2.1')}",
                place=self.element,
            )

    def _check_digest(self, reference: Reference) -> None:
        hashed = hashlib.new(reference.digest.name)
        try:
            for piece in reference.octets(self.markup):
                hashed.update(piece)
        except NotCanonicalizable as error:
            refuse_canonical_form(error, reference.place)
        if not hmac.compare_digest(hashed.digest(), reference.value):
            refuse(
                "xmldsig.3.2.1.digest-mismatch",
                "The document is not the one that was signed: the digest of what the reference "
                f"URI={reference.uri!r} covers differs from its DigestValue.",
                fix="Send the bytes as they were signed; sign after the last change, also of white space.",
                source=xmldsig("3.2.1"),
                place=reference.place,
            )


def value_holds(certificate: x509.Certificate, method: SignatureMethod, octets: bytes, value: bytes) -> bool:
    """Check a signature value against octets with a certificate's key, which must be of the method's family."""
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, octets, padding.PKCS1v15(), method.digest.algorithm)
        else:
            assert isinstance(key, ec.EllipticCurvePublicKey)
            half = len(value) // 2
            r, s = int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
            key.verify(encode_dss_signature(r, s), octets, ec.ECDSA(method.digest.algorithm))
    except InvalidSignature:
        return False
    return True


def detach(element: "etree._Element") -> None:
    """Take an element out of its tree and leave the text that follows it; nothing where it is out already."""
    parent = element.getparent()
    if parent is None:
        return
    tail, element.tail = element.tail or "", None
    before = element.getprevious()
    if before is None:
        parent.text = (parent.text or "") + tail or None
    else:
        before.tail = (before.tail or "") + tail or None
    parent.remove(element)


def refuse_canonical_form(error: NotCanonicalizable, place: "etree._Element | str") -> NoReturn:
    """Raise the error for markup that has no canonical form.

    Raises:
        DocumentRefused: always.
    """
    refuse(
        "ours.signature.no-canonical-form",
        f"The signed markup has no canonical form here: {error}.",
        fix="Use absolute namespace URIs, few of them, and no xml:base.",
        source=f"{OURS}; W3C Canonical XML 1.0 §1.3",
        place=place,
    )
