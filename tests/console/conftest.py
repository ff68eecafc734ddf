"""One node with real traffic for all tests of the console, and visitors who look at it as browsers do."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

from app.edxml.model import Handling, StatusCode
from app.ledger.seal import seal_all
from app.node import Node
from app.registry.model import Scope
from app.routers import clock
from app.worker.upkeep import write_mistakes
from tests.support.agency import PLAIN_HTTP
from tests.support.node import Credentials, RunningNode, running_node
from tests.support.office import (
    COMMUNE,
    GOVERNMENT_OFFICE,
    PROVINCE,
    Exchange,
    created,
    exchange_on,
)
from tests.support.unhurried import unhurried

SUBJECT = "V/v triển khai kế hoạch mùa lũ sông Lam"
REASON = "Sai nơi nhận, đề nghị gửi lại"
TRICKY = "Sở <script>alert(1)</script> & \"bạn\" 'ơi'"
ADDRESS = "http://ca.example.vn/top.crl"
TRICKY_CODE = "000.00.77.H41"

ROLES: dict[str, tuple[tuple[Scope, ...], tuple[str, ...]]] = {
    "administrator": ((Scope.REGISTRY_WRITE,), ()),
    "auditor": ((Scope.AUDIT,), ()),
    "statistician": ((Scope.STATISTICS,), ()),
    "reader": ((Scope.REGISTRY_READ,), ()),
    "sender": ((Scope.EXCHANGE,), (GOVERNMENT_OFFICE,)),
    "recipient": ((Scope.EXCHANGE,), (PROVINCE,)),
    "subtree": ((Scope.EXCHANGE,), ("H41.*",)),
    "everything": ((Scope.AUDIT, Scope.STATISTICS, Scope.REGISTRY_WRITE, Scope.EXCHANGE), (GOVERNMENT_OFFICE,)),
}
"""Clients by what people who use them do."""


class Visitor:
    """A browser without scripts: keeps cookies, follows redirects when told to, sends forms from the node's pages."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx2.Client(base_url=url, timeout=60, verify=PLAIN_HTTP)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.http.close()

    def get(self, path: str, **how: Any) -> httpx2.Response:
        return self.http.get(path, **how)

    def post(self, path: str, *, site: str | None = "same-origin", **how: Any) -> httpx2.Response:
        headers = {"Sec-Fetch-Site": site} if site else {}
        return self.http.post(path, headers=headers | how.pop("headers", {}), **how)

    def sign_in(self, credentials: Credentials, **fields: str) -> httpx2.Response:
        form = {"client_id": credentials.client_id, "client_secret": credentials.secret} | fields
        return self.post("/sign-in", data=form)


Browse = Callable[[str], Visitor]
"""Opens a visitor of the node at an address."""


@dataclass
class World:
    """The node, what happened on it, and its clients by role."""

    running: RunningNode
    exchange: Exchange
    document: dict[str, Any]
    waiting: dict[str, Any]
    credentials: dict[str, Credentials]
    visitors: dict[str, Visitor] = field(default_factory=dict)

    def visitor(self, role: str) -> Visitor:
        """Somebody who is signed in; the same one each time, for signing in takes a while."""
        if role not in self.visitors:
            self.visitors[role] = visitor = Visitor(self.running.url)
            answer = visitor.sign_in(self.credentials[role])
            assert answer.status_code == 303, answer.text
        return self.visitors[role]

    def seal(self) -> None:
        """Let everything that happened be in the log."""

        async def sealed(node: Node) -> None:
            await seal_all(node.database, now=clock.now())

        self.running.run(sealed)


@pytest.fixture(scope="session")
def world(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A node after a morning's work: sent, taken over, reported, refused, one urgent document waiting."""
    folder = tmp_path_factory.mktemp("console")
    shutil.copyfile(migrated_sqlite, folder / "node.sqlite")
    with ExitStack() as stack:
        # Nobody is asked: the address below is made up.
        settings: dict[str, Any] = {"revocation_fetch": False, "log_level": "error"}
        running = stack.enter_context(running_node(folder / "data", f"sqlite:///{folder / 'node.sqlite'}", **settings))
        exchange = stack.enter_context(exchange_on(unhurried(running)))
        tricky = {"organ_id": TRICKY_CODE, "name": TRICKY, "tier": "district", "branch": "state", "parent": PROVINCE}
        created(exchange.administrator.post("/v1/agencies", json=tricky))
        issuer = exchange.pki.root.certificate.subject.rfc4514_string()
        created(
            exchange.administrator.post("/v1/trust/sources", json={"kind": "crl", "issuer": issuer, "address": ADDRESS})
        )
        sender, province, commune = exchange[GOVERNMENT_OFFICE], exchange[PROVINCE], exchange[COMMUNE]
        document = created(sender.system.send(sender.signed(sender.paper(PROVINCE, COMMUNE, subject=SUBJECT))))
        [mail] = province.receive()
        created(province.system.acknowledge([mail["delivery_id"]]), 200)
        for code in (StatusCode.ARRIVED, StatusCode.RECEIVED):
            created(province.system.report(province.status(mail["document"], code, owner=GOVERNMENT_OFFICE)))
        [mail] = commune.receive()
        refusal = commune.status(mail["document"], StatusCode.REFUSED, owner=GOVERNMENT_OFFICE, reason=REASON)
        created(commune.system.report(refusal))
        urgent = sender.paper(PROVINCE, subject=f"{SUBJECT} <b>khẩn</b>", handling=Handling(priority=3))
        waiting = created(sender.system.send(sender.signed(urgent)))
        spoilt = sender.signed(sender.paper(PROVINCE)).replace("Công văn".encode(), "Công vắn".encode())
        assert sender.system.send(spoilt).status_code == 422
        client = sender.system.client_id
        created(exchange.administrator.post(f"/v1/clients/{client}/system-keys", json={"agency": GOVERNMENT_OFFICE}))
        credentials = {
            role: running.client(*scopes, agencies=agencies, name=f"Người dùng {role}")
            for role, (scopes, agencies) in ROLES.items()
        }
        world = World(running, exchange, document, waiting, credentials)
        province.receive()
        world.seal()
        running.run(write_mistakes)
        yield world
        for visitor in world.visitors.values():
            visitor.http.close()


@pytest.fixture
def stranger(world: World) -> Iterator[Visitor]:
    """Somebody who is not signed in."""
    with Visitor(world.running.url) as visitor:
        yield visitor


@pytest.fixture
def browse() -> Iterator[Browse]:
    """Give further visitors of a node at an address, nobody signed in."""
    with ExitStack() as stack:
        yield lambda url: stack.enter_context(Visitor(url))


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A fresh database for tests that need a node of their own and do not care about the engine."""
    shutil.copyfile(migrated_sqlite, tmp_path / "own.sqlite")
    return f"sqlite:///{tmp_path / 'own.sqlite'}"


@pytest.fixture
def migrated_node(sqlite_url: str, tmp_path: Path) -> Iterator[RunningNode]:
    """A node of the test's own, empty."""
    with running_node(tmp_path / "data", sqlite_url) as running:
        yield running
