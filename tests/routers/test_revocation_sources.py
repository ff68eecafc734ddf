"""Sources of revocations over HTTP: listing with freshness, naming and removing; figures and readiness."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.node import Node
from app.registry.model import Scope
from app.registry.revocation_rounds import Refreshed, refresh
from app.signing.certificates import subject_of
from tests.routers.registered import enrol, register, trust
from tests.routers.test_problems import assert_problem
from tests.support.agency import AgencySystem
from tests.support.authority_server import AuthorityServer
from tests.support.node import RunningNode, running_node
from tests.support.pki import NOW, YEAR, published, shared_pki

PKI = shared_pki()


@pytest.fixture(scope="module")
def server() -> Iterator[AuthorityServer]:
    """The issuing authority's server."""
    with AuthorityServer() as working:
        working.files["/issuing.crl"] = PKI.crl(next_update=NOW + 20 * YEAR, pem=False)
        yield working


@pytest.fixture(scope="module")
def node(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, server: AuthorityServer
) -> Iterator[RunningNode]:
    """A node with one certificate that names where its revocation is published, and whose rounds the tests run."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "node.sqlite").write_bytes(migrated_sqlite.read_bytes())
    settings = {"revocation_fetch": False, "revocation_private_targets": True}
    with running_node(folder / "data", f"sqlite:///{folder / 'node.sqlite'}", **settings) as running:
        now = datetime.now(UTC).replace(microsecond=0)
        seal = PKI.seal(
            "H26.1",
            key="p256",
            not_before=now - timedelta(days=1),
            not_after=now + timedelta(days=365),
            extensions=published(lists=[server.url("/issuing.crl")]),
        )
        with running.system(Scope.REGISTRY_WRITE) as admin:
            register(admin, "H26.1")
            trust(admin, PKI)
            enrol(admin, PKI, seal, "H26.1")
        yield running


async def _round(node: Node) -> Refreshed:
    return await refresh(
        node.database, node.fetch, interval=timedelta(hours=6), now=lambda: datetime.now(UTC), dice=lambda: 0.0
    )


def test_sources_are_listed_with_their_freshness(node: RunningNode, reader: AgencySystem) -> None:
    [listed] = reader.pages("/v1/trust/sources")
    assert (listed["state"], listed["origin"], listed["kind"]) == ("never", "certificate", "crl")
    assert node.run(_round) == Refreshed(answered=1)
    [listed] = reader.pages("/v1/trust/sources")
    assert (listed["state"], listed["failures"], listed["problem"]) == ("fresh", 0, None)
    assert listed["fresh_until"] == (NOW + 20 * YEAR).isoformat().replace("+00:00", "Z")
    assert 'truc_revocations_failures{issuer="' in node.http.get("/metrics").text
    [fresh] = [
        line for line in node.http.get("/metrics").text.splitlines() if line.startswith("truc_revocations_fresh_sec")
    ]
    assert float(fresh.split()[-1]) > 0
    assert node.http.get("/readyz").json()["checks"]["revocations"] == {"ok": True, "detail": "1 sources: 1 fresh"}


def test_those_who_read_the_registry_or_audit_see_them(node: RunningNode, reader: AgencySystem) -> None:
    with node.system(Scope.AUDIT) as auditor:
        assert auditor.get("/v1/trust/sources").status_code == reader.get("/v1/trust/sources").status_code == 200
    assert_problem(node.http.get("/v1/trust/sources"), 401, "not-authenticated")


def test_an_administrator_names_a_source_that_may_fail_without_making_the_node_unready(
    node: RunningNode, admin: AgencySystem, reader: AgencySystem, server: AuthorityServer
) -> None:
    new = {"kind": "crl", "issuer": subject_of(PKI.root.certificate), "address": server.url("/nothing.crl")}
    assert_problem(reader.post("/v1/trust/sources", json=new), 403, "scope-missing")
    added = admin.post("/v1/trust/sources", json=new)
    assert added.status_code == 201, added.text
    assert_problem(admin.post("/v1/trust/sources", json=new), 409, "already-exists")
    assert_problem(admin.post("/v1/trust/sources", json=new | {"issuer": "CN=Ai đó"}), 422, "request-invalid")
    node.run(_round)
    check = node.http.get("/readyz")
    assert check.status_code == 200
    assert check.json()["checks"]["revocations"]["detail"].startswith("degraded, 2 sources:")
    address = f"/v1/trust/sources/{added.json()['sha256']}"
    removed = admin.ask("DELETE", address)
    assert (removed.status_code, removed.json()["state"], removed.json()["problem"]) == (
        200,
        "failing",
        "HTTP status 404",
    )
    assert_problem(admin.ask("DELETE", address), 404, "not-found")
