"""The shape a signature must have before anything is computed: steps (1) to (11) of the strict profile.

The whole list is in `xmldsig`. Each step raises at the first thing it does not allow. Every loop is bounded by a count
that is checked before it, because nobody has proven anything yet when this runs.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from lxml import etree

from app.findings import Finding, Severity
from app.markup import Markup, element_path, local_name
from app.signing.algorithms import (
    DIGESTS,
    ENVELOPED,
    SIGNATURE_METHODS,
    XMLDSIG,
    Canonicalization,
    Digest,
    SignatureMethod,
    defect_of,
)
from app.signing.canonical import DEFAULT_PREFIX, NotCanonicalizable, canonical_part
from app.signing.key_info import check_key, read_certificates
from app.signing.presented import PresentedSignature, Reference, refuse_canonical_form
from app.signing.refusal import OURS, refuse, shortened, xmldsig
from app.signing.shape import attributes_within, children_of, strict_base64

EDXML: Final = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
REFERENCES_MAX: Final = 16
TRANSFORMS_MAX: Final = 2
PREFIXES_MAX: Final = 32
"""Most prefixes in a PrefixList; documents seen use two."""
SIGNATURE_OCTETS_MAX: Final = 1024
"""A signature value of RSA with 8,192 bits."""

_HEADER_PATHS: Final = (["edxml", "edxmlenvelope", "edxmlheader"], ["edxmlenvelope", "edxmlheader"])
_NCNAME: Final = re.compile(r"[^\W\d][\w.\-\u00b7]{0,199}")
_IDS: Final = etree.XPath("//@*[translate(local-name(), 'ID', 'id') = 'id']")
_CANONICALIZATIONS: Final = {member.value: member for member in Canonicalization}
_METHODS_FIX: Final = "Sign with RSA (2048 bits or more) or ECDSA (P-256, P-384) and SHA-256, SHA-384 or SHA-512."


def present(markup: Markup) -> PresentedSignature:
    """Find the signature of a document and check its shape, without any cryptography.

    Args:
        markup: the document; `verify` of the result takes the signature out of its tree.

    Returns:
        the signature, with the signer's certificate; nothing of it is proven.

    Raises:
        DocumentRefused: there is none, or it is not of the accepted form; the finding says which step.
    """
    signature, findings = _find(markup)  # (1)
    by_id = identified(markup)  # (2)
    information, value_element, key_information = _signature_children(signature)  # (3)
    canonicalization_element, method_element, reference_elements = _information_children(information)  # (4)
    canonicalization, prefixes = _canonicalization(canonicalization_element)  # (5)
    method = _signature_method(method_element)  # (6)
    # One path for all of them: finding it takes time where there are many siblings.
    place = element_path(information)
    references = tuple(  # (7), (8)
        _reference(element, signature, by_id, markup, place=f"{place}/Reference[{number}]")
        for number, element in enumerate(reference_elements, start=1)
    )
    _check_overlap(references)  # (8)
    attributes_within(value_element, ("Id",), clause="4.2")
    value = strict_base64(value_element, markup, octets_max=SIGNATURE_OCTETS_MAX, clause="4.2")  # (9)
    leaf, chain = read_certificates(key_information, markup)  # (10)
    check_key(leaf, method, value, value_element)  # (11)
    try:
        canonical = canonical_part(information, canonicalization, inclusive_prefixes=prefixes)
    except NotCanonicalizable as error:
        refuse_canonical_form(error, information)
    return PresentedSignature(
        markup=markup,
        element=signature,
        certificate=leaf,
        chain=chain,
        method=method,
        canonicalization=canonicalization,
        signed_octets=b"".join(markup.octets(canonical)),
        value=value,
        references=references,
        findings=findings,
    )


# (1) Exactly one ds:Signature, a child of edXMLHeader.


def _find(markup: Markup) -> "tuple[etree._Element, tuple[Finding, ...]]":
    signature: etree._Element | None = None
    legacy: etree._Element | None = None
    for element in markup.root.iter("{*}Signature"):
        if etree.QName(element).namespace != XMLDSIG:
            legacy = element if legacy is None and _in_header(element) else legacy
        elif signature is None:
            signature = element
        else:
            refuse(
                "ours.signature.several",
                "The document holds more than one ds:Signature.",
                fix="Send one signature, the sending agency's, over the whole document.",
                source=OURS,
                place=element,
            )
    if signature is None:
        if legacy is not None:
            refuse(
                "xmldsig.4.1.foreign-namespace",
                f"{_legacy_message(legacy)} Without another signature the document counts as not signed.",
                fix=f"Declare the signature's namespace: xmlns:ds={XMLDSIG!r}, and sign with a current algorithm.",
                source=f"{xmldsig('4.1')}; {OURS}",
                place=legacy,
            )
        refuse(
            "ours.signature.missing",
            "The document is not signed.",
            fix="Sign it: an enveloped XML signature as the last child of edXMLHeader.",
            source=f"{OURS}; QĐ 28/2018/QĐ-TTg Đ4",
        )
    if not _in_header(signature):
        refuse(
            "ours.signature.misplaced",
            f"ds:Signature is at {element_path(signature)}; it belongs into edXMLHeader.",
            fix="Put ds:Signature as the last child of /edXML/edXMLEnvelope/edXMLHeader.",
            source=f"{OURS}; QCVN 102:2016/BTTTT",
            place=signature,
        )
    if legacy is None:
        return signature, ()
    return signature, (
        Finding(
            "xmldsig.4.1.foreign-namespace",
            Severity.WARNING,
            f"{_legacy_message(legacy)} It is passed over; the ds:Signature counts.",
            "Leave the element out.",
            xmldsig("4.1"),
            element_path(legacy),
        ),
    )


def _legacy_message(legacy: "etree._Element") -> str:
    namespace = etree.QName(legacy).namespace
    place = f"the namespace {shortened(namespace)}" if namespace else "no namespace"
    return f"A Signature is present but not verifiable: it is in {place}, not in that of XMLDSig."


def _in_header(element: "etree._Element") -> bool:
    parent = element.getparent()
    return parent is not None and is_header(parent)


def is_header(element: "etree._Element") -> bool:
    """Whether this is the document's edXMLHeader; its ancestors may be spelled in the ways real senders do."""
    path = [element.tag, *(ancestor.tag for ancestor in element.iterancestors())][::-1]
    names = [str(tag).removeprefix(f"{{{EDXML}}}").casefold() for tag in path]
    return names in _HEADER_PATHS


