"""Messages as the axis' edXML library writes them: CRLF, `cid:cid:`, wrong content types, files zipped unasked."""

import base64
import io
import zipfile
from datetime import UTC, datetime, timedelta

NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
_GENERATED = "cid:cid:295aa7aa-6c0c-4a4c-9b5e-0c3d5a3f2b10"
SIGNATURE = """\
      <Signature>
        <SignedInfo>
          <CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#" />
          <SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1" />
        </SignedInfo>
        <SignatureValue>AAAA</SignatureValue>
      </Signature>
"""


def document(
    sender: str, *recipients: str, number: int, attachment: bytes = b"so lieu\r\n", signature: str = ""
) -> bytes:
    """Build what `EdXmlBuilder.build` would: a text file attached, which it zips and calls application/zip."""
    today = datetime.now(UTC) + timedelta(hours=7)
    to = "".join(
        f"        <edXML:To>\n          <edXML:OrganId>{code}</edXML:OrganId>\n"
        "          <edXML:OrganName>Nơi nhận</edXML:OrganName>\n        </edXML:To>\n"
        for code in recipients
    )
    text = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="{NAMESPACE}">
  <edXML:edXMLEnvelope xmlns:edXML="{NAMESPACE}">
    <edXML:edXMLHeader>
      <edXML:MessageHeader>
        <edXML:From>
          <edXML:OrganId>{sender}</edXML:OrganId>
          <edXML:OrganName>Nơi gửi</edXML:OrganName>
        </edXML:From>
{to}        <edXML:DocumentId>{sender},{today:%Y/%m/%d},{number}/VPCP-TTĐT</edXML:DocumentId>
        <edXML:Code>
          <edXML:CodeNumber>{number}</edXML:CodeNumber>
          <edXML:CodeNotation>VPCP-TTĐT</edXML:CodeNotation>
        </edXML:Code>
        <edXML:PromulgationInfo>
          <edXML:Place>Hà Nội</edXML:Place>
          <edXML:PromulgationDate>{today:%Y/%m/%d}</edXML:PromulgationDate>
        </edXML:PromulgationInfo>
        <edXML:DocumentType>
          <edXML:Type>1</edXML:Type>
          <edXML:TypeDetail>0</edXML:TypeDetail>
          <edXML:TypeName>Công văn</edXML:TypeName>
        </edXML:DocumentType>
        <edXML:Subject>V/v gửi nhận văn bản điện tử</edXML:Subject>
        <edXML:Content>Kính gửi</edXML:Content>
        <edXML:SignerInfo>
          <edXML:Competence>TL.</edXML:Competence>
          <edXML:Position>Chánh Văn phòng</edXML:Position>
          <edXML:FullName>Nguyễn Văn Mẫu</edXML:FullName>
        </edXML:SignerInfo>
        <edXML:OtherInfo>
          <edXML:Priority>0</edXML:Priority>
          <edXML:PromulgationAmount>1</edXML:PromulgationAmount>
          <edXML:PageAmount>1</edXML:PageAmount>
          <edXML:Direction>false</edXML:Direction>
        </edXML:OtherInfo>
        <edXML:SteeringType>0</edXML:SteeringType>
      </edXML:MessageHeader>
      <edXML:TraceHeaderList>
        <edXML:TraceHeader>
          <edXML:OrganId>{sender}</edXML:OrganId>
          <edXML:Timestamp>{today:%Y/%m/%d %H:%M:%S}</edXML:Timestamp>
        </edXML:TraceHeader>
        <edXML:Bussiness>
          <edXML:BussinessDocType>0</edXML:BussinessDocType>
          <edXML:BussinessDocReason>Văn bản điện tử mới</edXML:BussinessDocReason>
          <edXML:Paper>0</edXML:Paper>
        </edXML:Bussiness>
      </edXML:TraceHeaderList>
{signature}    </edXML:edXMLHeader>
    <edXML:edXMLBody>
      <edXML:edXMLManifest version="1.0">
        <edXML:Reference>
          <edXML:ContentId>{_GENERATED}</edXML:ContentId>
          <edXML:ContentType>application/zip</edXML:ContentType>
          <edXML:Description>So lieu</edXML:Description>
          <edXML:AttachmentName>so-lieu.txt</edXML:AttachmentName>
        </edXML:Reference>
      </edXML:edXMLManifest>
    </edXML:edXMLBody>
  </edXML:edXMLEnvelope>
  <AttachmentEncoded>
    <Attachment>
      <ContentId>{_GENERATED}</ContentId>
      <AttachmentName>so-lieu.txt</AttachmentName>
      <Description>So lieu</Description>
      <ContentType>application/zip</ContentType>
      <edXML:ContentTransferEncoded xmlns:edXML="{NAMESPACE}">{_zipped(attachment)}</edXML:ContentTransferEncoded>
    </Attachment>
  </AttachmentEncoded>
</edXML>
"""
    return text.replace("\n", "\r\n").encode()


def status(reporter: str, owner: str, document_id: str, code: str, description: str = "Đã xử lý") -> bytes:
    """Build what `StatusXmlBuilder.build` would."""
    now = datetime.now(UTC) + timedelta(hours=7)
    text = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="{NAMESPACE}">
  <edXML:edXMLEnvelope xmlns:edXML="{NAMESPACE}">
    <edXML:edXMLHeader>
      <edXML:MessageHeader>
        <edXML:From>
          <edXML:OrganId>{reporter}</edXML:OrganId>
          <edXML:OrganName>Nơi nhận</edXML:OrganName>
        </edXML:From>
        <edXML:ResponseFor>
          <edXML:OrganId>{owner}</edXML:OrganId>
          <edXML:Code>1/VPCP-TTĐT</edXML:Code>
          <edXML:DocumentId>{document_id}</edXML:DocumentId>
          <edXML:PromulgationDate>{now:%Y/%m/%d}</edXML:PromulgationDate>
        </edXML:ResponseFor>
        <edXML:StaffInfo>
          <edXML:Department>Văn thư</edXML:Department>
          <edXML:Staff>Nguyễn Văn Mẫu</edXML:Staff>
        </edXML:StaffInfo>
        <edXML:StatusCode>{code}</edXML:StatusCode>
        <edXML:Description>{description}</edXML:Description>
        <edXML:Timestamp>{now:%Y/%m/%d %H:%M:%S}</edXML:Timestamp>
      </edXML:MessageHeader>
    </edXML:edXMLHeader>
  </edXML:edXMLEnvelope>
</edXML>
"""
    return text.replace("\n", "\r\n").encode()


def document_id_of(document: bytes) -> str:
    """Return the DocumentId of a document that was built here."""
    return document.partition(b"<edXML:DocumentId>")[2].partition(b"<")[0].decode()


def _zipped(content: bytes) -> str:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0dbcb61d-e30e-4c55-9b5e-0c3d5a3f2b10.txt", content)
    return base64.b64encode(file.getvalue()).decode()
