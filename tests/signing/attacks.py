"""Known attacks on signed documents, each made by one generator, with the finding that stops it.

`docs/attacks.md` is this table. The attacker has a good document, a good signature over one part of another, keys and
certificates of its own, and where it says "insider" also the signature of somebody who plays along.
"""

import base64
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.signing.algorithms import ENVELOPED, XMLDSIG, Canonicalization
from app.signing.xmldsig import Xades, sign
from tests.signing.documents import EDXML, document, present, seal, signed
from tests.support.pki import NOW, Identity, Pki, shared_pki

MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
WHOLE = signed()
BODY = signed(reference_id="body")
XADES = signed(xades=Xades(NOW, timestamp=lambda _octets: b"0\x03\x02\x01\x01"))
EVIL = b'<edXML:edXMLBody Id="evil"><edXML:edXMLManifest version="666"/></edXML:edXMLBody>'


@dataclass(frozen=True)
class Attack:
    """One way to make a verifier accept, or do, what it should not.

    Attributes:
        kind: the section of the table.
        name: what is done.
        make: gives the document.
        code: of the finding that stops it; the first one.
        scarce: whether it is about time or memory; then the work is bounded more tightly.
    """

    kind: str
    name: str
    make: Callable[[], bytes]
    code: str
    scarce: bool = False


def cut(octets: bytes, start: str, end: str) -> tuple[bytes, bytes, bytes]:
    """Before, from start to end, after."""
    first = octets.index(start.encode())
    last = octets.index(end.encode(), first) + len(end)
    return octets[:first], octets[first:last], octets[last:]


def swapped(old: str | bytes, new: str | bytes, octets: bytes = WHOLE, times: int = -1) -> Callable[[], bytes]:
    """Put something in the place of something that is there."""
    was, becomes = (text.encode() if isinstance(text, str) else text for text in (old, new))
    assert was in octets, was
    return lambda: octets.replace(was, becomes, times)


def value(octets: bytes) -> Callable[[], bytes]:
    """Write another SignatureValue."""
    head, _, tail = cut(WHOLE, "<ds:SignatureValue>", "</ds:SignatureValue>")
    return lambda: head + b"<ds:SignatureValue>" + base64.b64encode(octets) + b"</ds:SignatureValue>" + tail


def by(identity: Identity, **how: object) -> Callable[[], bytes]:
    """Sign with another certificate."""
    return lambda: signed(by=identity, chain=identity.chain, **how)


# Wrapping: the signed part is moved away and another put in its place.

_head, _body, _tail = cut(BODY, "<edXML:edXMLBody ", "</edXML:edXMLBody>")
_before, _signature, _after = cut(BODY, "<ds:Signature ", "</ds:Signature>")
_declared = _body.replace(b"<edXML:edXMLBody ", f'<edXML:edXMLBody xmlns:edXML="{EDXML}" '.encode())


