"""Reorganisations over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.registry.reorganisation import acts
from tests.routers.registered import new_code, register
from tests.routers.test_problems import assert_problem
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode

PATH = "/v1/reorganisations"
NOBODY = "01a2022d-fb9b-75ac-92fd-527f80c9bf3a"


def today() -> str:
    return datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date().isoformat()


def plan(*steps: dict[str, Any], on: str | None = None) -> dict[str, Any]:
    return {"title": "Thử", "source": "202/2025/QH15", "effective_on": on or today(), "steps": list(steps)}


def merger(admin: AgencySystem) -> tuple[str, str]:
    """Two agencies, the second of which is to take over from the first."""
    return register(admin), register(admin)


def closing(ends: str, successor: str) -> dict[str, Any]:
    return {"action": "merge", "agencies": [ends], "into": successor}


def test_a_plan_is_tried_and_then_carried_out(admin: AgencySystem, reader: AgencySystem) -> None:
    ends, stays = merger(admin)
    body = plan(closing(ends, stays))
    tried = admin.post(PATH, json=body, params={"dry_run": True})
    assert tried.status_code == 200, tried.text
    answer = tried.json()
    assert (answer["id"], answer["state"], answer["applicable"]) == (None, None, True)
    closed = {"count": 1, "items": [{"organ_id": ends, "name": "Văn phòng Chính phủ", "successor": stays}]}
    assert answer["effects"]["closed"] == closed
    assert reader.get(f"/v1/agencies/{ends}").json()["status"] == "active"

    done = admin.post(PATH, json=body)
    assert done.status_code == 201, done.text
    kept = done.json()
    assert done.headers["location"] == f"{PATH}/{kept['id']}"
    assert done.headers["etag"] == '"1"'
    assert (kept["state"], kept["applied_at"], kept["effects"]["closed"]) == ("applied", kept["created_at"], closed)
    agency = reader.get(f"/v1/agencies/{ends}").json()
    assert (agency["status"], agency["successor"]) == ("closed", stays)
    again = admin.post(PATH, json=body)
    assert (again.status_code, again.json()["id"], again.headers["idempotent-replayed"]) == (201, kept["id"], "true")

    found = admin.get(done.headers["location"])
    assert found.json() == kept
    assert admin.get(done.headers["location"], headers={"If-None-Match": found.headers["etag"]}).status_code == 304
    assert admin.get(f"{PATH}/{kept['id']}/plan").json() == body


def test_an_agency_is_shown_as_it_was_on_a_day(admin: AgencySystem, reader: AgencySystem) -> None:
    parent, part = register(admin), new_code()
    register(admin, part, parent=parent, valid_from="2020-01-01")
    moved = {"action": "move", "agency": part, "parent": None}
    named = {"action": "rename", "agency": part, "name": "Tên mới"}
    assert admin.post(PATH, json=plan(moved, named, on="2025-07-01")).status_code == 201

    def on(day: str) -> Any:
        return reader.get(f"/v1/agencies/{part}", params={"as_of": day})

    was = on("2025-06-30").json()
    assert (was["name"], was["parent"], was["status"]) == ("Văn phòng Chính phủ", parent, "active")
    now = on("2025-07-01").json()
    assert (now["name"], now["parent"]) == ("Tên mới", None)
    assert_problem(on("2019-12-31"), 404, "not-found")
    assert_problem(on("1 July"), 422, "validation-failed")


def test_a_plan_may_be_yaml_and_its_faults_have_lines(admin: AgencySystem) -> None:
    ends, stays = merger(admin)
    head = f"title: Thử\nsource: thử\neffective_on: {today()}\nsteps:\n"
    text = f"{head}  - {{action: merge, agencies: [{ends}], into: {stays}}}\n"
    yaml = {"Content-Type": "application/yaml"}
    answer = admin.post(PATH, content=text.encode(), headers=yaml)
    assert (answer.status_code, answer.json()["state"]) == (201, "applied"), answer.text
    broken = admin.post(PATH, content=text.replace("merge", "marry").encode(), headers=yaml, params={"dry_run": True})
    (found,) = assert_problem(broken, 422, "request-invalid")["findings"]  # type: ignore[misc]
    assert (found["code"], found["location"]) == ("ours.reorganisation.plan.action", "5:14 steps[0].action")
    assert_problem(admin.post(PATH, content=b"x", headers={"Content-Type": "text/csv"}), 415, "unsupported-media-type")
    assert_problem(admin.post(PATH, content=b"", headers=yaml), 400, "request-invalid")


def test_a_plan_that_does_not_fit_is_refused_with_every_reason(admin: AgencySystem) -> None:
    ends, stays = merger(admin)
    body = plan(closing(ends, stays), closing(ends, stays), {"action": "close", "agency": "H99"})
    tried = admin.post(PATH, json=body, params={"dry_run": True})
    assert (tried.status_code, tried.json()["applicable"]) == (200, False)
    problem = assert_problem(admin.post(PATH, json=body), 422, "request-invalid")
    expected = {"ours.reorganisation.closed-twice", "ours.reorganisation.unknown"}
    assert {each["code"] for each in problem["findings"]} == expected  # type: ignore[attr-defined]
    assert {each["code"] for each in tried.json()["effects"]["findings"]["items"]} == expected


def test_a_retry_under_its_key_gets_the_first_answer(admin: AgencySystem) -> None:
    ends, stays = merger(admin)
    key = {"Idempotency-Key": new_code()}
    first = admin.post(PATH, json=plan(closing(ends, stays)), headers=key)
    again = admin.post(PATH, json=plan(closing(ends, stays)), headers=key)
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert_problem(admin.post(PATH, json=plan(), headers=key), 422, "request-invalid")
    another = plan({"action": "rename", "agency": stays, "name": "Khác"})
    assert_problem(admin.post(PATH, json=another, headers=key), 422, "idempotency-key-reused")


def test_scheduled_plans_are_listed_and_taken_back(admin: AgencySystem) -> None:
    ends, stays = merger(admin)
    scheduled = admin.post(PATH, json=plan(closing(ends, stays), on="2199-01-01")).json()
    assert scheduled["state"] == "scheduled"
    listed = admin.get(PATH, params={"state": "scheduled", "limit": 1}).json()
    (entry,) = listed["items"]
    assert (entry["id"], entry["counts"]["closed"]) == (scheduled["id"], 1)
    following = admin.get(PATH, params={"limit": 1}).json()
    while following["next_cursor"]:
        following = admin.get(PATH, params={"limit": 1, "cursor": following["next_cursor"]}).json()
    cancel = f"{PATH}/{scheduled['id']}/cancel"
    assert_problem(admin.post(cancel, headers={"If-Match": '"9"'}), 412, "precondition-failed")
    done = admin.post(cancel, headers={"If-Match": '"1"'})
    assert (done.json()["state"], done.headers["etag"]) == ("cancelled", '"2"')
    assert_problem(admin.post(cancel), 409, "conflict")


def test_what_is_not_there_or_not_granted_is_refused(admin: AgencySystem, reader: AgencySystem) -> None:
    for path in (f"{PATH}/{NOBODY}", f"{PATH}/{NOBODY}/plan"):
        assert_problem(admin.get(path), 404, "not-found")
    assert_problem(admin.post(f"{PATH}/{NOBODY}/cancel"), 404, "not-found")
    assert_problem(admin.get(f"{PATH}/x"), 404, "not-found")
    cursor = admin.get("/v1/agencies", params={"limit": 1}).json()["next_cursor"]
    assert_problem(admin.get(PATH, params={"cursor": cursor}), 400, "request-invalid")
    for answer in (reader.get(PATH), reader.get(f"{PATH}/{NOBODY}"), reader.post(PATH, json=plan())):
        assert_problem(answer, 403, "scope-missing")


def test_a_plan_takes_effect_when_its_day_has_come(node: RunningNode, admin: AgencySystem) -> None:
    ends, stays = merger(admin)
    tomorrow = datetime.now(UTC) + timedelta(days=2)
    scheduled = admin.post(PATH, json=plan(closing(ends, stays), on=tomorrow.date().isoformat())).json()

    node.run(lambda running: acts.apply_due(running.database, at=tomorrow))
    assert admin.get(f"{PATH}/{scheduled['id']}").json()["state"] == "applied"
