"""Synthetic edXML documents for the tests of this room: of real shape, about nobody."""

import secrets
from functools import cache

from app.errors import DocumentRefused
from app.markup import BytesSource, Markup, MarkupLimits, parse
from app.signing import xmldsig
from app.signing.xmldsig import PresentedSignature
from tests.support.pki import Identity, KeyName, shared_pki

EDXML = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
SPLICED = MarkupLimits(splice_from_bytes=1, run_bytes_min=64, block_bytes=97)
"""Makes even short documents go the way of the long ones, over tiny blocks."""


def document(
    *,
    subject: str = "V/v thử nghiệm liên thông",
    attachment: bytes = b"QUJD" * 40,
    root_attributes: str = "",
    header: str = "",
    before: str = "",
    after: str = "",
    extra: str = "",
) -> bytes:
    """A document with mixed prefixes, as the vendors' libraries write them, and one attachment.

    Args:
        subject: text, escaped already.
        attachment: base64 text of the attachment.
        root_attributes: further declarations on the root.
        header: markup at the end of edXMLHeader.
        before: markup in front of the root.
        after: markup behind the root.
        extra: markup at the end of the root.
    """
    return (
        (
            f"""<?xml version="1.0" encoding="UTF-8"?>
{before}<edXML xmlns="{EDXML}"{root_attributes}>
  <edXML:edXMLEnvelope xmlns:edXML="{EDXML}">
    <edXML:edXMLHeader>
      <edXML:MessageHeader Id="header">
        <edXML:From><edXML:OrganId>000.00.00.G22</edXML:OrganId></edXML:From>
        <edXML:Subject>{subject}</edXML:Subject>
      </edXML:MessageHeader>
      <edXML:TraceHeaderList><edXML:TraceHeader/></edXML:TraceHeaderList>
{header}    </edXML:edXMLHeader>
    <edXML:edXMLBody Id="body"><edXML:edXMLManifest version="1.0"/></edXML:edXMLBody>
  </edXML:edXMLEnvelope>
  <AttachmentEncoded><Attachment><ContentId>cid:1</ContentId>
    <edXML:ContentTransferEncoded xmlns:edXML="{EDXML}">"""
        ).encode()
        + attachment
        + f"""</edXML:ContentTransferEncoded></Attachment></AttachmentEncoded>
{extra}</edXML>{after}
""".encode()
    )


@cache
def seal(key: KeyName = "p256") -> Identity:
    """A good seal; the same one each time."""
    return shared_pki().seal(key=key)


def signed(document_bytes: bytes | None = None, *, by: Identity | None = None, **options: object) -> bytes:
    """A document with a good signature."""
    by = by or seal()
    return xmldsig.sign(
        document() if document_bytes is None else document_bytes,
        key=by.key,
        certificate=by.certificate,
        **options,  # type: ignore[arg-type]
    )


def read(octets: bytes, *, spliced: bool = False) -> Markup:
    """Parse whole, or with the attachment cut out."""
    if not spliced:
        return parse(octets)
    return parse(BytesSource(octets), limits=SPLICED, draw_secret=lambda: secrets.token_hex(16))


def present(octets: bytes, *, spliced: bool = False) -> PresentedSignature:
    return xmldsig.present(read(octets, spliced=spliced))


def refusal_of(octets: bytes, *, spliced: bool = False) -> tuple[str, str | None]:
    """Code and place of the one finding for which a document is refused; AssertionError if it is accepted."""
    try:
        present(octets, spliced=spliced).verify()
    except DocumentRefused as refused:
        (finding,) = refused.findings
        assert all((finding.message, finding.fix, finding.source))
        assert finding.refuses
        return finding.code, finding.location
    raise AssertionError("the document was accepted")
