"""What we sign others accept, and what others sign we accept: xmlsec1, an implementation that is not ours."""

import random
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from app.markup import parse
from app.signing import xmldsig
from app.signing.algorithms import ENVELOPED, XMLDSIG, Canonicalization
from tests.signing.documents import document, present, seal, signed
from tests.support import xmlsec
from tests.support.pki import shared_pki

KEYS = ["rsa2048", "rsa3072", "p256", "p384"]
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_METHODS = {
    "rsa2048": f"{_MORE}rsa-sha256",
    "rsa3072": f"{_MORE}rsa-sha512",
    "p256": f"{_MORE}ecdsa-sha256",
    "p384": f"{_MORE}ecdsa-sha384",
}


def template(
    *,
    key: str,
    canonicalization: str,
    prefix: str | None,
    transforms: list[str] | None = None,
    uri: str = "",
    prefix_list: str | None = None,
) -> str:
    p = f"{prefix}:" if prefix else ""
    declaration = f"xmlns:{prefix}" if prefix else "xmlns"
    inclusive = (
        ""
        if prefix_list is None
        else f'<ec:InclusiveNamespaces xmlns:ec="{Canonicalization.EXCLUSIVE}" PrefixList="{prefix_list}"/>'
    )
    listed = [ENVELOPED, canonicalization] if transforms is None else transforms
    written = "".join(
        f'<{p}Transform Algorithm="{each}">{inclusive if each == Canonicalization.EXCLUSIVE else ""}</{p}Transform>'
        for each in listed
    )
    return f"""      <{p}Signature {declaration}="{XMLDSIG}">
        <{p}SignedInfo>
          <{p}CanonicalizationMethod Algorithm="{canonicalization}">{inclusive}</{p}CanonicalizationMethod>
          <{p}SignatureMethod Algorithm="{_METHODS[key]}"/>
          <{p}Reference URI="{uri}">
            {f"<{p}Transforms>{written}</{p}Transforms>" if written else ""}
            <{p}DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>
            <{p}DigestValue></{p}DigestValue>
          </{p}Reference>
        </{p}SignedInfo>
        <{p}SignatureValue/>
        <{p}KeyInfo><{p}X509Data><{p}X509Certificate/></{p}X509Data></{p}KeyInfo>
      </{p}Signature>
"""


@pytest.mark.parametrize("prefix", ["ds", None], ids=["prefix", "default"])
@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
@pytest.mark.parametrize("key", KEYS)
def test_xmlsec_accepts_what_we_sign(
    tmp_path: Path, key: str, canonicalization: Canonicalization, prefix: str | None
) -> None:
    octets = signed(by=seal(key), chain=seal(key).chain, canonicalization=canonicalization, prefix=prefix)
    assert present(octets).verify().covers_document
    assert xmlsec.accepts(octets, tmp_path, shared_pki())


@pytest.mark.parametrize("reference_id", ["header", "body"])
@pytest.mark.parametrize("prefix", ["ds", None], ids=["prefix", "default"])
@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
def test_xmlsec_accepts_parts_we_sign(
    tmp_path: Path, canonicalization: Canonicalization, prefix: str | None, reference_id: str
) -> None:
    octets = signed(
        document(root_attributes=' xmlns:q="urn:q" xml:lang="vi" xml:space="preserve"'),
        chain=seal().chain,
        canonicalization=canonicalization,
        prefix=prefix,
        reference_id=reference_id,
    )
    assert present(octets).verify().root.get("Id") == reference_id
    assert xmlsec.accepts(octets, tmp_path, shared_pki())


def test_xmlsec_refuses_what_we_refuse(tmp_path: Path) -> None:
    octets = signed(chain=seal().chain)
    assert xmlsec.accepts(octets, tmp_path, shared_pki())
    assert not xmlsec.accepts(octets.replace(b"000.00.00.G22", b"000.00.00.G23"), tmp_path, shared_pki())


@pytest.mark.parametrize("prefix", ["ds", None], ids=["prefix", "default"])
@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
@pytest.mark.parametrize("key", KEYS)
def test_we_accept_what_xmlsec_signs(
    tmp_path: Path, key: str, canonicalization: Canonicalization, prefix: str | None
) -> None:
    unsigned = document(header=template(key=key, canonicalization=canonicalization, prefix=prefix))
    octets = xmlsec.sign(unsigned, tmp_path, seal(key))
    for spliced in (False, True):
        found = present(octets, spliced=spliced)
        assert found.certificate == seal(key).certificate
        assert found.verify().covers_document


@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
def test_without_a_named_canonicalization_the_reference_uses_1_0(
    tmp_path: Path, canonicalization: Canonicalization
) -> None:
    header = template(key="p256", canonicalization=canonicalization, prefix=None, transforms=[ENVELOPED])
    found = present(xmlsec.sign(document(header=header), tmp_path, seal()))
    assert found.references[0].canonicalization is Canonicalization.INCLUSIVE
    assert found.verify().covers_document


