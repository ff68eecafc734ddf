"""`truc demo --year`: a year of exchange in minutes, its figures checked against a count made outside the node."""

import asyncio
import os
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Final

from app.cli.played_node import played_node
from app.errors import RequestInvalid, TrucError
from app.registry import reference
from app.simulation.node_process import fresh_folder
from app.simulation.screen import Screen
from app.simulation.tally import SimulationFailed
from app.simulation.year import START, YearWishes, play_year
from app.store import migrations

_SHOWN: Final = 10


def run_year(wishes: YearWishes, data_dir: Path) -> bool:
    """Play the year on a fresh node; returns whether every figure and the whole log are as they have to be.

    The node's database is the one that TRUC_DATABASE_URL names, which must be empty, or else a new SQLite file.
    """
    screen = Screen()
    failed: list[BaseException] = []
    agreed = False
    try:
        with fresh_folder(data_dir, port=0, at=datetime.now(UTC)) as folder:
            url = os.environ.get("TRUC_DATABASE_URL") or f"sqlite:///{folder.root / 'truc.db'}"
            screen.step(f"a node in {folder.root}, on {url.partition(':')[0]}, with its clock at {START:%d/%m/%Y}")
            migrations.migrate(url)
            agreed = asyncio.run(_play(wishes, folder.root / "data", url, screen))
    except* (SimulationFailed, TrucError) as failures:
        failed.extend(_leaves(failures))
    for failure in failed:
        screen.say(f"FAILED: {failure}")
    return agreed and not failed


async def _play(wishes: YearWishes, data_dir: Path, url: str, screen: Screen) -> bool:
    async with played_node(data_dir, url, at=START) as node:
        if not await node.is_new():
            raise RequestInvalid("the database holds events already; give the year one of its own")
        plan = resources.files(reference).joinpath("reorganisation-2025-07-01.yaml").read_bytes()
        administrator = await node.administrator()
        compared = await play_year(wishes, node.url, administrator, node, screen, reorganisation=plan)
        report = await node.checked()
    for each in report.divergences[:_SHOWN]:
        screen.say(f"{each.step} {each.place}: {each.message}")
    verdict = "complete and consistent" if report.consistent else f"{report.found} divergence(s)"
    screen.say(f"log: {verdict} ({report.size} events, {report.deliveries} deliveries, {report.bodies} bodies)")
    return report.consistent and not compared.differences


def _leaves(failures: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for failure in failures.exceptions:
        found += _leaves(failure) if isinstance(failure, BaseExceptionGroup) else [failure]
    return found