# (2) No two elements with the same Id, however the attribute is spelled.


def identified(markup: Markup) -> "Mapping[str, etree._Element]":
    """Map every Id of the document, however the attribute is spelled, to its element.

    Raises:
        DocumentRefused: one of them occurs twice.
    """
    found: dict[str, etree._Element] = {}
    for attribute in _IDS(markup.root):
        value, element = str(attribute), attribute.getparent()
        if value in found:
            refuse(
                "xmldsig.4.3.id-ambiguous",
                f"The Id {shortened(value)!r} is on more than one element, or twice on one.",
                fix="Give each Id once; Id, ID, id and xml:id count alike.",
                source=f"{xmldsig('4.3.3.3')}; XML 1.0 §3.3.1; {OURS}",
                place=element,
            )
        found[value] = element
    return found


# (3) The children of ds:Signature: SignedInfo, SignatureValue, KeyInfo.


def _signature_children(
    signature: "etree._Element",
) -> "tuple[etree._Element, etree._Element, etree._Element]":
    attributes_within(signature, ("Id",), clause="4.1")
    # Room for the one Object that gets a finding of its own, and for duplicates.
    children = children_of(signature, most=8, clause="4.1")
    names = [local_name(child) for child in children]
    if "Object" in names:
        refuse(
            "ours.signature.object",
            "The signature holds a ds:Object; content inside a signature is not accepted.",
            fix="Sign the document in place (enveloped); leave ds:Object, also XAdES properties, out.",
            source=f"{OURS}; {xmldsig('4.5')}",
            place=children[names.index("Object")],
        )
    if "KeyInfo" not in names:
        refuse(
            "xmldsig.4.4.certificate-missing",
            "The signature has no KeyInfo, so its signer is not known.",
            fix="Put the signer's certificate into KeyInfo/X509Data/X509Certificate.",
            source=f"{xmldsig('4.4')}; {OURS}",
            place=signature,
        )
    if names != ["SignedInfo", "SignatureValue", "KeyInfo"]:
        refuse(
            "xmldsig.4.1.shape",
            f"ds:Signature holds {shortened(', '.join(names))} where SignedInfo, SignatureValue, KeyInfo are expected.",
            fix="Write each of them once and in this order.",
            source=xmldsig("4.1"),
            place=signature,
        )
    return children[0], children[1], children[2]


