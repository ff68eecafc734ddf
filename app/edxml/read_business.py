"""Read the trace list: the hops, and what the message does (Bussiness)."""

from typing import TYPE_CHECKING

from app.edxml import vocabulary as v
from app.edxml.model import Business, DocumentKind, Receiver, ReceiverChange, Replacement, Trace, Update
from app.edxml.read_parts import read_staff, required_organ_id
from app.edxml.walk import Parts, Walker, shortened
from app.findings import Severity

if TYPE_CHECKING:
    from lxml import etree

_PARTS = frozenset({v.TRACE_HEADER, v.BUSINESS, v.PAPER})


def read_traces(walker: Walker, trace_list: Parts) -> tuple[Trace, ...]:
    """Read the hops; the axis adds one without a code, so nothing in them is required."""
    walker.ignore_unknown(trace_list, _PARTS)
    read = (
        Trace(
            walker.organ_id(walker.one(inner, v.ORGAN_ID), severity=Severity.WARNING),
            walker.instant(walker.one(inner, v.TIMESTAMP)),
        )
        for inner in map(walker.parts, trace_list.get(v.TRACE_HEADER, ()))
    )
    return tuple(trace for trace in read if trace != Trace())


def read_business(walker: Walker, trace_list: Parts) -> Business | None:
    """Read Bussiness, before or behind the hops; missing or empty means a new document."""
    element = walker.one(trace_list, v.BUSINESS)
    parts = walker.parts(element)
    if element is None or not parts:
        if element is not None:
            walker.note(
                Severity.INFO,
                "qcvn102.2.2.business-empty",
                f"{v.BUSINESS} is empty; the message is taken as a new document.",
                f"Write {v.BUSINESS_DOC_TYPE} 0.",
                at=element,
            )
        return None
    kind = _kind(walker, element, parts)
    document_id = walker.text(walker.one(parts, v.DOCUMENT_ID), identifying=True)
    reason = walker.text(walker.one(parts, v.BUSINESS_DOC_REASON))
    paper = walker.boolean(walker.one(parts, v.PAPER))
    update = _update(walker, parts.get(v.BUSINESS_DOCUMENT, []))
    replacements = _replacements(walker, parts.get(v.REPLACEMENT_LIST, []))
    staff = read_staff(walker, walker.one(parts, v.STAFF))
    return None if kind is None else Business(kind, document_id, reason, paper, update, replacements, staff)


def _kind(walker: Walker, element: "etree._Element", parts: Parts) -> DocumentKind | None:
    """A revocation must not pass as a new document because its type got lost, so there is no default here."""
    text = walker.required_text(parts, v.BUSINESS_DOC_TYPE, code="qcvn102.2.2.business-doc-type-missing", under=element)
    for kind in DocumentKind:
        if text == str(kind.value):
            return kind
    if text is None:
        return None
    allowed = ", ".join(f"{kind.value} {kind.slug}" for kind in DocumentKind)
    walker.error(
        "qcvn102.2.2.business-doc-type-unknown",
        f"{v.BUSINESS_DOC_TYPE} is {shortened(text)}; known are {allowed}.",
        f"Write one of {allowed}.",
        at=parts[v.BUSINESS_DOC_TYPE][0],
    )
    return None


def _update(walker: Walker, elements: list["etree._Element"]) -> Update | None:
    """Read what an update changes; the vendor library may write the element several times, one per part."""
    document_changed: bool | None = None
    receivers_changed: bool | None = None
    receivers: list[Receiver] = []
    for parts in map(walker.parts, elements):
        here = walker.boolean(walker.one(parts, v.DOCUMENT_CHANGED))
        document_changed = here if document_changed is None else document_changed or bool(here)
        here = walker.boolean(walker.one(parts, v.RECEIVERS_CHANGED))
        receivers_changed = here if receivers_changed is None else receivers_changed or bool(here)
        for listing in map(walker.parts, parts.get(v.RECEIVER_LIST, ())):
            for element in listing.get(v.RECEIVER, ()):
                receiver = _receiver(walker, element)
                receivers.extend([receiver] if receiver else [])
    return Update(document_changed, receivers_changed, tuple(receivers)) if elements else None


def _receiver(walker: Walker, element: "etree._Element") -> Receiver | None:
    parts = walker.parts(element)
    organ_id = required_organ_id(walker, element, parts)
    holder = walker.one(parts, v.RECEIVER_TYPE)
    text = walker.text(holder)
    for change in ReceiverChange:
        if text == str(change.value):
            return None if organ_id is None else Receiver(organ_id, change)
    walker.error(
        "qcvn102.2.2.receiver-type-unknown",
        f"{v.RECEIVER_TYPE} is {shortened(text) if text else 'missing'}.",
        "Write 0 for a receiver that is dropped, 1 for one that is added.",
        at=element if holder is None else holder,
    )
    return None


def _replacements(walker: Walker, elements: list["etree._Element"]) -> tuple[Replacement, ...]:
    replacements: list[Replacement] = []
    for element in (inner for listing in map(walker.parts, elements) for inner in listing.get(v.REPLACEMENT, ())):
        parts = walker.parts(element)
        document_id = walker.required_text(
            parts, v.DOCUMENT_ID, code="qcvn102.2.2.replaced-document-id-missing", under=element
        )
        listed = walker.inside(parts, v.ORGAN_ID_LIST).get(v.ORGAN_ID, [])
        organ_ids = [walker.organ_id(holder, severity=Severity.ERROR) for holder in listed]
        if document_id is not None:
            replacements.append(Replacement(document_id, tuple(known for known in organ_ids if known is not None)))
    return tuple(replacements)
