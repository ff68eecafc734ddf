"""Look at what stands before the root: byte order mark, XML declaration, document type. Refuses, never repairs."""

import re
from collections.abc import Iterator

from app.findings import Finding, Severity
from app.markup.places import line_and_column
from app.markup.source import BytesSource

OURS = "ours, decision 0002"
_UTF8_MARK = b"\xef\xbb\xbf"
_DECLARATION = re.compile(
    rb"""<\?xml\s+version\s*=\s*(?:"(?P<version1>[^"<]{0,40})"|'(?P<version2>[^'<]{0,40})')"""
    rb"""(?:\s+encoding\s*=\s*(?:"(?P<encoding1>[^"<]{0,80})"|'(?P<encoding2>[^'<]{0,80})'))?"""
)
_BLANKS = re.compile(rb"[ \t\r\n]*")


def check_prolog(head: bytes) -> Iterator[Finding]:
    """Find a foreign encoding, a foreign XML version and a document type declaration.

    Args:
        head: the document from its first byte on; only what precedes the root is looked at.
    """
    if _is_wide(head):
        yield _encoding("UTF-16 or UTF-32")
        return
    position = len(_UTF8_MARK) if head.startswith(_UTF8_MARK) else 0
    declaration = _DECLARATION.match(head, position)
    if declaration:
        version = _text(declaration["version1"] or declaration["version2"] or b"")
        if version != "1.0":
            yield Finding(
                code="ours.markup.version",
                severity=Severity.ERROR,
                message=f"The XML declaration says version {version!r}; only 1.0 is read.",
                fix='Write <?xml version="1.0" encoding="UTF-8"?>.',
                source=f"{OURS}; Canonical XML 1.1 is defined for XML 1.0 only",
                location="1:1",
            )
        encoding = declaration["encoding1"] or declaration["encoding2"]
        if encoding is not None and encoding.upper() not in (b"UTF-8", b"UTF8"):
            yield _encoding(_text(encoding))
    if (doctype := _doctype_at(head, position)) is not None:
        yield Finding(
            code="ours.markup.doctype",
            severity=Severity.ERROR,
            message="The document has a document type declaration (DOCTYPE); entities could be declared in it.",
            fix="Leave the DOCTYPE out; edXML needs none.",
            source=OURS,
            location=line_and_column(BytesSource(head), doctype),
        )


def _is_wide(head: bytes) -> bool:
    marks = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00", b"\x00\x00")
    return head.startswith(marks)


def _encoding(name: str) -> Finding:
    return Finding(
        code="ours.markup.encoding",
        severity=Severity.ERROR,
        message=f"The document is encoded in {name}, not in UTF-8.",
        fix="Save the document as UTF-8 and declare it so.",
        source=f"{OURS}; QCVN 102:2016/BTTTT messages are UTF-8",
        location="1:1",
    )


def _text(octets: bytes) -> str:
    return octets.decode("ascii", "replace")


def _doctype_at(head: bytes, position: int) -> int | None:
    """Skip blanks, comments and processing instructions; tell where a DOCTYPE starts, if one follows."""
    while True:
        blanks = _BLANKS.match(head, position)
        position = blanks.end() if blanks else position
        if head.startswith(b"<!--", position):
            end = head.find(b"-->", position + 4)
            skipped = 3
        elif head.startswith(b"<?", position):
            end = head.find(b"?>", position + 2)
            skipped = 2
        else:
            return position if head[position : position + 9].upper() == b"<!DOCTYPE" else None
        if end < 0:
            return None
        position = end + skipped
