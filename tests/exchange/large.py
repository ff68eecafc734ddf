"""A signed document of any size, written to a file piece by piece: nobody holds it in memory."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from app.edxml.write import write
from app.markup import FileSource, parse
from app.signing.algorithms import Canonicalization
from app.signing.canonical import canonical_document
from app.signing.sign import sign
from tests.support.office import Office

PIECE = 3 * 256 * 1024
"""Bytes of the attachment encoded at a time; a multiple of three, so that the texts can be joined."""
_PLACE = b"a place in the text"
_DSIG = "{http://www.w3.org/2000/09/xmldsig#}"


@dataclass(frozen=True)
class Large:
    """A signed document on disk.

    Attributes:
        sha256: hex digest of the file.
        attachment_sha256: hex digest of what is attached, decoded.
    """

    path: Path
    size: int
    sha256: str
    attachment_size: int
    attachment_sha256: str
    document_id: str

    def pieces(self, size: int = 1024 * 1024) -> Iterator[bytes]:
        """Read it."""
        with self.path.open("rb") as file:
            while piece := file.read(size):
                yield piece


def large_document(office: Office, path: Path, *, recipient: str, attachment_size: int) -> Large:
    """Write a document with one attachment of pseudo-random bytes, signed with the agency's RSA seal."""
    key = office.seal.key
    assert isinstance(key, rsa.RSAPrivateKey)
    message = office.paper(recipient, attachment=_PLACE)
    small = write(message)
    signed = sign(small, key=key, certificate=office.seal.certificate)
    place = base64.b64encode(_PLACE)
    # The signature of the small one, with the digest of the large one, and signed again.
    unsigned = path.with_suffix(".unsigned")
    _fill(small, place, unsigned, attachment_size)
    digest = hashlib.sha256()
    with FileSource(unsigned) as source:
        markup = parse(source)
        for piece in markup.octets(canonical_document(markup.root, Canonicalization.EXCLUSIVE)):
            digest.update(piece)
    unsigned.unlink()
    signed = _put(signed, "DigestValue", digest.digest())
    info = etree.fromstring(signed).find(f".//{_DSIG}SignedInfo")
    assert info is not None
    octets = etree.tostring(info, method="c14n", exclusive=True)
    signed = _put(signed, "SignatureValue", key.sign(octets, padding.PKCS1v15(), hashes.SHA256()))
    attached = _fill(signed, place, path, attachment_size)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Large(path, path.stat().st_size, sha256, attachment_size, attached, message.document_id)


def _put(document: bytes, element: str, value: bytes) -> bytes:
    text = base64.b64encode(value)
    put, count = re.subn(rb"(?<=<ds:%b>)[^<]*" % element.encode(), text, document)
    assert count == 1
    return put


def _fill(document: bytes, place: bytes, path: Path, attachment_size: int) -> str:
    head, found, tail = document.partition(place)
    assert found
    digest = hashlib.sha256()
    with path.open("wb") as file:
        file.write(head)
        for piece in _attachment(attachment_size):
            digest.update(piece)
            file.write(base64.b64encode(piece))
        file.write(tail)
    return digest.hexdigest()


def _attachment(size: int) -> Iterator[bytes]:
    """Bytes that look like a PDF and do not compress; the same each time."""
    block = b"%PDF-1.7\n" + b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(PIECE // 32))
    left = size
    while left:
        piece = block[: min(PIECE, left)]
        yield piece
        left -= len(piece)
