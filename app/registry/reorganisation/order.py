"""The new order: intentions laid over the directory, and what is wrong with it; pure.

What it must be (decision 0010), each with the finding that says it is not:

(1) who takes over is there, alive after the plan, and not who ends          successor-closed, successor-itself
(2) chains of successors stay short enough to be followed                    succession-too-long
(3) parts of what ends go to somebody, or are told to go nowhere             children-orphaned, parent-closed
(4) nothing is above itself, and no parent is of a lower tier than its part  cycle, tier-order
(5) what ends or changes had begun before                                    not-yet-open
(6) what ends does not change otherwise                                      changed-and-closed, changed-closed
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from app.edxml.organ_id import OrganId
from app.findings import Finding, Severity
from app.registry.history import Record
from app.registry.model import Agency, AgencyStatus, Alias
from app.registry.reorganisation.intentions import Closing, Intentions, finding
from app.registry.reorganisation.plan import Heir, Plan
from app.registry.succession import STEPS_MAX

_ANCESTORS_MAX = 64


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one agency that was there before."""

    before: Record
    after: Record

    @property
    def fields(self) -> list[str]:
        """Names of what changes, sorted."""
        names = ("name", "tier", "parent", "status", "valid_to", "successor")
        return sorted(name for name in names if getattr(self.before, name) != getattr(self.after, name))

    @property
    def closes(self) -> bool:
        """Whether it ends the agency."""
        return self.after.closed and not self.before.closed


@dataclass(frozen=True, slots=True)
class Order:
    """Everything a plan changes, by own code, and everything there is to say about it.

    Attributes:
        aliases: new ones, with the own code of their agency.
    """

    opened: tuple[Agency, ...]
    changes: tuple[Change, ...]
    aliases: tuple[tuple[str, Alias], ...]
    findings: tuple[Finding, ...]

    @property
    def applicable(self) -> bool:
        """Whether nothing forbids it."""
        return not any(each.refuses for each in self.findings)


def lay(plan: Plan, intentions: Intentions, directory: Mapping[str, Record]) -> Order:
    """Lay intentions over the directory.

    Args:
        directory: every agency, by own code.
    """
    return _Laying(plan, intentions, directory).lay()


