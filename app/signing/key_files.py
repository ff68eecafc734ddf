"""Files of keys: made once by whoever comes first, complete or not at all, and readable by their owner alone.

Keys that follow each other are numbered: `node-0001.pem`, `node-0002.pem`, … are private, `node-0003.pub.pem` is the
public half of one whose private half lies elsewhere or was destroyed. The highest number signs.
"""

import os
import re
import stat
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

from app.errors import DataFault, TrucError

_Read = TypeVar("_Read")

_BYTES_MAX: Final = 65_536
_NUMBER_MAX: Final = 9_999


@dataclass(frozen=True, slots=True)
class Series:
    """The keys of one purpose in a folder.

    Attributes:
        purpose: what the names of their files begin with.
    """

    purpose: str

    def private_name(self, number: int) -> str:
        """Name the file of a private key."""
        return f"{self.purpose}-{number:04}.pem"

    def public_name(self, number: int) -> str:
        """Name the file of a public half."""
        return f"{self.purpose}-{number:04}.pub.pem"

    def names_in(self, folder: Path) -> frozenset[str]:
        """Return the names of their files; none where there is no folder.

        Raises:
            OSError: the folder cannot be looked into.
        """
        try:
            listed = os.listdir(folder)  # noqa: PTH208 - names only, at every signature
        except FileNotFoundError:
            return frozenset()
        return frozenset(name for name in listed if self._parts(name))

    def files_in(self, folder: Path) -> dict[int, Path]:
        """Return the file of each number, in their order: the private key's where there is one, else the public one's.

        Raises:
            OSError: the folder cannot be looked into.
        """
        found: dict[int, Path] = {}
        for name in self.names_in(folder):
            named = self._parts(name)
            assert named is not None
            number = int(named["number"])
            if number not in found or not named["public"]:
                found[number] = folder / name
        return dict(sorted(found.items()))

    def next_number(self, last: int, folder: Path) -> int:
        """Return the number behind the last one.

        Raises:
            DataFault: there is none.
        """
        if last >= _NUMBER_MAX:
            raise DataFault(f"{folder} holds {self.purpose} key number {last}; the numbering ends there")
        return last + 1

    def load(self, path: Path) -> PrivateKeyTypes | PublicKeyTypes:
        """Read the key of a file, whichever half it is.

        Raises:
            DataFault: as with `read`, or it holds no key of that half.
        """
        pem, named = read(path), self._parts(path.name)
        public = named is not None and bool(named["public"])
        try:
            if public:
                return serialization.load_pem_public_key(pem)
            return serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            half = "public" if public else "private"
            raise DataFault(f"the {self.purpose} key {path} holds no readable {half} key") from error

    def _parts(self, name: str) -> re.Match[str] | None:
        return re.fullmatch(rf"{self.purpose}-(?P<number>[0-9]{{4}})(?P<public>\.pub)?\.pem", name)


class Watched(Generic[_Read]):
    """What was read from the keys of a folder, and is read again once there are others. For any number of threads.

    Args:
        read: reads it.

    Raises:
        TrucError: whatever `read` raises.
        OSError: the folder cannot be looked into.
    """

    def __init__(self, series: Series, folder: Path, read: Callable[[], _Read]) -> None:
        self._series, self._folder, self._read = series, folder, read
        self._lock = threading.Lock()
        # Before they are read: what comes between the two is seen the next time.
        self._names = series.names_in(folder)
        self._held = read()

    def current(self) -> _Read:
        """Return it as it is now; what was good before goes on where the folder is away or its newest key unusable."""
        try:
            names = self._series.names_in(self._folder)
        except OSError:
            return self._held
        if names != self._names:
            with self._lock:
                # `truc doctor` says what is wrong with a key that cannot be read.
                with suppress(TrucError):
                    self._held = self._read()
                self._names = names
        return self._held


def make_folder(folder: Path) -> None:
    """Make the folder, with mode 0700, where it is missing."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)


def create(path: Path, content: bytes) -> None:
    """Make a key file, with mode 0600; where there is one already, that one stays.

    The file is on disk when this returns.
    """
    draft = _draft(path.parent, content)
    # A crash before the link leaves a draft that nobody reads; a link appears complete or not at all, and fails when
    # another process was first: then its key is the key.
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    sync_folder(path.parent)


def read(path: Path) -> bytes:
    """Read a key file.

    Raises:
        DataFault: it cannot be opened, can be read by group or others, or is no regular file.
    """
    try:
        # Neither follows a link nor waits for the other end of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise DataFault(f"the key file {path} cannot be opened: {error.strerror}") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise DataFault(f"the key file {path} is not a regular file")
        if mode & 0o077:
            raise DataFault(
                f"the key file {path} has mode {stat.S_IMODE(mode):04o}: others can read it; "
                "make it 0600, and let another key take its place"
            )
        return os.read(descriptor, _BYTES_MAX)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes) -> None:
    """Write a file, with mode 0600, so that after a crash it holds what it held or all of this; durable on return.

    Raises:
        OSError: the disk takes nothing.
    """
    draft = _draft(path.parent, content)
    # If we die here the draft is left, which nobody reads, and the file is as it was.
    try:
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _draft(folder: Path, content: bytes) -> Path:
    """Write a file of a name of its own; on disk when this returns."""
    # mkstemp opens with O_CREAT | O_EXCL and mode 0600.
    descriptor, name = tempfile.mkstemp(prefix=".key-", suffix=".draft", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
