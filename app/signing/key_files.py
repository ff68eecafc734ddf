"""Files of keys: made once by whoever comes first, complete or not at all, and readable by their owner alone."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from app.errors import DataFault

_BYTES_MAX: Final = 65_536


def make_folder(folder: Path) -> None:
    """Make the folder, with mode 0700, where it is missing."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)


def create(path: Path, content: bytes) -> None:
    """Make a key file, with mode 0600; where there is one already, that one stays.

    The file is on disk when this returns.
    """
    # mkstemp opens with O_CREAT | O_EXCL and mode 0600.
    descriptor, draft = tempfile.mkstemp(prefix=".node-", suffix=".draft", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A crash before the link leaves a draft that nobody reads; a link appears complete or not at all, and
        # fails when another process was first: then its key is the key.
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        Path(draft).unlink()
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
        raise DataFault(f"the node key {path} cannot be opened: {error.strerror}") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise DataFault(f"the node key {path} is not a regular file")
        if mode & 0o077:
            raise DataFault(
                f"the node key {path} has mode {stat.S_IMODE(mode):04o}: others can read it; make it 0600 and rotate"
            )
        return os.read(descriptor, _BYTES_MAX)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
