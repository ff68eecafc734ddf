"""Files of an archive: written beside their place and moved there whole, with the digest the manifest needs. Blocks.

Each file and each folder is on the disk before the manifest that speaks of them is, and the manifest before anything it
makes superfluous is removed: whenever the power fails, a folder with a manifest is what that manifest says, or is found
not to be.
"""

import gzip
import hashlib
import os
from pathlib import Path
from typing import IO, Final, Self

from app.errors import Unavailable
from app.ledger.archive.layout import KeptFile

_SLICE: Final = 1024 * 1024
_UNSYNCED_MAX: Final = 2_048
"""Files that wait to be written through: by then the system has written most of them by itself, which is quicker than
waiting for each.
"""


class Folder:
    """The folder of an archive that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unsynced: list[Path] = []
        self._made = [each for each in (path, *path.parents) if not each.exists()]
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"{path} cannot be made: {error.strerror}") from error

    def keep(self, name: str, octets: bytes, *, fixed: bool = False) -> KeptFile:
        """Write a file whole.

        Args:
            fixed: a file of this name and length has these octets for ever, and need not be written again.

        Raises:
            Unavailable: the disk takes no more.
        """
        target = self.path / name
        kept = KeptFile(name, hashlib.sha256(octets).hexdigest(), len(octets))
        try:
            if fixed and target.is_file() and target.read_bytes() == octets:
                # Whoever wrote it may not have come as far as writing it through.
                self._waits(target)
                return kept
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = target.with_name(f"{target.name}.part")
            beside.write_bytes(octets)
            # If we die here, what is not whole has another name, and is written again.
            beside.replace(target)
            self._waits(target)
        except OSError as error:
            raise Unavailable(f"{target} cannot be written: {error.strerror}") from error
        return kept

    def conclude(self, name: str, octets: bytes) -> None:
        """Write the file that says that all others are there: behind them in time, and through to the disk.

        Raises:
            Unavailable: the disk takes no more.
        """
        target = self.path / name
        beside = target.with_name(f"{target.name}.part")
        try:
            self._written_through()
            # Folders that were made on the way to this one are entries of the one above.
            for each in self._made:
                _sync(each.parent)
            with beside.open("wb") as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
            _sync(self.path)
        except OSError as error:
            raise Unavailable(f"{target} cannot be written: {error.strerror}") from error

    def digest(self, name: str) -> KeptFile | None:
        """Read a file that is there already, which becomes one of those of this archive; None where it is not.

        Raises:
            Unavailable: the disk takes no more.
        """
        found = digest_of(self.path, name)
        if found is not None:
            try:
                self._waits(self.path / name)
            except OSError as error:
                raise Unavailable(f"{self.path / name} cannot be written: {error.strerror}") from error
        return found

    def remove(self, name: str) -> None:
        """Remove a file that no manifest names any more."""
        (self.path / name).unlink(missing_ok=True)

    def _waits(self, target: Path) -> None:
        self._unsynced.append(target)
        if len(self._unsynced) >= _UNSYNCED_MAX:
            self._written_through()

    def _written_through(self) -> None:
        folders = {self.path}
        for each in self._unsynced:
            _sync(each)
            folders.update(above for above in each.parents if above.is_relative_to(self.path))
        for folder in folders:
            _sync(folder)
        self._unsynced.clear()

    def lines(self) -> "Lines":
        """Begin a compressed file of lines, whose name is known at its end."""
        return Lines(self)


class Lines:
    """Lines that are being compressed: the same lines give the same octets, whenever they are written."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._beside = folder.path / "entries.part"
        try:
            self._file: IO[bytes] = self._beside.open("wb")
        except OSError as error:
            raise Unavailable(f"{self._beside} cannot be written: {error.strerror}") from error
        # Neither a name nor a time in the header (RFC 1952 §2.3.1).
        self._packed = gzip.GzipFile(filename="", mode="wb", fileobj=self._file, mtime=0)

    def __enter__(self) -> Self:
        """Give the lines to be written."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no file open; what was not kept is written again the next time."""
        self._file.close()

    def add(self, body: str) -> None:
        """Write one line.

        Raises:
            Unavailable: the disk takes no more.
        """
        try:
            self._packed.write(body.encode("utf-8") + b"\n")
        except OSError as error:
            raise Unavailable(f"{self._beside} cannot be written: {error.strerror}") from error

    def keep(self, name: str) -> KeptFile:
        """End the file and give it its name.

        Raises:
            Unavailable: the disk takes no more.
        """
        target = self._folder.path / name
        try:
            self._packed.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            target.parent.mkdir(parents=True, exist_ok=True)
            self._beside.replace(target)
        except OSError as error:
            raise Unavailable(f"{target} cannot be written: {error.strerror}") from error
        kept = self._folder.digest(name)
        assert kept is not None, "it was written a moment ago"
        return kept


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(folder: Path, name: str) -> KeptFile | None:
    """Read a file of an archive for its digest and size; None where there is none."""
    digest, size = hashlib.sha256(), 0
    try:
        with (folder / name).open("rb") as file:
            while piece := file.read(_SLICE):
                digest.update(piece)
                size += len(piece)
    except OSError:
        return None
    return KeptFile(name, digest.hexdigest(), size)
