"""Read a document message: header, trace list, manifest, attachments."""

from functools import partial
from typing import TYPE_CHECKING

from app.edxml import vocabulary as v
from app.edxml.model import (
    Attachment,
    DocumentCode,
    DocumentMessage,
    DocumentType,
    Handling,
    Organization,
    Reference,
    ReportedError,
    ResponseFor,
    Signer,
)
from app.edxml.read_business import read_business, read_traces
from app.edxml.read_parts import read_organization, read_response_for, read_sender
from app.edxml.walk import Parts, Walker
from app.findings import Severity

if TYPE_CHECKING:
    from lxml import etree

_PARTS = frozenset(
    {
        *(v.FROM, v.TO, v.CODE, v.PROMULGATION, v.DOCUMENT_TYPE, v.SUBJECT, v.CONTENT, v.SIGNER, v.DUE_DATE),
        *(v.TO_PLACES, v.OTHER, v.RESPONSE_FOR, v.STEERING_TYPE, v.DOCUMENT_ID, v.RESPONSE_FOR_TASK),
        v.APPLICATION_TYPE,
    }
)


def read_document(
    walker: Walker,
    header: "etree._Element",
    parts: Parts,
    *,
    header_parts: Parts,
    inside: Parts,
    layers: Parts,
) -> DocumentMessage | None:
    """Read a document message; what is missing is noted.

    Args:
        header: the MessageHeader.
        parts: of the MessageHeader.
        header_parts: of edXMLHeader.
        inside: of the envelope.
        layers: of the root; none where the envelope is the root.
    """
    walker.ignore_unknown(parts, _PARTS)
    sender = read_sender(walker, header, parts)
    recipients = _recipients(walker, header, parts)
    document_id = walker.required_text(parts, v.DOCUMENT_ID, code="qcvn102.1.14.document-id-missing", under=header)
    code = walker.inside(parts, v.CODE)
    promulgation = walker.inside(parts, v.PROMULGATION)
    kind = walker.inside(parts, v.DOCUMENT_TYPE)
    trace_list = walker.inside(header_parts, v.TRACE_HEADER_LIST)
    body = walker.inside(inside, *v.BODIES)
    message = partial(
        DocumentMessage,
        code=DocumentCode(
            walker.text(walker.one(code, v.CODE_NUMBER), identifying=True),
            walker.text(walker.one(code, v.CODE_NOTATION), identifying=True),
        ),
        promulgated_at_place=walker.text(walker.one(promulgation, v.PLACE)),
        promulgated_on=walker.day(
            walker.one(promulgation, v.PROMULGATION_DATE),
            code="qcvn102.1.4.promulgation-date-malformed",
            severity=Severity.ERROR,
        ),
        document_type=DocumentType(
            _number(walker, kind, v.TYPE),
            _number(walker, kind, v.TYPE_DETAIL),
            walker.text(walker.one(kind, v.TYPE_NAME)),
        ),
        subject=walker.text(walker.one(parts, v.SUBJECT)),
        content=walker.text(walker.one(parts, v.CONTENT)),
        signer=_signer(walker, walker.inside(parts, v.SIGNER)),
        due_date=walker.day(
            walker.one(parts, v.DUE_DATE), code="qcvn102.1.9.due-date-malformed", severity=Severity.ERROR
        ),
        places=walker.texts(walker.inside(parts, v.TO_PLACES).get(v.PLACE, [])),
        handling=_handling(walker, walker.inside(parts, v.OTHER)),
        response_for=_responses_for(walker, parts),
        steering_type=_steering_type(walker, parts),
        task_codes=walker.texts(walker.inside(parts, v.RESPONSE_FOR_TASK).get(v.TASK_CODE, [])),
        application_type=walker.text(walker.one(parts, v.APPLICATION_TYPE)),
        traces=read_traces(walker, trace_list),
        business=read_business(walker, trace_list),
        errors=_errors(walker, walker.inside(header_parts, v.ERROR_LIST)),
        references=_references(walker, walker.inside(body, *v.MANIFESTS)),
        attachments=_attachments(walker, layers, inside, body),
    )
    if sender is None or document_id is None or not recipients:
        return None
    return message(sender, recipients, document_id)


def _recipients(walker: Walker, header: "etree._Element", parts: Parts) -> tuple[Organization, ...]:
    elements = parts.get(v.TO, [])
    if not elements:
        walker.missing("qcvn102.1.2.to-missing", v.TO, under=header)
    read = (read_organization(walker, element) for element in elements)
    return tuple(organization for organization in read if organization is not None)


