"""Subscriptions over HTTP: whose they are, what they may ask for, and that a secret is shown once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.node import Node
from app.registry.model import Scope
from app.store.schema import events, webhooks
from app.webhooks import subscriptions
from app.webhooks.topics import Topic
from tests.support.agency import AgencySystem
from tests.support.office import COMMUNE, GOVERNMENT_OFFICE, PARTY, PROVINCE, Exchange, created, refused

URL = "https://hooks.example.vn/truc"
UNKNOWN = "01936f7e-0000-7000-8000-000000000001"


@pytest.fixture
def system(exchange: Exchange) -> Iterator[AgencySystem]:
    """A client of its own for each test, that acts for the province and the commune."""
    with exchange.running.system(Scope.EXCHANGE, agencies=[PROVINCE, COMMUNE]) as signed_in:
        yield signed_in


@pytest.fixture
def alone(shared: Exchange) -> Iterator[AgencySystem]:
    """The same on SQLite alone."""
    with shared.running.system(Scope.EXCHANGE, agencies=[PROVINCE, COMMUNE]) as signed_in:
        yield signed_in


def subscribe(system: AgencySystem, **fields: Any) -> dict[str, Any]:
    return created(system.post("/v1/webhooks", json={"url": URL} | fields))


def test_a_subscription_from_beginning_to_end(exchange: Exchange, system: AgencySystem) -> None:
    answer = system.post(
        "/v1/webhooks",
        json={
            "url": URL,
            "description": " Phần mềm quản lý văn bản ",
            "events": ["delivery.available", "status.available", "delivery.available"],
            "agencies": ["H41"],
        },
    )
    made = created(answer)
    path = f"/v1/webhooks/{made['id']}"
    assert answer.headers["location"] == path
    assert answer.headers["etag"] == '"1"'
    assert made["secret"].startswith("whsec_")
    assert made["description"] == "Phần mềm quản lý văn bản"
    assert made["events"] == ["delivery.available", "status.available"]
    assert made["agencies"] == [PROVINCE]
    assert (made["status"], made["signing"], made["public_keys"]) == ("enabled", "hmac", [])
    without = {name: value for name, value in made.items() if name != "secret"}
    assert system.get(path).json() == without
    assert without in system.get("/v1/webhooks").json()["items"]

    changed = system.patch(path, json={"url": f"{URL}/2", "agencies": []}, headers={"If-Match": '"1"'})
    assert changed.headers["etag"] == '"2"'
    assert (changed.json()["url"], changed.json()["agencies"]) == (f"{URL}/2", [])
    refused(system.patch(path, json={"description": "x"}, headers={"If-Match": '"1"'}), 412, "precondition-failed")
    same = system.patch(path, json={"url": f"{URL}/2"})
    assert same.headers["etag"] == '"2"'

    rotated = created(system.post(f"{path}/rotate-secret"), 200)
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    assert created(system.post(f"{path}/disable"), 200)["disabled_reason"] == "requested"
    refused(system.post(f"{path}/test"), 409, "conflict")
    refused(
        system.post(f"{path}/replay", json={"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}),
        409,
        "conflict",
    )
    enabled = created(system.post(f"{path}/enable"), 200)
    assert (enabled["status"], enabled["disabled_reason"], enabled["version"]) == ("enabled", None, 5)

    refused(system.ask("DELETE", path, headers={"If-Match": '"4"'}), 412, "precondition-failed")
    assert system.ask("DELETE", path, headers={"If-Match": '"5"'}).status_code == 204
    refused(system.get(path), 404, "not-found")

    async def recorded(node: Node) -> list[tuple[str, dict[str, Any]]]:
        query = sa.select(events.c.kind, events.c.body).where(events.c.actor == system.client_id).order_by(events.c.id)
        async with node.database.read() as tx:
            rows = (await tx.execute(query)).all()
        return [(row.kind, json.loads(row.body)["detail"]) for row in rows if row.kind.startswith("webhook.")]

    told = exchange.running.run(recorded)
    assert [kind for kind, _ in told] == ["webhook.created"] + ["webhook.changed"] * 5
    assert [detail.get("fields") for _, detail in told] == [
        None, ["agencies", "url"], ["secret"], ["status"], ["status"], ["removed"],
    ]  # fmt: skip
    assert "example.vn" not in json.dumps(told)
    assert "whsec" not in json.dumps(told)


def test_everything_is_told_where_no_kind_is_named(alone: AgencySystem) -> None:
    assert subscribe(alone)["events"] == sorted(Topic)


def test_a_secret_is_shown_once_and_kept_sealed(exchange: Exchange, system: AgencySystem) -> None:
    key = {"Idempotency-Key": "first"}
    made = created(system.post("/v1/webhooks", json={"url": URL}, headers=key))
    again = system.post("/v1/webhooks", json={"url": URL}, headers=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == made | {"secret": None}
    refused(system.post("/v1/webhooks", json={"url": f"{URL}/2"}, headers=key), 422, "idempotency-key-reused")
    path = f"/v1/webhooks/{made['id']}/rotate-secret"
    rotated = created(system.post(path, headers={"Idempotency-Key": "second"}), 200)
    assert created(system.post(path, headers={"Idempotency-Key": "second"}), 200) == rotated | {"secret": None}

    async def kept(node: Node) -> str:
        async with node.database.read() as tx:
            tables = [webhooks.name, events.name, "idempotency_keys"]
            return str([(await tx.execute(sa.text(f"SELECT * FROM {table}"))).all() for table in tables])

    text = exchange.running.run(kept)
    for secret in (made["secret"], rotated["secret"]):
        assert secret.removeprefix("whsec_")[:20] not in text
    assert len(system.get("/v1/webhooks").json()["items"]) == 1


def test_with_ed25519_the_subscriber_gets_public_keys_alone(alone: AgencySystem) -> None:
    made = subscribe(alone, signing="ed25519")
    path = f"/v1/webhooks/{made['id']}"
    assert made["secret"] is None
    [first] = made["public_keys"]
    assert first.startswith("whpk_")
    second, earlier = created(alone.post(f"{path}/rotate-secret"), 200)["public_keys"]
    assert earlier == first
    assert alone.get(path).json()["public_keys"] == [second, first]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"url": "http://127.0.0.1:22/"}, "ours.target.port"),
        ({"url": "https://169.254.169.254/latest/"}, "ours.target.address"),
        ({"url": "https://user:secret@example.vn/"}, "ours.target.credentials"),
        ({"url": "ftp://example.vn/"}, "ours.target.scheme"),
        ({"agencies": [GOVERNMENT_OFFICE]}, "ours.webhook.agencies"),
        ({"agencies": ["000.00.00.Z99"]}, "ours.webhook.agencies"),
        ({"description": "a\u0000b"}, "ours.webhook.description"),
    ],
)
def test_what_cannot_be_subscribed_to_is_refused_with_the_reason(
    alone: AgencySystem, fields: dict[str, Any], code: str
) -> None:
    answer = alone.post("/v1/webhooks", json={"url": URL} | fields)
    assert refused(answer, 422, "request-invalid") == [code]
    webhook = subscribe(alone)
    answer = alone.patch(f"/v1/webhooks/{webhook['id']}", json=fields)
    assert refused(answer, 422, "request-invalid") == [code]


@pytest.mark.parametrize(
    "fields",
    [{"events": []}, {"events": ["token.issued"]}, {"events": ["agency.changed"]}, {"signing": "rsa"}, {"secret": "x"}],
)
def test_a_body_that_does_not_fit_is_refused(alone: AgencySystem, fields: dict[str, Any]) -> None:
    refused(alone.post("/v1/webhooks", json={"url": URL} | fields), 422, "validation-failed")


def test_unknown_and_somebody_elses_answer_alike(shared: Exchange, alone: AgencySystem) -> None:
    webhook = subscribe(alone)
    other = shared[PARTY].system
    for known in (webhook["id"], UNKNOWN):
        path = f"/v1/webhooks/{known}"
        period = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
        for answer in (
            other.get(path),
            other.patch(path, json={"description": "x"}),
            other.ask("DELETE", path),
            other.post(f"{path}/rotate-secret"),
            other.post(f"{path}/enable"),
            other.post(f"{path}/disable"),
            other.post(f"{path}/test"),
            other.get(f"{path}/messages"),
            other.get(f"{path}/messages/{UNKNOWN}"),
            other.post(f"{path}/messages/{UNKNOWN}/replay"),
            other.post(f"{path}/replay", json=period),
        ):
            refused(answer, 404, "not-found")
    assert webhook["id"] not in str(other.get("/v1/webhooks").json())
    refused(alone.get(f"/v1/webhooks/{webhook['id']}/messages/{UNKNOWN}"), 404, "not-found")
    refused(alone.post(f"/v1/webhooks/{webhook['id']}/messages/{UNKNOWN}/replay"), 404, "not-found")
    refused(other.get("/v1/webhooks/x"), 404, "not-found")
    assert alone.get(f"/v1/webhooks/{webhook['id']}").json()["version"] == 1


def test_an_administrator_sees_and_disables_everybodys_and_no_more(shared: Exchange, alone: AgencySystem) -> None:
    webhook = subscribe(alone)
    path = f"/v1/webhooks/{webhook['id']}"
    administrator = shared.administrator
    assert webhook["id"] in {each["id"] for each in administrator.pages("/v1/webhooks")}
    shown = administrator.get(path).json()
    assert "secret" not in shown
    disabled = created(administrator.post(f"{path}/disable"), 200)
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "administrator")
    for answer in (
        administrator.post("/v1/webhooks", json={"url": URL}),
        administrator.patch(path, json={"description": "x"}),
        administrator.ask("DELETE", path),
        administrator.post(f"{path}/rotate-secret"),
        administrator.post(f"{path}/enable"),
        administrator.post(f"{path}/test"),
        administrator.get(f"{path}/messages"),
    ):
        refused(answer, 403, "scope-missing")
    for stranger in (shared.auditor, shared.statistician):
        refused(stranger.get("/v1/webhooks"), 403, "scope-missing")


def test_a_client_has_so_many_subscriptions_and_lists_them_by_pages(
    alone: AgencySystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "PER_CLIENT_MAX", 5)
    made = [subscribe(alone)["id"] for _ in range(5)]
    refused(alone.post("/v1/webhooks", json={"url": URL}), 409, "conflict")
    assert [each["id"] for each in alone.pages("/v1/webhooks", limit=2)] == made
    first = alone.get("/v1/webhooks", params={"limit": 1}).json()["next_cursor"]
    refused(alone.get(f"/v1/webhooks/{made[0]}/messages", params={"cursor": "WyJ4Il0"}), 400, "request-invalid")
    assert first


def test_where_private_targets_are_not_allowed_they_are_refused() -> None:
    """The default; the nodes of these tests allow them."""
    from app.settings import Settings

    assert Settings.model_fields["webhook_private_targets"].default is False
