"""Checking the log: recompute everything that follows from the events and compare it with what the database says.

(1) order       indices run from 0 without a gap up to the size of the ledger
(2) leaf        each body hashes to its leaf hash, is canonical, and each column says what the body says
(3) documents   each accepted document has its one event, which says the same, and each such event its document;
                what was found in its attachments is what the event of that says
(4) deliveries  each delivery has its one event, and stands where its events left it
(5) reports     each status report has its one event, which says the same, and each such event its report
(6) figures     a recount from event 0 gives the stored sums
(7) bodies      each kept body hashes to its name (on request: it reads every byte)
(8) receipts    each receipt is signed by this node and says what the event says (where the node's key is given)
(9) stamps      each stamped batch is what its event says, its root that of its receipts, and its token there

Reads in chunks, so memory stays bounded but for the figures, whose number does not grow with the traffic of a month.
What an event says is believed here; that nobody rewrote an event together with its hash is for proofs over the whole
log to show.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from app.errors import DataFault
from app.ledger.canonical import canonical_json, leaf_hash
from app.ledger.divergence import CheckReport as CheckReport
from app.ledger.divergence import Divergence as Divergence
from app.ledger.events import instant_text
from app.ledger.retelling import CHUNK, OpenReceipt, Progress, Retelling, said_by
from app.ledger.stamps import check_stamps
from app.statistics.fold import FigureKey, SpreadKey, fold
from app.statistics.measures import MEASURE_NAMES, durations_column, measures_column
from app.store import census, figures, journal
from app.store.blobs import BlobStore
from app.store.database import Database, Transaction
from app.store.journal import EventFilter

_COLUMNS = (
    "kind",
    "outcome",
    "actor",
    "agency",
    "tier",
    "branch",
    "document_type",
    "peer_tier",
    "document",
    "delivery",
)

_BEFORE_ALL = -(2**63)
"""Below every index there could be, false ones included."""


@dataclass(frozen=True, slots=True)
class _Recount:
    counts: dict[FigureKey, Counter[str]]
    spreads: Counter[SpreadKey]


async def check(
    database: Database,
    blobs: BlobStore | None = None,
    *,
    open_receipt: OpenReceipt | None = None,
    progress: Progress = lambda _step, _done, _total: None,
) -> CheckReport:
    """Check the log of a node.

    Runs in one read transaction, so it may run beside a working node and sees one moment of it.

    Args:
        blobs: where the bodies are; None leaves them unchecked.
        open_receipt: gives the claims of a receipt that this node signed, raises NotAuthenticated for any other; None
            leaves receipts unchecked.

    Raises:
        Unavailable: the database does not answer.
        DataFault: a row is damaged so that it cannot be read at all.
    """
    report = CheckReport()
    async with database.read() as tx:
        counted = await _from_the_beginning(tx, report, progress)
        retelling = Retelling(tx, report, progress, open_receipt)
        await retelling.documents()
        await retelling.deliveries()
        await retelling.reports()
        await check_stamps(tx, report)
        await _figures(tx, report, counted)
        await _spreads(tx, report, counted)
        if blobs is not None:
            await _bodies(tx, report, blobs, progress)
    return report


async def recount(database: Database, *, progress: Progress = lambda _step, _done, _total: None) -> CheckReport:
    """Check the events and the figures that follow from them, and nothing else: steps (1), (2) and (6).

    Raises:
        Unavailable: the database does not answer.
        DataFault: a row is damaged so that it cannot be read at all.
    """
    report = CheckReport()
    async with database.read() as tx:
        counted = await _from_the_beginning(tx, report, progress)
        await _figures(tx, report, counted)
        await _spreads(tx, report, counted)
    return report


async def _from_the_beginning(tx: Transaction, report: CheckReport, progress: Progress) -> _Recount:
    try:
        report.size = await journal.size(tx)
    except DataFault as error:
        report.add("(1) order", "size", error.detail)
    report.unsealed = (await journal.unsealed_backlog(tx))[0]
    return await _events(tx, report, progress)


async def _events(tx: Transaction, report: CheckReport, progress: Progress) -> _Recount:
    expected = 0
    counted = _Recount(defaultdict(Counter), Counter())
    async for chunk in journal.stream(tx, EventFilter(), after=_BEFORE_ALL, chunk=CHUNK):
        for row in chunk:
            if row.position != expected:
                report.add("(1) order", expected, f"index {expected} is missing; the next one is {row.position}")
                expected = row.position
            expected += 1
            _leaf(row, report)
        added = fold(chunk)
        for key, counts in added.counts.items():
            counted.counts[key].update(counts)
        counted.spreads.update(added.spreads)
        progress("events", expected, report.size)
    if expected != report.size:
        report.add("(1) order", expected, f"the ledger says it holds {report.size} events, the last one is {expected}")
    return counted


def _leaf(row: Any, report: CheckReport) -> None:
    octets = row.body.encode("utf-8")
    if leaf_hash(octets) != row.leaf_hash:
        report.add("(2) leaf", row.position, "the body does not hash to the leaf hash")
        return
    body = said_by(row)
    try:
        canonical = canonical_json(body.whole) == octets
    except ValueError:
        canonical = False
    if not canonical:
        report.add("(2) leaf", row.position, "the body is not canonical JSON")
        return
    said = {name: body.whole.get(name) for name in (*_COLUMNS, "id", "at")}
    kept = {name: getattr(row, name) for name in _COLUMNS} | {"id": row.id, "at": instant_text(row.at)}
    version = body.whole.get("v")
    said["measures"], kept["measures"] = measures_column(row.kind, body.detail, version), row.measures
    said["durations"], kept["durations"] = durations_column(row.kind, body.detail, version), row.durations
    report.compare("(2) leaf", row.position, kept=kept, said=said)


async def _figures(tx: Transaction, report: CheckReport, recounted: _Recount) -> None:
    counts = recounted.counts
    for row in await figures.everything(tx):
        key = _key(row)
        if key not in counts:
            report.add("(6) figures", f"{key}", "there is a row, a recount gives none")
        counted = counts.pop(key, Counter())
        for measure in MEASURE_NAMES:
            if getattr(row, measure) != counted[measure]:
                report.add(
                    "(6) figures", f"{key}", f"{measure} is {getattr(row, measure)}, a recount gives {counted[measure]}"
                )
        report.figures += 1
    for key in counts:
        report.add("(6) figures", f"{key}", "the row is missing")


async def _spreads(tx: Transaction, report: CheckReport, recounted: _Recount) -> None:
    counts = recounted.spreads
    async for rows in figures.every_spread(tx, chunk=CHUNK):
        for row in rows:
            key = SpreadKey(_key(row), row.measure, row.bucket)
            counted = counts.pop(key, 0)
            if row.spans != counted:
                report.add(
                    "(6) figures", f"{key}", f"there are {row.spans} of {row.measure}, a recount gives {counted}"
                )
            report.figures += 1
    for key, counted in counts.items():
        report.add("(6) figures", f"{key}", f"{counted} of {key.span} are missing")


def _key(row: Any) -> FigureKey:
    return FigureKey(row.month, row.agency, row.tier, row.branch, row.document_type, row.unit, row.peer_tier)


async def _bodies(tx: Transaction, report: CheckReport, blobs: BlobStore, progress: Progress) -> None:
    async for sha256 in census.bodies(tx):
        computed = await asyncio.to_thread(blobs.digest, sha256)
        if computed != sha256:
            report.add("(7) bodies", sha256, "the body is missing" if computed is None else f"it hashes to {computed}")
        report.bodies += 1
        progress("bodies", report.bodies, report.documents + report.reports)
