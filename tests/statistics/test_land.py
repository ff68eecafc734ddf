"""Figures of a land that was reorganised, in every break-down and view, against a recount of its log."""

import itertools
import random
import re
import threading
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.ledger.check import recount as recount_by_node
from app.ledger.seal import seal_all
from app.statistics import reports
from app.statistics.measures import MEASURE_NAMES
from app.statistics.participation import participation
from app.statistics.periods import Month
from app.statistics.reports import Asked, GroupBy
from app.store.database import Database
from tests.statistics.land import CERTIFICATES, SEVERAL, TODAY, Land, event_count, standing_on
from tests.statistics.recounting import (
    EITHER,
    SENT,
    counted_in,
    exact,
    province_of,
    read_log,
    recount,
    seconds_of,
)
from tests.support.office import created, refused

EXCHANGE = "/v1/statistics/exchange"
PARTICIPATION = "/v1/statistics/participation"
YEAR = {"from": "2025-01", "to": "2025-12"}
BREAK_DOWNS = ("agency", "tier", "branch", "province", "document_type", "month")


@pytest.fixture(scope="module")
def log(land: Land) -> list[dict[str, Any]]:
    """Every event, as an auditor reads it."""
    return read_log(land.auditor)


def as_is(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put every event where its agency stands today."""
    moved = []
    for event in events:
        code = event["agency"]
        while code and TODAY[code][2]:
            code = TODAY[code][2]
        tier, branch, _ = TODAY.get(code, (event["tier"], event["branch"], None))
        moved.append(event | {"agency": code, "tier": tier, "branch": branch})
    return moved


def shown_of(rows: list[dict[str, Any]], key: tuple[str, ...], names: set[str]) -> dict[tuple[str, ...], Counter[str]]:
    return {tuple(row[name] for name in key): Counter({name: row[name] for name in names if row[name]}) for row in rows}


def test_the_made_year_has_every_figure_there_is(log: list[dict[str, Any]]) -> None:
    assert {name for event in log for name in counted_in(event)} == set(MEASURE_NAMES)


@pytest.mark.parametrize("view", ["as-was", "as-is"])
def test_every_figure_of_every_break_down_is_what_a_recount_gives(
    land: Land, log: list[dict[str, Any]], view: str
) -> None:
    events = log if view == "as-was" else as_is(log)
    for by in BREAK_DOWNS:
        key = ("month",) if by == "month" else ("month", by)
        rows = list(land.statistician.pages(EXCHANGE, by=by, view=view, limit=17 if by == "tier" else 200, **YEAR))
        counts, spans = recount(events, key)
        assert shown_of(rows, key, set(MEASURE_NAMES)) == counts, by
        assert [tuple(row[name] for name in key) for row in rows] == sorted(counts)
        told = view == "as-was" or by in ("agency", "document_type", "month")
        for row in rows:
            _compare_what_follows(row, spans.get(tuple(row[name] for name in key), {}) if told else {})


def _compare_what_follows(row: dict[str, Any], spans: dict[str, list[int]]) -> None:
    def share(part: int, whole: int) -> float | None:
        return round(part / whole, 4) if whole else None

    assert row["signed_share"] == share(row["signed"], row["sent"])
    assert row["electronic_only_share"] == share(row["electronic_only"], row["sent"])
    assert row["on_time_share"] == share(row["on_time"], row["on_time"] + row["late"])
    done = row["completed_on_time"] + row["completed_late"]
    assert row["completed_on_time_share"] == share(row["completed_on_time"], done)
    assert row["returned_share"] == share(row["returned"], row["received"])
    assert row["refused_share"] == share(row["refused"], row["refused"] + row["sent"] + row["statuses"])
    for span in ("to_fetch", "to_arrival", "to_acceptance", "to_completion"):
        for beginning, percent in (("median", 50), ("p95", 95)):
            told = row[f"{beginning}_seconds_{span}"]
            if span in spans:
                assert told == pytest.approx(exact(spans[span], percent), rel=0.01), (span, percent)
            else:
                assert told is None


@pytest.mark.parametrize("direction", ["sent", "received"])
def test_one_side_has_its_own_figures_and_nothing_of_the_other(
    land: Land, log: list[dict[str, Any]], direction: str
) -> None:
    own = SENT if direction == "sent" else set(MEASURE_NAMES) - SENT - EITHER
    for by in ("agency", "province", "month"):
        key = ("month",) if by == "month" else ("month", by)
        rows = list(land.statistician.pages(EXCHANGE, by=by, direction=direction, limit=100, **YEAR))
        counts = {
            place: Counter({n: c for n, c in each.items() if n in own}) for place, each in recount(log, key)[0].items()
        }
        assert shown_of(rows, key, own) == {place: each for place, each in counts.items() if each}
        assert all(row[name] is None for row in rows for name in set(MEASURE_NAMES) - own)
        assert all(set(row["links"]) == own for row in rows)


def test_pairs_of_tiers_say_which_tier_wrote_to_which(land: Land, log: list[dict[str, Any]]) -> None:
    own = set(MEASURE_NAMES) - SENT - EITHER
    rows = list(land.statistician.pages(EXCHANGE, by="tier_pair", limit=9, **YEAR))
    counts, spans = recount(log, ("month", "peer_tier", "tier"))
    only = {place: Counter({n: c for n, c in each.items() if n in own}) for place, each in counts.items()}
    assert shown_of(rows, ("month", "peer_tier", "tier"), own) == {place: each for place, each in only.items() if each}
    for row in rows:
        of_row = spans.get((row["month"], row["peer_tier"], row["tier"]), {})
        if "to_completion" in of_row:
            assert row["median_seconds_to_completion"] == pytest.approx(exact(of_row["to_completion"], 50), rel=0.01)
    refused(land.statistician.get(EXCHANGE, params={"by": "tier_pair", "direction": "sent"}), 400, "request-invalid")


@pytest.mark.parametrize(
    ("query", "restricts"),
    [
        ({"by": "month", "tier": "commune"}, {"tier": "commune"}),
        ({"by": "tier", "province": "H44"}, {"province": "H44"}),
        ({"by": "month", "document_type": "khac"}, {"document_type": "khac"}),
        ({"by": "tier", "agency": "H28.05.01"}, {"agency": "H28.05.01"}),
        ({"by": "agency", "branch": "party"}, {"branch": "party"}),
        ({"by": "tier", "agency": "000.00.00.H44", "view": "as-is"}, {"agency": "000.00.00.H44"}),
        ({"by": "tier_pair", "tier": "commune"}, {"tier": "commune"}),
    ],
)
def test_times_are_those_of_what_is_asked_for(
    land: Land, log: list[dict[str, Any]], query: dict[str, str], restricts: dict[str, str]
) -> None:
    placed = as_is(log) if query.get("view") == "as-is" else log
    named = [event | {"province": province_of(event["agency"] or "")} for event in placed]
    kept = [event for event in named if restricts.items() <= event.items()]
    key = {"month": ("month",), "tier_pair": ("month", "peer_tier", "tier")}.get(query["by"], ("month", query["by"]))
    spans = recount(kept, key)[1]
    rows = list(land.statistician.pages(EXCHANGE, limit=200, **query, **YEAR))
    seen = 0
    for row in rows:
        for span, exactly in spans.get(tuple(row[name] for name in key), {}).items():
            assert row[f"median_seconds_{span}"] == pytest.approx(exact(exactly, 50), rel=0.01), (row, span)
            seen += 1
    assert seen > 5


@pytest.mark.parametrize(
    "query",
    [
        {"by": "agency", "document_type": "khac"},
        {"by": "document_type", "tier": "commune"},
        {"by": "tier_pair", "province": "H44"},
        {"by": "tier", "view": "as-is"},
        {"by": "tier_pair", "view": "as-is"},
        {"by": "month", "province": "H44", "view": "as-is"},
    ],
)
def test_times_that_are_not_kept_so_finely_are_null_and_counts_are_there(land: Land, query: dict[str, str]) -> None:
    rows = list(land.statistician.pages(EXCHANGE, limit=200, **query, **YEAR))
    assert sum(row["completed"] for row in rows) > 0
    assert {row[name] for row in rows for name in row if "_seconds_" in name} == {None}


@pytest.mark.parametrize("view", ["as-was", "as-is"])
def test_each_figure_links_to_exactly_what_it_counts_in_either_view(land: Land, view: str) -> None:
    found = [
        (row[measure], measure, link)
        for by in (*BREAK_DOWNS, "tier_pair")
        for row in land.statistician.pages(EXCHANGE, by=by, view=view, limit=500, **YEAR)
        for measure, link in row["links"].items()
        if row[measure] is not None
    ]
    for count, measure, link in random.Random(3).sample([each for each in found if each[0]], 16):
        listed = read_log(land.auditor, urlsplit(link).query)
        assert len(listed) == count, link
        assert all(measure in counted_in(event) for event in listed)
    for _, _, link in random.Random(4).sample([each for each in found if not each[0]], 3):
        assert read_log(land.auditor, urlsplit(link).query) == []


@pytest.mark.parametrize(
    ("restriction", "passes"),
    [
        ({"agency": "000.00.00.H44"}, lambda event: event["agency"] == "000.00.00.H44"),
        (
            {"province": "H44", "tier": "commune"},
            lambda event: province_of(event["agency"] or "") == "H44" and event["tier"] == "commune",
        ),
        (
            {"province": "", "document_type": "khac"},
            lambda event: not province_of(event["agency"] or "") and event["document_type"] == "khac",
        ),
        ({"branch": "party", "direction": "received"}, lambda event: event["branch"] == "party"),
    ],
)
@pytest.mark.parametrize("view", ["as-was", "as-is"])
def test_filters_restrict_in_either_view_and_stay_in_the_links(
    land: Land, log: list[dict[str, Any]], restriction: dict[str, str], passes: Any, view: str
) -> None:
    rows = list(land.statistician.pages(EXCHANGE, by="month", view=view, limit=100, **restriction, **YEAR))
    kept = [event for event in (log if view == "as-was" else as_is(log)) if passes(event)]
    counts = recount(kept, ("month",))[0]
    names = set(MEASURE_NAMES) - (SENT | EITHER if "direction" in restriction else set())
    shown = shown_of(rows, ("month",), names)
    assert {place: each for place, each in shown.items() if each} == {
        place: own for place, each in counts.items() if (own := Counter({n: c for n, c in each.items() if n in names}))
    }
    most = max(rows, key=lambda row: row["received"])
    assert len(read_log(land.auditor, urlsplit(most["links"]["received"]).query)) == most["received"]


def test_seen_as_today_the_province_has_the_figures_of_those_it_succeeded(land: Land) -> None:
    def sums(view: str) -> Counter[str]:
        rows = land.statistician.pages(EXCHANGE, by="agency", view=view, limit=100, **YEAR)
        total: Counter[str] = Counter()
        for row in rows:
            total[row["agency"]] += row["sent"]
        return +total

    was, now = sums("as-was"), sums("as-is")
    assert now["000.00.00.H44"] == was["000.00.00.H44"] + was["H28"] + was["H62"]
    assert now["H44.105"] == was["H44.105"] + was["H28.05"] + was["H28.05.01"]
    assert not {"H28", "H62", "H28.05", "H28.05.01"} & now.keys()
    assert sum(was.values()) == sum(now.values())


def test_provinces_and_agencies_and_types_have_names(land: Land) -> None:
    def named(by: str) -> dict[str, str | None]:
        return {row[by]: row["name"] for row in land.statistician.pages(EXCHANGE, by=by, limit=200, **YEAR)}

    assert named("province")[SEVERAL] == "Cơ quan 000.00.00.H44"
    assert named("province")["H28"] == "Cơ quan H28"
    assert named("province")[""] is None
    assert named("agency")["H28.05.01"] == "Cơ quan H28.05.01"
    assert named("document_type")["cong-van"] == "Công văn"
    assert named("tier") == dict.fromkeys(named("tier"))


@pytest.mark.parametrize("month", ["2025-06", "2025-07", "2025-12"])
def test_participation_is_that_of_the_directory_of_then(land: Land, log: list[dict[str, Any]], month: str) -> None:
    year, number = int(month[:4]), int(month[5:])
    last = date(year, number, 30)
    report = created(land.statistician.get(PARTICIPATION, params={"month": month}), 200)
    there = {code: standing for code in TODAY if (standing := standing_on(code, last))}
    by_agency = recount(log, ("month", "agency"))[0]
    counts = {code: by_agency.get((month, code), Counter()) for code in TODAY}
    rows = {(row["tier"], row["branch"]): row for row in report["items"]}
    assert rows.keys() >= {(standing.tier, standing.branch) for standing in there.values()}
    for (tier, branch), row in rows.items():
        own = [counts[code] for code, standing in there.items() if (standing.tier, standing.branch) == (tier, branch)]
        assert row["registered"] == len(own)
        assert row["active"] == sum(bool(each["sent"] or each["received"]) for each in own)
        assert row["sending"] == sum(bool(each["sent"]) for each in own)
        assert row["receiving"] == sum(bool(each["received"]) for each in own)
        assert row["share"] == (round(row["active"] / row["registered"], 4) if own else None)
        assert row["documents_sent"] == sum(each["sent"] for each in own)
        assert row["documents_received"] == sum(each["received"] for each in own)
    assert report["total"]["registered"] == len(there)
    assert sum(row["documents_sent"] for row in report["items"]) == report["total"]["documents_sent"]
    gone = {code for code, each in counts.items() if code not in there and (each["sent"] or each["received"])}
    assert report["total"]["ended"] == len(gone)


def test_over_a_year_those_that_ended_in_it_are_told_apart(land: Land) -> None:
    report = created(land.statistician.get(PARTICIPATION, params=YEAR | {"by": "province"}), 200)
    rows = {row["province"]: row for row in report["items"]}
    closed = sum(successor is not None for _, _, successor in TODAY.values())
    assert report["total"]["registered"] == len(TODAY) - closed
    assert report["total"]["ended"] == closed == rows["H28"]["ended"] + rows["H62"]["ended"]
    assert rows["H28"]["registered"] == 0
    assert rows["H28"]["share"] is None
    assert rows[SEVERAL]["name"] == "Cơ quan 000.00.00.H44"
    assert (report["from"], report["to"], report["month"]) == ("2025-01", "2025-12", "2025-12")
    paged = list(land.statistician.pages(PARTICIPATION, by="province", limit=2, **YEAR))
    assert paged == report["items"]
    party = created(land.statistician.get(PARTICIPATION, params=YEAR | {"branch": "party", "by": "branch"}), 200)
    assert [row["branch"] for row in party["items"]] == ["party"]
    assert party["total"]["registered"] == 2


@pytest.mark.parametrize("month", ["2025-02", "2025-05", "2025-06", "2025-10"])
def test_certificates_are_those_in_force_at_the_end_of_the_month(land: Land, month: str) -> None:
    end = date(2025, int(month[5:]) + 1, 1)
    total = created(land.statistician.get(PARTICIPATION, params={"month": month}), 200)["total"]

    def in_force(kind: str) -> int:
        there = {code for code in TODAY if standing_on(code, date(2025, int(month[5:]), 28))}
        return sum(
            own == kind and first < end <= last and (revoked is None or revoked >= end) and code in there
            for code, own, first, last, revoked in CERTIFICATES
        )

    assert (total["organisation_certificates"], total["person_certificates"]) == (in_force("seal"), in_force("person"))


def test_every_figure_is_defined_over_the_api(land: Land) -> None:
    told = {each["name"]: each for each in created(land.statistician.get("/v1/statistics/definitions"), 200)["items"]}
    [row] = created(land.statistician.get(EXCHANGE, params={"by": "month", "from": "2025-03"}), 200)["items"]
    spans = {name.split("_seconds_")[-1] for name in row if "_seconds_" in name}
    counted = {name for name in row if "_seconds_" not in name}
    identity = {"month", "agency", "tier", "branch", "province", "document_type", "peer_tier", "name", "links"}
    report = created(land.statistician.get(PARTICIPATION), 200)
    assert told.keys() >= (counted - identity) | spans | report["total"].keys()
    assert all(all(each[part] for part in ("vi", "en", "formula", "source", "dated")) for each in told.values())
    refused(land.auditor.get("/v1/statistics/definitions"), 403, "scope-missing")


def test_the_node_recounts_the_same(land: Land) -> None:
    async def work(node: Any) -> Any:
        # What the tests before this one read is in the log, too.
        await seal_all(node.database, now=datetime.now(UTC))
        return await event_count(node), await recount_by_node(node.database), await event_count(node)

    before, report, behind = land.running.run(work)
    assert report.consistent, report.divergences
    assert before <= report.size + report.unsealed <= behind


async def test_a_report_reads_figures_and_never_an_event(land: Land) -> None:
    """So its time depends on how many rows of figures there are, not on the traffic: judged by what is asked."""
    asked: list[str] = []
    here = threading.get_ident()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # The node seals and rings beside, on a thread of its own.
        if threading.get_ident() == here:
            asked.append(statement)

    database = Database(land.running.node.database.url)
    first, last = Month(2025, 1), Month(2025, 12)
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        for by, heirs in itertools.product(GroupBy, (None, {"H28": "000.00.00.H44"})):
            report = await reports.exchange(database, Asked(first, last, by, {}, heirs=heirs))
            assert report.rows
        await participation(database, first=first, last=last, now=last.end)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
        await database.close()
    tables = {table for statement in asked for table in re.findall(r"\b(?:FROM|JOIN) (\w+)", statement)}
    assert tables >= {"figures", "durations"}
    assert tables.isdisjoint({"events", "deliveries", "documents", "status_reports"})


def test_what_waits_now_is_told_of_an_agency_and_of_all_alone(land: Land) -> None:
    for query in ({}, {"agency": "H44.105"}, {"agency": "H44.105", "view": "as-is"}):
        now = created(land.statistician.get(EXCHANGE, params=YEAR | query), 200)["now"]
        assert (now["not_yet_fetched"], now["overdue_now"]) == (0, 0)
    for query in ({"tier": "commune"}, {"province": "H44"}, {"document_type": "khac"}):
        assert created(land.statistician.get(EXCHANGE, params=YEAR | query), 200)["now"] is None


@pytest.mark.parametrize(
    "query", ["province=h44", "province=H4", "province=H444", "direction=up", "view=as-if", "by=x"]
)
def test_what_cannot_be_asked_is_refused(land: Land, query: str) -> None:
    refused(land.statistician.get(f"{EXCHANGE}?{query}"), 422, "validation-failed")


def test_spans_of_time_are_told_by_many_events(log: list[dict[str, Any]]) -> None:
    assert sum(bool(seconds_of(event)) for event in log) > 100
