"""The processes that look into PDFs, as seen from the node: started when first needed, killed when they take too long.

A process of its own and not a pool of `concurrent.futures`: one that hangs can be killed without harm to its
neighbours, it inherits neither memory nor environment of the node, and what it answers is read as JSON, never
unpickled.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from app.exchange.pdf_told import read
from app.signing.pdf_found import PdfExamination, PdfLimits

FILES_MAX: Final = 200
"""Files after which a process is replaced, whatever it may have kept of them."""
_ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
START_SECONDS: Final = 30.0
"""What a process may take longer for its first file: it has to load its code."""


class PdfNotRead(Exception):
    """The process died, hung or answered nonsense; the file may do so again, or the machine was in need."""


@dataclass(slots=True)
class _Worker:
    process: Process
    files: int = 0


@dataclass(slots=True)
class PdfReaders:
    """A bounded number of processes, one file at a time each. For one event loop.

    Attributes:
        processes: how many there may be.
        seconds_max: longest time for one file; whoever takes longer is killed.
        start_seconds: how much longer a process's first file may take.
    """

    processes: int
    seconds_max: float
    start_seconds: float = START_SECONDS
    _idle: list[_Worker] = field(default_factory=list)
    _turns: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._turns = asyncio.Semaphore(max(1, self.processes))

    async def examine(self, path: Path, *, limits: PdfLimits) -> PdfExamination:
        """Have a file looked into.

        Raises:
            PdfNotRead: nothing can be said about it, this time.
        """
        async with self._turns:
            worker = self._idle.pop() if self._idle else _Worker(await _start())
            try:
                async with asyncio.timeout(self._patience(worker)):
                    found = await self._asked(worker, path, limits)
            except (TimeoutError, OSError, EOFError, ValueError, KeyError, TypeError) as error:
                raise PdfNotRead(f"{type(error).__name__} while a PDF was looked into") from error
            else:
                worker.files += 1
                if worker.files < FILES_MAX:
                    self._idle.append(worker)
                return found
            finally:
                # Also where the one who asked was cancelled: an answer that comes late must not be taken for another's.
                if worker not in self._idle:
                    await _end(worker)

    async def close(self) -> None:
        """End the processes that wait; those at work are ended by whoever waits for them."""
        while self._idle:
            await _end(self._idle.pop())

    def _patience(self, worker: _Worker) -> float:
        return self.seconds_max if worker.files else self.seconds_max + self.start_seconds

    async def _asked(self, worker: _Worker, path: Path, limits: PdfLimits) -> PdfExamination:
        writer, reader = worker.process.stdin, worker.process.stdout
        assert writer is not None, "started with pipes"
        assert reader is not None, "started with pipes"
        asked = {"path": str(path), "limits": asdict(limits), "seconds": int(self.seconds_max) + 1}
        writer.write(json.dumps(asked).encode("ascii") + b"\n")
        await writer.drain()
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the process ended")
        return read(line)


async def _start() -> Process:
    # The environment holds the node's settings, secrets among them; the process gets where its code lies and no more.
    environment = {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.exchange.pdf_process",
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=environment,
        limit=_ANSWER_BYTES_MAX,
        # Its own group: Ctrl-C on the node's terminal is for the node, which ends it in order.
        start_new_session=True,
    )


async def _end(worker: _Worker) -> None:
    with suppress(ProcessLookupError):
        worker.process.kill()
    await asyncio.shield(worker.process.wait())
