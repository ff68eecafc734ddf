"""Bodies on disk, named by what they hold.

A body is a file `bodies/ab/cd/<sha256>`; it is written elsewhere, synced, and only then given its name, so a file with
a name is always whole. The name is durable before the row that refers to it is committed; a body without a row is a
harmless orphan.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.errors import DataFault, Unavailable

_SLICE_BYTES = 1024 * 1024


class BlobStore:
    """Content-addressed files below one folder. Calls block; callers on the event loop use a thread."""

    def __init__(self, folder: Path) -> None:
        self._bodies = folder / "bodies"
        self._incoming = folder / "incoming"
        for each in (self._bodies, self._incoming):
            _make_folder(each)

    def open_incoming(self) -> tuple[int, Path]:
        """Make an unnamed place for a body that is still arriving; returns its file descriptor and path.

        Raises:
            Unavailable: the disk takes no more.
        """
        try:
            descriptor, path = tempfile.mkstemp(dir=self._incoming)
        except OSError as error:
            raise Unavailable("no room to receive a body") from error
        return descriptor, Path(path)

    def keep_bytes(self, body: bytes, sha256: str) -> None:
        """Make a body durable under its digest.

        Raises:
            Unavailable: the disk takes no more; nothing was kept.
        """
        try:
            if self._already_kept(sha256, len(body)):
                return
            descriptor, path = self.open_incoming()
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(body)
                self.keep_file(path, sha256)
            finally:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable("the disk did not take the body") from error

    def keep_file(self, incoming: Path, sha256: str) -> None:
        """Make an arrived file durable under its digest; `incoming` is gone afterwards.

        Raises:
            Unavailable: the disk takes no more; nothing was kept.
        """
        target = self.path_of(sha256)
        try:
            _sync(incoming)
            # Whole and synced, but nameless: a crash now leaves a file in incoming that `sweep_incoming` removes.
            for folder in (target.parent.parent, target.parent):
                folder.mkdir(exist_ok=True, mode=0o700)
            incoming.replace(target)
            # Named, but the name may not survive power loss before the folders are synced; no row refers to it yet.
            for folder in (target.parent, target.parent.parent, self._bodies):
                _sync(folder)
        except OSError as error:
            raise Unavailable("the disk did not take the body") from error

    def path_of(self, sha256: str) -> Path:
        """Return where the body with this digest lies, or would lie."""
        return self._bodies / sha256[:2] / sha256[2:4] / sha256

    def slices(self, sha256: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the body, or `length` bytes of it from `start`, in slices of at most 1 MiB.

        Raises:
            DataFault: a document's body is gone, which only damage to the disk can bring about.
        """
        try:
            with self.path_of(sha256).open("rb") as file:
                file.seek(start)
                left = length
                while left is None or left > 0:
                    piece = file.read(_SLICE_BYTES if left is None else min(left, _SLICE_BYTES))
                    if not piece:
                        return
                    left = None if left is None else left - len(piece)
                    yield piece
        except FileNotFoundError as error:
            raise DataFault(f"body {sha256} is missing from the store") from error

    def digest(self, sha256: str) -> str | None:
        """Recompute the digest of a kept body; None where the file is missing."""
        if not self.path_of(sha256).exists():
            return None
        computed = hashlib.sha256()
        for piece in self.slices(sha256):
            computed.update(piece)
        return computed.hexdigest()

    def sweep_incoming(self, *, older_than: float) -> int:
        """Remove bodies last touched before `older_than` (POSIX time) that were never kept; returns how many.

        Raises:
            Unavailable: the folder cannot be read.
        """
        swept = 0
        try:
            for path in self._incoming.iterdir():
                # Bodies arrive, are kept and are swept by other processes while this one looks.
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < older_than:
                        path.unlink()
                        swept += 1
        except OSError as error:
            raise Unavailable("the folder of arriving bodies cannot be swept") from error
        return swept

    def _already_kept(self, sha256: str, size: int) -> bool:
        target = self.path_of(sha256)
        if not target.exists() or target.stat().st_size != size:
            return False
        # Somebody else may have named it a moment ago and not synced the folders yet; the caller's row must not come
        # before.
        for folder in (target.parent, target.parent.parent, self._bodies):
            _sync(folder)
        return True


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each durable in the one above; a body is as durable as the way to it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
