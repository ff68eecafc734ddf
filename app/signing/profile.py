"""The shape a signature must have before anything is computed: steps (1) to (11) of the strict profile.

Here are the way through them and (1) to (4); (5) to (8) are in `references`, (10) and (11) in `key_info`.

The whole list is in `xmldsig`. Each step raises at the first thing it does not allow. Every loop is bounded by a count
that is checked before it, because nobody has proven anything yet when this runs.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final, NoReturn

from lxml import etree

from app.findings import Finding, Severity
from app.markup import Markup, element_path, local_name
from app.signing.algorithms import STRICT, XMLDSIG, Accepted
from app.signing.canonical import NotCanonicalizable, canonical_part
from app.signing.key_info import check_key, read_certificates
from app.signing.presented import PresentedSignature, refuse_canonical_form
from app.signing.references import check_overlap, read_canonicalization, read_reference, read_signature_method
from app.signing.refusal import OURS, refuse, shortened, xmldsig
from app.signing.shape import attributes_within, children_of, strict_base64
from app.signing.xades import (
    SIGNED_PROPERTIES_TYPE,
    check_signing_certificate,
    read_properties,
    read_properties_reference,
)

EDXML: Final = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
REFERENCES_MAX: Final = 16
SIGNATURES_MAX: Final = 4
"""Most signatures of one document: the persons who signed and the agency's seal."""
SIGNATURE_OCTETS_MAX: Final = 1024
"""A signature value of RSA with 8,192 bits."""

_HEADER_PATHS: Final = (["edxml", "edxmlenvelope", "edxmlheader"], ["edxmlenvelope", "edxmlheader"])
_IDS: Final = etree.XPath("//@*[translate(local-name(), 'ID', 'id') = 'id']")


def present(markup: Markup, *, accepted: Accepted = STRICT) -> PresentedSignature:
    """Find the one signature of a document and check its shape, without any cryptography.

    Args:
        markup: the document; `verify` of the result takes the signature out of its tree.
        accepted: which algorithms; `WITH_SHA1` lets through what proves nothing, to look at it.

    Returns:
        the signature, with the signer's certificate; nothing of it is proven.

    Raises:
        DocumentRefused: there is none, or several, or it is not of the accepted form; the finding says which step.
    """
    presented = present_all(markup, accepted=accepted)
    if len(presented) > 1:
        refuse(
            "ours.signature.several",
            "The document holds more than one ds:Signature.",
            fix="Send one signature, the sending agency's, over the whole document.",
            source=OURS,
            place=presented[1].element,
        )
    return presented[0]


def present_all(markup: Markup, *, accepted: Accepted = STRICT) -> tuple[PresentedSignature, ...]:
    """Find the signatures of a document, in its order, and check their shape, without any cryptography.

    The enveloped-signature transform takes out only the signature it stands in (XMLDSig §6.6.4). So of several each
    covers the document with those before it in place, and was made before those behind it were there: `verify` the
    last one first. Side by side, each without all others, would need an XPath filter, which is refused.

    Args:
        markup: the document; `verify` of each result takes that signature out of its tree.
        accepted: which algorithms.

    Returns:
        one to `SIGNATURES_MAX` signatures; nothing of them is proven.

    Raises:
        DocumentRefused: there is none, or too many, or one is not of the accepted form, or one of several covers less
            than the document.
    """
    signatures, findings = _find(markup)  # (1)
    by_id = identified(markup)  # (2)
    presented = tuple(_presented(each, by_id, markup, accepted, findings) for each in signatures)
    partial = next((each for each in presented if not each.covers_whole), None)
    if partial is not None and len(presented) > 1:
        refuse(
            "ours.signature.coverage",
            "One of several signatures covers only a part of the message.",
            fix='Sign the whole message each time: one Reference with URI="" and the enveloped-signature transform.',
            source=f"{xmldsig('4.3.3.2')}; ours, decision 0015",
            place=partial.element,
        )
    return presented


