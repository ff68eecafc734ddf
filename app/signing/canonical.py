"""Turn a tree, or a part of it, into the octets that are hashed (Canonical XML 1.0 and 1.1, Exclusive XML C14N 1.0).

Owns the way around lxml's inclusive canonicalisation of parts, which writes a spurious `xmlns=""` on grandchildren
where a default namespace is in scope (seen from lxml 4.9 to 6.1): a part is first made the root of a tree of its own,
with the namespaces and xml: attributes it inherits, and then canonicalised whole. `tostring` is used because it
releases the interpreter lock, unlike writing to a Python object.
"""

from collections.abc import Sequence
from typing import Final

from lxml import etree

from app.signing.algorithms import Canonicalization

XML: Final = "http://www.w3.org/XML/1998/namespace"

NAMESPACES_MAX: Final = 32
"""Most namespace declarations in scope of one element, for the inclusive forms; documents seen have two or three."""
DEFAULT_PREFIX: Final = "#default"
"""Stands for the default namespace in a PrefixList (Exclusive C14N §4)."""
_RELATIVE = "a namespace URI is relative"
_MENTIONS_DEFAULT: Final = b'<!DOCTYPE a [<!ATTLIST a b CDATA "#default">]><a/>'


class NotCanonicalizable(Exception):
    """The markup has no canonical form, or none that is made here.

    A relative namespace URI, an xml:base that would have to be joined, or too many namespaces for the inclusive form.
    """


def canonical_document(
    root: "etree._Element", method: Canonicalization, *, inclusive_prefixes: Sequence[str] = ()
) -> bytes:
    """Canonicalise the whole document: the root and the processing instructions around it.

    Args:
        root: the document's root element.
        method: which form.
        inclusive_prefixes: for the exclusive form, prefixes treated as in the inclusive one; `#default` for none.

    Raises:
        NotCanonicalizable: a namespace URI is relative, or the form is inclusive and too many namespaces are in scope.
    """
    tree = root.getroottree()
    if DEFAULT_PREFIX in inclusive_prefixes:
        # Read anew in this thread, whose dictionary of names `_octets` can extend; see there.
        tree = etree.fromstring(etree.tostring(tree), _parser()).getroottree()
    return _octets(tree, method, inclusive_prefixes)


def canonical_part(
    element: "etree._Element", method: Canonicalization, *, inclusive_prefixes: Sequence[str] = ()
) -> bytes:
    """Canonicalise an element with everything in it, as part of the document it stands in.

    Args:
        element: any element, the root too.
        method: which form.
        inclusive_prefixes: as in `canonical_document`.

    Raises:
        NotCanonicalizable: a namespace URI is relative, or the form is inclusive and an ancestor has xml:base or too
            many namespaces are in scope.
    """
    if method is Canonicalization.EXCLUSIVE and not inclusive_prefixes:
        # What is around a part has no say in this form, and here lxml canonicalises the part where it stands.
        return _exclusive(element, ())
    # lxml writes every namespace in scope on the element; text, attributes and instructions survive the round trip
    # because carriage returns and the like are written as references.
    part = etree.fromstring(etree.tostring(element, with_tail=False), _parser())
    if method is not Canonicalization.EXCLUSIVE:
        for name, value in _inherited(element, method).items():
            if name not in part.attrib:
                part.set(name, value)
    return _octets(part.getroottree(), method, inclusive_prefixes)


def _inherited(element: "etree._Element", method: Canonicalization) -> dict[str, str]:
    """Collect xml: attributes of the ancestors, the nearest first (C14N 1.0 §2.4, C14N 1.1 §2.4)."""
    found: dict[str, str] = {}
    for ancestor in element.iterancestors():
        for name, value in ancestor.attrib.items():
            qualified = etree.QName(str(name))
            if qualified.namespace != XML:
                continue
            if qualified.localname == "base":
                raise NotCanonicalizable("an ancestor of the signed element has xml:base")
            if qualified.localname == "id" and method is Canonicalization.INCLUSIVE_11:
                continue
            found.setdefault(str(name), str(value))
    return found


def _octets(
    tree: "etree._ElementTree[etree._Element]", method: Canonicalization, inclusive_prefixes: Sequence[str]
) -> bytes:
    if method is Canonicalization.EXCLUSIVE:
        return _exclusive(tree, inclusive_prefixes)
    try:
        _check_scope(tree)
        return etree.tostring(tree, method="c14n", exclusive=False, with_comments=False)
    except etree.C14NError as error:
        raise NotCanonicalizable(_RELATIVE) from error


def _exclusive(what: "etree._ElementTree[etree._Element] | etree._Element", inclusive_prefixes: Sequence[str]) -> bytes:
    if DEFAULT_PREFIX in inclusive_prefixes:
        # lxml drops every prefix that its dictionary of names, one a thread, has never met. This makes it
        # meet `#default`, which is no name and so cannot be met in another way.
        etree.fromstring(_MENTIONS_DEFAULT, _parser())
    try:
        return etree.tostring(
            what,
            method="c14n",
            exclusive=True,
            with_comments=False,
            inclusive_ns_prefixes=list(inclusive_prefixes),
        )
    except etree.C14NError as error:
        raise NotCanonicalizable(_RELATIVE) from error


def _check_scope(tree: "etree._ElementTree[etree._Element]") -> None:
    """Bound the namespaces in scope: for each element libxml2 needs time in the square of their number."""
    in_scope = 0
    for event, _ in etree.iterwalk(tree, events=("start-ns", "end-ns")):
        in_scope += 1 if event == "start-ns" else -1
        if in_scope > NAMESPACES_MAX:
            raise NotCanonicalizable(f"more than {NAMESPACES_MAX} namespace declarations are in scope of one element")


def _parser() -> "etree.XMLParser[etree._Element]":
    # Reads only what lxml just wrote; a part may hold long text, so the parser's own limits are off.
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, collect_ids=False, strip_cdata=True, huge_tree=True
    )
