"""Receiving a body: bounded, hashed while it arrives, in memory while short and on disk when long.

Nothing is durable yet: a body that is not kept leaves no trace.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.errors import DocumentTooLarge, Unavailable
from app.findings import Finding, Severity
from app.markup.source import BytesSource, FileSource, Source
from app.store.blobs import BlobStore

_CHUNK_BYTES = 1024 * 1024
"""What is gathered before a thread writes and hashes it: long enough to pay for the hop, short enough not to stall
others.
"""


@dataclass(frozen=True, slots=True)
class Body:
    """A received body, whole.

    Attributes:
        sha256: hex digest of exactly the received bytes.
        size: length in bytes.
        source: where its bytes can be read from, as often as needed.
        octets: the bytes where the body is short; None where it lies in `path`.
        path: the incoming file where it is long.
    """

    sha256: str
    size: int
    source: Source
    octets: bytes | None = None
    path: Path | None = None

    def keep(self, blobs: BlobStore) -> None:
        """Make the body durable under its digest; blocks.

        Raises:
            Unavailable: the disk takes no more.
        """
        if self.octets is not None:
            blobs.keep_bytes(self.octets, self.sha256)
        else:
            assert self.path is not None, "a body lies in memory or in a file"
            blobs.keep_file(self.path, self.sha256)


def body_of(octets: bytes) -> Body:
    """Wrap bytes that are already in memory."""
    return Body(hashlib.sha256(octets).hexdigest(), len(octets), BytesSource(octets), octets=octets)


@asynccontextmanager
async def receive(
    stream: AsyncIterable[bytes], *, blobs: BlobStore, bytes_max: int, spool_bytes: int
) -> AsyncIterator[Body]:
    """Read a stream to its end and give the body; what was not kept by the end of the block is removed.

    Raises:
        DocumentTooLarge: more than `bytes_max` arrived; reading stopped there.
        Unavailable: the disk takes no more.
    """
    head: list[bytes] = []
    size = 0
    pieces = aiter(stream)
    async for piece in pieces:
        size += len(piece)
        _refuse_beyond(size, bytes_max)
        head.append(piece)
        if size > spool_bytes:
            break
    else:
        yield body_of(b"".join(head))
        return
    async with _spooled(b"".join(head), pieces, blobs=blobs, bytes_max=bytes_max) as body:
        yield body


@asynccontextmanager
async def _spooled(head: bytes, rest: AsyncIterator[bytes], *, blobs: BlobStore, bytes_max: int) -> AsyncIterator[Body]:
    descriptor, path = blobs.open_incoming()
    digest = hashlib.sha256()

    def write(octets: bytes) -> None:
        digest.update(octets)
        left = memoryview(octets)
        while left:
            left = left[os.write(descriptor, left) :]

    async def take(pieces: list[bytes]) -> None:
        try:
            await asyncio.to_thread(write, b"".join(pieces))
        except OSError as error:
            raise Unavailable("the disk did not take the body") from error

    try:
        size = waiting = len(head)
        gathered = [head]
        try:
            async for piece in rest:
                size += len(piece)
                _refuse_beyond(size, bytes_max)
                gathered.append(piece)
                waiting += len(piece)
                if waiting >= _CHUNK_BYTES:
                    await take(gathered)
                    gathered.clear()
                    waiting = 0
            await take(gathered)
        finally:
            os.close(descriptor)
        with FileSource(path) as source:
            yield Body(digest.hexdigest(), size, source, path=path)
    finally:
        path.unlink(missing_ok=True)


def too_large(bytes_max: int, *, location: str | None = None) -> DocumentTooLarge:
    """Return the refusal of a body of more than `bytes_max` bytes."""
    message = f"the body is longer than the {bytes_max} bytes this node takes"
    finding = Finding(
        "ours.exchange.body-too-long",
        Severity.ERROR,
        message,
        "Send fewer or smaller attachments, or several documents.",
        "ours, api contract: the setting document_bytes_max",
        location,
    )
    return DocumentTooLarge(message, findings=[finding])


def _refuse_beyond(size: int, bytes_max: int) -> None:
    if size > bytes_max:
        raise too_large(bytes_max)
