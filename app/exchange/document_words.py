"""The words a document is found by: those of its code and its subject, without accents, case and punctuation.

A piece that has a digit and signs between its words, `12/QĐ-UBND`, is taken for a code: it is found whole, by its
beginning and by what stands behind one of its signs as far as a digit is in it, whatever signs it is written with.
"""

from collections.abc import Iterator

from app.edxml.folding import fold, fold_words
from app.store.word_index import Word

TEXT_LENGTH_MAX = 200
"""Characters of a search that are looked at."""
WORDS_MAX = 10
"""Words of a search that are looked at."""


def terms_of(*texts: str) -> frozenset[str]:
    """Return the terms of texts as the index has them, before they are cut to its length."""
    found: set[str] = set()
    for written in _pieces(*texts):
        words = fold_words(written).split()
        found.update(words)
        found.update(term for start in range(len(words) - 1) if _is_code(term := "/".join(words[start:])))
    return frozenset(found)


def words_asked(text: str) -> tuple[Word, ...]:
    """Return what a search asks for: all of it must be found, the last word and every code as a beginning.

    Empty where there is no word in it, which is what no document has.
    """
    found: list[str] = []
    for written in _pieces("".join(sign if sign.isprintable() else " " for sign in text[:TEXT_LENGTH_MAX])):
        words = fold_words(written).split()
        found += ["/".join(words)] if len(words) > 1 and _is_code(written) else words
    kept = found[:WORDS_MAX]
    return tuple(dict.fromkeys(Word(term, "/" in term or term is kept[-1]) for term in kept))


def _pieces(*texts: str) -> Iterator[str]:
    for text in texts:
        yield from fold(text).split()


def _is_code(text: str) -> bool:
    return any(sign.isdigit() for sign in text)
