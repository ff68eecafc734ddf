"""Where the bytes of a document are: in memory or in a file. Reads at offsets, holds no position, changes nothing."""

import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from app.errors import DataFault


class Source(Protocol):
    """Bytes that can be read more than once and in any order, and that do not change meanwhile."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Give the bytes from offset on: length of them, or fewer where the source ends."""


class BytesSource:
    """A document held in memory."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._octets)

    def read(self, offset: int, length: int) -> bytes:
        """Give the bytes from offset on: length of them, or fewer at the end."""
        if offset == 0 and length >= len(self._octets):
            return self._octets
        return self._octets[offset : offset + length]


class FileSource:
    """A document held in a file, read by position, so that several threads may share it."""

    __slots__ = ("_descriptor", "_size", "path")

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise DataFault(f"the document's file cannot be opened: {error.strerror}") from error
        self._size = os.fstat(self._descriptor).st_size

    @property
    def size(self) -> int:
        """Length in bytes when it was opened."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Give the bytes from offset on: length of them, or fewer at the end.

        Raises:
            DataFault: the file cannot be read, or became shorter than it was.
        """
        wanted = max(0, min(length, self._size - offset))
        pieces: list[bytes] = []
        while wanted:
            try:
                piece = os.pread(self._descriptor, wanted, offset)
            except OSError as error:
                raise DataFault(f"the document's file cannot be read: {error.strerror}") from error
            if not piece:
                raise DataFault("the document's file became shorter while it was read")
            pieces.append(piece)
            offset += len(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Give the file back; reading afterwards fails."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
