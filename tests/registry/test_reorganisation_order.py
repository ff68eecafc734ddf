"""What a plan makes of a directory, and what it must not make of it. No database: records in, the new order out."""

from datetime import date
from itertools import permutations
from typing import Any

import pytest

from app.findings import Severity
from app.registry.history import Record
from app.registry.model import AgencyStatus, Branch, Tier
from app.registry.reorganisation.intentions import gather
from app.registry.reorganisation.order import Order, lay
from app.registry.reorganisation.reading import read
from app.registry.reorganisation.written import Written

DAY = date(2025, 7, 1)
EVE = date(2025, 6, 30)

CENTRAL, PROVINCE, DISTRICT, COMMUNE = Tier


def record(organ_id: str, parent: str | None = None, tier: Tier = PROVINCE, **fields: Any) -> Record:
    blank: dict[str, Any] = {
        "name": f"Cơ quan {organ_id}",
        "branch": Branch.STATE,
        "status": AgencyStatus.ACTIVE,
        "valid_from": None,
        "valid_to": None,
        "successor": None,
        "version": 1,
    }
    return Record(organ_id=organ_id, parent=parent, tier=tier, **(blank | fields))


def closed(organ_id: str, successor: str | None, **fields: Any) -> Record:
    return record(organ_id, status=AgencyStatus.CLOSED, valid_to=date(2020, 1, 1), successor=successor, **fields)


COUNTRY = (
    record("H44"),
    record("H44.01", "H44"),
    record("H44.20", "H44", DISTRICT),
    record("H44.20.01", "H44.20", COMMUNE),
    record("H28"),
    record("H28.01", "H28"),
    record("H28.20", "H28", DISTRICT),
    record("H28.20.01", "H28.20", COMMUNE),
    record("H28.20.02", "H28.20", COMMUNE),
    record("H28.30", "H28", DISTRICT, branch=Branch.PARTY),
    record("H62"),
    record("D01.28", tier=DISTRICT, branch=Branch.COURT),
    closed("H14", "H62"),
)
ALIASES = {"000.00.00.H28": "H28"}

MERGE = {"action": "merge", "agencies": ["H28", "H62"], "into": "H44", "name": "UBND tỉnh Phú Thọ"}
DISTRICTS_END = {"action": "close_all", "tier": "district", "branches": ["state", "party"], "successor": "parent"}


def laid(*steps: dict[str, Any], missing: str = "refuse", country: tuple[Record, ...] = COUNTRY) -> Order:
    fields = {"title": "Thử", "source": "thử", "effective_on": DAY.isoformat(), "missing": missing}
    plan = read(Written(fields | {"steps": list(steps)}))
    directory = {each.organ_id: each for each in country}
    owners = {code: code for code in directory} | ALIASES
    return lay(plan, gather(plan, directory, owners), directory)


def said(order: Order) -> set[str]:
    """Codes of what was found, with the place."""
    prefix = "ours.reorganisation."
    return {f"{each.location} {each.code.removeprefix(prefix)}" for each in order.findings}


def refusals(order: Order) -> set[str]:
    """The same of what forbids the plan."""
    prefix = "ours.reorganisation."
    return {f"{each.location} {each.code.removeprefix(prefix)}" for each in order.findings if each.refuses}


def after(order: Order) -> dict[str, Record]:
    assert order.applicable, order.findings
    return {change.after.organ_id: change.after for change in order.changes}


def open_(organ_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "action": "open",
        "organ_id": organ_id,
        "name": f"Cơ quan {organ_id}",
        "tier": "province",
        "branch": "state",
    } | fields


def test_a_merger_closes_the_merged_names_the_target_and_moves_the_parts() -> None:
    changed = after(laid(MERGE))
    hoa_binh, phu_tho = changed["H28"], changed["H44"]
    assert (hoa_binh.status, hoa_binh.valid_to, hoa_binh.successor) == (AgencyStatus.CLOSED, EVE, "H44")
    assert (phu_tho.status, phu_tho.name) == (AgencyStatus.ACTIVE, "UBND tỉnh Phú Thọ")
    assert {code for code, each in changed.items() if each.parent == "H44"} == {"H28.01", "H28.20", "H28.30"}
    assert all(each.version == 2 for each in changed.values())


def test_the_end_of_a_tier_hands_each_to_who_is_above_in_the_new_order() -> None:
    changed = after(laid(MERGE, DISTRICTS_END))
    ended = {code: each.successor for code, each in changed.items() if each.closed}
    assert ended == {"H28": "H44", "H62": "H44", "H28.20": "H44", "H28.30": "H44", "H44.20": "H44"}
    assert {changed[code].parent for code in ("H28.20.01", "H28.20.02", "H44.20.01")} == {"H44"}
    assert "D01.28" not in changed, "another branch"
    assert changed["H28.20"].parent == "H28", "what has ended stays where it was"


