"""A real PostgreSQL server for the tests, started from the binaries of this machine and removed afterwards.

Works as root too, where the server refuses to run: it is then started as the system user `postgres`. The server
listens on a free port of 127.0.0.1 and takes everybody who reaches it, which is enough for a directory that lives as
long as the tests.
"""

import asyncio
import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg

MAJOR_VERSION_MIN = 15
START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 20.0
PORT_TRIES_MAX = 5
MEMORY_BYTES_MIN = 2 * 1024**3
URL_VARIABLE = "TRUC_TEST_POSTGRES_URL"


class PostgresUnavailable(RuntimeError):
    """The tests cannot have a PostgreSQL server; the text says what to install or to set."""


class PostgresServer:
    """One server of our own, or one that exists already; hands out databases.

    Attributes:
        url: driver-less, of the maintenance database; its user may create databases.
    """

    def __init__(self, url: str, *, directory: Path | None = None, options: tuple[str, ...] = ()) -> None:
        self.url = url
        self._directory = directory
        self._options = options
        self._server: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, fsync: bool = False) -> Self:
        """Start a new server, or take the one that TRUC_TEST_POSTGRES_URL names.

        Args:
            fsync: write through to the disk, as crash tests need; otherwise the server trades safety for speed.

        Raises:
            PostgresUnavailable: no binaries of version 15 or newer, or the server does not come up.
        """
        existing = os.environ.get(URL_VARIABLE)
        return cls(existing) if existing else cls.own(fsync=fsync)

    @classmethod
    def own(cls, *, fsync: bool = False) -> Self:
        """Start a new server whatever the environment says, for tests that kill it.

        Raises:
            PostgresUnavailable: no binaries of version 15 or newer, or the server does not come up.
        """
        binaries = find_binaries()
        directory = Path(tempfile.mkdtemp(prefix="truc-postgres-", dir=None if fsync else _in_memory()))
        options = (
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "shared_buffers=64MB",
            "timezone=UTC",
            "jit=off",
            # Nothing lives long enough to be tidied; tests of plans have their tables analysed themselves.
            "autovacuum=off",
            *(("fsync=on",) if fsync else ("fsync=off", "full_page_writes=off", "synchronous_commit=off")),
        )
        server = cls("", directory=directory, options=options)
        try:
            _hand_to_postgres(directory)
            server._initialise(binaries)
            for _ in range(PORT_TRIES_MAX):
                port = _free_port()
                server.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
                if server._launch(binaries):
                    return server
        except BaseException:
            server.stop()
            raise
        log = server.log()
        server.stop()
        raise PostgresUnavailable(f"PostgreSQL did not start; its log ends with:\n{log}")

    @property
    def disposable(self) -> bool:
        """Whether this server is ours, to be killed and removed."""
        return self._directory is not None

    def create_database(self, name: str | None = None, *, template: str | None = None) -> str:
        """Create a database and return its driver-less URL.

        Args:
            name: letters, digits and underscores; by default a name that is not taken.
            template: name of the database to copy; nobody may be connected to it.
        """
        name = name or f"truc_{secrets.token_hex(6)}"
        # By file, for by the write-ahead log, as it would be done by itself, costs half as much again.
        copied = f' TEMPLATE "{_plain(template)}" STRATEGY FILE_COPY' if template else ""
        self.execute(f'CREATE DATABASE "{_plain(name)}"{copied}')
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def drop_database(self, url: str) -> None:
        """Drop a database and everybody's connections to it."""
        name = _plain(urlsplit(url).path.removeprefix("/"))
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Execute one statement in the maintenance database."""
        _finish(_execute(self.url, statement))

    def kill(self) -> None:
        """End every process of the server at once, as a power cut would; `restart` brings it back.

        The postmaster is halted first, so that it cannot start what is being killed anew.
        """
        server = self._running()
        os.kill(server.pid, signal.SIGSTOP)
        for process in (server.pid, *_children(server.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        server.wait(STOP_SECONDS_MAX)
        self._server = None

    def restart(self) -> None:
        """Start the server again on the same port and data, after `kill`.

        Raises:
            PostgresUnavailable: it does not come up.
        """
        assert self._server is None, "the server still runs"
        if not self._launch(find_binaries()):
            raise PostgresUnavailable(f"PostgreSQL did not start again; its log ends with:\n{self.log()}")

    def stop(self) -> None:
        """Stop the server and remove its files; a server that existed before is left alone. May be repeated."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
        self._server = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def log(self) -> str:
        """Return the last lines the server wrote."""
        if self._directory is None:
            return ""
        path = self._directory / "log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-20:]) if path.exists() else ""

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._server is not None, "no server of ours runs"
        return self._server

    def _data(self) -> Path:
        assert self._directory is not None
        return self._directory / "data"

    def _initialise(self, binaries: Path) -> None:
        arguments = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
        command = [*_as_postgres(), str(binaries / "initdb"), *arguments, "-D", str(self._data())]
        made = subprocess.run(command, capture_output=True, text=True, cwd=self._directory, timeout=START_SECONDS_MAX)
        if made.returncode != 0:
            raise PostgresUnavailable(f"initdb failed:\n{made.stdout}{made.stderr}")

    def _launch(self, binaries: Path) -> bool:
        assert self._directory is not None
        settings = [f"port={urlsplit(self.url).port}", *self._options]
        command = [*_as_postgres(), str(binaries / "postgres"), "-D", str(self._data())]
        for setting in settings:
            command += ["-c", setting]
        with (self._directory / "log").open("ab") as log:
            # A session of its own: Ctrl-C at the tests reaches pytest, which then stops the server in order.
            self._server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._directory, start_new_session=True
            )
        if self._comes_up():
            return True
        if self._server.poll() is None:
            self.kill()
        self._server = None
        return False

    def _comes_up(self) -> bool:
        """Wait until the postmaster says so; a file left by a killed one carries another process number."""
        server = self._running()
        status = self._data() / "postmaster.pid"
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and server.poll() is None:
            lines = status.read_text().splitlines() if status.exists() else []
            if len(lines) >= 8 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(0.01)
        return False


