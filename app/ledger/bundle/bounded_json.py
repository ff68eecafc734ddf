"""JSON from strangers: bounded in octets and in values, nothing twice in one object, no number that is none."""

import json
import math
from typing import Any, Final

VALUES_MAX: Final = 4_000_000
"""Most values a text may hold; each takes some hundred octets of memory."""
_DIGITS_MAX: Final = 20


class JsonRefused(ValueError):
    """The text is no JSON, or of a kind that is not read here."""


def read_json(octets: bytes, *, values_max: int = VALUES_MAX) -> Any:
    """Read a JSON text.

    Raises:
        JsonRefused: it is none in UTF-8, too deep, too full, has a name twice in an object, or a number beyond bounds.
    """
    # Each value but the first stands behind one of these, so this bounds them before anything is built.
    if octets.count(b",") + octets.count(b"[") + octets.count(b"{") + octets.count(b":") > values_max:
        raise JsonRefused(f"it may hold more than {values_max} values")
    try:
        return json.loads(
            octets.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except JsonRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise JsonRefused(str(error)) from error


def read_object(octets: bytes, *, values_max: int = VALUES_MAX) -> dict[str, Any]:
    """Read a JSON text that is an object.

    Raises:
        JsonRefused: as `read_json`, or it is something else.
    """
    value = read_json(octets, values_max=values_max)
    if not isinstance(value, dict):
        raise JsonRefused("it is no JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise JsonRefused("an object of it has a name twice")
    return made


def _integer(text: str) -> int:
    if len(text) > _DIGITS_MAX:
        raise JsonRefused(f"it has a number of {len(text)} digits")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise JsonRefused("it has a number that is beyond bounds")
    return value


def _constant(text: str) -> Any:
    raise JsonRefused(f"{text} is no JSON")
