"""`truc` whose worker leaves the ledger, or part of what it does for it, alone: what a node costs without that.

Run as `python -m bench.unsealed serve` with TRUC_BENCH_LEDGER=none or =sealed, by `bench.sealing`; with one
server process, for others would not be like it.
"""

import asyncio
import os
from typing import Any

from app.cli import main
from app.worker import ledgering


async def _rest(*_given: Any) -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    left_alone = {"none": ("seal", "ring", "publish", "make_findable"), "sealed": ("publish", "make_findable")}
    # Taken out, for a node refuses settings it does not know.
    for name in left_alone[os.environ.pop("TRUC_BENCH_LEDGER")]:
        setattr(ledgering, name, _rest)
    main()
