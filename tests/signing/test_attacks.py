"""Known attacks on XML signatures, each stopped at a named step, parsed whole and spliced.

An attack that "succeeds" in proving something must prove the right thing: then what is returned is looked at.
"""

import base64
import hmac
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from app.errors import DocumentRefused, SubmissionRejected
from app.signing.algorithms import ENVELOPED, XMLDSIG, Canonicalization
from app.signing.path import UnknownRevocation, validate
from app.signing.revocations import RevocationIndex
from tests.signing.documents import EDXML, document, present, refusal_of, seal, signed
from tests.support.pki import NOW, Identity, Pki, shared_pki

WHOLE = signed()
BODY = signed(reference_id="body")
MORE = "http://www.w3.org/2001/04/xmldsig-more#"

ways = pytest.mark.parametrize("spliced", [False, True], ids=["whole", "spliced"])


def cut(octets: bytes, start: str, end: str) -> tuple[bytes, bytes, bytes]:
    """Before, from start to end, after."""
    first = octets.index(start.encode())
    last = octets.index(end.encode(), first) + len(end)
    return octets[:first], octets[first:last], octets[last:]


def cut_signature(octets: bytes) -> tuple[bytes, bytes, bytes]:
    return cut(octets, "<ds:Signature ", "</ds:Signature>")


def cut_body(octets: bytes) -> tuple[bytes, bytes, bytes]:
    return cut(octets, "<edXML:edXMLBody ", "</edXML:edXMLBody>")


EVIL_BODY = b'<edXML:edXMLBody Id="evil"><edXML:edXMLManifest version="666"/></edXML:edXMLBody>'


# Signature wrapping: the signed element is moved away and something else put in its place.


@ways
def test_wrapping_into_an_object_of_the_signature(spliced: bool) -> None:
    head, body, tail = cut_body(BODY)
    evil = head + EVIL_BODY + tail
    evil = evil.replace(b"</ds:Signature>", b"<ds:Object>" + body + b"</ds:Object></ds:Signature>")
    assert refusal_of(evil, spliced=spliced)[0] == "ours.signature.object"


@ways
def test_wrapping_with_the_same_id(spliced: bool) -> None:
    head, body, tail = cut_body(BODY)
    evil = EVIL_BODY.replace(b"evil", b"body")
    for both in (evil + body, body + evil):
        assert refusal_of(head + both + tail, spliced=spliced)[0] == "xmldsig.4.3.id-ambiguous"


@ways
@pytest.mark.parametrize("spelling", [b"ID", b"id", b"xml:id", b"edXML:Id"])
def test_wrapping_with_an_id_in_another_spelling(spelling: bytes, spliced: bool) -> None:
    head, body, tail = cut_body(BODY)
    evil = EVIL_BODY.replace(b'Id="evil"', spelling + b'="body"')
    assert refusal_of(head + evil + body + tail, spliced=spliced)[0] == "xmldsig.4.3.id-ambiguous"


@ways
@pytest.mark.parametrize("place", ["sibling", "wrapper", "header", "trailer"])
def test_wrapping_elsewhere_proves_the_moved_element_only(place: str, spliced: bool) -> None:
    """The signature holds, over what was signed; the evil element is not among it and the document is not covered."""
    head, body, tail = cut_body(BODY)
    declared = body.replace(b"<edXML:edXMLBody ", b'<edXML:edXMLBody xmlns:edXML="' + EDXML.encode() + b'" ')
    evil = {
        "sibling": head + EVIL_BODY + body + tail,
        "wrapper": head + EVIL_BODY.replace(b"</edXML:edXMLBody>", body + b"</edXML:edXMLBody>") + tail,
        "header": (head + EVIL_BODY + tail).replace(b"<ds:Signature ", body + b"<ds:Signature "),
        "trailer": head + EVIL_BODY + tail.replace(b"</edXML>", declared + b"</edXML>"),
    }[place]
    found = present(evil, spliced=spliced).verify()
    assert not found.covers_document
    (element,) = found.elements
    assert element.get("Id") == "body"
    assert element[0].get("version") == "1.0"


@ways
def test_wrapping_the_whole_document_into_another(spliced: bool) -> None:
    """The envelope of an evil document around the signed one: the signature stands too deep."""
    inner = WHOLE[WHOLE.index(b"<edXML ") :]
    evil = document(extra=inner.decode())
    assert refusal_of(evil, spliced=spliced)[0] == "ours.signature.misplaced"


