"""The process that looks into PDFs: one line of JSON in for each file, one line out, until the input ends.

Run as `python -m app.exchange.pdf_process` by `pdf_readers`. It has no database, no key and no settings; its memory and
time of CPU are limited, so that an evil file harms nobody but this process, and it goes when the node goes.
"""

import json
import logging
import resource
import sys
from pathlib import Path

from app.exchange.pdf_told import written
from app.signing.pdf import examine
from app.signing.pdf_found import PdfLimits

MEMORY_BYTES_MAX = 1024 * 1024 * 1024
"""Address space of the process; a PDF of 64 MiB with signatures needs a quarter of it."""


def main() -> None:
    """Answer until the input ends."""
    logging.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        _limit_time(asked["seconds"])
        with Path(asked["path"]).open("rb") as file:
            examination = examine(file, limits=PdfLimits(**asked["limits"]))
        sys.stdout.buffer.write(written(examination).encode("ascii") + b"\n")
        sys.stdout.buffer.flush()


def _limit_time(seconds: int) -> None:
    """Have the kernel end this process where the one that waits for it is no longer there to do so."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(used.ru_utime + used.ru_stime) + 2 * seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
