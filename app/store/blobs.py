"""Bodies on disk, named by what they hold.

A body is a file `bodies/ab/cd/<sha256>`; it is written elsewhere, synced, and only then given its name, so a file with
a name is always whole. The name is durable before the row that refers to it is committed; a body without a row is a
harmless orphan, until it is swept. Whoever keeps a body touches it, so that nobody parts with one that is about to be
referred to; who refers to bodies is named in `store/retention.py: referenced`.
"""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.errors import DataFault, Unavailable

_SLICE_BYTES = 1024 * 1024
_PARTING = ".parting"


@dataclass(frozen=True, slots=True)
class Parting:
    """A body that lost its name, and is about to be deleted.

    Attributes:
        path: where it lies; nobody else's, so what is decided about it is never done to another one of the same octets.
        touched: when it was last kept by somebody, in nanoseconds of POSIX time.
    """

    path: Path
    sha256: str
    touched: int


class BlobStore:
    """Content-addressed files below one folder. Calls block; callers on the event loop use a thread."""

    def __init__(self, folder: Path) -> None:
        self._bodies = folder / "bodies"
        self._incoming = folder / "incoming"
        self._durable: set[Path] = set()
        """Folders whose names this process knows to be synced; nobody removes one. At most 65,792 of them."""
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
            self._make_way_to(target)
            incoming.replace(target)
            # Named, but the name may not survive power loss before its folder is synced; no row refers to it yet.
            _sync(target.parent)
        except OSError as error:
            # Whatever is wrong with the folders, the next body finds out anew which of them are there.
            self._durable.clear()
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
                    if path.suffix != _PARTING and path.stat().st_mtime < older_than:
                        path.unlink()
                        swept += 1
        except OSError as error:
            raise Unavailable("the folder of arriving bodies cannot be swept") from error
        return swept

    def touched(self, sha256: str) -> int | None:
        """Tell when a body was last kept by somebody, in nanoseconds of POSIX time; None where there is none."""
        try:
            return self.path_of(sha256).stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def kept_under(self, prefix: str, *, older_than: float) -> list[tuple[str, int]]:
        """List digest and last touch of bodies whose digest begins with two digits, last touched before a time.

        Raises:
            Unavailable: the folders cannot be read.
        """
        found = []
        try:
            for folder in sorted((self._bodies / prefix).glob("??")):
                for path in folder.iterdir():
                    with suppress(FileNotFoundError):
                        touched = path.stat().st_mtime_ns
                        if touched < older_than * 1e9:
                            found.append((path.name, touched))
        except OSError as error:
            raise Unavailable("the folders of bodies cannot be read") from error
        return found

    def part_with(self, sha256: str, *, touched: int) -> bool:
        """Delete a body that no row refers to, unless somebody has kept it again since it was `touched`.

        First it loses its name, then it is looked at once more: who keeps the same octets at this moment has touched it
        before, and it gets its name back, or finds no body after, and writes it anew.

        Raises:
            Unavailable: the folders cannot be written.
        """
        path = self._incoming / f"{sha256}.{secrets.token_hex(8)}{_PARTING}"
        try:
            self.path_of(sha256).replace(path)
            # If we die here it lies in incoming, until `partings` says so and it is decided anew.
            parting = Parting(path, sha256, path.stat().st_mtime_ns)
            if parting.touched != touched:
                self.take_back(parting)
                return False
            path.unlink()
        except FileNotFoundError:
            # Another process parted with it.
            return False
        except OSError as error:
            raise Unavailable("a body cannot be deleted") from error
        return True

    def partings(self) -> list[Parting]:
        """List bodies that lost their name: in a process that died then, or does it now."""
        found = []
        for path in self._incoming.glob(f"*{_PARTING}"):
            with suppress(FileNotFoundError):
                found.append(Parting(path, path.name.partition(".")[0], path.stat().st_mtime_ns))
        return found

    def take_back(self, parting: Parting) -> None:
        """Give a body that was about to be deleted its name again."""
        target = self.path_of(parting.sha256)
        with suppress(FileExistsError, FileNotFoundError):
            os.link(parting.path, target)
            _sync(target.parent)
        parting.path.unlink(missing_ok=True)

    def forget(self, parting: Parting) -> None:
        """Finish deleting a body that lost its name."""
        parting.path.unlink(missing_ok=True)

    def _already_kept(self, sha256: str, size: int) -> bool:
        target = self.path_of(sha256)
        try:
            # Before anything else: from here on nobody parts with it.
            os.utime(target)
            if target.stat().st_size != size:
                return False
        except FileNotFoundError:
            return False
        # Somebody else may have named it a moment ago and not synced the folders yet; the caller's row must not come
        # before.
        self._make_way_to(target)
        _sync(target.parent)
        return True

    def _make_way_to(self, target: Path) -> None:
        """Make the folders of a body where they are missing, each durable in the one above."""
        for folder in (target.parent.parent, target.parent):
            if folder not in self._durable:
                folder.mkdir(exist_ok=True, mode=0o700)
                # Also where somebody else made it: they may not have come to this line yet.
                _sync(folder.parent)
                self._durable.add(folder)


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
