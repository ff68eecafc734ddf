"""Say what a message holds as plain values for JSON: for the command line and for the holders of a document.

Names, addresses and telephone numbers of officials are in it, so it goes to nobody else.
"""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TypeAlias

from app.edxml import document_types
from app.edxml.attachments import AttachmentSummary
from app.edxml.model import Attachment, DocumentKind, DocumentMessage, Message, ReceiverChange, StatusMessage, Urgency
from app.edxml.organ_id import OrganId

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"


def describe(message: Message, *, attachments: Iterable[AttachmentSummary] = ()) -> dict[str, Json]:
    """Describe a message.

    Args:
        message: as `read` gave it.
        attachments: what `attachments.inspect` found; without it the attachments are described as named.

    Returns:
        JSON values only: times RFC 3339 in UTC, codes of agencies as text, absent fields as null. `message_type` is
        `document` or `status`.
    """
    if isinstance(message, StatusMessage):
        status = _fields_of(message)
        return {
            "message_type": "status",
            **status,
            "status_name": message.status.slug,
        }
    described = _fields_of(message)
    opened = [_value(summary) for summary in attachments]
    code = document_types.classify(message.document_type.name)
    return {
        "message_type": "document",
        "kind": message.kind.slug,
        **described,
        "code_text": message.code.text,
        "document_type_code": code,
        "document_type_label": document_types.LABELS[code],
        "urgency": _urgency(message),
        "attachments": opened or described["attachments"],
    }


def _urgency(message: DocumentMessage) -> str | None:
    try:
        return Urgency(message.priority).name.lower()
    except ValueError:
        return None


def _fields_of(value: object) -> dict[str, Json]:
    # An attachment's content is megabytes of base64; its summary says what it is.
    hidden = "content" if isinstance(value, Attachment) else None
    assert is_dataclass(value)
    return {field.name: _value(getattr(value, field.name)) for field in fields(value) if field.name != hidden}


def _value(value: object) -> Json:
    match value:
        case StrEnum():
            return value.value
        case DocumentKind() | ReceiverChange():
            return value.name.lower()
        case OrganId():
            return value.text
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case tuple():
            return [_value(entry) for entry in value]
        case None | int() | str():
            return value
        case _:
            return _fields_of(value)
