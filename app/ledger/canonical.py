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


def canonical_json(value: JsonValue) -> bytes:
    """Encode a value the one way RFC 8785 allows.

    Raises:
        ValueError: the value holds something an event must not hold (float, non-ASCII key, lone surrogate, huge
        integer).
    """
    _refuse_foreign(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def leaf_hash(body: bytes) -> str:
    """Return the hex leaf hash of an event body: SHA-256(0x00 ‖ body), RFC 6962 §2.1."""
    return hashlib.sha256(b"\x00" + body).hexdigest()


def _refuse_foreign(value: JsonValue) -> None:
    match value:
        case None | bool() | str():
            return
        case int():
            if abs(value) > _INTEGER_MAX:
                raise ValueError(f"integer {value} is beyond 2^53-1")
        case Mapping():
            for key, inner in value.items():
                if not key.isascii():
                    raise ValueError(f"key {key!r} is not ASCII")
                _refuse_foreign(inner)
        case Sequence():
            for inner in value:
                _refuse_foreign(inner)
        case _:
            raise ValueError(f"{type(value).__name__} has no place in an event")