def _number(walker: Walker, parts: Parts, name: str) -> int | None:
    return walker.integer(walker.one(parts, name), code="qcvn102.1.2.not-a-number", severity=Severity.WARNING)


def _signer(walker: Walker, parts: Parts) -> Signer | None:
    signer = Signer(
        *(walker.text(walker.one(parts, name)) for name in (v.COMPETENCE, v.POSITION, v.FULL_NAME)),
    )
    return None if signer == Signer() else signer


def _handling(walker: Walker, parts: Parts) -> Handling:
    return Handling(
        priority=_number(walker, parts, v.PRIORITY),
        sphere=walker.text(walker.one(parts, v.SPHERE)),
        typer_notation=walker.text(walker.one(parts, v.TYPER_NOTATION)),
        copies=_number(walker, parts, v.PROMULGATION_AMOUNT),
        pages=_number(walker, parts, v.PAGE_AMOUNT),
        directive=walker.boolean(walker.one(parts, v.DIRECTION)),
        reply_fors=walker.listed(walker.one(parts, v.REPLY_FORS)),
        reference_codes=walker.listed(walker.one(parts, v.REFERENCE_CODES)),
        appendixes=walker.listed(walker.one(parts, v.APPENDIXES)),
    )


def _responses_for(walker: Walker, parts: Parts) -> tuple[ResponseFor, ...]:
    read = (read_response_for(walker, element) for element in parts.get(v.RESPONSE_FOR, ()))
    return tuple(response_for for response_for in read if response_for is not None)


def _steering_type(walker: Walker, parts: Parts) -> int | None:
    element = walker.one(parts, v.STEERING_TYPE)
    # The vendor library, which most receivers embed, loses the whole message over anything but bare digits here.
    if element is not None and not (element.text or "").isdigit():
        walker.error(
            "qcvn102.1.13.steering-type-not-a-number",
            f"{v.STEERING_TYPE} is not written in digits alone; receivers fail on it.",
            f"Write 0, 1, 2 or 3 without blanks, or leave {v.STEERING_TYPE} out.",
            at=element,
        )
        return None
    return walker.integer(element, code="qcvn102.1.13.steering-type-not-a-number", severity=Severity.ERROR)


def _errors(walker: Walker, parts: Parts) -> tuple[ReportedError, ...]:
    read = (
        ReportedError(
            walker.text(walker.one(inner, v.ERROR_CODE)),
            walker.text(walker.one(inner, v.ERROR_DESCRIPTION)),
        )
        for inner in map(walker.parts, parts.get(v.ERROR, ()))
    )
    return tuple(error for error in read if error != ReportedError())


def _references(walker: Walker, parts: Parts) -> tuple[Reference, ...]:
    return tuple(
        Reference(
            content_id=walker.content_id(walker.one(inner, v.CONTENT_ID)),
            content_type=walker.text(walker.one(inner, v.CONTENT_TYPE)),
            description=walker.text(walker.one(inner, v.DESCRIPTION)),
            name=walker.text(walker.one(inner, v.ATTACHMENT_NAME)),
        )
        for inner in map(walker.parts, parts.get(v.REFERENCE, ()))
    )


def _attachments(walker: Walker, layers: Parts, inside: Parts, body: Parts) -> tuple[Attachment, ...]:
    within = [*inside.get(v.ATTACHMENT_ENCODED, ()), *body.get(v.ATTACHMENT_ENCODED, ())]
    found = {v.ATTACHMENT_ENCODED: [*layers.get(v.ATTACHMENT_ENCODED, ()), *within]}
    for misplaced in within:
        walker.note(
            Severity.WARNING,
            "qcvn102.1.10.attachments-misplaced",
            f"{v.ATTACHMENT_ENCODED} stands inside the envelope.",
            f"Put {v.ATTACHMENT_ENCODED} behind the envelope.",
            at=misplaced,
        )
    return tuple(
        Attachment(
            content_id=walker.content_id(walker.one(inner, v.CONTENT_ID)),
            name=walker.text(walker.one(inner, v.ATTACHMENT_NAME)),
            description=walker.text(walker.one(inner, v.DESCRIPTION)),
            content_type=walker.text(walker.one(inner, v.CONTENT_TYPE)),
            content=walker.content(walker.one(inner, v.CONTENT_ENCODED)),
        )
        for inner in map(walker.parts, walker.inside(found, v.ATTACHMENT_ENCODED).get(v.ATTACHMENT, ()))
    )
