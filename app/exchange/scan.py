"""Having attachments scanned for malware, where the operator has a scanner: before a document is accepted.

Last of all checks, so that only what would be accepted is scanned. The file that is scanned is the one receivers get:
decoded, and without the vendor library's ZIP around it.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from app.edxml.attachments import AttachmentRules, open_attachment
from app.edxml.clauses.attachments import attachment_path
from app.edxml.model import DocumentMessage
from app.edxml.read import read
from app.edxml.walk import shortened
from app.errors import DataFault, Unavailable
from app.exchange.receive import Body
from app.findings import Finding, Severity
from app.markup import Markup, MarkupLimits, parse
from app.remote.scanner import Scanner, ScannerUnavailable, ScanTooLong

_SOURCE = "ours, decision 0017"


class NotScanned(StrEnum):
    """What follows where a file could not be scanned."""

    REFUSE = "refuse"
    """The sender is asked to come again; a file that is too long for the scanner is refused."""
    ACCEPT = "accept"
    """The document is accepted, with a warning that is kept with it."""


@dataclass(frozen=True, slots=True)
class Scanning:
    """The scanner, and what the operator decided about it."""

    scanner: Scanner
    not_scanned: NotScanned


async def scanned(
    scanning: Scanning, message: DocumentMessage, body: Body, *, bytes_max: int, allowed: AttachmentRules
) -> tuple[Finding, ...]:
    """Have every attachment of a message scanned; returns what is to be said about them.

    Args:
        message: as it was read of `body`.
        bytes_max: longest body.

    Raises:
        Unavailable: the scanner does not answer, and nothing is accepted without it.
    """
    findings: list[Finding] = []
    with ExitStack() as stack:
        slices = partial(_slices, _Reading(body, MarkupLimits(body_bytes_max=bytes_max)), stack, allowed)
        for index, attachment in enumerate(message.attachments):
            if attachment.content is None:
                continue
            name, location = shortened(attachment.name or ""), attachment_path(message, index)
            try:
                found = await scanning.scanner.scan(slices(index))
            except ScanTooLong as error:
                refuses = scanning.not_scanned is NotScanned.REFUSE
                findings.append(_too_long(name, location, str(error), refuses=refuses))
            except ScannerUnavailable as error:
                if scanning.not_scanned is NotScanned.REFUSE:
                    raise Unavailable("the scanner of attachments does not answer; nothing was accepted") from error
                findings.append(_not_scanned(name, location, str(error)))
            else:
                if found is not None:
                    findings.append(_malware(name, location, found))
    return tuple(findings)


@dataclass(slots=True)
class _Reading:
    """A body that is read once more, with the first slice that is asked for, on the thread that asks for it."""

    body: Body
    limits: MarkupLimits
    _read: tuple[DocumentMessage, Markup] | None = None

    def message(self) -> tuple[DocumentMessage, Markup]:
        if self._read is None:
            markup = parse(self.body.source, limits=self.limits)
            message = read(markup).message
            if not isinstance(message, DocumentMessage):
                raise DataFault("a message that was read cannot be read again")
            self._read = message, markup
        return self._read


def _slices(reading: _Reading, stack: ExitStack, allowed: AttachmentRules, index: int) -> Iterator[bytes]:
    message, markup = reading.message()
    opened = stack.enter_context(open_attachment(message.attachments[index], markup, limits=allowed.limits))
    yield from opened.slices()


def _malware(name: str, location: str, found: str) -> Finding:
    return Finding(
        "ours.scan.malware",
        Severity.ERROR,
        f"The scanner found {shortened(found)} in the file {name}.",
        "Clean the machine the file comes from, and send a clean file.",
        _SOURCE,
        location,
    )


def _too_long(name: str, location: str, why: str, *, refuses: bool) -> Finding:
    return Finding(
        "ours.scan.too-long",
        Severity.ERROR if refuses else Severity.WARNING,
        f"The file {name} was not scanned for malware: {why}.",
        "Send a shorter file, or have the operator raise what the scanner takes.",
        _SOURCE,
        location,
    )


def _not_scanned(name: str, location: str, why: str) -> Finding:
    return Finding(
        "ours.scan.not-scanned",
        Severity.WARNING,
        f"The file {name} was not scanned for malware: {why}.",
        "Nothing the sender can mend; receivers scan it themselves.",
        _SOURCE,
        location,
    )
