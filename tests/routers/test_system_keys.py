"""Secrets of a client's systems over HTTP."""

from datetime import UTC, datetime

from app.node import Node
from app.registry.model import Scope
from tests.routers.registered import register
from tests.routers.test_problems import assert_problem
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode


def secrets_of(running: RunningNode, system_id: str) -> tuple[bytes, ...]:
    async def look(node: Node) -> tuple[bytes, ...]:
        found = await node.systems.find(system_id, at=datetime.now(UTC))
        return found.secrets if found else ()

    return running.run(look)


def test_a_system_gets_a_secret_another_one_beside_it_and_loses_both(node: RunningNode, admin: AgencySystem) -> None:
    office = register(admin)
    client = node.client(Scope.EXCHANGE, agencies=[office]).client_id
    path = f"/v1/clients/{client}/system-keys"
    headers = {"Idempotency-Key": "only-once"}
    answer = admin.post(path, json={"agency": office}, headers=headers)
    assert answer.status_code == 201, answer.text
    first = answer.json()
    assert (first["system_id"], first["agency"], first["state"]) == (office, office, "in_force")
    assert secrets_of(node, office) == (first["secret"].encode(),)
    again = admin.post(path, json={"agency": office}, headers=headers)
    assert (again.headers["idempotent-replayed"], again.json()) == ("true", first | {"secret": None})

    second = admin.post(path, json={"agency": office, "overlap_hours": 48}).json()
    assert secrets_of(node, office) == (first["secret"].encode(), second["secret"].encode())
    listed = list(admin.pages(path, limit=1))
    assert [each["id"] for each in listed] == [first["id"], second["id"]]
    assert listed[0]["valid_until"] is not None
    assert not any("secret" in each for each in listed)

    revoked = admin.post(f"{path}/{first['id']}/revoke")
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    assert secrets_of(node, office) == (second["secret"].encode(),)
    admin.patch(f"/v1/clients/{client}", json={"status": "disabled"})
    assert secrets_of(node, office) == ()


def test_what_cannot_be_is_refused(node: RunningNode, admin: AgencySystem, reader: AgencySystem) -> None:
    office, other = register(admin), register(admin)
    path = f"/v1/clients/{node.client(Scope.EXCHANGE, agencies=[office]).client_id}/system-keys"
    assert_problem(reader.get(path), 403, "scope-missing")
    assert_problem(reader.post(path, json={"agency": office}), 403, "scope-missing")
    assert_problem(admin.post(path, json={"agency": other}), 422, "request-invalid")
    assert_problem(admin.post(path, json={"agency": office, "system_id": "a b"}), 422, "request-invalid")
    assert_problem(
        admin.post(path, json={"agency": office, "valid_until": "2026-11-22T00:00:00"}), 422, "validation-failed"
    )
    assert_problem(admin.post(path, json={"agency": office, "overlap_hours": -1}), 422, "validation-failed")
    for unknown in ("0" * 8, "00000000-0000-7000-8000-000000000000"):
        assert_problem(admin.get(f"/v1/clients/{unknown}/system-keys"), 404, "not-found")
        assert_problem(admin.post(f"/v1/clients/{unknown}/system-keys", json={"agency": office}), 404, "not-found")
        assert_problem(admin.post(f"{path}/{unknown}/revoke"), 404, "not-found")
    assert_problem(admin.get(f"{path}?cursor=x"), 400, "request-invalid")
    mine = node.client(Scope.EXCHANGE, agencies=[office]).client_id
    assert admin.post(path, json={"agency": office}).status_code == 201
    assert_problem(admin.post(f"/v1/clients/{mine}/system-keys", json={"agency": office}), 409, "already-exists")