def test_the_order_of_steps_means_nothing() -> None:
    steps = (
        MERGE,
        DISTRICTS_END,
        open_("H44.90", parent="H44"),
        {"action": "move", "agency": "H28.20.01", "parent": "H44.90", "tier": "commune"},
        {"action": "rename", "agency": "H28.20.02", "name": "UBND xã mới"},
    )
    orders = [laid(*each) for each in permutations(steps)]
    first = orders[0]
    assert after(first)["H28.20.01"].parent == "H44.90"
    assert all(
        (each.changes, each.opened, each.aliases) == (first.changes, first.opened, first.aliases) for each in orders
    )


def test_what_another_step_names_is_spared_when_all_of_a_kind_end() -> None:
    kept = {"action": "move", "agency": "H28.20", "tier": "commune"}
    ended = {"action": "close", "agency": "H28.30", "successor": "H28.01"}
    order = laid(DISTRICTS_END, kept, ended)
    changed = after(order)
    assert (changed["H28.20"].tier, changed["H28.20"].status) == (COMMUNE, AgencyStatus.ACTIVE)
    assert changed["H28.30"].successor == "H28.01"
    assert said(order) == {"steps[0] spared"}


def test_all_of_a_kind_can_end_within_one_subtree_for_one_successor() -> None:
    step = {"action": "close_all", "within": "000.00.00.H28", "successor": "H44", "children": "H62"}
    changed = after(laid(step))
    assert {code for code, each in changed.items() if each.closed} == {
        "H28.01",
        "H28.20",
        "H28.20.01",
        "H28.20.02",
        "H28.30",
    }
    assert {each.successor for each in changed.values()} == {"H44"}


def test_a_split_gives_the_mail_to_one_and_the_parts_as_told() -> None:
    order = laid(
        open_("H29", aliases=["000.00.00.H29"]),
        open_("H27"),
        {"action": "split", "agency": "H28", "into": ["H27", "H29"], "successor": "H29"},
        {"action": "move", "agency": "H28.01", "parent": "H27"},
    )
    changed = after(order)
    assert changed["H28"].successor == "H29"
    assert (changed["H28.01"].parent, changed["H28.20"].parent) == ("H27", "H29")
    assert [(each.organ_id.text, each.valid_from) for each in order.opened] == [("H27", DAY), ("H29", DAY)]


def test_a_part_can_take_over_from_the_whole_and_stands_where_it_stood() -> None:
    changed = after(laid({"action": "close", "agency": "H28.20", "successor": "H28.20.01"}))
    assert changed["H28.20.01"].parent == "H28"
    assert changed["H28.20.02"].parent == "H28.20.01"


def test_further_codes_are_aliases_from_the_day_on() -> None:
    order = laid({"action": "rename", "agency": "H44", "name": "Cơ quan H44", "aliases": ["H44.A", "000.00.00.H44"]})
    assert [(owner, alias.code.text, alias.valid_from) for owner, alias in order.aliases] == [
        ("H44", "000.00.00.H44", DAY),
        ("H44", "H44.A", DAY),
    ]
    assert [change.fields for change in order.changes] == [[]], "its version moves, for its codes did"


def test_a_code_an_agency_has_already_is_no_further_one() -> None:
    order = laid({"action": "rename", "agency": "H28", "name": "Mới", "aliases": ["000.00.00.H28", "H28"]})
    assert not order.aliases
    assert [each.code for each in order.findings] == ["ours.reorganisation.so-already"] * 2


def test_a_plan_for_every_directory_leaves_out_what_is_not_there_and_what_is_so() -> None:
    order = laid(
        {"action": "merge", "agencies": ["H28", "H99"], "into": "H44"},
        {"action": "merge", "agencies": ["H98"], "into": "H97"},
        {"action": "merge", "agencies": ["H98"], "into": "H97", "name": "Không có"},
        {"action": "close", "agency": "H14", "successor": "H62"},
        {"action": "rename", "agency": "H96", "name": "Không có"},
        {"action": "close_all", "tier": "district", "within": "H95", "successor": "parent"},
        open_("H62"),
        missing="skip",
    )
    assert {code for code, each in after(order).items() if each.closed} == {"H28"}
    assert said(order) == {
        "steps[0].agencies[1] not-in-directory",
        "steps[1].agencies[0] not-in-directory",
        "steps[2].agencies[0] not-in-directory",
        "steps[2].into not-in-directory",
        "steps[3] so-already",
        "steps[4].agency not-in-directory",
        "steps[5].within not-in-directory",
        "steps[6] so-already",
    }
    assert {each.severity for each in order.findings} == {Severity.INFO}


