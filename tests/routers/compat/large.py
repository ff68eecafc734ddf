"""A document of 50 MB through an older door: nobody holds it in memory, neither who sends it nor who fetches it."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import edxml_library as library

EXTRA_MAX = 40 * 1024 * 1024
"""Less than the document has octets."""


def large_document(sender: str, recipient: str, *, number: int) -> list[bytes]:
    """Make a document with a PDF of 37.5 MB, as pieces of which most are the same one."""
    small = library.document(sender, recipient, number=number).replace(b"application/zip", b"application/pdf")
    place = re.search(rb"ContentTransferEncoded xmlns:edXML=\"[^\"]+\">([^<]+)", small)
    assert place is not None
    text = base64.b64encode(secrets.token_bytes(750_000))
    return [small[: place.start(1)], *[text] * 50, small[place.end(1) :]]


def file_in_answer(pieces: Iterable[bytes]) -> tuple[int, str]:
    """Return how long an answer of getEdoc is, and the digest of the file in it."""
    size, digest, held, sought = 0, hashlib.sha256(), b"", b'"data":"'
    for piece in pieces:
        size += len(piece)
        held += piece
        if sought and sought in held:
            held, sought = held.partition(sought)[2], b""
        # What closes the JSON is two octets, which are not of the text.
        whole = 0 if sought else max(0, len(held) - 8) // 4 * 4
        digest.update(base64.b64decode(held[:whole]))
        held = held[whole:]
    assert held.endswith(b'"}')
    digest.update(base64.b64decode(held[:-2]))
    return size, digest.hexdigest()


@contextmanager
def little_more_memory() -> Iterator[None]:
    """Insist that this process, and so the node in it, never needs as much more as the document has octets."""
    before = _memory("VmRSS")
    # From here on the high-water mark is that of the block (proc(5), clear_refs).
    Path("/proc/self/clear_refs").write_text("5")
    yield
    assert _memory("VmHWM") - before < EXTRA_MAX


def _memory(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:"))) * 1024