@ways
def test_wrapping_in_an_evil_header(spliced: bool) -> None:
    """A second header with the signature, the first one with evil content: everything is signed, so it shows."""
    head, signature, tail = cut_signature(WHOLE)
    evil_header = b"<edXML:edXMLHeader>" + signature + b"</edXML:edXMLHeader>"
    evil = (head + tail).replace(b"<edXML:edXMLBody ", evil_header + b"<edXML:edXMLBody ")
    assert refusal_of(evil, spliced=spliced)[0] == "xmldsig.3.2.1.digest-mismatch"


@ways
def test_signature_of_another_document(spliced: bool) -> None:
    _, signature, _ = cut_signature(WHOLE)
    evil = document(subject="Một văn bản khác", header=signature.decode())
    assert refusal_of(evil, spliced=spliced)[0] == "xmldsig.3.2.1.digest-mismatch"


@ways
def test_signature_removed(spliced: bool) -> None:
    head, _, tail = cut_signature(WHOLE)
    assert refusal_of(head + tail, spliced=spliced)[0] == "ours.signature.missing"


@ways
def test_signature_renamed_into_the_namespace_of_edxml(spliced: bool) -> None:
    evil = WHOLE.replace(f'xmlns:ds="{XMLDSIG}"'.encode(), b'xmlns:ds="http://www.mic.gov.vn/TBT/QCVN_102_2016"')
    assert refusal_of(evil, spliced=spliced)[0] == "xmldsig.4.1.foreign-namespace"


@ways
@pytest.mark.parametrize("change", ["before", "inside", "behind"])
def test_content_beside_the_signature_shows(change: str, spliced: bool) -> None:
    """What is taken out is ds:Signature and nothing around it."""
    head, signature, tail = cut_signature(WHOLE)
    evil = {
        "before": head + b"evil" + signature + tail,
        "inside": head + signature.replace(b"</ds:KeyInfo>", b"</ds:KeyInfo>evil") + tail,
        "behind": head + signature + b"evil" + tail,
    }[change]
    expected = "xmldsig.4.1.shape" if change == "inside" else "xmldsig.3.2.1.digest-mismatch"
    assert refusal_of(evil, spliced=spliced)[0] == expected


# Two of what there must be one of, and comments.


@ways
@pytest.mark.parametrize("first", [True, False])
def test_two_signed_informations(first: bool, spliced: bool) -> None:
    head, information, tail = cut(WHOLE, "<ds:SignedInfo>", "</ds:SignedInfo>")
    evil = information.replace(b'URI=""', b'URI="#body"')
    both = evil + information if first else information + evil
    assert refusal_of(head + both + tail, spliced=spliced)[0] == "xmldsig.4.1.shape"


@ways
def test_comment_in_a_digest_value(spliced: bool) -> None:
    """The text is what is left without the comment, on both sides of the check."""
    head, digest, tail = cut(WHOLE, "<ds:DigestValue>", "</ds:DigestValue>")
    value = digest[len("<ds:DigestValue>") : -len("</ds:DigestValue>")]
    forged = base64.b64encode(bytes(32))
    for inside, code in (
        (forged + b"<!-- " + value + b" -->", "xmldsig.3.2.2.signature-invalid"),
        (value + b"<!-- --->".replace(b"--->", b"-->") + forged, "xmldsig.4.3.base64"),
    ):
        evil = head + b"<ds:DigestValue>" + inside + b"</ds:DigestValue>" + tail
        assert refusal_of(evil, spliced=spliced)[0] == code


@ways
def test_comment_in_signed_text_does_not_shorten_it(spliced: bool) -> None:
    octets = WHOLE.replace(b"000.00.00.G22", b"000.00<!-- -->.00.G22")
    root = present(octets, spliced=spliced).verify().root
    texts = [element.text for element in root.iter("{*}OrganId")]
    assert texts == ["000.00.00.G22"]


# Keys and algorithms.


@ways
@pytest.mark.parametrize("secret", ["spki", "certificate", "pem", "empty"])
def test_hmac_with_what_everybody_knows(secret: str, spliced: bool) -> None:
    spki = seal().certificate.public_key()
    key = {
        "spki": spki.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        "certificate": seal().der(),
        "pem": seal().pem().encode(),
        "empty": b"",
    }[secret]
    octets = WHOLE.replace(f"{MORE}ecdsa-sha256".encode(), f"{MORE}hmac-sha256".encode())
    head, _, tail = cut(octets, "<ds:SignatureValue>", "</ds:SignatureValue>")
    value = base64.b64encode(hmac.digest(key, present(WHOLE).signed_octets, "sha256"))
    evil = head + b"<ds:SignatureValue>" + value + b"</ds:SignatureValue>" + tail
    assert refusal_of(evil, spliced=spliced)[0] == "ours.signature.hmac"