def test_a_plan_for_every_directory_does_not_overrule_an_earlier_end() -> None:
    order = laid({"action": "close", "agency": "H14", "successor": "H44"}, missing="skip")
    assert said(order) == {"steps[0] closed-otherwise"}
    assert order.applicable
    assert not order.changes


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([{"action": "close", "agency": "H99"}], {"steps[0].agency unknown"}, id="unknown"),
        pytest.param(
            [{"action": "close", "agency": "H62", "successor": "H99"}],
            {"steps[0].successor unknown"},
            id="unknown-successor",
        ),
        pytest.param(
            [{"action": "close", "agency": "H14", "successor": "H62"}], {"steps[0] closed-already"}, id="closed-already"
        ),
        pytest.param(
            [MERGE, {"action": "close", "agency": "H62", "successor": "H44"}],
            {"steps[1] closed-twice"},
            id="closed-twice",
        ),
        pytest.param(
            [DISTRICTS_END, {"action": "close_all", "within": "H28", "tier": "district", "successor": "H44"}],
            {"steps[1] closed-twice"},
            id="closed-twice-by-kind",
        ),
        pytest.param(
            [{"action": "close", "agency": "H62", "successor": "H62"}], {"steps[0] successor-itself"}, id="itself"
        ),
        pytest.param(
            [{"action": "merge", "agencies": ["H62", "H44"], "into": "H44"}],
            {"steps[0] merged-into-itself"},
            id="merged-into-itself",
        ),
        pytest.param(
            [{"action": "split", "agency": "H62", "into": ["H62", "H44"], "successor": "H44"}],
            {"steps[0] split-into-itself"},
            id="split-into-itself",
        ),
        pytest.param(
            [{"action": "close", "agency": "H62", "successor": "H14"}], {"steps[0] successor-closed"}, id="to-closed"
        ),
        pytest.param(
            [
                {"action": "close", "agency": "H62", "successor": "H28"},
                {"action": "close", "agency": "H28", "successor": "H44"},
            ],
            {"steps[0] successor-closed"},
            id="to-what-closes",
        ),
        pytest.param([{"action": "close", "agency": "H28"}], {"steps[0] children-orphaned"}, id="children-orphaned"),
        pytest.param(
            [{"action": "close_all", "tier": "district", "branches": ["state"], "successor": "none"}],
            {"steps[0] children-orphaned"},
            id="children-orphaned-by-kind",
        ),
        pytest.param(
            [{"action": "close", "agency": "H28", "children": "H14"}],
            {"steps[0] parent-closed"},
            id="children-to-closed",
        ),
        pytest.param(
            [{"action": "close", "agency": "H28", "successor": "H44", "children": "H28"}],
            {"steps[0] parent-closed"},
            id="children-to-what-closes",
        ),
        pytest.param(
            [MERGE, {"action": "move", "agency": "H28.01", "parent": "H28"}], {"steps[1] parent-closed"}, id="to-ended"
        ),
        pytest.param(
            [{"action": "move", "agency": "H28.01", "parent": "H44.20"}], {"steps[0] tier-order"}, id="below-lower"
        ),
        pytest.param(
            [
                {"action": "move", "agency": "H28.20", "tier": "commune"},
                {"action": "move", "agency": "H28", "tier": "district"},
            ],
            {"steps[1] tier-order"},
            id="above-higher",
        ),
        pytest.param([{"action": "move", "agency": "H28", "parent": "H28.01"}], {"steps[0] cycle"}, id="below-itself"),
        pytest.param(
            [
                {"action": "move", "agency": "H28", "parent": "H44.01"},
                {"action": "move", "agency": "H44", "parent": "H28.01"},
            ],
            {"steps[0] cycle", "steps[1] cycle"},
            id="below-each-other",
        ),
        pytest.param(
            [{"action": "move", "agency": "H62", "parent": None}] * 2, {"steps[1] moved-twice"}, id="moved-twice"
        ),
        pytest.param(
            [{"action": "rename", "agency": "H62", "name": "A"}] * 2, {"steps[1] renamed-twice"}, id="renamed-twice"
        ),
        pytest.param(
            [MERGE, {"action": "rename", "agency": "H28", "name": "A"}],
            {"steps[1] changed-and-closed"},
            id="renamed-and-closed",
        ),
        pytest.param(
            [{"action": "rename", "agency": "H14", "name": "A"}],
            {"steps[0] changed-closed"},
            id="renamed-after-its-end",
        ),
        pytest.param([open_("H62")], {"steps[0].organ_id code-taken"}, id="code-of-another"),
        pytest.param([open_("H14")], {"steps[0].organ_id code-taken"}, id="code-of-a-closed-one"),
        pytest.param(
            [open_("H29", aliases=["000.00.00.H28"])], {"steps[0].organ_id code-taken"}, id="alias-of-another"
        ),
        pytest.param(
            [open_("H29"), open_("H29")], {"steps[1].organ_id code-taken", "steps[1] opened-twice"}, id="opened-twice"
        ),
        pytest.param(
            [open_("H29"), {"action": "close", "agency": "H29", "successor": "H44"}],
            {"steps[1] opened-and-closed"},
            id="opened-and-closed",
        ),
        pytest.param(
            [open_("H29"), {"action": "rename", "agency": "H29", "name": "A"}],
            {"steps[1] renamed-twice"},
            id="opened-and-renamed",
        ),
        pytest.param(
            [open_("H29"), {"action": "move", "agency": "H29", "parent": "H44"}],
            {"steps[1] moved-twice"},
            id="opened-and-moved",
        ),
        pytest.param([open_("H29", parent="H99")], {"steps[0].parent unknown"}, id="opened-below-nobody"),
        pytest.param([MERGE, open_("H29", parent="H28")], {"steps[1] parent-closed"}, id="opened-below-ended"),
        pytest.param(
            [{"action": "rename", "agency": "H44", "name": "A", "aliases": ["000.00.00.H28"]}],
            {"steps[0].aliases code-taken"},
            id="alias-taken",
        ),
        pytest.param(
            [open_("H29", aliases=["H29.A"]), {"action": "rename", "agency": "H44", "name": "A", "aliases": ["H29.A"]}],
            {"steps[1].aliases code-taken"},
            id="alias-of-what-opens",
        ),
        pytest.param(
            [{"action": "close_all", "tier": "district", "branches": ["state"], "successor": "H99"}],
            {"steps[0].successor unknown"},
            id="all-to-nobody",
        ),
    ],
)
def test_a_plan_that_would_break_the_directory_is_refused(steps: list[dict[str, Any]], expected: set[str]) -> None:
    order = laid(*steps)
    assert refusals(order) == expected
    assert not order.applicable
    assert all(each.fix and each.source for each in order.findings)


