"""Which event counts where, and which spans of time it ends: one line per case."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ledger.events import EventKind
from app.statistics.definitions import COUNTS, SPANS
from app.statistics.measures import (
    FIRST_VERSION,
    MEASURE_NAMES,
    durations_column,
    durations_of,
    kinds_counting_in,
    measures_column,
    measures_of,
    spans_in,
)
from app.statistics.measures import SPANS as SPAN_NAMES

ALL = ["arrived", "received", "assigned", "in_progress", "completed"]


@pytest.mark.parametrize(
    ("kind", "detail", "counted"),
    [
        ("document.accepted", {"signed": True, "paper": True}, ("sent", "signed", "with_paper")),
        ("document.accepted", {"signed": True, "paper": False}, ("sent", "signed", "electronic_only")),
        ("document.accepted", {"signed": False}, ("sent", "electronic_only")),
        ("document.accepted", {}, ("sent", "electronic_only")),
        ("document.accepted", {"kind": "new"}, ("sent", "electronic_only")),
        ("document.accepted", {"kind": "revocation"}, ("sent", "electronic_only", "revocations")),
        ("document.accepted", {"kind": "update", "on_time": True}, ("sent", "electronic_only", "updates", "on_time")),
        ("document.accepted", {"kind": "replacement"}, ("sent", "electronic_only", "replacements")),
        ("document.accepted", {"on_time": False}, ("sent", "electronic_only", "late")),
        ("document.accepted", {"signature": "unsigned"}, ("sent", "electronic_only", "not_proven")),
        ("document.accepted", {"indication": "INDETERMINATE"}, ("sent", "electronic_only", "not_judged")),
        ("document.inspected", {"pdf": 2, "pdf_signed": 2}, ("with_pdf", "pdf_signed")),
        ("document.inspected", {"pdf": 2, "pdf_signed": 1}, ("with_pdf",)),
        ("delivery.available", {"state": "available"}, ("received",)),
        ("delivery.acknowledged", {"seconds": 3}, ("acknowledged",)),
        ("delivery.redirected", {"addressed_to": "H41"}, ("redirected",)),
        ("delivery.undelivered", {}, ("undelivered",)),
        ("delivery.expired", {}, ("expired",)),
        ("delivery.overdue", {}, ("overdue",)),
        ("delivery.withdrawn", {}, ("withdrawn",)),
        ("status.accepted", {}, ("statuses",)),
        ("status.accepted", {"status": "01", "reached": ["arrived"]}, ("statuses", "arrived")),
        ("status.accepted", {"status": "03", "reached": ["arrived", "received"]}, ("statuses", "arrived", "accepted")),
        ("status.accepted", {"status": "04", "reached": ["assigned"]}, ("statuses",)),
        ("status.accepted", {"status": "06", "reached": ALL}, ("statuses", "arrived", "accepted", "completed")),
        (
            "status.accepted",
            {"status": "06", "reached": ["completed"], "on_time": True},
            ("statuses", "completed", "completed_on_time"),
        ),
        (
            "status.accepted",
            {"status": "06", "reached": ["completed"], "on_time": False},
            ("statuses", "completed", "completed_late"),
        ),
        ("status.accepted", {"status": "06", "reached": [], "on_time": False}, ("statuses",)),
        ("status.accepted", {"status": "02", "reached": ["refused"]}, ("statuses", "returned")),
        ("status.accepted", {"status": "13", "change": "requested"}, ("statuses", "withdrawal_requests")),
        ("status.accepted", {"status": "13"}, ("statuses",)),
        ("status.accepted", {"status": "15", "change": "accepted"}, ("statuses", "changes_accepted")),
        ("status.accepted", {"status": "16", "change": "refused"}, ("statuses", "changes_refused")),
        ("status.accepted", {"status": "01", "change": "refused"}, ("statuses",)),
        ("document.refused", {}, ("refused",)),
        ("status.refused", {}, ("refused",)),
    ],
)
def test_each_event_counts_in_its_figures(kind: str, detail: dict[str, Any], counted: tuple[str, ...]) -> None:
    assert measures_of(kind, detail) == counted
    assert measures_column(kind, detail) == f" {' '.join(counted)} "


def test_each_figure_is_counted_somewhere() -> None:
    [cases] = [mark.args[1] for mark in test_each_event_counts_in_its_figures.pytestmark]  # type: ignore[attr-defined]
    assert {measure for _, _, counted in cases for measure in counted} == set(MEASURE_NAMES)
    for measure in MEASURE_NAMES:
        kinds = {kind for kind, _, counted in cases if measure in counted}
        assert set(kinds_counting_in(measure)) == kinds, "a search looks for it among these kinds only"
    assert kinds_counting_in("weather") == ()


@pytest.mark.parametrize(
    ("kind", "detail", "counted"),
    [
        (
            "document.accepted",
            {"signed": True, "paper": True, "kind": "update", "on_time": True},
            ("sent", "signed", "with_paper"),
        ),
        ("status.accepted", {"status": "06", "reached": ALL, "seconds": 9}, ("statuses",)),
        ("delivery.acknowledged", {"seconds": 9}, ("acknowledged",)),
    ],
)
def test_events_of_the_first_version_count_in_the_figures_of_then(
    kind: str, detail: dict[str, Any], counted: tuple[str, ...]
) -> None:
    assert measures_of(kind, detail, FIRST_VERSION) == counted
    assert durations_column(kind, detail, FIRST_VERSION) is None


@pytest.mark.parametrize(
    ("kind", "detail", "spans"),
    [
        ("delivery.acknowledged", {"seconds": 0}, {"to_fetch": 0}),
        ("delivery.acknowledged", {}, {}),
        ("delivery.available", {"seconds": 5}, {}),
        ("status.accepted", {"reached": ["arrived"], "seconds": 61}, {"to_arrival": 61}),
        ("status.accepted", {"reached": ["arrived", "received"], "seconds": 7}, {"to_arrival": 7, "to_acceptance": 7}),
        ("status.accepted", {"reached": ["assigned", "in_progress", "completed"], "seconds": 8}, {"to_completion": 8}),
        ("status.accepted", {"reached": ["refused"], "seconds": 8}, {}),
        ("status.accepted", {"reached": [], "seconds": 8}, {}),
        ("status.accepted", {"reached": ["arrived"], "seconds": -1}, {}),
        ("status.accepted", {"reached": ["arrived"], "seconds": True}, {}),
        ("status.accepted", {"reached": ["arrived"], "seconds": "8"}, {}),
    ],
)
def test_each_event_ends_its_spans_of_time(kind: str, detail: dict[str, Any], spans: dict[str, int]) -> None:
    assert durations_of(kind, detail) == spans
    assert dict(spans_in(durations_column(kind, detail))) == spans


def test_every_other_kind_counts_nowhere() -> None:
    counted = {
        "document.accepted", "document.refused", "delivery.available", "delivery.acknowledged", "status.accepted",
        "status.refused", "delivery.withdrawn", "delivery.redirected", "delivery.undelivered", "delivery.expired",
        "delivery.overdue",
    }  # fmt: skip
    assert counted < {kind.value for kind in EventKind}
    for kind in {kind.value for kind in EventKind} - counted:
        detail = {"signed": True, "paper": True, "seconds": 1, "reached": ALL, "on_time": True}
        assert measures_of(kind, detail) == ()
        assert measures_column(kind, detail) is durations_column(kind, detail) is None


def test_a_sent_document_is_either_with_paper_or_electronic_only() -> None:
    for detail in ({"paper": True}, {"paper": False}, {"paper": None}, {}):
        counted = measures_of("document.accepted", detail)
        assert ("with_paper" in counted) != ("electronic_only" in counted)


@given(st.lists(st.integers(1, 5), max_size=8))
def test_progress_is_nested_and_never_counted_twice_however_reports_jump(ranks: list[int]) -> None:
    far, counted = 0, []
    for rank in ranks:
        counted += measures_of("status.accepted", {"reached": ALL[far:rank], "status": f"0{rank}"})
        far = max(far, rank)
    arrived, accepted, completed = (counted.count(name) for name in ("arrived", "accepted", "completed"))
    assert 1 >= arrived >= accepted >= completed
    assert (arrived, accepted, completed) == (far >= 1, far >= 2, far >= 5)


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(
    st.sampled_from(list(EventKind)),
    st.dictionaries(
        st.sampled_from(["kind", "paper", "signed", "on_time", "status", "change", "reached", "seconds"]), _ANYTHING
    ),
    _ANYTHING,
)
def test_no_detail_whatever_stops_the_check(kind: EventKind, detail: dict[str, Any], version: object) -> None:
    counted = measures_of(kind.value, detail, version)
    assert len(set(counted)) == len(counted)
    assert set(counted) <= set(MEASURE_NAMES)
    assert set(durations_of(kind.value, detail, version)) <= set(SPAN_NAMES)


def test_every_measure_is_defined_in_the_order_of_reports() -> None:
    assert tuple(COUNTS) == MEASURE_NAMES
    assert tuple(SPANS) == SPAN_NAMES
    assert all(name.replace("_", "").isalpha() for name in MEASURE_NAMES)
