"""Certificates and trust over HTTP."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.routers.registered import enrol, register, seal, trust
from tests.routers.test_problems import assert_problem
from tests.support.agency import AgencySystem
from tests.support.pki import Pki, shared_pki


@pytest.fixture(scope="module")
def pki(admin: AgencySystem) -> Pki:
    """A hierarchy that is trusted."""
    trust(admin, shared_pki())
    return shared_pki()


@pytest.fixture
def office(admin: AgencySystem) -> str:
    """An agency's code."""
    return register(admin)


def test_a_certificate_is_registered_listed_and_revoked(
    admin: AgencySystem, reader: AgencySystem, pki: Pki, office: str
) -> None:
    identity = seal(pki, office)
    body = {"pem": identity.pem() + pki.issuing_pem, "kind": "seal"}
    answer = admin.post(f"/v1/agencies/{office}/certificates", json=body)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert answer.headers["location"] == f"/v1/certificates/{identity.sha256}"
    assert (shown["sha256"], shown["kind"], shown["status"]) == (identity.sha256, "seal", "active")
    assert set(shown) >= {"subject", "issuer", "serial", "not_before", "not_after"}
    assert shown["not_before"].endswith("Z")
    assert list(reader.pages(f"/v1/agencies/{office}/certificates")) == [shown]
    assert reader.get(f"/v1/certificates/{identity.sha256}").json() == shown
    revoked = admin.post(f"/v1/certificates/{identity.sha256}/revoke", json={"reason": "keyCompromise"})
    assert revoked.status_code == 200, revoked.text
    assert (revoked.json()["status"], revoked.json()["revocation_reason"]) == ("revoked", "keyCompromise")
    assert_problem(admin.post(f"/v1/certificates/{identity.sha256}/revoke"), 409, "conflict")


def test_der_is_taken_as_base64(admin: AgencySystem, pki: Pki, office: str) -> None:
    enrol(admin, pki, seal(pki, office), office)
    der = base64.b64encode(seal(pki, office, key="p384").der()).decode()
    answer = admin.post(f"/v1/agencies/{office}/certificates", json={"der": der, "kind": "person"})
    assert answer.status_code == 201, answer.text


def test_a_certificate_is_registered_once(admin: AgencySystem, pki: Pki, office: str) -> None:
    identity = seal(pki, office)
    enrol(admin, pki, identity, office)
    body = {"pem": identity.pem(), "kind": "seal"}
    assert_problem(admin.post(f"/v1/agencies/{office}/certificates", json=body), 409, "already-exists")


def test_a_certificate_without_a_path_is_refused_with_findings(admin: AgencySystem, pki: Pki, office: str) -> None:
    stranger = seal(pki.look_alike(), office)
    body = {"pem": stranger.pem() + pki.look_alike().issuing_pem, "kind": "seal"}
    problem = assert_problem(admin.post(f"/v1/agencies/{office}/certificates", json=body), 422, "request-invalid")
    assert problem["findings"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "seal"}, 422),
        ({"pem": "x", "der": "x", "kind": "seal"}, 422),
        ({"pem": "nothing", "kind": "seal"}, 400),
        ({"pem": "\ud800é\x00", "kind": "seal"}, 422),
        ({"der": "!", "kind": "seal"}, 400),
        ({"pem": "x", "kind": "ring"}, 422),
    ],
    ids=str,
)
def test_what_is_no_certificate_is_refused(
    admin: AgencySystem, pki: Pki, office: str, body: dict[str, str], status: int
) -> None:
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    answer = admin.post(f"/v1/agencies/{office}/certificates", content=content, headers=headers)
    assert answer.status_code == status, answer.text


def test_unknown_agencies_and_certificates_are_not_found(admin: AgencySystem, pki: Pki, office: str) -> None:
    body = {"pem": seal(pki, office).pem(), "kind": "seal"}
    assert_problem(admin.post("/v1/agencies/H99/certificates", json=body), 404, "not-found")
    assert_problem(admin.get("/v1/agencies/H99/certificates"), 404, "not-found")
    assert_problem(admin.get("/v1/certificates/" + "0" * 64), 404, "not-found")
    assert_problem(admin.post(f"/v1/certificates/{'0' * 64}/revoke"), 404, "not-found")
    assert_problem(admin.get("/v1/certificates/abc"), 422, "validation-failed")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00", "now"])
def test_moments_out_of_this_world_are_refused(admin: AgencySystem, pki: Pki, office: str, at: str) -> None:
    enrolled = enrol(admin, pki, seal(pki, office), office)
    answer = admin.post(f"/v1/certificates/{enrolled['sha256']}/revoke", json={"at": at})
    assert_problem(answer, 422, "validation-failed")


def test_anchors_are_added_once_and_listed(admin: AgencySystem, reader: AgencySystem, pki: Pki, office: str) -> None:
    (anchor,) = reader.pages("/v1/trust/anchors")
    assert (anchor["name"], anchor["sha256"]) == ("Root", pki.root.sha256)
    again = admin.post("/v1/trust/anchors", json={"pem": pki.root_pem, "name": "Again"})
    assert_problem(again, 409, "already-exists")
    leaf = admin.post("/v1/trust/anchors", json={"pem": seal(pki, office).pem(), "name": "No root"})
    assert_problem(leaf, 422, "request-invalid")


@pytest.mark.parametrize("pem", [True, False])
def test_a_revocation_list_is_taken_in(admin: AgencySystem, pki: Pki, office: str, pem: bool) -> None:
    identity = seal(pki, office)
    enrol(admin, pki, identity, office)
    now = datetime.now(UTC).replace(microsecond=0)
    number = 7 if pem else 8
    crl = pki.crl([identity], at=now - timedelta(hours=2), this_update=now - timedelta(hours=1), number=number, pem=pem)
    headers = {"Content-Type": "application/x-pem-file" if pem else "application/pkix-crl"}
    answer = admin.post("/v1/trust/crls", content=crl, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["entries"] == 1
    assert admin.post("/v1/trust/crls", content=crl).status_code == 201
    older = pki.crl([], this_update=now - timedelta(days=3), number=number - 1)
    assert_problem(admin.post("/v1/trust/crls", content=older), 409, "conflict")


def test_what_is_no_revocation_list_is_refused(admin: AgencySystem, pki: Pki, office: str) -> None:
    assert admin.post("/v1/trust/crls", content=b"nothing").status_code in (400, 422)
    stranger = pki.look_alike().crl([])
    assert admin.post("/v1/trust/crls", content=stranger).status_code in (400, 422)