def _wrapping() -> Iterator[Attack]:
    kind = "Signature wrapping"
    forged = _head + EVIL + _tail
    same = EVIL.replace(b'"evil"', b'"body"')
    in_signature = forged.replace(b"</ds:Signature>", _body + b"</ds:Signature>")
    yield Attack(
        kind, "XSW1: the signed body becomes a child of the signature", lambda: in_signature, "xmldsig.4.1.shape"
    )
    beside = forged.replace(b"<ds:Signature ", _body + b"<ds:Signature ")
    yield Attack(kind, "XSW2: the signed body is moved beside the signature", lambda: beside, "ours.signature.coverage")
    sibling = _head + EVIL + _body + _tail
    yield Attack(kind, "XSW3: an evil body before the signed one", lambda: sibling, "ours.signature.coverage")
    around = _head + EVIL.replace(b"</edXML:edXMLBody>", _body + b"</edXML:edXMLBody>") + _tail
    yield Attack(kind, "XSW4: an evil body around the signed one", lambda: around, "ours.signature.coverage")
    trailer = _head + EVIL + _tail.replace(b"</edXML>", _declared + b"</edXML>")
    yield Attack(kind, "XSW5: an evil body, the signed one at the end", lambda: trailer, "ours.signature.coverage")
    inside = (_before + _after).replace(
        _body, EVIL.replace(b"</edXML:edXMLBody>", _signature + _body + b"</edXML:edXMLBody>")
    )
    yield Attack(
        kind, "XSW6: the signature and the signed body in an evil one", lambda: inside, "ours.signature.misplaced"
    )
    for order, both in (("before", same + _body), ("behind", _body + same)):
        doubled = _head + both + _tail
        name = f"XSW7: an evil body with the same Id {order} the signed one"
        yield Attack(kind, name, lambda doubled=doubled: doubled, "xmldsig.4.3.id-ambiguous")
    in_object = forged.replace(b"</ds:Signature>", b"<ds:Object>" + _body + b"</ds:Object></ds:Signature>")
    yield Attack(kind, "XSW8: the signed body in a ds:Object", lambda: in_object, "ours.signature.object")
    inner = WHOLE[WHOLE.index(b"<edXML ") :].decode()
    yield Attack(kind, "a signed document inside another", lambda: document(extra=inner), "ours.signature.misplaced")
    head, signature, tail = cut(WHOLE, "<ds:Signature ", "</ds:Signature>")
    header = b"<edXML:edXMLHeader>" + signature + b"</edXML:edXMLHeader>"
    second = (head + tail).replace(b"<edXML:edXMLBody ", header + b"<edXML:edXMLBody ")
    yield Attack(kind, "the signature in a second header", lambda: second, "xmldsig.3.2.1.digest-mismatch")
    other = document(subject="Một văn bản khác", header=signature.decode())
    yield Attack(kind, "the signature of another document", lambda: other, "xmldsig.3.2.1.digest-mismatch")
    yield Attack(kind, "the signature taken out", lambda: head + tail, "ours.signature.missing")
    yield Attack(
        kind,
        "the signature in the namespace of edXML",
        swapped(f'xmlns:ds="{XMLDSIG}"', f'xmlns:ds="{EDXML}"'),
        "xmldsig.4.1.foreign-namespace",
    )
    # Several signatures: each covers those before it, and nothing hides between them.
    yield Attack(
        kind,
        "a signature of one part beside one of the whole",
        swapped("<ds:Signature ", _signature + b"<ds:Signature "),
        "ours.signature.coverage",
    )
    twice = sign(WHOLE, key=seal("p384").key, certificate=seal("p384").certificate, add=True)
    first = re.findall(rb"<ds:Signature .*?</ds:Signature>", twice)[0]
    yield Attack(
        kind, "a signature taken from below another", swapped(first, b"", twice), "xmldsig.3.2.1.digest-mismatch"
    )
    yield Attack(kind, "the same signature twice", swapped(first, first * 2, WHOLE), "xmldsig.3.2.1.digest-mismatch")
    yield Attack(
        kind, "content between two signatures", swapped(first, first + b"evil", twice), "xmldsig.3.2.1.digest-mismatch"
    )
    yield Attack(
        kind, "a hundred signatures", swapped(first, first * 100, WHOLE), "ours.signature.too-many", scarce=True
    )


def _ids() -> Iterator[Attack]:
    kind = "Ids"
    for spelling in ("ID", "id", "iD", "xml:id", "edXML:Id"):
        again = EVIL.replace(b'Id="evil"', f'{spelling}="body"'.encode())
        octets = _head + again + _body + _tail
        yield Attack(
            kind, f"the same Id once more as `{spelling}`", lambda octets=octets: octets, "xmldsig.4.3.id-ambiguous"
        )
    one = _head + _body.replace(b'Id="body"', b'Id="body" ID="body"') + _tail
    yield Attack(kind, "two spellings on one element", lambda: one, "xmldsig.4.3.id-ambiguous")
    properties = XADES.split(b'<xades:SignedProperties Id="')[1].split(b'"')[0]
    evil = XADES.replace(b'Id="body"', b'Id="' + properties + b'"')
    yield Attack(kind, "the Id of the signed properties on the body", lambda: evil, "xmldsig.4.3.id-ambiguous")


