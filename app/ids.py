"""The one source of ids."""

import secrets
from uuid import UUID

import uuid_utils

_TAIL_BITS = 74
_HALF_BITS = 62


def new_id() -> str:
    """Make an id nobody else makes: UUIDv7 (RFC 9562 §5.7), whose text sorts by the millisecond it was made in."""
    return str(uuid_utils.uuid7())


def id_after(other: str) -> str:
    """Make an id that sorts behind another one, even where the clock that made the other is ahead of ours.

    While ours is behind, it counts on from the other by a random step (RFC 9562 §6.2, method 2).
    """
    fresh = new_id()
    if fresh > other:
        return fresh
    value = UUID(other).int
    milliseconds, half = value >> 80, value & ((1 << _HALF_BITS) - 1)
    tail = (((value >> 64) & 0xFFF) << _HALF_BITS | half) + 1 + secrets.randbits(32)
    if tail >> _TAIL_BITS:
        milliseconds, tail = milliseconds + 1, secrets.randbits(_TAIL_BITS - 1)
    head = milliseconds << 80 | 7 << 76 | (tail >> _HALF_BITS) << 64
    return str(UUID(int=head | 0b10 << _HALF_BITS | tail & ((1 << _HALF_BITS) - 1)))
