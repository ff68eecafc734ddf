"""The reckoning: the node's figures against the own count, its log against itself, and all of it on the screen."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from app.client import NodeClient
from app.edxml.model import VIETNAM
from app.simulation.node_process import NodeFolder
from app.simulation.screen import BRANCH_NAMES, TIER_NAMES, Screen
from app.simulation.settlement import expect
from app.simulation.tally import MEASURES, SimulationFailed, Tally

SEAL_SECONDS: Final = 20.0
"""How long to wait until the last events are in the figures; the node needs a second."""
_LOOK_SECONDS: Final = 0.2
_PAGE: Final = 500
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was tried.

    Attributes:
        tried: what was wrong with it.
        answered: what the node said.
        as_it_must_be: whether that is what it has to say.
    """

    tried: str
    answered: str
    as_it_must_be: bool


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What is compared at the end.

    Attributes:
        first_month: of the run, `YYYY-MM`; the last one is the present one.
    """

    tally: Tally
    statistician: NodeClient
    auditor: NodeClient
    first_month: str
    refusals: Sequence[Refusal]

    async def show(self, folder: NodeFolder, screen: Screen) -> None:
        """Compare everything and show it.

        Raises:
            SimulationFailed: figures differ, the log is not whole, or something was not refused as it must be.
        """
        months = {"from": self.first_month, "to": month_of(datetime.now(UTC))}
        by_agency = await self._published(months)
        await self._check_drill_down(by_agency)
        for by, names in (("tier", TIER_NAMES), ("branch", BRANCH_NAMES)):
            title = f"Exchange {' – '.join(dict.fromkeys(months.values()))} by {by}"
            screen.figures(title, by, _summed(await self._figures(by, months), by), names)
        took_part = expect(await self.statistician.get("/v1/statistics/participation", month=months["to"]))
        screen.participation(f"Who exchanged in {months['to']}", took_part["items"])
        screen.refusals([(each.tried, each.answered, each.as_it_must_be) for each in self.refusals])
        self._tell(screen)
        checked = await asyncio.to_thread(folder.run, "log", "verify")
        screen.say(checked.strip())
        wrong = [each.tried for each in self.refusals if not each.as_it_must_be]
        if wrong:
            raise SimulationFailed(f"not refused as it must be: {'; '.join(wrong)}")
        screen.say("figures: the node publishes exactly what the simulation counted itself")

    def _tell(self, screen: Screen) -> None:
        tally = self.tally
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.kinds.items()))
        statuses = ", ".join(f"{code}: {count}" for code, count in sorted(tally.statuses.items()))
        screen.say(
            f"documents: {kinds}; {tally.bytes_sent / 1024**2:.1f} MiB; {tally.replayed} sent twice, counted once"
        )
        screen.say(f"statuses: {statuses}")
        screen.say(f"messages that recipients verified for themselves: {tally.verified}")

    async def _figures(self, by: str, months: dict[str, str]) -> list[dict[str, Any]]:
        pages = self.statistician.pages("/v1/statistics/exchange", by=by, limit=_PAGE, **months)
        return [row async for row in pages]

    async def _published(self, months: dict[str, str]) -> list[dict[str, Any]]:
        """Return the node's figures by agency, once the last events are in them.

        Raises:
            SimulationFailed: they are not those of the own count, however long one waits.
        """
        deadline = datetime.now(UTC) + timedelta(seconds=SEAL_SECONDS)
        while True:
            rows = await self._figures("agency", months)
            differences = self.tally.differences(rows)
            if not differences:
                return rows
            if datetime.now(UTC) > deadline:
                raise SimulationFailed(f"the node's figures are others: {'; '.join(differences[:_SHOWN])}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _check_drill_down(self, by_agency: Sequence[dict[str, Any]]) -> None:
        """Follow the largest figure to the events it counts.

        Raises:
            SimulationFailed: the log lists more or fewer.
        """
        busiest = max(by_agency, key=lambda row: int(row["received"]))
        path, _, query = str(busiest["links"]["received"]).partition("?")
        events = [event async for event in self.auditor.pages(path, **dict(parse_qsl(query)), limit=_PAGE)]
        if len(events) != busiest["received"]:
            raise SimulationFailed(f"{busiest['agency']} received {busiest['received']}, the log lists {len(events)}")


def month_of(moment: datetime) -> str:
    """Return the month a moment falls in, in Vietnam."""
    return f"{moment.astimezone(VIETNAM):%Y-%m}"


def _summed(rows: Sequence[dict[str, Any]], by: str) -> list[dict[str, Any]]:
    """Add up rows of several months."""
    summed: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = summed.setdefault(row[by], {by: row[by], **dict.fromkeys(MEASURES, 0)})
        for measure in MEASURES:
            entry[measure] += row[measure]
    return list(summed.values())
