"""The file inside a request's body, and whether it is the one whose digest was signed.

The SDK appends one CRLF to every file, and writes each byte of the SHA-256 without its leading zero; other clients do
neither. The digest that was signed decides which of the two it was, so that exactly the bytes of the file are kept.

Source: the protocol as measured on the SDK, versions 2.0.0 and 2.0.1. Pure: no clock, no database.
"""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from app.errors import DigestMismatch
from app.findings import Finding, Severity

CRLF: Final = b"\r\n"
_SOURCE: Final = "VXP SDK 2.0, hash-file"


def unpadded(digest: bytes) -> str:
    """Write a digest as the SDK does: each byte in hex without leading zero, 32 to 64 characters for SHA-256."""
    return "".join(f"{byte:x}" for byte in digest)


def fits(claimed: str, digest: bytes) -> bool:
    """Whether a `hash-file` is this digest, in the SDK's way of writing or in the usual one."""
    return claimed.strip().lower() in (unpadded(digest), digest.hex())


async def file_in(body: AsyncIterable[bytes], *, claimed: str | None) -> AsyncIterator[bytes]:
    """Give the file in a body: without one final CRLF, unless the digest was made over that too.

    Args:
        claimed: the signed `hash-file`; None where the request has none.

    Raises:
        DigestMismatch: at the end of the body, where it has another digest, or none was signed; then nothing of what
            was given before is to be used.
    """
    digest = hashlib.sha256()
    held = b""
    async for piece in body:
        held += piece
        if len(held) > len(CRLF):
            sure, held = held[: -len(CRLF)], held[-len(CRLF) :]
            digest.update(sure)
            yield sure
    if claimed is None:
        raise _mismatch(
            "hash-file-missing",
            "the request does not sign its body: there is no hash-file",
            "Sign hash-file with the other headers: the SHA-256 of the file.",
        )
    whole = digest.copy()
    whole.update(held)
    if fits(claimed, whole.digest()):
        if held:
            yield held
    elif not (held == CRLF and fits(claimed, digest.digest())):
        raise _mismatch(
            "hash-file-mismatch",
            f"hash-file says {claimed[:64]}, the file that arrived has SHA-256 {whole.hexdigest()}",
            "Send the file again, unchanged; make hash-file over exactly the bytes of the file.",
        )


def _mismatch(defect: str, message: str, fix: str) -> DigestMismatch:
    finding = Finding(f"ours.vxp.{defect}", Severity.ERROR, message, fix, _SOURCE, "header XroadVnpt-hash-file")
    return DigestMismatch(message, findings=[finding])
