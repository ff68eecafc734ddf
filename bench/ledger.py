"""A ledger of ten million events, and how long what is asked of it takes.

    EVENTS=10000000 .venv/bin/python -m bench.ledger [--database URL] [--folder bench-data] [--json FILE]

The ledger is made once and used again by the next run: `make` of rows as a node would have written and sealed them
(`bench.ledger_traffic`), by the quickest way each database has (`bench.ledger_writing`). Then, on a node opened on it:
proofs, the first page of the auditors' query by each filter, the report of a month, and how fast the log is verified,
as a ratio to plain SHA-256 over the bytes of the same events. Ten million events take about 14 GB.
"""

import argparse
import asyncio
import hashlib
import json
import os
import resource
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.exchange.trail import TrailQuery, events_page
from app.ledger import proofs
from app.ledger.check import check
from app.ledger.check_parts import Split
from app.ledger.publish import publish
from app.node import Node, open_node
from app.settings import Settings
from app.statistics.periods import Month
from app.statistics.reports import Asked, GroupBy, exchange
from app.store import journal, migrations, schema
from app.store.database import Database
from bench.ledger_traffic import LAST
from bench.ledger_writing import make

ROUNDS = 5
PAGE = 51


@dataclass(frozen=True, slots=True)
class Timed:
    """How long something took.

    Attributes:
        found: what came out, as a number.
        milliseconds: the median of the rounds behind the first.
        processor: the same, of the processor's time alone: what it would be on a machine with nothing else to do.
        first: of the first round, with whatever was not in memory.
    """

    measure: str
    found: int
    milliseconds: float
    processor: float
    first: float
    gate: float | None

    @property
    def holds(self) -> bool:
        """Whether it is as fast as is asked for."""
        return self.gate is None or self.milliseconds <= self.gate


