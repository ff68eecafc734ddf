"""Tell what a file is by its first bytes; what the sender says of it is not relied on."""

HEAD_BYTES = 4096
"""How much of a file is looked at."""

UNKNOWN = "application/octet-stream"
TEXT = "text/plain"
WINDOWS_PROGRAM = "application/vnd.microsoft.portable-executable"
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
    (b"\x7fELF", "application/x-elf"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (b"#!", "text/x-script"),
    (b"\xff\xfe", TEXT),
    (b"\xfe\xff", TEXT),
)
_EXECUTABLE = frozenset(
    {
        WINDOWS_PROGRAM,
        "application/x-elf",
        "application/x-mach-binary",
        "application/x-ms-shortcut",
        "text/x-script",
    }
)
_RUN_BY_NAME = frozenset(
    {
        *("bat", "cmd", "com", "cpl", "exe", "hta", "jar", "js", "jse", "lnk", "msi", "msp"),
        *("ps1", "psm1", "reg", "scr", "sh", "vb", "vbe", "vbs", "wsf", "wsh"),
    }
)
"""Endings of names that Windows or a shell runs."""
_SAME = {
    "application/x-pdf": "application/pdf",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/tif": "image/tiff",
    "text/rtf": "application/rtf",
    "text/xml": "application/xml",
    "application/x-zip-compressed": "application/zip",
    "application/x-rar-compressed": "application/vnd.rar",
    "application/x-rar": "application/vnd.rar",
    "application/x-gzip": "application/gzip",
}
"""Other names of types, as senders write them."""
_ZIPPED: tuple[tuple[bytes, str], ...] = (
    (b"word/", _OFFICE + "wordprocessingml.document"),
    (b"xl/", _OFFICE + "spreadsheetml.sheet"),
    (b"ppt/", _OFFICE + "presentationml.presentation"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "application/vnd.oasis.opendocument.spreadsheet"),
)
_ZIP = b"PK\x03\x04"
_OLE_STORAGE = "application/x-ole-storage"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP_TYPES = frozenset({"application/zip", *(kind for _, kind in _ZIPPED)})
_TOLD_BY_BYTES = frozenset(
    {
        "application/pdf",
        TEXT,
        WINDOWS_PROGRAM,
        _OLE_STORAGE,
        *_ZIP_TYPES,
        *_OLD_OFFICE.values(),
        *(kind for _, kind in _SIGNATURES),
    }
)
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
        return _OLD_OFFICE.get((name or "").rpartition(".")[2].lower(), _OLE_STORAGE)
    for mark, kind in _SIGNATURES:
        if head.startswith(mark):
            return kind
    if head.startswith(b"MZ") and b"\x00" in head:
        return WINDOWS_PROGRAM
    # Readers of PDF allow something before it, so it is looked for late: a ZIP may hold one.
    if b"%PDF-" in head[:_PDF_WITHIN_BYTES]:
        return "application/pdf"
    return TEXT if _is_text(head) else UNKNOWN


def is_executable(kind: str, name: str | None) -> bool:
    """Tell whether opening a file runs it: by its bytes, or, for what has no mark of its own, by its name's ending.

    Args:
        kind: as `media_type` gave it.
        name: file name.
    """
    return kind in _EXECUTABLE or (name or "").strip(" .").rpartition(".")[2].lower() in _RUN_BY_NAME


def contradicts(declared: str | None, kind: str) -> bool:
    """Tell whether a file is something else than its sender says.

    Only where both are types that are told by bytes; a general type, one nobody here knows, and a kind of office file
    that is declared as another of the same family contradict nothing.

    Args:
        declared: ContentType, with or without parameters.
        kind: as `media_type` gave it.
    """
    said = (declared or "").partition(";")[0].strip().lower()
    said = _SAME.get(said, said)
    if kind in (said, UNKNOWN) or said not in _TOLD_BY_BYTES:
        return False
    return _family(said) != _family(kind)


def _family(kind: str) -> str:
    if kind in (*_OLD_OFFICE.values(), _OLE_STORAGE):
        return _OLE_STORAGE
    # What is XML or a script is text as well; a packed office file is a ZIP.
    if kind in (TEXT, "application/xml", "text/x-script"):
        return TEXT
    return "application/zip" if kind in _ZIP_TYPES else kind


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last letter may be cut off.
        if len(head) < HEAD_BYTES or error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and not any(sign < " " and sign not in "\t\n\r\f\x1a" for sign in text)


def looks_damaged(head: bytes) -> bool:
    """Tell whether a binary file was passed through a conversion of text, which cannot be undone."""
    return head.count(_REPLACEMENT) >= _REPLACEMENTS_MIN and b"\x00" in head
