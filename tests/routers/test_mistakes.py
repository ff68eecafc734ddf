"""What a client sends wrongly over HTTP: counted by whichever door it came, and shown to whom it concerns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from app.findings import Finding, Severity
from app.node import Node
from app.registry.mistakes import Origin
from app.registry.model import Scope
from app.routers import clock
from app.store.database import Database
from app.worker.upkeep import write_mistakes
from tests.routers.registered import register
from tests.routers.test_problems import assert_problem
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode


def listed(node: RunningNode, asking: AgencySystem, client: str, **params: Any) -> dict[str, dict[str, Any]]:
    """List what is counted of a client, by code, with what waits."""
    assert node.run(write_mistakes) is False
    return {each["code"]: each for each in asking.pages(f"/v1/clients/{client}/mistakes", **params)}


def test_what_a_client_sends_wrongly_is_listed_for_it_and_for_administrators(
    node: RunningNode, admin: AgencySystem, reader: AgencySystem
) -> None:
    office = register(admin)
    with node.system(Scope.EXCHANGE, agencies=[office]) as system, node.system(Scope.EXCHANGE) as other:
        for _ in range(2):
            assert system.send(b"<edXML>Nguy\xe1\xbb\x85n V\xc4\x83n A").status_code == 400
        assert_problem(system.get("/v1/inbox?limit=0"), 422, "validation-failed")
        assert_problem(system.get("/v1/documents/00000000-0000-7000-8000-000000000000"), 404, "not-found")
        client = system.client_id
        found = listed(node, admin, client, limit=1)
        assert {code: each["refused"] for code, each in found.items()} == {
            "xml1.0.2.1.not-well-formed": 2,
            "request.greater-than-equal": 1,
            "not-found": 1,
        }
        malformed = found["xml1.0.2.1.not-well-formed"]
        assert (malformed["asked"], malformed["accepted"]) == ("POST /v1/documents", 0)
        assert malformed["fix"]
        assert "Nguy" not in str(found)
        assert listed(node, system, client) == found
        assert_problem(other.get(f"/v1/clients/{client}/mistakes"), 404, "not-found")
        assert_problem(other.get("/v1/clients/unknown/mistakes"), 404, "not-found")
        assert_problem(reader.get(f"/v1/clients/{client}/mistakes"), 403, "scope-missing")
        assert_problem(admin.get(f"/v1/clients/{client}/mistakes?cursor=WyJ4IiwieSJd"), 400, "request-invalid")
    for unknown in ("nobody", "00000000-0000-7000-8000-000000000000"):
        assert_problem(admin.get(f"/v1/clients/{unknown}/mistakes"), 404, "not-found")


def test_whoever_proves_nothing_is_counted_under_the_client_it_names_or_under_nobody(
    node: RunningNode, admin: AgencySystem
) -> None:
    office = register(admin)
    client = node.client(Scope.EXCHANGE, agencies=[office]).client_id
    assert admin.post(f"/v1/clients/{client}/system-keys", json={"agency": office}).status_code == 201
    before = listed(node, admin, "unknown")
    headers = {"XroadVnpt-hash-header": "0" * 64, "Content-Type": "application/json"}
    for system_id in (office, "nobody-has-this"):
        signed = f'{{"XroadVnpt-systemid": "{system_id}"}}'
        node.http.post("/vxp/getReceivedEdocList", headers={**headers, "XroadVnpt-sign-header": signed})
    assert node.http.post("/vxp/getReceivedEdocList").json()["status"] == "FAIL"
    assert node.http.get("/v1/inbox").status_code == 401

    for name in (client, "f" * 43):
        node.http.post("/oauth2/token", auth=(name, "wrong"), data={"grant_type": "client_credentials"})

    own = listed(node, admin, client)["invalid-client"]
    assert (own["refused"], own["asked"], "client id" in own["fix"]) == (1, "POST /oauth2/token", True)
    own = listed(node, admin, client)["ours.vxp.not-proven"]
    assert (own["refused"], own["system_id"], own["asked"]) == (1, office, "POST /vxp/getReceivedEdocList")
    found = listed(node, admin, "unknown")

    def more(code: str) -> int:
        return int(found[code]["refused"]) - int(before.get(code, {"refused": 0})["refused"])

    assert (more("ours.vxp.not-proven"), more("ours.vxp.header-missing"), more("invalid-client")) == (1, 1, 1)
    # Some systems have id and secret the wrong way round.
    assert found["invalid-client"]["system_id"] == "ffffff…"
    assert "not-authenticated" not in found


def test_counts_that_nothing_can_take_stop_nothing(node: RunningNode, tmp_path: Path) -> None:
    async def without_tables(node: Node) -> int:
        empty = Database(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        finding = Finding("ours.made-up", Severity.ERROR, "It is wrong.", "Mend it.", "ours")
        node.mistakes.refused(Origin("somebody"), [finding], at=clock.now())
        await write_mistakes(replace(node, desk=replace(node.desk, database=empty)))
        await empty.close()
        return len(node.mistakes)

    assert node.run(without_tables) == 0
