"""The node of the demonstration: a real one, started from the command line as the README says, in a folder of its own.

Never touches another node: settings of the environment are not passed on, every run has a fresh folder, and only
folders that an earlier run marked as its own and nobody uses any more are removed.
"""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx2

from app.simulation.tally import SimulationFailed

PORT_WISHED: Final = 8080
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
_MARK: Final = ".truc-demo"
_BYTECODE: Final = ".bytecode"
_LOOK_SECONDS: Final = 0.05
_LOG_LINES_SHOWN: Final = 15


@dataclass(frozen=True, slots=True)
class NodeFolder:
    """Where one run keeps its node.

    Attributes:
        root: everything is below it.
        port: that the node listens on.
        settings: of the node, besides folder and address; names as in the environment, without the prefix.
    """

    root: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the node answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the node logs."""
        return self.root / "node.log"

    def environment(self) -> dict[str, str]:
        """The environment of every command about this node; nothing of another node's settings is in it."""
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("TRUC_")}
        if kept.pop("PYTHONDONTWRITEBYTECODE", None):
            # Several processes of one program follow; compiling it for each of them takes longer than all they do.
            kept["PYTHONPYCACHEPREFIX"] = str(self.root.parent.absolute() / _BYTECODE)
        chosen = {f"TRUC_{name}": value for name, value in self.settings.items()}
        return {**kept, **chosen, "TRUC_DATA_DIR": str(self.root / "data"), "TRUC_PUBLIC_URL": self.url}

    def run(self, *arguments: str) -> str:
        """Run a `truc` command about this node; returns what it printed.

        Raises:
            SimulationFailed: it did not end well.
        """
        done = subprocess.run(  # noqa: S603 - our own command line
            _command(arguments), env=self.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SimulationFailed(f"truc {' '.join(arguments)} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def run_json(self, *arguments: str) -> Any:
        """Run a `truc` command with `--json`; returns what it printed.

        Raises:
            SimulationFailed: it did not end well, or printed no JSON.
        """
        printed = self.run(*arguments, "--json")
        try:
            return json.loads(printed)
        except ValueError as error:
            raise SimulationFailed(f"truc {' '.join(arguments)} --json printed no JSON: {printed[:200]}") from error

    def keep(self, name: str, content: object) -> Path:
        """Write a JSON file only its owner can read."""
        path = self.root / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=2)
            file.write("\n")
        return path


@contextmanager
def fresh_folder(
    base: Path, *, port: int, at: datetime, settings: Mapping[str, str] | None = None
) -> Iterator[NodeFolder]:
    """Make a folder for a run below `base`, and remove those of runs that have ended.

    Args:
        port: to listen on; 0 takes 8080 or, if that is taken, any free one.
        settings: of the node, see `NodeFolder`.

    Raises:
        SimulationFailed: the port is taken, or the folder cannot be made.
    """
    try:
        base.mkdir(parents=True, exist_ok=True)
        _remove_ended(base)
        root = base / f"run-{at:%Y%m%d-%H%M%S}-{os.getpid()}"
        root.mkdir(mode=0o700)
        mark = (root / _MARK).open("w")
    except OSError as error:
        raise SimulationFailed(f"{base}: {error.strerror}") from error
    with mark:
        # Held as long as this run lives: a run that started meanwhile does not remove its folder.
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield NodeFolder(root, _free_port(port), settings or {})


@contextmanager
def serving(folder: NodeFolder) -> Iterator["subprocess.Popen[bytes]"]:
    """Keep a node running in the folder; at the end of the block it is told to stop."""
    with folder.log.open("wb") as log:
        node = subprocess.Popen(  # noqa: S603 - our own command line
            _command(["serve", "--host", "127.0.0.1", "--port", str(folder.port)]),
            env=folder.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A Ctrl-C at the terminal is for the demonstration, which then stops the node in its own time.
            start_new_session=True,
        )
        try:
            yield node
        finally:
            _stop(node)


async def answering(folder: NodeFolder, node: "subprocess.Popen[bytes]") -> None:
    """Wait until the node says that it is ready.

    Raises:
        SimulationFailed: it ended, or took too long.
    """
    async with httpx2.AsyncClient(trust_env=False) as http:
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if node.poll() is not None:
                raise SimulationFailed(f"the node ended with code {node.returncode}:\n{_log_tail(folder)}")
            with suppress(httpx2.HTTPError):
                if (await http.get(f"{folder.url}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(_LOOK_SECONDS)
    raise SimulationFailed(f"the node was not ready after {START_SECONDS:.0f} s:\n{_log_tail(folder)}")


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "app.cli", *arguments]


def _stop(node: "subprocess.Popen[bytes]") -> None:
    if node.poll() is not None:
        return
    node.send_signal(signal.SIGTERM)
    try:
        node.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        node.kill()
        node.wait()


def _remove_ended(base: Path) -> None:
    for mark in base.glob(f"run-*/{_MARK}"):
        with suppress(OSError), mark.open("r+") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(mark.parent)


def _free_port(wished: int) -> int:
    for port in (wished,) if wished else (PORT_WISHED, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise SimulationFailed(f"port {wished} is taken; choose another one or leave it out")


def _log_tail(folder: NodeFolder) -> str:
    return "\n".join(folder.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:])
