"""Tell what a file is by its first bytes; what the sender says of it is not relied on."""

HEAD_BYTES = 4096
"""How much of a file is looked at."""

UNKNOWN = "application/octet-stream"
_PDF_WITHIN_BYTES = 1024
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OLD_OFFICE = {
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
}
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x1f\x8b", "application/gzip"),
    (b"<?xml", "application/xml"),
    (b"\xef\xbb\xbf<?xml", "application/xml"),
)
_ZIPPED: tuple[tuple[bytes, str], ...] = (
    (b"word/", _OFFICE + "wordprocessingml.document"),
    (b"xl/", _OFFICE + "spreadsheetml.sheet"),
    (b"ppt/", _OFFICE + "presentationml.presentation"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "application/vnd.oasis.opendocument.spreadsheet"),
)
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_REPLACEMENT = "�".encode()
_REPLACEMENTS_MIN = 16


def is_zip(head: bytes) -> bool:
    """Tell whether a file starts like a ZIP with something in it."""
    return head.startswith(_ZIP)


def media_type(head: bytes, name: str | None) -> str:
    """Tell the media type.

    Args:
        head: the first `HEAD_BYTES` of the file, or all of it.
        name: file name; only tells old office files apart, which all start alike.
    """
    if is_zip(head):
        return next((kind for mark, kind in _ZIPPED if mark in head), "application/zip")
    if head.startswith(_OLE):
        return _OLD_OFFICE.get((name or "").rpartition(".")[2].lower(), "application/x-ole-storage")
    for mark, kind in _SIGNATURES:
        if head.startswith(mark):
            return kind
    # Readers of PDF allow something before it, so it is looked for last: a ZIP may hold one.
    return "application/pdf" if b"%PDF-" in head[:_PDF_WITHIN_BYTES] else UNKNOWN


def looks_damaged(head: bytes) -> bool:
    """Tell whether a binary file was passed through a conversion of text, which cannot be undone."""
    return head.count(_REPLACEMENT) >= _REPLACEMENTS_MIN and b"\x00" in head