@ways
@pytest.mark.parametrize("attacker", ["look-alike", "self-signed", "unknown"])
def test_attackers_certificate_proves_the_attacker_only(attacker: str, spliced: bool) -> None:
    """The signature holds, because anybody can sign; the certificate does not, and it is asked first."""
    by: Identity = {
        "look-alike": lambda: shared_pki().look_alike().seal(key="p256"),
        "self-signed": lambda: shared_pki().self_signed(),
        "unknown": lambda: Pki.new("kẻ lạ", slot=980).seal(key="p256"),
    }[attacker]()
    presented = present(signed(by=by, chain=by.chain), spliced=spliced)
    verdict = validate(
        presented.certificate,
        intermediates=presented.chain,
        anchors=shared_pki().anchors,
        revocations=RevocationIndex(),
        at=NOW,
        unknown_revocation=UnknownRevocation.ACCEPT,
    )
    assert not verdict.passed
    assert verdict.findings[0].code in ("rfc5280.6.1.no-path", "rfc5280.6.1.self-signed")


@ways
def test_certificate_swapped_under_a_good_signature(spliced: bool) -> None:
    other = shared_pki().seal("000.00.00.H41", "UBND tỉnh Mẫu", key="p256")
    octets = WHOLE.replace(base64.b64encode(seal().der()), base64.b64encode(other.der()))
    assert refusal_of(octets, spliced=spliced)[0] == "xmldsig.3.2.2.signature-invalid"


@ways
@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (f"{MORE}ecdsa-sha256", f"{XMLDSIG}rsa-sha1", "ours.signature.sha1"),
        ("http://www.w3.org/2001/04/xmlenc#sha256", f"{XMLDSIG}sha1", "ours.signature.sha1"),
        (f"{MORE}ecdsa-sha256", f"{MORE}rsa-md5", "ours.signature.md5"),
        ("http://www.w3.org/2001/04/xmlenc#sha256", f"{MORE}md5", "ours.signature.md5"),
    ],
)
def test_broken_hashes(old: str, new: str, code: str, spliced: bool) -> None:
    assert refusal_of(WHOLE.replace(old.encode(), new.encode()), spliced=spliced)[0] == code


def with_value(value: bytes) -> bytes:
    head, _, tail = cut(WHOLE, "<ds:SignatureValue>", "</ds:SignatureValue>")
    return head + b"<ds:SignatureValue>" + base64.b64encode(value) + b"</ds:SignatureValue>" + tail


@ways
@pytest.mark.parametrize("octet", [0, 1, 255])
def test_trivial_ecdsa_values(octet: int, spliced: bool) -> None:
    """r and s of zero pass in verifiers that forget to look at their range."""
    assert refusal_of(with_value(bytes([octet]) * 64), spliced=spliced)[0] == "xmldsig.3.2.2.signature-invalid"


@ways
@pytest.mark.parametrize("length", [1, 32, 63, 65, 128])
def test_ecdsa_values_of_another_length(length: int, spliced: bool) -> None:
    value = (present(WHOLE).value * 2)[:length]
    assert refusal_of(with_value(value), spliced=spliced)[0] == "xmldsig.4.2.value-length"


@ways
def test_ecdsa_value_in_der(spliced: bool) -> None:
    key = seal().key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    der = key.sign(present(WHOLE).signed_octets, ec.ECDSA(hashes.SHA256()))
    assert len(decode_dss_signature(der)) == 2
    assert refusal_of(with_value(der), spliced=spliced)[0] == "xmldsig.4.2.value-length"


@ways
@pytest.mark.parametrize("junk", [b"!", b"-", b"=", b"\xe1\xba\xbf", b"&#0x41;"[:1] + b"amp;"])
def test_junk_in_base64(junk: bytes, spliced: bool) -> None:
    for element in (b"SignatureValue", b"DigestValue", b"X509Certificate"):
        octets = WHOLE.replace(b"<ds:" + element + b">", b"<ds:" + element + b">" + junk)
        assert refusal_of(octets, spliced=spliced)[0].endswith(".base64")


# Transforms, references and markup that make the verifier work for the attacker.


XPATH = '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>{}</ds:XPath></ds:Transform>'
XSLT = """<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"><x:stylesheet version="1.0"
  xmlns:x="http://www.w3.org/1999/XSL/Transform"><x:template match="/">const</x:template></x:stylesheet>
</ds:Transform>"""


def insider(transform: str) -> bytes:
    """What an insider signs whose transform hides everything: only the shape can stop it."""
    return WHOLE.replace(
        f'<ds:Transform Algorithm="{Canonicalization.EXCLUSIVE}"/>'.encode(), transform.encode()
    ).replace(f'<ds:Transform Algorithm="{ENVELOPED}"/>'.encode(), b"")


