"""What processes cost, and on which machine: read from /proc."""

import os
import platform
import sqlite3
import subprocess
from contextlib import suppress
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """Give a process and everything below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            children.setdefault(int(_fields(stat)[1]), []).append(int(stat.parent.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def processor_seconds(root: int) -> float:
    """Give the processor's time of a process and all below it, those that have ended included; user and system."""
    ticks = 0
    for process in tree(root):
        with suppress(FileNotFoundError, ProcessLookupError):
            ticks += sum(int(each) for each in _fields(Path(f"/proc/{process}/stat"))[11:15])
    return ticks / _TICK


def machine() -> dict[str, str | int]:
    """Describe this machine and what was measured with."""
    model = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "model name: unknown")
    memory = next((line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "MemTotal: 0 kB")
    return {
        "processors": os.cpu_count() or 1,
        "model": model.partition(":")[2].strip(),
        "memory_gib": round(int(memory.split()[1]) / 1024**2),
        "kernel": f"{platform.system()} {platform.release()}",
        "disk": _disk(Path.cwd()),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _postgresql(),
    }


def _postgresql() -> str:
    """Name the newest PostgreSQL server that is installed; empty where there is none."""
    servers = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(servers, key=lambda path: int(path.parent.parent.name), default=None)
    if newest is None:
        return ""
    told = subprocess.run([newest, "--version"], check=True, capture_output=True, text=True).stdout
    return " ".join(told.split()[i] for i in (1, 2)).replace("(PostgreSQL)", "PostgreSQL")


def _fields(stat: Path) -> list[str]:
    # The name in parentheses may hold blanks; after it come the state and the parent.
    return stat.read_text().rpartition(")")[2].split()


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()


def _disk(folder: Path) -> str:
    """Name the file system a folder lies on, and its device."""
    mounts = [line.split()[:3] for line in _lines("/proc/mounts")]
    around = [each for each in mounts if folder.is_relative_to(each[1].replace("\\040", " "))]
    device, _, kind = max(around, key=lambda each: len(each[1]), default=("unknown", "/", "unknown"))
    return f"{kind} on {device.rpartition('/')[2]}"
