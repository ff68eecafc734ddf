"""What the ledger's key has signed: the largest tree of each log, kept on disk beside the key.

A database can be restored from yesterday's copy, and a log that goes on from there would sign another tree of a size it
signed before, which is what a log must never do. So the size and root are in `ledger-signed.json` of the folder of keys
before anybody can see the checkpoint, and what does not continue them is not signed. Lost with the key, for without it
nothing can be signed. Writing waits for the disk; processes that share the folder do it one after another.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.errors import DataFault, Unavailable
from app.signing import key_files

FILE_NAME: Final = "ledger-signed.json"
_LOCK_NAME: Final = "ledger-signed.lock"
_ROOT_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class SignedTree:
    """A tree whose checkpoint was signed, or is about to be."""

    size: int
    root: bytes


class SignedTrees:
    """The largest signed tree of each log, by the log's name.

    Args:
        folder: of the keys; None remembers in memory only, for tools and tests.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._remembered: dict[str, SignedTree] = {}

    def read(self) -> Mapping[str, SignedTree]:
        """Return what was signed.

        Raises:
            DataFault: the file cannot be read, so nobody knows what was signed.
        """
        if self._folder is None:
            return dict(self._remembered)
        path = self._folder / FILE_NAME
        if not path.exists():
            return {}
        try:
            return {name: _tree(each) for name, each in json.loads(key_files.read(path))["signed"].items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataFault(
                f"{path} does not say what the ledger's key has signed; bring it back from the newest backup of keys"
            ) from error

    def advance(self, origin: str, *, seen: SignedTree | None, to: SignedTree) -> bool:
        """Remember a larger tree; it is on disk when this returns, and whoever dies behind it has signed nothing else.

        False, and nothing is written, where it is not `seen` any more that was signed last, or another process writes
        just now: then everything is to be looked at again.

        Raises:
            DataFault: the file cannot be read.
            Unavailable: the disk takes nothing.
        """
        if seen is not None and to.size < seen.size:
            return False
        return self._replace(origin, seen, to)

    def go_back(self, origin: str, *, seen: SignedTree, to: SignedTree) -> bool:
        """Forget a tree because an operator says so; False as with `advance`.

        Raises:
            DataFault: the file cannot be read.
            Unavailable: the disk takes nothing.
        """
        return self._replace(origin, seen, to)

    def _replace(self, origin: str, seen: SignedTree | None, to: SignedTree) -> bool:
        if self._folder is None:
            if self._remembered.get(origin) != seen:
                return False
            self._remembered[origin] = to
            return True
        try:
            with _locked(self._folder / _LOCK_NAME) as mine:
                signed = dict(self.read()) if mine else {}
                if not mine or signed.get(origin) != seen:
                    return False
                if seen != to:
                    _write(self._folder / FILE_NAME, {**signed, origin: to})
        except OSError as error:
            raise Unavailable(f"{self._folder / FILE_NAME} cannot be written: {error.strerror}") from error
        return True


def _tree(entry: Mapping[str, Any]) -> SignedTree:
    size, root = entry["size"], bytes.fromhex(entry["root"])
    if not isinstance(size, int) or size < 0 or len(root) != _ROOT_OCTETS:
        raise ValueError("not a size and a root")
    return SignedTree(size, root)


def _write(path: Path, signed: Mapping[str, SignedTree]) -> None:
    shown = {name: {"size": tree.size, "root": tree.root.hex()} for name, tree in sorted(signed.items())}
    content = json.dumps({"signed": shown}, ensure_ascii=False, indent=1).encode("utf-8")
    # If we die in it, or the power goes, what was signed before is what was signed: nothing was since.
    key_files.replace(path, content)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        # Not waited for: a process that hangs with it must not make this one hang. Given back when a process dies.
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
            return
        yield False
    finally:
        os.close(descriptor)
