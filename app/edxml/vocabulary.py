"""The spelling of edXML: namespaces, element names, codes on the wire, misspellings included.

Nothing else in the project writes these words. Source: QCVN 102:2016/BTTTT and messages really exchanged; names that
only the vendor library writes are marked so.
"""

from typing import Final

NAMESPACE: Final = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
"""Of every edXML element, also after Sửa đổi 1:2022."""
OLD_NAMESPACES: Final = ("http://www.e-doc.vn/Schema/", "http://www.go.vn/eDoc")
"""Of the formats before QCVN 102:2016; not read."""
XMLDSIG_NAMESPACE: Final = "http://www.w3.org/2000/09/xmldsig#"

CONTENT_ID_PREFIX: Final = "cid:"

# Root and layers; the first spelling is the one that is written.
ROOTS: Final = ("edXML", "EdXML")
ENVELOPES: Final = ("edXMLEnvelope", "EdXMLEnvelope")
HEADERS: Final = ("edXMLHeader", "EdXMLHeader")
BODIES: Final = ("edXMLBody", "EdXMLBody")
MANIFESTS: Final = ("edXMLManifest", "EdXMLManifest", "Manifest")
MESSAGE_HEADER: Final = "MessageHeader"
TRACE_HEADER_LIST: Final = "TraceHeaderList"
SIGNATURE: Final = "Signature"
ERROR_LIST: Final = "ErrorList"
ATTACHMENT_ENCODED: Final = "AttachmentEncoded"
MANIFEST_VERSION: Final = "1.0"

# MessageHeader, 1.1 to 1.14 of the annex.
FROM: Final = "From"
TO: Final = "To"
CODE: Final = "Code"
CODE_NUMBER: Final = "CodeNumber"
CODE_NOTATION: Final = "CodeNotation"
PROMULGATION: Final = "PromulgationInfo"
PLACE: Final = "Place"
PROMULGATION_DATE: Final = "PromulgationDate"
DOCUMENT_TYPE: Final = "DocumentType"
TYPE: Final = "Type"
TYPE_DETAIL: Final = "TypeDetail"
TYPE_NAME: Final = "TypeName"
SUBJECT: Final = "Subject"
CONTENT: Final = "Content"
SIGNER: Final = "SignerInfo"
COMPETENCE: Final = "Competence"
POSITION: Final = "Position"
FULL_NAME: Final = "FullName"
DUE_DATE: Final = "DueDate"
TO_PLACES: Final = "ToPlaces"
OTHER: Final = "OtherInfo"
PRIORITY: Final = "Priority"
SPHERE: Final = "SphereOfPromulgation"
TYPER_NOTATION: Final = "TyperNotation"
PROMULGATION_AMOUNT: Final = "PromulgationAmount"
PAGE_AMOUNT: Final = "PageAmount"
DIRECTION: Final = "Direction"
REPLY_FORS: Final = "ReplyFors"
REPLY_FOR: Final = "ReplyFor"
REFERENCE_CODES: Final = "ReferenceCodes"
REFERENCE_CODE: Final = "ReferenceCode"
APPENDIXES: Final = "Appendixes"
APPENDIX: Final = "Appendix"
RESPONSE_FOR: Final = "ResponseFor"
STEERING_TYPE: Final = "SteeringType"
DOCUMENT_ID: Final = "DocumentId"
RESPONSE_FOR_TASK: Final = "ResponseForTask"
TASK_CODE: Final = "TaskCode"
APPLICATION_TYPE: Final = "ApplicationType"

# An organisation, and the people in it.
ORGAN_ID: Final = "OrganId"
ORGANIZATION_IN_CHARGE: Final = "OrganizationInCharge"
ORGAN_NAME: Final = "OrganName"
ORGAN_ADDRESS: Final = "OrganAdd"
EMAIL: Final = "Email"
TELEPHONE: Final = "Telephone"
FAX: Final = "Fax"
WEBSITE: Final = "Website"
STAFF: Final = "StaffInfo"
DEPARTMENT: Final = "Department"
DEPARTMENT_ID: Final = "DepartmentId"
STAFF_NAME: Final = "Staff"
STAFF_ID: Final = "StaffId"
MOBILE: Final = "Mobile"

# TraceHeaderList, 2.1 and 2.2 of the annex.
TRACE_HEADER: Final = "TraceHeader"
TIMESTAMP: Final = "Timestamp"
BUSINESS: Final = "Bussiness"
BUSINESS_DOC_TYPE: Final = "BussinessDocType"
BUSINESS_DOC_REASON: Final = "BussinessDocReason"
PAPER: Final = "Paper"
BUSINESS_DOCUMENT: Final = "BussinessDocumentInfo"
DOCUMENT_CHANGED: Final = "DocumentInfo"
RECEIVERS_CHANGED: Final = "DocumentReceiver"
RECEIVER_LIST: Final = "ReceiverList"
RECEIVER: Final = "Receiver"
RECEIVER_TYPE: Final = "ReceiverType"
REPLACEMENT_LIST: Final = "ReplacementInfoList"
REPLACEMENT: Final = "ReplacementInfo"
ORGAN_ID_LIST: Final = "OrganIdList"

# The status message.
STATUS_CODE: Final = "StatusCode"
DESCRIPTION: Final = "Description"

# Manifest and attachments.
REFERENCE: Final = "Reference"
ATTACHMENT: Final = "Attachment"
CONTENT_ID: Final = "ContentId"
CONTENT_TYPE: Final = "ContentType"
ATTACHMENT_NAME: Final = "AttachmentName"
CONTENT_ENCODED: Final = "ContentTransferEncoded"
FIELD_NAME: Final = "FieldName"
MIME_TYPE: Final = "MimeType"

# The error list of the SOAP era.
ERROR: Final = "Error"
ERROR_CODE: Final = "ErrorCode"
ERROR_DESCRIPTION: Final = "ErrorDescription"

ROOT_PATH: Final = f"/{ROOTS[0]}"
HEADER_PATH: Final = f"{ROOT_PATH}/{ENVELOPES[0]}/{HEADERS[0]}"
MESSAGE_PATH: Final = f"{HEADER_PATH}/{MESSAGE_HEADER}"
TRACE_PATH: Final = f"{HEADER_PATH}/{TRACE_HEADER_LIST}"
BUSINESS_PATH: Final = f"{TRACE_PATH}/{BUSINESS}"
MANIFEST_PATH: Final = f"{ROOT_PATH}/{ENVELOPES[0]}/{BODIES[0]}/{MANIFESTS[0]}"
ATTACHMENTS_PATH: Final = f"{ROOT_PATH}/{ATTACHMENT_ENCODED}"

KNOWN_NAMES: Final = frozenset(
    name
    for value in tuple(globals().values())
    for name in (value if isinstance(value, tuple) else (value,))
    if isinstance(name, str) and name.isalpha() and name.isascii()
)
"""Every element name above. A receiver that goes by local names alone would take such an element for edXML."""
