"""Writing a made-up ledger: rows by the quickest way each database has, everything else as the sealer would have it.

Indexes are taken away first and built at the end, over everything at once. Tiles come from `app.ledger.tree`, figures
from `app.statistics.fold`, blocks and words from `app.exchange`: what is measured is what a node keeps.
"""

import asyncio
import json
import random
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlsplit

import asyncpg
import sqlalchemy as sa

from app.exchange.document_words import terms_of
from app.exchange.finding import block_of
from app.ledger import tree
from app.ledger.seal import seal_all
from app.registry.acts import Act
from app.registry.agency_import import import_csv
from app.statistics.fold import fold
from app.store import figures, journal, ledger_tiles, migrations, schema
from app.store.columns import Instant
from app.store.database import Database
from app.store.event_blocks import WIDTH
from bench.ledger_traffic import FIRST, LAST, EventRow, Traffic
from bench.province import bodies

AT_ONCE = 64 * WIDTH
FILLED = ("events", "documents", "deliveries", "status_reports", "document_terms", "ledger_tiles", "event_blocks")

Say = Callable[[str], None]


class Sink(Protocol):
    """Where rows go."""

    async def write(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows, every column of the table in its order."""

    async def run(self, statement: str) -> None:
        """Run a statement."""

    async def close(self) -> None:
        """Let it be durable."""


class SqliteSink:
    """An SQLite file without a journal: if this dies, the file is thrown away."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000", "foreign_keys=OFF"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.forms = {name: _sqlite_forms(schema.metadata.tables[name]) for name in FILLED}

    async def write(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        forms = self.forms[table]
        changed = [(place, form) for place, form in enumerate(forms) if form is not None]

        def formed() -> Iterable[list[Any]]:
            for row in rows:
                cells = list(row)
                for place, form in changed:
                    if cells[place] is not None:
                        cells[place] = form(cells[place])
                yield cells

        marks = ", ".join("?" * len(forms))
        columns = ", ".join(column.name for column in schema.metadata.tables[table].columns)
        self.connection.execute("BEGIN")
        # Replaced: a tile at the edge was shorter when the agencies' own events were sealed.
        self.connection.executemany(f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})", formed())
        self.connection.execute("COMMIT")

    async def run(self, statement: str) -> None:
        self.connection.execute(statement)

    async def close(self) -> None:
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.close()


class PostgresSink:
    """A PostgreSQL database, by COPY."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.forms = {name: _postgres_forms(schema.metadata.tables[name]) for name in FILLED}

    async def write(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        forms = self.forms[table]
        changed = [(place, form) for place, form in enumerate(forms) if form is not None]
        records = rows
        if changed:
            records = [list(row) for row in rows]
            for row in records:
                for place, form in changed:
                    if row[place] is not None:
                        row[place] = form(row[place])
        columns = [column.name for column in schema.metadata.tables[table].columns]
        if table == "ledger_tiles":
            await self.connection.executemany(
                "DELETE FROM ledger_tiles WHERE level = $1 AND number = $2", [row[:2] for row in records]
            )
        await self.connection.copy_records_to_table(table, records=records, columns=columns)

    async def run(self, statement: str) -> None:
        await self.connection.execute(statement)

    async def close(self) -> None:
        await self.connection.close()


async def make(url: str, events: int, say: Say) -> None:
    """Write a ledger of so many events into an empty database."""
    await asyncio.to_thread(migrations.migrate, url)
    agencies = bodies(600, random.Random("ledger"))
    database = Database(url)
    try:
        lines = ["organ_id,name,tier,branch,parent"]
        lines += [f"{body.code},{body.name},{body.tier},{body.branch},{body.parent}" for body in agencies]
        await import_csv(database, "\n".join(lines).encode(), act=Act("operator", FIRST))
        await seal_all(database, now=FIRST)
        async with database.read() as tx:
            base = await journal.size(tx)
            edge = await ledger_tiles.read(tx, tree.edge(base))
            early = [EventRow(*row) for row in await journal.page(tx, journal.EventFilter(), after=-1, limit=base)]
    finally:
        await database.close()
    sink = await _sink(url)
    indexes = [index for name in FILLED for index in schema.metadata.tables[name].indexes]
    for index in indexes:
        await sink.run(f"DROP INDEX IF EXISTS {index.name}")
    traffic = Traffic(agencies, events=events - base, first=FIRST, last=LAST, base=base)
    writing = _Writing(sink, traffic, edge, early, say)
    await writing.all(base, events)
    say("events are written, indexes follow")
    await _index(sink, url, indexes, say)
    await sink.run(
        f"UPDATE ledger_state SET size = {events}, sealed_at = {_literal(url, LAST)} WHERE id = 1",
    )
    await sink.run(f"UPDATE term_cursor SET position = {events} WHERE id = 1")
    if url.startswith("postgresql"):
        await sink.run("ANALYZE")
    await sink.close()
    await _count(url, writing, say)


class _Writing:
    """Takes events from the traffic in batches and keeps what follows from them."""

    def __init__(self, sink: Sink, traffic: Traffic, edge: tree.Tiles, early: list[EventRow], say: Say) -> None:
        self.sink, self.traffic, self.say = sink, traffic, say
        self.edge = dict(edge)
        self.open_block = early
        self.counts: dict[Any, Counter[str]] = defaultdict(Counter)
        self.spreads: Counter[Any] = Counter()
        self.months: dict[str, int] = {}

    async def all(self, base: int, end: int) -> None:
        began, size = time.monotonic(), base
        batch: list[EventRow] = []
        for event in self.traffic.all():
            batch.append(event)
            if len(batch) == AT_ONCE:
                await self._batch(batch, size)
                size += len(batch)
                batch = []
                rate = (size - base) / (time.monotonic() - began)
                self.say(f"{size:,} of {end:,} events, {rate:,.0f} a second")
        await self._batch(batch, size)

    async def _batch(self, batch: list[EventRow], size: int) -> None:
        if not batch:
            return
        await self.sink.write("events", batch)
        documents = self.traffic.rows["documents"]
        # Words are gathered as the pieces of rows, and put in the order of the index by the database at the end.
        terms = [(term[: schema.TERM_LENGTH], row["id"]) for row in documents for term in _terms(row)]
        await self.sink.write("document_terms", sorted(terms))
        for name, rows in self.traffic.rows.items():
            # What a row says nothing of is as the table has it.
            columns = [column.name for column in schema.metadata.tables[name].columns]
            await self.sink.write(name, [[row.get(column, _usual(name, column)) for column in columns] for row in rows])
            rows.clear()
        await self._tiles(batch, size)
        await self._blocks(batch)
        added = fold(batch)
        for key, counts in added.counts.items():
            self.counts[key].update(counts)
        self.spreads.update(added.spreads)
        self.months.update({month: size + place for month, place in added.months.items()})

    async def _tiles(self, batch: list[EventRow], size: int) -> None:
        changed = tree.grown(self.edge, size, [bytes.fromhex(event.leaf_hash) for event in batch])
        held = self.edge | changed
        self.edge = {address: held[address] for address in tree.edge(size + len(batch))}
        await self.sink.write("ledger_tiles", [(*address, hashes) for address, hashes in changed.items()])

    async def _blocks(self, batch: list[EventRow]) -> None:
        self.open_block += batch
        blocks = []
        while len(self.open_block) >= WIDTH:
            full, self.open_block = self.open_block[:WIDTH], self.open_block[WIDTH:]
            blocks.append(tuple(block_of(full[0].position // WIDTH, full).values()))
        await self.sink.write("event_blocks", blocks)


@cache
def _usual(table: str, column: str) -> Any:
    default = schema.metadata.tables[table].columns[column].server_default
    return getattr(default, "arg", None)


def _terms(row: dict[str, Any]) -> list[str]:
    return sorted({term[: schema.TERM_LENGTH] for term in terms_of(row["code"], row["subject"])})


async def _index(sink: Sink, url: str, indexes: Sequence[sa.Index], say: Say) -> None:
    dialect = sa.create_engine("sqlite://" if url.startswith("sqlite") else "postgresql+asyncpg://").dialect
    for index in indexes:
        began = time.monotonic()
        await sink.run(str(sa.schema.CreateIndex(index).compile(dialect=dialect)))
        say(f"{index.name} in {time.monotonic() - began:.1f} s")


async def _count(url: str, writing: _Writing, say: Say) -> None:
    database = Database(url)
    counts = [{**key._asdict(), **counts} for key, counts in writing.counts.items()]
    spreads = [
        {**key.figure._asdict(), "measure": key.span, "bucket": key.bucket, "count": count}
        for key, count in writing.spreads.items()
    ]
    try:
        async with database.write() as tx:
            await figures.mark(tx, writing.months)
        for start in range(0, max(len(counts), len(spreads)), 20_000):
            async with database.write() as tx:
                await figures.add(tx, counts[start : start + 20_000])
                await figures.add_spreads(tx, spreads[start : start + 20_000])
    finally:
        await database.close()
    say(f"{len(counts):,} rows of figures, {len(spreads):,} of spans of time")


async def _sink(url: str) -> Sink:
    if urlsplit(url).scheme == "sqlite":
        return SqliteSink(url.removeprefix("sqlite:///"))
    connection = await asyncpg.connect(url)
    await connection.execute("SET synchronous_commit = off; SET session_replication_role = replica")
    await connection.execute("SET maintenance_work_mem = '512MB'")
    return PostgresSink(connection)


def _literal(url: str, moment: datetime) -> str:
    return f"'{_instant(moment)}'" if url.startswith("sqlite") else f"'{moment.isoformat()}'"


def _sqlite_forms(table: sa.Table) -> list[Callable[[Any], Any] | None]:
    def form(column: sa.Column[Any]) -> Callable[[Any], Any] | None:
        match column.type:
            case sa.Uuid():
                return lambda text: text.replace("-", "")
            case Instant():
                return _instant
            case sa.JSON():
                return json.dumps
            case sa.Date():
                return date.isoformat
            case _:
                return None

    return [form(column) for column in table.columns]


def _instant(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _postgres_forms(table: sa.Table) -> list[Callable[[Any], Any] | None]:
    return [json.dumps if isinstance(column.type, sa.JSON) else None for column in table.columns]
