"""Adding events up: however they are cut into batches, the sums are the same."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.statistics.fold import GRAINS, FigureKey, SpreadKey, fold, unit_of
from app.statistics.measures import MEASURE_NAMES, SPANS
from app.statistics.periods import Month
from app.statistics.spread import bucket_of


@dataclass(frozen=True)
class Happened:
    """What the fold reads of an event."""

    at: datetime
    agency: str | None
    tier: str | None
    branch: str | None
    document_type: str | None
    measures: str | None
    peer_tier: str | None = None
    durations: str | None = None


FIRST, LAST = datetime.fromisoformat("2026-10-31T16:00:00"), datetime.fromisoformat("2026-12-01")
COUNTED = st.lists(st.sampled_from(MEASURE_NAMES), min_size=1, max_size=3, unique=True)
SPENT = st.lists(
    st.tuples(st.sampled_from(SPANS), st.integers(0, 10**7)), min_size=1, max_size=3, unique_by=lambda each: each[0]
)
EVENTS = st.builds(
    Happened,
    at=st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    agency=st.sampled_from([None, "H41", "G22"]),
    tier=st.sampled_from([None, "central", "province"]),
    branch=st.sampled_from([None, "party"]),
    document_type=st.sampled_from([None, "cong-van"]),
    measures=st.none() | COUNTED.map(lambda names: f" {' '.join(names)} "),
    peer_tier=st.sampled_from([None, "central", "commune"]),
    durations=st.none() | SPENT.map(lambda spent: f" {' '.join(f'{name}:{s}' for name, s in spent)} "),
)


PLACE = ("agency", "tier", "branch", "peer_tier", "document_type", "unit")
Sums = tuple[dict[FigureKey, dict[str, int]], dict[SpreadKey, int]]


def _plain(events: list[Happened]) -> Sums:
    added = fold(events)
    return {key: dict(counts) for key, counts in added.counts.items()}, dict(added.spreads)


def _sum(batches: list[list[Happened]]) -> Sums:
    sums: dict[FigureKey, Counter[str]] = {}
    spreads: Counter[SpreadKey] = Counter()
    for batch in batches:
        added = fold(batch)
        for key, counts in added.counts.items():
            sums.setdefault(key, Counter()).update(counts)
        spreads.update(added.spreads)
    return {key: dict(counts) for key, counts in sums.items()}, dict(spreads)


@given(st.lists(EVENTS, max_size=30), st.sets(st.integers(0, 30)))
def test_batches_cut_anywhere_add_up_to_the_same(events: list[Happened], cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(events)]
    batches = [events[start:end] for start, end in pairwise(edges)]
    assert _sum(batches) == _plain(events)


@given(st.lists(EVENTS, max_size=20), st.randoms())
def test_the_order_within_a_batch_does_not_matter(events: list[Happened], random: object) -> None:
    shuffled = events[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _plain(shuffled) == _plain(events)


@given(st.lists(EVENTS, max_size=30))
def test_each_event_counts_once_in_each_of_its_figures(events: list[Happened]) -> None:
    counted = Counter(measure for event in events for measure in (event.measures or "").split())
    folded: Counter[str] = Counter()
    for key, counts in fold(events).counts.items():
        folded.update(counts)
        assert all(counts.values())
        assert key.month in {str(Month.of(event.at)) for event in events}
    assert folded == counted


@given(st.lists(EVENTS, max_size=30))
def test_each_span_is_in_the_one_bucket_it_belongs_to_once_in_each_grain(events: list[Happened]) -> None:
    spent = [(event, *part.split(":")) for event in events for part in (event.durations or "").split()]
    for kept in GRAINS.values():
        counted: Counter[tuple[str, ...]] = Counter()
        for event, name, seconds in spent:
            place = {
                "agency": event.agency, "tier": event.tier, "branch": event.branch, "peer_tier": event.peer_tier,
                "document_type": event.document_type, "unit": event.agency,
            }  # fmt: skip
            shown = [(value or "") if column in kept else "*" for column, value in place.items()]
            counted[str(Month.of(event.at)), *shown, name, str(bucket_of(int(seconds)))] += 1
        folded: Counter[tuple[str, ...]] = Counter()
        for (key, span, bucket), count in fold(events).spreads.items():
            if {name for name in PLACE if getattr(key, name) != "*"} == kept:
                shown = [getattr(key, name) for name in PLACE]
                folded[key.month, *shown, span, str(bucket)] += count
        assert folded == counted


@pytest.mark.parametrize(
    "durations",
    [
        "to_fetch",
        " to_fetch: ",
        " to_fetch:x ",
        " to_fetch:-1 ",
        " to_moon:1 ",
        " to_fetch:²",
        f" to_fetch:{'9' * 5000} ",
    ],
)
def test_a_column_that_somebody_spoilt_adds_nothing(durations: str) -> None:
    event = Happened(datetime(2026, 11, 1, tzinfo=UTC), None, None, None, None, None, durations=durations)
    assert _plain([event]) == ({}, {})


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("000.00.00.H41", "H41"), ("000.01.32.G22", "G22"), ("H41", "H41"), ("H41.21.05", "H41"), ("A12.3B", "A12"),
        ("Z010102030405", ""), ("0102030405", ""), ("28.22.H17", ""), ("vxp.saas.03", ""), ("", ""), ("H41.", ""),
    ],
)  # fmt: skip
def test_the_unit_is_the_level_one_code_that_both_forms_say(code: str, unit: str) -> None:
    assert unit_of(code) == unit


def test_what_belongs_to_nobody_is_counted_under_empty_names() -> None:
    event = Happened(datetime(2026, 11, 1, tzinfo=UTC), None, None, None, None, " refused ")
    assert _plain([event, event])[0] == {FigureKey("2026-11", "", "", "", "", "", ""): {"refused": 2}}


def test_an_agency_that_moved_to_another_tier_has_figures_of_both() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    before = Happened(at, "H41.1", "district", "state", "cong-van", " sent ")
    after = Happened(at, "H41.1", "commune", "state", "cong-van", " sent ")
    assert {key.tier: counts for key, counts in _plain([before, after])[0].items()} == {
        "district": {"sent": 1},
        "commune": {"sent": 1},
    }


def test_nothing_counts_nothing() -> None:
    assert _plain([]) == ({}, {})
