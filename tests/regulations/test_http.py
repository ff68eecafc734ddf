"""GET /v1/regulations: what is in force on a day, and where it says so."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.registry.model import Scope
from app.regulations.calendar import ZONE
from tests.support.agency import AgencySystem
from tests.support.node import running_node

OWN = """
[[waiting]]
source = "QĐ A"
in_force_from = 2018-09-06
undelivered_hours = 24
expiry_days = 90

[[waiting]]
source = "QĐ B"
in_force_from = 2026-11-01
undelivered_hours = 8
expiry_days = 0
"""


@pytest.fixture(scope="module")
def reader(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencySystem]:
    """Somebody who may read the directory, at a node with rules of its operator's."""
    folder = tmp_path_factory.mktemp("regulations")
    shutil.copyfile(migrated_sqlite, folder / "node.sqlite")
    (folder / "rules.toml").write_text(OWN, "utf-8")
    own = folder / "rules.toml"
    with (
        running_node(
            folder / "data", f"sqlite:///{folder / 'node.sqlite'}", regulations_file=own, log_level="error"
        ) as running,
        running.system(Scope.REGISTRY_READ) as system,
    ):
        yield system


def test_the_rules_of_a_day_have_their_sources_and_dates(reader: AgencySystem) -> None:
    rules = reader.get("/v1/regulations", params={"on": "2026-10-31"}).json()
    assert rules["waiting"] == {
        "source": "QĐ A",
        "in_force_from": "2018-09-06",
        "in_force_until": "2026-10-31",
        "undelivered_hours": 24,
        "expiry_days": 90,
    }
    assert rules["sending_deadline"]["until"] == "12:00:00"
    assert rules["sending_deadline"]["send_by"] == "2026-11-02T05:00:00Z"
    assert rules["sending_deadline"]["source"].startswith("QĐ 28/2018/QĐ-TTg Đ6")
    assert rules["change_effects"]["replacement"] == "at-once"
    assert (rules["working_week"]["days"], rules["working_week"]["is_working_day"]) == ([1, 2, 3, 4, 5], False)
    assert rules["leniency"]["mode"] == "lenient"
    assert (rules["retention"]["least_days"], rules["retention"]["rules"]) == (365, [])


def test_from_its_day_on_the_later_entry_holds(reader: AgencySystem) -> None:
    waiting = reader.get("/v1/regulations", params={"on": "2026-11-01"}).json()["waiting"]
    assert (waiting["source"], waiting["in_force_until"]) == ("QĐ B", None)
    assert (waiting["undelivered_hours"], waiting["expiry_days"]) == (8, None)


def test_without_a_day_it_is_today_in_vietnam(reader: AgencySystem) -> None:
    on = reader.get("/v1/regulations").json()["on"]
    today = datetime.now(UTC).astimezone(ZONE).date()
    assert on in (today.isoformat(), (today - timedelta(days=1)).isoformat())


def test_a_day_that_is_none_is_refused_and_so_is_a_stranger(reader: AgencySystem) -> None:
    assert reader.get("/v1/regulations", params={"on": "2026-02-30"}).status_code == 422
    assert reader.http.get("/v1/regulations").status_code == 401
    for day in ("0001-01-01", "9999-12-31"):
        assert reader.get("/v1/regulations", params={"on": day}).status_code == 200