def _objects() -> Iterator[Attack]:
    kind = "Object injection"
    end = "</ds:Signature>"
    for name, markup in {
        "an evil element": "<ds:Object><evil/></ds:Object>",
        "text": "<ds:Object>evil</ds:Object>",
        "nothing": "<ds:Object/>",
        "a manifest": "<ds:Object><ds:Manifest><ds:Reference/></ds:Manifest></ds:Object>",
    }.items():
        yield Attack(kind, f"an Object with {name}", swapped(end, markup + end), "ours.signature.object")
    for name, old, new, code in (
        ("a second Object", "</ds:Object>", "</ds:Object><ds:Object/>", "ours.signature.object"),
        ("content beside the properties", "<ds:Object>", "<ds:Object><evil/>", "ours.signature.object"),
        ("content behind the properties", "</ds:Object>", "<evil/></ds:Object>", "ours.signature.object"),
        ("an element among properties", "<xades:SigningTime>", "<evil/><xades:SigningTime>", "etsi319132.4.3.shape"),
        ("text among the properties", "<xades:SigningTime>", "evil<xades:SigningTime>", "etsi319132.4.3.shape"),
        ("a counter-signature", "<xades:SignatureTimeStamp>", "<xades:CounterSignature/><xades:SignatureTimeStamp>",
         "etsi319132.4.3.shape"),
        ("unsigned certificate values", "<xades:SignatureTimeStamp>",
         "<xades:CertificateValues/><xades:SignatureTimeStamp>", "etsi319132.4.3.shape"),
        ("another signing time", "T09:30:00", "T08:30:00", "etsi319132.4.4.properties-changed"),
        ("properties of another signature", 'Target="#', 'Target="#other', "etsi319132.4.3.target"),
        ("properties nobody signed", ' Type="http://uri.etsi.org/01903#SignedProperties"', "",
         "xmldsig.4.3.reference-into-signature"),
    ):  # fmt: skip
        yield Attack(kind, name, swapped(old, new, XADES), code)
    inside = XADES.replace(b"<xades:MimeType>", b"<xades:MimeType/>" * 1_000 + b"<xades:MimeType>")
    yield Attack(kind, "a thousand properties", lambda: inside, "ours.signature.properties-too-many", scarce=True)
    long = XADES.replace(b"<xades:MimeType>", b"<xades:MimeType>" + b"x" * 250_000)
    yield Attack(kind, "a property of 250 KB", lambda: long, "ours.signature.properties-too-many", scarce=True)


