"""Signing: the document's bytes stay, the signature holds for every form and key, and bad orders are refused."""

import tracemalloc

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import DocumentRefused, MalformedMarkup, RequestInvalid
from app.markup import parse
from app.signing import xmldsig
from app.signing.algorithms import XMLDSIG, Canonicalization
from tests.signing.documents import EDXML, document, present, seal, signed
from tests.support.pki import Identity, shared_pki


@pytest.mark.parametrize("spliced", [False, True], ids=["whole", "spliced"])
@pytest.mark.parametrize("prefix", ["ds", "dsig", "edXML", None])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
@pytest.mark.parametrize("key", ["rsa2048", "rsa3072", "p256", "p384"])
def test_what_is_signed_verifies(
    key: str, canonicalization: Canonicalization, digest: str, prefix: str | None, spliced: bool
) -> None:
    if key.startswith("p") and digest == "sha512":
        with pytest.raises(RequestInvalid, match="sha512"):
            signed(by=seal(key), digest=digest)
        return
    octets = signed(by=seal(key), canonicalization=canonicalization, digest=digest, prefix=prefix)
    found = present(octets, spliced=spliced).verify()
    assert found.covers_document
    assert found.signature_algorithm == f"{'rsa' if key.startswith('rsa') else 'ecdsa'}-{digest}"
    assert found.digest_algorithms == (digest,)
    assert found.canonicalization is canonicalization


@given(
    text=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")),
    method=st.sampled_from(Canonicalization),
    prefix=st.sampled_from(["ds", None]),
    reference_id=st.sampled_from([None, "header", "body"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=60, deadline=None)
def test_signing_then_verifying_always_holds(
    text: str, method: Canonicalization, prefix: str | None, reference_id: str | None, line_end: str
) -> None:
    subject = text.replace("&", "&amp;").replace("<", "&lt;").replace("]]>", "]]&gt;")
    unsigned = document(subject=subject).replace(b"\n", line_end.encode())
    octets = signed(unsigned, canonicalization=method, prefix=prefix, reference_id=reference_id)
    assert present(octets).verify().covers_document is (reference_id is None)


def test_bytes_of_the_document_stay_and_the_signature_is_the_last_child_of_the_header() -> None:
    unsigned = document()
    octets = signed(unsigned)
    start, end = octets.index(b"<ds:Signature "), octets.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    assert octets[:start] + octets[end:] == unsigned
    header = parse(octets).root.find(f".//{{{EDXML}}}edXMLHeader")
    assert header is not None
    assert header[-1].tag == f"{{{XMLDSIG}}}Signature"


def test_signature_needs_no_white_space_and_has_none() -> None:
    octets = signed()
    inside = octets[octets.index(b"<ds:Signature ") : octets.index(b"</ds:Signature>")]
    assert b"\n" not in inside


def test_root_can_be_signed_by_its_id() -> None:
    octets = signed(document(root_attributes=' Id="all"'), reference_id="all")
    assert present(octets).references[0].target.get("Id") == "all"


def test_chain_goes_into_key_info() -> None:
    assert present(signed(chain=seal().chain)).chain == seal().chain


class Token:
    """A key that lives elsewhere: it can sign and nothing else, as one behind PKCS#11."""

    def __init__(self, key: object) -> None:
        self._key = key
        self.calls = 0

    def sign(self, data: bytes, *scheme: object) -> bytes:
        self.calls += 1
        if isinstance(self._key, rsa.RSAPrivateKey):
            assert isinstance(scheme[0], padding.PKCS1v15)
            assert isinstance(scheme[1], hashes.SHA256)
            return self._key.sign(data, scheme[0], scheme[1])
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        assert isinstance(scheme[0], ec.ECDSA)
        return self._key.sign(data, scheme[0])


@pytest.mark.parametrize("key", ["rsa2048", "p384"])
def test_key_may_be_anything_that_signs(key: str) -> None:
    token = Token(seal(key).key)
    octets = xmldsig.sign(document(), key=token, certificate=seal(key).certificate)
    assert token.calls == 1
    assert present(octets).verify().covers_document


@pytest.mark.parametrize("of", ["p256", "rsa2048", "p384"])
def test_key_of_another_certificate_is_refused(of: str) -> None:
    other = shared_pki().seal(key="p256")
    with pytest.raises(RequestInvalid, match="key"):
        signed(by=Identity(seal(of).key, other.certificate))


def test_rsa_certificate_with_another_rsa_key_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="does not belong"):
        signed(by=Identity(seal("rsa2048").key, shared_pki().seal(key="rsa2048").certificate))


@pytest.mark.parametrize("key", ["rsa1024", "p521", "ed25519", "dsa"])
def test_weak_and_foreign_keys_are_refused(key: str) -> None:
    with pytest.raises(RequestInvalid, match="cannot sign"):
        signed(by=shared_pki().seal(key=key))  # type: ignore[arg-type]


@pytest.mark.parametrize("digest", ["sha1", "md5", "", "sha224"])
def test_other_digests_are_refused(digest: str) -> None:
    with pytest.raises(RequestInvalid, match="algorithm"):
        signed(digest=digest)


@pytest.mark.parametrize("prefix", ["", "a b", "xml", "xmlns", "1a", 'x="', "ế"])
def test_text_that_is_no_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(RequestInvalid, match="prefix"):
        signed(prefix=prefix)


def code_of(octets: bytes, **options: str) -> str:
    with pytest.raises(DocumentRefused) as refused:
        signed(octets, by=seal(), **options)
    return refused.value.findings[0].code


def test_document_is_not_signed_twice() -> None:
    assert code_of(signed()) == "ours.signature.several"


def test_unknown_id_is_refused() -> None:
    assert code_of(document(), reference_id="nothing") == "xmldsig.4.3.reference-unresolved"


def test_document_that_would_be_refused_is_not_signed() -> None:
    assert code_of(document(extra='<x Id="body"/>')) == "xmldsig.4.3.id-ambiguous"
    assert code_of(document(extra='<x xmlns="a/b"/>')) == "ours.signature.no-canonical-form"


@pytest.mark.parametrize(
    "octets",
    [
        b"<a/>",
        b"<edXML><edXMLEnvelope><edXMLHeader><A/></edXMLHeader></edXMLEnvelope></edXML>",
        f'<edXML xmlns="{EDXML}"><edXMLEnvelope><edXMLHeader/></edXMLEnvelope></edXML>'.encode(),
    ],
    ids=["none", "namespace", "empty"],
)
def test_document_without_a_header_is_not_signed(octets: bytes) -> None:
    assert code_of(octets) == "ours.signature.no-header"


def test_header_in_the_wrong_place_is_not_signed() -> None:
    octets = f'<a xmlns="{EDXML}"><edXMLHeader><A/></edXMLHeader></a>'.encode()
    assert code_of(octets) == "ours.signature.misplaced"


def test_text_that_is_not_xml_is_refused() -> None:
    with pytest.raises(MalformedMarkup):
        signed(b"<a>")


def test_long_documents_are_signed_and_verified_without_growing() -> None:
    """Twelve megabytes of attachment: the tree of the verifier does not hold them."""
    octets = signed(document(attachment=b"QUJD" * 3_000_000))
    tracemalloc.start()
    assert present(octets).verify().covers_document
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6_000_000
    changed = bytearray(octets)
    changed[len(changed) // 2] ^= 1
    with pytest.raises(DocumentRefused, match="not the one that was signed"):
        present(bytes(changed)).verify()
