"""Client secrets hashed at little cost: tests make clients by the thousand; what a guess costs is a test by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from argon2 import PasswordHasher

from app.registry import secrets

REAL = secrets._HASHER
"""The hasher of the product."""

_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=32, salt_len=16)


@contextmanager
def cheap_secrets() -> Iterator[None]:
    """Hash with the least Argon2id there is; what was hashed either way is verified by either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_HASHER", _CHEAP)
        yield