class _Laying:
    def __init__(self, plan: Plan, intentions: Intentions, directory: Mapping[str, Record]) -> None:
        self.plan = plan
        self.wanted = intentions
        self.directory = directory
        self.findings = list(intentions.findings)
        self.closings = dict(intentions.closings)
        self.children: dict[str, list[str]] = defaultdict(list)
        for record in directory.values():
            if record.parent is not None:
                self.children[record.parent].append(record.organ_id)
        self.successors: dict[str, str | None] = {}
        self.after: dict[str, Record] = {}
        self.places: dict[str, str] = {}
        self.rehomed: set[str] = set()

    def lay(self) -> Order:
        self.spread()
        self.successors = {code: self.successor(code, closing) for code, closing in self.closings.items()}
        self.change_themselves()
        self.close()
        self.move_children()
        self.check_places()
        self.check_chains()
        changed = [Change(self.directory[code], after) for code, after in sorted(self.after.items())]
        return Order(
            opened=tuple(self.opened(code) for code in sorted(self.wanted.opened)),
            changes=tuple(
                Change(each.before, replace(each.after, version=each.before.version + 1))
                for each in changed
                if each.fields or each.before.organ_id in self.aliased
            ),
            aliases=tuple(
                (owner, Alias(OrganId.parse(code), valid_from=self.plan.effective_on))
                for code, (owner, _) in sorted(self.wanted.aliases.items())
                if owner in self.directory
            ),
            findings=tuple(sorted(self.findings, key=lambda each: not each.refuses)),
        )

    def spread(self) -> None:
        """Find whom the closings of many at once mean."""
        for step, within, closing in self.wanted.bulk:
            for record in self.below(within) if within is not None else self.directory.values():
                fits = (step.tier is None or record.tier is step.tier) and (
                    not step.branches or record.branch in step.branches
                )
                if not fits or record.closed:
                    continue
                code = record.organ_id
                if code in self.wanted.named:
                    if code not in self.wanted.closings:
                        message = f"{code} is named by another step, so it stays."
                        self.note("spared", Severity.INFO, step.place, message, "Close it by a step of its own.")
                    continue
                if code in self.closings:
                    message = f"{code} is meant by two steps that close many."
                    self.note("closed-twice", Severity.ERROR, step.place, message, "Let them mean different ones.")
                self.closings[code] = closing

    def below(self, code: str) -> Iterable[Record]:
        waiting, seen = list(self.children[code]), {code}
        while waiting:
            below = waiting.pop()
            if below not in seen:
                seen.add(below)
                waiting += self.children[below]
                yield self.directory[below]

    def successor(self, code: str, closing: Closing) -> str | None:
        """Find who takes over, and check (1) that it can."""
        if closing.successor is Heir.PARENT:
            found = self.heir_above(code)
            if found is None:
                message = f"{code} is part of nobody who could take over; what is sent to it will be refused."
                self.note("no-successor", Severity.WARNING, closing.place, message, "Close it by a step of its own.")
            return found
        if closing.successor is None or closing.successor is Heir.NONE:
            return None
        wanted = str(closing.successor)
        record = self.directory.get(wanted)
        if wanted == code:
            self.note("successor-itself", Severity.ERROR, closing.place, f"{code} would succeed itself.", "Correct it.")
        elif wanted in self.closings or (record is not None and record.closed):
            message = f"{wanted}, who is to take over from {code}, is closed itself."
            self.note("successor-closed", Severity.ERROR, closing.place, message, "Name the last of the chain.")
        elif record is not None and record.status is AgencyStatus.SUSPENDED:
            message = f"{wanted}, who is to take over from {code}, is suspended."
            self.note("successor-suspended", Severity.WARNING, closing.place, message, "Reinstate it in time.")
        return wanted

    def heir_above(self, code: str) -> str | None:
        """Return who is above, or whoever takes over from that one in the end."""
        above = self.directory[code].parent
        for _ in range(_ANCESTORS_MAX):
            if above is None or above in self.wanted.opened:
                return above
            closing, record = self.closings.get(above), self.directory.get(above)
            if closing is not None:
                heir = closing.successor
                above = record.parent if heir is Heir.PARENT and record else None if heir is Heir.NONE else heir
            elif record is not None and record.closed:
                above = record.successor
            else:
                return above if record is not None else None
        return None

    def change_themselves(self) -> None:
        """Apply names and moves that steps ask for, and check (5) and (6)."""
        for code, (name, place) in self.wanted.names.items():
            if code in self.wanted.opened:
                message = f"{code} is opened by the plan and gets another name by it."
                self.note("renamed-twice", Severity.ERROR, place, message, "Give the name where it is opened.")
            elif record := self.changeable(code, place):
                self.set(replace(record, name=name), place)
        for code, moving in self.wanted.moves.items():
            if code in self.wanted.opened:
                message = f"{code} is opened by the plan and moved by it."
                self.note("moved-twice", Severity.ERROR, moving.place, message, "Open it where it belongs.")
            elif record := self.changeable(code, moving.place):
                parent = record.parent if moving.keeps_parent else moving.parent
                self.set(replace(record, parent=parent, tier=moving.tier or record.tier), moving.place)
        for code, (owner, place) in self.wanted.aliases.items():
            if owner in self.directory and code not in self.wanted.opened and (record := self.changeable(owner, place)):
                self.set(record, place)

    @property
    def aliased(self) -> set[str]:
        """Who gets further codes."""
        return {owner for owner, _ in self.wanted.aliases.values()}

    def changeable(self, code: str, place: str) -> Record | None:
        record = self.after.get(code, self.directory[code])
        if record.closed:
            message = f"{code} was closed and does not change any more."
            self.note("changed-closed", Severity.ERROR, place, message, "Leave it out.")
            return None
        if code in self.closings:
            message = f"{code} is closed by the plan and changed otherwise by it."
            self.note("changed-and-closed", Severity.ERROR, place, message, "Leave out one of the steps.")
            return None
        self.check_begun(record, place)
        return record

    def check_begun(self, record: Record, place: str, *, on_its_first_day: bool = True) -> None:
        begun = record.valid_from
        effective_on = self.plan.effective_on
        if begun is not None and (begun > effective_on or (begun == effective_on and not on_its_first_day)):
            message = f"{record.organ_id} begins on {begun}, and the plan takes effect on {effective_on}."
            self.note("not-yet-open", Severity.ERROR, place, message, "Let the plan take effect later.")

    def close(self) -> None:
        for code, closing in self.closings.items():
            record = self.directory.get(code)
            if record is None:
                continue
            self.check_begun(record, closing.place, on_its_first_day=False)
            last_day = self.plan.effective_on - timedelta(days=1)
            ended = replace(record, status=AgencyStatus.CLOSED, valid_to=last_day, successor=self.successors.get(code))
            self.set(ended, closing.place)

    def move_children(self) -> None:
        """Give the parts of what ends to somebody, and check (3)."""
        self.places |= {code: step.place for code, step in self.wanted.opened.items()}
        for code, closing in self.closings.items():
            orphans = []
            for child in self.children.get(code, ()):
                record = self.after.get(child, self.directory[child])
                moving = self.wanted.moves.get(child)
                if record.closed or (moving is not None and not moving.keeps_parent):
                    continue
                heir = self.successors.get(code) if closing.children is None else closing.children
                if heir == child:
                    # A part takes over from the whole: it stands where the whole stood.
                    heir = self.heir_above(code) or Heir.NONE
                self.rehomed.add(child)
                if heir is None and closing.successor is not Heir.PARENT:
                    orphans.append(child)
                self.set(
                    replace(record, parent=None if heir is None or heir is Heir.NONE else str(heir)), closing.place
                )
            if orphans:
                named = ", ".join(orphans[:3]) + (" …" if len(orphans) > 3 else "")
                message = f"{code} ends without successor and has {len(orphans)} part(s): {named}."
                fix = (
                    "Name the successor, or say with children whom they belong to, or move them by steps of their own."
                )
                self.note("children-orphaned", Severity.ERROR, closing.place, message, fix)

    def check_places(self) -> None:
        """Check (3) that parents live and (4) the order above and below, of everything that stands elsewhere."""
        asked = self.rehomed | self.wanted.moves.keys()
        moved = {
            code
            for code, after in self.after.items()
            if not after.closed and (code in asked or _stands(after) != _stands(self.directory[code]))
        }
        lowered = {code for code in moved if self.after[code].tier is not self.directory[code].tier}
        parts = {child for code in lowered for child in self.children.get(code, ()) if not self.record(child).closed}
        for code in sorted(moved | parts | set(self.wanted.opened)):
            record = self.record(code)
            self.check_place(record, self.places.get(code) or self.places.get(record.parent or "") or "steps")

    def check_place(self, record: Record, place: str) -> None:
        if record.parent is None:
            return
        if record.parent not in self.directory and record.parent not in self.wanted.opened:
            # Told already as unknown.
            return
        above = self.record(record.parent)
        if above.closed:
            message = f"{record.organ_id} would be part of {above.organ_id}, which is closed."
            self.note("parent-closed", Severity.ERROR, place, message, "Name a parent that lives on.")
        if above.tier.depth > record.tier.depth:
            message = (
                f"{record.organ_id} of the tier {record.tier} would be part of {above.organ_id} of the tier "
                f"{above.tier}."
            )
            self.note("tier-order", Severity.ERROR, place, message, "Name a parent of the same tier or one above.")
        if self.circles(record):
            message = f"{record.organ_id} would stand below itself."
            self.note("cycle", Severity.ERROR, place, message, "Name a parent that is not part of it.")

    def circles(self, record: Record) -> bool:
        above = record.parent
        for _ in range(_ANCESTORS_MAX):
            if above is None or (above not in self.directory and above not in self.wanted.opened):
                return False
            if above == record.organ_id:
                return True
            above = self.record(above).parent
        return True

    def check_chains(self) -> None:
        """Check (2) that who answers for closed agencies of long ago is still found."""
        if any(each.refuses for each in self.findings):
            # A successor that cannot be one would lengthen chains, or close circles.
            return
        successors = {each.organ_id: each.successor for each in self.directory.values() if each.closed}
        successors |= self.successors
        for start in successors:
            end, steps = start, 0
            while (following := successors.get(end)) is not None and steps <= STEPS_MAX:
                end, steps = following, steps + 1
            if steps > STEPS_MAX and self.passes_here(start, successors):
                message = f"From {start}, more than {STEPS_MAX} successors would follow each other."
                self.note("succession-too-long", Severity.ERROR, "steps", message, "Shorten the chain first.")

    def passes_here(self, code: str, successors: Mapping[str, str | None]) -> bool:
        following: str | None = code
        for _ in range(STEPS_MAX + 1):
            if following is None or following in self.closings:
                return following is not None
            following = successors.get(following)
        return False

    def record(self, code: str) -> Record:
        if code in self.wanted.opened:
            return Record.of(self.wanted.opened[code].agency)
        return self.after.get(code, self.directory[code])

    def opened(self, code: str) -> Agency:
        agency = self.wanted.opened[code].agency
        own = [each for each, (owner, _) in self.wanted.aliases.items() if owner == code]
        aliases = {alias.code.text: alias for alias in (*agency.aliases, *(Alias(OrganId.parse(each)) for each in own))}
        return replace(
            agency,
            valid_from=self.plan.effective_on,
            aliases=tuple(aliases[each] for each in sorted(aliases)),
        )

    def set(self, record: Record, place: str) -> None:
        self.after[record.organ_id] = record
        self.places[record.organ_id] = place

    def note(self, defect: str, severity: Severity, place: str, message: str, fix: str) -> None:
        self.findings.append(finding(self.plan, defect, severity, place, message, fix))


def _stands(record: Record) -> tuple[str | None, str]:
    return record.parent, record.tier.value
