"""Compare Vietnamese text without accents, case and spacing. For searching and recognising; never for rewriting."""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
_D_BAR = str.maketrans({"đ": "d", "Đ": "d"})


def fold(text: str) -> str:
    """Fold a text so that what people take for the same word compares equal.

    NFC, `đ` to `d`, case folded, combining marks dropped, blanks collapsed to one space and trimmed (ours). Old and
    new placement of tone marks (`hoà`, `hòa`) fold alike.
    """
    plain = unicodedata.normalize("NFC", text).translate(_D_BAR).casefold()
    letters = (sign for sign in unicodedata.normalize("NFD", plain) if not unicodedata.combining(sign))
    return " ".join("".join(letters).split())


def fold_words(text: str) -> str:
    """Fold a text to its words, one blank between them; punctuation is none."""
    return " ".join(_WORD.findall(fold(text)))
