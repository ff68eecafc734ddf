"""What verifying a signed document costs, against the least it can cost.

Small: parsing with the same parser, one SHA-256 over the bytes, one operation with the same key. Large: one SHA-256
over the bytes of the file.
"""

import base64
import hashlib
import random
import resource
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from lxml import etree

from app.markup import FileSource, parse
from app.signing import xmldsig
from bench.ratios import Ratio, ratio

EDXML = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
SMALL = 20_000
MIDDLE = 2_000_000
LARGE = 100_000_000
MEBIBYTE = 1024 * 1024

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def measured(*, quick: bool) -> Iterator[Ratio]:
    """Measure small documents with both kinds of keys, then a large one."""
    keys: dict[str, PrivateKey] = {
        "RSA-2048": rsa.generate_private_key(65_537, 2048),
        "P-256": ec.generate_private_key(ec.SECP256R1()),
    }
    for name, key in keys.items():
        yield _small(name, key, rounds=5 if quick else 15)
    yield _large(keys["P-256"], size=MIDDLE, rounds=5 if quick else 15, gate=3.0, stretch=2.2)
    yield _large(keys["P-256"], size=LARGE // 10 if quick else LARGE, rounds=3 if quick else 5, gate=1.8, stretch=1.5)


def _small(name: str, key: PrivateKey, *, rounds: int) -> Ratio:
    document = signed(SMALL, key)
    value = _sign(key, document)

    def ours() -> None:
        assert xmldsig.present(parse(document)).verify().covers_document

    def floor() -> None:
        etree.fromstring(document)
        hashlib.sha256(document).digest()
        _verify(key, value, document)

    return ratio(
        f"verify {SMALL // 1000} KB, {name}: parse + SHA-256 + one key operation",
        ours,
        floor,
        gate=4.0,
        stretch=3.0,
        rounds=rounds,
        repeats=100,
    )


def _large(key: PrivateKey, *, size: int, rounds: int, gate: float, stretch: float) -> Ratio:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.xml"
        path.write_bytes(signed(size, key))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        def ours() -> None:
            with FileSource(path) as source:
                assert xmldsig.present(parse(source)).verify().covers_document

        def floor() -> None:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while piece := file.read(MEBIBYTE):
                    digest.update(piece)

        found = ratio(
            f"verify {size // 1_000_000} MB from a file: hashing its bytes",
            ours,
            floor,
            gate=gate,
            stretch=stretch,
            rounds=rounds,
            repeats=max(1, LARGE // 10 // size),
        )
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"{size // 1_000_000} MB: the process grew by {grown / 1024:.0f} MiB beyond what making the file took")
    return found


def signed(size: int, key: PrivateKey) -> bytes:
    """Make a signed document with one attachment, of about this size."""
    attachment = base64.b64encode(random.Random(size).randbytes(size * 3 // 4)).decode()
    paragraphs = "".join(f"<Paragraph>Đoạn {number}</Paragraph>" for number in range(20))
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<edXML xmlns="{EDXML}"><edXMLEnvelope><edXMLHeader><MessageHeader>'
        f"<Subject>V/v đo tốc độ kiểm tra chữ ký</Subject>{paragraphs}</MessageHeader></edXMLHeader>"
        f"<edXMLBody/></edXMLEnvelope><AttachmentEncoded><Attachment>{attachment}</Attachment></AttachmentEncoded>"
        "</edXML>"
    )
    return xmldsig.sign(document.encode(), key=key, certificate=_certificate(key))


def _certificate(key: PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Đo tốc độ")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def _sign(key: PrivateKey, octets: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(octets, ec.ECDSA(hashes.SHA256()))


def _verify(key: PrivateKey, value: bytes, octets: bytes) -> None:
    if isinstance(key, rsa.RSAPrivateKey):
        key.public_key().verify(value, octets, padding.PKCS1v15(), hashes.SHA256())
    else:
        key.public_key().verify(value, octets, ec.ECDSA(hashes.SHA256()))