# (4) The children of SignedInfo: CanonicalizationMethod, SignatureMethod, one to sixteen References.


def _information_children(
    information: "etree._Element",
) -> "tuple[etree._Element, etree._Element, Sequence[etree._Element]]":
    attributes_within(information, ("Id",), clause="4.3")
    if len(information) > REFERENCES_MAX + 2:
        refuse(
            "ours.signature.references-too-many",
            f"SignedInfo holds {len(information) - 2} references; at most {REFERENCES_MAX} are looked at.",
            fix='Sign the whole document with one reference, URI="".',
            source=OURS,
            place=information,
        )
    children = children_of(information, most=REFERENCES_MAX + 2, clause="4.3")
    names = [local_name(child) for child in children]
    if names[:3] != ["CanonicalizationMethod", "SignatureMethod", "Reference"] or set(names[2:]) != {"Reference"}:
        refuse(
            "xmldsig.4.3.shape",
            "SignedInfo must hold CanonicalizationMethod, SignatureMethod and at least one Reference, in this order.",
            fix="Write SignedInfo as XMLDSig defines it.",
            source=xmldsig("4.3"),
            place=information,
        )
    return children[0], children[1], children[2:]


# (5) Canonicalisation: 1.0, 1.1 or exclusive, without comments.


def _canonicalization(element: "etree._Element") -> tuple[Canonicalization, tuple[str, ...]]:
    clause = "4.3"
    attributes_within(element, ("Algorithm",), clause=clause)
    uri = element.get("Algorithm", "")
    method = _CANONICALIZATIONS.get(uri)
    if method is None:
        defect = defect_of(uri)
        refuse(
            f"ours.signature.{'canonicalization' if defect == 'algorithm' else defect}",
            f"{local_name(element)} names {shortened(uri)!r}, which is not accepted.",
            fix="Use Canonical XML 1.0 or 1.1 or Exclusive Canonicalization 1.0, without comments.",
            source=f"{OURS}; {xmldsig('4.3.1')}",
            place=element,
        )
    return method, _prefixes(element, method)


def _prefixes(element: "etree._Element", method: Canonicalization) -> tuple[str, ...]:
    """Read InclusiveNamespaces/@PrefixList (Exclusive C14N §4), the only child a c14n method may have."""
    if len(element) == 0 and not (element.text or "").strip():
        return ()
    child = element[0] if len(element) == 1 and not (element.text or "").strip() else None
    expected = f"{{{Canonicalization.EXCLUSIVE}}}InclusiveNamespaces"
    if (
        method is not Canonicalization.EXCLUSIVE
        or child is None
        or child.tag != expected
        or list(child.attrib) != ["PrefixList"]
        or len(child)
        or (child.text or "").strip()
        or (child.tail or "").strip()
    ):
        refuse(
            "xmldsig.4.3.c14n-parameters",
            f"{local_name(element)} has content other than InclusiveNamespaces of exclusive canonicalisation.",
            fix="Leave it empty, or write InclusiveNamespaces with a PrefixList.",
            source="W3C Exclusive XML Canonicalization 1.0 §4",
            place=element,
        )
    prefixes = tuple(child.get("PrefixList", "").split())
    if len(prefixes) > PREFIXES_MAX or any(
        prefix != DEFAULT_PREFIX and not _NCNAME.fullmatch(prefix) for prefix in prefixes
    ):
        refuse(
            "xmldsig.4.3.c14n-parameters",
            f"PrefixList holds more than {PREFIXES_MAX} prefixes, or something that is no prefix.",
            fix="Name the prefixes that need it, separated by spaces; #default for the default namespace.",
            source="W3C Exclusive XML Canonicalization 1.0 §4",
            place=child,
        )
    return prefixes


