"""A real node as an operator starts it, on a fresh database in which everybody is registered who sends and receives.

What is registered is the same in every round, so it is made once for each engine and copied: a folder, and a file or a
template of a database.
"""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import sqlalchemy as sa

from app.edxml.organ_id import OrganId
from app.ledger.seal import seal_all
from app.registry import anchors, certificates, clients, revocation_lists
from app.registry.acts import Act
from app.registry.agency_import import import_csv
from app.registry.model import CertificateKind, Grant, Scope
from app.registry.reference import load_reference
from app.simulation.country import AGENCIES, import_file
from app.store import journal, migrations, schema
from app.store.database import Database, Transaction
from bench import processes, twin
from bench.corpus import SYSTEM, authorities
from tests.support.postgres import PostgresServer

START_SECONDS = 180.0
PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.05
_STILL_SECONDS = 0.3
_BYTECODE = Path(tempfile.gettempdir()) / "truc-bench-bytecode"
SETTINGS = {"REVOCATION_FETCH": "false", "CLOSE_MONTHS": "false", "LOG_LEVEL": "warning", "PDF_PROCESSES": "0"}
"""Nothing is fetched from an authority nobody runs, no month of the past is closed, and PDFs are not looked into, which
happens long after the answer and is measured by itself; all else is as it ships.
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every round starts from.

    Attributes:
        folder: with the template, and with the nodes of the rounds.
        server: of PostgreSQL; None: SQLite.
        client: id and secret of the system that sends.
    """

    folder: Path
    server: PostgresServer | None
    client: tuple[str, str]

    @property
    def engine(self) -> str:
        """Its name, as people write it."""
        return "PostgreSQL" if self.server else "SQLite"


@dataclass(frozen=True, slots=True)
class Served:
    """A service under measurement.

    Attributes:
        url: where it answers.
        roots: of its processes and its database's; their trees are what it costs.
        database_url: driver-less.
        token: of the client that sends.
        seals: whether it has a log that is sealed after the answers.
    """

    url: str
    roots: tuple[int, ...]
    database_url: str
    token: str
    seals: bool = True

    def processor_seconds(self) -> float:
        """What it has cost so far, its database included."""
        return sum(map(processes.processor_seconds, self.roots))

    def accepted(self) -> int:
        """Ask its database how many documents there are."""
        return asyncio.run(_accepted(self.database_url))

    def seconds_to_seal(self) -> float:
        """Wait until everything accepted is sealed and give how long that took.

        Raises:
            RuntimeError: it takes longer than anybody waits.
        """
        return asyncio.run(_until(self.database_url, _is_sealed)) if self.seals else 0.0

    def seconds_to_settle(self) -> float:
        """Wait until what was under way is accepted or given up, and sealed; give how long that took.

        Raises:
            RuntimeError: it takes longer than anybody waits.
        """
        began, before = time.perf_counter(), -1
        while (now := self.accepted()) != before:
            before = now
            self.seconds_to_seal()
            done = time.perf_counter()
            time.sleep(_STILL_SECONDS)
        return done - began

    def seconds_to_inspect(self) -> float:
        """Wait until the PDFs of everything accepted were looked into and give how long that took.

        Raises:
            RuntimeError: it takes longer than anybody waits.
        """
        return asyncio.run(_until(self.database_url, _is_inspected))


def prepared(folder: Path, corpora: Path, server: PostgresServer | None) -> Ground:
    """Make the template: a migrated database with agencies, seals, trust and the client.

    Args:
        folder: a fresh one.
        corpora: where the corpora and their authorities lie.
        server: where the database is to be; None: an SQLite file.
    """
    template = folder / "template"
    template.mkdir(parents=True)
    url = server.create_database(_template_name(folder)) if server else f"sqlite:///{template / 'truc.db'}"
    migrations.migrate(url)
    client = asyncio.run(_settled(url, corpora))
    return Ground(folder, server, client)


@contextmanager
def node(
    ground: Ground,
    *,
    workers: int,
    settings: Mapping[str, str] | None = None,
    program: str = "app.cli",
    seals: bool = True,
) -> Iterator[Served]:
    """Run a node on a copy of the template.

    Args:
        workers: its server processes.
        program: module that is run.
        seals: whether that one keeps a log.
        settings: names as in the environment, without the prefix, and what differs from the defaults.
    """
    chosen = {f"TRUC_{name}": value for name, value in {**SETTINGS, **(settings or {})}.items()}
    with copied(ground) as (data, url):
        environment = chosen | {"TRUC_DATA_DIR": str(data), "TRUC_DATABASE_URL": url}
        command = [sys.executable, "-m", program, "serve", "--workers", str(workers)]
        with started(command, environment, data.parent / "log", ready="/readyz") as (address, process):
            token = _signed_in(address, ground.client)
            roots = (process, *_database_root(ground))
            served = Served(address, roots, url, token, seals)
            served.seconds_to_seal()
            yield served


