"""What `bench.ledger` found on a ledger of millions of events, told again: it takes too long for every run.

    .venv/bin/python -m bench.ledger --json bench-data/ledger.json

Gives nothing where that was not run. These are milliseconds of whatever the machine did then, and so no ratios.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.ratios import Ratio, Table, at_most

FOUND = Path("bench-data/ledger.json")
GATES = {"inclusion proof": (10.0, 3.0), "report of a month by agency": (50.0, 15.0)}
AUDIT, AUDIT_GATES = "audit ", (50.0, 15.0)


def measured(*, quick: bool) -> Iterator[Ratio | Table]:
    """Tell what was found, where there is something."""
    if FOUND.exists() and not quick:
        at = datetime.fromtimestamp(FOUND.stat().st_mtime, UTC)
        yield from told(json.loads(FOUND.read_text(encoding="utf-8")), at=at)


def told(found: list[dict[str, Any]], *, at: datetime) -> Iterator[Ratio | Table]:
    """Make gates and a table of what was found."""
    for each in found:
        if each["measure"] in GATES:
            gate, stretch = GATES[each["measure"]]
            yield at_most(
                f"{each['measure']}, large ledger", each["milliseconds"], gate=gate, stretch=stretch, unit="ms"
            )
    audits = [each for each in found if each["measure"].startswith(AUDIT)]
    if audits:
        slowest = max(audits, key=lambda each: float(each["milliseconds"]))
        name = f"slowest of {len(audits)} audit pages ({slowest['measure'].removeprefix(AUDIT)}), large ledger"
        yield at_most(name, slowest["milliseconds"], gate=AUDIT_GATES[0], stretch=AUDIT_GATES[1], unit="ms")
    rows = tuple(
        (each["measure"], f"{each['milliseconds']:.2f}", f"{each['processor']:.2f}", f"{each['first']:.2f}")
        for each in found
        if "ratio" not in each["measure"]
    )
    columns = ("measure", "median ms", "of it the processor's", "first ms")
    yield Table(f"A large ledger, made by bench.ledger and asked on {at:%Y-%m-%d}", columns, rows)