def _text() -> Iterator[Attack]:
    kind = "Comments and twos of what there is one of"
    head, digest, tail = cut(WHOLE, "<ds:DigestValue>", "</ds:DigestValue>")
    good = digest[len("<ds:DigestValue>") : -len("</ds:DigestValue>")]
    forged = base64.b64encode(bytes(32))
    hidden = head + b"<ds:DigestValue>" + forged + b"<!-- " + good + b" --></ds:DigestValue>" + tail
    yield Attack(kind, "the good digest in a comment", lambda: hidden, "xmldsig.3.2.2.signature-invalid")
    joined = head + b"<ds:DigestValue>" + good + b"<!-- -->" + forged + b"</ds:DigestValue>" + tail
    yield Attack(kind, "a comment inside a digest", lambda: joined, "xmldsig.4.3.base64")
    yield Attack(
        kind,
        "a code cut short by a comment",
        swapped("000.00.00.G22", "000.00<!-- -->"),
        "xmldsig.3.2.1.digest-mismatch",
    )
    head, information, tail = cut(WHOLE, "<ds:SignedInfo>", "</ds:SignedInfo>")
    evil = information.replace(b'URI=""', b'URI="#body"')
    for order, both in (("first", evil + information), ("last", information + evil)):
        octets = head + both + tail
        yield Attack(kind, f"two SignedInfo, the evil one {order}", lambda octets=octets: octets, "xmldsig.4.1.shape")
    again = cut(WHOLE, "<ds:SignatureValue>", "</ds:SignatureValue>")[1].decode()
    yield Attack(kind, "two SignatureValue", swapped(again, again * 2), "xmldsig.4.1.shape")
    keys = cut(WHOLE, "<ds:KeyInfo>", "</ds:KeyInfo>")[1].decode()
    yield Attack(kind, "two KeyInfo", swapped(keys, keys * 2), "xmldsig.4.1.shape")
    yield Attack(
        kind,
        "no reference",
        lambda: b"".join(cut(WHOLE, "<ds:Reference ", "</ds:Reference>")[::2]),
        "xmldsig.4.3.shape",
    )
    for place, old, code in (
        ("before", "<ds:Signature ", "xmldsig.3.2.1.digest-mismatch"),
        ("in", "<ds:KeyInfo>", "xmldsig.4.1.shape"),
        ("behind", "</edXML:edXMLHeader>", "xmldsig.3.2.1.digest-mismatch"),
    ):
        yield Attack(kind, f"text {place} the signature", swapped(old, "evil" + old), code)


def _keys() -> Iterator[Attack]:
    kind = "Keys and algorithms"
    spki = seal().certificate.public_key()
    for name, secret in {
        "the public key": spki.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "the certificate": seal().der(),
        "the certificate in PEM": seal().pem().encode(),
        "nothing": b"",
    }.items():
        octets = value(hmac.digest(secret, present(WHOLE).signed_octets, "sha256"))()
        octets = octets.replace(f"{MORE}ecdsa-sha256".encode(), f"{MORE}hmac-sha256".encode())
        yield Attack(kind, f"HMAC with {name} as its key", lambda octets=octets: octets, "ours.signature.hmac")
    for uri, code in (
        (f"{XMLDSIG}hmac-sha1", "hmac"), (f"{XMLDSIG}rsa-sha1", "sha1"), (f"{MORE}ecdsa-sha1", "sha1"),
        (f"{MORE}rsa-md5", "md5"), (f"{XMLDSIG}dsa-sha1", "sha1"),
        ("http://www.w3.org/2009/xmldsig11#dsa-sha256", "dsa"), ("none", "algorithm"), ("", "algorithm"),
    ):  # fmt: skip
        yield Attack(
            kind, f"signature algorithm `{uri}`", swapped(f"{MORE}ecdsa-sha256", uri), f"ours.signature.{code}"
        )
    for uri, code in ((f"{XMLDSIG}sha1", "sha1"), (f"{MORE}md5", "md5"), (f"{MORE}sha224", "algorithm")):
        yield Attack(kind, f"digest algorithm `{uri}`", swapped(SHA256, uri), f"ours.signature.{code}")
    at = XADES.index(b"<xades:CertDigest>")
    weak = XADES[:at] + XADES[at:].replace(SHA256.encode(), f"{XMLDSIG}sha1".encode(), 1)
    yield Attack(kind, "the certificate named by its SHA-1 in the properties", lambda: weak, "ours.signature.sha1")
    for octet in (0, 1, 255):
        yield Attack(
            kind, f"an ECDSA value of octets {octet}", value(bytes([octet]) * 64), "xmldsig.3.2.2.signature-invalid"
        )
    for length in (1, 32, 63, 65, 128):
        octets = (present(WHOLE).value * 2)[:length]
        yield Attack(kind, f"an ECDSA value of {length} octets", value(octets), "xmldsig.4.2.value-length")
    key = seal().key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    der = key.sign(present(WHOLE).signed_octets, ec.ECDSA(hashes.SHA256()))
    yield Attack(kind, "an ECDSA value in DER", value(der), "xmldsig.4.2.value-length")
    yield Attack(kind, "a key of 1,024 bits", _short_key, "ours.signature.key-weak")
    yield Attack(
        kind,
        "a canonicalisation with comments",
        swapped(Canonicalization.EXCLUSIVE, f"{Canonicalization.EXCLUSIVE}WithComments"),
        "ours.signature.with-comments",
    )


