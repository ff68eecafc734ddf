"""Check a message against the table of rules. Decides nothing: it reports, each finding with its source.

The rules stand in `clauses`, by the part of the message they look at. What reading already refuses (see `read`) is not
repeated here.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeVar, assert_never

from app.edxml.clauses import agencies, attachments, business, header, lengths, status
from app.edxml.model import VIETNAM, DocumentMessage, Message, StatusMessage
from app.edxml.rule import Rule
from app.findings import Finding, Severity

_M = TypeVar("_M")

DOCUMENT_RULES: tuple[Rule[DocumentMessage], ...] = (
    *agencies.DOCUMENT_RULES,
    *header.RULES,
    *business.RULES,
    *attachments.RULES,
    *lengths.DOCUMENT_RULES,
)
"""Every rule for document messages, in the order of their findings."""

STATUS_RULES: tuple[Rule[StatusMessage], ...] = (
    *agencies.STATUS_RULES,
    *status.RULES,
    *lengths.STATUS_RULES,
)
"""Every rule for status messages, in the order of their findings."""


def check(message: Message, *, at: datetime, strict: bool = False) -> tuple[Finding, ...]:
    """Check a message against every rule in force.

    Args:
        message: as `read` gave it.
        at: aware; the rules in force and the meaning of "in the future" hang on its day in Vietnam.
        strict: whether lengths of the annex, which real senders exceed, are errors.

    Returns:
        the findings in the order of the table; none if all is well.
    """
    match message:
        case DocumentMessage():
            return tuple(apply(DOCUMENT_RULES, message, at=at, strict=strict))
        case StatusMessage():
            return tuple(apply(STATUS_RULES, message, at=at, strict=strict))
        case _:
            assert_never(message)


def apply(rules: Iterable[Rule[_M]], message: _M, *, at: datetime, strict: bool) -> Iterator[Finding]:
    """Apply the rules in force; one that breaks is a FATAL finding, never a pass."""
    day = at.astimezone(VIETNAM).date()
    for rule in rules:
        if not rule.in_force(day):
            continue
        try:
            yield from tuple(rule.apply(message, at=at, strict=strict))
        except Exception as error:  # noqa: BLE001 - whatever broke, the document must not pass
            yield Finding(
                code="ours.rules.broken",
                severity=Severity.FATAL,
                message=f"The check {rule.code} itself failed ({type(error).__name__}); nothing was established.",
                fix="Nothing the sender can mend; tell the operator of the node.",
                source="ours, decision 0007",
            )
