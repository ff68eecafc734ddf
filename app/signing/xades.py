"""XAdES-BASELINE-B and -T (ETSI EN 319 132-1) in the one shape that is read: part of steps (3), (7) and (10).

A ds:Object may hold QualifyingProperties and nothing else. SignedProperties must be signed, by a Reference of their
own; what they say is then bound to the signature, and still only what the signer says: SigningTime is a claim. What is
unsigned beside them may be timestamps over SignatureValue alone, which prove themselves (`timestamps`). Long-term
forms, counter-signatures and everything else that would carry content inside a signature are refused.
"""

import hmac
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, NoReturn

from cryptography import x509
from lxml import etree

from app.markup import Markup, local_name
from app.signing.algorithms import XMLDSIG, Accepted, Canonicalization, Digest
from app.signing.canonical import NotCanonicalizable, canonical_part
from app.signing.certificates import subject_of
from app.signing.presented import SignedProperties, TimestampToken, refuse_canonical_form
from app.signing.references import read_canonicalization, read_digest, read_transforms, reference_children
from app.signing.refusal import OURS, refuse, shortened, xmldsig
from app.signing.shape import attributes_within, strict_base64

XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
SIGNED_PROPERTIES_TYPE: Final = "http://uri.etsi.org/01903#SignedProperties"
_DER: Final = "http://uri.etsi.org/01903/v1.2.2#DER"

ELEMENTS_MAX: Final = 200
"""Most elements in the Object; a usual one has fifteen."""
OCTETS_MAX: Final = 128 * 1024
"""Most bytes in the Object: two timestamps with their certificates, and some."""
TOKENS_MAX: Final = 2
TOKEN_OCTETS_MAX: Final = 32 * 1024
"""Longest timestamp token; with three certificates they have about 6 KB."""
_CERTIFICATES_MAX: Final = 5

_SIGNATURE_PROPERTIES: Final = frozenset(
    (
        "SigningTime",
        "SigningCertificate",
        "SigningCertificateV2",
        "SignaturePolicyIdentifier",
        "SignatureProductionPlace",
        "SignatureProductionPlaceV2",
        "SignerRole",
        "SignerRoleV2",
    )
)
_OBJECT_PROPERTIES: Final = frozenset(("DataObjectFormat", "CommitmentTypeIndication"))
_SIGNING_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_FRACTION: Final = re.compile(r"(\.\d{1,6})\d*")


def etsi(clause: str) -> str:
    """Cite the building blocks and XAdES baseline signatures."""
    return f"ETSI EN 319 132-1 §{clause}"


@dataclass(frozen=True, slots=True, eq=False)
class Properties:
    """QualifyingProperties as they stand in a signature, before anything is proven.

    Attributes:
        element: SignedProperties, which has to be signed.
        signing_time: when the signer says it signed, UTC or with the offset written; a claim.
        certificates: (digest, value) of each certificate named as the signer's or above it.
        tokens: timestamps over SignatureValue, unverified.
    """

    element: "etree._Element"
    signing_time: datetime | None
    certificates: tuple[tuple[Digest, bytes, "etree._Element"], ...]
    tokens: tuple[TimestampToken, ...]


def read_properties(
    element: "etree._Element",
    signature: "etree._Element",
    value_element: "etree._Element",
    markup: Markup,
    accepted: Accepted,
) -> Properties:
    """Read the ds:Object of a signature (3).

    Args:
        element: the Object.
        signature: the ds:Signature it stands in.
        value_element: its SignatureValue, over which timestamps are.
        accepted: which digests may name the signer's certificate.

    Raises:
        DocumentRefused: it holds anything but the properties of XAdES-BASELINE-B or -T.
    """
    if set(element.attrib) - {"Id"} or [child.tag for child in islice(element, 2)] != [_name("QualifyingProperties")]:
        refuse(
            "ours.signature.object",
            "The signature holds a ds:Object with something else than XAdES properties; such content is not accepted.",
            fix="Sign the document in place (enveloped); in ds:Object put QualifyingProperties of XAdES or nothing.",
            source=f"{OURS}; {xmldsig('4.5')}",
            place=element,
        )
    _check_bounds(element, markup)
    (qualifying,) = _children(element, ("QualifyingProperties",), clause="4.4")
    _attributes(qualifying, ("Target", "Id"), clause="4.3.1")
    if not signature.get("Id") or qualifying.get("Target") != f"#{signature.get('Id')}":
        refuse(
            "etsi319132.4.3.target",
            f"QualifyingProperties has the Target {shortened(qualifying.get('Target', ''))!r}, which is not the Id of "
            "the signature it stands in.",
            fix="Give ds:Signature an Id and name it in Target, as #Id.",
            source=etsi("4.3.1"),
            place=qualifying,
        )
    parts = _children(qualifying, ("SignedProperties", "UnsignedProperties"), clause="4.3.1")
    if not parts or local_name(parts[0]) != "SignedProperties":
        _refuse_shape(qualifying, "QualifyingProperties must begin with SignedProperties.", clause="4.3.1")
    signing_time, certificates = _signed(parts[0], markup, accepted)
    tokens = _tokens(parts[1], value_element, markup) if len(parts) > 1 else ()
    return Properties(parts[0], signing_time, certificates, tokens)


