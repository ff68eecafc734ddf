"""`python -m bench [--quick] [--only NAME …]`: every measure, as tables, in `bench/latest.json` and on the page.

Ends with 1 where a measure could not be made, or a gate is missed that is not known to be.
"""

import argparse
import importlib
import sys
import time
import traceback
from datetime import UTC, datetime

from bench import page
from bench.processes import machine
from bench.ratios import Ratio, Table, keep, known, show

MEASURES = ("verification", "submission", "sealing", "gathering", "profiled", "doors", "polling", "large_ledger")
"""Modules of this package with `measured(quick=…)`, in their order; each gives ratios and tables."""


def main() -> int:
    """Measure, show, keep."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few and short rounds; the page stays as it is")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=MEASURES, help="nothing but these")
    asked = parser.parse_args()
    began, found, broken = datetime.now(UTC), [], []
    for name in asked.only:
        started = time.monotonic()
        try:
            for each in importlib.import_module(f"bench.{name}").measured(quick=asked.quick):
                assert isinstance(each, Ratio | Table)
                found.append(each)
        except Exception:  # noqa: BLE001 -- one measure that fails must not cost what the others found
            traceback.print_exc()
            broken.append(name)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    show(found)
    kept = keep(found, at=f"{began:%Y-%m-%d %H:%M} UTC", quick=asked.quick, machine=machine(), broken=broken)
    if not asked.quick and tuple(asked.only) == MEASURES:
        page.write(kept)
    missed = [each for each in found if isinstance(each, Ratio) and not each.holds and not known(each.measure)]
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