def _in_memory() -> Path | None:
    """Return a folder in memory where there is room; None: the usual one.

    A database a test is a thousand files made and removed, on a disk half of what all tests cost.
    """
    folder = Path("/dev/shm")
    if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= MEMORY_BYTES_MIN:
        return folder
    return None


def find_binaries() -> Path:
    """Return the folder of the newest PostgreSQL server on this machine.

    Raises:
        PostgresUnavailable: there is none of version 15 or newer, or nobody to run it as.
    """
    folders = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").exists()]
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    newest = max(folders, key=_major_version, default=None)
    if newest is None or _major_version(newest) < MAJOR_VERSION_MIN:
        raise PostgresUnavailable(
            f"These tests need PostgreSQL {MAJOR_VERSION_MIN} or newer. Install it (Debian: apt-get install "
            f"postgresql, or sh .ci/system as root), or name a server in {URL_VARIABLE}, "
            "as a user who may create databases."
        )
    if os.geteuid() == 0:
        _postgres_user()
    return newest


def _major_version(folder: Path) -> int:
    answer = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, timeout=START_SECONDS_MAX
    )
    found = re.search(r"\d+", answer.stdout)
    return int(found[0]) if found else 0


def _postgres_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresUnavailable(
            f"PostgreSQL does not run as root and there is no user `postgres`: add one, run the tests as another user, "
            f"or name a server in {URL_VARIABLE}."
        ) from None


def _as_postgres() -> list[str]:
    """Return the words to put before a command that must not run as root; they end when the tests are killed."""
    dropped = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *dropped, "--pdeathsig=QUIT", "--"] if shutil.which("setpriv") else []


def _hand_to_postgres(directory: Path) -> None:
    if os.geteuid() == 0:
        user = _postgres_user()
        os.chown(directory, user.pw_uid, user.pw_gid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _children(parent: int) -> list[int]:
    """Read the process table itself: `ps` is not on every machine."""
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name in parentheses may hold blanks; after it come the state and the parent.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                children.append(int(stat.parent.name))
    return children


def _plain(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,63}", name):
        raise ValueError(f"not a plain database name: {name[:80]!r}")
    return name


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end on a loop of its own, so that fixtures and async tests alike may ask."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()