def _short_key() -> bytes:
    short = shared_pki().short_key()
    octets = signed(by=seal("rsa2048"))
    return octets.replace(base64.b64encode(seal("rsa2048").der()), base64.b64encode(short.der()))


def _certificates() -> Iterator[Attack]:
    kind = "Certificates"
    pki = shared_pki()
    other = pki.seal("000.00.00.H41", "UBND tỉnh Mẫu", key="p256")
    swap = WHOLE.replace(base64.b64encode(seal().der()), base64.b64encode(other.der()))
    yield Attack(
        kind, "another agency's certificate under a good signature", lambda: swap, "xmldsig.3.2.2.signature-invalid"
    )
    yield Attack(
        kind,
        "an attacker's own hierarchy in KeyInfo",
        by(Pki.new("kẻ lạ", slot=980).seal(key="p256")),
        "rfc5280.6.1.no-path",
    )
    yield Attack(
        kind, "a look-alike: same names, other keys", by(pki.look_alike().seal(key="p256")), "rfc5280.6.1.no-path"
    )
    yield Attack(kind, "a self-signed certificate", by(pki.self_signed()), "rfc5280.6.1.self-signed")
    yield Attack(kind, "an expired certificate", by(pki.expired()), "rfc5280.4.1.2.5.expired")
    yield Attack(kind, "a certificate that is not valid yet", by(pki.not_yet_valid()), "rfc5280.4.1.2.5.not-yet-valid")
    yield Attack(kind, "a revoked certificate", by(revoked()), "rfc5280.6.3.revoked")
    yield Attack(kind, "a certificate for encryption", by(pki.wrong_usage()), "rfc5280.4.2.1.3.wrong-usage")
    yield Attack(kind, "a certificate of a web server", by(pki.wrong_purpose()), "rfc5280.4.2.1.12.wrong-purpose")
    yield Attack(
        kind, "an authority's own certificate", by(pki.seal(authority=True, key="p256")), "rfc5280.4.2.1.3.wrong-usage"
    )
    # One key, certified twice: the properties say which certificate it was.
    first, second = pki.seal(key="p256", slot=78), pki.seal(key="p256", slot=78)
    octets = signed(by=first, xades=Xades(NOW))
    substituted = octets.replace(base64.b64encode(first.der()), base64.b64encode(second.der()))
    yield Attack(
        kind, "another certificate of the same key (XAdES)", lambda: substituted, "etsi319132.5.2.certificate-mismatch"
    )
    bare = "<ds:KeyInfo><ds:KeyValue/></ds:KeyInfo>"
    keys = cut(WHOLE, "<ds:KeyInfo>", "</ds:KeyInfo>")[1]
    yield Attack(kind, "a bare key instead of a certificate", swapped(keys, bare), "xmldsig.4.4.certificate-missing")
    fetched = '<ds:RetrievalMethod URI="http://127.0.0.1:1/k"/>'
    yield Attack(kind, "a key to be fetched", swapped("<ds:KeyInfo>", f"<ds:KeyInfo>{fetched}"), "xmldsig.4.4.key-info")
    both = base64.b64encode(seal().der()) + b"</ds:X509Certificate><ds:X509Certificate>" + base64.b64encode(other.der())
    yield Attack(
        kind, "two possible signers", swapped(base64.b64encode(seal().der()), both), "xmldsig.4.4.signer-ambiguous"
    )


@cache
def revoked() -> Identity:
    """A certificate that the list of its authority names."""
    return shared_pki().seal(key="p256")


