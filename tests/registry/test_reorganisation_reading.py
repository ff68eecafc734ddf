"""Plans as they are written: what is taken, and every fault with its place."""

import json
from datetime import date
from typing import Any

import pytest

from app.errors import RequestInvalid
from app.registry.model import Branch, Tier
from app.registry.reorganisation.plan import Close, CloseAll, Heir, Merge, Missing, Move, Open, Plan, Rename, Split
from app.registry.reorganisation.reading import read
from app.registry.reorganisation.written import BYTES_MAX, Written, from_json, from_yaml

WHOLE = """
title: NO    # text, whatever YAML thinks
source: 202/2025/QH15
effective_on: 2025-07-01
missing: skip
steps:
  - {action: open, organ_id: H44.90, name: Sở mới, tier: province, branch: state, parent: H44, aliases: [000.00.90.H44],
     contact: {email: so@phutho.gov.vn}}
  - {action: close, agency: H44.01, successor: H44.02, children: none}
  - {action: merge, agencies: [H28, H62], into: H44, name: UBND tỉnh Phú Thọ, aliases: [H44.X], children: H44.03}
  - {action: split, agency: H44.04, into: [H44.05, H44.06], successor: H44.05}
  - {action: rename, agency: H44.07, name: Tên mới}
  - {action: move, agency: H44.08, parent: null, tier: central}
  - {action: move, agency: H44.09, tier: commune}
  - {action: close_all, tier: district, within: H44, branches: [state, party], successor: parent}
"""

HEAD = {"title": "Thử", "source": "thử", "effective_on": "2025-07-01"}


def faults(content: bytes) -> dict[str | None, str]:
    """Places and codes of the faults of a plan, which must have some."""
    with pytest.raises(RequestInvalid) as raised:
        read(from_json(content) if content.startswith(b"{") else from_yaml(content))
    found = raised.value.findings
    assert all(each.fix and each.source and each.message for each in found)
    return {each.location: each.code.removeprefix("ours.reorganisation.") for each in found}


def with_step(**step: Any) -> bytes:
    return json.dumps(HEAD | {"steps": [step]}).encode()


def test_every_kind_of_step_is_read() -> None:
    plan = read(from_yaml(WHOLE.encode()))
    assert (plan.title, plan.effective_on, plan.missing) == ("NO", date(2025, 7, 1), Missing.SKIP)
    opened, closed, merged, split, renamed, moved, lowered, ended = plan.steps
    assert isinstance(opened, Open)
    assert [code.text for code in opened.agency.codes] == ["H44.90", "000.00.90.H44"]
    assert closed == Close("H44.01", "steps[1]", "H44.02", Heir.NONE)
    assert merged == Merge(("H28", "H62"), "H44", "steps[2]", "UBND tỉnh Phú Thọ", ("H44.X",), "H44.03")
    assert split == Split("H44.04", ("H44.05", "H44.06"), "H44.05", "steps[3]")
    assert renamed == Rename("H44.07", "Tên mới", "steps[4]")
    assert moved == Move("H44.08", "steps[5]", tier=Tier.CENTRAL)
    assert lowered == Move("H44.09", "steps[6]", keeps_parent=True, tier=Tier.COMMUNE)
    assert ended == CloseAll("steps[7]", Heir.PARENT, Tier.DISTRICT, "H44", (Branch.STATE, Branch.PARTY))


def test_a_plan_that_was_kept_reads_as_the_same_plan() -> None:
    plan = read(from_yaml(WHOLE.encode()))
    again: Plan = read(Written(json.loads(json.dumps(plan.written))))
    assert again == plan
    assert plan.at("steps[2].into") == "10:49 steps[2].into"
    assert plan.at("steps[2].agencies[1].x") == "10:37 steps[2].agencies[1].x"
    assert again.at("steps[2].into") == "steps[2].into"


