"""A text of the pages."""

from typing import NamedTuple


class Text(NamedTuple):
    """A text in both languages."""

    vi: str
    en: str
