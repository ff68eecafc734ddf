"""Importing agencies from CSV: all or nothing, every fault with its line and column."""

import unicodedata

import pytest

from app.errors import RequestInvalid
from app.registry import directory
from app.registry.agency_csv import read_csv
from app.registry.agency_import import Existing, ImportReport, import_csv
from app.registry.model import Agency, AgencyStatus, Tier
from app.store.database import Database
from app.store.schema import agencies as agencies_table
from app.store.schema import events
from tests.registry.filling import ACT, Registry, code, once

GOOD = """organ_id,name,tier,branch,parent,aliases,status,valid_from,valid_to,successor,email
H44,Ủy ban nhân dân tỉnh Phú Thọ,province,state,,000.00.00.H44,,,,,vp@example.vn
H44.05,"Sở Tư pháp, tỉnh Phú Thọ",province,state,H44,000.00.05.H44 000.00.99.H44,,2020-09-15,,,
H28,Ủy ban nhân dân tỉnh Hòa Bình,province,state,,000.00.00.H28,closed,,2025-06-30,H44,
"""


async def stored(database: Database, text: str) -> Agency:
    async with database.read() as tx:
        return await directory.get(tx, code(text))


async def faults(database: Database, content: str | bytes) -> list[tuple[str, str | None]]:
    octets = content.encode() if isinstance(content, str) else content
    with pytest.raises(RequestInvalid) as refused:
        await import_csv(database, octets, act=ACT)
    dry = await import_csv(database, octets, dry_run=True, act=ACT)
    assert dry.value.findings == refused.value.findings
    assert dry.value.registered == 0
    return [(finding.code.removeprefix("ours."), finding.location) for finding in refused.value.findings]


async def test_a_file_registers_all_its_agencies_with_an_event_each(registry: Registry) -> None:
    done = await import_csv(registry.database, GOOD.encode(), act=ACT)
    assert done.value == ImportReport(rows=3, registered=3, skipped=0, dry_run=False)
    bureau = await stored(registry.database, "000.00.99.H44")
    assert (bureau.organ_id.text, bureau.name, bureau.parent) == ("H44.05", "Sở Tư pháp, tỉnh Phú Thọ", code("H44"))
    closed = await stored(registry.database, "H28")
    assert (closed.status, closed.successor) == (AgencyStatus.CLOSED, code("H44"))
    assert (await stored(registry.database, "H44")).contact == {"email": "vp@example.vn"}
    assert [event["agency"] for event in await registry.events()] == ["H44", "H44.05", "H28"]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        "name;branch;tier;organ_id\nSở, Tư pháp;state;province;H44\n",
        "ORGAN_ID, Name ,tier,branch\n\nH44,Phú Thọ,province,state\n,,,\n",
    ],
)
def test_files_come_as_spreadsheets_write_them(content: str) -> None:
    sheet = read_csv(content.encode())
    assert sheet.faults == ()
    assert (sheet.lines[0].agency.organ_id, sheet.lines[0].agency.tier) == (code("H44"), Tier.PROVINCE)


def test_names_are_kept_in_the_composed_form() -> None:
    content = unicodedata.normalize("NFD", "organ_id,name,tier,branch\nH44,Phú Thọ,province,state\n")
    assert read_csv(content.encode()).lines[0].agency.name == "Phú Thọ"


async def test_aliases_and_policies_come_with_their_days(registry: Registry) -> None:
    content = """organ_id,name,tier,branch,aliases,policies
H44.05,Sở Tư pháp,province,state,000.00.05.H44@../2022-09-14 H62.05@2020-09-15/2025-06-30 H44.5,"""
    content += "strict@2026-07-01/.. lenient@../2026-06-30\n"
    await import_csv(registry.database, content.encode(), act=ACT)
    found = await stored(registry.database, "H44.05")
    assert {(each.code.text, str(each.valid_from), str(each.valid_to)) for each in found.aliases} == {
        ("000.00.05.H44", "None", "2022-09-14"),
        ("H62.05", "2020-09-15", "2025-06-30"),
        ("H44.5", "None", "None"),
    }
    assert [(each.mode.value, str(each.valid_from), str(each.valid_to)) for each in found.policies] == [
        ("lenient", "None", "2026-06-30"),
        ("strict", "2026-07-01", "None"),
    ]


@pytest.mark.parametrize(
    ("aliases", "policies", "expected"),
    [
        ("H44.5@2020", "", [("import.value", "2:5"), ("import.value", "2:5")]),
        ("H44.5@2020-01-01", "", [("import.value", "2:5")]),
        ("H44.5@/", "", [("import.value", "2:5"), ("import.value", "2:5")]),
        ("H44.5@2020-02-01/2020-01-01", "", [("agency.dates-reversed", "2:5")]),
        ("", "harsh", [("import.value", "2:6")]),
        ("", "strict lenient@2026-01-01/..", [("agency.policies-overlap", "2:6")]),
        ("", " ".join(["strict"] * 51), [("agency.policies-too-many", "2:6")]),
    ],
)
async def test_days_that_are_none_are_named(
    registry: Registry, aliases: str, policies: str, expected: list[tuple[str, str]]
) -> None:
    content = f"organ_id,name,tier,branch,aliases,policies\nH44,Phú Thọ,province,state,{aliases},{policies}\n"
    assert await faults(registry.database, content) == expected


async def test_a_dry_run_tells_and_writes_nothing(registry: Registry) -> None:
    done = await import_csv(registry.database, GOOD.encode(), dry_run=True, act=ACT)
    assert done.value == ImportReport(rows=3, registered=3, skipped=0, dry_run=True)
    assert await registry.count(agencies_table) == await registry.count(events) == 0