# (6) The signature algorithm.


def _signature_method(element: "etree._Element") -> SignatureMethod:
    attributes_within(element, ("Algorithm",), clause="4.3")
    uri = element.get("Algorithm", "")
    method = SIGNATURE_METHODS.get(uri)
    if method is None:
        refuse(
            f"ours.signature.{defect_of(uri)}",
            f"The signature algorithm {shortened(uri)!r} is not accepted.",
            fix=_METHODS_FIX,
            source=f"{OURS}; {xmldsig('4.3.2')}",
            place=element,
        )
    # HMACOutputLength and the like stand here.
    _check_empty(element)
    return method


# (7) Each reference: where it points, which transforms, which digest.


def _reference(
    element: "etree._Element",
    signature: "etree._Element",
    by_id: "Mapping[str, etree._Element]",
    markup: Markup,
    *,
    place: str,
) -> Reference:
    attributes_within(element, ("Id", "URI"), clause="4.3")
    # URI, an optional Transforms, DigestMethod, DigestValue.
    children = children_of(element, most=3, clause="4.3")
    names = [local_name(child) for child in children]
    if names not in (["Transforms", "DigestMethod", "DigestValue"], ["DigestMethod", "DigestValue"]):
        refuse(
            "xmldsig.4.3.shape",
            "Reference must hold Transforms, DigestMethod and DigestValue, in this order.",
            fix="Write Reference as XMLDSig defines it.",
            source=xmldsig("4.3.3"),
            place=element,
        )
    target = _target(element, by_id, markup)
    enveloped, canonicalization, prefixes = _transforms(children[0] if len(children) == 3 else None)
    _check_target(element, target, signature, enveloped=enveloped)
    digest = _digest_method(children[-2])
    attributes_within(children[-1], (), clause="4.3")
    value = strict_base64(children[-1], markup, octets_max=64, clause="4.3")
    if len(value) != digest.octets:
        refuse(
            "xmldsig.4.3.digest-length",
            f"DigestValue has {len(value)} octets; {digest.name} gives {digest.octets}.",
            fix="Write the whole digest, in base64.",
            source=xmldsig("4.3.3.6"),
            place=children[-1],
        )
    return Reference(
        uri=element.get("URI", ""),
        place=place,
        target=target,
        whole=element.get("URI") == "",
        canonicalization=canonicalization,
        inclusive_prefixes=prefixes,
        digest=digest,
        value=value,
    )


def _target(element: "etree._Element", by_id: "Mapping[str, etree._Element]", markup: Markup) -> "etree._Element":
    uri = element.get("URI")
    if uri == "":
        return markup.root
    name = (uri or "").removeprefix("#")
    if uri is None or name == uri or not _NCNAME.fullmatch(name):
        what = "has no URI" if uri is None else f"points to {shortened(uri)!r}"
        refuse(
            "xmldsig.4.3.reference-foreign",
            f"The reference {what}; only the document itself is looked at, never a file, an address or a part by cid.",
            fix='Sign the whole document with URI="", or an element of it with URI="#…" and its Id.',
            source=f"{OURS}; {xmldsig('4.3.3.1')}",
            place=element,
        )
    target = by_id.get(name)
    if target is None:
        refuse(
            "xmldsig.4.3.reference-unresolved",
            f"The reference points to #{shortened(name)}, but no element has this Id.",
            fix="Give the signed element this Id, or sign the whole document.",
            source=xmldsig("4.3.3.3"),
            place=element,
        )
    return target


