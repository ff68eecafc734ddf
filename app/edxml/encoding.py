"""Base64 as attachments are written: standard alphabet, padded, blanks and line ends allowed. Strict and streaming."""

from collections.abc import Iterable, Iterator

import pybase64

from app.errors import DocumentRefused
from app.findings import Finding, Severity

_BLANKS = b" \t\r\n"
_PADDING_MAX = 2


def encode(octets: bytes) -> str:
    """Encode a file as one line, as the vendor library does."""
    return pybase64.b64encode(octets).decode("ascii")


def decode(slices: Iterable[bytes], *, location: str) -> Iterator[bytes]:
    """Decode base64 text slice by slice, holding no more than one slice.

    Args:
        slices: the text in ASCII, cut anywhere.
        location: element path for findings.

    Raises:
        DocumentRefused: characters outside the alphabet, or the text ends in the middle of a group.
    """
    held = b""
    ended = False
    for text in slices:
        dense = text.translate(None, _BLANKS)
        if ended and dense:
            raise _refused("padding-inside", "goes on behind its padding", "Encode the file in one piece.", location)
        dense = held + dense
        whole = len(dense) - len(dense) % 4
        held = dense[whole:]
        if whole:
            # Padding may only end the text, so a padded group must be the last of the slice and of all.
            ended = b"=" in dense[:whole]
            yield _decode_groups(dense[:whole], location)
            if ended and held:
                raise _refused(
                    "padding-inside", "goes on behind its padding", "Encode the file in one piece.", location
                )
    if held:
        raise _refused(
            "truncated",
            f"ends in the middle of a group ({len(held)} of 4 characters)",
            "Send the whole base64 text, padded with = to groups of four.",
            location,
        )


def _decode_groups(groups: bytes, location: str) -> bytes:
    body = groups.rstrip(b"=")
    try:
        if len(groups) - len(body) > _PADDING_MAX or b"=" in body:
            raise ValueError("padding inside")
        return pybase64.b64decode(groups, validate=True)
    except ValueError as error:
        raise _refused(
            "malformed",
            "holds characters that are not base64",
            "Use the standard alphabet (A-Z a-z 0-9 + /) and nothing else.",
            location,
        ) from error


def _refused(defect: str, what: str, fix: str, location: str) -> DocumentRefused:
    finding = Finding(
        code=f"rfc4648.4.base64-{defect}",
        severity=Severity.ERROR,
        message=f"The base64 text of the attachment {what}.",
        fix=fix,
        source="RFC 4648 §4",
        location=location,
    )
    return DocumentRefused(finding.message, findings=[finding])
