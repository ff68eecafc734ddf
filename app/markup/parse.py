"""Read XML of unknown origin: bounded in time and memory, no document type, no entities, nothing fetched.

The order of the checks: (1) length, (2) what stands before the root, (3) counts that bound what the parser may cost,
(4) the parser, (5) exact limits on the tree. Long base64 text never reaches the parser (see `splice`).
"""

import re
import secrets
from collections.abc import Callable
from functools import lru_cache

from lxml import etree

from app.errors import DocumentRefused, DocumentTooLarge, MalformedMarkup
from app.findings import Finding, Severity
from app.markup.limits import MarkupLimits
from app.markup.places import element_path, line_and_column, nth
from app.markup.prolog import OURS, check_prolog
from app.markup.source import BytesSource, Source
from app.markup.splice import Splice, find_runs
from app.markup.tree import Markup

# libxml2 refuses single texts above ten million bytes unless it is told that trees may be huge.
_HUGE_FROM_BYTES = 9_000_000
_PARSERS_LINES = re.compile(r",? line \d+(?:, column \d+)?")
_SHORTENED = 200
_ELEMENT_BYTES_MIN = len("<a/>")
_DEFAULT_LIMITS = MarkupLimits()
# libxml2's xmlParserErrors: XML_ERR_NAME_TOO_LONG, XML_ERR_RESOURCE_LIMIT, XML_ERR_INVALID_ENCODING.
_RESOURCE_LIMITS = (110, 114)
_INVALID_ENCODING = 81


def parse(
    source: Source | bytes,
    *,
    limits: MarkupLimits = _DEFAULT_LIMITS,
    draw_secret: Callable[[], str] = lambda: secrets.token_hex(16),
) -> Markup:
    """Parse a document.

    Args:
        source: the bytes, which must not change while the result is in use.
        limits: what is refused for its size or shape.
        draw_secret: gives 32 random alphanumeric characters; drawn after the document has arrived.

    Returns:
        the tree; every run that is not in it stands as the whole text of one childless element.

    Raises:
        DocumentTooLarge: more bytes than `limits.body_bytes_max`.
        DocumentRefused: well-formed perhaps, but of a form this node does not read.
        MalformedMarkup: not well-formed XML 1.0 in UTF-8.
    """
    if isinstance(source, bytes):
        source = BytesSource(source)
    if source.size > limits.body_bytes_max:
        raise DocumentTooLarge(f"the document has {source.size} bytes, at most {limits.body_bytes_max} are taken")
    if source.size >= limits.splice_from_bytes:
        markup = _parse_spliced(source, limits, draw_secret)
        if markup is not None:
            return markup
    return _parse(source, Splice((), ""), limits)


def _parse_spliced(source: Source, limits: MarkupLimits, draw_secret: Callable[[], str]) -> Markup | None:
    """Parse without the long base64 texts; None where only a whole parse can tell."""
    census = find_runs(source, limits=limits, brackets_max=_brackets_max(limits))
    if census.bracket_too_many is not None:
        raise DocumentRefused(
            "the document has too many elements",
            findings=[_too_many_elements(limits, line_and_column(source, census.bracket_too_many))],
        )
    splice = Splice(census.runs, draw_secret())
    if source.size - splice.cut_bytes > limits.skeleton_bytes_max:
        raise DocumentRefused("the document holds too much besides attachments", findings=[_skeleton(source, splice)])
    if not splice.runs:
        return None
    try:
        markup = _parse(source, splice, limits)
    except MalformedMarkup:
        if source.size > limits.skeleton_bytes_max:
            raise
        return None
    if _accounted_for(markup):
        return markup
    if source.size > limits.skeleton_bytes_max:
        raise DocumentRefused(
            "long base64 text must be the only content of its element", findings=[_skeleton(source, splice)]
        )
    return None


