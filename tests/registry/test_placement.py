"""The rules for an agency's record, each by its defect and the field it names."""

from datetime import date

import pytest

from app.registry.model import Agency, Alias, Tier
from app.registry.placement import check_alone, check_codes, check_place, named_by_own_code
from tests.registry.filling import agency, code

TIERS = {"G12": Tier.CENTRAL, "H45": Tier.PROVINCE, "X01": Tier.COMMUNE}


@pytest.mark.parametrize(
    ("wrong", "expected", "field"),
    [
        (agency(name=" "), "name-unusable", "name"),
        (agency(name="Sở\x00Tư pháp"), "name-unusable", "name"),
        (agency(name="x" * 501), "name-too-long", "name"),
        (agency(aliases=["H44"]), "code-repeated", "aliases"),
        (agency(aliases=["H1", "H1"]), "code-repeated", "aliases"),
        (agency(aliases=[f"H44.{number}" for number in range(51)]), "aliases-too-many", "aliases"),
        (agency(valid_from=date(2025, 7, 1), valid_to=date(2025, 6, 30)), "dates-reversed", "valid_to"),
        (agency(aliases=[Alias(code("H1"), date(2025, 7, 1), date(2025, 6, 30))]), "dates-reversed", "aliases"),
        (agency(contact={"fax": "1"}), "contact-unknown", "contact"),
        (agency(contact={"email": "x" * 501}), "contact-unusable", "contact"),
        (agency(contact={"email": "a\x00b"}), "contact-unusable", "contact"),
    ],
)
def test_a_record_must_be_right_in_itself(wrong: Agency, expected: str, field: str) -> None:
    assert [(each.code, each.location) for each in check_alone(wrong)] == [(f"ours.agency.{expected}", field)]


def test_a_full_record_has_no_findings() -> None:
    full = agency(
        aliases=["000.00.00.H44"],
        parent="G12",
        successor="X01",
        valid_from=date(2025, 7, 1),
        valid_to=date(2025, 7, 1),
        contact={"email": "a@b.vn", "telephone": "1", "address": "Việt Trì", "website": "https://example.vn"},
    )
    assert check_alone(full) + check_place(full, TIERS) + check_codes(full, {}) == []


@pytest.mark.parametrize(
    ("wrong", "expected", "field"),
    [
        (agency(parent="H44"), "cycle", "parent"),
        (agency(parent="H99"), "parent-unknown", "parent"),
        (agency(parent="X01"), "tier-order", "parent"),
        (agency(successor="H99"), "successor-unknown", "successor"),
        (agency(successor="H44"), "successor-itself", "successor"),
    ],
)
def test_a_record_must_fit_the_others(wrong: Agency, expected: str, field: str) -> None:
    assert [(each.code, each.location) for each in check_place(wrong, TIERS)] == [(f"ours.agency.{expected}", field)]


@pytest.mark.parametrize("parent", ["G12", "H45"])
def test_a_parent_may_be_of_the_same_tier_or_above(parent: str) -> None:
    assert check_place(agency(parent=parent), TIERS) == []


def test_own_aliases_are_not_taken_but_an_own_code_is() -> None:
    known = agency(aliases=["000.00.00.H44"])
    assert check_codes(known, {"000.00.00.H44": "H44"}) == []
    assert [each.location for each in check_codes(known, {"H44": "H44", "000.00.00.H44": "H45"})] == [
        "organ_id",
        "aliases",
    ]


def test_others_are_named_by_their_own_codes() -> None:
    named = named_by_own_code(agency(parent="000.00.00.G12", successor="H99"), {"000.00.00.G12": "G12"})
    assert (named.parent, named.successor) == (code("G12"), code("H99"))
