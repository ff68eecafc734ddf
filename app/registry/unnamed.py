"""Texts of findings without what they name of a message: what is kept where what documents say must not be.

A finding quotes the offending value, as Python writes a text. Here quoted values, digests, keys and long numbers become
an ellipsis; what remains says which rule was broken where. Ours. Pure.
"""

import re
from typing import Final

GONE: Final = "…"

_QUOTED: Final = re.compile(r"'(?:\\.|[^'\\])*(?:'|$)|\"(?:\\.|[^\"\\])*(?:\"|$)|“[^”]*(?:”|$)|‘[^’]*(?:’|$)")
_APOSTROPHE: Final = re.compile(r"(?<=\w)'(?=s\b)")
"""Of a possessive in our own words, which quotes nothing."""
_LONG: Final = re.compile(r"[0-9]{9,}|(?=[A-Za-z+_=-]*[0-9])[0-9A-Za-z+_=-]{24,}")
"""Numbers of telephones and of people; digests, ids and secrets."""


def unnamed(text: str, *, length_max: int) -> str:
    """Return a text of a finding without the values it names, on one line, cut where it is long."""
    without = _QUOTED.sub(GONE, _APOSTROPHE.sub("’", text))
    return on_one_line(_LONG.sub(GONE, without), length_max=length_max)


def on_one_line(text: str, *, length_max: int) -> str:
    """Return a text with nothing in it that cannot be shown or kept, cut where it is long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    single = " ".join(plain.split())
    return single if len(single) <= length_max else single[: length_max - 1] + GONE
