"""Algorithms and references of a signature: steps (5) to (8) of the strict profile.

The whole list is in `xmldsig`. Only whitelisted algorithms, only the document itself, only transforms that cannot
compute anything.
"""

import re
from collections.abc import Mapping
from typing import Final

from lxml import etree

from app.markup import Markup, local_name
from app.signing.algorithms import (
    ENVELOPED,
    Accepted,
    Canonicalization,
    Digest,
    SignatureMethod,
    defect_of,
)
from app.signing.canonical import DEFAULT_PREFIX
from app.signing.presented import Reference
from app.signing.refusal import OURS, refuse, shortened, xmldsig
from app.signing.shape import attributes_within, children_of, strict_base64

TRANSFORMS_MAX: Final = 2
PREFIXES_MAX: Final = 32
"""Most prefixes in a PrefixList; documents seen use two."""

_NCNAME: Final = re.compile(r"[^\W\d][\w.\-\u00b7]{0,199}")
_CANONICALIZATIONS: Final = {member.value: member for member in Canonicalization}
_METHODS_FIX: Final = "Sign with RSA (2048 bits or more) or ECDSA (P-256, P-384) and SHA-256, SHA-384 or SHA-512."


# (5) Canonicalisation: 1.0, 1.1 or exclusive, without comments.


def read_canonicalization(element: "etree._Element") -> tuple[Canonicalization, tuple[str, ...]]:
    """Read a CanonicalizationMethod, or a Transform that is one: the form and its PrefixList (5).

    Raises:
        DocumentRefused: another form, or parameters it does not have.
    """
    clause = "4.3"
    attributes_within(element, ("Algorithm",), clause=clause)
    uri = element.get("Algorithm", "")
    method = _CANONICALIZATIONS.get(uri)
    if method is None:
        defect = defect_of(uri)
        refuse(
            "ours.signature.with-comments" if defect == "with-comments" else "ours.signature.canonicalization",
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


def read_signature_method(element: "etree._Element", accepted: Accepted) -> SignatureMethod:
    """Read SignatureMethod (6).

    Raises:
        DocumentRefused: an algorithm that is not accepted; the finding's code names the well-known ones.
    """
    attributes_within(element, ("Algorithm",), clause="4.3")
    uri = element.get("Algorithm", "")
    method = accepted.methods.get(uri)
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


def read_reference(
    element: "etree._Element",
    signature: "etree._Element",
    by_id: "Mapping[str, etree._Element]",
    markup: Markup,
    *,
    place: str,
    accepted: Accepted,
) -> Reference:
    """Read a Reference (7) and look at what it points to (8).

    Args:
        element: the Reference.
        signature: the ds:Signature it is in.
        by_id: every element of the document that has an Id.
        markup: the document.
        place: path of the Reference, for findings.
        accepted: which digests.

    Raises:
        DocumentRefused: it is of another shape, points elsewhere, or uses what is not accepted.
    """
    attributes_within(element, ("Id", "URI"), clause="4.3")
    transforms, method_element, value_element = reference_children(element)
    target = _target(element, by_id, markup)
    enveloped, canonicalization, prefixes = read_transforms(transforms)
    _check_target(element, target, signature, enveloped=enveloped)
    digest, value = read_digest(method_element, value_element, markup, accepted)
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


def reference_children(
    element: "etree._Element",
) -> "tuple[etree._Element | None, etree._Element, etree._Element]":
    """Give Transforms, where there is one, DigestMethod and DigestValue.

    Raises:
        DocumentRefused: there are other children, or they are in another order.
    """
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
    return (children[0] if len(children) == 3 else None), children[-2], children[-1]


def read_digest(
    method_element: "etree._Element", value_element: "etree._Element", markup: Markup, accepted: Accepted
) -> tuple[Digest, bytes]:
    """Read DigestMethod and the DigestValue that goes with it.

    Raises:
        DocumentRefused: an algorithm that is not accepted, or a value of another length or not in strict base64.
    """
    digest = _digest_method(method_element, accepted)
    attributes_within(value_element, (), clause="4.3")
    value = strict_base64(value_element, markup, octets_max=64, clause="4.3")
    if len(value) != digest.octets:
        refuse(
            "xmldsig.4.3.digest-length",
            f"DigestValue has {len(value)} octets; {digest.name} gives {digest.octets}.",
            fix="Write the whole digest, in base64.",
            source=xmldsig("4.3.3.6"),
            place=value_element,
        )
    return digest, value


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


def read_transforms(element: "etree._Element | None") -> tuple[bool, Canonicalization, tuple[str, ...]]:
    """Read the transforms: enveloped or not, then at most one canonicalisation; 1.0 where none is named.

    Raises:
        DocumentRefused: too many, in another order, or one that could compute something.
    """
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
            "ours.signature.with-comments" if defect == "with-comments" else "ours.signature.transform",
            f"The transform {shortened(uri)!r} is not accepted there.",
            fix="Use enveloped-signature first and then one canonicalisation without comments; no XPath, no XSLT.",
            source=f"{OURS}; {xmldsig('4.3.3.4')}",
            place=element,
        )
    canonicalization, prefixes = read_canonicalization(children[0])
    return enveloped, canonicalization, prefixes


def _digest_method(element: "etree._Element", accepted: Accepted) -> Digest:
    attributes_within(element, ("Algorithm",), clause="4.3")
    uri = element.get("Algorithm", "")
    digest = accepted.digests.get(uri)
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


def check_overlap(references: tuple[Reference, ...]) -> None:
    """Check that nothing is covered twice, so that the work is bounded by the document (8).

    Raises:
        DocumentRefused: a target is another one, or within it.
    """
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
