"""How fast signed documents are accepted, over the least that verifying and keeping them costs on the same machine.

Bare verification (`bench.bare`) and a real node (`bench.served`) take turns; the node does all it ever does: rules,
trust, receipts, ledger, sealing, statistics. What it costs is counted for all of its processes and its database's,
until everything that was accepted is sealed. The generator runs on the same processors, and nothing is taken off for
it. Any answer but 201 fails the measure, and the database must hold what was answered.
"""

import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench import bare
from bench.corpus import SMALL, Corpus, corpus, lengths_of_mix
from bench.load import Load, Shot, fire, generator
from bench.ratios import Ratio, Table, at_least, at_most
from bench.rounds import COLUMNS, FULL, QUICK, WARM, Pair, Plan, Rounds, gathered, over
from bench.served import Ground, Served, naive_twin, node, prepared
from tests.support.postgres import PostgresServer, PostgresUnavailable

FOLDER = Path("bench-data").absolute()
WORKERS = os.cpu_count() or 1
TWIN_DOCUMENTS = 1_000
INSPECTED_DOCUMENTS = 300
TWIN = "naive twin"
MIX = "X-Road's mix"


def measured(*, quick: bool) -> Iterator[Ratio | Table]:
    """Measure on each engine that is there."""
    plan = QUICK if quick else FULL
    small = corpus(FOLDER, "small", [SMALL] * plan.documents, told=tell)
    mixed = corpus(FOLDER, "mixed", lengths_of_mix(plan.mixed), told=tell) if plan.mixed else None
    with ExitStack() as stack:
        grounds = []
        for server in (None, postgres(stack)):
            folder = Path(tempfile.mkdtemp(prefix="truc-bench-", dir=FOLDER))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            if server is not None or not grounds:
                grounds.append(prepared(folder, FOLDER, server))
        found: list[tuple[str, int, Pair]] = []
        for number in range(plan.rounds):
            for ground in grounds:
                tell(f"round {number + 1} of {plan.rounds}, {ground.engine}")
                aside = number < plan.aside
                found += _round(ground, plan, small, mixed, aside=aside)
                # Quickly, what is only compared with is measured on one engine alone.
                if aside and (ground.server is None or not quick):
                    found += _twin_round(ground, plan, small)
                if aside and ground.server is None and not quick:
                    found += _inspecting_round(ground, plan, small)
        rounds = gathered(found)
        paced = [] if quick else [_paced(ground, rounds, small) for ground in grounds]
    yield Table(
        f"Submissions: {WORKERS} workers, documents of {SMALL // 1_000} kB, load by {generator()}",
        COLUMNS,
        tuple(each.row() for each in rounds),
        [each.numbers() for each in rounds],
    )
    yield from _ratios(rounds, [ground.engine for ground in grounds], plan)
    yield from paced


def _round(
    ground: Ground, plan: Plan, small: Corpus, mixed: Corpus | None, *, aside: bool
) -> Iterator[tuple[str, int, Pair]]:
    """Measure one node at every level, then the mix."""
    with node(ground, workers=WORKERS) as served:
        rate = _warm(served, small)
        first = WARM
        for connections, count in plan.levels:
            shot = Shot(small, first, count, connections, _seconds(plan, connections, rate))
            yield ground.engine, connections, _pair(ground, served, shot, plan)
            first += count
        if mixed is not None and aside:
            # All of them on either side, for where the longest ones lie decides.
            shot = Shot(mixed, 0, len(mixed.lengths), 32, min(30.0, math.ceil(2 * len(mixed.lengths) / rate)))
            yield f"{ground.engine}, {MIX}", 32, _pair(ground, served, shot, replace(plan, bare_seconds=60.0))


def _twin_round(ground: Ground, plan: Plan, small: Corpus) -> Iterator[tuple[str, int, Pair]]:
    with naive_twin(ground, FOLDER, workers=WORKERS) as served:
        rate = _warm(served, small)
        shot = Shot(small, WARM, TWIN_DOCUMENTS, 32, _seconds(plan, 32, rate))
        yield f"{ground.engine}, {TWIN}", 32, _pair(ground, served, shot, plan)


def _inspecting_round(ground: Ground, plan: Plan, small: Corpus) -> Iterator[tuple[str, int, Pair]]:
    """Measure a node that looks into PDF attachments, until all of them were looked into."""
    with node(ground, workers=WORKERS, settings={"PDF_PROCESSES": "1"}) as served:
        rate = _warm(served, small)
        served.seconds_to_inspect()
        shot = Shot(small, WARM, INSPECTED_DOCUMENTS, 32, _seconds(plan, 32, rate))
        yield f"{ground.engine}, PDFs looked into", 32, _pair(ground, served, shot, plan, inspected=True)


