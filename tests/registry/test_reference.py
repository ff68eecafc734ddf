"""The national level-one codes: complete as far as the sources go, and loaded without touching what is there."""

from collections import Counter
from datetime import date

import pytest

from app.registry import agencies, directory
from app.registry.model import AgencyStatus, Branch, Tier
from app.registry.reference import level1, load_reference
from tests.registry.filling import ACT, Registry, agency, code

BY_CODE = {row.code.text: row for row in level1()}


def test_the_list_has_every_code_the_sources_name() -> None:
    assert Counter(row.block for row in level1()) == {
        "B": 1,
        "D": 1,
        "E": 1,
        "F": 1,
        "G": 38,
        "H": 63,
        "I": 6,
        "J": 28,
        "K": 63,
    }
    assert len(BY_CODE) == len(level1())
    assert all(row.source.startswith("QĐ ") for row in level1())
    assert [row.code.text for row in level1() if not row.name] == ["G37"]


def test_thirty_four_provinces_remain_and_the_others_name_who_took_over() -> None:
    """QĐ 09/2025/QĐ-TTg Đ2.2 applied to the merger list: 63 provinces became 34 on 1/7/2025."""
    for block in "HK":
        rows = [row for row in level1() if row.block == block]
        closed = [row for row in rows if row.status is AgencyStatus.CLOSED]
        assert (len(rows), len(closed)) == (63, 29)
        for row in closed:
            assert row.valid_to == date(2025, 6, 30)
            assert row.successor is not None
            assert BY_CODE[row.successor.text].status is AgencyStatus.ACTIVE
            assert row.successor.text[0] == block


@pytest.mark.parametrize(
    ("closed", "successor"),
    [("H28", "H44"), ("H62", "H44"), ("H63", "H38"), ("H06", "H29"), ("H51", "H13"), ("K47", "K17")],
)
def test_mail_of_a_merged_province_has_a_heir(closed: str, successor: str) -> None:
    assert BY_CODE[closed].successor == code(successor)


def test_ministries_closed_in_2025_name_no_heir_since_no_source_does() -> None:
    """QĐ 09/2025/QĐ-TTg Đ1.1."""
    closed = {row.code.text for row in level1() if row.block == "G" and row.status is AgencyStatus.CLOSED}
    assert closed == {f"G{n:02}" for n in (4, 5, 7, 13, 14, 23, 24, 25, 26, 34, 36, 37)}
    assert all(BY_CODE[each].successor is None for each in closed)
    assert all(BY_CODE[each].valid_to == date(2025, 4, 13) for each in closed)


def test_tiers_and_branches_follow_the_blocks() -> None:
    places = {row.block: (row.tier, row.branch) for row in level1() if row.block != "I"}
    assert places["G"] == (Tier.CENTRAL, Branch.STATE)
    assert places["H"] == (Tier.PROVINCE, Branch.STATE)
    assert places["K"] == (Tier.PROVINCE, Branch.ASSEMBLY)
    assert places["D"] == (Tier.CENTRAL, Branch.COURT)
    assert BY_CODE["I01"].branch is Branch.FRONT
    assert BY_CODE["I03"].branch is Branch.MASS_ORGANISATION


async def test_the_list_loads_once_and_leaves_alone_what_is_there(registry: Registry) -> None:
    await agencies.register(registry.database, agency("000.00.00.H44", "Tên riêng"), act=ACT)
    await agencies.register(registry.database, agency("G22", "Văn phòng Chính phủ (thử)"), act=ACT)
    first = (await load_reference(registry.database, act=ACT)).value
    assert (first.rows, first.registered, first.skipped) == (201, 199, 2)
    again = (await load_reference(registry.database, act=ACT)).value
    assert (again.registered, again.skipped) == (0, 201)
    async with registry.database.read() as tx:
        found = await directory.resolve(tx, ["000.00.00.H41", "H28", "G22"], on=date(2026, 11, 20))
    assert found["000.00.00.H41"].name == "Ủy ban nhân dân tỉnh Nghệ An"
    assert found["H28"].status is AgencyStatus.CLOSED
    assert found["H28"].successor == code("000.00.00.H44")
    assert found["G22"].name == "Văn phòng Chính phủ (thử)"