def _presented(
    signature: "etree._Element",
    by_id: "Mapping[str, etree._Element]",
    markup: Markup,
    accepted: Accepted,
    findings: tuple[Finding, ...],
) -> PresentedSignature:
    information, value_element, key_information, content = _signature_children(signature)  # (3)
    canonicalization_element, method_element, reference_elements = _information_children(information)  # (4)
    canonicalization, prefixes = read_canonicalization(canonicalization_element)  # (5)
    method = read_signature_method(method_element, accepted)  # (6)
    properties = read_properties(content, signature, value_element, markup, accepted) if content is not None else None
    about_properties = [each for each in reference_elements if each.get("Type") == SIGNED_PROPERTIES_TYPE]
    # One path for all of them: finding it takes time where there are many siblings.
    place = element_path(information)
    references = tuple(  # (7), (8)
        read_reference(element, signature, by_id, markup, place=f"{place}/Reference[{number}]", accepted=accepted)
        for number, element in enumerate(reference_elements, start=1)
        if element not in about_properties
    )
    if not references:
        _refuse_nothing_signed(information)
    check_overlap(references)  # (8)
    signed_properties = read_properties_reference(about_properties, properties, markup, accepted)  # (7)
    attributes_within(value_element, ("Id",), clause="4.2")
    value = strict_base64(value_element, markup, octets_max=SIGNATURE_OCTETS_MAX, clause="4.2")  # (9)
    leaf, chain = read_certificates(key_information, markup)  # (10)
    if properties is not None:
        check_signing_certificate(properties, leaf)  # (10)
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
        properties=signed_properties,
        findings=findings,
    )


# (1) One ds:Signature or a few, children of edXMLHeader.


def _find(markup: Markup) -> "tuple[tuple[etree._Element, ...], tuple[Finding, ...]]":
    signatures: list[etree._Element] = []
    legacy: etree._Element | None = None
    for element in markup.root.iter("{*}Signature"):
        if etree.QName(element).namespace != XMLDSIG:
            legacy = element if legacy is None and _in_header(element) else legacy
        elif len(signatures) < SIGNATURES_MAX:
            signatures.append(element)
        else:
            refuse(
                "ours.signature.too-many",
                f"The document holds more than {SIGNATURES_MAX} ds:Signature.",
                fix="Send the signatures of the persons who signed and the agency's seal, nothing else.",
                source="ours, decision 0015",
                place=element,
            )
    if not signatures:
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
    misplaced = next((each for each in signatures if not _in_header(each)), None)
    if misplaced is not None:
        refuse(
            "ours.signature.misplaced",
            f"ds:Signature is at {element_path(misplaced)}; it belongs into edXMLHeader.",
            fix="Put ds:Signature as the last child of /edXML/edXMLEnvelope/edXMLHeader.",
            source=f"{OURS}; QCVN 102:2016/BTTTT",
            place=misplaced,
        )
    if legacy is None:
        return tuple(signatures), ()
    return tuple(signatures), (
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
    # A header has two ancestors at most; more are not looked at, however deep the element is.
    path = [element.tag, *(ancestor.tag for ancestor in islice(element.iterancestors(), 3))][::-1]
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


# (3) The children of ds:Signature: SignedInfo, SignatureValue, KeyInfo, and an Object where it holds properties.


def _signature_children(
    signature: "etree._Element",
) -> "tuple[etree._Element, etree._Element, etree._Element, etree._Element | None]":
    attributes_within(signature, ("Id",), clause="4.1")
    # Room for the one Object that gets a finding of its own, and for duplicates.
    children = children_of(signature, most=8, clause="4.1")
    names = [local_name(child) for child in children]
    if names.count("Object") > 1:
        refuse(
            "ours.signature.object",
            "The signature holds several ds:Object; one with the properties of XAdES is accepted.",
            fix="Sign the document in place (enveloped); in ds:Object put QualifyingProperties of XAdES or nothing.",
            source=f"{OURS}; {xmldsig('4.5')}",
            place=children[names.index("Object", names.index("Object") + 1)],
        )
    if "KeyInfo" not in names:
        refuse(
            "xmldsig.4.4.certificate-missing",
            "The signature has no KeyInfo, so its signer is not known.",
            fix="Put the signer's certificate into KeyInfo/X509Data/X509Certificate.",
            source=f"{xmldsig('4.4')}; {OURS}",
            place=signature,
        )
    content = children.pop() if names[-1] == "Object" else None
    if [local_name(child) for child in children] != ["SignedInfo", "SignatureValue", "KeyInfo"]:
        refuse(
            "xmldsig.4.1.shape",
            f"ds:Signature holds {shortened(', '.join(names))} where SignedInfo, SignatureValue, KeyInfo are expected.",
            fix="Write each of them once and in this order.",
            source=xmldsig("4.1"),
            place=signature,
        )
    return children[0], children[1], children[2], content


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
        _refuse_nothing_signed(information)
    return children[0], children[1], children[2:]


def _refuse_nothing_signed(information: "etree._Element") -> NoReturn:
    refuse(
        "xmldsig.4.3.shape",
        "SignedInfo must hold CanonicalizationMethod, SignatureMethod and at least one Reference to the document, "
        "in this order.",
        fix="Write SignedInfo as XMLDSig defines it.",
        source=xmldsig("4.3"),
        place=information,
    )
