"""`python -m bench [--quick]`: every ratio, as a table and in `bench/latest.json`; ends with 1 where one fails."""

import sys

from bench import verification
from bench.ratios import show

if __name__ == "__main__":
    found = list(verification.measured(quick="--quick" in sys.argv[1:]))
    show(found)
    sys.exit(0 if all(each.holds for each in found) else 1)
