"""Read the parts that document and status messages have in common: agencies, staff, answered documents."""

from typing import TYPE_CHECKING

from app.edxml import vocabulary as v
from app.edxml.model import Organization, ResponseFor, Staff
from app.edxml.organ_id import OrganId
from app.edxml.walk import Parts, Walker
from app.findings import Severity

if TYPE_CHECKING:
    from lxml import etree


def read_sender(walker: Walker, header: "etree._Element", parts: Parts) -> Organization | None:
    """Read From, which is required."""
    element = walker.one(parts, v.FROM)
    if element is None:
        walker.missing("qcvn102.1.1.from-missing", v.FROM, under=header)
        return None
    return read_organization(walker, element)


def read_organization(walker: Walker, element: "etree._Element") -> Organization | None:
    """Read an agency; there is none without a usable code, which is noted."""
    parts = walker.parts(element)
    organ_id = required_organ_id(walker, element, parts)
    fields = [
        walker.text(walker.one(parts, name))
        for name in (
            v.ORGANIZATION_IN_CHARGE,
            v.ORGAN_NAME,
            v.ORGAN_ADDRESS,
            v.EMAIL,
            v.TELEPHONE,
            v.FAX,
            v.WEBSITE,
        )
    ]
    return None if organ_id is None else Organization(organ_id, *fields)


def required_organ_id(walker: Walker, element: "etree._Element", parts: Parts) -> OrganId | None:
    """Read the OrganId among these parts; none, or an unusable one, is an error."""
    holder = walker.one(parts, v.ORGAN_ID)
    organ_id = walker.organ_id(holder, severity=Severity.ERROR)
    if holder is None or (organ_id is None and not (holder.text or "").strip()):
        walker.missing("qcvn102.1.1.organ-id-missing", v.ORGAN_ID, under=element)
    return organ_id


def read_staff(walker: Walker, element: "etree._Element | None") -> Staff | None:
    """Read StaffInfo; empty is absent."""
    parts = walker.parts(element)
    staff = Staff(
        *(
            walker.text(walker.one(parts, name))
            for name in (v.DEPARTMENT, v.DEPARTMENT_ID, v.STAFF_NAME, v.STAFF_ID, v.EMAIL, v.MOBILE)
        )
    )
    return None if staff == Staff() else staff


def read_response_for(walker: Walker, element: "etree._Element | None") -> ResponseFor | None:
    """Read ResponseFor; empty is absent, as messages of the axis carry it so.

    Its code and its day are informative, so bad ones are only warned of: real clients swap Code and OrganId.
    """
    parts = walker.parts(element)
    response_for = ResponseFor(
        organ_id=walker.organ_id(walker.one(parts, v.ORGAN_ID), severity=Severity.WARNING),
        code=walker.text(walker.one(parts, v.CODE)),
        promulgated_on=walker.day(
            walker.one(parts, v.PROMULGATION_DATE),
            code="qcvn102.1.12.promulgation-date-malformed",
            severity=Severity.WARNING,
        ),
        document_id=walker.text(walker.one(parts, v.DOCUMENT_ID), identifying=True),
    )
    if response_for != ResponseFor():
        return response_for
    if element is not None:
        walker.note(
            Severity.INFO,
            "qcvn102.1.12.response-for-empty",
            f"{v.RESPONSE_FOR} is empty; it is taken as absent.",
            f"Leave {v.RESPONSE_FOR} out where nothing is answered.",
            at=element,
        )
    return None
