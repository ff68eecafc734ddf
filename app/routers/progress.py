"""Telling how far long work is: lines of JSON while it goes on, and its outcome, or the problem, as the last one."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel

from app.errors import TrucError
from app.registry.agency_import import Progress, Tell
from app.routers import problems

T = TypeVar("T")


async def as_lines(
    request: Request, work: Callable[[Tell], Awaitable[T]], show: Callable[[T], BaseModel]
) -> AsyncIterator[str]:
    """Do work and tell of it: `{"progress": …}` any number of times, then `{"report": …}` or `{"problem": …}`.

    The status is 200 before the outcome is known; who asks for lines reads the last one. If he goes away, the work is
    stopped, and as it is one transaction, nothing of it remains.
    """
    steps: asyncio.Queue[Progress | None] = asyncio.Queue()
    task = asyncio.ensure_future(_worked(work, steps))
    try:
        while (step := await steps.get()) is not None:
            yield _line("progress", {"stage": step.stage.value, "done": step.done, "of": step.of})
        try:
            yield _line("report", show(await task).model_dump(mode="json"))
        except TrucError as error:
            yield _line("problem", json.loads(bytes(problems.refusal(request, error).body)))
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, TrucError):
            await task


async def _worked(work: Callable[[Tell], Awaitable[T]], steps: "asyncio.Queue[Progress | None]") -> T:
    try:
        return await work(steps.put_nowait)
    finally:
        steps.put_nowait(None)


def _line(name: str, value: Any) -> str:
    return f"{json.dumps({name: value}, ensure_ascii=False)}\n"
