"""What the document says of other documents: manifest and log must say the same, and so must what was signed.

Parts of steps 3 and 6. The manifest names what the document revokes, updates, replaces or answers, and who says so of
it; somebody who reads a bundle goes on from there, so it must not be the node's to choose.
"""

from itertools import zip_longest
from typing import Final

from app.edxml.links import links_in
from app.edxml.model import DocumentMessage
from app.ledger.bundle.case import Case
from app.ledger.bundle.layout import Direction
from app.ledger.bundle.steps import Tally

_Said = tuple[object, object]
"""Relation and DocumentId of the other document."""
_NONE: Final = "-"


def check_told(case: Case, tally: Tally) -> None:
    """Compare the links of the manifest with those the event of acceptance tells of; part of step 3."""
    if case.manifest is None or case.accepted is None:
        return
    outgoing = [link for link in case.manifest.links if link.direction == Direction.OUTGOING]
    incoming = [link for link in case.manifest.links if link.direction == Direction.INCOMING]
    astray = [link for link in case.manifest.links if link not in outgoing and link not in incoming]
    astray += [link for link in incoming if link.document_id != case.manifest.document_id]
    for link in astray:
        tally.contradicted("events.link-astray", direction=link.direction, document_id=link.document_id)
    if incoming and not astray:
        tally.aside("events.spoken-of", count=len(incoming))
    named: list[_Said] = [(link.relation, link.document_id) for link in outgoing]
    if (difference := _difference(named, _told(case))) is not None:
        tally.contradicted("events.other-links", one=difference[0], other=difference[1])
    elif named:
        tally.proven("events.links", count=len(named))


def check_signed(case: Case, tally: Tally, message: DocumentMessage) -> None:
    """Compare the links the log tells of with those the signed document has; part of step 6."""
    if case.accepted is None:
        return
    signed: list[_Said] = [(link.relation, link.document_id) for link in links_in(message)]
    if (difference := _difference(signed, _told(case))) is not None:
        tally.contradicted("signature.other-links", one=difference[0], other=difference[1])
    elif signed:
        tally.proven("signature.links", count=len(signed))


def _told(case: Case) -> list[_Said]:
    listed = case.accepted.detail.get("links") if case.accepted is not None else None
    return [
        (each.get("relation"), each.get("document_id")) if isinstance(each, dict) else (None, each)
        for each in (listed if isinstance(listed, list) else ())
    ]


def _difference(ones: list[_Said], others: list[_Said]) -> tuple[str, str] | None:
    """Return where two lists of links first differ, in words."""
    for one, other in zip_longest(ones, others):
        if one != other:
            return _shown(one), _shown(other)
    return None


def _shown(said: _Said | None) -> str:
    return f"{said[0]} {said[1]}" if said is not None else _NONE
