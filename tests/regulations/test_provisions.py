"""The dated rules: which one holds on a day, and until when a document is sent on time."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from app.errors import RequestInvalid
from app.regulations.calendar import ZONE
from app.regulations.file import load
from app.regulations.provisions import Effect, Leniency

SHIPPED = load()


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("signed_on", "until"),
    [
        ("2026-11-18", "2026-11-19 12:00"),  # Wednesday → Thursday
        ("2026-11-20", "2026-11-23 12:00"),  # Friday → Monday
        ("2026-11-21", "2026-11-23 12:00"),  # Saturday → Monday
        ("2026-02-13", "2026-02-23 12:00"),  # the Friday before Tết → the Monday after
        ("2026-02-17", "2026-02-23 12:00"),  # mùng một Tết
        ("2026-08-21", "2026-08-22 12:00"),  # Friday → a Saturday that is worked
        ("2026-08-28", "2026-09-03 12:00"),  # over an exchanged Monday and Quốc khánh
    ],
)
def test_the_deadline_is_the_morning_of_the_next_working_day(signed_on: str, until: str) -> None:
    """QĐ 28/2018/QĐ-TTg Đ6: in the day of signing, at the latest in the morning of the next working day."""
    day, last = date.fromisoformat(signed_on), local(until)
    assert SHIPPED.send_by(day) == last
    assert SHIPPED.sent_on_time(day, at=last.astimezone(UTC)) is True
    assert SHIPPED.sent_on_time(day, at=last + timedelta(microseconds=1)) is False


def test_without_a_day_of_signing_nobody_can_tell() -> None:
    assert SHIPPED.sent_on_time(None, at=local("2026-11-20 08:00")) is None


def test_every_shipped_rule_names_its_source_and_begins_on_a_day() -> None:
    for table in (
        SHIPPED.sending_deadlines,
        SHIPPED.change_effects,
        SHIPPED.waiting,
        SHIPPED.leniency,
        SHIPPED.retention_floors,
        SHIPPED.retention,
        SHIPPED.working_weeks,
    ):
        assert all(rule.source and rule.in_force_from < date(2026, 1, 1) for rule in table)
        assert table[-1].in_force_until is None


OWN = """
[[sending_deadline]]
source = "QĐ 28/2018/QĐ-TTg Đ6"
in_force_from = 2018-09-06
in_force_until = 2026-10-31
working_days = 1
until = 12:00:00

[[sending_deadline]]
source = "a later decision"
in_force_from = 2026-11-01
working_days = 0
until = 17:30:00

[calendar_corrections]
days_off = [2026-11-02]
working_days = [2026-11-07]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An operator's file."""
    path = tmp_path / "rules.toml"
    path.write_text(OWN, "utf-8")
    return path


def test_a_later_entry_holds_from_its_day_on(own: Path) -> None:
    rules = load(own)
    assert rules.sending_deadline_on(date(2026, 10, 31)).until == time(12)
    assert rules.sending_deadline_on(date(2026, 11, 1)).until == time(17, 30)
    # By the rule of the day of signing, even where the deadline falls under the next one.
    assert rules.send_by(date(2026, 10, 30)) == local("2026-11-03 12:00")
    assert rules.send_by(date(2026, 11, 3)) == local("2026-11-03 17:30")


def test_before_the_first_entry_the_first_one_is_taken(own: Path) -> None:
    assert load(own).sending_deadline_on(date(2001, 1, 1)).source == "QĐ 28/2018/QĐ-TTg Đ6"


def test_an_own_file_replaces_the_tables_it_has_and_no_other(own: Path) -> None:
    rules = load(own)
    assert rules.waiting == SHIPPED.waiting
    assert rules.change_effects == SHIPPED.change_effects
    assert [rules.calendar.is_working_day(date(2026, 11, day)) for day in (2, 7)] == [False, True]


def test_an_entry_that_says_no_end_ends_the_day_before_the_next(own: Path) -> None:
    own.write_text(OWN.replace("in_force_until = 2026-10-31\n", ""), "utf-8")
    assert load(own).sending_deadlines[0].in_force_until == date(2026, 10, 31)


