"""Rules about the header of a document message (1.3 to 1.14 of the annex)."""

import unicodedata
from collections.abc import Iterator
from datetime import datetime

from app.edxml import vocabulary as v
from app.edxml.model import VIETNAM, DocumentMessage
from app.edxml.rule import Breach, Rule, missing, numbered
from app.findings import Severity

DOCUMENT_ID_CHARS_MAX = 500
"""Longest DocumentId, five times the longest seen; it is a key at the node and at every receiver (decision 0006)."""
_PRIORITY_MAX = 4
_STEERING_TYPE_MAX = 3
_CODE_PATH = f"{v.MESSAGE_PATH}/{v.CODE}"
_PROMULGATION_PATH = f"{v.MESSAGE_PATH}/{v.PROMULGATION}"


def code_number_missing(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A document has a number."""
    if message.code.number is None:
        yield missing(v.CODE_NUMBER, f"{_CODE_PATH}/{v.CODE_NUMBER}")


def code_notation_missing(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A document has a notation."""
    if message.code.notation is None:
        yield missing(v.CODE_NOTATION, f"{_CODE_PATH}/{v.CODE_NOTATION}")


def promulgation_place_missing(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A document says where it was promulgated."""
    if message.promulgated_at_place is None:
        yield missing(v.PLACE, f"{_PROMULGATION_PATH}/{v.PLACE}")


def promulgation_date_missing(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A document says when it was promulgated."""
    if message.promulgated_on is None:
        yield missing(v.PROMULGATION_DATE, f"{_PROMULGATION_PATH}/{v.PROMULGATION_DATE}")


def promulgation_date_in_future(message: DocumentMessage, at: datetime) -> Iterator[Breach]:
    """A document is not sent before its day, counted in Vietnam."""
    day = message.promulgated_on
    if day is not None and day > at.astimezone(VIETNAM).date():
        yield Breach(
            f"{v.PROMULGATION_DATE} {day:%Y/%m/%d} is in the future.",
            "Send the document on or after the day it is promulgated.",
            f"{_PROMULGATION_PATH}/{v.PROMULGATION_DATE}",
        )


def type_name_missing(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A document names its type; the statistics go by it."""
    if message.document_type.name is None:
        yield missing(
            v.TYPE_NAME,
            f"{v.MESSAGE_PATH}/{v.DOCUMENT_TYPE}/{v.TYPE_NAME}",
            "Name the type as in NĐ 30/2020/NĐ-CP Phụ lục III, such as Công văn.",
        )


def subject_missing(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A document has a subject."""
    if message.subject is None:
        yield missing(v.SUBJECT, f"{v.MESSAGE_PATH}/{v.SUBJECT}")


def signer_missing(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A document names who signed it."""
    if message.signer is None or message.signer.full_name is None:
        yield missing(v.FULL_NAME, f"{v.MESSAGE_PATH}/{v.SIGNER}/{v.FULL_NAME}")


def priority_out_of_range(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """Độ khẩn is 0 to 4."""
    priority = message.handling.priority
    if priority is not None and priority > _PRIORITY_MAX:
        yield Breach(
            f"{v.PRIORITY} is {priority}.",
            "Write 0 (thường), 1 (khẩn), 2 (thượng khẩn), 3 (hỏa tốc) or 4 (hỏa tốc hẹn giờ).",
            f"{v.MESSAGE_PATH}/{v.OTHER}/{v.PRIORITY}",
        )


def steering_type_out_of_range(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """Loại chỉ đạo is 0 to 3."""
    if message.steering_type is not None and message.steering_type > _STEERING_TYPE_MAX:
        yield Breach(
            f"{v.STEERING_TYPE} is {message.steering_type}.",
            "Write 0, 1, 2 or 3.",
            f"{v.MESSAGE_PATH}/{v.STEERING_TYPE}",
        )


def response_for_incomplete(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """What is answered is named by its code and its DocumentId."""
    for index, response_for in enumerate(message.response_for):
        path = numbered(f"{v.MESSAGE_PATH}/{v.RESPONSE_FOR}", index, len(message.response_for))
        if response_for.code is None:
            yield missing(v.CODE, f"{path}/{v.CODE}")
        if response_for.document_id is None:
            yield missing(v.DOCUMENT_ID, f"{path}/{v.DOCUMENT_ID}")


def document_id_unusable(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A DocumentId is one line of moderate length."""
    path = f"{v.MESSAGE_PATH}/{v.DOCUMENT_ID}"
    if len(message.document_id) > DOCUMENT_ID_CHARS_MAX:
        yield Breach(
            f"{v.DOCUMENT_ID} has {len(message.document_id)} characters.",
            f"Use {DOCUMENT_ID_CHARS_MAX} characters or fewer.",
            path,
        )
    if any(unicodedata.category(sign) == "Cc" for sign in message.document_id):
        yield Breach(f"{v.DOCUMENT_ID} holds line breaks or control characters.", "Write it in one line.", path)


def trace_missing(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """The sender is the first hop of the trace."""
    if not message.traces:
        yield missing(v.TRACE_HEADER, f"{v.TRACE_PATH}/{v.TRACE_HEADER}", "Add the sender and the time of sending.")


_QCVN = "QCVN 102:2016/BTTTT"

RULES: tuple[Rule[DocumentMessage], ...] = (
    Rule("qcvn102.1.3.code-number-missing", Severity.ERROR, f"{_QCVN} 1.3", code_number_missing),
    Rule("qcvn102.1.3.code-notation-missing", Severity.ERROR, f"{_QCVN} 1.3", code_notation_missing),
    Rule("qcvn102.1.4.place-missing", Severity.WARNING, f"{_QCVN} 1.4", promulgation_place_missing),
    Rule("qcvn102.1.4.promulgation-date-missing", Severity.ERROR, f"{_QCVN} 1.4", promulgation_date_missing),
    Rule("qcvn102.1.4.promulgation-date-in-future", Severity.ERROR, f"{_QCVN} 1.4", promulgation_date_in_future),
    Rule("qcvn102.1.5.type-name-missing", Severity.WARNING, f"{_QCVN} 1.5", type_name_missing),
    Rule("qcvn102.1.6.subject-missing", Severity.ERROR, f"{_QCVN} 1.6", subject_missing),
    Rule("qcvn102.1.8.signer-missing", Severity.WARNING, f"{_QCVN} 1.8", signer_missing),
    Rule("qcvn102.1.11.priority-out-of-range", Severity.ERROR, f"{_QCVN} 1.11", priority_out_of_range),
    Rule("qcvn102.1.12.response-for-incomplete", Severity.WARNING, f"{_QCVN} 1.12", response_for_incomplete),
    Rule("qcvn102.1.13.steering-type-out-of-range", Severity.ERROR, f"{_QCVN} 1.13", steering_type_out_of_range),
    Rule("ours.edxml.document-id-unusable", Severity.ERROR, "ours, decision 0006", document_id_unusable),
    Rule("qcvn102.2.1.trace-missing", Severity.WARNING, f"{_QCVN} 2.1", trace_missing),
)
