"""`truc demo`: the simulated country against a real node."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the table, with 1 if anything failed.")] = False,
    data_dir: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Each run gets a fresh folder below it; ended runs are removed.")
    ] = Path("demo-data"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: 8080, or any free one if it is taken.")] = 0,
    documents: Annotated[
        int | None,
        typer.Option(
            min=1, max=90_000, help="How many documents are sent, replies aside; else 150, or what 20 s allow."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed and --documents give the same traffic.")] = 2026,
    year: Annotated[
        int | None,
        typer.Option(min=2025, max=2025, help="Play through this year instead, 3,000 documents unless told otherwise."),
    ] = None,
) -> None:
    """Run a country of four tiers against a node of its own, and check what the node says about it.

    Agencies' systems send signed edXML over HTTP, poll, fetch, check, acknowledge and answer; what must be refused is
    tried and refused; the month's table is printed, and the log is verified. Then the node stays up until Ctrl-C.

    With --year the node's clock is moved through all of 2025, and every published figure is compared with a count made
    outside the node; ends with 1 if any differs.
    """
    if year is not None:
        from app.cli.played_year import run_year
        from app.simulation.year import DOCUMENTS, YearWishes

        if not run_year(YearWishes(documents or DOCUMENTS, seed), data_dir):
            raise typer.Exit(1)
        return
    from app.simulation.demo import Wishes, run

    if not run(Wishes(once=once, data_dir=data_dir, port=port, documents=documents, seed=seed)):
        raise typer.Exit(1)
