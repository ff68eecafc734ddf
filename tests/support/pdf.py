"""PDFs as they come: plain ones, and such as software of offices signs them, in this process and without a network."""

import io
import re
from datetime import datetime
from typing import Any

from asn1crypto import keys as asn1_keys  # type: ignore[import-untyped]
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from tests.support.pki import Identity, Pki, name

TEXT = b"BT (Kinh gui) Tj ET"


def plain_pdf(*, padding: int = 0, stream_xrefs: bool = True) -> bytes:
    """Write a PDF of one page; `padding` octets more."""
    writer = PdfFileWriter(stream_xrefs=stream_xrefs)
    contents = writer.add_object(generic.StreamObject(stream_data=TEXT + b"%" + b"x" * padding))
    box = generic.ArrayObject([generic.NumberObject(each) for each in (0, 0, 595, 842)])
    writer.insert_page(PageObject(contents=contents, media_box=box))
    return _written(writer)


def signed_pdf(
    pdf: bytes,
    identity: Identity,
    *,
    field: str = "Signature1",
    authority: Identity | None = None,
    stamped_at: datetime | None = None,
    **how: Any,
) -> bytes:
    """Sign a PDF, which may be signed already.

    Args:
        authority: stamps the time.
        how: further fields of pyHanko's `PdfSignatureMetadata`.
    """
    metadata = PdfSignatureMetadata(
        **{"field_name": field, "md_algorithm": "sha256", "subfilter": SigSeedSubFilter.PADES} | how
    )
    stamper = None
    if authority is not None:
        stamper = DummyTimeStamper(
            _certificate(authority), _key(authority), certs_to_embed=_store(authority), fixed_dt=stamped_at
        )
    signer = SimpleSigner(
        signing_cert=_certificate(identity), signing_key=_key(identity), cert_registry=_store(identity)
    )
    return bytes(
        sign_pdf(
            IncrementalPdfFileWriter(io.BytesIO(pdf), strict=False), metadata, signer=signer, timestamper=stamper
        ).getvalue()
    )


def time_authority(pki: Pki, **period: datetime) -> Identity:
    """Issue the certificate of an authority that stamps times."""
    stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    subject = name((NameOID.COMMON_NAME, "TSA kiểm thử"))
    return pki.issue(subject, key="rsa2048", slot=0, extensions=[(stamping, True)], **period)


def changed_page(pdf: bytes) -> bytes:
    """Change in an update what the page shows, as whoever fakes a signed PDF does."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    page = writer.root["/Pages"]["/Kids"][0]
    page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=b"BT (Khac) Tj ET"))
    writer.update_container(page)
    return _written(writer)


def hybrid_pdf() -> bytes:
    """Write a PDF as word processors do, with a second table of its objects that only newer readers see."""
    body, _, rest = plain_pdf(stream_xrefs=False).rpartition(b"xref\n0 ")
    body, _, table = (body + b"xref\n0 " + rest).partition(b"\nxref\n")
    at = len(body) + 1
    number = int(table.split(None, 2)[1])
    stream = _table_stream(number, body + table)
    table = table.replace(b"/Size %d" % number, b"/Size %d" % (number + 1))
    table = table.replace(b"trailer\n<<", b"trailer\n<</XRefStm %d " % at)
    return _ended(body + b"\n" + stream + b"xref\n" + table.rpartition(b"startxref")[0], at + len(stream))


def with_hybrid_update(pdf: bytes) -> bytes:
    """Append an update in which old and new readers see different tables of objects."""
    before = int(pdf.rpartition(b"startxref")[2].split(None, 1)[0])
    at, stream = len(pdf) + 1, _table_stream(900, pdf)
    trailer = b"xref\n0 0\ntrailer\n<</Size 901 /Prev %d /XRefStm %d %b>>\n" % (before, at, _root(pdf))
    return _ended(pdf + b"\n" + stream + trailer, at + len(stream))


def _table_stream(number: int, pdf: bytes) -> bytes:
    head = b"%d 0 obj\n<</Type/XRef/W[1 2 1]/Index[0 1]/Size %d/Length 4 %b>>\nstream\n" % (
        number,
        number + 1,
        _root(pdf),
    )
    return head + bytes([0, 255, 255, 0]) + b"\nendstream\nendobj\n"


def _root(pdf: bytes) -> bytes:
    found = re.search(rb"/Root \d+ \d+ R", pdf)
    assert found is not None
    return found[0]


def _ended(pdf: bytes, table_at: int) -> bytes:
    return pdf + b"startxref\n%d\n%%%%EOF\n" % table_at


def pdf_of(*objects: bytes, trailer: bytes = b"") -> bytes:
    """Put a PDF together from objects, the first of which is its catalogue; nothing of it need make sense."""
    body, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    table += b"trailer\n<</Size %d/Root 1 0 R%b>>\n" % (len(objects) + 1, trailer)
    return _ended(body + table, len(body))


def endless_pdf() -> bytes:
    """Write a PDF of a few hundred octets whose form has 10^12 fields; whoever looks for signatures is never done."""
    fields = [b"<</T(a)/Kids[" + b"%d 0 R " % (number + 3) * 10 + b"]>>" for number in range(12)]
    return pdf_of(b"<</Type/Catalog/AcroForm<</Fields[2 0 R]>>/ByteRange[]>>", *fields, b"<</T(b)/FT/Sig>>")


def encrypted_pdf() -> bytes:
    """Write a PDF that nobody opens without its password."""
    writer = PdfFileWriter()
    writer.encrypt(owner_pass="mật khẩu")
    box = generic.ArrayObject([generic.NumberObject(each) for each in (0, 0, 595, 842)])
    contents = writer.add_object(generic.StreamObject(stream_data=TEXT))
    writer.insert_page(PageObject(contents=contents, media_box=box))
    return _written(writer)


def _written(writer: Any) -> bytes:
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def _certificate(identity: Identity) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(identity.der())


def _key(identity: Identity) -> asn1_keys.PrivateKeyInfo:
    octets = identity.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return asn1_keys.PrivateKeyInfo.load(octets)


def _store(identity: Identity) -> SimpleCertificateStore:
    store = SimpleCertificateStore()
    for each in identity.chain:
        store.register(asn1_x509.Certificate.load(each.public_bytes(serialization.Encoding.DER)))
    return store