_XPATH = '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>{}</ds:XPath></ds:Transform>'
_FILTER = (
    '<ds:Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2"><f:XPath '
    'xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">//ds:Signature</f:XPath></ds:Transform>'
)
_XSLT = (
    '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"><x:stylesheet version="1.0" '
    'xmlns:x="http://www.w3.org/1999/XSL/Transform"><x:template match="/">const</x:template></x:stylesheet>'
    "</ds:Transform>"
)


def _programs() -> Iterator[Attack]:
    kind = "Transforms and references"
    for name, transform in {
        "XSLT": _XSLT,
        "XPath that selects nothing": _XPATH.format("false()"),
        "XPath that leaves signatures out": _XPATH.format("not(ancestor-or-self::ds:Signature)"),
        "XPath filter that subtracts signatures": _FILTER,
        "an XPath bomb": _XPATH.format("count(//. | //@* | //namespace::*) &lt; " * 50 + "1"),
        "base64": f'<ds:Transform Algorithm="{XMLDSIG}base64"/>',
    }.items():
        # What an insider signs whose transform hides everything: only the shape can stop it.
        octets = WHOLE.replace(f'<ds:Transform Algorithm="{Canonicalization.EXCLUSIVE}"/>'.encode(), transform.encode())
        octets = octets.replace(f'<ds:Transform Algorithm="{ENVELOPED}"/>'.encode(), b"")
        yield Attack(kind, f"insider: {name}", lambda octets=octets: octets, "ours.signature.transform", scarce=True)
    head, reference, tail = cut(WHOLE, "<ds:Reference ", "</ds:Reference>")
    yield Attack(
        kind,
        "2,000 good references",
        lambda: head + reference * 2_000 + tail,
        "ours.signature.references-too-many",
        scarce=True,
    )
    yield Attack(
        kind, "two references to the whole", lambda: head + reference * 2 + tail, "ours.signature.references-overlap"
    )
    transform = f'<ds:Transform Algorithm="{Canonicalization.EXCLUSIVE}"/>'
    yield Attack(
        kind,
        "1,000 transforms",
        swapped(transform, transform * 1_000),
        "ours.signature.transforms-too-many",
        scarce=True,
    )
    for uri in (
        "file:///etc/hostname",
        "http://127.0.0.1:1/x",
        "../x.xml",
        "cid:1",
        "#xpointer(/)",
        "data:,x",
        "//h/x",
    ):
        yield Attack(
            kind, f"a reference to `{uri}`", swapped('URI=""', f'URI="{uri}"'), "xmldsig.4.3.reference-foreign"
        )
    yield Attack(kind, "a reference without URI", swapped(' URI=""', ""), "xmldsig.4.3.reference-foreign")
    manifest = f' Type="{XMLDSIG}Manifest"'
    yield Attack(
        kind,
        "a manifest, whose inner digests nobody checks",
        swapped(' URI=""', f' URI=""{manifest}'),
        "xmldsig.4.3.shape",
    )