def _transforms(element: "etree._Element | None") -> tuple[bool, Canonicalization, tuple[str, ...]]:
    """Read the transforms: enveloped or not, then at most one canonicalisation; 1.0 where none is named."""
    if element is None:
        return False, Canonicalization.INCLUSIVE, ()
    attributes_within(element, (), clause="4.3")
    if len(element) > TRANSFORMS_MAX:
        refuse(
            "ours.signature.transforms-too-many",
            f"The reference has {len(element)} transforms; at most {TRANSFORMS_MAX} are accepted.",
            fix="Use enveloped-signature and one canonicalisation.",
            source=OURS,
            place=element,
        )
    children = children_of(element, most=TRANSFORMS_MAX, clause="4.3")
    if not children or any(local_name(child) != "Transform" for child in children):
        refuse(
            "xmldsig.4.3.shape",
            "Transforms must hold Transform elements, at least one.",
            fix="Write the transforms, or leave Transforms out.",
            source=xmldsig("4.3.3.4"),
            place=element,
        )
    enveloped = children[0].get("Algorithm") == ENVELOPED
    if enveloped:
        attributes_within(children[0], ("Algorithm",), clause="4.3")
        _check_empty(children[0])
        children = children[1:]
    if not children:
        return enveloped, Canonicalization.INCLUSIVE, ()
    if len(children) > 1 or children[0].get("Algorithm", "") not in _CANONICALIZATIONS:
        # Two canonicalisations, canonicalisation before enveloped, XPath, XSLT, base64 and everything else.
        uri = children[-1 if children[0].get("Algorithm", "") in _CANONICALIZATIONS else 0].get("Algorithm", "")
        defect = defect_of(uri)
        refuse(
            f"ours.signature.{defect if defect == 'with-comments' else 'transform'}",
            f"The transform {shortened(uri)!r} is not accepted there.",
            fix="Use enveloped-signature first and then one canonicalisation without comments; no XPath, no XSLT.",
            source=f"{OURS}; {xmldsig('4.3.3.4')}",
            place=element,
        )
    canonicalization, prefixes = _canonicalization(children[0])
    return enveloped, canonicalization, prefixes


def _digest_method(element: "etree._Element") -> Digest:
    attributes_within(element, ("Algorithm",), clause="4.3")
    uri = element.get("Algorithm", "")
    digest = DIGESTS.get(uri)
    if digest is None:
        refuse(
            f"ours.signature.{defect_of(uri)}",
            f"The digest algorithm {shortened(uri)!r} is not accepted.",
            fix="Use SHA-256, SHA-384 or SHA-512.",
            source=f"{OURS}; {xmldsig('4.3.3.5')}",
            place=element,
        )
    _check_empty(element)
    return digest


def _check_empty(element: "etree._Element") -> None:
    if len(element) or (element.text or "").strip():
        refuse(
            "xmldsig.4.3.shape",
            f"{local_name(element)} has content; the accepted algorithms take no parameters.",
            fix="Leave the element empty.",
            source=xmldsig("4.3"),
            place=element,
        )


# (8) The signature is taken out of what contains it, and of nothing else; no two references overlap.


def _check_target(
    element: "etree._Element", target: "etree._Element", signature: "etree._Element", *, enveloped: bool
) -> None:
    if target is signature or any(ancestor is signature for ancestor in target.iterancestors()):
        refuse(
            "xmldsig.4.3.reference-into-signature",
            f"The reference points to {local_name(target)} of the signature itself.",
            fix="Sign the document, not the signature.",
            source=OURS,
            place=element,
        )
    contains = any(ancestor is target for ancestor in signature.iterancestors())
    if contains != enveloped:
        message = (
            "The signed element contains the signature, but the enveloped-signature transform is missing."
            if contains
            else "The enveloped-signature transform is used on an element that does not contain the signature."
        )
        refuse(
            "xmldsig.6.6.enveloped",
            message,
            fix="Use enveloped-signature exactly where the signed element contains the signature.",
            source=xmldsig("6.6.4"),
            place=element,
        )


def _check_overlap(references: tuple[Reference, ...]) -> None:
    targets = {reference.target for reference in references}
    for reference in references:
        within = any(ancestor in targets for ancestor in reference.target.iterancestors())
        if within or sum(other.target is reference.target for other in references) > 1:
            refuse(
                "ours.signature.references-overlap",
                f"{local_name(reference.target)} is covered by more than one reference.",
                fix='Sign everything once; URI="" covers the whole document.',
                source=OURS,
                place=reference.place,
            )