async def main(asked: argparse.Namespace) -> list[Timed]:
    """Make the ledger where it is not there, and measure."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    url = asked.database or f"sqlite:///{asked.folder / f'ledger-{asked.events}.db'}"
    size = await _size(url)
    if size == 0:
        began = time.monotonic()
        await make(url, asked.events, lambda text: print(f"{time.monotonic() - began:7.1f} s  {text}", flush=True))
        print(f"{asked.events / (time.monotonic() - began):,.0f} events a second, everything included")
    elif size < asked.events:
        raise SystemExit(f"there is a ledger of {size:,} events in this database: remove it, or ask for EVENTS={size}")
    node = await open_node(Settings(data_dir=asked.folder / "node", database_url=url))
    try:
        measured = [each async for each in _measured(node, verify=not asked.quick)]
    finally:
        await node.close()
    _show(measured, asked.json)
    return measured


async def _size(url: str) -> int:
    await asyncio.to_thread(migrations.migrate, url)
    database = Database(url)
    try:
        async with database.read() as tx:
            return await journal.size(tx)
    finally:
        await database.close()


async def _measured(node: Node, *, verify: bool) -> Any:
    async with node.database.read() as tx:
        size = await journal.size(tx)
    await publish(node.publisher, now=LAST)
    indices = [size * part // 7 for part in range(7)]

    async def included() -> int:
        async with node.database.read() as tx:
            return len((await proofs.inclusion(tx, [indices[3]], size))[0].hashes)

    async def consistent() -> int:
        async with node.database.read() as tx:
            return len((await proofs.consistency(tx, size // 3, size)).hashes)

    async def reported() -> int:
        month = Month(2026, 6)
        return len((await exchange(node.database, Asked(month, month, GroupBy.AGENCY, {}))).rows)

    yield await _timed("inclusion proof", included, gate=10)
    yield await _timed("consistency proof", consistent, gate=10)
    yield await _timed("report of a month by agency", reported, gate=50)
    for name, query in (await _queries(node, size)).items():
        for order in ("asc", "desc"):
            yield await _timed(
                f"audit {name} {order}", _asking(node, query | {"newest_first": order == "desc"}), gate=50
            )
    if verify:
        yield await _verified(node, size)


def _asking(node: Node, query: dict[str, Any]) -> Callable[[], Awaitable[int]]:
    async def ask() -> int:
        found = await events_page(node.desk, TrailQuery(**query), reached=None, end=None, limit=PAGE, at=LAST)
        return len(found.rows)

    return ask


async def _queries(node: Node, size: int) -> dict[str, dict[str, Any]]:
    """Name what is asked, with values as they occur in the middle of the ledger."""
    events = schema.events.c
    async with node.database.read() as tx:
        middle = sa.select(schema.events).where(events.position >= size // 2).order_by(events.position).limit(1)
        refused = (await tx.execute(middle.where(events.kind == "document.refused"))).one()
        sent = (await tx.execute(middle.where(events.kind == "document.accepted"))).one()
        told = (await tx.execute(middle.where(events.kind == "delivery.available"))).one()
        shown = sa.select(schema.documents.c.code, schema.documents.c.subject, schema.documents.c.document_id)
        code, subject, document_id = (await tx.execute(shown.where(schema.documents.c.id == sent.document))).one()
    week = {"since": datetime(2026, 6, 8, tzinfo=UTC), "until": datetime(2026, 6, 15, tzinfo=UTC)}
    words = subject.split()
    return {
        "everything": {},
        "time": week,
        "from": {"since": datetime(2026, 11, 20, tzinfo=UTC)},
        "to": {"until": datetime(2026, 1, 20, tzinfo=UTC)},
        "agency": {"agency": sent.agency},
        "agency+time": {"agency": sent.agency, **week},
        "agency+kind": {"agency": sent.agency, "kinds": ("document.refused",)},
        "agency+two kinds": {"agency": sent.agency, "kinds": ("document.refused", "status.accepted")},
        "agency+measure+time": {"agency": sent.agency, "measure": "refused", **week},
        "agency+measure": {"agency": sent.agency, "measure": "refused"},
        "agency+type": {"agency": sent.agency, "document_type": "nghi-quyet"},
        "kind": {"kinds": ("status.accepted",)},
        "kind, rare": {"kinds": ("trail.read",)},
        "kind, none": {"kinds": ("month.closed",)},
        "two kinds": {"kinds": ("trail.read", "document.refused")},
        "kind+time": {"kinds": ("document.accepted",), **week},
        "outcome accepted": {"outcome": "accepted"},
        "outcome refused": {"outcome": "refused"},
        "outcome refused+time": {"outcome": "refused", **week},
        "actor": {"actor": refused.actor},
        "actor+kind": {"actor": refused.actor, "kinds": ("document.refused",)},
        "actor+time": {"actor": refused.actor, **week},
        "document": {"document_id": sent.document},
        "document_id": {"document_id": document_id},
        "document_type": {"document_type": "bao-cao"},
        "document_type, rare": {"document_type": "luat"},
        "document_type, none": {"document_type": "phap-lenh"},
        "tier": {"tier": "commune"},
        "tier, none": {"tier": "central"},
        "branch, rare": {"branch": "court"},
        "province": {"province": "H44"},
        "province, none": {"province": "G22"},
        "peer_tier": {"peer_tier": "commune"},
        "measure": {"measure": "late"},
        "tier+type+measure": {"tier": told.tier, "document_type": "giay-moi", "measure": "late"},
        "as today, agency": {"agency": sent.agency, "as_is": True},
        "as today, tier": {"tier": "commune", "as_is": True},
        "nobody's": {"agency": ""},
        "ledger_size": {"below": size // 2, "agency": sent.agency},
        "text, code": {"text": code},
        "text, one number": {"text": code.partition("/")[0]},
        "text, a word": {"text": words[3]},
        "text, words": {"text": " ".join(words[1:5])},
        "text, all words": {"text": subject},
        "text, beginning": {"text": words[2][:2]},
        "text, nothing": {"text": "không có chữ nào như thế xyzzy"},
        "text+agency": {"text": words[4], "agency": sent.agency},
        "text+time": {"text": words[5], **week},
    }


async def _timed(measure: str, work: Callable[[], Awaitable[int]], *, gate: float | None = None) -> Timed:
    took, worked, found = [], [], 0
    for _ in range(ROUNDS + 1):
        began, busy = time.perf_counter(), time.process_time()
        found = await work()
        took.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - busy))
    median, processor = statistics.median(took[1:]), statistics.median(worked[1:])
    return Timed(measure, found, round(median, 2), round(processor, 2), round(took[0], 2), gate)


async def _verified(node: Node, size: int) -> Timed:
    """Verify the log, and hash the bodies of the same events; the measure is how many times as long the first takes.

    Shared by a process a processor, as `truc log verify` does it; the time of all processors is that of its children.
    """
    split = Split(len(os.sched_getaffinity(0)), node.database.url)
    began, busy = time.perf_counter(), _busy()
    report = await check(node.database, split=split)
    verified, worked = time.perf_counter() - began, _busy() - busy
    hashed, octets = 0.0, 0
    async with node.database.read() as tx:
        async for rows in journal.stream(tx, journal.EventFilter(), chunk=10_000):
            bodies = [row.body.encode() for row in rows]
            began = time.process_time()
            for body in bodies:
                hashlib.sha256(b"\x00" + body).digest()
            hashed += time.process_time() - began
            octets += sum(map(len, bodies))
    print(
        f"verified {size:,} events in {verified:,.1f} s ({size / verified:,.0f} a second) by {split.jobs} processes, "
        f"{1e6 * worked / size:.0f} µs of a processor each, {report.found:,} divergences; SHA-256 alone over their "
        f"{octets:,} bytes {hashed:.2f} s"
    )
    for each in report.divergences[:5]:
        print(f"  {each}")
    ratio = round(verified / hashed, 1)
    return Timed("log verify, ratio to SHA-256", report.found, ratio, round(worked / hashed, 1), 0.0, None)


def _busy() -> float:
    """Give the seconds of a processor this process and those it has ended took."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _show(measured: list[Timed], path: Path | None) -> None:
    width = max(len(each.measure) for each in measured)
    print(f"{'measure':<{width}}   found   median ms  processor   first ms")
    for each in measured:
        told = "" if each.holds else f"  MORE THAN {each.gate:.0f} MS"
        print(
            f"{each.measure:<{width}}  {each.found:6}  {each.milliseconds:10.2f} {each.processor:10.2f}"
            f" {each.first:10.2f}{told}"
        )
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB of memory")
    if path is not None:
        path.write_text(json.dumps([asdict(each) for each in measured], indent=2) + "\n", encoding="utf-8")


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench.ledger", description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=int(os.environ.get("EVENTS", "10000000")))
    parser.add_argument("--database", default="", help="URL of an empty one; else an SQLite file in the folder")
    parser.add_argument("--folder", type=Path, default=Path("bench-data"))
    parser.add_argument("--json", type=Path, help="where the figures are written, too")
    parser.add_argument("--quick", action="store_true", help="leave the verification of the log out")
    asked = parser.parse_args(given)
    asked.folder = asked.folder.absolute()
    return asked


if __name__ == "__main__":
    found = asyncio.run(main(arguments()))
    raise SystemExit(0 if all(each.holds for each in found) else 1)