@contextmanager
def naive_twin(ground: Ground, corpora: Path, *, workers: int) -> Iterator[Served]:
    """Run the naive twin on a fresh database of the same engine."""
    folder, token = ground.folder / "twin", secrets.token_hex()
    folder.mkdir()
    url = ground.server.create_database() if ground.server else f"sqlite:///{folder / 'twin.db'}"
    known = authorities(corpora)
    names = {agency.code: agency.name for agency in AGENCIES}
    try:
        asyncio.run(twin.register(url, token, names, known.seals, known.issuer))
        command = [sys.executable, "-m", "bench.twin", "--workers", str(workers)]
        environment = {"TWIN_DATABASE": url}
        with started(command, environment, folder / "log", ready="/healthz") as (address, process):
            yield Served(address, (process, *_database_root(ground)), url, token, seals=False)
    finally:
        if ground.server:
            ground.server.drop_database(url)
        shutil.rmtree(folder)


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], log: Path, *, ready: str
) -> Iterator[tuple[str, int]]:
    """Start a server on a free port, which it is told by `--port`; gives its address and process.

    Raises:
        RuntimeError: it does not come up; the text has the end of its log.
    """
    port = _free_port()
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("TRUC_")}
    if kept.pop("PYTHONDONTWRITEBYTECODE", None):
        # Compiling the program anew for each round takes longer than the round.
        kept["PYTHONPYCACHEPREFIX"] = str(_BYTECODE)
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "--port", str(port)], env=kept | dict(environment), stdin=subprocess.DEVNULL, stdout=out,
            stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        _answers(f"http://127.0.0.1:{port}{ready}", server, log)
        yield f"http://127.0.0.1:{port}", server.pid
    finally:
        _stop(server)


@contextmanager
def copied(ground: Ground) -> Iterator[tuple[Path, str]]:
    """Copy the template; gives the data folder and the driver-less URL of a database nobody else has."""
    round_folder = ground.folder / "round"
    data = round_folder / "data"
    shutil.copytree(ground.folder / "template", data)
    url = f"sqlite:///{data / 'truc.db'}"
    if ground.server:
        url = ground.server.create_database(template=_template_name(ground.folder))
    try:
        yield data, url
    finally:
        if ground.server:
            ground.server.drop_database(url)
        shutil.rmtree(round_folder)


async def _settled(url: str, corpora: Path) -> tuple[str, str]:
    known, act = authorities(corpora), Act("operator", datetime.now(UTC))
    database = Database(url)
    try:
        await load_reference(database, as_of=None, act=act)
        await import_csv(database, import_file(), act=act)
        await anchors.add_anchor(database, known.root.encode(), name="measuring", act=act)
        for code, seal in known.seals.items():
            bundle = (seal + known.issuer).encode()
            await certificates.register(
                database, OrganId.parse(code), bundle, CertificateKind.SEAL, proof=None, act=act
            )
        for each in known.lists:
            await revocation_lists.import_crl(database, each.encode(), act=act)
        grants = tuple(map(Grant.parse, SYSTEM.grants))
        made = await clients.create(
            database, act, name=SYSTEM.name, scopes=frozenset({Scope.EXCHANGE}), agencies=grants
        )
        await seal_all(database, now=act.at)
    finally:
        await database.close()
    return made.value.client.client_id, made.value.secret or ""


async def _accepted(url: str) -> int:
    database = Database(url)
    try:
        async with database.read() as tx:
            # As text: the twin has a table of this name, too.
            return int((await tx.execute(sa.text("SELECT count(*) FROM documents"))).scalar_one())
    finally:
        await database.close()


async def _is_sealed(tx: Transaction) -> bool:
    return not await journal.waits(tx)


async def _is_inspected(tx: Transaction) -> bool:
    waiting = sa.select(schema.inspections.c.document).where(schema.inspections.c.next_try_at.is_not(None)).limit(1)
    return (await tx.execute(waiting)).first() is None


async def _until(url: str, done: Callable[[Transaction], Awaitable[bool]]) -> float:
    database, began = Database(url), time.perf_counter()
    try:
        while time.perf_counter() - began < PATIENCE_SECONDS:
            async with database.read() as tx:
                if await done(tx):
                    return time.perf_counter() - began
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        await database.close()
    raise RuntimeError("the node does not come to the end of what it accepted")


def _template_name(folder: Path) -> str:
    return f"template_{folder.name}".replace("-", "_")


def _database_root(ground: Ground) -> tuple[int, ...]:
    """Name the process all of the server's are below; a server somebody else runs cannot be weighed."""
    if ground.server is None:
        return ()
    port = urlsplit(ground.server.url).port
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            words = status.read_bytes().split(b"\0")
            if words[0].endswith(b"/postgres") and f"port={port}".encode() in words:
                return (int(status.parent.name),)
    raise RuntimeError("the processes of the PostgreSQL server are not on this machine")


def _signed_in(url: str, client: tuple[str, str]) -> str:
    answer = httpx2.post(f"{url}/oauth2/token", data={"grant_type": "client_credentials"}, auth=client, trust_env=False)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _answers(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx2.Client(trust_env=False) as http:
        while time.monotonic() < deadline and server.poll() is None:
            with suppress(httpx2.HTTPError):
                if http.get(url).status_code == 200:
                    return
            time.sleep(_LOOK_SECONDS)
    raise RuntimeError(f"the server did not come up; its log ends with:\n{log.read_text(errors='replace')[-2_000:]}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