def _markup() -> Iterator[Attack]:
    kind = "Markup"
    for name, declaration in {
        "a document type": "<!DOCTYPE edXML>",
        "an external document type": '<!DOCTYPE edXML SYSTEM "http://127.0.0.1:1/x.dtd">',
        "an external entity": '<!DOCTYPE edXML [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        "an entity": '<!DOCTYPE edXML [<!ENTITY e "evil">]>',
        "an attribute by default": '<!DOCTYPE edXML [<!ATTLIST edXMLBody Id ID #IMPLIED evil CDATA "1">]>',
        "a parameter entity": '<!DOCTYPE edXML [<!ENTITY % p "x"> %p;]>',
        "billion laughs": _laughs(),
        "quadratic blow-up": f'<!DOCTYPE edXML [<!ENTITY a "{"a" * 50_000}">]>',
    }.items():
        octets = swapped("<edXML ", declaration + "<edXML ", times=1)
        yield Attack(kind, name, octets, "ours.markup.doctype", scarce=True)
    many = " ".join(f'a{number}="1"' for number in range(50_000))
    yield Attack(
        kind,
        "50,000 attributes on SignedInfo",
        swapped("<ds:SignedInfo>", f"<ds:SignedInfo {many}>"),
        "ours.markup.attributes",
        scarce=True,
    )
    deep = "<x>" * 5_000 + "</x>" * 5_000
    yield Attack(
        kind,
        "nesting of 5,000 in the signature",
        swapped("</ds:Signature>", deep + "</ds:Signature>"),
        "ours.markup.depth",
        scarce=True,
    )
    spaces = "".join(f' xmlns:n{number}="urn:{number}"' for number in range(1_900))
    crowded = signed(canonicalization=Canonicalization.INCLUSIVE).replace(b"<edXML ", f"<edXML{spaces} ".encode(), 1)
    crowded = crowded.replace(b"</edXML>", b"<x/>" * 5_000 + b"</edXML>")
    yield Attack(
        kind,
        "1,900 namespaces around 5,000 elements",
        lambda: crowded,
        "ours.signature.no-canonical-form",
        scarce=True,
    )
    heap = "".join(f' xmlns:n{number}="urn:{number}"' for number in range(40))
    held = signed(document(extra="<x/>"), canonicalization=Canonicalization.INCLUSIVE)
    yield Attack(
        kind,
        "namespaces heaped up behind a good signature",
        swapped("<x/>", f"<x{heap}/>", held),
        "ours.signature.no-canonical-form",
        scarce=True,
    )
    relative = signed(document(extra="<x/>"))
    yield Attack(
        kind, "a relative namespace", swapped("<x/>", '<x xmlns="../x"/>', relative), "ours.signature.no-canonical-form"
    )
    yield Attack(
        kind,
        "a prefix bound anew",
        swapped("<edXML:Subject>", '<edXML:Subject xmlns:edXML="urn:evil">'),
        "xmldsig.3.2.1.digest-mismatch",
    )
    yield Attack(
        kind,
        "the namespace of the body changed",
        swapped("<edXML:edXMLBody ", '<edXML:edXMLBody xmlns:edXML="urn:evil" '),
        "xmldsig.3.2.1.digest-mismatch",
    )
    yield Attack(
        kind, "UTF-16", lambda: WHOLE.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "ours.markup.encoding"
    )


def _laughs() -> str:
    levels = "".join(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 10))
    return f'<!DOCTYPE edXML [<!ENTITY l0 "ha">{levels}]>'


def _values() -> Iterator[Attack]:
    kind = "Values"
    for junk in ("!", "-", "=", "ế", "&#x20AC;", "A"):
        for element, code in (("SignatureValue", "4.2"), ("DigestValue", "4.3"), ("X509Certificate", "4.4")):
            written = swapped(f"<ds:{element}>", f"<ds:{element}>{junk}")
            yield Attack(kind, f"`{junk}` in the base64 of {element}", written, f"xmldsig.{code}.base64")
    head, _, tail = cut(WHOLE, "<ds:DigestValue>", "</ds:DigestValue>")
    zeros = b"<ds:DigestValue>" + base64.b64encode(bytes(32)) + b"</ds:DigestValue>"
    yield Attack(kind, "a wrong digest", lambda: head + zeros + tail, "xmldsig.3.2.2.signature-invalid")
    short = b"<ds:DigestValue>" + base64.b64encode(bytes(31)) + b"</ds:DigestValue>"
    yield Attack(kind, "a digest cut short", lambda: head + short + tail, "xmldsig.4.3.digest-length")
    yield Attack(kind, "a subject changed", swapped("V/v thử", "V/v thực"), "xmldsig.3.2.1.digest-mismatch")
    yield Attack(
        kind, "an attachment changed", swapped("QUJDQUJD", "QUJDQUJE", times=1), "xmldsig.3.2.1.digest-mismatch"
    )


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the table."""
    sections = (_wrapping, _ids, _objects, _text, _keys, _certificates, _programs, _markup, _values)
    return tuple(attack for section in sections for attack in section())
