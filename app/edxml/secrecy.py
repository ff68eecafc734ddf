"""Recognise the marks of state secrets in the metadata of a document: Mật, Tối mật, Tuyệt mật.

Only a mark that stands by itself counts, where such marks are put: the sphere of promulgation, the name of the type,
the end of the notation, the very beginning or end of the subject. The words in a sentence ("bảo vệ bí mật nhà nước")
are no mark. Accents may be missing, but where there are some they must fit, so that "mất" or "mặt" raises no alarm.
"""

import re
import unicodedata
from collections.abc import Iterator

from app.edxml import vocabulary as v
from app.edxml.document_types import OTHER, classify
from app.edxml.folding import fold
from app.edxml.model import DocumentMessage, Message
from app.findings import Finding, Severity

_SPELLINGS = {
    "mat": frozenset({"mat", "mật", "mât", "mạt"}),
    "toi": frozenset({"toi", "tối", "tôi"}),
    "tuyet": frozenset({"tuyet", "tuyệt", "tuyêt", "tuỵêt"}),
}
_LEVELS = {"mat": "Mật", "toi mat": "Tối mật", "tuyet mat": "Tuyệt mật"}
_LEAD_IN = re.compile(r"(?:(?:muc do|cap do|do|muc|loai|che do) )?(?:mat )?(?=(?:toi |tuyet )?mat$)")
_DOCUMENT = re.compile(r"(?:van ban|tai lieu|luu hanh) (?=(?:toi |tuyet )?mat$)")
_WORD = re.compile(r"[^\W_]+")
_LEADING = re.compile(r"([^\W\d_]+(?:\s+[^\W\d_]+)?)\s*[:.\-–—|/]")
_TRAILING = re.compile(r"[:.\-–—|/]\s*([^\W\d_]+(?:\s+[^\W\d_]+)?)$")
_SEGMENTS = re.compile(r"[,;()\[\]/|]|\s[-–—]\s")
_OPENING = "([{<«*"
_CLOSING = ")]}>»*"
_PUNCTUATION = " \t\n.!;,"
_MARK_CHARS_MAX = 60
"""No mark is longer, whatever leads in; what is longer is not looked into."""


def find_mark(message: Message) -> Finding | None:
    """Find a mark of secrecy in what a message says of its document; status messages carry none.

    Returns:
        an ERROR that names the place and the level, never the marked text; None where there is no mark.
    """
    if not isinstance(message, DocumentMessage):
        return None
    for location, level in _marks(message):
        if level is not None:
            return Finding(
                code="qd28.1.2.secret-mark",
                severity=Severity.ERROR,
                message=f"The document is marked {level} in {location.rpartition('/')[2]}.",
                fix="State secrets must not enter this network; send them by the means the law prescribes.",
                source="QĐ 28/2018/QĐ-TTg Đ1.2",
                location=location,
            )
    return None


def _marks(message: DocumentMessage) -> Iterator[tuple[str, str | None]]:
    for location, text, level_in in (
        (f"{v.OTHER}/{v.SPHERE}", message.handling.sphere, _in_sphere),
        (f"{v.DOCUMENT_TYPE}/{v.TYPE_NAME}", message.document_type.name, _in_type),
        (f"{v.CODE}/{v.CODE_NOTATION}", message.code.notation, _in_notation),
        (v.SUBJECT, message.subject, _in_subject),
        (v.CONTENT, message.content, _in_subject),
    ):
        # Decomposed letters would fall apart into words.
        yield f"{v.MESSAGE_PATH}/{location}", level_in(unicodedata.normalize("NFC", text or ""))


def _in_sphere(text: str) -> str | None:
    return next((level for segment in _SEGMENTS.split(text) if (level := _level(segment))), None)


def _in_type(text: str) -> str | None:
    """The mark alone, or behind the name of a type; "Quy chế bảo mật" is neither."""
    words = _words(text)
    for count in (1, 2):
        level = _LEVELS.get(" ".join(words[-count:]))
        # The longer mark is looked at last and wins: the rest of "Công văn tối mật" without "mật" is no type.
        if level and (len(words) == count or classify(" ".join(words[:-count])) != OTHER):
            return level
    return _level(text)


def _in_notation(text: str) -> str | None:
    """The mark as the last part, as in `VPCP-NC-Mật`."""
    words = _words(text)
    return next((level for count in (2, 1) if (level := _LEVELS.get(" ".join(words[-count:])))), None)


def _in_subject(text: str) -> str | None:
    trimmed = text.strip(_PUNCTUATION)
    head, tail = trimmed[:_MARK_CHARS_MAX], trimmed[-_MARK_CHARS_MAX:]
    for bracketed in _bracketed(head, tail):
        if level := _level(bracketed):
            return level
    for match in (_LEADING.match(head), _TRAILING.search(tail)):
        # Without brackets a single "mật" may be honey; a mark is written in capitals or has two words.
        if match and (match[1].isupper() or len(match[1].split()) > 1) and (level := _level(match[1])):
            return level
    return _level(text)


def _bracketed(head: str, tail: str) -> Iterator[str]:
    """Give what stands in brackets at the very beginning and at the very end."""
    if head[:1] in _OPENING:
        inner = head.lstrip(_OPENING)
        ends = [position for sign in _CLOSING if (position := inner.find(sign)) >= 0]
        yield inner[: min(ends, default=0)]
    if tail[-1:] in _CLOSING:
        inner = tail.rstrip(_CLOSING)
        starts = [position for sign in _OPENING if (position := inner.rfind(sign)) >= 0]
        yield inner[max(starts, default=len(inner)) + 1 :]


def _level(text: str) -> str | None:
    """Give the level where the text is a mark and nothing else, a lead-in such as "Độ mật:" aside."""
    if len(text) > _MARK_CHARS_MAX:
        return None
    folded = " ".join(_words(text))
    folded = _DOCUMENT.sub("", _LEAD_IN.sub("", folded, count=1), count=1)
    return _LEVELS.get(folded)


def _words(text: str) -> list[str]:
    """Split into words, folded where that cannot make a mark of another word; spaced letters are put together."""
    words = _WORD.findall(text.casefold())
    if len(words) > 1 and all(len(word) == 1 for word in words):
        joined = "".join(words)
        words = [joined[:-3], joined[-3:]] if len(joined) > len("mật") else [joined]
    return [_folded_word(word) for word in words]


def _folded_word(word: str) -> str:
    folded = fold(word)
    return folded if word in _SPELLINGS.get(folded, {word}) else word
