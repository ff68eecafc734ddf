"""The node's keys for what it must be able to read again but nobody else: secrets of others that lie in the database.

AES-256-GCM (NIST SP 800-38D) with a fresh 96-bit nonce each time. What is sealed is bound to the record it belongs to,
so that whoever can write the database cannot move it to another one. Without the key file what was sealed is lost;
with the file alone nothing is known.

Owns `sealing.key`, which is number 1, and `sealing-0002.key`, `sealing-0003.key`, … of the folder of keys. The highest
number seals, each opens what it sealed, and whoever holds a `SealingKey` sees a rotation at the next use of it.
"""

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import DataFault
from app.signing import key_files

FILE_NAME: Final = "sealing.key"
LATER_NAME: Final = re.compile(r"sealing-([0-9]{4})\.key")
NUMBER_MAX: Final = 9_999
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_FIRST_KEY: Final = b"\x01"
"""First byte of what the first releases sealed, which had one key only."""
_NUMBERED: Final = b"\x02"
"""First byte of what is sealed now; the number of the key is in the two bytes behind it."""
_NUMBER_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class _Ring:
    """The keys as a folder had them, by number, at least one."""

    ciphers: Mapping[int, AESGCM] = field(repr=False)

    @property
    def newest(self) -> int:
        return max(self.ciphers)


class SealingKey:
    """The keys of a folder; the newest seals. Safe to share between threads."""

    def __init__(self, folder: Path, ring: _Ring) -> None:
        self._folder = folder
        self._ring = ring
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the keys of a folder; make one when there is none, exactly one however many processes start at once.

        Raises:
            DataFault: a file can be read by group or others, is no regular file, or is damaged.
        """
        key_files.make_folder(folder)
        if not files_in(folder):
            key_files.create(folder / FILE_NAME, os.urandom(_KEY_BYTES))
        return cls(folder, _read_ring(folder))

    @classmethod
    def rotate(cls, folder: Path) -> Self:
        """Let another key seal from now on; the older ones go on opening what they sealed.

        Raises:
            DataFault: as in `open`, or 9,999 keys were made.
        """
        before = cls.open(folder).number
        if before >= NUMBER_MAX:
            raise DataFault(f"{folder} holds sealing key number {before}; the numbering ends there")
        key_files.create(folder / f"sealing-{before + 1:04}.key", os.urandom(_KEY_BYTES))
        return cls.open(folder)

    @property
    def number(self) -> int:
        """Number of the key that seals.

        Raises:
            DataFault: a key was added that cannot be used.
        """
        if max(files_in(self._folder), default=0) > self._ring.newest:
            self._again()
        return self._ring.newest

    def seal(self, secret: bytes, *, belongs_to: str) -> bytes:
        """Seal a secret for one record.

        Args:
            belongs_to: the record's id; opening takes the same.

        Raises:
            DataFault: a key was added that cannot be used.
        """
        number, nonce = self.number, os.urandom(_NONCE_BYTES)
        sealed = self._ring.ciphers[number].encrypt(nonce, secret, belongs_to.encode())
        return _NUMBERED + number.to_bytes(_NUMBER_BYTES, "big") + nonce + sealed

    def unseal(self, sealed: bytes, *, belongs_to: str) -> bytes:
        """Open what was sealed for this record.

        Raises:
            DataFault: it was sealed with a key that is not here or for another record, or is damaged.
        """
        number, rest = _parted(sealed)
        if number not in self._ring.ciphers:
            self._again()
        cipher = self._ring.ciphers.get(number)
        if cipher is None or len(rest) < _NONCE_BYTES + _TAG_BYTES:
            raise DataFault(f"a secret of {belongs_to} cannot be opened: sealing key {number} is not here, or damaged")
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], belongs_to.encode())
        except InvalidTag as error:
            raise DataFault(f"a secret of {belongs_to} cannot be opened; was the file {FILE_NAME} replaced?") from error

    def _again(self) -> None:
        with self._lock:
            self._ring = _read_ring(self._folder)


def sealed_with(sealed: bytes) -> int:
    """Return the number of the key that sealed this; 0 where it is nothing that was sealed."""
    return _parted(sealed)[0]


def files_in(folder: Path) -> dict[int, Path]:
    """Return the file of each key of a folder, in the order of their numbers."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names only
    except FileNotFoundError:
        return {}
    later = {int(named.group(1)): folder / named.group() for each in names if (named := LATER_NAME.fullmatch(each))}
    return dict(sorted((({1: folder / FILE_NAME} if FILE_NAME in names else {}) | later).items()))


def _parted(sealed: bytes) -> tuple[int, bytes]:
    if sealed[:1] == _FIRST_KEY:
        return 1, sealed[1:]
    if sealed[:1] == _NUMBERED:
        return int.from_bytes(sealed[1 : 1 + _NUMBER_BYTES], "big"), sealed[1 + _NUMBER_BYTES :]
    return 0, b""


def _read_ring(folder: Path) -> _Ring:
    keys = {number: _read(path) for number, path in files_in(folder).items()}
    if not keys:
        raise DataFault(f"there is no sealing key in {folder} any more")
    return _Ring({number: AESGCM(key) for number, key in keys.items()})


def _read(path: Path) -> bytes:
    key = key_files.read(path)
    if len(key) != _KEY_BYTES:
        raise DataFault(f"the key {path} has {len(key)} bytes instead of {_KEY_BYTES}")
    return key