def _parse(source: Source, splice: Splice, limits: MarkupLimits) -> Markup:
    skeleton = splice.skeleton(source) if splice.runs else source.read(0, source.size)
    equal_signs = skeleton.count(b"=")
    findings = [*check_prolog(skeleton), *_check_counts(skeleton, equal_signs, source, splice, limits)]
    if findings:
        raise DocumentRefused(findings[0].message, findings=findings)
    try:
        root = etree.fromstring(skeleton, _parser(huge=len(skeleton) >= _HUGE_FROM_BYTES))
    except etree.XMLSyntaxError as error:
        raise _translated(error, skeleton, source, splice, limits) from error
    findings = _check_tree(root, skeleton, equal_signs, limits)
    if findings:
        raise DocumentRefused(findings[0].message, findings=findings)
    return Markup(root, source, splice)


def _parser(*, huge: bool) -> "etree.XMLParser[etree._Element]":
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        remove_comments=True,
        remove_pis=False,
        strip_cdata=True,
        collect_ids=False,
        recover=False,
        huge_tree=huge,
    )


def _accounted_for(markup: Markup) -> bool:
    """Whether each token turned up once, as the whole text of an element without children."""
    found = sum(
        1
        for element in markup.root.iter(etree.Element)
        if len(element) == 0 and element.text and markup.splice.run_of(element.text)
    )
    return found == len(markup.runs)


# (3) Counts over the bytes: cheap upper bounds of what the parser would build.


def _brackets_max(limits: MarkupLimits) -> int:
    # An element has at most two tags; a little more for instructions and comments.
    return 2 * limits.elements_max + 1_000


def _check_counts(
    skeleton: bytes, equal_signs: int, source: Source, splice: Splice, limits: MarkupLimits
) -> list[Finding]:
    findings = []
    if _may_hold_more(skeleton, limits.elements_max) and skeleton.count(b"<") > _brackets_max(limits):
        findings.append(_too_many_elements(limits, _place(skeleton, b"<", _brackets_max(limits), source, splice)))
    # An attribute or a declaration takes `=` and two quotes. Text may hold as many, but never does in practice.
    if equal_signs > limits.attributes_max + limits.namespaces_max:
        quotes = (skeleton.count(b'"') + skeleton.count(b"'")) // 2
        if quotes > limits.attributes_max + limits.namespaces_max:
            place = _place(skeleton, b"=", limits.attributes_max, source, splice)
            findings.append(_too_many_attributes(limits, place))
    if equal_signs > limits.namespaces_max and skeleton.count(b"xmlns") > limits.namespaces_max:
        findings.append(
            Finding(
                code="ours.markup.namespaces",
                severity=Severity.ERROR,
                message=f"The document declares more than {limits.namespaces_max} namespaces.",
                fix="Declare the edXML namespace once, on the root.",
                source=OURS,
                location=_place(skeleton, b"xmlns", limits.namespaces_max, source, splice),
            )
        )
    return findings


def _may_hold_more(skeleton: bytes, elements: int) -> bool:
    return len(skeleton) > _ELEMENT_BYTES_MIN * elements


def _place(skeleton: bytes, needle: bytes, skip: int, source: Source, splice: Splice) -> str:
    """Give line and column of the first occurrence beyond the allowed ones."""
    return line_and_column(source, splice.origin(nth(skeleton, needle, skip)))


# (5) Exact limits, on a tree that is already bounded.


@lru_cache(maxsize=8)
def _deeper_than(depth_max: int) -> etree.XPath:
    return etree.XPath(f"({'/*' * (depth_max + 1)})[1]")


@lru_cache(maxsize=8)
def _wider_than(attributes_max: int) -> etree.XPath:
    return etree.XPath(f"(//*[count(@*) > {attributes_max}])[1]")


_COUNT_ELEMENTS = etree.XPath("count(//*)")
_COUNT_ATTRIBUTES = etree.XPath("count(//@*)")


