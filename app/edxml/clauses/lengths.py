"""Lengths of the annex. Real senders exceed them, so they are warned of; strict mode refuses."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import TypeVar

from app.edxml import vocabulary as v
from app.edxml.model import DocumentMessage, Message, Organization, Signer, StatusMessage
from app.edxml.rule import Breach, Rule, numbered
from app.edxml.walk import shortened
from app.findings import Severity

_M = TypeVar("_M")
_Values = Callable[[_M], Iterable[tuple[str, str | None]]]
"""Gives each value of a field with the path below MessageHeader (or from the root, with a leading slash)."""

_AMOUNT_MAX = 999
"""Three digits."""


def _too_long(values: "_Values[_M]", length_max: int, message: _M, _at: datetime) -> Iterator[Breach]:
    for path, value in values(message):
        if value is not None and len(value) > length_max:
            place = path if path.startswith("/") else f"{v.MESSAGE_PATH}/{path}"
            name = place.rpartition("/")[2].partition("[")[0]
            yield Breach(
                f"{name} {shortened(value)} has {len(value)} characters; the annex allows {length_max}.",
                f"Shorten it to {length_max} characters.",
                place,
            )


def _length(code: str, length_max: int, source: str, values: "_Values[_M]") -> "Rule[_M]":
    return Rule(
        f"qcvn102.{code}-too-long",
        Severity.WARNING,
        source,
        partial(_too_long, values, length_max),
        strict=Severity.ERROR,
    )


def _each(path: str, values: Iterable[str | None]) -> Iterator[tuple[str, str | None]]:
    listed = tuple(values)
    for index, value in enumerate(listed):
        yield numbered(path, index, len(listed)), value


def _of_agencies(name: str, value_of: Callable[[Organization], str | None]) -> "_Values[Message]":
    def values(message: Message) -> Iterator[tuple[str, str | None]]:
        yield f"{v.FROM}/{name}", value_of(message.sender)
        recipients = message.recipients if isinstance(message, DocumentMessage) else ()
        for index, recipient in enumerate(recipients):
            yield f"{numbered(v.TO, index, len(recipients))}/{name}", value_of(recipient)

    return values


def _attachment_names(message: DocumentMessage) -> Iterator[tuple[str, str | None]]:
    for index, attachment in enumerate(message.attachments):
        step = numbered(v.ATTACHMENT, index, len(message.attachments))
        yield f"{v.ATTACHMENTS_PATH}/{step}/{v.ATTACHMENT_NAME}", attachment.name


def _reason(message: DocumentMessage) -> str | None:
    return message.business.reason if message.business else None


def amount_over_three_digits(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """Numbers of copies and pages have three digits."""
    for name, amount in ((v.PROMULGATION_AMOUNT, message.handling.copies), (v.PAGE_AMOUNT, message.handling.pages)):
        if amount is not None and amount > _AMOUNT_MAX:
            yield Breach(
                f"{name} is {amount}; the annex allows three digits.",
                f"Check {name}.",
                f"{v.MESSAGE_PATH}/{v.OTHER}/{name}",
            )


_QCVN = "QCVN 102:2016/BTTTT"
_BOTH = f"{_QCVN}; NĐ 30/2020/NĐ-CP Phụ lục VI"

_AGENCY_RULES: tuple[Rule[Message], ...] = (
    _length("1.1.organ-name", 200, _BOTH, _of_agencies(v.ORGAN_NAME, lambda agency: agency.name)),
    _length("1.1.organization-in-charge", 500, _QCVN, _of_agencies(v.ORGANIZATION_IN_CHARGE, lambda a: a.in_charge)),
    _length("1.1.organ-address", 500, _QCVN, _of_agencies(v.ORGAN_ADDRESS, lambda agency: agency.address)),
    _length("1.1.email", 100, _QCVN, _of_agencies(v.EMAIL, lambda agency: agency.email)),
    _length("1.1.telephone", 20, _QCVN, _of_agencies(v.TELEPHONE, lambda agency: agency.telephone)),
    _length("1.1.fax", 20, _QCVN, _of_agencies(v.FAX, lambda agency: agency.fax)),
)

STATUS_RULES: tuple[Rule[StatusMessage], ...] = (
    *_AGENCY_RULES,
    _length("1.12.description", 500, _BOTH, lambda m: [(v.DESCRIPTION, m.description)]),
)

_CODE = f"{v.CODE}/"
_SIGNER = f"{v.SIGNER}/"
_OTHER = f"{v.OTHER}/"

DOCUMENT_RULES: tuple[Rule[DocumentMessage], ...] = (
    *_AGENCY_RULES,
    _length("1.3.code-number", 11, _BOTH, lambda m: [(_CODE + v.CODE_NUMBER, m.code.number)]),
    _length("1.3.code-notation", 30, _BOTH, lambda m: [(_CODE + v.CODE_NOTATION, m.code.notation)]),
    _length("1.4.place", 50, _QCVN, lambda m: [(f"{v.PROMULGATION}/{v.PLACE}", m.promulgated_at_place)]),
    _length("1.5.type-name", 100, _BOTH, lambda m: [(f"{v.DOCUMENT_TYPE}/{v.TYPE_NAME}", m.document_type.name)]),
    _length("1.6.subject", 500, _BOTH, lambda m: [(v.SUBJECT, m.subject)]),
    _length("1.7.content", 500, _QCVN, lambda m: [(v.CONTENT, m.content)]),
    _length("1.8.competence", 100, _QCVN, lambda m: [(_SIGNER + v.COMPETENCE, (m.signer or Signer()).competence)]),
    _length("1.8.position", 100, _BOTH, lambda m: [(_SIGNER + v.POSITION, (m.signer or Signer()).position)]),
    _length("1.8.full-name", 50, _BOTH, lambda m: [(_SIGNER + v.FULL_NAME, (m.signer or Signer()).full_name)]),
    _length("1.10.to-place", 150, _BOTH, lambda m: _each(f"{v.TO_PLACES}/{v.PLACE}", m.places)),
    _length("1.10.to-places", 1000, _BOTH, lambda m: [(v.TO_PLACES, "; ".join(m.places))]),
    _length("1.11.sphere", 100, _QCVN, lambda m: [(_OTHER + v.SPHERE, m.handling.sphere)]),
    _length("1.11.typer-notation", 10, _QCVN, lambda m: [(_OTHER + v.TYPER_NOTATION, m.handling.typer_notation)]),
    Rule("qcvn102.1.11.amount-too-long", Severity.WARNING, _BOTH, amount_over_three_digits, strict=Severity.ERROR),
    _length(
        "2.2.reason",
        500,
        _QCVN,
        lambda m: [(f"{v.BUSINESS_PATH}/{v.BUSINESS_DOC_REASON}", _reason(m))],
    ),
    _length("4.attachment-name", 500, _QCVN, _attachment_names),
)