async def test_every_fault_is_named_with_its_line_and_nothing_is_kept(registry: Registry) -> None:
    content = """organ_id,name,tier,branch,parent,aliases,status,valid_from
H44,Phú Thọ,province,state,,,,
H 45,Phú Yên,province,state,,,,
H46,,province,state,,,,
H47,Quảng Nam,tỉnh,state,,,,
H48,Quảng Ngãi,province,government,,,sleeping,
H49,Quảng Ninh,province,state,X77,,,
H50,Quảng Trị,province,state,,,,01/07/2025
H51,"Sóc
Trăng",province,state,,H44,,
H52,Sơn La,province,state
H44,Lần nữa,province,state,,,,
"""
    assert await faults(registry.database, content) == [
        ("qd20.4.organ-id-malformed", "3:1"),
        ("agency.name-unusable", "4:2"),
        ("import.value", "5:3"),
        ("import.value", "6:4"),
        ("import.value", "6:7"),
        ("agency.parent-unknown", "7:5"),
        ("import.value", "8:8"),
        ("agency.name-unusable", "9:2"),
        ("import.repeated", "9:6"),
        ("import.cells", "11:5"),
        ("import.repeated", "12:1"),
    ]
    assert await registry.count(agencies_table) == 0


async def test_parts_of_an_agency_in_a_faulty_row_are_not_faulty_too(registry: Registry) -> None:
    content = "organ_id,name,tier,branch,parent\nH44,Phú Thọ,tỉnh,state,\nH44.05,Sở,province,state,H44\n"
    assert await faults(registry.database, content) == [("import.value", "2:3")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ("import.column", "1:1")),
        ("organ_id,name,tier,branch\n", ("import.empty", "1:1")),
        ("organ_id,name,tier\nH44,x,province\n", ("import.column", "1:1")),
        ("organ_id,name,tier,branch,ghi chú\n", ("import.column", "1:5")),
        ("organ_id,name,tier,branch,name\n", ("import.column", "1:5")),
        ('organ_id,name,tier,branch\nH44,"x" y,province,state\n', ("import.quoting", "2:1")),
        ('organ_id,name,tier,branch\nH44,x,province,state\nH45,"x,province,state\n', ("import.quoting", "3:1")),
        ("organ_id,name,tier,branch\nH44,Phú Thọ,province,state\n".encode("utf-16"), ("import.encoding", "1:1")),
        (b"organ_id,name,tier,branch\nH44,x,province,state\nH45,\xff,province,state\n", ("import.encoding", "3:1")),
    ],
)
def test_a_file_that_is_no_such_file_is_refused_at_its_place(content: str | bytes, expected: tuple[str, str]) -> None:
    sheet = read_csv(content.encode() if isinstance(content, str) else content)
    assert [(each.code.removeprefix("ours."), each.location) for each in sheet.faults] == [expected]


async def test_rows_stand_in_any_order_but_not_in_a_circle(registry: Registry) -> None:
    head = "organ_id,name,tier,branch,parent\n"
    part = "H44.05.01,c,province,state,H44.05\nH44.05,b,province,state,H44\nH44,a,province,state,"
    circle = [("agency.cycle", f"{line}:5") for line in (2, 3, 4)]
    assert await faults(registry.database, head + part + "H44.05.01\nH44.06,d,province,state,H44\n") == circle
    await import_csv(registry.database, (head + part).encode(), act=ACT)
    assert (await stored(registry.database, "H44.05.01")).parent == code("H44.05")


async def test_codes_of_the_directory_are_faults_or_left_out(registry: Registry) -> None:
    await registry.add("H44")
    with pytest.raises(RequestInvalid) as refused:
        await import_csv(registry.database, GOOD.encode(), act=ACT)
    assert [(each.code, each.location) for each in refused.value.findings] == [("ours.agency.code-taken", "2:1")]
    done = await import_csv(registry.database, GOOD.encode(), existing=Existing.SKIP, act=ACT)
    assert done.value == ImportReport(rows=3, registered=2, skipped=1, dry_run=False)
    assert (await stored(registry.database, "H44")).name == "Cơ quan H44"
    again = await import_csv(registry.database, GOOD.encode(), existing=Existing.SKIP, act=ACT)
    assert again.value == ImportReport(rows=3, registered=0, skipped=3, dry_run=False)


async def test_the_same_import_again_gives_the_first_report(registry: Registry) -> None:
    first = await import_csv(registry.database, GOOD.encode(), act=once("k1"))
    again = await import_csv(registry.database, GOOD.encode(), act=once("k1"))
    assert again.replayed
    assert again.value == first.value
    assert await registry.count(events) == 3


async def test_a_file_of_three_thousand_agencies_is_registered_in_one_transaction(registry: Registry) -> None:
    rows = ["organ_id,name,tier,branch,parent,aliases", "H44,Ủy ban nhân dân tỉnh Phú Thọ,province,state,,"]
    rows += [f"H44.{n},Ủy ban nhân dân xã số {n},commune,state,H44,{n:05}.H44" for n in range(3_000)]
    done = await import_csv(registry.database, "\n".join(rows).encode(), act=ACT)
    assert done.value.registered == 3_001
    assert await registry.count(agencies_table) == await registry.count(events) == 3_001
    async with registry.database.read() as tx:
        found = await directory.search(tx, q="nhan dan xa so 2999", limit=10)
    assert [each.organ_id.text for each in found] == ["H44.2999"]
