"""Which room of the code a function belongs to, and what the functions of a room cost together; pure."""

from collections import Counter
from pathlib import Path
from typing import Any


def by_room(stats: dict[Any, Any]) -> "Counter[str]":
    """Add up the time of functions by room, of built-in ones by the rooms that called them; waiting is left out."""
    times: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, callers) in stats.items():
        if "epoll" in name or "_run_once" in name:
            continue
        if file != "~":
            times[room_of(file)] += own
            continue
        for (caller, _, _), figures in callers.items():
            times[room_of(caller)] += figures[2]
    return times


def room_of(file: str) -> str:
    """Name the room of our code, the library, or Python itself, that a file belongs to."""
    parts = Path(file).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1].removesuffix(".py")
    if "app" in parts:
        below = parts[parts.index("app") + 1 :]
        return "app/" + (f"{below[0]}" if len(below) > 1 else below[0].removesuffix(".py"))
    if "asyncio" in parts:
        return "asyncio"
    return "Python"
