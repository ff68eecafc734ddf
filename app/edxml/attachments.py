"""Open what a message carries: base64 of a file, or base64 of the ZIP with one entry that the vendor library makes.

Which of the two is decided by the bytes, never by the ContentType. A file is read in slices, so that 100 MB cost a few;
a ZIP has to lie in a temporary file, as its directory stands at its end. What receivers' readers would choke on, or
write where they should not, is refused.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import IO, Self

from app.edxml import vocabulary as v
from app.edxml.clauses.attachments import attachment_path
from app.edxml.encoding import decode
from app.edxml.media import HEAD_BYTES, contradicts, is_executable, is_zip, looks_damaged, media_type
from app.edxml.model import Attachment, DocumentMessage
from app.edxml.walk import shortened
from app.edxml.wrapper import Entry, UnpackLimits, look_into, refused, unpack
from app.errors import DocumentRefused
from app.findings import Finding, Severity
from app.markup import Markup

_DEFAULT_LIMITS = UnpackLimits()
_EXECUTABLE_SOURCE = "ours, decision 0017"
_IN_MEMORY_BYTES_MAX = 1024 * 1024
_ZIP_TYPE = "application/zip"
_ZIP_EXTENSION = ".zip"
_DEFAULT_LOCATION = f"{v.ATTACHMENTS_PATH}/{v.ATTACHMENT}"


@dataclass(frozen=True, slots=True)
class AttachmentRules:
    """What the operator decided about files.

    Attributes:
        limits: how far ZIPs may expand.
        executables: what it weighs when a file is a program or a script.
    """

    limits: UnpackLimits = _DEFAULT_LIMITS
    executables: Severity = Severity.ERROR


USUAL_RULES = AttachmentRules()
"""What holds where nothing was decided."""


@dataclass(frozen=True, slots=True)
class AttachmentSummary:
    """What an attachment really is.

    Attributes:
        content_id: without `cid:`.
        name: as the sender names it.
        media_type: by the bytes of the file.
        declared_type: as the sender says.
        size: of the file, in bytes.
        sha256: of the file, in hex.
        wrapped: whether it came in a ZIP of the vendor library's kind.
    """

    content_id: str | None
    name: str | None
    media_type: str
    declared_type: str | None
    size: int
    sha256: str
    wrapped: bool


@dataclass(frozen=True, slots=True)
class DecodedAttachment:
    """An attachment whose content has been found readable. Close it, or use it in a `with`.

    Attributes:
        summary: what it is.
        damaged: whether it looks destroyed by a conversion of text.
        slices: gives the file, about 1 MiB at a time; may be called again.
    """

    summary: AttachmentSummary
    damaged: bool
    slices: Callable[[], Iterator[bytes]]
    _file: IO[bytes] | None = field(repr=False)

    def close(self) -> None:
        """Give the temporary file back, if there is one."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_attachment(
    attachment: Attachment,
    markup: Markup,
    *,
    location: str = _DEFAULT_LOCATION,
    limits: UnpackLimits = _DEFAULT_LIMITS,
) -> DecodedAttachment:
    """Decode an attachment once from end to end, and keep it ready to be read.

    Args:
        attachment: of the message that was read from `markup`.
        markup: where its content lies if it was long.
        location: element path of the attachment, for findings.
        limits: how far a ZIP may expand.

    Raises:
        DocumentRefused: no content, base64 that is none, or a ZIP that receivers could not or should not open.
    """
    content_location = f"{location}/{v.CONTENT_ENCODED}"
    slices = partial(_decoded, attachment, markup, content_location)
    if not is_zip(next(slices(), b"")):
        if _receivers_unzip(attachment):
            raise refused(
                "not-a-zip",
                f"{v.CONTENT_TYPE} says {attachment.content_type or 'nothing, which means ' + _ZIP_TYPE}, "
                "but the content is no ZIP; receivers fail on it.",
                f"Write the true {v.CONTENT_TYPE} of the file.",
                f"{location}/{v.CONTENT_TYPE}",
            )
        return _measured(attachment, slices, None, wrapped=False)
    file = _spooled(slices())
    try:
        entry = _wrapped(attachment, file, content_location, limits)
        if entry is not None:
            slices = partial(unpack, entry, location=content_location, limits=limits)
        return _measured(attachment, slices, file, wrapped=entry is not None)
    except BaseException:
        file.close()
        raise


def inspect(
    message: DocumentMessage,
    markup: Markup,
    *,
    allowed: AttachmentRules = USUAL_RULES,
) -> tuple[tuple[AttachmentSummary, ...], tuple[Finding, ...]]:
    """Open every attachment of a message and say what it is.

    Returns:
        summaries of those that could be opened, in their order, and what is wrong with the others. Attachments without
        content are left to the rules.
    """
    summaries: list[AttachmentSummary] = []
    findings: list[Finding] = []
    limits, room = allowed.limits, allowed.limits.total_bytes_max
    for index, attachment in enumerate(message.attachments):
        if attachment.content is None:
            continue
        location = attachment_path(message, index)
        try:
            left = replace(limits, file_bytes_max=min(limits.file_bytes_max, room))
            with open_attachment(attachment, markup, location=location, limits=left) as decoded:
                summaries.append(decoded.summary)
                room -= decoded.summary.size if decoded.summary.wrapped else 0
                if decoded.damaged:
                    findings.append(_damaged(attachment, location))
                findings.extend(_odd_types(decoded.summary, location, allowed.executables))
        except DocumentRefused as error:
            findings.extend(error.findings)
    return tuple(summaries), tuple(findings)


