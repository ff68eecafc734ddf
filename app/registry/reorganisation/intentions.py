"""What all steps of a plan together want of each agency, by own code; pure.

Nothing here asks whether the new order holds, only whether the steps speak of agencies there are and do not contradict
each other.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from app.edxml.organ_id import OrganId
from app.findings import Finding, Severity
from app.registry.history import Record
from app.registry.model import Tier
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
)
from app.registry.succession import STEPS_MAX

SOURCE = "QĐ 09/2025/QĐ-TTg Đ2; ours, decision 0010"


@dataclass(frozen=True, slots=True)
class Closing:
    """An agency that is to end.

    Attributes:
        successor: own code of who takes over; None: nobody; `Heir.PARENT`: to be found.
        children: own code of whom its parts go to; None: the successor.
    """

    successor: str | Heir | None
    children: str | Heir | None
    place: str


@dataclass(frozen=True, slots=True)
class Moving:
    """An agency that is to stand elsewhere; see `plan.Move`."""

    parent: str | None
    keeps_parent: bool
    tier: Tier | None
    place: str


@dataclass(slots=True)
class Intentions:
    """What is to become of agencies, and what could not be understood.

    Attributes:
        names: new name and the place that gives it.
        aliases: new alias, with its owner and the place that gives it.
        bulk: closings of many at once, with `within` by own code; None where that is unknown.
        named: agencies that a step names as its own or as who takes over; bulk closings leave them alone.
    """

    opened: dict[str, Open] = field(default_factory=dict)
    closings: dict[str, Closing] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    moves: dict[str, Moving] = field(default_factory=dict)
    aliases: dict[str, tuple[str, str]] = field(default_factory=dict)
    bulk: list[tuple[CloseAll, str | None, Closing]] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


def codes_of(plan: Plan) -> set[str]:
    """Return every code a plan names, new ones too."""
    return {code for step in plan.steps for code in _codes(step) if code is not None and not isinstance(code, Heir)}


def gather(plan: Plan, directory: Mapping[str, Record], owners: Mapping[str, str]) -> Intentions:
    """Gather what the steps want.

    Args:
        directory: every agency, by own code.
        owners: which of the codes the plan names are in use, each with the own code of its agency.
    """
    return _Gathering(plan, directory, owners).gather()


def finding(plan: Plan, defect: str, severity: Severity, place: str, message: str, fix: str) -> Finding:
    """Say something about a place of the plan."""
    return Finding(f"ours.reorganisation.{defect}", severity, message, fix, SOURCE, plan.at(place))


class _Gathering:
    def __init__(self, plan: Plan, directory: Mapping[str, Record], owners: Mapping[str, str]) -> None:
        self.plan = plan
        self.directory = directory
        self.taken = owners
        self.owners = dict(owners)
        self.result = Intentions()
        self.skips = plan.missing is Missing.SKIP

    def gather(self) -> Intentions:
        for step in self.plan.steps:
            if isinstance(step, Open):
                # First of all, so that any other step may name what is opened.
                self.open(step)
        for step in self.plan.steps:
            match step:
                case Open():
                    self.settle(step)
                case Close():
                    self.close(step)
                case Merge():
                    self.merge(step)
                case Split():
                    self.split(step)
                case Rename():
                    if own := self.subject(step.agency, f"{step.place}.agency"):
                        self.rename(own, step.name, step.aliases, step.place)
                case Move():
                    self.move(step)
                case CloseAll():
                    self.close_all(step)
                case _:
                    assert_never(step)
        return self.result

    def open(self, step: Open) -> None:
        own = step.agency.organ_id.text
        for code in step.agency.codes:
            taken = self.owners.get(code.text)
            if taken is None:
                self.owners[code.text] = own
            elif self.skips and taken == own and own in self.directory and not self.directory[own].closed:
                self.note("so-already", Severity.INFO, step.place, f"{own} is in the directory already.", "Nothing.")
                return
            else:
                message = f"The code {code} belongs to {taken} already; a code once issued is never given again."
                self.note("code-taken", Severity.ERROR, f"{step.place}.organ_id", message, "Choose another code.")
        if own in self.result.opened:
            self.note("opened-twice", Severity.ERROR, step.place, f"{own} is opened twice.", "Keep one step.")
        self.result.opened[own] = step
        self.result.named.add(own)

    def settle(self, step: Open) -> None:
        """Name the parent of a new agency by its own code."""
        parent = step.agency.parent
        own = self.known(parent.text, f"{step.place}.parent") if parent is not None else None
        if own is not None and step.agency.organ_id.text in self.result.opened:
            named = replace(step, agency=replace(step.agency, parent=OrganId.parse(own)))
            self.result.opened[step.agency.organ_id.text] = named

    def close(self, step: Close) -> None:
        if own := self.subject(step.agency, f"{step.place}.agency"):
            successor = self.target(step.successor, f"{step.place}.successor")
            self.end(own, successor, step.children, step.place)

    def merge(self, step: Merge) -> None:
        places = {code: f"{step.place}.agencies[{number}]" for number, code in enumerate(step.agencies)}
        merged = [own for code, place in places.items() if (own := self.subject(code, place))]
        if not merged and step.name is None and not step.aliases:
            return
        if not merged and self.skips and step.into not in self.owners:
            self.absent(step.into, f"{step.place}.into")
            return
        into = self.target(step.into, f"{step.place}.into")
        if into is None:
            return
        for own in merged:
            if own == into:
                message = f"{own} is named among those that end and as the one that stays."
                self.note("merged-into-itself", Severity.ERROR, step.place, message, "Leave it out of agencies.")
            else:
                self.end(own, into, step.children, step.place)
        if step.name is not None or step.aliases:
            self.rename(into, step.name, step.aliases, step.place)

    def split(self, step: Split) -> None:
        own = self.subject(step.agency, f"{step.place}.agency")
        if own is None:
            return
        for number, code in enumerate(step.into):
            if self.target(code, f"{step.place}.into[{number}]") == own:
                message = f"{own} is split into others and stays itself."
                fix = "Leave out the split: open the new agencies, and move to them what they get."
                self.note("split-into-itself", Severity.ERROR, step.place, message, fix)
                return
        self.end(own, self.target(step.successor, f"{step.place}.successor"), step.children, step.place)

    def move(self, step: Move) -> None:
        own = self.subject(step.agency, f"{step.place}.agency")
        if own is None:
            return
        if own in self.result.moves:
            self.note("moved-twice", Severity.ERROR, step.place, f"{own} is moved twice.", "Keep one step.")
        parent = self.known(step.parent, f"{step.place}.parent") if step.parent is not None else None
        self.result.moves[own] = Moving(parent, step.keeps_parent, step.tier, step.place)

    def rename(self, own: str, name: str | None, aliases: Collection[str], place: str) -> None:
        if name is not None:
            if own in self.result.names:
                self.note("renamed-twice", Severity.ERROR, place, f"{own} gets a name twice.", "Keep one.")
            self.result.names[own] = (name, place)
        for code in aliases:
            owner = self.owners.get(code)
            if self.taken.get(code) == own:
                message = f"{own} has the code {code} already."
                self.note("so-already", Severity.INFO, f"{place}.aliases", message, "Nothing.")
            elif owner is not None:
                message = f"The code {code} belongs to {owner} already."
                self.note("code-taken", Severity.ERROR, f"{place}.aliases", message, "Leave it out.")
            else:
                self.owners[code] = own
                self.result.aliases[code] = (own, place)

    def close_all(self, step: CloseAll) -> None:
        within = None if step.within is None else self.subject(step.within, f"{step.place}.within", selects=True)
        if step.within is not None and within is None:
            return
        successor = step.successor
        if not isinstance(successor, Heir):
            found = self.target(successor, f"{step.place}.successor")
            if found is None:
                return
            successor = found
        children = self.heir(step.children, f"{step.place}.children")
        self.result.bulk.append((step, within, Closing(successor, children, step.place)))

    def end(self, own: str, successor: str | None, children: str | Heir | None, place: str) -> None:
        record = self.directory.get(own)
        if record is not None and record.closed:
            self.closed_already(record, successor, place)
            return
        if own in self.result.opened:
            message = f"{own} is opened and closed by the same plan."
            self.note("opened-and-closed", Severity.ERROR, place, message, "Leave out one of the steps.")
        if own in self.result.closings:
            message = f"{own} is closed twice, also at {self.plan.at(self.result.closings[own].place)}."
            self.note("closed-twice", Severity.ERROR, place, message, "Keep one step.")
        self.result.closings[own] = Closing(successor, self.heir(children, f"{place}.children"), place)

    def closed_already(self, record: Record, successor: str | None, place: str) -> None:
        heir = self.end_of(record)
        if not self.skips:
            message = f"{record.organ_id} was closed already, to {heir or 'nobody'}."
            self.note("closed-already", Severity.ERROR, place, message, "Leave it out.")
        elif heir == successor:
            self.note("so-already", Severity.INFO, place, f"{record.organ_id} was closed so already.", "Nothing.")
        else:
            message = f"{record.organ_id} was closed already, to {heir or 'nobody'} and not {successor or 'nobody'}."
            self.note("closed-otherwise", Severity.WARNING, place, message, "Correct its successor if that is wrong.")

    def end_of(self, record: Record) -> str | None:
        heir = None
        for _ in range(STEPS_MAX):
            if not record.closed or record.successor is None or record.successor not in self.directory:
                break
            heir, record = record.successor, self.directory[record.successor]
        return heir

    def subject(self, code: str, place: str, *, selects: bool = False) -> str | None:
        """Return the own code of whom a step is about; None, with a finding, where it is not there."""
        own = self.owners.get(code)
        if own is None:
            if self.skips:
                self.absent(code, place)
            else:
                self.unknown(code, place)
        elif not selects:
            self.result.named.add(own)
        return own

    def target(self, code: str | None, place: str) -> str | None:
        """Return the own code of who takes over; that must be there."""
        own = self.known(code, place) if code is not None else None
        if own is not None:
            self.result.named.add(own)
        return own

    def heir(self, given: str | Heir | None, place: str) -> str | Heir | None:
        return given if given is None or isinstance(given, Heir) else self.known(given, place)

    def known(self, code: str, place: str) -> str | None:
        own = self.owners.get(code)
        if own is None:
            self.unknown(code, place)
        return own

    def unknown(self, code: str, place: str) -> None:
        message = f"No agency has the code {code}, and the plan opens none."
        self.note("unknown", Severity.ERROR, place, message, "Correct the code, or open the agency in the plan.")

    def absent(self, code: str, place: str) -> None:
        message = f"{code} is not in the directory; this part of the step is left out."
        self.note("not-in-directory", Severity.INFO, place, message, "Nothing, if it takes no part here.")

    def note(self, defect: str, severity: Severity, place: str, message: str, fix: str) -> None:
        self.result.findings.append(finding(self.plan, defect, severity, place, message, fix))


def _codes(step: Step) -> Iterator[str | Heir | None]:
    match step:
        case Open(agency=agency):
            yield from (code.text for code in agency.codes)
            yield agency.parent.text if agency.parent else None
        case Close():
            yield from (step.agency, step.successor, step.children)
        case Merge():
            yield from (*step.agencies, step.into, *step.aliases, step.children)
        case Split():
            yield from (step.agency, *step.into, step.successor, step.children)
        case Rename():
            yield from (step.agency, *step.aliases)
        case Move():
            yield from (step.agency, step.parent)
        case CloseAll():
            yield from (step.within, step.successor, step.children)
