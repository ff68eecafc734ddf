"""Rules about status messages."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from app.edxml import vocabulary as v
from app.edxml.model import StatusCode, StatusMessage
from app.edxml.rule import Breach, Rule, missing
from app.findings import Severity

CLOCK_DIFFERENCE = timedelta(minutes=5)
"""How far the sender's clock may be ahead of ours before it is mentioned."""
NEEDS_REASON = frozenset({StatusCode.REFUSED, StatusCode.WITHDRAWAL_REQUESTED, StatusCode.CHANGE_REFUSED})
"""Statuses that are nothing without a reason."""
_PATH = f"{v.MESSAGE_PATH}/{v.RESPONSE_FOR}"


def reported_document_unnamed(message: StatusMessage, _at: datetime) -> Iterator[Breach]:
    """A status names the document it reports on."""
    if message.response_for.document_id is None:
        yield missing(v.DOCUMENT_ID, f"{_PATH}/{v.DOCUMENT_ID}", f"Give the {v.DOCUMENT_ID} of the document.")


def reported_code_missing(message: StatusMessage, _at: datetime) -> Iterator[Breach]:
    """A status gives the code of the document it reports on."""
    if message.response_for.code is None:
        yield missing(v.CODE, f"{_PATH}/{v.CODE}", "Give số and ký hiệu of the document.")


def addressee_unnamed(message: StatusMessage, _at: datetime) -> Iterator[Breach]:
    """A status names the agency it is for; there is no other address in it."""
    if message.response_for.organ_id is None:
        yield missing(v.ORGAN_ID, f"{_PATH}/{v.ORGAN_ID}", "Give the code of the agency the status is for.")


def reason_missing(message: StatusMessage, _at: datetime) -> Iterator[Breach]:
    """Who refuses or asks for a document back says why."""
    if message.status in NEEDS_REASON and message.description is None:
        yield missing(
            v.DESCRIPTION, f"{v.MESSAGE_PATH}/{v.DESCRIPTION}", f"Give the reason for status {message.status.value}."
        )


def timestamp_missing(message: StatusMessage, _at: datetime) -> Iterator[Breach]:
    """A status says since when it holds."""
    if message.reported_at is None:
        yield missing(v.TIMESTAMP, f"{v.MESSAGE_PATH}/{v.TIMESTAMP}")


def timestamp_in_future(message: StatusMessage, at: datetime) -> Iterator[Breach]:
    """A status does not hold before it is reported."""
    if message.reported_at is not None and message.reported_at > at + CLOCK_DIFFERENCE:
        yield Breach(
            f"{v.TIMESTAMP} is ahead of the node's clock.",
            "Synchronise the clock, and write the time in Vietnam.",
            f"{v.MESSAGE_PATH}/{v.TIMESTAMP}",
        )


_QCVN = "QCVN 102:2016/BTTTT 1.12"

RULES: tuple[Rule[StatusMessage], ...] = (
    Rule("qcvn102.1.12.document-id-missing", Severity.ERROR, _QCVN, reported_document_unnamed),
    Rule("qcvn102.1.12.code-missing", Severity.ERROR, _QCVN, reported_code_missing),
    Rule("qcvn102.1.12.organ-id-missing", Severity.WARNING, _QCVN, addressee_unnamed),
    Rule("qd28.5.4.reason-missing", Severity.ERROR, "QĐ 28/2018/QĐ-TTg Đ5.4, Đ8, Đ9", reason_missing),
    Rule("qcvn102.1.12.timestamp-missing", Severity.WARNING, _QCVN, timestamp_missing),
    Rule("qd28.14.4.timestamp-in-future", Severity.WARNING, "QĐ 28/2018/QĐ-TTg Đ14.4", timestamp_in_future),
)
