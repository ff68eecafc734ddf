"""The year from end to end: settle the country, play the script, compare the figures, show both."""

from dataclasses import dataclass

from app.simulation.screen import Screen
from app.simulation.year import calendar
from app.simulation.year.books import Books, Standing
from app.simulation.year.comparison import Compared, compare
from app.simulation.year.country import AGENCIES
from app.simulation.year.play import Player
from app.simulation.year.refusals import attempts
from app.simulation.year.script import write
from app.simulation.year.settling import settled
from app.simulation.year.steering import Steering
from app.simulation.year.tables import show

DOCUMENTS = 3_000
"""As many as take some minutes."""
_REFUSED_SHARE = 0.03
_TOLD_TIMES = 10


@dataclass(frozen=True, slots=True)
class YearWishes:
    """What was asked for.

    Attributes:
        documents: how many are sent.
        seed: the same gives the same year.
    """

    documents: int = DOCUMENTS
    seed: int = 2025


START = calendar.at(calendar.worked_days()[0], 7)
"""Where the clock of the node must stand at the beginning."""


async def play_year(
    wishes: YearWishes,
    url: str,
    administrator: tuple[str, str],
    steering: Steering,
    screen: Screen,
    *,
    reorganisation: bytes,
) -> Compared:
    """Play the year against a node; returns what the comparison gave.

    Args:
        reorganisation: the plan for 1 July 2025, in YAML.
        administrator: id and secret of a client that may change the registry.

    Raises:
        SimulationFailed: the node did something else than it has to.
    """
    screen.step(f"settling {len(AGENCIES)} agencies of three provinces and the centre, as of 1 January 2025")
    async with settled(url, administrator, steering) as country:
        script = write(wishes.documents, seed=wishes.seed)
        moments = sorted({each.sent_at for each in script})
        spoiling = attempts(
            moments,
            max(round(wishes.documents * _REFUSED_SHARE), 5),
            seed=wishes.seed,
            first_number=wishes.documents + 1,
        )
        books = Books({agency.code: Standing(agency.tier, agency.branch) for agency in AGENCIES})
        told = [0]

        def tell(documents: int) -> None:
            if documents * _TOLD_TIMES // wishes.documents > told[0]:
                told[0] = documents * _TOLD_TIMES // wishes.documents
                screen.step(f"{steering.now:%d/%m/%Y}: {documents} documents, {len(books.lines)} lines in the books")

        player = Player(
            wishes.seed,
            country.desks,
            country.names,
            books,
            country.checker,
            steering,
            country.stranger,
            country.admin,
            reorganisation,
            tell,
        )
        await player.play(script, spoiling)
        screen.step("31 December: adding the books up, and reading what the node publishes")
        compared = await compare(country.statistician, books)
        await show(screen, country.statistician, books, compared)
    return compared