@ways
@pytest.mark.parametrize(
    "transform",
    [
        XSLT,
        XPATH.format("false()"),
        XPATH.format("not(ancestor-or-self::ds:Signature)"),
        XPATH.format("count(//. | //@* | //namespace::*) &lt; " * 50 + "1"),
    ],
    ids=["xslt", "xpath", "xpath-usual", "xpath-bomb"],
)
def test_programs_in_transforms(transform: str, spliced: bool) -> None:
    started = time.process_time()
    assert refusal_of(insider(transform), spliced=spliced)[0] == "ours.signature.transform"
    assert time.process_time() - started < 0.5


@ways
def test_two_thousand_good_references(spliced: bool) -> None:
    """Each of them alone is fine; together they would canonicalise the document two thousand times."""
    head, reference, tail = cut(WHOLE, "<ds:Reference ", "</ds:Reference>")
    started = time.process_time()
    code, _ = refusal_of(head + reference * 2_000 + tail, spliced=spliced)
    assert code == "ours.signature.references-too-many"
    assert time.process_time() - started < 1


@ways
def test_two_good_references_to_the_whole_document(spliced: bool) -> None:
    head, reference, tail = cut(WHOLE, "<ds:Reference ", "</ds:Reference>")
    assert refusal_of(head + reference * 2 + tail, spliced=spliced)[0] == "ours.signature.references-overlap"


@ways
@pytest.mark.parametrize("uri", ["file:///etc/hostname", "http://127.0.0.1:1/x", "../secret.xml", "cid:1"])
def test_references_to_elsewhere(uri: str, spliced: bool) -> None:
    octets = WHOLE.replace(b'URI=""', f'URI="{uri}"'.encode())
    assert refusal_of(octets, spliced=spliced)[0] == "xmldsig.4.3.reference-foreign"


@ways
@pytest.mark.parametrize(
    "declaration",
    [
        "<!DOCTYPE edXML>",
        '<!DOCTYPE edXML SYSTEM "http://127.0.0.1:1/x.dtd">',
        '<!DOCTYPE edXML [<!ENTITY e "evil">]>',
        '<!DOCTYPE edXML [<!ATTLIST edXMLBody Id ID #IMPLIED evil CDATA "1">]>',
        '<!DOCTYPE edXML [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
def test_document_types(declaration: str, spliced: bool) -> None:
    octets = WHOLE.replace(b"<edXML ", declaration.encode() + b"<edXML ", 1)
    with pytest.raises(DocumentRefused) as refused:
        present(octets, spliced=spliced)
    assert refused.value.findings


@ways
def test_many_attributes_in_the_signature(spliced: bool) -> None:
    many = " ".join(f'a{number}="1"' for number in range(50_000))
    started = time.process_time()
    with pytest.raises(SubmissionRejected):
        present(WHOLE.replace(b"<ds:SignedInfo>", f"<ds:SignedInfo {many}>".encode()), spliced=spliced)
    assert time.process_time() - started < 2


@ways
def test_deep_nesting_in_the_signature(spliced: bool) -> None:
    deep = b"<ds:Object>" * 5_000 + b"</ds:Object>" * 5_000
    with pytest.raises(SubmissionRejected):
        present(WHOLE.replace(b"</ds:Signature>", deep + b"</ds:Signature>"), spliced=spliced)


@ways
def test_many_namespaces_in_scope(spliced: bool) -> None:
    """Inclusive canonicalisation takes the square of their number for each element: 256 and 20,000 cost 8 s."""
    many = "".join(f' xmlns:n{number}="urn:{number}"' for number in range(1_900))
    crowd = document(root_attributes=many, extra="<x/>" * 20_000)
    started = time.process_time()
    for method in (Canonicalization.INCLUSIVE, Canonicalization.INCLUSIVE_11):
        octets = signed(canonicalization=method).replace(b"<edXML ", f"<edXML{many} ".encode(), 1)
        octets = octets.replace(b"</edXML>", b"<x/>" * 20_000 + b"</edXML>")
        assert refusal_of(octets, spliced=spliced)[0] == "ours.signature.no-canonical-form"
    assert present(signed(crowd), spliced=spliced).verify().covers_document
    assert time.process_time() - started < 3


@ways
def test_namespaces_heaped_up_behind_a_good_signature(spliced: bool) -> None:
    """Few at SignedInfo, many below the body: the document's digest is refused the work."""
    inner = "".join(f' xmlns:n{number}="urn:{number}"' for number in range(40))
    octets = signed(document(extra="<x/>"), canonicalization=Canonicalization.INCLUSIVE)
    octets = octets.replace(b"<x/>", f"<x{inner}/>".encode())
    assert refusal_of(octets, spliced=spliced)[0] == "ours.signature.no-canonical-form"
