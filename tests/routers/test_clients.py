"""Clients over HTTP."""

from collections.abc import Iterator

import pytest

from app.registry.model import Scope
from tests.routers.registered import register
from tests.routers.test_problems import assert_problem
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode, unique


@pytest.fixture
def reader(node: RunningNode) -> Iterator[AgencySystem]:
    """A client that is changed by one test."""
    with node.system(Scope.REGISTRY_READ, name="reader") as system:
        yield system


def test_a_client_is_created_and_its_secret_shown_once(node: RunningNode, admin: AgencySystem) -> None:
    office = register(admin)
    body = {"name": "VPCP", "scopes": ["exchange"], "agencies": [office, "H28.*"]}
    headers = {"Idempotency-Key": unique("only-once")}
    answer = admin.post("/v1/clients", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    created = answer.json()
    assert (created["name"], created["scopes"], created["agencies"]) == ("VPCP", ["exchange"], [office, "H28.*"])
    assert answer.headers["location"] == f"/v1/clients/{created['client_id']}"
    with AgencySystem(node.url, created["client_id"], created["client_secret"]) as system:
        assert system.sign_in().status_code == 200
    again = admin.post("/v1/clients", json=body, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == created | {"client_secret": None}
    shown = admin.get(f"/v1/clients/{created['client_id']}")
    assert "client_secret" not in shown.json()
    assert shown.headers["etag"] == '"1"'


def test_clients_are_listed_oldest_first(fresh_node: RunningNode) -> None:
    with fresh_node.system(Scope.REGISTRY_WRITE) as first, fresh_node.system(Scope.AUDIT) as second:
        listed = list(first.pages("/v1/clients", limit=1))
        assert [client["client_id"] for client in listed] == [first.client_id, second.client_id]


def test_clients_are_shown_to_administrators_alone(reader: AgencySystem) -> None:
    assert_problem(reader.get("/v1/clients"), 403, "scope-missing")
    assert_problem(reader.get(f"/v1/clients/{reader.client_id}"), 403, "scope-missing")


def test_a_rotated_secret_ends_the_one_before(node: RunningNode, admin: AgencySystem, reader: AgencySystem) -> None:
    answer = admin.post(f"/v1/clients/{reader.client_id}/rotate-secret")
    assert answer.status_code == 200, answer.text
    assert reader.sign_in().status_code == 401
    with AgencySystem(node.url, reader.client_id, answer.json()["client_secret"]) as renewed:
        assert renewed.sign_in().status_code == 200


def test_a_change_needs_the_version_it_was_made_for(admin: AgencySystem, reader: AgencySystem) -> None:
    path = f"/v1/clients/{reader.client_id}"
    assert admin.patch(path, json={"name": "A"}, headers={"If-Match": '"1"'}).headers["etag"] == '"2"'
    assert_problem(admin.patch(path, json={"name": "B"}, headers={"If-Match": '"1"'}), 412, "precondition-failed")


def test_what_breaks_rules_is_refused(admin: AgencySystem, reader: AgencySystem) -> None:
    unknown = {"name": "x", "scopes": ["exchange"], "agencies": ["H99"]}
    assert_problem(admin.post("/v1/clients", json=unknown), 422, "request-invalid")
    assert_problem(admin.post("/v1/clients", json={"name": "x", "scopes": ["all"]}), 422, "validation-failed")
    assert_problem(admin.post("/v1/clients", json={"name": "x", "scopes": []}), 422, "validation-failed")
    assert_problem(admin.patch(f"/v1/clients/{reader.client_id}", json={"name": None}), 422, "validation-failed")
    for unknown_id in ("0" * 8, "00000000-0000-7000-8000-000000000000", "%00"):
        assert_problem(admin.get(f"/v1/clients/{unknown_id}"), 404, "not-found")
        assert_problem(admin.patch(f"/v1/clients/{unknown_id}", json={"name": "x"}), 404, "not-found")