def read_properties_reference(
    elements: "Sequence[etree._Element]", properties: Properties | None, markup: Markup, accepted: Accepted
) -> SignedProperties | None:
    """Read the Reference that signs the properties (7); None where there are no properties and no such Reference.

    Args:
        elements: the References with the type of such a one.

    Raises:
        DocumentRefused: there are properties without it, or it points elsewhere, or is of another shape.
    """
    if properties is None and not elements:
        return None
    if properties is None or len(elements) != 1:
        refuse(
            "etsi319132.4.4.properties-not-signed",
            f"{len(elements)} references are of the type of signed properties, "
            f"and there {'are no properties' if properties is None else 'must be one'}.",
            fix="Sign SignedProperties with one Reference of this type, to its Id.",
            source=etsi("4.4.2"),
            place=elements[0] if elements else properties.element if properties else None,
        )
    (element,) = elements
    attributes_within(element, ("Id", "URI", "Type"), clause="4.3")
    if element.get("URI") != f"#{properties.element.get('Id')}":
        refuse(
            "etsi319132.4.4.properties-not-signed",
            f"The reference of signed properties points to {shortened(element.get('URI', ''))!r}, not to the "
            "SignedProperties of this signature.",
            fix="Point it to the Id of SignedProperties.",
            source=etsi("4.4.2"),
            place=element,
        )
    transforms, method_element, value_element = reference_children(element)
    enveloped, canonicalization, prefixes = read_transforms(transforms)
    if enveloped:
        refuse(
            "xmldsig.6.6.enveloped",
            "The enveloped-signature transform is used on the properties, which do not contain the signature.",
            fix="Use enveloped-signature exactly where the signed element contains the signature.",
            source=xmldsig("6.6.4"),
            place=element,
        )
    digest, value = read_digest(method_element, value_element, markup, accepted)
    try:
        # Now, while the signature stands where its namespaces are declared.
        octets = canonical_part(properties.element, canonicalization, inclusive_prefixes=prefixes)
    except NotCanonicalizable as error:
        refuse_canonical_form(error, properties.element)
    return SignedProperties(
        octets=_bounded(markup, octets, properties.element),
        digest=digest,
        value=value,
        signing_time=properties.signing_time,
        tokens=properties.tokens,
    )


def check_signing_certificate(properties: Properties, certificate: x509.Certificate) -> None:
    """Check that the properties name the certificate whose key is used (10).

    IssuerSerial is passed over: the digest is over the whole certificate.

    Raises:
        DocumentRefused: they name another one.
    """
    for digest, value, _ in properties.certificates:
        if hmac.compare_digest(certificate.fingerprint(digest.algorithm), value):
            return
    refuse(
        "etsi319132.5.2.certificate-mismatch",
        f"The signed properties name another certificate than that of {shortened(subject_of(certificate))}, which "
        "KeyInfo presents as the signer's.",
        fix="Write the digest of the signer's certificate into SigningCertificateV2, and the certificate into KeyInfo.",
        source=etsi("5.2.2"),
        place=properties.certificates[0][2],
    )


