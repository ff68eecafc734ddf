"""Whatever plans come, the directory stays one: compared with a simple model, plan after plan."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.errors import RequestInvalid
from app.registry import agencies, directory, history
from app.registry.acts import Act
from app.registry.history import Record
from app.registry.model import AgencyStatus, Branch, Tier
from app.registry.reorganisation import acts
from app.registry.reorganisation.intentions import gather
from app.registry.reorganisation.order import lay
from app.registry.reorganisation.plan import Plan
from app.registry.reorganisation.reading import read
from app.registry.reorganisation.written import Written
from app.store.database import Database
from app.store.schema import agencies as agency_table
from app.store.schema import events
from tests.registry.filling import Registry, agency

FIRST_DAY = date(2025, 1, 1)
TIERS = tuple(Tier)


@dataclass(frozen=True)
class Was:
    """What the model knows of an agency."""

    name: str
    tier: Tier
    parent: str | None
    heir: str | None = None
    ended: date | None = None


State = dict[str, Was]


def start() -> State:
    """Two provinces with districts, communes and a department each."""
    state: State = {}
    for province in ("H28", "H44"):
        state[province] = Was(province, Tier.PROVINCE, None)
        state[f"{province}.01"] = Was(f"{province}.01", Tier.PROVINCE, province)
        for district in (f"{province}.20", f"{province}.30"):
            state[district] = Was(district, Tier.DISTRICT, province)
            state[f"{district}.1"] = Was(f"{district}.1", Tier.COMMUNE, district)
    return state


class Author:
    """Writes plans at random, some of which make sense."""

    def __init__(self, choose: random.Random, state: State, number: int) -> None:
        self.choose = choose
        self.number = number
        self.alive = sorted(code for code, each in state.items() if each.ended is None)
        self.all = sorted(state)

    def plan(self, day: date) -> Plan:
        steps = [self.step() for _ in range(self.choose.randint(1, 4))]
        head = {"title": "Thử", "source": "thử", "effective_on": day.isoformat()}
        return read(Written(head | {"steps": steps}))

    def code(self) -> str:
        return self.choose.choice(self.alive if self.choose.random() < 0.95 else [*self.all, "H99"])

    def step(self) -> dict[str, Any]:
        kinds = ("open", "close", "merge", "split", "rename", "move", "move", "close_all")
        children = {"children": self.choose.choice(["none", self.code()])} if self.choose.random() < 0.2 else {}
        match self.choose.choice(kinds):
            case "open":
                organ_id = f"H90.{self.number}{self.choose.randint(0, 1)}"
                return {
                    "action": "open",
                    "organ_id": organ_id,
                    "name": organ_id,
                    "tier": self.choose.choice(TIERS[1:]).value,
                    "branch": "state",
                    "parent": self.choose.choice([None, self.code()]),
                }
            case "close":
                heir = self.choose.choice([None, self.code(), self.code()])
                return {"action": "close", "agency": self.code(), "successor": heir} | children
            case "merge":
                merged = list({self.code() for _ in range(self.choose.randint(1, 2))})
                name = {"name": f"Tên {self.number}"} if self.choose.random() < 0.5 else {}
                return {"action": "merge", "agencies": merged, "into": self.code()} | name | children
            case "split":
                into = list({self.code() for _ in range(3)})
                into += [code for code in ("H28", "H44") if code not in into][: max(0, 2 - len(into))]
                return {"action": "split", "agency": self.code(), "into": into, "successor": into[0]} | children
            case "rename":
                return {"action": "rename", "agency": self.code(), "name": f"Tên mới {self.number}"}
            case "close_all":
                within = {"within": self.code()} if self.choose.random() < 0.7 else {}
                heir = self.choose.choice(["parent", "parent", "none", self.code()])
                return {"action": "close_all", "tier": "district", "successor": heir} | within
            case _:
                where = {"parent": self.choose.choice([None, self.code()])}
                tier = {"tier": self.choose.choice(TIERS[1:]).value} if self.choose.random() < 0.3 else {}
                return {"action": "move", "agency": self.code()} | where | tier


def expected(state: State, plan: Plan) -> State:
    """What the model makes of a plan that was accepted: one thing after the other, and no checks."""
    steps: list[Any] = plan.written["steps"]  # type: ignore[assignment]
    after = dict(state)
    ends: dict[str, tuple[str | None, str | None]] = {}
    named: set[str] = set()
    for each in steps:
        match each["action"]:
            case "open":
                after[each["organ_id"]] = Was(each["name"], Tier(each["tier"]), each["parent"])
                named.add(each["organ_id"])
            case "close" | "split":
                ends[each["agency"]] = (each["successor"], each.get("children"))
                named |= {each["agency"], *each.get("into", ())} | ({each["successor"]} - {None})
            case "merge":
                ends |= {code: (each["into"], each.get("children")) for code in each["agencies"]}
                named |= {*each["agencies"], each["into"]}
            case "rename" | "move":
                named.add(each["agency"])
    for each in (each for each in steps if each["action"] == "close_all"):
        named |= {each["successor"]} - {"parent", "none"}
    for each in (each for each in steps if each["action"] == "close_all"):
        for code, was in state.items():
            inside = "within" not in each or each["within"] in _above(state, code)
            if inside and was.tier is Tier.DISTRICT and was.ended is None and code not in named:
                ends[code] = (each["successor"], None)
    heirs = {code: _heir(state, ends, code) for code in ends}
    for each in steps:
        if each["action"] == "move":
            tier = Tier(each["tier"]) if "tier" in each else after[each["agency"]].tier
            after[each["agency"]] = replace(after[each["agency"]], parent=each["parent"], tier=tier)
        if each["action"] == "rename" or (each["action"] == "merge" and "name" in each):
            code = each.get("into", each.get("agency"))
            after[code] = replace(after[code], name=each["name"])
    moved = {each["agency"] for each in steps if each["action"] == "move"}
    for code, was in after.items():
        if was.ended is None and code not in ends and code not in moved and code in state and was.parent in ends:
            _, children = ends[was.parent]
            above = heirs[was.parent] if children is None else None if children == "none" else children
            if above == code:
                above = _heir(state, {**ends, was.parent: ("parent", None)}, was.parent)
            after[code] = replace(was, parent=above)
    for code in ends:
        after[code] = replace(after[code], heir=heirs[code], ended=plan.effective_on - timedelta(days=1))
    return after


def _heir(state: State, ends: dict[str, tuple[str | None, str | None]], code: str) -> str | None:
    heir = ends[code][0]
    if heir != "parent":
        return None if heir == "none" else heir
    above = state[code].parent
    while above is not None and (above in ends or state[above].ended is not None):
        above = _heir(state, ends, above) if above in ends else state[above].heir
    return above


def _above(state: State, code: str) -> list[str]:
    found = []
    above = state[code].parent
    while above is not None:
        found.append(above)
        above = state[above].parent
    return found


def check_invariants(state: State) -> None:
    for code, was in state.items():
        if was.ended is not None:
            continue
        seen = {code}
        above = was.parent
        assert above is None or state[above].ended is None, f"{code} is part of {above}, which has ended"
        assert above is None or state[above].tier.depth <= was.tier.depth, f"{code} is above {above}"
        while above is not None:
            assert above not in seen, f"{code} is above itself"
            seen.add(above)
            above = state[above].parent


def as_model(record: Record) -> Was:
    return Was(record.name, record.tier, record.parent, record.successor, record.valid_to if record.closed else None)


def as_record(code: str, was: Was) -> Record:
    status = AgencyStatus.ACTIVE if was.ended is None else AgencyStatus.CLOSED
    return Record(code, was.name, was.tier, Branch.STATE, was.parent, status, None, was.ended, was.heir, 1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
@example(106)  # gave the parts of what ends to what ends
def test_plan_after_plan_the_directory_is_what_a_simple_model_says(seed: int) -> None:
    state, choose = start(), random.Random(seed)
    for number in range(12):
        plan = Author(choose, state, number).plan(FIRST_DAY + timedelta(days=number))
        records = {code: as_record(code, was) for code, was in state.items()}
        order = lay(plan, gather(plan, records, {code: code for code in records}), records)
        if not order.applicable:
            continue
        after = state | {each.organ_id.text: as_model(Record.of(each)) for each in order.opened}
        after |= {change.after.organ_id: as_model(change.after) for change in order.changes}
        check_invariants(after)
        assert after == expected(state, plan), plan.written
        state = after


async def test_on_the_database_a_plan_is_all_or_nothing_and_the_day_before_stays(
    database: Database, registry: Registry
) -> None:
    choose = random.Random(20250701)
    state = start()
    entered = Act("operator", datetime(2024, 12, 1, tzinfo=UTC))
    for code, was in state.items():
        await agencies.register(database, agency(code, was.name, tier=was.tier, parent=was.parent), act=entered)
    applied = 0
    for number in range(16):
        day = FIRST_DAY + timedelta(days=number)
        plan = Author(choose, state, number).plan(day)
        before = await _told(database)
        try:
            await acts.propose(database, plan, act=Act("operator", datetime.combine(day, datetime.min.time(), UTC)))
        except RequestInvalid:
            assert (await _stored(database), await _told(database)) == (state, before)
            continue
        applied += 1
        after = await _stored(database)
        assert after == expected(state, plan), plan.written
        assert await _on(database, day - timedelta(days=1), ended=False) == _alive(state)
        assert await _on(database, day, ended=False) == _alive(after)
        state = after
    assert applied >= 4, "plans that make sense must be among them"


async def _stored(database: Database) -> State:
    async with database.read() as tx:
        rows = (await tx.execute(sa.select(agency_table))).all()
    return {
        row.organ_id: Was(
            row.name, Tier(row.tier), row.parent, row.successor, row.valid_to if row.status == "closed" else None
        )
        for row in rows
    }


async def _told(database: Database) -> int:
    async with database.read() as tx:
        return int((await tx.execute(sa.select(sa.func.count()).select_from(events))).scalar_one())


async def _on(database: Database, day: date, *, ended: bool) -> dict[str, tuple[str, Tier, str | None]]:
    async with database.read() as tx:
        everybody = await directory.search(tx, limit=1000)
        then = await history.as_of(tx, everybody, on=day)
    return {
        code: (each.name, each.tier, each.parent.text if each.parent else None)
        for code, each in then.items()
        if (each.status is AgencyStatus.CLOSED) is ended
    }


def _alive(state: State) -> dict[str, tuple[str, Tier, str | None]]:
    return {code: (was.name, was.tier, was.parent) for code, was in state.items() if was.ended is None}