def test_what_has_not_begun_neither_ends_nor_changes() -> None:
    country = (
        record("H44"),
        record("H28", valid_from=DAY),
        record("H62", valid_from=date(2025, 7, 2)),
        record("H14", valid_from=EVE),
    )
    order = laid(
        {"action": "merge", "agencies": ["H28", "H14"], "into": "H44"},
        {"action": "rename", "agency": "H62", "name": "A"},
        country=country,
    )
    assert refusals(order) == {"steps[0] not-yet-open", "steps[1] not-yet-open"}
    assert len(order.findings) == 2, "H14 began a day before it ends"


def test_warnings_say_who_will_not_be_reached() -> None:
    country = (record("H44", status=AgencyStatus.SUSPENDED), record("H28"), record("H28.20", None, DISTRICT))
    order = laid(
        {"action": "merge", "agencies": ["H28"], "into": "H44"},
        {"action": "close_all", "tier": "district", "successor": "parent"},
        country=country,
    )
    assert said(order) == {"steps[0] successor-suspended", "steps[1] no-successor"}
    assert after(order)["H28.20"].successor is None


def test_a_chain_of_successors_must_stay_short_enough_to_be_followed() -> None:
    chain = tuple(closed(f"H28.{number}", f"H28.{number + 1}") for number in range(8))
    country = (*chain, record("H28.8"), record("H44"))
    assert laid({"action": "rename", "agency": "H28.8", "name": "A"}, country=country).applicable
    order = laid({"action": "close", "agency": "H28.8", "successor": "H44"}, country=country)
    assert refusals(order) == {"steps succession-too-long"}


def test_a_district_within_a_district_ends_in_the_province() -> None:
    country = (record("H44"), record("H44.20", "H44", DISTRICT), record("H44.20.5", "H44.20", DISTRICT))
    changed = after(laid({"action": "close_all", "tier": "district", "successor": "parent"}, country=country))
    assert {each.successor for each in changed.values()} == {"H44"}
