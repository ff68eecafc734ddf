"""A node as a process of its own, to be killed: `kill -9` leaves it no last word."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import httpx2

from app.settings import Settings
from tests.exchange.conftest import QUIET
from tests.support.agency import AgencySystem
from tests.support.node import running_node
from tests.support.office import Office, exchange_on

START_SECONDS_MAX = 60.0

# Children of a process that has loaded the node already start in a tenth of the time.
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["app.main"])


def serve(settings: dict[str, Any]) -> None:
    """Be a node."""
    import uvicorn

    from app.main import SERVER_OPTIONS, configure_logs, create_app

    chosen = Settings(**settings)
    configure_logs(chosen)
    uvicorn.run(create_app(chosen), host=chosen.host, port=chosen.port, log_level="error", **SERVER_OPTIONS)


class NodeProcess:
    """A node with a process number."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._child: Any = None

    @property
    def pid(self) -> int:
        """Its number."""
        pid: int = self._child.pid
        return pid

    def start(self) -> Self:
        """Start it by forking and wait until it is ready."""
        chosen = self.settings.model_dump(exclude_unset=True)
        self._child = _forks.Process(target=serve, args=(chosen,), daemon=True)
        self._child.start()
        self._wait()
        return self

    def start_as_operators_do(self) -> Self:
        """Start it by the command line and the environment, and wait until it is ready."""
        chosen = self.settings.model_dump(mode="json", exclude_unset=True)
        environment = {f"TRUC_{name.upper()}": str(value) for name, value in chosen.items()}
        command = [str(Path(sys.executable).with_name("truc")), "serve"]
        self._child = subprocess.Popen(command, env=os.environ | environment, stdin=subprocess.DEVNULL)
        self._wait()
        return self

    def kill(self) -> None:
        """End it as a power cut does, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self._child.wait() if isinstance(self._child, subprocess.Popen) else self._child.join()

    def memory(self, name: str) -> int:
        """Read VmRSS or VmHWM in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        if self._child is not None and self._running():
            self.kill()

    def _running(self) -> bool:
        if isinstance(self._child, subprocess.Popen):
            return self._child.poll() is None
        return bool(self._child.is_alive())

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        with httpx2.Client(base_url=self.settings.public_url, timeout=5) as http:
            while time.monotonic() < deadline:
                assert self._running(), "the node ended"
                try:
                    if http.get("/readyz").status_code == 200:
                        return
                except httpx2.TransportError:
                    pass
                time.sleep(0.05)
        raise AssertionError("the node does not answer")


@dataclass(frozen=True)
class Site:
    """Data folder and database of an exchange that no process serves yet; its agencies keep their credentials."""

    settings: Settings
    offices: dict[str, Office]

    @contextmanager
    def connected(self) -> Iterator[dict[str, Office]]:
        """Give the agencies systems with new connections, signed in."""
        with ExitStack() as stack:
            offices = {}
            for code, office in self.offices.items():
                system = AgencySystem(self.settings.public_url, office.system.client_id, office.system.secret)
                offices[code] = replace(office, system=stack.enter_context(system))
            yield offices


def prepared(folder: Path, url: str, *, only: Sequence[str] | None = None, **settings: Any) -> Site:
    """Register agencies, all or those alone that are needed, then let the node that did it end in order."""
    with running_node(folder, url, **(QUIET | settings)) as running, exchange_on(running, only=only) as working:
        return Site(running.settings, dict(working.offices))
