"""What keeping the ledger adds to what submissions cost: the same documents, sent to nodes that do and do not keep it.

Sealing gives events their index, writes tiles, places deliveries in inboxes, counts figures and wakes those who wait;
publishing signs checkpoints; making findable enters words for the auditors' search. All of it is counted until nothing
is left to be done, for the node's process and those of its database.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.corpus import SMALL, Corpus, corpus
from bench.load import Shot, fire
from bench.ratios import Ratio, Table, at_most
from bench.served import Ground, node, prepared
from tests.support.postgres import PostgresServer, PostgresUnavailable

FOLDER = Path("bench-data").absolute()
WARM = 64
CONNECTIONS = 32
REST_SECONDS = 2.0
"""Behind the last answer: a checkpoint and the words of the last documents are up to a second behind."""

_SETTINGS = {"PDF_PROCESSES": "0"}
"""PDFs are looked into at leisure, by processes that cost more than all else: that is not what is compared here."""

_LEFT: dict[str, tuple[str, dict[str, str]]] = {
    "none": ("bench.unsealed", {"BENCH_LEDGER": "none"}),
    "sealed": ("bench.unsealed", {"BENCH_LEDGER": "sealed"}),
    "all": ("app.cli", {}),
}
"""What of the ledger is kept, with the program and settings of the node that does so."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Microseconds of the processor a document costs a node that leaves the ledger alone, only seals, or does all."""

    none: float
    sealed: float
    all: float

    @property
    def sealing(self) -> float:
        """What sealing adds, over what submissions cost without."""
        return self.sealed / self.none - 1

    @property
    def whole(self) -> float:
        """What all of it adds, over the same."""
        return self.all / self.none - 1


def measured(*, quick: bool) -> Iterator[Ratio | Table]:
    """Measure on each engine that is there; quickly: on SQLite alone."""
    count, rounds = (200, 1) if quick else (300, 3)
    documents = corpus(FOLDER, "small", [SMALL] * (WARM + count), told=_tell)
    found: dict[str, list[Costs]] = {}
    with ExitStack() as stack:
        grounds = []
        for server in (None, None if quick else _postgres(stack)):
            folder = Path(tempfile.mkdtemp(prefix="truc-bench-", dir=FOLDER))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            if server is not None or not grounds:
                grounds.append(prepared(folder, FOLDER, server))
        for number in range(rounds):
            for ground in grounds:
                _tell(f"round {number + 1} of {rounds}, {ground.engine}")
                costs = Costs(**{kept: _cost(ground, kept, documents, count) for kept in _LEFT})
                found.setdefault(ground.engine, []).append(costs)
                _tell(f"µs a document: {costs}")
    rows = []
    for engine, several in found.items():
        parts = [statistics.median(getattr(each, kept) for each in several) for kept in _LEFT]
        rows.append((engine, *(f"{part:,.0f} µs" for part in parts)))
    columns = ("engine", "without the ledger", "with sealing", "with checkpoints and words, too")
    yield Table(f"What a document costs, {CONNECTIONS} connections, one worker", columns, tuple(rows))
    for engine, several in found.items():
        sealing = statistics.median(each.sealing for each in several)
        yield at_most(f"sealing over submission, CPU, {engine}", sealing, gate=0.10, stretch=0.05)
        whole = statistics.median(each.whole for each in several)
        yield at_most(f"sealing, checkpoints and words over submission, CPU, {engine}", whole, gate=0.20, stretch=0.10)


def _cost(ground: Ground, kept: str, documents: Corpus, count: int) -> float:
    """Send the documents to a fresh node, and give microseconds of the processor for each."""
    program, settings = _LEFT[kept]
    with node(ground, workers=1, settings=_SETTINGS | settings, program=program, seals=kept != "none") as served:
        for first, several in ((0, WARM), (WARM, count)):
            before, cost = served.accepted(), served.processor_seconds()
            load = fire(served.url, served.token, Shot(documents, first, several, CONNECTIONS, 60.0, rate=1e6))
            if load.failed or not load.answered:
                raise RuntimeError(f"{load.failed} of the answers were not 201; the last: {load.failure}")
            served.seconds_to_seal()
            time.sleep(REST_SECONDS)
            cost = served.processor_seconds() - cost
            done = served.accepted() - before
    return 1e6 * cost / done


def _postgres(stack: ExitStack) -> PostgresServer | None:
    try:
        server = PostgresServer.own(fsync=True)
    except PostgresUnavailable as error:
        _tell(f"without PostgreSQL: {error}")
        return None
    stack.callback(server.stop)
    return server


def _tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
