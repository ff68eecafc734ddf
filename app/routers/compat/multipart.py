"""The file of a multipart body (RFC 7578), streamed: the first part that is a file; everything else is let go.

The SDK calls its body multipart and sends none; clients written from its description do.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from app.errors import UnsupportedMediaType
from app.findings import Finding, Severity

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_BOUNDARY: Final = re.compile(r';\s*boundary=(?:"([^"]{1,200})"|([^\s;",]{1,200}))', re.IGNORECASE)
_FILE: Final = re.compile(rb';\s*filename\*?=|;\s*name="?(?:edocFile|file|edoc)"?', re.IGNORECASE)
_SOURCE: Final = "RFC 7578 §4; VXP SDK 2.0, sendEdoc"


def file_of(body: AsyncIterable[bytes], content_type: str) -> AsyncIterable[bytes]:
    """Give the file of a body: all of it, or the first file where it is declared as multipart."""
    return file_part(body, content_type) if content_type.strip().lower().startswith("multipart/") else body


async def file_part(body: AsyncIterable[bytes], content_type: str) -> AsyncIterator[bytes]:
    """Give the bytes of the first part that is a file.

    Raises:
        UnsupportedMediaType: there is no boundary, the parts cannot be told apart, or none of them is a file.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise _refused("multipart-no-boundary", "the Content-Type names no boundary")
    parts = _Parts()
    parser = MultipartParser((boundary[1] or boundary[2]).encode("latin-1", "replace"), parts.callbacks)
    async for piece in body:
        try:
            parser.write(piece)
        except MultipartParseError as error:
            raise _refused("multipart-broken", "the parts of the body cannot be told apart") from error
        if parts.pieces:
            yield b"".join(parts.pieces)
            parts.pieces.clear()
    if not parts.complete:
        raise _refused("multipart-no-file", "no part of the body is a whole file")


class _Parts:
    """Gathers the bytes of the first file while the parser goes through the parts."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.complete = False
        self._header = b""
        self._is_file = False
        self.callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._head,
            "on_header_value": self._head,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._header = b""
        self._is_file = False

    def _head(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        if not self.complete and _FILE.search(self._header):
            self._is_file = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self.pieces.append(data[start:end])

    def _end(self) -> None:
        self.complete = self.complete or self._is_file
        self._is_file = False


def _refused(defect: str, message: str) -> UnsupportedMediaType:
    finding = Finding(
        f"ours.vxp.{defect}",
        Severity.ERROR,
        message,
        "Send the edXML file alone as application/octet-stream, or as the first file of multipart/form-data.",
        _SOURCE,
        "body",
    )
    return UnsupportedMediaType(message, findings=[finding])
