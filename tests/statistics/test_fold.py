"""Adding events up: however they are cut into batches, the sums are the same."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.statistics.fold import FigureKey, fold
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import Month


@dataclass(frozen=True)
class Happened:
    """What the fold reads of an event."""

    at: datetime
    agency: str | None
    tier: str | None
    branch: str | None
    document_type: str | None
    measures: str | None


FIRST, LAST = datetime.fromisoformat("2026-10-31T16:00:00"), datetime.fromisoformat("2026-12-01")
COUNTED = st.lists(st.sampled_from(MEASURE_NAMES), min_size=1, max_size=3, unique=True)
EVENTS = st.builds(
    Happened,
    at=st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    agency=st.sampled_from([None, "H41", "G22"]),
    tier=st.sampled_from([None, "central", "province"]),
    branch=st.sampled_from([None, "party"]),
    document_type=st.sampled_from([None, "cong-van"]),
    measures=st.none() | COUNTED.map(lambda names: f" {' '.join(names)} "),
)


def _plain(events: list[Happened]) -> dict[FigureKey, dict[str, int]]:
    return {key: dict(counts) for key, counts in fold(events).items()}


def _sum(batches: list[list[Happened]]) -> dict[FigureKey, dict[str, int]]:
    sums: dict[FigureKey, Counter[str]] = {}
    for batch in batches:
        for key, counts in fold(batch).items():
            sums.setdefault(key, Counter()).update(counts)
    return {key: dict(counts) for key, counts in sums.items()}


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
    for key, counts in fold(events).items():
        folded.update(counts)
        assert all(counts.values())
        assert key.month in {str(Month.of(event.at)) for event in events}
    assert folded == counted


def test_what_belongs_to_nobody_is_counted_under_empty_names() -> None:
    event = Happened(datetime(2026, 11, 1, tzinfo=UTC), None, None, None, None, " refused ")
    assert _plain([event, event]) == {FigureKey("2026-11", "", "", "", ""): {"refused": 2}}


def test_an_agency_that_moved_to_another_tier_has_figures_of_both() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    before = Happened(at, "H41.1", "district", "state", "cong-van", " sent ")
    after = Happened(at, "H41.1", "commune", "state", "cong-van", " sent ")
    assert {key.tier: counts for key, counts in _plain([before, after]).items()} == {
        "district": {"sent": 1},
        "commune": {"sent": 1},
    }


def test_nothing_counts_nothing() -> None:
    assert _plain([]) == {}
