"""Recognise the marks of state secrets in what a document says of itself: Mật, Tối mật, Tuyệt mật.

The levels are those of Luật Bảo vệ bí mật nhà nước 2018 Đ8. edXML has no element for them, so they are looked for where
such marks are put (ours, decision 0013): the sphere of promulgation, the name of the type, a part of the notation, the
beginning or end of a subject or summary or anywhere in brackets there, names of attachments and appendixes. Only a mark
that stands by itself counts; the words in a sentence ("bảo vệ bí mật nhà nước") are none. Accents may be missing, but
where there are some they must fit, so that "mất" or "mặt" raises no alarm.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from app.edxml import vocabulary as v
from app.edxml.document_types import OTHER, classify
from app.edxml.folding import fold
from app.edxml.model import DocumentMessage, Message
from app.edxml.rule import numbered
from app.findings import Finding, Severity

CODE = "qd28.1.2.secret-mark"
SOURCE = "QĐ 28/2018/QĐ-TTg Đ1.2; Luật Bảo vệ bí mật nhà nước 2018 Đ8; where: ours, decision 0013"
_SPELLINGS = {
    "mat": frozenset({"mat", "mật", "mât", "mạt"}),
    "toi": frozenset({"toi", "tối", "tôi"}),
    "tuyet": frozenset({"tuyet", "tuyệt", "tuyêt", "tuỵêt"}),
}
_LEVELS = {"mat": "Mật", "toi mat": "Tối mật", "tuyet mat": "Tuyệt mật"}
_LEAD_IN = re.compile(r"(?:(?:muc do|cap do|do|muc|loai|che do) )?(?:mat )?(?=(?:toi |tuyet )?mat$)")
_DOTTED = re.compile(r"(?<![^\W_])(?:[^\W\d_](?P<sign>[.·•_-]))(?:[^\W\d_](?P=sign))+[^\W\d_](?![^\W_])")
_INVISIBLE = frozenset("\u034f\u115f\u1160\u3164\uffa0")
_LOOKALIKES = str.maketrans("МАТОІІУЕматоііуеΜΑΤΟΙΥΕмτοιυε", "MATOIIYEmatoiiyeMATOIYEmtoiye")
"""Cyrillic and Greek letters that look like those of the marks."""
_DOCUMENT = re.compile(r"(?:van ban|tai lieu|luu hanh) (?=(?:toi |tuyet )?mat$)")
_WORD = re.compile(r"[^\W_]+")
_LEADING = re.compile(r"([^\W\d_]+(?:\s+[^\W\d_]+)?)\s*[:.\-–—|/]")
_TRAILING = re.compile(r"[:.\-–—|/]\s*([^\W\d_]+(?:\s+[^\W\d_]+)?)$")
_SEGMENTS = re.compile(r"[,;()\[\]/|]|\s[-–—]\s")
_BRACKETED = re.compile(r"[(\[{<«*]([^()\[\]{}<>«»*]{1,60})[)\]}>»*]")
_FILE_TYPE = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_FILE_LEADING = re.compile(r"((?:tuyệt|tuyet|tối|toi)[ ._-]?(?:mật|mat))(?:[ ._(-]|$)", re.IGNORECASE)
_COMPOUNDS = frozenset({"bao", "bi", "co", "giai"})
"""Words that make another word of a "mật" behind them."""
_PUNCTUATION = " .!;,"
_MARK_CHARS_MAX = 60
"""No mark is longer, whatever leads in; what is longer is not looked into."""


def find_mark(message: Message) -> Finding | None:
    """Find a mark of secrecy in what a message says of its document.

    Status messages carry none: who refuses a document because it is secret has to be able to say so.

    Returns:
        an ERROR that names the place and the level, never the marked text; None where there is no mark.
    """
    if not isinstance(message, DocumentMessage):
        return None
    for location, level in _marks(message):
        if level is not None:
            return Finding(
                code=CODE,
                severity=Severity.ERROR,
                message=f"The document is marked {level} in {location.rpartition('/')[2]}.",
                fix="State secrets must not enter this network; send them by the means the law prescribes.",
                source=SOURCE,
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
        *_each(f"{v.OTHER}/{v.APPENDIXES}/{v.APPENDIX}", message.handling.appendixes, _in_subject),
    ):
        yield f"{v.MESSAGE_PATH}/{location}", level_in(_plain(text or ""))
    for index, attachment in enumerate(message.attachments):
        step = f"{v.ATTACHMENTS_PATH}/{numbered(v.ATTACHMENT, index, len(message.attachments))}"
        yield f"{step}/{v.ATTACHMENT_NAME}", _in_file_name(_plain(attachment.name or ""))
        yield f"{step}/{v.DESCRIPTION}", _in_subject(_plain(attachment.description or ""))
    for index, reference in enumerate(message.references):
        step = f"{v.MANIFEST_PATH}/{numbered(v.REFERENCE, index, len(message.references))}"
        yield f"{step}/{v.ATTACHMENT_NAME}", _in_file_name(_plain(reference.name or ""))
        yield f"{step}/{v.DESCRIPTION}", _in_subject(_plain(reference.description or ""))


def _each(
    path: str, texts: Sequence[str], level_in: Callable[[str], str | None]
) -> Iterator[tuple[str, str, Callable[[str], str | None]]]:
    for index, text in enumerate(texts):
        yield numbered(path, index, len(texts)), text, level_in


def _plain(text: str) -> str:
    """Take away what only hides a mark: other forms of letters, signs nobody sees, odd blanks, dots between letters."""
    shown = (
        sign
        for sign in unicodedata.normalize("NFKD", text)
        if unicodedata.category(sign) != "Cf" and sign not in _INVISIBLE and not "\ufe00" <= sign <= "\ufe0f"
    )
    composed = unicodedata.normalize("NFC", "".join(shown).translate(_LOOKALIKES))
    return _DOTTED.sub(lambda run: run[0].replace(run["sign"], ""), " ".join(composed.split()))


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
    """The mark as a part, as in `VPCP-NC-Mật`; without accents only as the last one, for MAT may abbreviate."""
    words, written = _words(text), _WORD.findall(text.casefold())
    for count in (2, 1):
        for end in range(len(words), count - 1, -1):
            mark = " ".join(words[end - count : end])
            before = words[end - count - 1] if end > count else ""
            spelled = end == len(words) or " ".join(written[end - count : end]) != mark
            if mark in _LEVELS and spelled and fold(before) not in _COMPOUNDS:
                return _LEVELS[mark]
    return None


def _in_subject(text: str) -> str | None:
    for bracketed in _BRACKETED.finditer(text):
        if level := _level(bracketed[1]):
            return level
    trimmed = text.strip(_PUNCTUATION)
    for match in (_LEADING.match(trimmed[:_MARK_CHARS_MAX]), _TRAILING.search(trimmed[-_MARK_CHARS_MAX:])):
        # Without brackets a single "mật" may be honey; a mark is written in capitals or has two words.
        if match and (match[1].isupper() or len(match[1].split()) > 1) and (level := _level(match[1])):
            return level
    return _level(text)


def _in_file_name(text: str) -> str | None:
    """As in a subject; or a mark of two words leads, whatever stands between them, as in `TOI_MAT-12.pdf`."""
    stem = _FILE_TYPE.sub("", text)
    leading = _FILE_LEADING.match(stem)
    return _in_subject(stem) or (_level(leading[1]) if leading else None)


def _level(text: str) -> str | None:
    """Give the level where the text is a mark and nothing else, a lead-in such as "Độ mật:" aside."""
    if len(text) > _MARK_CHARS_MAX:
        return None
    folded = " ".join(_words(text))
    folded = _DOCUMENT.sub("", _LEAD_IN.sub("", folded, count=1), count=1)
    return _LEVELS.get(folded)


def _words(text: str) -> list[str]:
    """Split into words, folded where that cannot make a mark of another word; spaced letters are put together."""
    words = _WORD.findall(text.casefold().replace("_", " "))
    if len(words) > 1 and all(len(word) == 1 for word in words):
        joined = "".join(words)
        words = [joined[:-3], joined[-3:]] if len(joined) > len("mật") else [joined]
    return [_folded_word(word) for word in words]


def _folded_word(word: str) -> str:
    folded = fold(word)
    return folded if word in _SPELLINGS.get(folded, {word}) else word
