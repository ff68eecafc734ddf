"""Read a status message: who reports what on which document."""

from typing import TYPE_CHECKING

from app.edxml import vocabulary as v
from app.edxml.model import StatusCode, StatusMessage
from app.edxml.read_parts import read_response_for, read_sender, read_staff
from app.edxml.walk import Parts, Walker, shortened

if TYPE_CHECKING:
    from lxml import etree

_OF_DOCUMENTS = (v.TO, v.SUBJECT, v.CODE)
_PARTS = frozenset({v.FROM, v.RESPONSE_FOR, v.STAFF, v.STATUS_CODE, v.DESCRIPTION, v.TIMESTAMP, *_OF_DOCUMENTS})


def read_status(walker: Walker, header: "etree._Element", parts: Parts) -> StatusMessage | None:
    """Read the MessageHeader of a status message; what is missing is noted."""
    for foreign in _OF_DOCUMENTS:
        for element in parts.get(foreign, ()):
            walker.error(
                "qcvn102.1.12.status-and-document",
                f"The message has both {v.STATUS_CODE} and {foreign}; readers disagree on what it is.",
                f"Send a status without {foreign}, or a document without {v.STATUS_CODE}.",
                at=element,
            )
    walker.ignore_unknown(parts, _PARTS)
    sender = read_sender(walker, header, parts)
    response_for = read_response_for(walker, walker.one(parts, v.RESPONSE_FOR))
    if response_for is None:
        walker.missing("qcvn102.1.12.response-for-missing", v.RESPONSE_FOR, under=header)
    status = _status_code(walker, header, parts)
    staff = read_staff(walker, walker.one(parts, v.STAFF))
    description = walker.text(walker.one(parts, v.DESCRIPTION))
    reported_at = walker.instant(walker.one(parts, v.TIMESTAMP))
    if sender is None or response_for is None or status is None:
        return None
    return StatusMessage(sender, response_for, status, staff, description, reported_at)


def _status_code(walker: Walker, header: "etree._Element", parts: Parts) -> StatusCode | None:
    text = walker.required_text(parts, v.STATUS_CODE, code="qcvn102.1.12.status-code-missing", under=header)
    if text is None:
        return None
    try:
        return StatusCode(text)
    except ValueError:
        allowed = ", ".join(code.value for code in StatusCode)
        walker.error(
            "qcvn102.1.12.status-code-unknown",
            f"{v.STATUS_CODE} is {shortened(text)}; known are {allowed}.",
            f"Write one of {allowed}, with both digits.",
            at=parts[v.STATUS_CODE][0],
        )
        return None
