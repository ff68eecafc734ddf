"""Check a message against the table of rules. Decides nothing: it reports, each finding with its source.

The rules stand in `clauses`, by the part of the message they look at. What reading already refuses (see `read`) is not
repeated here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
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

_STRICT = {rule.code: rule.strict for rule in DOCUMENT_RULES if rule.strict is not None} | {
    rule.code: rule.strict for rule in STATUS_RULES if rule.strict is not None
}
"""What a breach weighs where its sender is taken strictly, by code."""


def check(message: Message, *, at: datetime, strict: bool = False) -> tuple[Finding, ...]:
    """Check a message against every rule in force.

    Args:
        message: as `read` gave it.
        at: aware; the rules in force and the meaning of "in the future" hang on its day in Vietnam.
        strict: whether its sender is taken strictly, see `weigh`.

    Returns:
        the findings in the order of the table; none if all is well.
    """
    match message:
        case DocumentMessage():
            found = tuple(apply(DOCUMENT_RULES, message, at=at))
        case StatusMessage():
            found = tuple(apply(STATUS_RULES, message, at=at))
        case _:
            assert_never(message)
    return weigh(found, strict=strict)


def weigh(findings: Iterable[Finding], *, strict: bool) -> tuple[Finding, ...]:
    """Give findings the weight they have for a sender who is taken strictly; for others they stay as they are.

    Apart from `check`, because who the sender is, and so how it is taken, is only known once the message was read.
    """
    return tuple(
        replace(finding, severity=_STRICT[finding.code]) if strict and finding.code in _STRICT else finding
        for finding in findings
    )


def apply(rules: Iterable[Rule[_M]], message: _M, *, at: datetime) -> Iterator[Finding]:
    """Apply the rules in force; one that breaks is a FATAL finding, never a pass."""
    day = at.astimezone(VIETNAM).date()
    for rule in rules:
        if not rule.in_force(day):
            continue
        try:
            yield from tuple(rule.apply(message, at=at))
        except Exception as error:  # noqa: BLE001 - whatever broke, the document must not pass
            yield Finding(
                code="ours.rules.broken",
                severity=Severity.FATAL,
                message=f"The check {rule.code} itself failed ({type(error).__name__}); nothing was established.",
                fix="Nothing the sender can mend; tell the operator of the node.",
                source="ours, decision 0007",
            )
