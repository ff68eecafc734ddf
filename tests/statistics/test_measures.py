"""Which event counts where: one line per case, and the words for people."""

from typing import Any

import pytest

from app.ledger.events import EventKind
from app.statistics.measures import DEFINITIONS, MEASURE_NAMES, measures_column, measures_of


@pytest.mark.parametrize(
    ("kind", "detail", "counted"),
    [
        ("document.accepted", {"signed": True, "paper": True}, ("sent", "signed", "with_paper")),
        ("document.accepted", {"signed": True, "paper": False}, ("sent", "signed", "electronic_only")),
        ("document.accepted", {"signed": False}, ("sent", "electronic_only")),
        ("document.accepted", {}, ("sent", "electronic_only")),
        ("delivery.available", {}, ("received",)),
        ("delivery.acknowledged", {}, ("acknowledged",)),
        ("status.accepted", {}, ("statuses",)),
        ("document.refused", {}, ("refused",)),
        ("status.refused", {}, ("refused",)),
        ("delivery.withdrawn", {}, ("withdrawn",)),
    ],
)
def test_each_event_counts_in_its_figures(kind: str, detail: dict[str, Any], counted: tuple[str, ...]) -> None:
    assert measures_of(kind, detail) == counted
    assert measures_column(kind, detail) == f" {' '.join(counted)} "


def test_every_other_kind_counts_nowhere() -> None:
    counted = {
        "document.accepted", "document.refused", "delivery.available", "delivery.acknowledged", "status.accepted",
        "status.refused", "delivery.withdrawn",
    }  # fmt: skip
    assert counted < {kind.value for kind in EventKind}
    for kind in {kind.value for kind in EventKind} - counted:
        assert measures_of(kind, {"signed": True, "paper": True}) == ()
        assert measures_column(kind, {}) is None


def test_a_sent_document_is_either_with_paper_or_electronic_only() -> None:
    for detail in ({"paper": True}, {"paper": False}, {"paper": None}, {}):
        counted = measures_of("document.accepted", detail)
        assert ("with_paper" in counted) != ("electronic_only" in counted)


def test_every_measure_is_defined_in_both_languages_and_no_name_is_part_of_another_word() -> None:
    assert tuple(DEFINITIONS) == MEASURE_NAMES
    for definition in DEFINITIONS.values():
        assert definition.vi != definition.en
        assert len(definition.vi) > 10
        assert len(definition.en) > 10
    assert all(name.replace("_", "").isalpha() for name in MEASURE_NAMES)
