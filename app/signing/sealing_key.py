"""The node's key for what it must be able to read again but nobody else: secrets of others that lie in the database.

AES-256-GCM (NIST SP 800-38D) with a fresh 96-bit nonce each time. What is sealed is bound to the record it belongs to,
so that whoever can write the database cannot move it to another one. Without the key file what was sealed is lost;
with the file alone nothing is known.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import DataFault
from app.signing import key_files

FILE_NAME: Final = "sealing.key"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"
"""First byte of everything sealed, so that another way of sealing can follow."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The key; safe to share between threads."""

    _cipher: AESGCM = field(repr=False)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the key of a folder; make it when there is none, exactly one however many processes start at once.

        Raises:
            DataFault: the file can be read by group or others, is no regular file, or is damaged.
        """
        key_files.make_folder(folder)
        path = folder / FILE_NAME
        if not path.exists():
            key_files.create(path, os.urandom(_KEY_BYTES))
        key = key_files.read(path)
        if len(key) != _KEY_BYTES:
            raise DataFault(f"the key {path} has {len(key)} bytes instead of {_KEY_BYTES}")
        return cls(AESGCM(key))

    def seal(self, secret: bytes, *, belongs_to: str) -> bytes:
        """Seal a secret for one record.

        Args:
            belongs_to: the record's id; opening takes the same.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret, belongs_to.encode())

    def unseal(self, sealed: bytes, *, belongs_to: str) -> bytes:
        """Open what was sealed for this record.

        Raises:
            DataFault: it was sealed with another key or for another record, or is damaged.
        """
        version, nonce, rest = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        refusal = f"a secret of {belongs_to} cannot be opened; was the file {FILE_NAME} replaced?"
        if version != _VERSION:
            raise DataFault(refusal)
        try:
            return self._cipher.decrypt(nonce, rest, belongs_to.encode())
        except (InvalidTag, ValueError) as error:
            raise DataFault(refusal) from error
