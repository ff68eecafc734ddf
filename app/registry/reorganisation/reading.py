"""Reading a plan: every member by name and kind, every fault with its place; nothing is guessed and nothing ignored.

All faults are told at once. Codes are read here, so that what follows only asks who has them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import Any, Final, TypeVar

from app.edxml.organ_id import OrganId
from app.errors import RequestInvalid
from app.findings import Finding, Severity
from app.registry import placement
from app.registry.model import Agency, Alias, Branch, Tier
from app.registry.reorganisation.plan import (
    Close,
    CloseAll,
    Heir,
    Merge,
    Missing,
    Move,
    Open,
    Plan,
    Rename,
    Split,
    Step,
    located,
)
from app.registry.reorganisation.written import Written

STEPS_MAX: Final = 20_000
"""More than there are agencies to reorganise at once in the country."""
CODES_PER_STEP_MAX: Final = 2_000
TEXT_LENGTH_MAX: Final = 2_000
FINDINGS_MAX: Final = 200
FIRST_DAY: Final = date(1945, 9, 2)
LAST_DAY: Final = date(2199, 12, 31)

_SOURCE = "ours, decision 0010"
_PLAN = ("title", "source", "effective_on", "missing", "steps")

E = TypeVar("E", bound=StrEnum)


def read(written: Written) -> Plan:
    """Read a plan.

    Raises:
        RequestInvalid: it is none; up to `FINDINGS_MAX` findings name every fault and its place.
    """
    reader = _Reader(written.lines)
    plan = reader.plan(written.value)
    if reader.findings or plan is None:
        kept = reader.findings[:FINDINGS_MAX]
        raise RequestInvalid(
            f"the plan has {len(reader.findings)} fault(s); first, at {kept[0].location}: {kept[0].message}",
            findings=kept,
        )
    return plan


class _Reader:
    """Collects faults while it reads; what it returns counts only where there are none."""

    def __init__(self, lines: Mapping[str, str]) -> None:
        self.lines = lines
        self.findings: list[Finding] = []

    def plan(self, value: Any) -> Plan | None:
        """Read the whole."""
        if not self.members(value, "", required=("title", "source", "effective_on", "steps"), known=_PLAN):
            return None
        steps = value["steps"]
        if not isinstance(steps, list) or not 1 <= len(steps) <= STEPS_MAX:
            self.fault("steps", "steps", "Steps must be a list of at least one step.", f"At most {STEPS_MAX}.")
            steps = []
        title, source = self.text(value, "title", ""), self.text(value, "source", "")
        effective_on = self.day(value["effective_on"], "effective_on")
        missing = self.word(Missing, value.get("missing", "refuse"), "missing")
        read = [self.step(each, f"steps[{number}]") for number, each in enumerate(steps)]
        return Plan(
            title=title,
            source=source,
            effective_on=effective_on,
            missing=missing or Missing.REFUSE,
            steps=tuple(step for step in read if step is not None),
            written=value,
            lines=self.lines,
        )

    def step(self, value: Any, place: str) -> Step | None:
        """Read one step by its action."""
        action = value.get("action") if isinstance(value, dict) else None
        known = _STEPS.get(action) if isinstance(action, str) else None
        if known is None:
            names = ", ".join(_STEPS)
            self.fault("action", f"{place}.action", f"The action {_shown(action)} is none.", f"Use one of: {names}.")
            return None
        required, optional, read = known
        faults = len(self.findings)
        if not self.members(value, place, required=required, known=("action", *required, *optional)):
            return None
        step = read(self, value, place)
        return step if len(self.findings) == faults else None

    def open(self, value: Mapping[str, Any], place: str) -> Step | None:
        """Read `open`."""
        code, name = self.code(value["organ_id"], f"{place}.organ_id"), self.text(value, "name", place)
        tier = self.word(Tier, value["tier"], f"{place}.tier")
        branch = self.word(Branch, value["branch"], f"{place}.branch")
        parent = self.code_or_none(value.get("parent"), f"{place}.parent")
        aliases, contact = self.codes(value.get("aliases", []), f"{place}.aliases"), value.get("contact", {})
        texts = isinstance(contact, dict) and all(isinstance(each, str) for each in contact.values())
        if not texts:
            self.fault("contact", f"{place}.contact", "Contact must be a mapping of texts.", "See the directory's.")
        if not code or tier is None or branch is None or not texts:
            return None
        agency = Agency(
            organ_id=OrganId.parse(code),
            name=name,
            tier=tier,
            branch=branch,
            aliases=tuple(Alias(OrganId.parse(each)) for each in sorted(aliases)),
            parent=OrganId.parse(parent) if parent else None,
            contact=dict(contact),
        )
        for finding in placement.check_alone(agency):
            self.findings.append(self.placed(finding, f"{place}.{finding.location}"))
        return Open(agency, place)

    def close(self, value: Mapping[str, Any], place: str) -> Step:
        """Read `close`."""
        return Close(
            agency=self.code(value["agency"], f"{place}.agency"),
            successor=self.code_or_none(value.get("successor"), f"{place}.successor"),
            children=self.children(value, place),
            place=place,
        )

    def merge(self, value: Mapping[str, Any], place: str) -> Step:
        """Read `merge`."""
        return Merge(
            agencies=self.codes(value["agencies"], f"{place}.agencies", least=1),
            into=self.code(value["into"], f"{place}.into"),
            name=self.name(value, place) if "name" in value else None,
            aliases=self.codes(value.get("aliases", []), f"{place}.aliases"),
            children=self.children(value, place),
            place=place,
        )

    def split(self, value: Mapping[str, Any], place: str) -> Step:
        """Read `split`."""
        into = self.codes(value["into"], f"{place}.into", least=2)
        successor = self.code(value["successor"], f"{place}.successor")
        if into and successor and successor not in into:
            self.fault(
                "split-successor",
                f"{place}.successor",
                f"The successor {successor} is none of those the agency is split into.",
                "Name one of them: it takes the mail.",
            )
        return Split(
            agency=self.code(value["agency"], f"{place}.agency"),
            into=into,
            successor=successor,
            children=self.children(value, place),
            place=place,
        )

    def rename(self, value: Mapping[str, Any], place: str) -> Step:
        """Read `rename`."""
        return Rename(
            agency=self.code(value["agency"], f"{place}.agency"),
            name=self.name(value, place),
            aliases=self.codes(value.get("aliases", []), f"{place}.aliases"),
            place=place,
        )

    def move(self, value: Mapping[str, Any], place: str) -> Step:
        """Read `move`."""
        if "parent" not in value and "tier" not in value:
            self.fault("move-nowhere", place, "Neither parent nor tier is given.", "Give one of them, or both.")
        return Move(
            agency=self.code(value["agency"], f"{place}.agency"),
            parent=self.code_or_none(value.get("parent"), f"{place}.parent"),
            keeps_parent="parent" not in value,
            tier=self.word(Tier, value["tier"], f"{place}.tier") if "tier" in value else None,
            place=place,
        )

    def close_all(self, value: Mapping[str, Any], place: str) -> Step:
        """Read `close_all`."""
        if "tier" not in value and "within" not in value:
            self.fault("close-everything", place, "Neither tier nor within is given.", "Say which agencies end.")
        branches = value.get("branches", [])
        if not isinstance(branches, list):
            self.fault("branches", f"{place}.branches", "Branches must be a list.", "Write them as a list.")
            branches = []
        named = [self.word(Branch, each, f"{place}.branches[{number}]") for number, each in enumerate(branches)]
        return CloseAll(
            tier=self.word(Tier, value["tier"], f"{place}.tier") if "tier" in value else None,
            within=self.code(value["within"], f"{place}.within") if "within" in value else None,
            branches=tuple(branch for branch in named if branch is not None),
            successor=self.heir(value["successor"], f"{place}.successor"),
            children=self.children(value, place),
            place=place,
        )

    def members(self, value: Any, place: str, *, required: Sequence[str], known: Sequence[str]) -> bool:
        """Check which members a mapping has; False where reading on makes no sense."""
        if not isinstance(value, dict):
            self.fault("mapping", place, f"{_shown(value)} is no mapping.", "Write members with names.")
            return False
        for name in sorted(value.keys() - set(known)):
            within = f"{place}.{name}" if place else name
            self.fault("member-unknown", within, f"{_shown(name)} is not known here.", f"Known: {', '.join(known)}.")
        lacking = [name for name in required if name not in value]
        for name in lacking:
            self.fault("member-missing", place or name, f"{name} is missing.", f"Give {name}.")
        return not lacking

    def children(self, value: Mapping[str, Any], place: str) -> str | Heir | None:
        """Read whom the parts belong to: a code, `none`, or not given."""
        given = value.get("children")
        return Heir.NONE if given == Heir.NONE.value else self.code_or_none(given, f"{place}.children")

    def heir(self, given: Any, place: str) -> str | Heir:
        """Read who takes over from agencies closed together: a code, `parent` or `none`."""
        return Heir(given) if isinstance(given, str) and given in set(Heir) else self.code(given, place)

    def code(self, given: Any, place: str) -> str:
        """Read a code; empty where it is none."""
        if not isinstance(given, str):
            self.fault("code", place, f"{_shown(given)} is no agency code.", "Write a code as text.")
            return ""
        try:
            return OrganId.parse(given).text
        except RequestInvalid as error:
            self.findings += [self.placed(finding, place) for finding in error.findings]
            return ""

    def code_or_none(self, given: Any, place: str) -> str | None:
        """Read a code that may be left out."""
        return None if given is None else self.code(given, place) or None

    def codes(self, given: Any, place: str, *, least: int = 0) -> tuple[str, ...]:
        """Read a list of codes, each once."""
        if not isinstance(given, list) or not least <= len(given) <= CODES_PER_STEP_MAX:
            self.fault(
                "codes", place, "This must be a list of agency codes.", f"Give {least} to {CODES_PER_STEP_MAX} of them."
            )
            return ()
        codes = [self.code(each, f"{place}[{number}]") for number, each in enumerate(given)]
        for repeated in sorted(code for code, count in Counter(filter(None, codes)).items() if count > 1):
            self.fault("code-repeated", place, f"The code {repeated} occurs more than once.", "Give it one time.")
        return tuple(codes)

    def name(self, value: Mapping[str, Any], place: str) -> str:
        """Read the name of an agency."""
        name = self.text(value, "name", place)
        if name and (not name.isprintable() or len(name) > placement.NAME_LENGTH_MAX):
            most = placement.NAME_LENGTH_MAX
            self.fault("name", f"{place}.name", f"The name {_shown(name)} cannot be used.", f"At most {most} letters.")
        return name

    def text(self, value: Mapping[str, Any], name: str, place: str) -> str:
        """Read a text of people: not empty, of bounded length."""
        given = value[name]
        if isinstance(given, str) and given.strip() and len(given) <= TEXT_LENGTH_MAX and _storable(given):
            return given.strip()
        within = f"{place}.{name}" if place else name
        self.fault("text", within, f"{name} is no text that can be kept.", f"Give 1 to {TEXT_LENGTH_MAX} letters.")
        return ""

    def day(self, given: Any, place: str) -> date:
        """Read a day."""
        try:
            if not isinstance(given, str) or len(given) != len("2025-07-01"):
                raise ValueError
            day = date.fromisoformat(given)
        except ValueError:
            self.fault("date", place, f"{_shown(given)} is no day.", "Write it as YYYY-MM-DD.")
            return FIRST_DAY
        if not FIRST_DAY <= day <= LAST_DAY:
            self.fault("date", place, f"{day} is out of range.", f"Use a day from {FIRST_DAY} to {LAST_DAY}.")
        return day

    def word(self, kind: type[E], given: Any, place: str) -> E | None:
        """Read one of a closed list of words."""
        if isinstance(given, str) and given in set(kind):
            return kind(given)
        self.fault("word", place, f"{_shown(given)} is not known here.", f"Use one of: {', '.join(kind)}.")
        return None

    def fault(self, defect: str, place: str, message: str, fix: str) -> None:
        """Note a fault."""
        finding = Finding(f"ours.reorganisation.plan.{defect}", Severity.ERROR, message, fix, _SOURCE, place)
        self.findings.append(self.placed(finding, place))

    def placed(self, finding: Finding, place: str) -> Finding:
        """Say where in the plan a finding is, with the line where it was written as text."""
        return replace(finding, location=located(place, self.lines))


_Read = Callable[[_Reader, Mapping[str, Any], str], Step | None]

_STEPS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...], _Read]]] = {
    "open": (("organ_id", "name", "tier", "branch"), ("parent", "aliases", "contact"), _Reader.open),
    "close": (("agency",), ("successor", "children"), _Reader.close),
    "merge": (("agencies", "into"), ("name", "aliases", "children"), _Reader.merge),
    "split": (("agency", "into", "successor"), ("children",), _Reader.split),
    "rename": (("agency", "name"), ("aliases",), _Reader.rename),
    "move": (("agency",), ("parent", "tier"), _Reader.move),
    "close_all": (("successor",), ("tier", "within", "branches", "children"), _Reader.close_all),
}
"""By action: the members it must have, those it may have, and who reads them."""

ACTIONS: Final = tuple(_STEPS)
"""What a step may do."""


def _storable(text: str) -> bool:
    # Line ends are welcome in a source; PostgreSQL takes neither NUL nor lone surrogates.
    return all(sign.isprintable() or sign in "\n\t" for sign in text)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