def _decoded(attachment: Attachment, markup: Markup, location: str) -> Iterator[bytes]:
    content = attachment.content
    if content is None:
        raise refused("no-content", "The attachment has no content.", "Send the file in base64.", location)
    if isinstance(content, str):
        # Anything but ASCII becomes a character outside the alphabet, which is noticed below.
        return decode(iter((content.encode("ascii", "replace"),)), location=location)
    return decode(content.slices(markup.source), location=location)


def _receivers_unzip(attachment: Attachment) -> bool:
    """Whether the vendor library, which most receivers embed, would take the content for its own ZIP."""
    declared = attachment.content_type is None or attachment.content_type == _ZIP_TYPE
    return declared and not (attachment.name or "").endswith(_ZIP_EXTENSION)


def _wrapped(attachment: Attachment, file: IO[bytes], location: str, limits: UnpackLimits) -> Entry | None:
    """Decide whether a ZIP is only a wrapper, and refuse what receivers should not extract."""
    contents = look_into(file, limits=limits)
    entry = contents.entry
    real_zip = (attachment.name or "").lower().endswith(_ZIP_EXTENSION)
    if not _receivers_unzip(attachment):
        return entry if entry is not None and entry.own_name and not real_zip else None
    if not contents.readable:
        raise refused("zip-damaged", "The ZIP around the attachment is damaged.", "Pack the file again.", location)
    if entry is None:
        if real_zip:
            return None
        raise refused(
            "zip-entries",
            "The ZIP around the attachment does not hold exactly one file; receivers lose the others.",
            "Send each file as an attachment of its own, or name the attachment *.zip.",
            location,
        )
    if not entry.safe_name:
        raise refused(
            "zip-entry-name",
            f"The file in the ZIP is named {shortened(entry.details.orig_filename)}.",
            "Name it without folders; receivers would write it elsewhere.",
            location,
        )
    return None if real_zip else entry


def _spooled(slices: Iterator[bytes]) -> IO[bytes]:
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES_MAX)  # noqa: SIM115 - outlives this function
    try:
        for block in slices:
            file.write(block)
    except BaseException:
        file.close()
        raise
    return file


def _measured(
    attachment: Attachment, slices: Callable[[], Iterator[bytes]], file: IO[bytes] | None, *, wrapped: bool
) -> DecodedAttachment:
    """Read the file once, from end to end, so that it is known to be readable."""
    digest, size, head = hashlib.sha256(), 0, b""
    for block in slices():
        digest.update(block)
        size += len(block)
        if len(head) < HEAD_BYTES:
            head = (head + block[:HEAD_BYTES])[:HEAD_BYTES]
    summary = AttachmentSummary(
        content_id=attachment.content_id,
        name=attachment.name,
        media_type=media_type(head, attachment.name),
        declared_type=attachment.content_type,
        size=size,
        sha256=digest.hexdigest(),
        wrapped=wrapped,
    )
    return DecodedAttachment(summary, looks_damaged(head), slices, file)


def _odd_types(summary: AttachmentSummary, location: str, executables: Severity) -> Iterator[Finding]:
    name, declared = shortened(summary.name or ""), shortened(summary.declared_type or "")
    if is_executable(summary.media_type, summary.name):
        yield Finding(
            code="ours.edxml.attachment-executable",
            severity=executables,
            message=f"The file {name} is a program or a script ({summary.media_type}).",
            fix="Send documents only; an archive of programs goes another way.",
            source=_EXECUTABLE_SOURCE,
            location=location,
        )
    # A declared ZIP means the wrapper of the vendor library, whatever is in it.
    elif not summary.wrapped and contradicts(summary.declared_type, summary.media_type):
        yield Finding(
            code="ours.edxml.attachment-type-contradicts",
            severity=Severity.WARNING,
            message=f"The file {name} is declared as {declared}, by its bytes it is {summary.media_type}.",
            fix=f"Write the true {v.CONTENT_TYPE} of the file.",
            source=_EXECUTABLE_SOURCE,
            location=f"{location}/{v.CONTENT_TYPE}",
        )


def _damaged(attachment: Attachment, location: str) -> Finding:
    return Finding(
        code="ours.edxml.attachment-damaged",
        severity=Severity.WARNING,
        message=f"The file {shortened(attachment.name or '')} was destroyed by a conversion of text.",
        fix="Encode the bytes of the file, not a text made of them.",
        source="ours, decision 0007",
        location=f"{location}/{v.CONTENT_ENCODED}",
    )