def _signed(
    element: "etree._Element", markup: Markup, accepted: Accepted
) -> "tuple[datetime | None, tuple[tuple[Digest, bytes, etree._Element], ...]]":
    _attributes(element, ("Id",), clause="4.3.2")
    if not element.get("Id"):
        _refuse_shape(element, "SignedProperties has no Id, so nothing can sign it.", clause="4.3.2")
    parts = _children(element, ("SignedSignatureProperties", "SignedDataObjectProperties"), clause="4.3.2")
    if not parts or local_name(parts[0]) != "SignedSignatureProperties":
        _refuse_shape(element, "SignedProperties must begin with SignedSignatureProperties.", clause="4.3.2")
    if len(parts) > 1:
        _children(parts[1], _OBJECT_PROPERTIES, clause="4.3.5", repeated=True)
    by_name = {local_name(child): child for child in _children(parts[0], _SIGNATURE_PROPERTIES, clause="4.3.4")}
    named = [by_name[name] for name in ("SigningCertificateV2", "SigningCertificate") if name in by_name]
    if not named:
        _refuse_shape(parts[0], "Neither SigningCertificateV2 nor SigningCertificate is there.", clause="5.2.2")
    certificates = tuple(found for each in named for found in _named_certificates(each, markup, accepted))
    time = by_name.get("SigningTime")
    return (None if time is None else _signing_time(time, markup)), certificates


def _named_certificates(
    element: "etree._Element", markup: Markup, accepted: Accepted
) -> "list[tuple[Digest, bytes, etree._Element]]":
    """Read the digests of a SigningCertificate of either version."""
    version_2 = local_name(element) == "SigningCertificateV2"
    second = "IssuerSerialV2" if version_2 else "IssuerSerial"
    _attributes(element, (), clause="5.2.2")
    found = []
    for named in _children(element, ("Cert",), clause="5.2.2", repeated=True)[:_CERTIFICATES_MAX]:
        _attributes(named, ("URI",), clause="5.2.2")
        parts = _children(named, ("CertDigest", second), clause="5.2.2")
        if not parts or local_name(parts[0]) != "CertDigest":
            _refuse_shape(named, "Cert must begin with CertDigest.", clause="5.2.2")
        tags = [child.tag for child in islice(parts[0], 3)]
        if tags != [f"{{{XMLDSIG}}}DigestMethod", f"{{{XMLDSIG}}}DigestValue"]:
            _refuse_shape(parts[0], "CertDigest must hold DigestMethod and DigestValue.", clause="5.2.2")
        digest, value = read_digest(parts[0][0], parts[0][1], markup, accepted)
        found.append((digest, value, named))
    if not found:
        _refuse_shape(element, f"{local_name(element)} names no certificate.", clause="5.2.2")
    return found


def _signing_time(element: "etree._Element", markup: Markup) -> datetime:
    _attributes(element, (), clause="5.2.1")
    text = markup.text_of(element).strip() if markup.text_bytes_of(element) <= 64 and not len(element) else ""
    try:
        if not _SIGNING_TIME.fullmatch(text):
            raise ValueError("not an xsd:dateTime with its zone")
        return datetime.fromisoformat(_FRACTION.sub(r"\1", text))
    except ValueError:
        refuse(
            "etsi319132.5.2.1.signing-time",
            f"SigningTime {shortened(text, 40)!r} is no instant.",
            fix="Write it as xsd:dateTime with its zone, such as 2026-11-20T16:30:00+07:00.",
            source=etsi("5.2.1"),
            place=element,
        )


def _tokens(element: "etree._Element", value_element: "etree._Element", markup: Markup) -> tuple[TimestampToken, ...]:
    """Read UnsignedProperties: timestamps over SignatureValue and nothing else."""
    _attributes(element, ("Id",), clause="4.3.3")
    parts = _children(element, ("UnsignedSignatureProperties",), clause="4.3.3")
    if not parts:
        return ()
    unsigned = parts[0]
    _attributes(unsigned, ("Id",), clause="4.3.6")
    if len(unsigned) > TOKENS_MAX:
        _refuse_shape(unsigned, f"There are more than {TOKENS_MAX} unsigned properties.", clause="5.3")
    stamps = _children(unsigned, ("SignatureTimeStamp",), clause="5.3", repeated=True)
    return tuple(_token(stamp, value_element, markup) for stamp in stamps)


