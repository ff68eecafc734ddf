"""Who may call what: tokens that hold, and those that do not."""

import base64
import json
import time
from typing import Any

from app.ids import new_id
from app.registry.model import Scope
from app.signing.node_key import NodeKey
from tests.routers.test_problems import assert_problem
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def test_without_a_token_that_holds_nothing_is_told(node: RunningNode) -> None:
    for value in (None, "", "Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", "Bearer " + "x" * 10_000):
        headers = {} if value is None else {"Authorization": value}
        answer = node.http.get("/v1/agencies", headers=headers)
        assert_problem(answer, 401, "not-authenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_a_token_with_other_claims_does_not_hold(node: RunningNode, reader: AgencySystem) -> None:
    claims = claims_of(reader.token)
    genuine = node.node.key.sign_jws(claims, typ="at+jwt")
    assert node.http.get("/v1/agencies", headers=bearer(genuine)).status_code == 200
    elsewhere = "https://elsewhere.example"
    for change in (
        {"exp": int(time.time()) - 1},
        {"aud": elsewhere},
        {"iss": elsewhere},
        {"sub": new_id()},
        {"client_version": 2},
    ):
        changed = node.node.key.sign_jws(claims | change, typ="at+jwt")
        assert_problem(node.http.get("/v1/agencies", headers=bearer(changed)), 401, "not-authenticated")


def test_a_token_of_another_key_or_another_kind_does_not_hold(node: RunningNode, reader: AgencySystem) -> None:
    claims = claims_of(reader.token)
    forged = NodeKey.generate().sign_jws(claims, typ="at+jwt")
    receipt = node.node.key.sign_jws(claims, typ="receipt+jwt")
    for token in (forged, receipt, reader.token[:-4] + "AAAA"):
        assert_problem(node.http.get("/v1/agencies", headers=bearer(token)), 401, "not-authenticated")


def test_every_client_may_read_the_directory(node: RunningNode) -> None:
    for scope in Scope:
        with node.system(scope) as system:
            assert system.get("/v1/agencies").status_code == 200, scope


def test_a_call_without_its_scope_is_refused_and_named(reader: AgencySystem) -> None:
    answer = reader.post("/v1/agencies", json={})
    problem = assert_problem(answer, 403, "scope-missing")
    assert "registry.write" in str(problem["detail"])
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_a_narrowed_token_opens_only_what_it_names(node: RunningNode) -> None:
    with node.system(Scope.REGISTRY_WRITE) as system:
        system.sign_in("registry.read")
        assert_problem(system.get("/v1/clients"), 403, "scope-missing")


def test_tokens_end_with_any_change_of_the_client(node: RunningNode, admin: AgencySystem) -> None:
    with node.system(Scope.EXCHANGE, Scope.AUDIT) as system:
        assert system.get("/v1/agencies").status_code == 200
        answer = admin.patch(f"/v1/clients/{system.client_id}", json={"scopes": ["exchange"]})
        assert answer.status_code == 200, answer.text
        assert_problem(system.get("/v1/agencies"), 401, "not-authenticated")
        assert system.sign_in().json()["scope"] == "exchange registry.read"
        assert system.get("/v1/agencies").status_code == 200


def test_a_disabled_client_is_out_at_once(node: RunningNode, admin: AgencySystem) -> None:
    with node.system(Scope.EXCHANGE) as system:
        token = system.token
        admin.patch(f"/v1/clients/{system.client_id}", json={"status": "disabled"})
        assert_problem(node.http.get("/v1/agencies", headers=bearer(token)), 401, "not-authenticated")
        assert system.sign_in().status_code == 401
        admin.patch(f"/v1/clients/{system.client_id}", json={"status": "active"})
        assert_problem(node.http.get("/v1/agencies", headers=bearer(token)), 401, "not-authenticated")
        assert system.sign_in().status_code == 200


def test_the_scheme_is_read_whatever_its_case(node: RunningNode, reader: AgencySystem) -> None:
    assert node.http.get("/v1/agencies", headers={"Authorization": f"bearer {reader.token}"}).status_code == 200
