"""A province at real scale, and the figures its reports publish, read off the node's statistics.

    .venv/bin/python -m bench.province [--agencies 900] [--documents 400000] [--months 9] [--database URL] [--read]

Writes what a node would have written in these months: agencies, certificates, documents, deliveries, status reports
and their events, by the rooms that own them (`app.registry`, `app.store`, `app.ledger`), in one transaction a working
day; the real sealer gives indices and counts the figures. What nobody reads here is left out and said so: bodies,
signatures, receipts and the certificates themselves. Then the API is started in this process and asked.

With `--read` nothing is written, and a province that is there already is read.
"""

import argparse
import asyncio
import calendar
import heapq
import random
import resource
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.cli.played_node import played_node
from app.client import NodeClient
from app.exchange.deadlines import moments_of
from app.ids import new_id
from app.ledger.events import Event, EventKind, Outcome, Standing, record
from app.ledger.seal import seal_batch
from app.registry import clients
from app.registry.acts import Act
from app.registry.agency_import import import_csv
from app.registry.model import Grant, Scope
from app.regulations.calendar import ZONE
from app.regulations.file import load
from app.store import certificates, deliveries, migrations, schema
from app.store.database import Database, Transaction

YEAR = 2026
SEALED_AT_ONCE = 20_000
PARTY_WITHOUT_SYSTEM = 0.07
"""Share of the Party's agencies that are registered and do not exchange yet."""

TYPES = (("cong-van", 46), ("bao-cao", 14), ("quyet-dinh", 11), ("thong-bao", 9), ("ke-hoach", 8), ("giay-moi", 7))
RECIPIENTS = ((1, 66), (2, 20), (3, 9), (6, 5))
SIGNED_BEFORE = ((0, 80), (1, 15), (2, 5))
FETCHED_AFTER = ((600, 55), (5_400, 28), (20_000, 12), (90_000, 5))
"""About so many seconds later, and how often; a few per cent are never fetched."""
NEVER_FETCHED = 0.01
REPORTED = ((("03",), 26), (("01", "03"), 4), (("03", "06"), 16), ((), 54))
WITH_PAPER = 0.07
REFUSED = 0.004
SECRET = 0.1
"""Of the refused."""
_RANK = {"01": "arrived", "03": "received", "06": "completed"}
_REACHED = {"01": ["arrived"], "03": ["received"], "06": ["completed"]}

console = Console(width=120)


@dataclass(frozen=True, slots=True)
class Body:
    """An agency of the province."""

    code: str
    name: str
    tier: str
    branch: str
    parent: str
    connected: bool = True
    weight: int = 1

    @property
    def standing(self) -> Standing:
        """As its events record it."""
        return Standing(self.code, self.tier, self.branch)


def bodies(wished: int, rng: random.Random) -> list[Body]:
    """Make the province after 1 July 2025: 148 communes, departments with their units, Party, front, court."""
    found = [
        Body("H44", "Ủy ban nhân dân tỉnh", "province", "state", "", weight=400),
        Body("K44", "Hội đồng nhân dân tỉnh", "province", "assembly", "", weight=40),
        Body("A44", "Tỉnh ủy", "province", "party", "", weight=120),
        Body("I01.44", "Ủy ban MTTQ tỉnh", "province", "front", "", weight=40),
        Body("D01.44", "Tòa án nhân dân tỉnh", "province", "court", "", weight=20),
    ]
    found += [Body(f"H44.{n:02}", f"Sở số {n}", "province", "state", "H44", weight=90) for n in range(1, 17)]
    found += [
        Body(f"A44.{n:02}", f"Ban số {n} của Tỉnh ủy", "province", "party", "A44", weight=30) for n in range(1, 13)
    ]
    for n in range(1, 149):
        code = _two(n)
        found.append(Body(f"H44.X{code}", f"Ủy ban nhân dân xã số {n}", "commune", "state", "H44", weight=12))
        without = rng.random() < PARTY_WITHOUT_SYSTEM
        found.append(Body(f"A44.X{code}", f"Đảng ủy xã số {n}", "commune", "party", "A44", not without, 6))
        found.append(Body(f"I01.44.X{code}", f"Ủy ban MTTQ xã số {n}", "commune", "front", "I01.44", weight=3))
    units = (
        Body(
            f"H44.{department:02}.{_two(n)}",
            f"Đơn vị số {n} thuộc Sở số {department}",
            "province",
            "state",
            f"H44.{department:02}",
            weight=5,
        )
        for n in range(1, 1000)
        for department in range(1, 17)
    )
    without = sum(not body.connected for body in found)
    found += [next(units) for _ in range(max(wished + without - len(found), 0))]
    return found


