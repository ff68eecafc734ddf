"""Small checks on the shape of signature elements: which attributes, which children, which text. Whitelists only."""

import binascii
from collections.abc import Collection
from typing import Final, NoReturn

from lxml import etree

from app.markup import Markup, local_name
from app.signing.algorithms import XMLDSIG
from app.signing.refusal import refuse, shortened, xmldsig

_NAMESPACE: Final = f"{{{XMLDSIG}}}"
_XML_SPACE: Final = " \t\r\n"
_FIX: Final = "Write the signature as XMLDSig defines it, without additions."


def children_of(element: "etree._Element", *, most: int, clause: str) -> "list[etree._Element]":
    """Give the child elements, all of them in the namespace of XMLDSig, with nothing but white space between.

    Args:
        element: an element of the signature.
        most: how many children it may have; counted before they are looked at.
        clause: of XMLDSig, for the finding.

    Raises:
        DocumentRefused: too many, text, a processing instruction, or an element from elsewhere.
    """
    if len(element) > most:
        _refuse_shape(element, f"has {len(element)} children; at most {most} are read", clause)
    children = list(element)
    if _is_text(element.text) or any(_is_text(child.tail) for child in children):
        _refuse_shape(element, "holds text beside its children", clause)
    for child in children:
        if not isinstance(child.tag, str) or not child.tag.startswith(_NAMESPACE):
            name = shortened(str(local_name(child)))
            _refuse_shape(element, f"holds {name}, which is no element of XMLDSig", clause)
    return children


def _is_text(text: str | None) -> bool:
    return bool(text and text.strip(_XML_SPACE))


def _refuse_shape(element: "etree._Element", says: str, clause: str) -> NoReturn:
    refuse(
        f"xmldsig.{clause}.shape",
        f"{local_name(element)} {says}.",
        fix=_FIX,
        source=xmldsig(clause),
        place=element,
    )


def attributes_within(element: "etree._Element", allowed: Collection[str], *, clause: str) -> None:
    """Check that an element has no other attributes than these.

    Raises:
        DocumentRefused: it has another one.
    """
    for name in element.attrib:
        if name not in allowed:
            _refuse_shape(element, f"has the attribute {shortened(str(name))}, which is not accepted there", clause)


def strict_base64(element: "etree._Element", markup: Markup, *, octets_max: int, clause: str) -> bytes:
    """Decode the text of an element: canonical base64, XML white space allowed between, nothing else.

    Args:
        element: has text only.
        markup: where long text was cut out.
        octets_max: longest value.
        clause: of XMLDSig, for the finding.

    Raises:
        DocumentRefused: children, characters outside the alphabet, wrong padding, nothing, or too long.
    """
    if len(element) or markup.text_bytes_of(element) > 2 * octets_max + 128:
        _refuse_base64(element, f"must hold the base64 of at most {octets_max} octets and nothing else", clause)
    text = markup.text_of(element)
    try:
        written = text.encode("ascii").translate(None, _XML_SPACE.encode())
        value = binascii.a2b_base64(written, strict_mode=True)
    except ValueError:
        written = value = b""
    # Compared with its own encoding, so that stray bits in the last character are refused too.
    if not value or len(value) > octets_max or binascii.b2a_base64(value, newline=False) != written:
        _refuse_base64(element, f"is not strict base64: {shortened(''.join(text.split()), 40)!r}", clause)
    return value


def _refuse_base64(element: "etree._Element", says: str, clause: str) -> NoReturn:
    refuse(
        f"xmldsig.{clause}.base64",
        f"{local_name(element)} {says}.",
        fix="Write plain base64 (RFC 4648 §4) with padding; line breaks are allowed.",
        source=xmldsig(clause),
        place=element,
    )
