"""The processes that share one check of the log, as seen from the one that writes its report."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import Unavailable
from app.ledger.check_parts import DocumentsAsked, EventsAsked, SoundDocuments, SoundEvents, Split
from app.ledger.tree import HASH_OCTETS

_ANSWER_OCTETS_MAX: Final = 256 * 1024 * 1024
_PARTS_EACH: Final = 2


@dataclass(slots=True)
class CheckReaders:
    """Processes that look at one part at a time each. For one event loop.

    Attributes:
        ahead: parts that may be asked for at once: each has its next one waiting when it is done.
    """

    ahead: int
    _idle: "asyncio.Queue[Process]" = field(default_factory=asyncio.Queue)

    async def events(self, asked: EventsAsked) -> SoundEvents | None:
        """Have events looked at; None where they are not sound.

        Raises:
            Unavailable: a process ended.
        """
        width = (asked.until + 1 - asked.first) * HASH_OCTETS
        told, leaves = await self._told({"events": asked}, octets=width)
        if told is None:
            return None
        octets, touched, counted = told
        return SoundEvents(octets, touched, counted, leaves)

    async def documents(self, asked: DocumentsAsked) -> SoundDocuments | None:
        """Have documents looked at; None where they are not sound.

        Raises:
            Unavailable: a process ended.
        """
        told, _ = await self._told({"documents": asked})
        return None if told is None else SoundDocuments(*told)

    async def _told(self, asked: object, *, octets: int = 0) -> tuple[Any, bytes]:
        process = await self._idle.get()
        found = await _answered(process, asked, octets)
        # Not where it failed: what comes late must not be taken for another's answer.
        self._idle.put_nowait(process)
        return found


@asynccontextmanager
async def readers(split: Split, *, snapshot: str | None) -> AsyncIterator[CheckReaders]:
    """Start processes, and end them with the block.

    Args:
        snapshot: what `census.shared` gave of the transaction of the one that asks.

    Raises:
        Unavailable: one does not start, or ended.
    """
    processes: list[Process] = []
    found = CheckReaders(split.jobs * _PARTS_EACH)
    receipts = split.receipts and {"keys": str(split.receipts.keys), "typ": split.receipts.typ}
    begin = {"url": split.url, "snapshot": snapshot, "receipts": receipts}
    try:
        for _ in range(split.jobs):
            processes.append(await _start())
        for process in processes:
            _ask(process, begin)
        for process in processes:
            await _read(process, 0)
            found._idle.put_nowait(process)
        yield found
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
        for process in processes:
            await asyncio.shield(process.wait())


async def _start() -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.ledger.check_process",
        stdin=PIPE,
        stdout=PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
        limit=_ANSWER_OCTETS_MAX,
        # Its own group: Ctrl-C is for the one that asks, which ends it in order.
        start_new_session=True,
    )


async def _answered(process: Process, asked: object, octets: int) -> tuple[Any, bytes]:
    _ask(process, asked)
    return await _read(process, octets)


def _ask(process: Process, asked: object) -> None:
    assert process.stdin is not None, "started with pipes"
    process.stdin.write(json.dumps(asked).encode("ascii") + b"\n")


async def _read(process: Process, octets: int) -> tuple[Any, bytes]:
    """Read an answer, and the octets that follow one that is no null."""
    assert process.stdout is not None, "started with pipes"
    try:
        told = json.loads(await process.stdout.readuntil(b"\n"))
        return told, await process.stdout.readexactly(octets if told is not None else 0)
    except (EOFError, OSError, ValueError) as error:
        raise Unavailable("a process that shares the check ended; what it looked at is not verified") from error
