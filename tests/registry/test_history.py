"""What the directory was on earlier days."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from app.registry import agencies, directory, history
from app.registry.acts import Act
from app.registry.model import Agency, AgencyStatus, Branch, SuspensionReason, Tier
from app.store.database import Database
from app.store.schema import agency_history
from tests.registry.filling import Registry, agency, code


def _on(day: int, hour: int = 3) -> Act:
    return Act("operator", datetime(2026, 3, day, hour, tzinfo=UTC))


async def _then(database: Database, text: str, day: date) -> Agency | None:
    async with database.read() as tx:
        now = await directory.get(tx, code(text))
        return (await history.as_of(tx, [now], on=day)).get(text)


async def test_a_day_is_answered_with_what_held_at_its_end(database: Database, registry: Registry) -> None:
    await agencies.register(database, agency("H44", "Một"), act=_on(1))
    await agencies.change(database, code("H44"), {"name": "Hai"}, act=_on(5))
    await agencies.change(database, code("H44"), {"name": "Ba"}, act=_on(5, 9))
    await agencies.suspend(database, code("H44"), SuspensionReason.REQUESTED, act=_on(9))
    # 17:00 UTC is midnight in Vietnam: this one belongs to the 12th.
    await agencies.change(database, code("H44"), {"name": "Bốn", "tier": Tier.CENTRAL}, act=_on(11, 17))
    seen = {}
    for day in (1, 4, 5, 8, 9, 11, 12, 30):
        was = await _then(database, "H44", date(2026, 3, day))
        assert was is not None
        seen[day] = (was.name, was.tier, was.status)
    active, suspended = AgencyStatus.ACTIVE, AgencyStatus.SUSPENDED
    assert seen == {
        1: ("Một", Tier.PROVINCE, active),
        4: ("Một", Tier.PROVINCE, active),
        5: ("Ba", Tier.PROVINCE, active),
        8: ("Ba", Tier.PROVINCE, active),
        9: ("Ba", Tier.PROVINCE, suspended),
        11: ("Ba", Tier.PROVINCE, suspended),
        12: ("Bốn", Tier.CENTRAL, suspended),
        30: ("Bốn", Tier.CENTRAL, suspended),
    }
    assert await registry.count(agency_history) == 3, "a chapter a day, however often it changed that day"


async def test_what_history_does_not_keep_adds_no_chapter(database: Database, registry: Registry) -> None:
    await agencies.register(database, agency("H44"), act=_on(1))
    await agencies.change(database, code("H44"), {"contact": {"email": "vt@phutho.gov.vn"}}, act=_on(5))
    assert await registry.count(agency_history) == 0


async def test_an_agency_is_not_before_its_first_day_and_was_active_until_its_last(database: Database) -> None:
    given = agency("H28", valid_from=date(2004, 1, 1), valid_to=date(2025, 6, 30), status=AgencyStatus.CLOSED)
    await agencies.register(database, agency("H44"), act=_on(1))
    await agencies.register(database, given, act=_on(1))
    assert await _then(database, "H28", date(2003, 12, 31)) is None
    during, after = [await _then(database, "H28", day) for day in (date(2025, 6, 30), date(2025, 7, 1))]
    assert during is not None
    assert after is not None
    assert (during.status, after.status) == (AgencyStatus.ACTIVE, AgencyStatus.CLOSED)


@dataclass(frozen=True)
class _Chapter:
    last_day: date
    name: str
    tier: str = "province"
    branch: str = "state"
    parent: str | None = None
    status: str = "active"
    successor: str | None = None


def test_the_chapter_that_ends_next_is_the_one_that_held() -> None:
    chapters = [_Chapter(date(2025, 6, 30), "Hai"), _Chapter(date(2020, 1, 31), "Một")]
    was = history.as_was(agency("H44", "Ba"), chapters, on=date(2020, 2, 1))
    assert was is not None
    assert (was.name, was.branch) == ("Hai", Branch.STATE)
