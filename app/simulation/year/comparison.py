"""The books added up, and held against what the node publishes, figure by figure."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.client import NodeClient
from app.simulation.settlement import expect
from app.simulation.year import calendar
from app.simulation.year.books import Books, Line
from app.simulation.year.country import HEIRS

COUNTS: Final = (
    *("sent", "received", "acknowledged", "statuses", "refused", "withdrawn", "signed", "with_paper"),
    *("electronic_only", "revocations", "updates", "replacements", "on_time", "late", "withdrawal_requests"),
    *("changes_accepted", "changes_refused", "arrived", "accepted", "returned", "completed", "completed_on_time"),
    *("completed_late", "overdue", "undelivered", "expired", "redirected"),
)
"""What is counted here; each must be among the node's figures and agree."""
OF_RECIPIENTS: Final = frozenset(
    (
        *("received", "acknowledged", "arrived", "accepted", "returned", "completed", "completed_on_time"),
        *("completed_late", "overdue", "undelivered", "expired", "redirected", "changes_accepted", "changes_refused"),
    )
)
"""Figures of what recipients did; pairs of tiers have no others."""
SHARES: Final = {
    "signed_share": ("signed", ("sent",)),
    "electronic_only_share": ("electronic_only", ("sent",)),
    "on_time_share": ("on_time", ("on_time", "late")),
    "completed_on_time_share": ("completed_on_time", ("completed_on_time", "completed_late")),
}
SPANS: Final = ("to_fetch", "to_arrival", "to_acceptance", "to_completion")
PERCENTS: Final = {"median": 50, "p95": 95}
ERROR_MAX: Final = 0.01
"""The node tells spans of time to one per cent."""
_PATH: Final = "/v1/statistics/exchange"
_PAGE: Final = 500
_PAIRS: Final = "tier_pair"
_WITHOUT_TIMES: Final = frozenset({"tier as-is", "branch as-is", "province as-is"})
"""Break-downs in which the node documents that it tells no times."""
_AS_IT_IS: Final = ("agency", "tier", "branch", "province", "month")

Key = tuple[str, ...]

_DIMENSIONS: Final[Mapping[str, tuple[Key, Callable[[Line], Key]]]] = {
    # by: what the node calls the parts of a row's key, and the same of a line of the books
    "agency": (("agency",), lambda line: (line.agency,)),
    "tier": (("tier",), lambda line: (line.standing.tier,)),
    "branch": (("branch",), lambda line: (line.standing.branch,)),
    "province": (("province",), lambda line: (line.unit,)),
    "document_type": (("document_type",), lambda line: (line.document_type,)),
    "tier_pair": (("peer_tier", "tier"), lambda line: (line.peer_tier, line.standing.tier)),
    "month": ((), lambda _line: ()),
}