def _pair(ground: Ground, served: Served, shot: Shot, plan: Plan, *, inspected: bool = False) -> Pair:
    """Measure the bare limit, then the service, on the same documents.

    Args:
        inspected: whether to wait for what is looked into after the answers.
    """
    limit = bare.measure(
        shot.corpus,
        first=shot.first,
        count=shot.count,
        seconds=plan.bare_seconds,
        processes=WORKERS,
        scratch=ground.folder,
    )
    before, cost = served.accepted(), served.processor_seconds()
    load = fire(served.url, served.token, shot)
    # Requests that were under way at the end are worked on, though nobody waits for their answers.
    sealed_after = served.seconds_to_settle()
    if inspected:
        served.seconds_to_inspect()
    cost = served.processor_seconds() - cost
    done = served.accepted() - before
    _require(load, done, shot)
    return Pair(
        limit.a_second, limit.processor, load.a_second, cost / done, load.p50, load.p99, sealed_after
    )  # fmt: skip


def _require(load: Load, kept: int, shot: Shot) -> None:
    """Insist that every answer was the right one, and that what was answered is there."""
    if load.failed or not load.answered:
        raise RuntimeError(
            f"{load.answered} documents were accepted, {load.failed} were not; the last: {load.failure}\n"
            f"If they are of older code: remove {FOLDER}"
        )
    if not load.answered <= kept <= load.answered + shot.connections:
        raise RuntimeError(f"{load.answered} documents were accepted, and {kept} are there")


def _warm(served: Served, small: Corpus) -> float:
    """Send a few documents that do not count; gives how many a second were accepted."""
    shot = Shot(small, 0, WARM, 8, 60.0, rate=1_000.0)
    load = fire(served.url, served.token, shot)
    _require(load, load.answered, shot)
    served.seconds_to_seal()
    return load.a_second


def _seconds(plan: Plan, connections: int, rate: float) -> float:
    """Say how long to send: longer where a slow machine would answer hardly anybody."""
    return max(plan.seconds if connections > 1 else 1.0, min(math.ceil(3 * connections / rate), 20.0))


def _paced(ground: Ground, rounds: Sequence[Rounds], small: Corpus) -> Ratio:
    """Send at half of the greatest rate that was reached, and see how long the slowest of a hundred takes."""
    greatest = max(each.median(lambda pair: pair.a_second) for each in rounds if each.service == ground.engine)
    rate, seconds = greatest / 2, 4.0
    with node(ground, workers=WORKERS) as served:
        _warm(served, small)
        count = min(round(rate * seconds), len(small.lengths) - WARM)
        load = fire(served.url, served.token, Shot(small, WARM, count, 32, 2 * seconds, rate=rate))
    _require(load, load.answered, Shot(small, WARM, count, 32, seconds))
    measure = f"p99 at half of the greatest rate ({rate:,.0f} docs/s), {ground.engine}"
    return at_most(measure, load.p99, gate=25.0, stretch=10.0, unit="ms")


def _ratios(rounds: Sequence[Rounds], engines: Sequence[str], plan: Plan) -> Iterator[Ratio]:
    gates = {"SQLite": ((0.55, 0.70), (0.60, 0.70)), "PostgreSQL": ((0.50, 0.60), (0.52, 0.62))}
    by_name = {(each.service, each.connections): each for each in rounds}
    most = plan.levels[-1][0]
    for engine in engines:
        (rate, better_rate), (cpu, better_cpu) = gates[engine]
        ours = by_name[engine, most]
        of_bare = ours.median(lambda pair: pair.of_bare)
        cpu_ratio = ours.median(lambda pair: pair.cpu_ratio)
        yield at_least(
            f"documents/s over bare verify + sync, {engine}, {most} connections", of_bare, gate=rate,
            stretch=better_rate,
        )  # fmt: skip
        yield at_least(
            f"CPU of a document, bare over node, {engine}, {most} connections", cpu_ratio, gate=cpu,
            stretch=better_cpu,
        )  # fmt: skip
    for engine in engines:
        if (f"{engine}, {TWIN}", 32) not in by_name:
            continue
        times = over(by_name[engine, 32], by_name[f"{engine}, {TWIN}", 32])
        yield at_least(f"documents/s over the naive twin, {engine}, 32 connections", times, gate=12, stretch=20)


def postgres(stack: ExitStack) -> PostgresServer | None:
    """Start a server that syncs what it commits, for as long as the stack; None where the programs are missing."""
    try:
        server = PostgresServer.own(fsync=True)
    except PostgresUnavailable as error:
        tell(f"without PostgreSQL: {error}")
        return None
    stack.callback(server.stop)
    return server


def tell(text: str) -> None:
    """Say how far the measuring is."""
    print(f"  {text}", file=sys.stderr, flush=True)
