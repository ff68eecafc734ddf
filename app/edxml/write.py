"""Write a message as unsigned edXML, in the order of the annex; what `read` gives for it is equal to what was written.

One clean form: the edXML namespace as default, declared once; dates as `yyyy/MM/dd`; times in Vietnam without zone.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

from lxml import etree

from app.edxml import vocabulary as v
from app.edxml.model import (
    VIETNAM,
    Attachment,
    Business,
    DocumentMessage,
    DocumentType,
    Handling,
    Message,
    Organization,
    Reference,
    ResponseFor,
    Staff,
    StatusMessage,
)
from app.edxml.organ_id import OrganId
from app.errors import RequestInvalid

if TYPE_CHECKING:
    from app.markup import Run


def write(message: Message) -> bytes:
    """Write a message.

    Args:
        message: contents of attachments must be base64 texts in memory.

    Returns:
        UTF-8 with XML declaration, indented, without a signature.

    Raises:
        RequestInvalid: a text holds characters XML cannot carry, or an attachment's content is not in memory.
    """
    root = etree.Element(_name(v.ROOTS[0]), nsmap={None: v.NAMESPACE})
    try:
        _write_root(root, message)
    except ValueError as error:
        raise RequestInvalid(f"the message cannot be written: {error}") from error
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _name(name: str) -> str:
    return f"{{{v.NAMESPACE}}}{name}"


def _inside(parent: "etree._Element", name: str) -> "etree._Element":
    return etree.SubElement(parent, _name(name))


def _put(parent: "etree._Element", name: str, value: str | int | date | None) -> None:
    """Write a value; nothing where there is none."""
    if value is None:
        return
    match value:
        case bool():
            text = "1" if value else "0"
        case datetime():
            local = value.astimezone(VIETNAM)
            text = f"{_day(local)} {local:%H:%M:%S}"
        case date():
            text = _day(value)
        case _:
            text = str(value)
    _inside(parent, name).text = text


def _day(day: date) -> str:
    # strftime does not pad years before 1000 everywhere.
    return f"{day.year:04}/{day.month:02}/{day.day:02}"


def _put_each(parent: "etree._Element", name: str, values: Iterable[str]) -> None:
    for value in values:
        _put(parent, name, value)


def _put_list(parent: "etree._Element", name: str, entry: str, values: tuple[str, ...]) -> None:
    if values:
        _put_each(_inside(parent, name), entry, values)


def _write_root(root: "etree._Element", message: Message) -> None:
    envelope = _inside(root, v.ENVELOPES[0])
    header = _inside(envelope, v.HEADERS[0])
    message_header = _inside(header, v.MESSAGE_HEADER)
    if isinstance(message, StatusMessage):
        _write_status(message_header, message)
        return
    _write_document(message_header, message)
    _write_traces(header, message)
    manifest = _inside(_inside(envelope, v.BODIES[0]), v.MANIFESTS[0])
    manifest.set("version", v.MANIFEST_VERSION)
    for reference in message.references:
        _write_reference(manifest, reference)
    encoded = _inside(root, v.ATTACHMENT_ENCODED)
    for attachment in message.attachments:
        _write_attachment(encoded, attachment)


def _write_status(header: "etree._Element", message: StatusMessage) -> None:
    _write_organization(header, v.FROM, message.sender)
    _write_response_for(header, message.response_for)
    _write_staff(header, message.staff)
    _put(header, v.STATUS_CODE, message.status.value)
    _put(header, v.DESCRIPTION, message.description)
    _put(header, v.TIMESTAMP, message.reported_at)


def _write_document(header: "etree._Element", message: DocumentMessage) -> None:
    _write_organization(header, v.FROM, message.sender)
    for recipient in message.recipients:
        _write_organization(header, v.TO, recipient)
    code = _inside(header, v.CODE)
    _put(code, v.CODE_NUMBER, message.code.number)
    _put(code, v.CODE_NOTATION, message.code.notation)
    promulgation = _inside(header, v.PROMULGATION)
    _put(promulgation, v.PLACE, message.promulgated_at_place)
    _put(promulgation, v.PROMULGATION_DATE, message.promulgated_on)
    if message.document_type != DocumentType():
        kind = _inside(header, v.DOCUMENT_TYPE)
        _put(kind, v.TYPE, message.document_type.group)
        _put(kind, v.TYPE_DETAIL, message.document_type.detail)
        _put(kind, v.TYPE_NAME, message.document_type.name)
    _put(header, v.SUBJECT, message.subject)
    _put(header, v.CONTENT, message.content)
    if message.signer is not None:
        signer = _inside(header, v.SIGNER)
        _put(signer, v.COMPETENCE, message.signer.competence)
        _put(signer, v.POSITION, message.signer.position)
        _put(signer, v.FULL_NAME, message.signer.full_name)
    _put(header, v.DUE_DATE, message.due_date)
    _put_list(header, v.TO_PLACES, v.PLACE, message.places)
    _write_handling(header, message.handling)
    for response_for in message.response_for:
        _write_response_for(header, response_for)
    _put(header, v.STEERING_TYPE, message.steering_type)
    _put(header, v.DOCUMENT_ID, message.document_id)
    _put_list(header, v.RESPONSE_FOR_TASK, v.TASK_CODE, message.task_codes)
    _put(header, v.APPLICATION_TYPE, message.application_type)


def _write_organization(parent: "etree._Element", name: str, organization: Organization) -> None:
    element = _inside(parent, name)
    _put(element, v.ORGAN_ID, organization.organ_id.text)
    _put(element, v.ORGANIZATION_IN_CHARGE, organization.in_charge)
    _put(element, v.ORGAN_NAME, organization.name)
    _put(element, v.ORGAN_ADDRESS, organization.address)
    _put(element, v.EMAIL, organization.email)
    _put(element, v.TELEPHONE, organization.telephone)
    _put(element, v.FAX, organization.fax)
    _put(element, v.WEBSITE, organization.website)


def _write_handling(header: "etree._Element", handling: Handling) -> None:
    if handling == Handling():
        return
    element = _inside(header, v.OTHER)
    _put(element, v.PRIORITY, handling.priority)
    _put(element, v.SPHERE, handling.sphere)
    _put(element, v.TYPER_NOTATION, handling.typer_notation)
    _put(element, v.PROMULGATION_AMOUNT, handling.copies)
    _put(element, v.PAGE_AMOUNT, handling.pages)
    if handling.directive is not None:
        _put(element, v.DIRECTION, "true" if handling.directive else "false")
    _put_list(element, v.REPLY_FORS, v.REPLY_FOR, handling.reply_fors)
    _put_list(element, v.REFERENCE_CODES, v.REFERENCE_CODE, handling.reference_codes)
    _put_list(element, v.APPENDIXES, v.APPENDIX, handling.appendixes)


def _write_response_for(parent: "etree._Element", response_for: ResponseFor) -> None:
    element = _inside(parent, v.RESPONSE_FOR)
    _put(element, v.ORGAN_ID, _code(response_for.organ_id))
    _put(element, v.CODE, response_for.code)
    _put(element, v.PROMULGATION_DATE, response_for.promulgated_on)
    _put(element, v.DOCUMENT_ID, response_for.document_id)


def _write_staff(parent: "etree._Element", staff: Staff | None) -> None:
    if staff is None:
        return
    element = _inside(parent, v.STAFF)
    _put(element, v.DEPARTMENT, staff.department)
    _put(element, v.DEPARTMENT_ID, staff.department_id)
    _put(element, v.STAFF_NAME, staff.name)
    _put(element, v.STAFF_ID, staff.staff_id)
    _put(element, v.EMAIL, staff.email)
    _put(element, v.MOBILE, staff.mobile)


def _write_traces(header: "etree._Element", message: DocumentMessage) -> None:
    trace_list = _inside(header, v.TRACE_HEADER_LIST)
    for trace in message.traces:
        element = _inside(trace_list, v.TRACE_HEADER)
        _put(element, v.ORGAN_ID, _code(trace.organ_id))
        _put(element, v.TIMESTAMP, trace.at)
    if message.business is not None:
        _write_business(_inside(trace_list, v.BUSINESS), message.business)
    if message.errors:
        error_list = _inside(header, v.ERROR_LIST)
        for error in message.errors:
            element = _inside(error_list, v.ERROR)
            _put(element, v.ERROR_CODE, error.code)
            _put(element, v.ERROR_DESCRIPTION, error.description)


def _write_business(element: "etree._Element", business: Business) -> None:
    _put(element, v.DOCUMENT_ID, business.document_id)
    _put(element, v.BUSINESS_DOC_TYPE, business.kind.value)
    _put(element, v.BUSINESS_DOC_REASON, business.reason)
    _put(element, v.PAPER, business.paper)
    if business.update is not None:
        update = _inside(element, v.BUSINESS_DOCUMENT)
        _put(update, v.DOCUMENT_CHANGED, business.update.document_changed)
        _put(update, v.RECEIVERS_CHANGED, business.update.receivers_changed)
        listed = _inside(update, v.RECEIVER_LIST) if business.update.receivers else update
        for receiver in business.update.receivers:
            entry = _inside(listed, v.RECEIVER)
            _put(entry, v.ORGAN_ID, receiver.organ_id.text)
            _put(entry, v.RECEIVER_TYPE, receiver.change.value)
    if business.replacements:
        listed = _inside(element, v.REPLACEMENT_LIST)
        for replacement in business.replacements:
            entry = _inside(listed, v.REPLACEMENT)
            _put(entry, v.DOCUMENT_ID, replacement.document_id)
            codes = tuple(organ_id.text for organ_id in replacement.organ_ids)
            _put_list(entry, v.ORGAN_ID_LIST, v.ORGAN_ID, codes)
    _write_staff(element, business.staff)


def _write_reference(manifest: "etree._Element", reference: Reference) -> None:
    element = _inside(manifest, v.REFERENCE)
    _put(element, v.CONTENT_ID, _content_id(reference.content_id))
    _put(element, v.CONTENT_TYPE, reference.content_type)
    _put(element, v.DESCRIPTION, reference.description)
    _put(element, v.ATTACHMENT_NAME, reference.name)


def _write_attachment(encoded: "etree._Element", attachment: Attachment) -> None:
    element = _inside(encoded, v.ATTACHMENT)
    _put(element, v.CONTENT_ID, _content_id(attachment.content_id))
    _put(element, v.ATTACHMENT_NAME, attachment.name)
    _put(element, v.DESCRIPTION, attachment.description)
    _put(element, v.CONTENT_TYPE, attachment.content_type)
    _put(element, v.CONTENT_ENCODED, _in_memory(attachment.content))


def _code(organ_id: OrganId | None) -> str | None:
    return None if organ_id is None else organ_id.text


def _content_id(content_id: str | None) -> str | None:
    return None if content_id is None else v.CONTENT_ID_PREFIX + content_id


def _in_memory(content: "str | Run | None") -> str | None:
    if content is None or isinstance(content, str):
        return content
    raise RequestInvalid("an attachment's content lies in another document; give it as base64 text")
