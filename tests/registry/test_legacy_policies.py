"""Policies that let in signatures which prove nothing: read from a file, by day, one of a kind at a time."""

from datetime import date

import pytest

from app.registry.agency_csv import Sheet, read_csv
from app.registry.model import LegacyForm, Leniency

HEADER = "organ_id,name,tier,branch,policies\n"


def sheet(policies: str) -> Sheet:
    return read_csv(f"{HEADER}H41,Nghệ An,province,state,{policies}\n".encode())


def test_forms_stand_beside_how_content_is_taken() -> None:
    content = "lenient@../2026-06-30 strict@2026-07-01/.."
    agency = sheet(f"{content} sha1@2026-06-01/2026-07-31 unsigned@2026-07-01/2026-07-01").lines[0].agency
    assert agency.leniency_on(date(2026, 6, 15)) is Leniency.LENIENT
    assert agency.leniency_on(date(2026, 7, 1)) is Leniency.STRICT
    assert agency.legacy_forms_on(date(2026, 5, 31)) == frozenset()
    assert agency.legacy_forms_on(date(2026, 6, 1)) == {LegacyForm.SHA1}
    assert agency.legacy_forms_on(date(2026, 7, 1)) == {LegacyForm.SHA1, LegacyForm.UNSIGNED}
    assert agency.legacy_forms_on(date(2026, 7, 2)) == {LegacyForm.SHA1}
    assert agency.legacy_forms_on(date(2026, 8, 1)) == frozenset()


@pytest.mark.parametrize(
    ("policies", "found"),
    [
        ("unsigned@2026-01-01/2026-12-31 sha1@2026-01-01/2026-12-31", []),
        ("unsigned", ["ours.agency.policy-endless"]),
        ("sha1@2026-01-01/..", ["ours.agency.policy-endless"]),
        ("sha1@2026-01-01/2026-06-30 sha1@2026-06-30/2026-12-31", ["ours.agency.policies-overlap"]),
        ("strict@2026-01-01/.. unsigned@2026-01-01/2026-06-30", []),
        ("unsigned@2026-06-30/2026-01-01", ["ours.agency.dates-reversed"]),
    ],
)
def test_each_form_has_an_end_and_one_period_at_a_time(policies: str, found: list[str]) -> None:
    assert [finding.code for finding in sheet(policies).faults] == found
