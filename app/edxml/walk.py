"""Step through the elements of a message by namespace and name, in any order, and note what is odd about them.

Owns the tolerance of reading: what is trimmed, what may be repeated, what is ignored. Receivers embed readers that go
by local names and keep the last of two; so whatever such a reader would understand otherwise than this one is an error.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from re import ASCII
from re import compile as pattern
from typing import TYPE_CHECKING, TypeAlias

from app.edxml import vocabulary as v
from app.edxml.model import VIETNAM
from app.edxml.organ_id import OrganId
from app.errors import RequestInvalid
from app.findings import Finding, Severity
from app.markup import Markup, Run, element_path, local_name

if TYPE_CHECKING:
    from lxml import etree

FINDINGS_MAX = 100
"""More findings than this help nobody, and finding out where each lies costs time."""
TEXT_CHARS_MAX = 10_000
"""Longest single text (ours, decision 0007); the regulation allows 1,000 at most."""
_SHORTENED = 60

_DATE = pattern(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})(?:[ T].*)?", ASCII)
_TIME = pattern(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})[ T]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.+ Zz-].*)?", ASCII)
_EXACT_DATE = pattern(r"[0-9]{4}/[0-9]{2}/[0-9]{2}", ASCII)
_EXACT_TIME = pattern(r"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", ASCII)
_INTEGER = pattern(r"[0-9]{1,9}", ASCII)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

Parts: TypeAlias = "dict[str, list[etree._Element]]"
"""The edXML children of an element by local name, in document order within each name."""

QCVN = "QCVN 102:2016/BTTTT"
OURS = "ours, decision 0007"


def shortened(text: str) -> str:
    """Quote a text of the sender, cut where it is long."""
    return repr(text if len(text) <= _SHORTENED else text[:_SHORTENED] + "…")


@dataclass(slots=True)
class Notes:
    """Findings as they come, up to `FINDINGS_MAX`.

    Attributes:
        failed: whether one of them refuses, also one for which there was no more room.
    """

    findings: list[Finding] = field(default_factory=list)
    failed: bool = False

    def room_for(self, severity: Severity) -> bool:
        """Tell whether a finding would be kept: the first that refuses always is."""
        first = severity is Severity.ERROR and not self.failed
        self.failed = self.failed or severity is Severity.ERROR
        return first or len(self.findings) < FINDINGS_MAX


@dataclass(slots=True)
class Walker:
    """Reads the parts of one message."""

    markup: Markup
    notes: Notes = field(default_factory=Notes)

    def note(
        self, severity: Severity, code: str, message: str, fix: str, *, at: "etree._Element", source: str = QCVN
    ) -> None:
        """Note something about an element; its place is worked out only if the note is kept."""
        if self.notes.room_for(severity):
            self.notes.findings.append(Finding(code, severity, message, fix, source, element_path(at)))

    def error(self, code: str, message: str, fix: str, *, at: "etree._Element", source: str = QCVN) -> None:
        """Note that the message cannot be accepted."""
        self.note(Severity.ERROR, code, message, fix, at=at, source=source)

    def missing(self, code: str, name: str, *, under: "etree._Element") -> None:
        """Note that a required element is not there."""
        if self.notes.room_for(Severity.ERROR):
            location = f"{element_path(under)}/{name}"
            self.notes.findings.append(
                Finding(code, Severity.ERROR, f"{name} is missing.", f"Add {name}.", QCVN, location)
            )

    def parts(self, parent: "etree._Element | None") -> Parts:
        """Sort the edXML children of an element by local name; none where there is no element."""
        sorted_parts: Parts = {}
        for child in () if parent is None else parent:
            if not isinstance(child.tag, str):
                continue
            namespace, _, name = child.tag.rpartition("}")
            if namespace == "{" + v.NAMESPACE:
                sorted_parts.setdefault(name, []).append(child)
            elif name in v.KNOWN_NAMES and namespace != "{" + v.XMLDSIG_NAMESPACE:
                self.error(
                    "qcvn102.1.1.foreign-namespace",
                    f"{name} is in the namespace {shortened(namespace[1:]) if namespace else 'none'}.",
                    f"Put it into the namespace {v.NAMESPACE}.",
                    at=child,
                )
        return sorted_parts

    def inside(self, parts: Parts, *names: str) -> Parts:
        """Go one level down: the parts of the one element of this name."""
        return self.parts(self.one(parts, *names))

    def one(self, parts: Parts, *names: str) -> "etree._Element | None":
        """Take the element of this name (or another spelling of it); several of them are an error."""
        found = [element for name in names for element in parts.get(name, ())]
        for extra in found[1:]:
            self.error(
                "qcvn102.1.2.repeated-element",
                f"{local_name(extra)} stands more than once; readers disagree on which one counts.",
                f"Keep one {names[0]}.",
                at=extra,
            )
        if found and local_name(found[0]) != names[0]:
            self.other_spelling(found[0], names[0])
        return found[0] if found else None

    def other_spelling(self, element: "etree._Element", name: str) -> None:
        """Note a known spelling that is not that of the regulation."""
        self.note(
            Severity.WARNING,
            "qcvn102.1.2.other-spelling",
            f"The element is spelled {local_name(element)}.",
            f"Spell it {name}.",
            at=element,
        )

    def ignore_unknown(self, parts: Parts, known: frozenset[str]) -> None:
        """Note the elements nobody asks for; real senders add their own."""
        for name, elements in parts.items():
            if name not in known:
                self.note(
                    Severity.INFO,
                    "qcvn102.1.2.unknown-element",
                    f"{shortened(name)} is not an element of edXML here; it is ignored.",
                    "Leave it out, or check its spelling and place.",
                    at=elements[0],
                )

    # Texts.

    def text(self, element: "etree._Element | None", *, identifying: bool = False) -> str | None:
        """Read the text of an element, without the blanks around it; None where there is none.

        Args:
            identifying: whether receivers compare the text, so that blanks around it deserve a warning.
        """
        if element is None:
            return None
        run = self.markup.run_of(element)
        if run is not None and run.length > TEXT_CHARS_MAX:
            self._too_long(element, run.length)
            return None
        whole = self.markup.text_of(element)
        for child in element:
            if isinstance(child.tag, str):
                self._elements_in_text(element, child)
                return None
            whole += child.tail or ""
        if len(whole) > TEXT_CHARS_MAX:
            self._too_long(element, len(whole))
            return None
        trimmed = whole.strip()
        if trimmed != whole and trimmed:
            self.note(
                Severity.WARNING if identifying else Severity.INFO,
                "qcvn102.1.2.blanks-around",
                f"There are blanks around {shortened(trimmed)}; they are ignored.",
                "Write the value without blanks around it.",
                at=element,
            )
        return trimmed or None

    def required_text(self, parts: Parts, name: str, *, code: str, under: "etree._Element") -> str | None:
        """Read a text that receivers compare and that must be there; none is an error under this code."""
        element = self.one(parts, name)
        text = self.text(element, identifying=True)
        # A text that is there but cannot be used has been noted as what it is.
        if element is None or (text is None and not (element.text or "").strip()):
            self.missing(code, name, under=under)
        return text

    def _too_long(self, element: "etree._Element", length: int) -> None:
        self.error(
            "ours.edxml.text-too-long",
            f"{local_name(element)} holds {length} characters.",
            f"Shorten it to {TEXT_CHARS_MAX} or less, or attach it as a file.",
            at=element,
            source=OURS,
        )

    def texts(self, elements: list["etree._Element"]) -> tuple[str, ...]:
        """Read the texts of several elements, empty ones left out."""
        return tuple(text for element in elements if (text := self.text(element)) is not None)

    def listed(self, element: "etree._Element | None") -> tuple[str, ...]:
        """Read a list whose entries are named differently by different senders; a bare text is one entry."""
        if element is None:
            return ()
        children = [child for child in element if isinstance(child.tag, str)]
        return self.texts(children or [element])

    def content(self, element: "etree._Element | None") -> str | Run | None:
        """Take the base64 text of an attachment as it stands, or where it stands; None where there is none."""
        if element is None:
            return None
        run = self.markup.run_of(element)
        if run is not None:
            return run
        text = element.text or ""
        for child in element:
            if isinstance(child.tag, str):
                self._elements_in_text(element, child)
                return None
            text += child.tail or ""
        return text if text.strip() else None

    def _elements_in_text(self, element: "etree._Element", child: "etree._Element") -> None:
        self.error(
            "qcvn102.1.2.elements-in-text",
            f"{local_name(element)} holds a text, but there is an element {local_name(child)} in it.",
            "Take the element out.",
            at=element,
        )

    # Numbers and codes.

    def integer(self, element: "etree._Element | None", *, code: str, severity: Severity) -> int | None:
        """Read a number from 0 on; what is none is noted and left out."""
        text = self.text(element)
        if element is None or text is None:
            return None
        if _INTEGER.fullmatch(text):
            return int(text)
        self.note(
            severity,
            code,
            f"{local_name(element)} is {shortened(text)}, which is no whole number from 0 on.",
            "Write digits only.",
            at=element,
        )
        return None

    def boolean(self, element: "etree._Element | None") -> bool | None:
        """Read true, false, 1 or 0 in any case; what is none of them is noted and left out."""
        text = self.text(element)
        if element is None or text is None:
            return None
        value = _BOOLEANS.get(text.lower())
        if value is None:
            self.note(
                Severity.WARNING,
                "qcvn102.1.2.not-a-boolean",
                f"{local_name(element)} is {shortened(text)}, which says neither yes nor no.",
                "Write 1 or 0, in Direction true or false.",
                at=element,
            )
        return value

    def organ_id(self, element: "etree._Element | None", *, severity: Severity) -> OrganId | None:
        """Read an agency code; an unusable one is noted and left out."""
        text = self.text(element, identifying=True)
        if element is None or text is None:
            return None
        try:
            return OrganId.parse(text)
        except RequestInvalid as error:
            for finding in error.findings:
                self.note(severity, finding.code, finding.message, finding.fix, at=element, source=finding.source)
            return None

    def content_id(self, element: "etree._Element | None") -> str | None:
        """Read a ContentId without its `cid:`, however often it stands there (the vendor library writes it twice)."""
        text = self.text(element)
        while text is not None and text.startswith(v.CONTENT_ID_PREFIX):
            text = text[len(v.CONTENT_ID_PREFIX) :]
        return text or None

    # Times.

    def day(self, element: "etree._Element | None", *, code: str, severity: Severity) -> date | None:
        """Read a day, `yyyy/MM/dd`; a time behind it is ignored. What is no day is noted and left out."""
        text = self.text(element)
        if element is None or text is None:
            return None
        day = _day_of(text)
        if day is None:
            self.note(
                severity,
                code,
                f"{local_name(element)} is {shortened(text)}, which is no day written yyyy/MM/dd.",
                "Write year, month and day as 2026/09/30; receivers misread any other form.",
                at=element,
            )
        elif not _EXACT_DATE.fullmatch(text):
            self._loosely_written(element, text, "yyyy/MM/dd")
        return day

    def instant(self, element: "etree._Element | None") -> datetime | None:
        """Read a time, `yyyy/MM/dd HH:mm:ss` in Vietnam; what is none is noted and left out."""
        text = self.text(element)
        if element is None or text is None:
            return None
        instant = _instant_of(text)
        if instant is None:
            self.note(
                Severity.WARNING,
                "qcvn102.1.4.timestamp-malformed",
                f"{local_name(element)} is {shortened(text)}, which is no time written yyyy/MM/dd HH:mm:ss.",
                "Write the time in Vietnam as 2026/09/30 08:05:00.",
                at=element,
                source=f"{QCVN}; QĐ 28/2018/QĐ-TTg Đ14.4",
            )
        elif not _EXACT_TIME.fullmatch(text):
            self._loosely_written(element, text, "yyyy/MM/dd HH:mm:ss")
        return instant

    def _loosely_written(self, element: "etree._Element", text: str, form: str) -> None:
        self.note(
            Severity.WARNING,
            "qcvn102.1.4.date-loosely-written",
            f"{local_name(element)} is {shortened(text)}; the form is {form}.",
            f"Write it exactly as {form}.",
            at=element,
        )


def _day_of(text: str) -> date | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _instant_of(text: str) -> datetime | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(group) for group in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=VIETNAM).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
