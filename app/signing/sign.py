"""Make enveloped signatures over whole documents, or over one element, that `verify` and everybody else accepts.

The document's own bytes are not touched: the signature is written between two of them, so what the sender had before
is what the recipient gets. Holds two copies of the document in memory; it is for senders, not for the node.
"""

import base64
import contextlib
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from app.errors import RequestInvalid
from app.markup import MarkupLimits, parse
from app.signing.algorithms import (
    DIGESTS,
    ENVELOPED,
    SIGNATURE_METHODS,
    XMLDSIG,
    Canonicalization,
    Digest,
    KeyKind,
    SignatureMethod,
)
from app.signing.canonical import NotCanonicalizable, canonical_document, canonical_part
from app.signing.certificates import key_defect, key_kind, subject_of
from app.signing.key_info import value_octets
from app.signing.presented import PresentedSignature, refuse_canonical_form, value_holds
from app.signing.profile import EDXML, identified, is_header, present_all
from app.signing.refusal import OURS, refuse, xmldsig
from app.signing.xades_markup import BLANK_TOKEN, Ids, Xades, object_markup, reference_markup

_LIMITS: Final = MarkupLimits(body_bytes_max=256 * 1024 * 1024)
"""A signer trusts its own documents with more than a node takes."""


_PREFIX: Final = re.compile(r"(?!xml)[A-Za-z_][A-Za-z0-9_.-]{0,40}")


class SigningKey(Protocol):
    """What a private key must do: a file key of `cryptography` does, and so does a token behind PKCS#11.

    RSA keys are called as `sign(data, padding, hash)`, EC keys as `sign(data, ECDSA(hash))` and answer in DER.
    """

    def sign(self, data: bytes, /, *scheme: Any, **options: Any) -> bytes:
        """Sign data, hashing it first."""


