"""Rules about the agencies of a message: their codes, and who receives it."""

from collections.abc import Iterator
from datetime import date, datetime

from app.edxml import vocabulary as v
from app.edxml.model import DocumentMessage, Message, Organization
from app.edxml.organ_id import OrganId
from app.edxml.rule import Breach, Rule, numbered
from app.findings import Severity

RECIPIENTS_MAX = 5_000
"""Most recipients of one message; there are some 3,400 agencies down to the commune."""

_FIRST_DAY_OF_35 = date(2022, 9, 15)
_LAST_DAY_OF_13 = date(2022, 9, 14)


def _agencies(message: Message) -> Iterator[tuple[str, Organization]]:
    yield f"{v.MESSAGE_PATH}/{v.FROM}", message.sender
    recipients = message.recipients if isinstance(message, DocumentMessage) else ()
    for index, recipient in enumerate(recipients):
        yield numbered(f"{v.MESSAGE_PATH}/{v.TO}", index, len(recipients)), recipient


def _longer_codes(message: Message, length_max: int) -> Iterator[Breach]:
    for path, agency in _agencies(message):
        length = len(agency.organ_id.text)
        if length > length_max:
            yield Breach(
                f"The agency code {agency.organ_id.text!r} has {length} characters; {length_max} are allowed.",
                "Use the registered code.",
                f"{path}/{v.ORGAN_ID}",
            )


def organ_id_longer_than_13(message: Message, _at: datetime) -> Iterator[Breach]:
    """Until Sửa đổi 1:2022 a code had at most 13 characters."""
    yield from _longer_codes(message, 13)


def organ_id_longer_than_35(message: Message, _at: datetime) -> Iterator[Breach]:
    """Since Sửa đổi 1:2022 a code has at most 35 characters."""
    yield from _longer_codes(message, 35)


def organ_id_nonconforming(message: Message, _at: datetime) -> Iterator[Breach]:
    """Every code a sender writes follows one of the regulations; the trace is not his to write."""
    for path, organ_id in (*_codes_of_agencies(message), *_codes_of_others(message)):
        if not organ_id.conforms:
            yield Breach(
                f"The agency code {organ_id.text!r} follows neither QCVN 102:2016 nor QĐ 20/2020/QĐ-TTg.",
                "Have the agency registered under a conforming code, and use that.",
                f"{path}/{v.ORGAN_ID}",
            )


def _codes_of_agencies(message: Message) -> Iterator[tuple[str, OrganId]]:
    for path, agency in _agencies(message):
        yield path, agency.organ_id


def _codes_of_others(message: Message) -> Iterator[tuple[str, OrganId]]:
    """Give the codes of agencies a message speaks of without being from or to them."""
    document = message if isinstance(message, DocumentMessage) else None
    answered = message.response_for if isinstance(message, DocumentMessage) else (message.response_for,)
    for index, response_for in enumerate(answered):
        if response_for.organ_id is not None:
            yield numbered(f"{v.MESSAGE_PATH}/{v.RESPONSE_FOR}", index, len(answered)), response_for.organ_id
    business = document.business if document else None
    if business is None:
        return
    receivers = business.update.receivers if business.update else ()
    for index, receiver in enumerate(receivers):
        step = numbered(v.RECEIVER, index, len(receivers))
        yield f"{v.BUSINESS_PATH}/{v.BUSINESS_DOCUMENT}/{v.RECEIVER_LIST}/{step}", receiver.organ_id
    for index, replacement in enumerate(business.replacements):
        step = numbered(v.REPLACEMENT, index, len(business.replacements))
        for organ_id in replacement.organ_ids:
            yield f"{v.BUSINESS_PATH}/{v.REPLACEMENT_LIST}/{step}/{v.ORGAN_ID_LIST}", organ_id


def organ_name_missing(message: Message, _at: datetime) -> Iterator[Breach]:
    """Each agency is named; messages of the axis sometimes do not."""
    for path, agency in _agencies(message):
        if agency.name is None:
            yield Breach(f"{v.ORGAN_NAME} is missing.", "Give the name of the agency.", f"{path}/{v.ORGAN_NAME}")


def recipient_repeated(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """No agency receives a document twice."""
    seen: set[str] = set()
    for index, recipient in enumerate(message.recipients):
        code = recipient.organ_id.text
        if code in seen:
            yield Breach(
                f"The recipient {code!r} is named more than once.",
                f"Keep one {v.TO} for each recipient.",
                f"{v.MESSAGE_PATH}/{v.TO}[{index + 1}]/{v.ORGAN_ID}",
            )
        seen.add(code)


def recipients_too_many(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """The number of deliveries one message makes is bounded."""
    if len(message.recipients) > RECIPIENTS_MAX:
        yield Breach(
            f"The message has {len(message.recipients)} recipients; {RECIPIENTS_MAX} are taken.",
            "Send it in several messages, each with its own DocumentId.",
            f"{v.MESSAGE_PATH}/{v.TO}",
        )


_AGENCY_RULES: tuple[Rule[Message], ...] = (
    Rule(
        "qcvn102.1.1.organ-id-over-13",
        Severity.ERROR,
        "QCVN 102:2016/BTTTT (before Sửa đổi 1:2022)",
        organ_id_longer_than_13,
        in_force_until=_LAST_DAY_OF_13,
    ),
    Rule(
        "qcvn102.1.1.organ-id-over-35",
        Severity.ERROR,
        "Sửa đổi 1:2022 QCVN 102:2016/BTTTT; QĐ 20/2020/QĐ-TTg Đ4",
        organ_id_longer_than_35,
        in_force_from=_FIRST_DAY_OF_35,
    ),
    Rule(
        "qd20.4.organ-id-nonconforming",
        Severity.WARNING,
        "QĐ 20/2020/QĐ-TTg Đ4-6; QCVN 102:2016/BTTTT; that it may be taken: ours, decision 0013",
        organ_id_nonconforming,
        strict=Severity.ERROR,
    ),
    Rule("qcvn102.1.1.organ-name-missing", Severity.WARNING, "QCVN 102:2016/BTTTT 1.1, 1.2", organ_name_missing),
)

STATUS_RULES: tuple[Rule[Message], ...] = _AGENCY_RULES
DOCUMENT_RULES: tuple[Rule[DocumentMessage], ...] = (
    *_AGENCY_RULES,
    Rule("qcvn102.1.2.recipient-repeated", Severity.ERROR, "QCVN 102:2016/BTTTT 1.2", recipient_repeated),
    Rule("ours.edxml.recipients-too-many", Severity.ERROR, "ours, decision 0007", recipients_too_many),
)