def _check_tree(root: "etree._Element", skeleton: bytes, equal_signs: int, limits: MarkupLimits) -> list[Finding]:
    findings = []
    for element in _deeper_than(limits.depth_max)(root):
        findings.append(_too_deep(limits, element_path(element)))
    # The tree is counted only where the bytes allow that there are too many.
    if equal_signs > limits.attributes_per_element_max:
        for element in _wider_than(limits.attributes_per_element_max)(root):
            findings.append(_too_wide(limits, element_path(element)))
        if _COUNT_ATTRIBUTES(root) > limits.attributes_max:
            findings.append(_too_many_attributes(limits, None))
    if _may_hold_more(skeleton, limits.elements_max) and _COUNT_ELEMENTS(root) > limits.elements_max:
        findings.append(_too_many_elements(limits, None))
    return findings


def _finding(defect: str, message: str, fix: str, location: str | None) -> Finding:
    return Finding(f"ours.markup.{defect}", Severity.ERROR, message, fix, OURS, location)


def _too_deep(limits: MarkupLimits, location: str) -> Finding:
    return _finding(
        "depth",
        f"Elements are nested more than {limits.depth_max} deep.",
        "Keep to the structure of edXML, which is less than twenty deep.",
        location,
    )


def _too_wide(limits: MarkupLimits, location: str) -> Finding:
    return _finding(
        "attributes-on-element",
        f"An element has more than {limits.attributes_per_element_max} attributes.",
        "Keep to the attributes that edXML and XML signatures define.",
        location,
    )


def _too_many_elements(limits: MarkupLimits, location: str | None) -> Finding:
    return _finding(
        "elements",
        f"The document has more than {limits.elements_max} elements.",
        "Send to fewer recipients at a time, or attach long content as a file.",
        location,
    )


def _too_many_attributes(limits: MarkupLimits, location: str | None) -> Finding:
    return _finding(
        "attributes",
        f"The document has more than {limits.attributes_max} attributes.",
        "Keep to the attributes that edXML and XML signatures define.",
        location,
    )


def _skeleton(source: Source, splice: Splice) -> Finding:
    return _finding(
        "skeleton",
        f"{source.size - splice.cut_bytes} bytes of the document are not plain base64 text of an element of its own.",
        "Write each attachment as one base64 text, without CDATA, comments or character references in it.",
        None,
    )


def _translated(
    error: etree.XMLSyntaxError, skeleton: bytes, source: Source, splice: Splice, limits: MarkupLimits
) -> DocumentRefused | MalformedMarkup:
    """Say in our words what libxml2 found, and where in the bytes that were sent."""
    line, column = error.position if error.position[0] else (1, 1)
    location = line_and_column(source, splice.origin(_offset_of(skeleton, line, column)))
    # libxml2 counts lines in the skeleton; ours stand in `location`.
    said = _PARSERS_LINES.sub("", " ".join(str(error.msg).split()))[:_SHORTENED]
    if error.code in _RESOURCE_LIMITS:
        deep = "depth" in said
        finding = (
            _too_deep(limits, location)
            if deep
            else _finding("resources", f"The parser's limit was exceeded: {said}", "Shorten the text.", location)
        )
        return DocumentRefused(finding.message, findings=[finding])
    if error.code == _INVALID_ENCODING:
        finding = Finding(
            code="xml1.0.4.3.3.not-utf8",
            severity=Severity.ERROR,
            message="The bytes are not valid UTF-8.",
            fix="Save the document as UTF-8; do not pass it through a conversion that guesses.",
            source="W3C XML 1.0 §4.3.3",
            location=location,
        )
    else:
        finding = Finding(
            code="xml1.0.2.1.not-well-formed",
            severity=Severity.ERROR,
            message=f"The document is not well-formed XML: {said}",
            fix="Write the document with an XML library and send its bytes unchanged.",
            source="W3C XML 1.0 §2.1",
            location=location,
        )
    return MalformedMarkup(f"{finding.message} (at {location})", findings=[finding])


def _offset_of(skeleton: bytes, line: int, column: int) -> int:
    """Find the byte that libxml2 means; its columns count characters from 1."""
    start = nth(skeleton, b"\n", line - 2) + 1 if line > 1 else 0
    ahead = skeleton[start : start + 4 * column].decode("utf-8", "surrogateescape")[: max(column - 1, 0)]
    return start + len(ahead.encode("utf-8", "surrogateescape"))
