"""What the values of the registry answer about themselves: grants, periods, tiers."""

from datetime import date

import pytest

from app.edxml.organ_id import OrganId
from app.errors import RequestInvalid
from app.registry.model import Client, ClientStatus, Grant, Scope, Tier
from app.registry.once import Once
from tests.registry.filling import agency
from tests.support.pki import NOW


def client(*grants: str) -> Client:
    return Client(
        "01a2022d-fb9b-75ac-92fd-527f80c9bf3a",
        "Hệ thống",
        frozenset({Scope.EXCHANGE}),
        tuple(Grant.parse(each) for each in grants),
        ClientStatus.ACTIVE,
        has_secret=True,
        version=1,
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("grant", "organ_id", "granted"),
    [
        ("H28", "H28", True),
        ("H28", "H28.05", False),
        ("H28.*", "H28", True),
        ("H28.*", "H28.05", True),
        ("H28.*", "H28.05.01", True),
        ("H28.*", "H281", False),
        ("H28.*", "H2", False),
        ("H28.*", "000.00.00.H28", False),
        ("H28.*", "000.00.05.H28", False),
        ("H28.*", "01.H28.05", False),
        ("H28.05.*", "H28.05", True),
        ("H28.05.*", "H28", False),
        ("H28.05.*", "H28.050", False),
        ("000.00.00.H28", "000.00.00.H28", True),
        ("000.00.00.H28", "H28", False),
        ("vxp.saas.03", "vxp.saas.03", True),
        ("vxp.saas.03", "VXP.SAAS.03", False),
    ],
)
def test_a_grant_covers_what_it_says_and_nothing_else(grant: str, organ_id: str, granted: bool) -> None:
    assert client(grant).may_act_for(OrganId.parse(organ_id)) is granted
    assert client(grant).may_act_for(agency(organ_id)) is granted


def test_a_grant_reaches_an_agency_by_any_of_its_codes() -> None:
    moved = agency("H44.05", aliases=["000.00.05.H28", "H28.05"])
    assert client("H28.*").may_act_for(moved)
    assert client("000.00.05.H28").may_act_for(moved)
    assert not client("H28.*").may_act_for(agency("H44.05", parent="H28"))
    assert not client("H45", "H28").may_act_for(moved)


@pytest.mark.parametrize("pattern", ["*", ".*", "000.00.00.H28.*", "Z01abc.*", "0101234567.*", "H28.**", "H28*", "H.*"])
def test_a_pattern_over_anything_but_a_code_with_codes_below_is_refused(pattern: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        Grant.parse(pattern)
    assert refused.value.findings


@pytest.mark.parametrize("text", ["H28", "H28.*", "000.00.00.H28"])
def test_a_grant_is_written_as_it_was_read(text: str) -> None:
    assert str(Grant.parse(text)) == text


def test_both_ends_of_a_period_belong_to_it() -> None:
    bounded = agency(valid_from=date(2020, 9, 15), valid_to=date(2025, 6, 30))
    days = [date(2020, 9, 14), date(2020, 9, 15), date(2025, 6, 30), date(2025, 7, 1)]
    assert [bounded.in_force(day) for day in days] == [False, True, True, False]
    assert agency().in_force(date.min)


def test_tiers_are_ordered_from_the_centre_down() -> None:
    assert [tier.depth for tier in Tier] == [0, 1, 2, 3]
    assert Tier("central").depth == 0


@pytest.mark.parametrize("key", ["", "x" * 256, "có dấu", "two words", "line\n"])
def test_a_key_that_no_client_may_choose_is_refused(key: str) -> None:
    with pytest.raises(RequestInvalid):
        Once.of_body("client", key, path="/v1/agencies", body_sha256="0" * 64, expires_at=NOW)


def test_a_key_is_bound_to_call_and_body() -> None:
    made = {
        Once.of_body("client", "k", path=path, body_sha256=body, expires_at=NOW).fingerprint
        for path in ("/v1/agencies", "/v1/clients")
        for body in ("0" * 64, "1" * 64)
    }
    assert len(made) == 4
