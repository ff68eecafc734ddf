"""Canonical JSON (RFC 8785) for events, and the RFC 6962 hash of a leaf.

Only strings, integers, booleans, null, arrays and objects with ASCII keys occur in events. For these RFC 8785 asks for
keys sorted by UTF-16 code unit (for ASCII: by code point), no white space and the shortest escapes, which is what the
encoder below is told to write; numbers with a fraction are refused instead of formatted.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

JsonValue = str | int | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]

_INTEGER_MAX = 2**53 - 1
"""Beyond it an IEEE 754 double is not exact, so RFC 8785 §3.2.2.3 readers would disagree."""

_DEPTH_MAX = 32
"""Levels of arrays and objects; events have three (ours: what is deeper was not written by a room of this node)."""


def canonical_json(value: JsonValue) -> bytes:
    """Encode a value the one way RFC 8785 allows.

    Raises:
        ValueError: the value holds something an event must not hold (float, bytes, key that is not ASCII text, lone
        surrogate, huge integer), or is too deep.
    """
    plain = _plain(value, _DEPTH_MAX)
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def leaf_hash(body: bytes) -> str:
    """Return the hex leaf hash of an event body: SHA-256(0x00 ‖ body), RFC 6962 §2.1."""
    return hashlib.sha256(b"\x00" + body).hexdigest()


def _plain(value: object, depth: int) -> object:
    match value:
        case None | bool() | str():
            return value
        case int():
            if abs(value) > _INTEGER_MAX:
                raise ValueError(f"integer {value} is beyond 2^53-1")
            return value
        case Mapping() if depth > 0:
            return {_key(key): _plain(inner, depth - 1) for key, inner in value.items()}
        case list() | tuple() if depth > 0:
            return [_plain(inner, depth - 1) for inner in value]
        case Mapping() | list() | tuple():
            raise ValueError("the value is too deep for an event")
        case _:
            raise ValueError(f"{type(value).__name__} has no place in an event")


def _key(key: object) -> str:
    if not isinstance(key, str) or not key.isascii():
        raise ValueError(f"key {key!r} is not ASCII text")
    return key
