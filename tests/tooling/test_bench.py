"""What the benchmark makes of its measurements; nothing is timed here."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from bench import corpus, page, ratios
from bench.large_ledger import told
from bench.picture import Bar, bars
from bench.rooms import by_room
from bench.rounds import FULL, QUICK, Pair, gathered, over


def _pair(*, bare: float = 1_000, ours: float = 500, processor: float = 0.002) -> Pair:
    return Pair(bare, 0.001, ours, processor, p50=5, p99=9, sealed_after=0.1)


def test_a_median_of_ratios_counts_and_not_the_ratio_of_medians() -> None:
    (rounds,) = gathered([("SQLite", 32, _pair(bare=bare, ours=500)) for bare in (500, 1_000, 5_000)])

    assert rounds.median(lambda pair: pair.of_bare) == 0.5
    assert rounds.best(lambda pair: pair.of_bare) == 1.0
    assert rounds.median(lambda pair: pair.cpu_ratio) == 0.5


def test_rounds_of_one_service_at_one_number_of_connections_are_put_together() -> None:
    found = gathered([("SQLite", 8, _pair()), ("SQLite", 32, _pair()), ("SQLite", 8, _pair())])

    assert [(each.connections, len(each.pairs)) for each in found] == [(8, 2), (32, 1)]


def test_two_services_are_compared_by_the_limits_of_their_own_rounds() -> None:
    node, twin = gathered([("node", 32, _pair(bare=1_000, ours=500)), ("twin", 32, _pair(bare=2_000, ours=100))])

    assert over(node, twin) == pytest.approx(10)


def test_a_gate_asks_for_less_or_for_more_and_says_by_how_much_it_is_missed() -> None:
    assert ratios.at_most("m", 2.0, gate=3, stretch=2).verdict == "holds, stretch too"
    assert ratios.at_least("m", 0.6, gate=0.5, stretch=0.7).verdict == "holds"
    assert ratios.at_least("m", 0.25, gate=0.5, stretch=0.7).verdict == "MISSED BY 50 %"
    assert ratios.at_most("m", 6.0, gate=3, stretch=2).missed_by == 1.0


def test_a_thousand_documents_are_mixed_as_published_with_the_longest_before_the_end() -> None:
    lengths = corpus.lengths_of_mix(1_000)

    assert {length: lengths.count(length) for length in set(lengths)} == dict(corpus.MIX)
    assert max(lengths[900:]) <= corpus.SMALL
    assert lengths == corpus.lengths_of_mix(1_000)


def test_no_document_of_a_round_is_sent_twice() -> None:
    for plan in (FULL, QUICK):
        assert plan.documents == sum(count for _, count in plan.levels) + 64
        assert 32 in dict(plan.levels)


def test_the_picture_is_well_formed_and_as_wide_as_its_best_round() -> None:
    drawn = ET.fromstring(bars("Share <of> what", "told", [Bar("SQLite & more", 0.5, 1.4, "0.50", aside=True)]))
    _, _, width, _ = map(float, drawn.attrib["viewBox"].split())
    ends = [float(line.attrib["x2"]) for line in drawn.iter("{http://www.w3.org/2000/svg}line")]

    assert max(ends) < width
    assert "prefers-color-scheme: dark" in "".join(drawn.itertext())


def test_what_was_measured_replaces_what_was_between_the_marks() -> None:
    kept = {
        "at": "2026-11-22 10:00 UTC",
        "quick": False,
        "broken": [],
        "machine": {"processors": 2, "model": "A", "memory_gib": 8, "kernel": "K", "disk": "D", "python": "3",
                    "sqlite": "3"},
        "ratios": [
            {"measure": "documents/s", "value": 0.4, "gate": 0.5, "stretch": 0.6, "holds": False, "at_least": True,
             "unit": "", "verdict": "MISSED BY 20 %", "why": "in the transaction"},
        ],
        "tables": [{"title": "T", "columns": ["a", "b"], "rows": [["x|y", "1"]], "numbers": []}],
    }  # fmt: skip
    before = f"head\n{page.BEGINS}\nstale\n{page.ENDS}\nfoot\n"

    after = page.with_block(before, page.block(kept))

    assert after.startswith("head\n")
    assert after.endswith("foot\n")
    assert "stale" not in after
    assert "| documents/s | 0.40 | ≥ 0.5 | ≥ 0.6 | **missed by 20 %** | in the transaction |" in after
    assert "x\\|y" in after
    assert page.with_block(after, page.block(kept)) == after
    assert page.picture(kept) is None


def test_the_page_has_the_marks() -> None:
    assert page.with_block(page.PAGE.read_text(encoding="utf-8"), "x")


def test_built_in_functions_cost_those_who_called_them_and_waiting_costs_nobody() -> None:
    ours, library = ("/x/app/store/rows.py", 1, "insert"), ("/x/site-packages/sqlalchemy/orm.py", 1, "flush")
    stats = {
        ours: (1, 1, 0.5, 1.0, {}),
        library: (1, 1, 0.25, 0.25, {}),
        ("~", 0, "<sha256>"): (3, 3, 0.75, 0.75, {ours: (2, 2, 0.5, 0.5), library: (1, 1, 0.25, 0.25)}),
        ("~", 0, "<method 'poll' of 'select.epoll' objects>"): (1, 1, 9.0, 9.0, {ours: (1, 1, 9.0, 9.0)}),
    }

    assert by_room(stats) == {"app/store": 1.0, "sqlalchemy": 0.5}


def test_what_a_large_ledger_was_found_to_take_is_told_with_the_slowest_page_of_auditors() -> None:
    found = [
        {"measure": name, "found": 1, "milliseconds": median, "processor": median, "first": 2 * median}
        for name, median in {"inclusion proof": 2.0, "audit kind asc": 20.0, "audit time desc": 70.0}.items()
    ]

    proof, slowest, table = told(found, at=datetime(2026, 11, 22, tzinfo=UTC))

    assert isinstance(proof, ratios.Ratio)
    assert proof.verdict == "holds, stretch too"
    assert isinstance(slowest, ratios.Ratio)
    assert (slowest.measure, slowest.verdict) == (
        "slowest of 2 audit pages (time desc), large ledger",
        "MISSED BY 40 %",
    )
    assert isinstance(table, ratios.Table)
    assert len(table.rows) == 3