_WAITING = "[[waiting]]\nsource = 'Đ1'\nin_force_from = 2026-01-01\nundelivered_hours = 24\nexpiry_days = 90\n"
_WEEK = "[[working_week]]\nsource = 'Đ1'\nin_force_from = 2026-01-01\ndays = [1]\n"
_EFFECTS = "[[change_effects]]\nsource = 'Đ8'\nin_force_from = 2026-01-01\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("waiting = [", "is not TOML"),
        ("[[witing]]\n", "unknown tables witing; known: calendar_corrections"),
        ("waiting = 3\n", "write at least one [[waiting]]"),
        ("waiting = [3]\n", "[[waiting]] entry 1: "),
        (_WAITING + "hours = 2\n", "[[waiting]] entry 1: unknown: hours"),
        (_WAITING.replace("24", "-1"), "[[waiting]] entry 1: undelivered_hours must be 0 to 8760, not -1"),
        (_WAITING.replace("24", "'24'"), "[[waiting]] entry 1: undelivered_hours must be a int, not '24'"),
        (_WAITING.replace("24", "true"), "undelivered_hours must be a int, not True"),
        (_WAITING.replace("source = 'Đ1'\n", ""), "[[waiting]] entry 1: source is missing"),
        (_WAITING.replace("'Đ1'", "''"), "source must name the article"),
        (_WAITING.replace("2026-01-01", "'2026-01-01'"), "in_force_from must be a date, not '2026-01-01'"),
        (_WAITING.replace("2026-01-01", "2026-01-01T00:00:00Z"), "in_force_from must be a date"),
        (_WAITING + _WAITING, "[[waiting]] entry 2 begins 2026-01-01, which does not follow"),
        (_WAITING.replace("90", "90\nin_force_until = 2026-06-30"), "entry 1 ends 2026-06-30 and nothing follows"),
        (
            _WAITING.replace("90", "90\nin_force_until = 2026-06-30") + _WAITING.replace("2026-01", "2026-08"),
            "[[waiting]] entry 2 begins 2026-08-01, which does not follow",
        ),
        (
            _WAITING.replace("90", "90\nin_force_until = 2026-08-31") + _WAITING.replace("2026-01", "2026-08"),
            "[[waiting]] entry 2 begins 2026-08-01, which does not follow",
        ),
        (_WEEK.replace("[1]", "[0]"), "[[working_week]] entry 1: days must be numbers 1 (Monday) to 7"),
        (_WEEK.replace("[1]", "[]"), "[[working_week]] entry 1: days must be numbers"),
        (
            _EFFECTS + "revocation = 'soon'\nupdate = 'at-once'\nreplacement = 'at-once'\n",
            "'soon' is not a valid Effect",
        ),
        ("[calendar_corrections]\ndays_off = ['2026-01-01']\n", "days_off must be a list of days"),
        ("[calendar_corrections]\nholidays = []\n", "[calendar_corrections] unknown: holidays"),
        ("[[calendar_corrections]]\n", "write [calendar_corrections] once"),
        (
            "[calendar_corrections]\ndays_off = [2026-01-02]\nworking_days = [2026-01-02]\n",
            "has 2026-01-02 as worked and not worked",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(RequestInvalid) as refused:
        load(path)
    assert told in refused.value.detail


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_nought_means_never(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(_WAITING.replace("24", "0").replace("90", "0"), "utf-8")
    [waiting] = load(path).waiting
    assert (waiting.undelivered_after, waiting.expires_after) == (None, None)


def test_an_own_file_may_set_every_table(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    lenient = "[[leniency]]\nsource = 'Đ1'\nin_force_from = 2026-01-01\nmode = 'strict'\n"
    effects = _EFFECTS + "revocation = 'at-once'\nupdate = 'at-once'\nreplacement = 'on-answer'\n"
    path.write_text(_WAITING + _WEEK + lenient + effects, "utf-8")
    rules, day = load(path), date(2026, 11, 20)
    assert rules.leniency_on(day).mode is Leniency.STRICT
    assert rules.change_effects_on(day).revocation is Effect.AT_ONCE
    assert not rules.calendar.is_working_day(date(2026, 11, 24))
