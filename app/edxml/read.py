"""Read a parsed document as an edXML message: what is said, in which tolerated shape, and what cannot be read.

Elements are found by namespace and local name, in any order, under any prefix. All findings are collected; there is no
message as soon as one thing that is required cannot be represented, or receivers would read it differently.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.edxml import vocabulary as v
from app.edxml.model import Message
from app.edxml.read_document import read_document
from app.edxml.read_status import read_status
from app.edxml.walk import Parts, Walker, shortened
from app.findings import Finding, Severity
from app.markup import Markup, local_name, namespace_of

if TYPE_CHECKING:
    from lxml import etree


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading gave.

    Attributes:
        message: None exactly when a finding refuses.
        findings: everything odd, in the order it was met.
    """

    message: Message | None
    findings: tuple[Finding, ...]


def read(markup: Markup, *, root: "etree._Element | None" = None) -> Reading:
    """Read a message.

    Args:
        markup: the parsed document.
        root: the element to read instead of `markup.root`: the one that the signature covers.

    Returns:
        the message, a `StatusMessage` where MessageHeader holds a StatusCode, and the findings.
    """
    walker = Walker(markup)
    message = _read_root(walker, markup.root if root is None else root)
    return Reading(None if walker.notes.failed else message, tuple(walker.notes.findings))


def _read_root(walker: Walker, root: "etree._Element") -> Message | None:
    if not _known_root(walker, root):
        return None
    layers: Parts = {}
    envelope: etree._Element | None = root
    if local_name(root) in v.ENVELOPES:
        walker.note(
            Severity.WARNING,
            "qcvn102.1.1.root-missing",
            f"The envelope itself is the root; {v.ROOTS[0]} is missing around it.",
            f"Put the envelope into an element {v.ROOTS[0]}.",
            at=root,
        )
    else:
        layers = walker.parts(root)
        envelope = walker.one(layers, *v.ENVELOPES)
    if envelope is None:
        walker.missing("qcvn102.1.1.envelope-missing", v.ENVELOPES[0], under=root)
        return None
    inside = walker.parts(envelope)
    header = walker.one(inside, *v.HEADERS)
    if header is None:
        walker.missing("qcvn102.1.1.header-missing", v.HEADERS[0], under=envelope)
        return None
    header_parts = walker.parts(header)
    message_header = walker.one(header_parts, v.MESSAGE_HEADER)
    if message_header is None:
        walker.missing("qcvn102.1.1.message-header-missing", v.MESSAGE_HEADER, under=header)
        return None
    parts = walker.parts(message_header)
    if v.STATUS_CODE in parts:
        return read_status(walker, message_header, parts)
    return read_document(walker, message_header, parts, header_parts=header_parts, inside=inside, layers=layers)


def _known_root(walker: Walker, root: "etree._Element") -> bool:
    namespace, name = namespace_of(root), local_name(root)
    if namespace != v.NAMESPACE:
        where = f"the namespace {shortened(namespace)}" if namespace else "no namespace"
        age = ", that of the format before QCVN 102:2016" if namespace in v.OLD_NAMESPACES else ""
        walker.error(
            "qcvn102.1.1.namespace",
            f"The root {shortened(name)} is in {where}{age}.",
            f"Send edXML of QCVN 102:2016, namespace {v.NAMESPACE}.",
            at=root,
        )
        return False
    if name not in v.ROOTS and name not in v.ENVELOPES:
        walker.error(
            "qcvn102.1.1.root", f"The root is {shortened(name)}.", f"The root of a message is {v.ROOTS[0]}.", at=root
        )
        return False
    if name in (*v.ROOTS[1:], *v.ENVELOPES[1:]):
        walker.other_spelling(root, v.ROOTS[0] if name in v.ROOTS else v.ENVELOPES[0])
    return True