def _token(element: "etree._Element", value_element: "etree._Element", markup: Markup) -> TimestampToken:
    _attributes(element, ("Id",), clause="5.3")
    children = list(islice(element, 3))
    canonicalization, prefixes = Canonicalization.INCLUSIVE, tuple[str, ...]()
    if children and children[0].tag == f"{{{XMLDSIG}}}CanonicalizationMethod":
        canonicalization, prefixes = read_canonicalization(children.pop(0))
    if [child.tag for child in children] != [_name("EncapsulatedTimeStamp")] or _has_text(element):
        _refuse_shape(
            element, "SignatureTimeStamp must hold CanonicalizationMethod and one EncapsulatedTimeStamp.", clause="5.3"
        )
    (encapsulated,) = children
    _attributes(encapsulated, ("Id", "Encoding"), clause="5.3")
    if encapsulated.get("Encoding", _DER) != _DER:
        _refuse_shape(encapsulated, "The timestamp is in another encoding than DER.", clause="5.3")
    token = strict_base64(encapsulated, markup, octets_max=TOKEN_OCTETS_MAX, clause="4.5")
    try:
        octets = canonical_part(value_element, canonicalization, inclusive_prefixes=prefixes)
    except NotCanonicalizable as error:
        refuse_canonical_form(error, value_element)
    return TimestampToken(token, _bounded(markup, octets, value_element))


def _bounded(markup: Markup, canonical: bytes, place: "etree._Element") -> bytes:
    """Give the true octets, text that was cut out put back, as long as they are few."""
    kept = bytearray()
    for piece in markup.octets(canonical):
        kept += piece
        if len(kept) > OCTETS_MAX:
            _refuse_too_many(place)
    return bytes(kept)


def _check_bounds(element: "etree._Element", markup: Markup) -> None:
    """Bound what is read and hashed before anybody has proven anything."""
    inside = list(islice(element.iter(), ELEMENTS_MAX + 1))
    # What is cut out of the document stands in the tree as a short token, so its text is asked of the markup.
    texts = sum(markup.text_bytes_of(each) for each in inside if isinstance(each.tag, str) and not len(each))
    between = sum(len(each.text or "") + len(each.tail or "") for each in inside)
    if len(inside) > ELEMENTS_MAX or texts + between > OCTETS_MAX:
        _refuse_too_many(element)


def _refuse_too_many(element: "etree._Element") -> NoReturn:
    refuse(
        "ours.signature.properties-too-many",
        f"The ds:Object holds more than {ELEMENTS_MAX} elements or {OCTETS_MAX} bytes.",
        fix="Sign as XAdES-BASELINE-B or -T, with the properties that are needed.",
        source="ours, decision 0015",
        place=element,
    )


def _children(
    element: "etree._Element", names: Collection[str], *, clause: str, repeated: bool = False
) -> "list[etree._Element]":
    """Give the child elements, each one of these names in the namespace of XAdES."""
    children = list(element)
    known = {_name(name) for name in names}
    if _has_text(element):
        _refuse_shape(element, f"{local_name(element)} holds text beside its children.", clause=clause)
    for child in children:
        if child.tag not in known:
            what = local_name(child) if isinstance(child.tag, str) else "an instruction"
            _refuse_shape(child, f"{local_name(element)} holds {shortened(what)}, which is not read.", clause=clause)
    if not repeated and len({child.tag for child in children}) < len(children):
        _refuse_shape(element, f"{local_name(element)} holds the same property twice.", clause=clause)
    return children


def _has_text(element: "etree._Element") -> bool:
    return any(text and text.strip() for text in (element.text, *(child.tail for child in element)))


def _attributes(element: "etree._Element", allowed: Collection[str], *, clause: str) -> None:
    for name in element.attrib:
        if name not in allowed:
            _refuse_shape(
                element,
                f"{local_name(element)} has the attribute {shortened(str(name))}, which is not read.",
                clause=clause,
            )


def _refuse_shape(element: "etree._Element", message: str, *, clause: str) -> NoReturn:
    refuse(
        "etsi319132.4.3.shape",
        message,
        fix="Write the properties as XAdES-BASELINE-B or -T has them, without additions.",
        source=f"{etsi(clause)}; {OURS}",
        place=element,
    )


def _name(local: str) -> str:
    return f"{{{XADES}}}{local}"