@dataclass(slots=True)
class Sums:
    """Figures of one row.

    Attributes:
        spans: every span of time there was, in seconds.
    """

    counts: Counter[str] = field(default_factory=Counter)
    spans: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, line: Line) -> None:
        """Add a line of the books."""
        if line.seconds is None:
            self.counts[line.name] += 1
        else:
            self.spans[line.name].append(line.seconds)

    def share(self, part: str, whole: tuple[str, ...]) -> float | None:
        """A count as a share of others; None where there are none."""
        total = sum(self.counts[name] for name in whole)
        return round(self.counts[part] / total, 4) if total else None

    def percentile(self, span: str, percent: int) -> int | None:
        """The exact one, by nearest rank."""
        spans = sorted(self.spans.get(span, ()))
        return spans[-(-len(spans) * percent // 100) - 1] if spans else None


def summed(lines: Iterable[Line], by: str) -> dict[Key, Sums]:
    """Add lines up by month and a dimension."""
    _, key_of = _DIMENSIONS[by]
    sums: dict[Key, Sums] = defaultdict(Sums)
    for line in lines:
        sums[calendar.month_of(line.at), *key_of(line)].add(line)
    return sums


@dataclass(slots=True)
class Compared:
    """What came of it.

    Attributes:
        figures: how many were compared.
        widest: the greatest deviation of a percentile from the exact one, as a share.
    """

    figures: int = 0
    widest: float = 0.0
    differences: list[str] = field(default_factory=list)

    def compare(self, where: str, ours: object, theirs: object) -> None:
        """Compare one figure."""
        self.figures += 1
        if ours != theirs:
            self.differences.append(f"{where}: counted {ours}, the node says {theirs}")

    def compare_span(self, where: str, ours: int | None, theirs: object) -> None:
        """Compare one span of time, within the error the node documents."""
        self.figures += 1
        if ours is None or not isinstance(theirs, int | float):
            if ours is not theirs:
                self.differences.append(f"{where}: reckoned {ours} s, the node says {theirs}")
            return
        off = abs(theirs - ours) / max(ours, 1)
        self.widest = max(self.widest, off)
        if off > ERROR_MAX:
            self.differences.append(f"{where}: reckoned {ours} s, the node says {theirs} s")


async def compare(statistician: NodeClient, books: Books) -> Compared:
    """Compare every figure in every dimension, as it was and as it is today, and who took part in each month."""
    compared = Compared()
    for by in _DIMENSIONS:
        rows = await _published(statistician, by, view="as-was")
        _compare_rows(compared, by, summed(books.lines, by), rows)
    today = [_as_it_is(line, books) for line in books.lines]
    for by in _AS_IT_IS:
        rows = await _published(statistician, by, view="as-is")
        _compare_rows(compared, f"{by} as-is", summed(today, by), rows)
    await _compare_participation(compared, statistician, books)
    await _compare_whole_year(compared, statistician, books)
    return compared


def _compare_rows(compared: Compared, by: str, ours: Mapping[Key, Sums], rows: Sequence[Mapping[str, Any]]) -> None:
    names, _ = _DIMENSIONS[by.partition(" ")[0]]
    theirs = {(row["month"], *(row[name] or "" for name in names)): row for row in rows}
    if by == _PAIRS:
        # Of what is no delivery the node knows no pair, and the books have no tier of a sender.
        ours = {key: sums for key, sums in ours.items() if sums.counts.keys() & OF_RECIPIENTS}
    if len(theirs) != len(rows):
        compared.differences.append(f"by {by}: the node has a row twice")
    for key in sorted(ours.keys() | theirs.keys()):
        own, row = ours.get(key, Sums()), theirs.get(key, {})
        for name in COUNTS:
            if by != _PAIRS or name in OF_RECIPIENTS:
                compared.compare(f"{' '.join(key)} {name}", own.counts[name], row.get(name, 0))
        if row and by != _PAIRS:
            for name, (part, whole) in SHARES.items():
                compared.compare(f"{' '.join(key)} {name}", own.share(part, whole), row.get(name))
        for span in SPANS if by not in _WITHOUT_TIMES else ():
            for word, percent in PERCENTS.items():
                published = row.get(f"{word}_seconds_{span}")
                compared.compare_span(f"{' '.join(key)} {word} {span}", own.percentile(span, percent), published)


async def _compare_participation(compared: Compared, statistician: NodeClient, books: Books) -> None:
    took_part: dict[str, dict[tuple[str, str], set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in books.lines:
        if line.name in ("sent", "received"):
            standing = line.standing
            took_part[calendar.month_of(line.at)][standing.tier, standing.branch].add(line.agency)
    for month, groups in sorted(took_part.items()):
        report = expect(await statistician.get("/v1/statistics/participation", month=month))
        theirs = {(row["tier"], row["branch"]): row["active"] for row in report["items"]}
        for group in sorted(groups.keys() | theirs.keys()):
            where = f"participation {month} {' '.join(group)}"
            compared.compare(where, len(groups.get(group, ())), theirs.get(group, 0))


async def _compare_whole_year(compared: Compared, statistician: NodeClient, books: Books) -> None:
    """Compare what a report of the whole year says of the agencies there are at its end."""
    done: dict[str, Counter[str]] = defaultdict(Counter)
    for line in books.lines:
        if line.seconds is None:
            done[line.agency][line.name] += 1
    there = [done[code] for code in books.standings if code not in HEIRS]
    ended = [done[code] for code in HEIRS if code in books.standings]
    ours = {
        "registered": len(there),
        "active": sum(bool(each["sent"] or each["received"]) for each in there),
        "sending": sum(bool(each["sent"]) for each in there),
        "receiving": sum(bool(each["received"]) for each in there),
        "ended": sum(bool(each["sent"] or each["received"]) for each in ended),
        "documents_sent": sum(each["sent"] for each in there),
        "documents_received": sum(each["received"] for each in there),
        "organisation_certificates": len(there),
        "person_certificates": 0,
    }
    total = (await whole_year(statistician))["total"]
    for name, count in ours.items():
        compared.compare(f"participation of the year {name}", count, total[name])


async def whole_year(statistician: NodeClient) -> dict[str, Any]:
    """Read who took part in the year, by branch."""
    months = {"from": f"{calendar.YEAR}-01", "to": f"{calendar.YEAR}-12"}
    return dict(expect(await statistician.get("/v1/statistics/participation", by="branch", **months)))


def _as_it_is(line: Line, books: Books) -> Line:
    """Put a line under who answers for its agency at the end of the year."""
    if line.agency not in HEIRS:
        return line
    agency = HEIRS[line.agency]
    return replace(line, agency=agency, standing=books.standings[agency])


async def _published(statistician: NodeClient, by: str, *, view: str) -> list[dict[str, Any]]:
    """Read a report: by month as JSON, the longer ones as the table that is published."""
    asked = {"from": f"{calendar.YEAR}-01", "to": f"{calendar.YEAR}-12", "by": by, "view": view}
    if by == "month":
        return [row async for row in statistician.pages(_PATH, limit=_PAGE, **asked)]
    answer = await statistician.call("GET", _PATH, params=asked, headers={"Accept": "text/csv"})
    expect(answer)
    table = csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig")))
    figures = {*COUNTS, *SHARES, *(f"{word}_seconds_{span}" for word in PERCENTS for span in SPANS)}
    return [{name: _number(cell) if name in figures else cell for name, cell in row.items()} for row in table]


def _number(cell: str) -> int | float | None:
    if not cell:
        return None
    return float(cell) if "." in cell else int(cell)
