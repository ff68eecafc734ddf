"""Canonical octets of documents and parts, where lxml alone gets them wrong or leaves us alone."""

import threading

import pytest
from lxml import etree

from app.signing.algorithms import Canonicalization
from app.signing.canonical import NotCanonicalizable, canonical_document, canonical_part

INCLUSIVE, INCLUSIVE_11, EXCLUSIVE = Canonicalization
DEFAULT = b'<S xmlns="urn:d"><I><R><M/></R></I></S>'


def part(octets: bytes, method: Canonicalization, *prefixes: str) -> bytes:
    """Canonicalise the first child of the root."""
    return canonical_part(etree.fromstring(octets)[0], method, inclusive_prefixes=prefixes)


@pytest.mark.parametrize("method", list(Canonicalization), ids=lambda each: each.name)
def test_default_namespace_is_not_undeclared_on_grandchildren(method: Canonicalization) -> None:
    """lxml 4.9 to 6.1 write <M xmlns=""> here when they are asked directly."""
    assert part(DEFAULT, method) == b'<I xmlns="urn:d"><R><M></M></R></I>'


@pytest.mark.parametrize(
    "part",
    [
        '<p:M xmlns="urn:d" p:a="&#13;" b="&lt;&quot;"><N xmlns="" q:c="1"/><?pi d?>ế&#13;<![CDATA[<x>]]></p:M>',
        '<M xmlns="" xmlns:p="urn:other" xml:lang="vi"><p:N/><q:O xmlns:q="urn:q"/></M>',
        '<q:M xmlns:r="urn:p"><r:N p:a="1" r:b="2"><p:O/></r:N></q:M>',
    ],
)
def test_exclusive_form_of_a_part_is_that_of_the_part_alone(part: str) -> None:
    root = etree.fromstring(f'<R xmlns="urn:r" xmlns:p="urn:p" xmlns:q="urn:q" xml:space="preserve">{part}&#13;t</R>')
    alone = etree.fromstring(etree.tostring(root[0], with_tail=False))
    expected = etree.tostring(alone.getroottree(), method="c14n", exclusive=True, with_comments=False)
    assert canonical_part(root[0], Canonicalization.EXCLUSIVE) == expected


def test_inclusive_form_takes_every_namespace_in_scope_along() -> None:
    octets = b'<a xmlns:p="urn:p" xmlns:q="urn:q"><b><p:c/></b></a>'
    assert part(octets, INCLUSIVE) == b'<b xmlns:p="urn:p" xmlns:q="urn:q"><p:c></p:c></b>'
    assert part(octets, EXCLUSIVE) == b'<b><p:c xmlns:p="urn:p"></p:c></b>'
    assert part(octets, EXCLUSIVE, "q", "unknown") == b'<b xmlns:q="urn:q"><p:c xmlns:p="urn:p"></p:c></b>'


def test_undeclared_default_namespace_stays_undeclared() -> None:
    octets = b'<a xmlns="urn:d"><b xmlns=""><c xmlns="urn:e"/></b></a>'
    for method in Canonicalization:
        assert part(octets, method) == b'<b><c xmlns="urn:e"></c></b>'


def test_xml_attributes_are_inherited_as_each_form_says() -> None:
    octets = b'<a xml:lang="vi" xml:id="x"><b k="v"/></a>'
    assert part(octets, INCLUSIVE) == b'<b k="v" xml:id="x" xml:lang="vi"></b>'
    assert part(octets, INCLUSIVE_11) == b'<b k="v" xml:lang="vi"></b>'
    assert part(octets, EXCLUSIVE) == b'<b k="v"></b>'


def test_nearest_xml_attribute_wins() -> None:
    tree = etree.fromstring(b'<a xml:lang="vi"><b xml:lang="en" j="1"><c/><d xml:lang="fr"/></b></a>')
    assert canonical_part(tree[0][0], INCLUSIVE) == b'<c xml:lang="en"></c>'
    assert canonical_part(tree[0][1], INCLUSIVE) == b'<d xml:lang="fr"></d>'


@pytest.mark.parametrize("method", [INCLUSIVE, INCLUSIVE_11])
def test_inherited_base_has_no_canonical_form_here(method: Canonicalization) -> None:
    with pytest.raises(NotCanonicalizable, match="xml:base"):
        part(b'<a xml:base="http://example.org/"><b/></a>', method)


@pytest.mark.parametrize("method", list(Canonicalization), ids=lambda each: each.name)
def test_relative_namespace_has_no_canonical_form(method: Canonicalization) -> None:
    tree = etree.fromstring(b'<a xmlns="relative/name"><b/></a>')
    with pytest.raises(NotCanonicalizable, match="relative"):
        canonical_document(tree, method)
    with pytest.raises(NotCanonicalizable, match="relative"):
        canonical_part(tree[0], method)


def test_document_keeps_the_instructions_around_it_and_a_part_does_not() -> None:
    tree = etree.fromstring(b"<?one?><a><b/>text</a><?two?>")
    assert canonical_document(tree, INCLUSIVE) == b"<?one?>\n<a><b></b>text</a>\n<?two?>"
    assert canonical_part(tree, INCLUSIVE) == b"<a><b></b>text</a>"
    assert canonical_part(tree[0], INCLUSIVE) == b"<b></b>"


def test_text_survives_the_detour_of_parts() -> None:
    octets = '<a><b k="&#9;&#10;&#13;&lt;&quot;">&#13;&amp;&gt;]]&gt;<?p i?>ế\U0001f4c4\n</b></a>'.encode()
    expected = '<b k="&#x9;&#xA;&#xD;&lt;&quot;">&#xD;&amp;&gt;]]&gt;<?p i?>ế\U0001f4c4\n</b>'.encode()
    assert part(octets, EXCLUSIVE) == expected


def test_default_in_a_prefix_list_is_honoured_in_every_thread() -> None:
    tree = etree.fromstring(b'<a xmlns="urn:d" xmlns:p="urn:p"><p:b><c/></p:b></a>')
    prefixed = etree.fromstring(b'<p:a xmlns="urn:d" xmlns:p="urn:p"><p:b><c/></p:b></p:a>')
    found: list[bytes] = []

    def both() -> None:
        found.append(canonical_part(tree[0], EXCLUSIVE, inclusive_prefixes=["#default"]))
        found.append(canonical_document(prefixed, EXCLUSIVE, inclusive_prefixes=["#default"]))

    both()
    thread = threading.Thread(target=both)
    thread.start()
    thread.join()
    expected = [
        b'<p:b xmlns="urn:d" xmlns:p="urn:p"><c></c></p:b>',
        b'<p:a xmlns="urn:d" xmlns:p="urn:p"><p:b><c></c></p:b></p:a>',
    ]
    assert found == expected * 2
