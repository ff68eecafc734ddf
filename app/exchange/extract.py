"""Taking attachments out of a kept document, in slices."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from app.edxml.attachments import DecodedAttachment, open_attachment
from app.edxml.model import DocumentMessage
from app.edxml.read import read
from app.edxml.wrapper import UnpackLimits
from app.errors import DataFault, NotFound
from app.exchange.desk import Desk
from app.markup import FileSource, Markup, MarkupLimits, parse

_KEPT = UnpackLimits(file_bytes_max=2**62, total_bytes_max=2**62, ratio_max=2**62)
"""What is kept was within the limits of its day; that they are others today must not make it unreadable."""


async def attachment_of(desk: Desk, sha256: str, size: int, number: int) -> Iterator[bytes]:
    """Open an attachment of the document with this digest and size and return its file, slice by slice.

    Args:
        number: from 1, in the order of the document.

    Raises:
        NotFound: the document has no such attachment.
        DataFault: the kept document cannot be read, which only damage to the disk can bring about.
    """
    opened, resources = await desk.judge(size, _open, desk, sha256, number)
    return _slices(opened, resources)


@contextmanager
def opened_attachments(desk: Desk, sha256: str) -> Iterator[Callable[[int], Iterator[bytes]]]:
    """Open a document and give what yields the file of an attachment by its number, slice by slice.

    The document is read with the first slice that is asked for, on whatever thread asks for it.

    Raises:
        DataFault: the kept document cannot be read, or has no such attachment.
        DocumentRefused: the attachment cannot be opened, though it was when the document was accepted.
    """
    with ExitStack() as stack:
        read_once: list[tuple[DocumentMessage, Markup]] = []

        def slices(number: int) -> Iterator[bytes]:
            if not read_once:
                read_once.append(_read(desk, sha256, stack))
            message, markup = read_once[0]
            if not 1 <= number <= len(message.attachments):
                raise DataFault(f"body {sha256} has no attachment {number}")
            with open_attachment(message.attachments[number - 1], markup, limits=_KEPT) as opened:
                yield from opened.slices()

        yield slices


def _open(desk: Desk, sha256: str, number: int) -> tuple[DecodedAttachment, ExitStack]:
    with ExitStack() as stack:
        message, markup = _read(desk, sha256, stack)
        if not 1 <= number <= len(message.attachments):
            raise NotFound("no such attachment")
        opened = stack.enter_context(open_attachment(message.attachments[number - 1], markup, limits=_KEPT))
        return opened, stack.pop_all()


def _read(desk: Desk, sha256: str, stack: ExitStack) -> tuple[DocumentMessage, Markup]:
    try:
        source = stack.enter_context(FileSource(desk.blobs.path_of(sha256)))
    except OSError as error:
        raise DataFault(f"body {sha256} is missing from the store") from error
    markup = parse(source, limits=MarkupLimits(body_bytes_max=desk.policy.body_bytes_max))
    message = read(markup).message
    if not isinstance(message, DocumentMessage):
        raise DataFault(f"body {sha256} is no document message")
    return message, markup


def _slices(opened: DecodedAttachment, resources: ExitStack) -> Iterator[bytes]:
    with resources:
        yield from opened.slices()
