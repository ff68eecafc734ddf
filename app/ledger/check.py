"""Checking the log: recompute everything that follows from the events and compare it with what the database says.

(1) order       indices run from 0 without a gap up to the size of the ledger
(2) leaf        each body hashes to its leaf hash, is canonical, and each column says what the body says
(3) documents   each accepted document has its one event with the same digest, and each such event its document
(4) deliveries  each delivery has its one event, and stands where its events left it
(5) reports     each status report has its one event with the same digest, and each such event its report
(6) figures     a recount from event 0 gives the stored sums
(7) bodies      each kept body hashes to its name (on request: it reads every byte)

Reads in chunks, so memory stays bounded but for the figures, whose number does not grow with the traffic of a month.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.errors import DataFault
from app.ledger.canonical import canonical_json, leaf_hash
from app.ledger.events import EventKind, instant_text
from app.statistics.fold import FigureKey, fold
from app.statistics.measures import MEASURE_NAMES, measures_column
from app.store import census, figures, journal
from app.store.blobs import BlobStore
from app.store.database import Database, Transaction
from app.store.journal import EventFilter

CHUNK = 1_000
"""Rows compared at once."""

DIVERGENCES_MAX = 100
"""Divergences that are listed; the first one is what matters, the rest show the extent."""

_COLUMNS = ("kind", "outcome", "actor", "agency", "tier", "branch", "document_type", "document", "delivery")

Progress = Callable[[str, int, int], None]
"""Told of (step, done, total)."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """One place where the database contradicts the log.

    Attributes:
        step: which check found it, such as `(4) deliveries`.
        place: index or id of the row.
        message: what was expected and what is there.
    """

    step: str
    place: str
    message: str


@dataclass(slots=True)
class CheckReport:
    """What was checked and what was found.

    Attributes:
        size: sealed events, all of them checked.
        unsealed: committed events that have no index yet.
        divergences: in the order they were found, the first DIVERGENCES_MAX of them.
        found: how many there are in all.
    """

    size: int = 0
    unsealed: int = 0
    documents: int = 0
    deliveries: int = 0
    reports: int = 0
    figures: int = 0
    bodies: int = 0
    found: int = 0
    divergences: list[Divergence] = field(default_factory=list)

    @property
    def consistent(self) -> bool:
        """Whether nothing contradicts the log."""
        return self.found == 0

    def add(self, step: str, place: object, message: str) -> None:
        """Note a divergence."""
        self.found += 1
        if len(self.divergences) < DIVERGENCES_MAX:
            self.divergences.append(Divergence(step, str(place), message))


async def check(
    database: Database, blobs: BlobStore | None = None, *, progress: Progress = lambda _step, _done, _total: None
) -> CheckReport:
    """Check the log of a node; with `blobs`, the bodies as well.

    Runs in one read transaction, so it may run beside a working node and sees one moment of it.

    Raises:
        Unavailable: the database does not answer.
    """
    report = CheckReport()
    async with database.read() as tx:
        report.size = await journal.size(tx)
        report.unsealed = (await journal.unsealed_backlog(tx))[0]
        recount = await _events(tx, report, progress)
        await _documents(tx, report, progress)
        await _deliveries(tx, report, progress)
        await _reports(tx, report, progress)
        await _figures(tx, report, recount)
        if blobs is not None:
            await _bodies(tx, report, blobs, progress)
    return report


async def _events(tx: Transaction, report: CheckReport, progress: Progress) -> dict[FigureKey, Counter[str]]:
    expected = 0
    recount: dict[FigureKey, Counter[str]] = defaultdict(Counter)
    async for chunk in journal.stream(tx, EventFilter(), chunk=CHUNK):
        for row in chunk:
            if row.position != expected:
                report.add("(1) order", expected, f"index {expected} is missing; the next one is {row.position}")
                expected = row.position
            expected += 1
            _leaf(row, report)
        for key, counts in fold(chunk).items():
            recount[key].update(counts)
        progress("events", expected, report.size)
    if expected != report.size:
        report.add("(1) order", expected, f"the ledger says it holds {report.size} events, {expected} are there")
    return recount


def _leaf(row: Any, report: CheckReport) -> None:
    octets = row.body.encode("utf-8")
    if leaf_hash(octets) != row.leaf_hash:
        report.add("(2) leaf", row.position, "the body does not hash to the leaf hash")
        return
    try:
        body = json.loads(octets)
        canonical = canonical_json(body) == octets
    except ValueError:
        canonical, body = False, {}
    if not canonical or not isinstance(body, dict):
        report.add("(2) leaf", row.position, "the body is not canonical JSON")
        return
    said = {name: body.get(name) for name in _COLUMNS} | {"id": body.get("id"), "at": body.get("at")}
    kept = {name: getattr(row, name) for name in _COLUMNS} | {"id": row.id, "at": instant_text(row.at)}
    said["measures"], kept["measures"] = measures_column(row.kind, body.get("detail", {})), row.measures
    for name, value in kept.items():
        if said[name] != value:
            report.add("(2) leaf", row.position, f"column {name} says {value!r}, the body says {said[name]!r}")


async def _documents(tx: Transaction, report: CheckReport, progress: Progress) -> None:
    total = await census.count_documents(tx)
    async for chunk in _chunks(census.documents_after, tx):
        told = await _one_event_each(tx, [row.id for row in chunk], EventKind.DOCUMENT_ACCEPTED, "document")
        for row in chunk:
            detail = _told_once(report, "(3) documents", row.id, told)
            for name in ("sha256", "size", "kind", "document_id"):
                if detail is not None and detail["detail"].get(name) != getattr(row, name):
                    report.add(
                        "(3) documents",
                        row.id,
                        f"{name} is {getattr(row, name)!r}, its event says {detail['detail'].get(name)!r}",
                    )
            if detail is not None and detail.get("agency") != row.sender:
                report.add(
                    "(3) documents", row.id, f"sender is {row.sender!r}, its event says {detail.get('agency')!r}"
                )
        report.documents += len(chunk)
        progress("documents", report.documents, total)
    sealed = await census.count_events(tx, EventKind.DOCUMENT_ACCEPTED.value)
    if sealed > report.documents:
        report.add("(3) documents", "all", f"{sealed} were accepted by the log, {report.documents} are there")


async def _deliveries(tx: Transaction, report: CheckReport, progress: Progress) -> None:
    total = await census.count_deliveries(tx)
    async for chunk in _chunks(census.deliveries_after, tx):
        trails: dict[str, list[Any]] = defaultdict(list)
        for event in await journal.of_deliveries(tx, [row.id for row in chunk]):
            trails[event.delivery].append(event)
        for row in chunk:
            _delivery(report, row, trails[row.id])
        report.deliveries += len(chunk)
        progress("deliveries", report.deliveries, total)
    sealed = await census.count_events(tx, EventKind.DELIVERY_AVAILABLE.value, EventKind.STATUS_AVAILABLE.value)
    placed = await census.count_deliveries(tx, placed=True)
    if sealed != placed:
        report.add("(4) deliveries", "all", f"{sealed} were made available by the log, {placed} are there")


def _delivery(report: CheckReport, row: Any, trail: Sequence[Any]) -> None:
    step = "(4) deliveries"
    first = [event for event in trail if event.kind in (EventKind.DELIVERY_AVAILABLE, EventKind.STATUS_AVAILABLE)]
    if row.position is None:
        if first:
            report.add(step, row.id, f"the log placed it at {first[0].position}, the row has no index")
        return
    if len(first) != 1 or first[0].position != row.position:
        report.add(
            step, row.id, f"index is {row.position}, events that made it available: {[e.position for e in first]}"
        )
        return
    if first[0].agency != row.recipient:
        report.add(step, row.id, f"recipient is {row.recipient!r}, its event says {first[0].agency!r}")
    state, in_inbox, acknowledged = "", True, False
    for event in trail:
        detail = json.loads(event.body).get("detail", {})
        state = detail.get("state", state)
        in_inbox = in_inbox and detail.get("in_inbox", True)
        acknowledged = acknowledged or detail.get("acknowledged", False)
    kept = (row.change or row.progress, row.in_inbox, row.acknowledged_at is not None)
    if row.unsealed == 0 and kept != (state, in_inbox, acknowledged):
        told = f"state {state!r}, in inbox {in_inbox}, acknowledged {acknowledged}"
        report.add(step, row.id, f"the row says {kept}, its events say {told}")


async def _reports(tx: Transaction, report: CheckReport, progress: Progress) -> None:
    total = await census.count_reports(tx)
    async for chunk in _chunks(census.reports_after, tx):
        events = await census.events_of_reports(tx, sorted({row.document for row in chunk}))
        told: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in events:
            body = json.loads(event.body)
            told[body["detail"]["report"]].append(body)
        for row in chunk:
            body = _told_once(report, "(5) reports", row.id, told)
            if body is None:
                continue
            kept = (row.sha256, row.status_code, row.reporter)
            if kept != (body["detail"].get("sha256"), body["detail"].get("status"), body.get("agency")):
                report.add("(5) reports", row.id, f"the row says {kept}, its event says otherwise")
        report.reports += len(chunk)
        progress("reports", report.reports, total)
    sealed = await census.count_events(tx, EventKind.STATUS_ACCEPTED.value)
    if sealed > report.reports:
        report.add("(5) reports", "all", f"{sealed} were accepted by the log, {report.reports} are there")


async def _figures(tx: Transaction, report: CheckReport, recount: dict[FigureKey, Counter[str]]) -> None:
    for row in await figures.everything(tx):
        key = FigureKey(row.month, row.agency, row.tier, row.branch, row.document_type)
        counted = recount.pop(key, Counter())
        for measure in MEASURE_NAMES:
            if getattr(row, measure) != counted[measure]:
                report.add(
                    "(6) figures", f"{key}", f"{measure} is {getattr(row, measure)}, a recount gives {counted[measure]}"
                )
        report.figures += 1
    for key in recount:
        report.add("(6) figures", f"{key}", "the row is missing")


async def _bodies(tx: Transaction, report: CheckReport, blobs: BlobStore, progress: Progress) -> None:
    async for sha256 in census.bodies(tx):
        computed = await asyncio.to_thread(blobs.digest, sha256)
        if computed != sha256:
            report.add("(7) bodies", sha256, "the body is missing" if computed is None else f"it hashes to {computed}")
        report.bodies += 1
        progress("bodies", report.bodies, report.documents + report.reports)


async def _one_event_each(
    tx: Transaction, ids: Sequence[str], kind: EventKind, column: str
) -> dict[str, list[dict[str, Any]]]:
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in await census.events_of_documents(tx, ids, kind.value):
        told[getattr(event, column)].append(json.loads(event.body))
    return told


def _told_once(
    report: CheckReport, step: str, place: str, told: dict[str, list[dict[str, Any]]]
) -> dict[str, Any] | None:
    if len(told[place]) == 1:
        return told[place][0]
    report.add(step, place, f"{len(told[place])} events say that it was accepted")
    return None


async def _chunks(rows_after: Any, tx: Transaction) -> AsyncIterator[Sequence[Any]]:
    after = ""
    while rows := await rows_after(tx, after, CHUNK):
        yield rows
        after = rows[-1].id
        if not after:
            raise DataFault("a row without an id")