@pytest.mark.parametrize("prefix_list", ["", "q", "#default", "#default q edXML nowhere"])
def test_prefix_lists_of_exclusive_canonicalization_hold(tmp_path: Path, prefix_list: str) -> None:
    for uri, transforms in (("", None), ("#body", [Canonicalization.EXCLUSIVE.value])):
        header = template(
            key="p256",
            canonicalization=Canonicalization.EXCLUSIVE,
            prefix="ds",
            prefix_list=prefix_list,
            uri=uri,
            transforms=transforms,
        )
        unsigned = document(header=header, root_attributes=' xmlns:q="urn:q" xmlns:unused="urn:u"')
        found = present(xmlsec.sign(unsigned, tmp_path, seal()))
        assert found.references[0].inclusive_prefixes == tuple(prefix_list.split())
        assert found.verify().root.tag


@pytest.mark.parametrize("transforms", [[], [Canonicalization.INCLUSIVE.value], [Canonicalization.INCLUSIVE_11.value]])
def test_parts_signed_by_xmlsec_hold(tmp_path: Path, transforms: list[str]) -> None:
    header = template(
        key="p256", canonicalization=Canonicalization.INCLUSIVE, prefix=None, uri="#body", transforms=transforms
    )
    unsigned = document(header=header, root_attributes=' xmlns:q="urn:q" xml:lang="vi"')
    assert present(xmlsec.sign(unsigned, tmp_path, seal())).verify().root.get("Id") == "body"


def test_comments_instructions_and_line_ends_are_treated_alike(tmp_path: Path) -> None:
    header = template(key="p256", canonicalization=Canonicalization.INCLUSIVE, prefix="ds")
    unsigned = document(
        header=f"<!-- a --><?look here?>{header}<?again?>",
        before="<!-- top --><?style sheet?>\n",
        after="<?end?><!-- bottom -->",
        subject="a<!-- b -->c &amp; <![CDATA[<d>]]> &#13; &#x1F4C4;",
    ).replace(b"\n", b"\r\n")
    octets = xmlsec.sign(unsigned, tmp_path, seal())
    assert present(octets).verify().covers_document
    again = signed(unsigned[: unsigned.index(b"      <ds:Sig")] + unsigned[unsigned.index(b"<?again?>") :])
    assert present(again).verify().covers_document


def _random_tree(draw: random.Random, depth: int) -> str:
    """Markup that is hard on namespaces: redeclared, undeclared, unused, and xml: attributes."""
    declarations = ""
    prefixes = []
    for prefix in ("a", "b"):
        if draw.random() < 0.4:
            declarations += f' xmlns:{prefix}="urn:{draw.choice("xyz")}"'
            prefixes.append(prefix)
    choice = draw.random()
    if choice < 0.25:
        declarations += ' xmlns=""'
    elif choice < 0.5:
        declarations += f' xmlns="urn:{draw.choice("xyz")}"'
    attributes = "".join(
        f' {name}="{draw.choice(["1", "&#9;&#10;&#13; x", "&lt;&quot;"])}"'
        for name in ("k", "j")
        if draw.random() < 0.3
    )
    if prefixes and draw.random() < 0.5:
        attributes += f' {prefixes[0]}:at="v"'
    if draw.random() < 0.3:
        attributes += f' xml:lang="{draw.choice(["vi", "en"])}"'
    if draw.random() < 0.2:
        attributes += ' xml:space="preserve"'
    name = f"{draw.choice(prefixes)}:e" if prefixes and draw.random() < 0.5 else "e"
    inner = "".join(
        _random_tree(draw, depth - 1) if draw.random() < 0.7 else escape(draw.choice(["", "văn bản", "a>b", "\n  "]))
        for _ in range(draw.randrange(4) if depth else 0)
    )
    return f"<{name}{declarations}{attributes}>{inner}</{name}>"


@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
def test_parts_of_random_trees_are_canonicalized_as_xmlsec_does(
    tmp_path: Path, canonicalization: Canonicalization
) -> None:
    """Differential: our canonicalisation of a part, which goes round lxml's, against xmlsec1's node sets."""
    draw = random.Random(20161122)
    for _ in range(12):
        part = f'<part xmlns="" Id="part">{"".join(_random_tree(draw, 3) for _ in range(3))}</part>'
        wrapped = f'<w xmlns="urn:w" xmlns:a="urn:x" xmlns:c="urn:c" xml:lang="vi">{part}</w>'
        header = template(
            key="p256",
            canonicalization=canonicalization,
            prefix=draw.choice(["ds", None]),
            uri="#part",
            transforms=[canonicalization],
        )
        octets = xmlsec.sign(document(header=header, extra=wrapped), tmp_path, seal())
        assert xmldsig.present(parse(octets)).verify().root.get("Id") == "part", octets.decode()
