"""Documents as older systems send them: over SHA-1, in the namespace of edXML, or not signed at all."""

import base64
import hashlib
import re

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from tests.support.pki import Identity

XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


def signed_with_sha1(document: bytes, by: Identity) -> bytes:
    """Sign as vendors' libraries did in 2018: RSA-SHA1 over a SHA-1 digest, enveloped, the last child of the header."""
    assert isinstance(by.key, rsa.RSAPrivateKey)
    digest = hashlib.sha1(_canonical(etree.fromstring(document)), usedforsecurity=False).digest()
    information = (
        f'<SignedInfo xmlns="{XMLDSIG}"><CanonicalizationMethod Algorithm="{EXCLUSIVE}"></CanonicalizationMethod>'
        f'<SignatureMethod Algorithm="{XMLDSIG}rsa-sha1"></SignatureMethod><Reference URI=""><Transforms>'
        f'<Transform Algorithm="{XMLDSIG}enveloped-signature"></Transform>'
        f'<Transform Algorithm="{EXCLUSIVE}"></Transform></Transforms>'
        f'<DigestMethod Algorithm="{XMLDSIG}sha1"></DigestMethod>'
        f"<DigestValue>{base64.b64encode(digest).decode()}</DigestValue></Reference></SignedInfo>"
    )
    value = by.key.sign(information.encode(), padding.PKCS1v15(), hashes.SHA1())
    signature = (
        f'<Signature xmlns="{XMLDSIG}">{information}<SignatureValue>{base64.b64encode(value).decode()}</SignatureValue>'
        f"<KeyInfo><X509Data><X509Certificate>{base64.b64encode(by.der()).decode()}</X509Certificate></X509Data>"
        "</KeyInfo></Signature>"
    )
    return in_header(document, signature)


def with_foreign_signature(document: bytes) -> bytes:
    """Put in a Signature without the namespace of XMLDSig, as the library of one vendor writes it."""
    return in_header(document, "<Signature><SignatureValue>AAAA</SignatureValue></Signature>")


def in_header(document: bytes, markup: str) -> bytes:
    """Put markup at the end of edXMLHeader."""
    end = re.search(rb"</(\w+:)?edXMLHeader>", document)
    assert end is not None
    return document[: end.start()] + markup.encode() + document[end.start() :]


def _canonical(root: "etree._Element") -> bytes:
    return etree.tostring(root.getroottree(), method="c14n", exclusive=True, with_comments=False)