def sign(
    document: bytes,
    *,
    key: SigningKey,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate] = (),
    canonicalization: Canonicalization = Canonicalization.EXCLUSIVE,
    digest: str = "sha256",
    prefix: str | None = "ds",
    reference_id: str | None = None,
    xades: Xades | None = None,
    add: bool = False,
) -> bytes:
    """Sign an edXML document; the signature becomes the last child of edXMLHeader.

    Args:
        document: the unsigned document, UTF-8.
        key: the private key of the certificate.
        certificate: the signer's; goes into KeyInfo.
        chain: authorities above it, to go into KeyInfo too.
        canonicalization: of SignedInfo and of what is signed.
        digest: `sha256`, `sha384` or `sha512` (RSA only), for the digest and the signature alike.
        prefix: of the signature's elements; None declares their namespace as the default one.
        reference_id: the Id of the one element to sign; None signs the whole document.
        xades: what to add for XAdES-BASELINE-B or -T; None makes a plain signature.
        add: sign a document that is signed already, over the signatures that are there.

    Returns:
        the document with the signature; send these bytes unchanged.

    Raises:
        DocumentRefused: the document is signed already, has no edXMLHeader, or nothing with this Id.
        RequestInvalid: an algorithm that does not fit the key, or a key that does not belong to the certificate, or a
            signing time without its zone.
    """
    method, hashing = _method(certificate, digest)
    if prefix is not None and not _PREFIX.fullmatch(prefix):
        raise RequestInvalid(f"{prefix[:20]!r} is no namespace prefix")
    if xades is not None and xades.signing_time.tzinfo is None:
        raise RequestInvalid("the signing time has no zone")
    markup = parse(document, limits=_LIMITS)
    for present_one in () if add else markup.root.iter(f"{{{XMLDSIG}}}Signature"):
        refuse(
            "ours.signature.several",
            "The document is signed already.",
            fix="Sign the unsigned document, or say that the signature is to be added.",
            source=OURS,
            place=present_one,
        )
    offset = _end_of_header(document)
    # Without the signature the document is what the enveloped transform will leave of it.
    target, enveloped = markup.root, True
    if reference_id is not None:
        found = identified(markup).get(reference_id)
        if found is None:
            refuse(
                "xmldsig.4.3.reference-unresolved",
                f"No element has the Id {reference_id[:80]!r}.",
                fix="Give the element to be signed this Id.",
                source=xmldsig("4.3.3.3"),
            )
        target = found
        enveloped = any(is_header(element) for element in target.iter(f"{{{EDXML}}}*"))
    try:
        canonical = (canonical_document if reference_id is None else canonical_part)(target, canonicalization)
    except NotCanonicalizable as error:
        refuse_canonical_form(error, target)
    hashed = hashlib.new(hashing.name)
    for piece in markup.octets(canonical):
        hashed.update(piece)
    draft = _Draft(
        document=document,
        offset=offset,
        uri="" if reference_id is None else f"#{reference_id}",
        canonicalization=canonicalization,
        enveloped=enveloped,
        method=method,
        hashing=hashing,
        digest=hashed.digest(),
        certificates=(certificate, *chain),
        prefix="" if prefix is None else f"{prefix}:",
        xades=xades,
        properties_digest=bytes([1]) * hashing.octets,
        # Read back with a value of the right length, so that the signed octets are those a verifier will see.
        value=b"\1" * value_octets(certificate),
        token=BLANK_TOKEN if xades is not None and xades.timestamp is not None else None,
    )
    if xades is not None and (properties := draft.presented().properties) is not None:
        draft = replace(draft, properties_digest=hashlib.new(hashing.name, properties.octets).digest())
    signed_octets = draft.presented().signed_octets
    try:
        value = _value(key, method, signed_octets, value_octets(certificate))
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestInvalid(f"the key cannot make {method.name} signatures: {error}") from error
    if not value_holds(certificate, method, signed_octets, value):
        raise RequestInvalid(f"the key does not belong to the certificate of {subject_of(certificate)}")
    draft = replace(draft, value=value)
    if xades is not None and xades.timestamp is not None:
        (blank,) = draft.presented().timestamp_tokens
        draft = replace(draft, token=xades.timestamp(blank.imprint_octets))
    return draft.octets()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A document with a signature of which parts may still stand blank."""

    document: bytes
    offset: int
    uri: str
    canonicalization: Canonicalization
    enveloped: bool
    method: SignatureMethod
    hashing: Digest
    digest: bytes
    certificates: Sequence[x509.Certificate]
    prefix: str
    xades: Xades | None
    properties_digest: bytes
    value: bytes
    token: bytes | None

    def presented(self) -> PresentedSignature:
        """Read it back as a verifier does; the signature is the last one."""
        return present_all(parse(self.octets(), limits=_LIMITS))[-1]

    def octets(self) -> bytes:
        """Write the document with the signature in its place."""
        return _inserted(self.document, self.offset, self._markup().encode())

    def _markup(self) -> str:
        """Write the signature; no white space, nothing to lose."""
        prefix, xades = self.prefix, self.xades
        declaration = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
        transforms = [ENVELOPED, self.canonicalization] if self.enveloped else [self.canonicalization]
        written = "".join(f'<{prefix}Transform Algorithm="{transform}"/>' for transform in transforms)
        own_id = reference_id = properties_reference = properties = ""
        if xades is not None:
            ids = Ids.of(self.document, self.certificates[0])
            own_id, reference_id = f' Id="{ids.signature}"', f' Id="{ids.reference}"'
            properties_reference = reference_markup(
                ids,
                canonicalization=self.canonicalization,
                hashing=self.hashing,
                digest=self.properties_digest,
                prefix=prefix,
            )
            properties = object_markup(
                xades,
                ids,
                certificate=self.certificates[0],
                canonicalization=self.canonicalization,
                hashing=self.hashing,
                token=self.token,
                prefix=prefix,
            )
        encoded = "".join(
            f"<{prefix}X509Certificate>{_base64(_der(certificate))}</{prefix}X509Certificate>"
            for certificate in self.certificates
        )
        return (
            f'<{prefix}Signature {declaration}="{XMLDSIG}"{own_id}><{prefix}SignedInfo>'
            f'<{prefix}CanonicalizationMethod Algorithm="{self.canonicalization}"/>'
            f'<{prefix}SignatureMethod Algorithm="{self.method.uri}"/>'
            f"<{prefix}Reference{reference_id} URI={quoteattr(self.uri)}>"
            f"<{prefix}Transforms>{written}</{prefix}Transforms>"
            f'<{prefix}DigestMethod Algorithm="{self.hashing.uri}"/>'
            f"<{prefix}DigestValue>{_base64(self.digest)}</{prefix}DigestValue></{prefix}Reference>"
            f"{properties_reference}</{prefix}SignedInfo>"
            f"<{prefix}SignatureValue>{_base64(self.value)}</{prefix}SignatureValue>"
            f"<{prefix}KeyInfo><{prefix}X509Data>{encoded}</{prefix}X509Data></{prefix}KeyInfo>"
            f"{properties}</{prefix}Signature>"
        )


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _method(certificate: x509.Certificate, digest: str) -> tuple[SignatureMethod, Digest]:
    defect = key_defect(certificate)
    if defect is not None:
        raise RequestInvalid(f"the certificate of {subject_of(certificate)} cannot sign: {defect}")
    kind = key_kind(certificate)
    hashing = next((known for known in DIGESTS.values() if known.name == digest), None)
    method = next(
        (known for known in SIGNATURE_METHODS.values() if known.key is kind and known.digest is hashing), None
    )
    if hashing is None or method is None:
        raise RequestInvalid(f"there is no accepted signature algorithm for {kind} with {digest[:20]!r}")
    return method, hashing


def _value(key: SigningKey, method: SignatureMethod, octets: bytes, length: int) -> bytes:
    if method.key is KeyKind.RSA:
        return key.sign(octets, padding.PKCS1v15(), method.digest.algorithm)
    r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(method.digest.algorithm)))
    return r.to_bytes(length // 2, "big") + s.to_bytes(length // 2, "big")


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _inserted(document: bytes, offset: int, octets: bytes) -> bytes:
    return b"".join((memoryview(document)[:offset], octets, memoryview(document)[offset:]))


class _HeaderFound(Exception):
    """Stops the scan; only what stands before the end of the header is read."""


def _end_of_header(document: bytes) -> int:
    """Find where the end tag of edXMLHeader begins, in bytes; the document was parsed before, so it is well-formed."""
    scanner = expat.ParserCreate(namespace_separator="}")
    offset = -1

    def ended(name: str) -> None:
        nonlocal offset
        if name.rpartition("}")[0] == EDXML and name.rpartition("}")[2].casefold() == "edxmlheader":
            offset = scanner.CurrentByteIndex
            raise _HeaderFound

    scanner.EndElementHandler = ended
    with contextlib.suppress(_HeaderFound):
        scanner.ParseFile(io.BytesIO(document))
    # An empty-element tag has no end tag to stand before.
    if offset < 0 or not document.startswith(b"</", offset):
        refuse(
            "ours.signature.no-header",
            "The document has no edXMLHeader in the namespace of edXML, or an empty one; there the signature belongs.",
            fix="Sign a complete edXML document.",
            source=f"{OURS}; QCVN 102:2016/BTTTT",
        )
    return offset
