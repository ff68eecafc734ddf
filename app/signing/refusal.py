"""How this room says no: one finding, its place in the document, and the error that carries it."""

from typing import Final, NoReturn

from lxml import etree

from app.errors import DocumentRefused
from app.findings import Finding, Severity
from app.markup import element_path

OURS: Final = "ours, decision 0003"
"""The strict signature profile is a rule of this node, stricter than XMLDSig."""


def xmldsig(clause: str) -> str:
    """Cite XML Signature Syntax and Processing, second edition."""
    return f"W3C XMLDSig 2008 §{clause}"


def refuse(code: str, message: str, *, fix: str, source: str, place: "etree._Element | str | None" = None) -> NoReturn:
    """Raise the error for one broken rule.

    Args:
        code: stable code of the finding.
        message: what is wrong, with the offending value shortened.
        fix: what the sender changes.
        source: the clause, or `OURS`.
        place: the element, or its path, or None for the whole document.

    Raises:
        DocumentRefused: always.
    """
    location = place if place is None or isinstance(place, str) else element_path(place)
    finding = Finding(code, Severity.ERROR, message, fix, source, location)
    raise DocumentRefused(message, findings=(finding,))


def shortened(value: str, characters: int = 80) -> str:
    """Quote a value from a stranger in a message: one line, bounded."""
    kept = value if len(value) <= characters else value[: characters - 1] + "…"
    return ascii(kept)[1:-1] if not kept.isprintable() else kept