def _two(number: int) -> str:
    signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return signs[number // 36] + signs[number % 36]


@dataclass(slots=True)
class Day:
    """What is written in one transaction."""

    documents: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


@dataclass(order=True, slots=True)
class Later:
    """An event that happens when its moment comes."""

    at: datetime
    number: int
    event: dict[str, Any] = field(compare=False)
    rows: tuple[tuple[str, dict[str, Any]], ...] = field(compare=False, default=())


class Province:
    """Who writes what when; ids, digests and moments are made up from the seed, but for the ids' clock."""

    def __init__(self, found: list[Body], seed: int) -> None:
        self.rng = random.Random(f"{seed}/province")
        self.regulations = load()
        self.connected = [body for body in found if body.connected]
        self.weights = [body.weight for body in self.connected]
        self.client = new_id()
        self.number = 0
        self.later: list[Later] = []
        self.day = Day()

    def work(self, day: date, count: int) -> Day:
        """Return a working day of so many documents, with all that was left to happen by its end."""
        self.day = Day()
        moments = sorted(
            datetime(day.year, day.month, day.day, 7, 30, tzinfo=ZONE) + timedelta(seconds=self.rng.randrange(34_000))
            for _ in range(count)
        )
        for moment in moments:
            self._until(moment)
            self._send(day, moment.astimezone(UTC))
        self._until(datetime(day.year, day.month, day.day, 23, 59, tzinfo=ZONE))
        return self.day

    def end(self, moment: datetime) -> Day:
        """Return what is left to happen until a moment."""
        self.day = Day()
        self._until(moment)
        return self.day

    def _until(self, moment: datetime) -> None:
        while self.later and self.later[0].at <= moment:
            due = heapq.heappop(self.later)
            self.day.events.append(Event(id=new_id(), at=due.at, actor=self.client, **due.event))
            for kind, row in due.rows:
                (self.day.reports if kind == "report" else self.day.deliveries).append(row)

    def _plan(self, at: datetime, event: dict[str, Any], *rows: tuple[str, dict[str, Any]]) -> None:
        self.number += 1
        heapq.heappush(self.later, Later(at, self.number, event, rows))

    def _send(self, day: date, at: datetime) -> None:
        rng = self.rng
        sender = rng.choices(self.connected, self.weights)[0]
        if rng.random() < REFUSED:
            self._refuse(sender, at)
        signed_on = day
        for _ in range(_weighted(SIGNED_BEFORE, rng)):
            signed_on = _worked_before(signed_on, self.regulations.calendar.is_working_day)
        self.number += 1
        document = self._document(sender, at, signed_on, day)
        to = {body.code: body for body in rng.choices(self.connected, self.weights, k=_weighted(RECIPIENTS, rng))}
        to.pop(sender.code, None)
        recipients = list(to.values()) or [self.connected[self.connected.index(sender) - 1]]
        self.day.documents.append(document)
        self.day.events.append(_accepted(document, sender, len(recipients)))
        for recipient in recipients:
            self._deliver(document, sender, recipient, at)

    def _document(self, sender: Body, at: datetime, signed_on: date, day: date) -> dict[str, Any]:
        type_code = _weighted(TYPES, self.rng)
        return {
            "id": new_id(),
            "sender": sender.code,
            "sender_tier": sender.tier,
            "document_id": f"{sender.code},{day:%Y/%m/%d},{self.number}/VB",
            "sha256": self._digest(),
            "size": self.rng.randrange(20_000, 900_000),
            "kind": "new",
            "code": f"{self.number}/VB",
            "subject": f"Văn bản số {self.number} (mô phỏng)",
            "document_type": type_code,
            "type_name": type_code,
            "priority": 0,
            "promulgation_date": signed_on,
            "due_date": day + timedelta(days=self.rng.choice((5, 10, 15))) if self.rng.random() < 0.4 else None,
            "with_paper": self.rng.random() < WITH_PAPER,
            "on_time": self.regulations.sent_on_time(signed_on, at=at),
            "client_id": self.client,
            "accepted_at": at,
            "verification": {"indication": "total-passed", "certificate": "", "findings": [], "attachments": []},
            "receipt": "",
        }

    def _deliver(self, document: Mapping[str, Any], sender: Body, recipient: Body, at: datetime) -> None:
        rng = self.rng
        row = {
            "id": new_id(),
            "document": document["id"],
            "kind": "document",
            "recipient": recipient.code,
            "addressed_to": recipient.code,
            "progress": "available",
            "priority": 0,
            "available_at": at,
            "in_inbox": True,
            **moments_of(self.regulations, accepted_at=at, due_date=document["due_date"]),
        }
        self.day.deliveries.append(row)

        def told(kind: EventKind, body: Body, delivery: str, pair: str | None, **detail: Any) -> dict[str, Any]:
            about = {"document_type": document["document_type"], "document": document["id"], "delivery": delivery}
            return {"kind": kind, "standing": body.standing, "peer_tier": pair, "detail": detail, **about}

        pair = sender.tier
        available = told(
            EventKind.DELIVERY_AVAILABLE,
            recipient,
            row["id"],
            pair,
            sender=sender.code,
            addressed_to=recipient.code,
            priority=0,
            state="available",
        )
        self.day.events.append(Event(id=new_id(), at=at, actor=self.client, **available))
        if rng.random() < NEVER_FETCHED:
            return
        # The row is written as it will be in the end: what is between shows in the events alone.
        moment = at + timedelta(seconds=int(rng.expovariate(1 / _weighted(FETCHED_AFTER, rng))) + 1)
        row |= {"progress": "delivered", "in_inbox": False, "acknowledged_at": moment}
        row |= {"undelivered_at": None, "expires_at": None}
        self._plan(
            moment,
            told(
                EventKind.DELIVERY_ACKNOWLEDGED,
                recipient,
                row["id"],
                pair,
                seconds=int((moment - at).total_seconds()),
                state="delivered",
                in_inbox=False,
            ),
        )
        shown = "delivered"
        for code in _weighted(REPORTED, rng):
            moment += timedelta(seconds=int(rng.expovariate(1 / (300_000 if code == "06" else 9_000))) + 1)
            reached = ["arrived", "received"] if code == "03" and shown == "delivered" else _REACHED[code]
            if code == "06":
                reached = ["completed"]
            before, shown = shown, _RANK[code]
            row["progress"] = shown
            if code == "06":
                row["due_at"] = None
            report = self._report(document, row, recipient, code, shown, moment)
            notice = _notice(document, report, sender, moment)
            detail: dict[str, Any] = {
                "report": report["id"],
                "status": code,
                "sha256": report["sha256"],
                "certificate": "",
                "recipient": recipient.code,
                "before": before,
                "state": shown,
                "in_inbox": False,
                "reached": reached,
                "seconds": int((moment - at).total_seconds()),
            }
            if code == "06" and document["due_date"] is not None:
                detail["on_time"] = moment.astimezone(ZONE).date() <= document["due_date"]
            self._plan(
                moment,
                told(EventKind.STATUS_ACCEPTED, recipient, row["id"], pair, **detail),
                ("report", report),
                ("delivery", notice),
            )
            said = {"report": report["id"], "status": code}
            self._plan(moment, told(EventKind.STATUS_AVAILABLE, sender, notice["id"], None, **said, state="available"))
            taken = {"state": "delivered", "in_inbox": False}
            self._plan(
                notice["acknowledged_at"], told(EventKind.STATUS_ACKNOWLEDGED, sender, notice["id"], None, **taken)
            )

    def _report(
        self, document: Mapping[str, Any], row: Mapping[str, Any], recipient: Body, code: str, shown: str, at: datetime
    ) -> dict[str, Any]:
        return {
            "id": new_id(),
            "document": document["id"],
            "delivery": row["id"],
            "reporter": recipient.code,
            "status_code": code,
            "description": None,
            "reported_at": at,
            "accepted_at": at,
            "state": shown,
            "sha256": self._digest(),
            "size": 3_000,
            "client_id": self.client,
            "verification": {"indication": "total-passed", "certificate": "", "findings": [], "attachments": []},
            "receipt": "",
        }

    def _refuse(self, sender: Body, at: datetime) -> None:
        secret = self.rng.random() < SECRET
        detail = {
            "problem": "secret-document" if secret else "document-refused",
            "codes": ["qd28.1.2.secret-mark" if secret else "xmldsig.3.2.1.digest-mismatch"],
            "sha256": self._digest(),
            "size": 50_000,
        }
        refused = {"kind": EventKind.DOCUMENT_REFUSED, "outcome": Outcome.REFUSED, "standing": sender.standing}
        self.day.events.append(Event(id=new_id(), at=at, actor=self.client, detail=detail, **refused))

    def _digest(self) -> str:
        return self.rng.randbytes(32).hex()


def _accepted(document: Mapping[str, Any], sender: Body, recipients: int) -> Event:
    detail = {
        **{name: document[name] for name in ("document_id", "sha256", "size", "kind")},
        "signed": True,
        "paper": document["with_paper"],
        "certificate": "",
        "recipients": recipients,
        "links": [],
        "on_time": document["on_time"],
    }
    return Event(
        id=new_id(),
        kind=EventKind.DOCUMENT_ACCEPTED,
        at=document["accepted_at"],
        actor=document["client_id"],
        standing=sender.standing,
        document_type=document["document_type"],
        document=document["id"],
        detail=detail,
    )


def _notice(document: Mapping[str, Any], report: Mapping[str, Any], sender: Body, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "document": document["id"],
        "kind": "status",
        "status_report": report["id"],
        "recipient": sender.code,
        "addressed_to": sender.code,
        "progress": "delivered",
        "priority": 0,
        "available_at": at,
        "acknowledged_at": at + timedelta(minutes=20),
        "in_inbox": False,
    }


def _worked_before(day: date, worked: Any) -> date:
    day -= timedelta(days=1)
    while not worked(day):
        day -= timedelta(days=1)
    return day


def _weighted(choices: Any, rng: random.Random) -> Any:
    return rng.choices([value for value, _ in choices], weights=[weight for _, weight in choices])[0]


# Writing it.


async def build(database: Database, asked: argparse.Namespace) -> None:
    """Write the province and its months."""
    rng = random.Random(asked.seed)
    found = bodies(asked.agencies, rng)
    opening = datetime(YEAR, 1, 1, 7, tzinfo=ZONE).astimezone(UTC)
    act = Act("operator", opening)
    began = time.monotonic()
    lines = ["organ_id,name,tier,branch,parent"]
    lines += [f"{body.code},{body.name},{body.tier},{body.branch},{body.parent}" for body in found]
    await import_csv(database, "\n".join(lines).encode(), act=act)
    say(began, f"{len(found)} agencies registered, {sum(body.connected for body in found)} of them with a system")
    async with database.write() as tx:
        await _certify(tx, found, opening, rng)
    province = Province(found, asked.seed)
    days = list(_working_days(asked.months, province.regulations.calendar.is_working_day))
    written = 0
    for index, day in enumerate(days):
        count = asked.documents * (index + 1) // len(days) - asked.documents * index // len(days)
        await _write(database, province.work(day, count))
        written += count
        if (index + 1) % max(len(days) // 20, 1) == 0:
            say(began, f"{day:%d/%m/%Y}: {written} documents, {_memory()} MiB")
    await _write(database, province.end(_end(asked.months)))
    say(began, f"{written} documents written and sealed")


async def _write(database: Database, day: Day) -> None:
    async with database.write() as tx:
        if day.documents:
            await tx.execute(schema.documents.insert(), day.documents)
        if day.reports:
            await tx.execute(schema.status_reports.insert(), day.reports)
        await deliveries.insert(tx, day.deliveries)
        await record(tx, day.events)
    now = day.events[-1].at if day.events else datetime(YEAR, 1, 1, tzinfo=UTC)
    while await seal_batch(database, now=now, limit=SEALED_AT_ONCE):
        pass


async def _certify(tx: Transaction, found: list[Body], at: datetime, rng: random.Random) -> None:
    """A seal for everybody with a system, and certificates for some persons there: rows and events, no certificates."""
    events = []
    for body in found:
        if not body.connected:
            continue
        for kind in ("seal", *["person"] * rng.randint(1, 4)):
            sha256 = rng.randbytes(32).hex()
            row = {
                "sha256": sha256,
                "organ_id": body.code,
                "kind": kind,
                "subject": f"UID={body.code}",
                "issuer": "CN=CA (simulated)",
                "serial": sha256[:20],
                "not_before": at - timedelta(days=200),
                "not_after": at + timedelta(days=900),
                "status": "active",
                "der": b"",
                "chain_pem": "",
                "registered_at": at,
            }
            await certificates.insert(tx, row)
            registered = EventKind.CERTIFICATE_REGISTERED
            detail = {"certificate": sha256, "kind": kind}
            events.append(
                Event(id=new_id(), kind=registered, at=at, actor="operator", standing=body.standing, detail=detail)
            )
    await record(tx, events)


def _working_days(months: int, worked: Any) -> Iterator[date]:
    for month in range(1, months + 1):
        for number in range(1, calendar.monthrange(YEAR, month)[1] + 1):
            if worked(date(YEAR, month, number)):
                yield date(YEAR, month, number)


def _end(months: int) -> datetime:
    """The last moment of the last month."""
    month = date(YEAR, months, calendar.monthrange(YEAR, months)[1]) + timedelta(days=1)
    return datetime(month.year, month.month, 1, tzinfo=ZONE) - timedelta(seconds=1)


# Reading it.


async def read(folder: Path, url: str, asked: argparse.Namespace) -> None:
    """Start the API and read off what provincial reports publish."""
    months = {"from": f"{YEAR}-01", "to": f"{YEAR}-{asked.months:02}"}
    took: dict[str, float] = {}
    now = _end(asked.months).astimezone(UTC) + timedelta(hours=8)
    async with played_node(folder / "node", url, at=now) as node, _reader(node) as client:

        async def ask(what: str, path: str, **params: Any) -> list[dict[str, Any]]:
            began = time.perf_counter()
            rows = [row async for row in client.pages(path, limit=500, **params)]
            took[f"{what} ({len(rows)} rows)"] = time.perf_counter() - began
            return rows

        began = time.perf_counter()
        whole = (await client.get("/v1/statistics/participation", by="branch", **months)).document
        took["participation by branch"] = time.perf_counter() - began
        by_month = await ask("figures by month", "/v1/statistics/exchange", by="month", **months)
        await ask("figures by agency and month", "/v1/statistics/exchange", by="agency", **months)
        await ask("figures by agency as of today", "/v1/statistics/exchange", by="agency", view="as-is", **months)
        await ask("figures by type and month", "/v1/statistics/exchange", by="document_type", **months)
        await ask("figures by pair of tiers", "/v1/statistics/exchange", by="tier_pair", **months)
        one = {"by": "month", "agency": "H44", **months}
        await ask("figures of one agency", "/v1/statistics/exchange", **one)
        until = _end(asked.months).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        refused = await ask("refused documents in the log", "/v1/audit/events", event="document.refused", to=until)
    _publish(asked, whole, by_month, refused)
    times = Table(title="How long each question took", title_justify="left")
    times.add_column("question")
    times.add_column("milliseconds", justify="right")
    for what, seconds in took.items():
        times.add_row(what, f"{1000 * seconds:,.0f}")
    console.print(times)


@asynccontextmanager
async def _reader(node: Any) -> AsyncIterator[NodeClient]:
    act = Act("operator", node.now)
    scopes = frozenset({Scope.STATISTICS, Scope.AUDIT})
    grants: tuple[Grant, ...] = ()
    made = await clients.create(node.node.database, act, name="reader", scopes=scopes, agencies=grants)
    secret = made.value.secret or ""
    async with NodeClient(node.url, made.value.client.client_id, secret, trust_env=False) as client:
        yield client


def _publish(
    asked: argparse.Namespace, whole: dict[str, Any], by_month: list[dict[str, Any]], refused: list[dict[str, Any]]
) -> None:
    sums = {name: sum(row[name] or 0 for row in by_month) for name in ("sent", "received", "on_time", "late", "signed")}
    sums |= {name: sum(row[name] or 0 for row in by_month) for name in ("electronic_only", "completed_on_time")}
    sums["completed_late"] = sum(row["completed_late"] or 0 for row in by_month)
    branches = {row["branch"]: row for row in whole["items"]}
    secret = sum(event["detail"].get("problem") == "secret-document" for event in refused)
    total = whole["total"]

    def share(part: int, of: int) -> str:
        return f"{100 * part / of:.2f} %" if of else "–"

    def span(name: str) -> str:
        minutes = [row[name] / 60 for row in by_month if row[name] is not None]
        return f"{min(minutes):,.0f} … {max(minutes):,.0f} min, month by month" if minutes else "–"

    table = Table(title=f"The province in {asked.months} months of {YEAR}, as reports publish it", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for label, value in (
        ("connected agencies (sent or received)", f"{total['active']:,} of {total['registered']:,}"),
        ("documents sent", f"{sums['sent']:,}"),
        ("documents received", f"{sums['received']:,}"),
        ("State agencies that exchange electronically", f"{100 * branches['state']['share']:.1f} %"),
        ("Party agencies that exchange electronically", f"{100 * branches['party']['share']:.1f} %"),
        ("signed", share(sums["signed"], sums["sent"])),
        ("wholly electronic, no paper follows", share(sums["electronic_only"], sums["sent"])),
        ("sent on time", share(sums["on_time"], sums["on_time"] + sums["late"])),
        ("answered on time", share(sums["completed_on_time"], sums["completed_on_time"] + sums["completed_late"])),
        ("time to fetch, median", span("median_seconds_to_fetch")),
        ("time to acceptance, median", span("median_seconds_to_acceptance")),
        ("time to acceptance, 95 % within", span("p95_seconds_to_acceptance")),
        ("state secrets refused (none is kept)", f"{secret:,} of {len(refused):,} refused"),
        ("certificates issued to organisations", f"{total['organisation_certificates']:,}"),
        ("certificates issued to persons", f"{total['person_certificates']:,}"),
    ):
        table.add_row(label, value)
    console.print(table)


def say(began: float, text: str) -> None:
    """Tell how it goes."""
    console.print(f"{time.monotonic() - began:7.1f} s  {text}", highlight=False)


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


async def main(asked: argparse.Namespace) -> None:
    """Write and read, or only read."""
    folder: Path = asked.folder
    url = asked.database or f"sqlite:///{folder / 'province.db'}"
    console.print(
        f"A province of {asked.agencies} agencies and {asked.documents:,} documents in {asked.months} months, on "
        f"{url.partition(':')[0]}. Left out: bodies, signatures, receipts, and what is in certificates."
    )
    if not asked.read:
        await asyncio.to_thread(migrations.migrate, url)
        database = Database(url)
        try:
            async with database.read() as tx:
                if (await tx.execute(schema.events.select().limit(1))).first() is not None:
                    raise SystemExit("there is a province already: remove it to write another, or read it with --read")
            await build(database, asked)
        finally:
            await database.close()
    await read(folder, url, asked)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.province", description=__doc__.partition("\n")[0])
    arguments.add_argument("--agencies", type=int, default=900)
    arguments.add_argument("--documents", type=int, default=400_000)
    arguments.add_argument("--months", type=int, default=9, choices=range(1, 13))
    arguments.add_argument("--database", default="", help="an empty one; else an SQLite file in the folder")
    arguments.add_argument("--folder", type=Path, default=Path("bench-data"))
    arguments.add_argument("--seed", type=int, default=2026)
    arguments.add_argument("--read", action="store_true", help="write nothing, read what is there")
    chosen = arguments.parse_args()
    chosen.folder = chosen.folder.absolute()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen))
