"""Secrets of clients: made here, shown once, kept only as an Argon2id hash."""

import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import DataFault

SECRET_LENGTH_MAX: Final = 200
"""Longer ones are none of ours and are not hashed."""
_SECRET_BYTES: Final = 32

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)
"""Argon2id with 19 MiB and two passes, the OWASP Password Storage Cheat Sheet's minimum; about 20 ms."""
NOBODY_HASH: Final = "$argon2id$v=19$m=19456,t=2,p=1$RHvpp7W6hF/fLYWH7QnAdg$M4P9sd1qmY/a504uozsIkjutxGuxnE6WxwTqBEVk+r4"
"""Hash of a random secret that nobody has; compared with where there is none, so that both take equally long."""


def make_secret() -> str:
    """Make a secret of 256 random bits, 43 characters of base64url."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """Hash a secret for keeping; takes about 20 ms of CPU, so it belongs on a thread."""
    return _HASHER.hash(secret)


def matches(secret: str, kept: str | None) -> bool:
    """Compare a presented secret with a kept hash, in the time of one hash whether there is one or not.

    Raises:
        DataFault: what was kept is no hash.
    """
    usable = kept is not None and len(secret) <= SECRET_LENGTH_MAX
    try:
        equal = _HASHER.verify(
            kept if usable and kept else NOBODY_HASH, secret[:SECRET_LENGTH_MAX].encode("utf-8", "replace")
        )
    except InvalidHashError as error:
        raise DataFault("a client's secret hash is damaged") from error
    except VerificationError:
        return False
    return usable and equal