def test_all_faults_are_told_at_once_each_with_line_and_place() -> None:
    plan = """title:
source: thử
effective_on: 2025-02-30
missing: perhaps
steps:
  - {action: merge, agencies: [H 1, H2, H2], into: [H3], nope: 1}
  - {action: abolish}
  - {action: move, agency: H1}
  - {action: split, agency: H1, into: [H2, H3], successor: H4}
  - {action: close_all, successor: parent}
  - {action: open, organ_id: H9, name: A, tier: village, branch: state}
"""
    assert faults(plan.encode()) == {
        "1:7 title": "plan.text",
        "3:15 effective_on": "plan.date",
        "4:10 missing": "plan.word",
        "6:64 steps[0].nope": "plan.member-unknown",
        "6:32 steps[0].agencies[0]": "qd20.4.organ-id-malformed",
        "6:31 steps[0].agencies": "plan.code-repeated",
        "6:52 steps[0].into": "plan.code",
        "7:14 steps[1].action": "plan.action",
        "8:5 steps[2]": "plan.move-nowhere",
        "9:60 steps[3].successor": "plan.split-successor",
        "10:5 steps[4]": "plan.close-everything",
        "11:49 steps[5].tier": "plan.word",
    }


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", {"1:1": "empty"}, id="empty"),
        pytest.param(b"title: &a x\nsource: *a", {"1:8": "yaml-reference"}, id="references"),
        pytest.param(b"title: !!python/name:os.system x", {"1:8": "yaml-kind"}, id="tags"),
        pytest.param(b"title: x\ntitle: y", {"2:1": "member-repeated"}, id="twice-in-yaml"),
        pytest.param(b'{"title": 1, "title": 2}', {None: "member-repeated"}, id="twice-in-json"),
        pytest.param(b"[" * 10_000, {"1:9": "too-deep"}, id="deep-yaml"),
        pytest.param(b'{"a":' + b"[" * 100_000, {None: "unreadable"}, id="deep-json"),
        pytest.param(b"title: [", {"2:1": "unreadable"}, id="broken-yaml"),
        pytest.param(b'{"title"', {"1:9": "unreadable"}, id="broken-json"),
        pytest.param(b'{"title": NaN}', {None: "unreadable"}, id="no-json"),
        pytest.param(b"title: \xff", {None: "unreadable"}, id="no-utf-8"),
        pytest.param(b"a: 1\n--- \nb: 2", {"2:1": "unreadable"}, id="two-documents"),
        pytest.param(b" " * (BYTES_MAX + 1), {None: "too-long"}, id="long"),
        pytest.param(b"- 1", {"1:1": "plan.mapping"}, id="a-list"),
        pytest.param(with_step(action="close", agency=1), {"steps[0].agency": "plan.code"}, id="number"),
        pytest.param(with_step(action="close"), {"steps[0]": "plan.member-missing"}, id="lacking"),
        pytest.param(with_step(action="merge", agencies=[], into="H1"), {"steps[0].agencies": "plan.codes"}, id="none"),
        pytest.param(
            with_step(action="open", organ_id="H9", name="A\x07", tier="province", branch="state"),
            {"steps[0].name": "ours.agency.name-unusable"},
            id="control-character",
        ),
        pytest.param(
            with_step(action="open", organ_id="H9", name="A", tier="province", branch="state", contact={"fax": "1"}),
            {"steps[0].contact": "ours.agency.contact-unknown"},
            id="contact",
        ),
        pytest.param(
            with_step(action="open", organ_id="H9", name="A", tier="province", branch="state", contact=["x"]),
            {"steps[0].contact": "plan.contact"},
            id="contact-list",
        ),
        pytest.param(
            with_step(action="close_all", tier="district", branches="state", successor="none"),
            {"steps[0].branches": "plan.branches"},
            id="branches",
        ),
        pytest.param(
            with_step(action="rename", agency="H1", name="x" * 600), {"steps[0].name": "plan.name"}, id="long-name"
        ),
        pytest.param(json.dumps(HEAD | {"steps": []}).encode(), {"steps": "plan.steps"}, id="no-steps"),
        pytest.param(
            json.dumps(HEAD | {"effective_on": "0001-01-01", "steps": [{"action": "close", "agency": "H1"}]}).encode(),
            {"effective_on": "plan.date"},
            id="long-ago",
        ),
    ],
)
def test_what_is_no_plan_is_refused(content: bytes, expected: dict[str | None, str]) -> None:
    assert faults(content) == expected
