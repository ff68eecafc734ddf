"""The ZIP with one entry, `<uuid>.<extension>`, that the vendor library puts around a file. Opened within bounds."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from app.errors import DocumentRefused
from app.findings import Finding, Severity

_OWN_NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9a-z]{1,10}", re.ASCII | re.IGNORECASE)
_END = b"PK\x05\x06"
_END_BYTES = 22
_LOCATOR = b"PK\x06\x07"
_LOCATOR_BYTES = 20
_COMMENT_BYTES_MAX = 65_535
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """How far a ZIP may expand.

    Attributes:
        file_bytes_max: longest file in it.
        total_bytes_max: most bytes out of all ZIPs of one message.
        ratio_max: most bytes out for one byte in, for files longer than `ratio_from_bytes`.
        ratio_from_bytes: shorter files may expand as they like.
        directory_bytes_max: longest central directory; a longer one is read by nobody here.
    """

    file_bytes_max: int = 256 * 1024 * 1024
    total_bytes_max: int = 512 * 1024 * 1024
    ratio_max: int = 200
    ratio_from_bytes: int = 8 * 1024 * 1024
    directory_bytes_max: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """The only file in a ZIP."""

    archive: zipfile.ZipFile
    details: zipfile.ZipInfo

    @property
    def own_name(self) -> bool:
        """Whether it is named as the vendor library names it."""
        return bool(_OWN_NAME.fullmatch(self.details.orig_filename))

    @property
    def safe_name(self) -> bool:
        """Whether nobody who extracts it could write elsewhere."""
        name = self.details.orig_filename
        return bool(name) and not any(sign in name for sign in "/\\:\x00") and name not in (".", "..")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a ZIP turned out to be.

    Attributes:
        entry: the file in it, where there is exactly one.
        readable: whether its directory could be read at all.
    """

    entry: Entry | None
    readable: bool


def look_into(file: IO[bytes], *, limits: UnpackLimits) -> Contents:
    """Read the directory of a ZIP, if it is short enough to be read."""
    if not _directory_is_short(file, limits.directory_bytes_max):
        return Contents(None, readable=False)
    try:
        archive = zipfile.ZipFile(file)
        entries = archive.infolist()
    # zipfile raises NotImplementedError for a version of the format it does not know.
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, UnicodeDecodeError):
        return Contents(None, readable=False)
    return Contents(Entry(archive, entries[0]) if len(entries) == 1 else None, readable=True)


def _directory_is_short(file: IO[bytes], directory_bytes_max: int) -> bool:
    """Look at the end record before zipfile does: it holds every entry of the directory in memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES - _COMMENT_BYTES_MAX))
    end = file.read()
    at = end.rfind(_END)
    # A ZIP64 record would overrule this one, and no attachment is that large.
    if at < 0 or len(end) - at < _END_BYTES or end[max(0, at - _LOCATOR_BYTES) :].startswith(_LOCATOR):
        return False
    return int.from_bytes(end[at + 12 : at + 16], "little") <= directory_bytes_max


def unpack(entry: Entry, *, location: str, limits: UnpackLimits, block_bytes: int = 1024 * 1024) -> Iterator[bytes]:
    """Give the file in the ZIP block by block.

    Raises:
        DocumentRefused: encrypted, packed by a method nobody here knows, damaged, or expanding beyond the limits.
    """
    details = entry.details
    if details.flag_bits & _ENCRYPTED:
        raise refused("zip-encrypted", "The ZIP around the attachment is encrypted.", "Send it unencrypted.", location)
    if details.compress_type not in _METHODS:
        raise refused(
            "zip-method", "The ZIP around the attachment is packed by an unknown method.", "Use deflate.", location
        )
    packed = max(details.compress_size, 1)
    too_dense = details.file_size > limits.ratio_from_bytes and details.file_size // packed > limits.ratio_max
    if too_dense or details.file_size > limits.file_bytes_max:
        raise refused(
            "zip-expands",
            f"The ZIP around the attachment expands from {packed} to {details.file_size} bytes.",
            f"Send at most {limits.file_bytes_max} bytes, or send the file without a ZIP.",
            location,
        )
    try:
        with entry.archive.open(details) as file:
            while block := file.read(block_bytes):
                yield block
    # zipfile raises NotImplementedError for a compression it does not know, and RuntimeError for what is encrypted.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise refused(
            "zip-damaged", "The ZIP around the attachment is damaged.", "Pack and send the file again.", location
        ) from error


def wrap(octets: bytes, *, identifier: str, extension: str) -> bytes:
    """Pack a file as the vendor library does; the same input gives the same bytes.

    Args:
        octets: the file.
        identifier: a UUID; names the entry.
        extension: without dot.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{identifier}.{extension}"), octets, compress_type=zipfile.ZIP_DEFLATED)
    return file.getvalue()


def refused(defect: str, message: str, fix: str, location: str) -> DocumentRefused:
    """Refuse an attachment for its ZIP."""
    finding = Finding(f"ours.edxml.{defect}", Severity.ERROR, message, fix, "ours, decision 0007", location)
    return DocumentRefused(message, findings=[finding])
