"""The directory over HTTP."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from app.registry.model import Scope
from tests.routers.registered import agency, new_code, register
from tests.routers.test_problems import assert_problem
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode, unique

CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def first_admin(fresh_node: RunningNode) -> Iterator[AgencySystem]:
    """The administrator of a node with an empty directory."""
    with fresh_node.system(Scope.REGISTRY_WRITE) as system:
        yield system


def test_an_agency_is_registered_and_found_under_each_of_its_codes(admin: AgencySystem, reader: AgencySystem) -> None:
    own, other, former = new_code(), new_code(), new_code()
    body = agency(
        own, aliases=[other, {"code": former, "valid_to": "2020-12-31"}], contact={"email": "vpcp@example.vn"}
    )
    answer = admin.post("/v1/agencies", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/agencies/{own}"
    assert answer.headers["etag"] == '"1"'
    assert "idempotent-replayed" not in answer.headers
    expected = {
        "organ_id": own,
        "aliases": sorted([other, former]),
        "alias_periods": [{"code": former, "valid_from": None, "valid_to": "2020-12-31"}],
        "name": "Văn phòng Chính phủ",
        "tier": "central",
        "branch": "state",
        "parent": None,
        "status": "active",
        "valid_from": None,
        "valid_to": None,
        "successor": None,
        "contact": {"email": "vpcp@example.vn", "telephone": None, "address": None, "website": None},
        "policies": [],
        "version": 1,
    }
    assert answer.json() == expected
    for code in (own, other, former):
        found = reader.get(f"/v1/agencies/{code}")
        assert found.json() == expected, code
        assert found.headers["etag"] == '"1"'


def test_a_code_that_nobody_has_and_one_that_is_none_answer_alike(reader: AgencySystem) -> None:
    for code in ("H99", "x%20y", "%00", "x" * 200, "%C3%A9"):
        assert_problem(reader.get(f"/v1/agencies/{code}"), 404, "not-found")


def test_a_code_that_is_taken_is_a_conflict(admin: AgencySystem) -> None:
    taken = new_code()
    register(admin, aliases=[taken])
    problem = assert_problem(admin.post("/v1/agencies", json=agency(taken)), 409, "already-exists")
    assert problem["findings"]


def test_a_record_that_breaks_rules_is_refused_with_findings(admin: AgencySystem) -> None:
    problem = assert_problem(admin.post("/v1/agencies", json=agency(parent="H99")), 422, "request-invalid")
    assert problem["findings"][0]["code"] == "ours.agency.parent-unknown"  # type: ignore[index]
    assert_problem(admin.post("/v1/agencies", json=agency("not a code")), 422, "request-invalid")


def test_the_directory_is_searched_without_accents_and_filtered(first_admin: AgencySystem) -> None:
    register(first_admin, "A01")
    register(first_admin, "H17", name="Thành phố Đà Nẵng", tier="province")
    register(first_admin, "H17.1", name="Sở Tư pháp", tier="province", parent="H17")

    def codes(**asked: Any) -> list[str]:
        return [found["organ_id"] for found in first_admin.pages("/v1/agencies", **asked)]

    assert codes() == ["A01", "H17", "H17.1"]
    assert codes(q="da nang") == ["H17"]
    assert codes(tier="province", branch="state") == ["H17", "H17.1"]
    assert codes(parent="H17") == ["H17.1"]
    assert codes(within="H17") == ["H17", "H17.1"]
    assert codes(within="H17", q="tu phap") == codes(q="h17.1") == ["H17.1"]
    assert codes(status="suspended") == []
    assert codes(as_of="2026-01-01") == ["A01", "H17", "H17.1"]
    assert_problem(first_admin.get("/v1/agencies", params={"tier": "moon"}), 422, "validation-failed")
    assert_problem(first_admin.get("/v1/agencies", params={"parent": "not a code"}), 422, "request-invalid")
    assert_problem(first_admin.get("/v1/agencies", params={"within": "not a code"}), 422, "request-invalid")
    assert_problem(first_admin.get("/v1/agencies", params={"as_of": "0"}), 422, "validation-failed")
    assert first_admin.get("/v1/agencies", params={"q": "\x00\ud7ff'%_"}).status_code == 200


def test_pages_follow_each_other_without_gap_or_repetition(first_admin: AgencySystem) -> None:
    for number in range(7):
        register(first_admin, f"H1{number}", name=f"Tỉnh {number}", tier="province")
    pages, cursor = [], None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        answer = first_admin.get("/v1/agencies", params=params).json()
        pages.append([found["organ_id"] for found in answer["items"]])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert pages == [["H10", "H11", "H12"], ["H13", "H14", "H15"], ["H16"]]


def test_a_change_needs_the_version_it_was_made_for(admin: AgencySystem) -> None:
    path = f"/v1/agencies/{register(admin)}"
    changed = admin.patch(path, json={"name": "Văn phòng"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json()["name"] == "Văn phòng"
    assert changed.json()["branch"] == "state"
    late = admin.patch(path, json={"name": "Khác"}, headers={"If-Match": '"1"'})
    assert_problem(late, 412, "precondition-failed")
    assert_problem(admin.patch(path, json={}, headers={"If-Match": "2"}), 400, "request-invalid")
    assert admin.patch(path, json={"name": "Khác"}).status_code == 200


def test_who_has_the_present_version_is_not_sent_it_again(admin: AgencySystem) -> None:
    path = f"/v1/agencies/{register(admin)}"
    known = {"If-None-Match": admin.get(path).headers["etag"]}
    again = admin.get(path, headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"1"')
    admin.patch(path, json={"name": "Khác"})
    assert admin.get(path, headers=known).status_code == 200


def test_fields_can_be_emptied(admin: AgencySystem) -> None:
    above = register(admin)
    path = f"/v1/agencies/{register(admin, parent=above, valid_from='2020-01-01', aliases=[new_code()])}"
    emptied = {"parent": None, "valid_from": None, "aliases": [], "contact": {}}
    answer = admin.patch(path, json=emptied)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["parent"], answer.json()["valid_from"], answer.json()["aliases"]) == (None, None, [])
    assert_problem(admin.patch(path, json={"name": None}), 422, "validation-failed")
    assert_problem(admin.patch(path, json={"organ_id": "H18"}), 422, "validation-failed")


def test_an_agency_is_suspended_and_reinstated(admin: AgencySystem) -> None:
    path = f"/v1/agencies/{register(admin)}"
    suspended = admin.post(f"{path}/suspend", json={"reason": "key_compromised"})
    assert (suspended.status_code, suspended.json()["status"]) == (200, "suspended")
    assert_problem(admin.post(f"{path}/suspend"), 409, "conflict")
    reinstated = admin.post(f"{path}/reinstate")
    assert (reinstated.status_code, reinstated.json()["status"]) == (200, "active")
    assert admin.post(f"{path}/suspend").status_code == 200
    assert_problem(admin.post("/v1/agencies/H99/suspend"), 404, "not-found")
    assert_problem(admin.post(f"{path}/suspend", json={"reason": "mood"}), 422, "validation-failed")


def test_a_file_of_agencies_is_imported_whole_or_not_at_all(first_admin: AgencySystem) -> None:
    good = "organ_id,name,tier,branch,parent\nH17,Đà Nẵng,province,state,\nH17.1,Sở Tư pháp,province,state,H17\n"
    dry = first_admin.post("/v1/agencies/import?dry_run=true", content=good.encode(), headers=CSV)
    assert dry.status_code == 200, dry.text
    assert dry.json() == {"rows": 2, "registered": 2, "skipped": 0, "dry_run": True, "findings": []}
    assert list(first_admin.pages("/v1/agencies")) == []
    broken = good + "H17.2,Sở Y tế,moon,state,H17\n"
    refused = first_admin.post("/v1/agencies/import", content=broken.encode(), headers=CSV)
    problem = assert_problem(refused, 422, "request-invalid")
    assert problem["findings"][0]["location"].startswith("4:")  # type: ignore[index]
    assert list(first_admin.pages("/v1/agencies")) == []
    assert first_admin.post("/v1/agencies/import", content=good.encode()).json()["registered"] == 2
    again = first_admin.post("/v1/agencies/import?existing=skip", content=good.encode(), headers=CSV)
    assert again.json()["skipped"] == 2
    assert_problem(first_admin.post("/v1/agencies/import", json={}), 415, "unsupported-media-type")
    assert_problem(first_admin.post("/v1/agencies/import?dry_run=true"), 400, "request-invalid")


def test_an_import_tells_how_far_it_is(first_admin: AgencySystem) -> None:
    rows = "\n".join(f"H17.{number},Xã {number},commune,state,H17" for number in range(1_500))
    good = f"organ_id,name,tier,branch,parent\nH17,Đà Nẵng,province,state,\n{rows}\n"
    lines = CSV | {"Accept": "application/x-ndjson"}

    def told(content: str, *, dry_run: bool = False) -> list[dict[str, Any]]:
        path = f"/v1/agencies/import?dry_run={str(dry_run).lower()}"
        answer = first_admin.post(path, content=content.encode(), headers=lines)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        return [json.loads(line) for line in answer.text.splitlines()]

    *steps, outcome = told(good, dry_run=True)
    assert outcome["report"]["registered"] == 1_501
    *steps, outcome = told(good)
    assert outcome == {"report": {"rows": 1_501, "registered": 1_501, "skipped": 0, "dry_run": False, "findings": []}}
    assert [(step["progress"]["stage"], step["progress"]["done"]) for step in steps] == [
        ("reading", 0),
        ("checking", 0),
        ("registering", 0),
        ("registering", 1_000),
        ("registering", 1_501),
    ]
    *steps, outcome = told(good)
    assert (outcome["problem"]["status"], len(outcome["problem"]["findings"])) == (422, 200)
    assert outcome["problem"]["findings"][0]["location"] == "2:1"
    other = first_admin.post("/v1/agencies/import", content=b"x", headers=CSV | {"Accept": "image/png"})
    assert_problem(other, 406, "not-acceptable")


# Idempotency-Key.


@pytest.fixture
def key() -> dict[str, str]:
    """A key nobody else uses."""
    return {"Idempotency-Key": unique("key")}


def test_a_repeated_request_gets_the_first_answer(admin: AgencySystem, key: dict[str, str]) -> None:
    body = agency()
    first = admin.post("/v1/agencies", json=body, headers=key)
    admin.patch(first.headers["location"], json={"name": "Đã đổi"})
    again = admin.post("/v1/agencies", json=body, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers


def test_a_key_is_good_for_one_request_of_one_client_only(
    admin: AgencySystem, node: RunningNode, key: dict[str, str]
) -> None:
    other = register(admin)
    assert admin.post("/v1/agencies", json=agency(), headers=key).status_code == 201
    assert_problem(admin.post("/v1/agencies", json=agency(), headers=key), 422, "idempotency-key-reused")
    assert_problem(admin.post(f"/v1/agencies/{other}/suspend", headers=key), 422, "idempotency-key-reused")
    with node.system(Scope.REGISTRY_WRITE) as somebody_else:
        assert somebody_else.post("/v1/agencies", json=agency(), headers=key).status_code == 201


def test_a_key_that_is_none_is_refused(admin: AgencySystem) -> None:
    for none in ("", "x" * 256, "with blank", "é"):
        answer = admin.post("/v1/agencies", json=agency(), headers={"Idempotency-Key": none.encode("latin-1")})
        assert answer.status_code in (400, 422), none
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_refused_request_may_be_sent_again_under_its_key(admin: AgencySystem, key: dict[str, str]) -> None:
    above = new_code()
    body = agency(parent=above)
    assert admin.post("/v1/agencies", json=body, headers=key).status_code == 422
    register(admin, above)
    assert admin.post("/v1/agencies", json=body, headers=key).status_code == 201


def test_the_same_request_many_times_at_once_acts_once(admin: AgencySystem, key: dict[str, str]) -> None:
    assert admin.token
    body, answers = agency(), []

    def send() -> None:
        answers.append(admin.post("/v1/agencies", json=body, headers=key))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 8
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert len({answer.text for answer in answers}) == 1
