"""`truc agency reorganise`, on the database itself."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Truc

DAY = "2025-07-01"
CSV = "organ_id,name,tier,branch\nH28,UBND tỉnh Hòa Bình,province,state\nH44,UBND tỉnh Phú Thọ,province,state\n"
PLAN = """title: Sáp nhập
source: 202/2025/QH15
effective_on: 2025-07-01
steps:
  - {action: merge, agencies: [H28], into: H44, name: UBND tỉnh Phú Thọ mới}
"""


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write a file and return where it is."""

    def written(text: str, name: str = "plan.yaml") -> Path:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return file

    return written


def test_a_plan_is_tried_then_carried_out_then_known(truc: Truc, write: Any) -> None:
    truc("agency", "import", write(CSV, "agencies.csv"))
    plan = write(PLAN)
    tried = truc("agency", "reorganise", plan, "--dry-run")
    assert tried.code == 0
    assert "UBND tỉnh Hòa Bình" in tried.text
    assert tried.err.endswith("it can be applied; nothing was changed\n")
    done = truc("agency", "reorganise", plan)
    assert done.code == 0
    assert [line.partition(":")[0] for line in done.err.splitlines()[:2]] == ["read", "judged"]
    assert done.err.endswith(": applied\n")
    again = truc("agency", "reorganise", plan, "--json").json
    assert (again["state"], again["replayed"]) == ("applied", True)
    assert truc("agency", "show", "H28", "--json").json["successor"] == "H44"


def test_a_plan_that_does_not_fit_ends_with_one_and_its_reasons(truc: Truc, write: Any) -> None:
    truc("agency", "import", write(CSV, "agencies.csv"))
    plan = write(PLAN.replace("into: H44", "into: H45"))
    tried = truc("agency", "reorganise", plan, "--dry-run")
    assert (tried.code, "5:44 steps[0].into" in tried.err) == (1, True)
    assert truc("agency", "reorganise", plan, "--dry-run", "--json").json["applicable"] is False
    done = truc("agency", "reorganise", plan)
    assert (done.code, "ours.reorganisation.unknown at 5:44 steps[0].into" in done.err) == (1, True)
    broken = truc("agency", "reorganise", write("title: ["))
    assert (broken.code, "ours.reorganisation.unreadable at 2:1" in broken.err) == (1, True)
    assert truc("agency", "show", "H28", "--json").json["status"] == "active"


def test_a_plan_may_come_on_standard_input_and_for_a_day_to_come(truc: Truc, write: Any) -> None:
    truc("agency", "import", write(CSV, "agencies.csv"))
    tomorrow = (date.today() + timedelta(days=2)).isoformat()  # noqa: DTZ011 -- two days ahead in any zone
    steps = [{"action": "rename", "agency": "H44", "name": "Mới"}]
    plan = {"title": "Đổi tên", "source": "thử", "effective_on": tomorrow, "steps": steps}
    done = truc("agency", "reorganise", "-", "--json", stdin=json.dumps(plan).encode()).json
    assert (done["state"], done["effects"]["renamed"]["count"]) == ("scheduled", 1)


def test_the_plan_of_july_2025_ships_with_the_node(truc: Truc) -> None:
    truc("agency", "import", "--reference", "--as-of", "2025-06-30")
    done = truc("agency", "reorganise", "--shipped", DAY, "--json").json
    assert done["effects"]["closed"]["count"] == 58
    assert "58" in truc("agency", "reorganise", "--shipped", DAY).text
    assert truc("agency", "show", "000.00.00.H28", "--json").json["valid_to"] == "2025-06-30"
    eve = truc("agency", "show", "H28", "--as-of", "2025-06-30", "--json").json
    assert (eve["status"], eve["successor"]) == ("active", None)
    other = truc("agency", "reorganise", "--shipped", "2025-07-02")
    assert (other.code, DAY in other.err) == (1, True)


def test_an_agency_that_had_not_begun_is_not_shown(truc: Truc, write: Any) -> None:
    truc(
        "agency",
        "import",
        write(CSV.replace("branch\n", "branch,valid_from\n").replace(",state", ",state,2020-01-01"), "a.csv"),
    )
    assert truc("agency", "show", "H28", "--as-of", "2020-01-01").code == 0
    assert truc("agency", "show", "H28", "--as-of", "2019-12-31").code == 1


def test_a_wrong_call_is_told_as_one(truc: Truc, write: Any) -> None:
    assert truc("agency", "reorganise").code == 2
    assert truc("agency", "reorganise", write(PLAN), "--shipped", DAY).code == 2
    assert truc("agency", "reorganise", "--shipped", "July").code == 2
    assert truc("agency", "import", write(CSV, "agencies.csv"), "--as-of", DAY).code == 2
