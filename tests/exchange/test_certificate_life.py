"""Certificates through their lives: two side by side, one suspended and back, one revoked, and what was sent then."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from joserfc import jws
from joserfc.jwk import ECKey

from app.node import Node
from app.registry.model import Scope
from app.signing.possession import ENROLMENT_TYPE, POSSESSION_TYPE
from tests.registry.filling import Registry
from tests.support.agency import AgencySystem
from tests.support.office import COMMUNE, DISTRICT, PROVINCE, Exchange, Office, created, current_seal, refused
from tests.support.pki import Identity


@pytest.fixture
def office(shared: Exchange) -> Iterator[Office]:
    """An agency of this test alone, with a system and a first seal."""
    number = hashlib.sha256(str(datetime.now(UTC)).encode()).hexdigest()[:4]
    code = f"H27.{int(number, 16)}"
    fields = {"organ_id": code, "name": "Sở Mẫu", "tier": "province", "branch": "state"}
    created(shared.administrator.post("/v1/agencies", json=fields))
    seal = _seal(shared, code)
    _enrol(shared.administrator, shared, code, seal)
    with shared.running.system(Scope.EXCHANGE, agencies=[code]) as system:
        yield Office(code, seal, system)


def _seal(exchange: Exchange, code: str, name: str = "Sở Mẫu", **how: Any) -> Identity:
    return current_seal(exchange.pki, code, name, **how)


def _enrol(by: AgencySystem, exchange: Exchange, code: str, seal: Identity, **more: str | None) -> dict[str, Any]:
    return created(_asked(by, exchange, code, seal, **more))


def _asked(by: AgencySystem, exchange: Exchange, code: str, seal: Identity, **more: str | None) -> Any:
    body = {"pem": seal.pem() + exchange.pki.issuing_pem, "kind": "seal"} | more
    return by.post(f"/v1/agencies/{code}/certificates", json=body)


def _request(identity: Identity) -> str:
    """A certification request with the certificate's key."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(identity.certificate.subject)
    return builder.sign(identity.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()  # type: ignore[arg-type]


def _statement(by: Identity, about: Identity, exchange: Exchange, typ: str, **claims: Any) -> str:
    digest = base64.urlsafe_b64encode(bytes.fromhex(by.sha256)).rstrip(b"=").decode()
    header = {"alg": "ES256", "typ": typ, "x5t#S256": digest}
    expires = int((datetime.now(UTC) + timedelta(minutes=5)).timestamp())
    said = {"aud": exchange.running.url, "exp": expires, "sha256": about.sha256} | claims
    return jws.serialize_compact(header, json.dumps(said), ECKey.import_key(by.key_pem()), algorithms=["ES256"])


def _events(exchange: Exchange, office: Office) -> list[dict[str, Any]]:
    """What happened to the agency's certificates, oldest first."""

    async def read(node: Node) -> list[dict[str, Any]]:
        return await Registry(node.database).events()

    found = exchange.running.run(read)
    return [each for each in found if each.get("agency") == office.organ_id and each["kind"].startswith("certificate")]


def _last_reading(exchange: Exchange) -> dict[str, Any]:
    """The newest event of somebody who looked."""

    async def read(node: Node) -> list[dict[str, Any]]:
        return await Registry(node.database).events()

    return [each for each in exchange.running.run(read) if each["kind"] == "trail.read"][-1]


def _sent(office: Office, seal: Identity) -> Any:
    return office.system.send(office.signed(office.paper(PROVINCE), key=seal.key, certificate=seal.certificate))


def test_two_seals_overlap_and_the_old_one_goes(shared: Exchange, office: Office) -> None:
    old, new = office.seal, _seal(shared, office.organ_id)
    first = created(_sent(office, old))
    _enrol(shared.administrator, shared, office.organ_id, new)
    during = [created(_sent(office, seal)) for seal in (old, new)]
    revoked = shared.administrator.post(f"/v1/certificates/{old.sha256}/revoke", json={"reason": "superseded"})
    assert revoked.status_code == 200, revoked.text
    assert refused(_sent(office, old), 422, "document-refused") == ["rfc5280.6.3.revoked"]
    created(_sent(office, new))
    for document in (first, *during):
        shown = office.system.get(f"/v1/documents/{document['id']}")
        assert shown.status_code == 200
        assert shown.json()["verification"]["indication"] == "TOTAL-PASSED"
    found = list(shared.auditor.pages(f"/v1/certificates/{old.sha256}/documents"))
    assert [each["document"] for each in found] == [first["id"], during[0]["id"]]


def test_what_was_accepted_since_a_key_was_lost_is_found(shared: Exchange, office: Office) -> None:
    sent = [created(_sent(office, office.seal)) for _ in range(3)]
    moment = sent[1]["accepted_at"]
    body = {"reason": "keyCompromise", "at": moment}
    assert shared.administrator.post(f"/v1/certificates/{office.seal.sha256}/revoke", json=body).status_code == 200
    address = f"/v1/certificates/{office.seal.sha256}/documents"
    found = list(shared.administrator.pages(address, after=moment, limit=1))
    assert [each["document"] for each in found] == [each["id"] for each in sent[1:]]
    assert set(found[0]) == {"document", "sender", "sha256", "accepted_at"}
    assert _last_reading(shared)["actor"] == shared.administrator.client_id
    assert list(shared.administrator.pages(address, after=(datetime.now(UTC) + timedelta(days=1)).isoformat())) == []
    refused(office.system.get(address), 403, "scope-missing")
    refused(shared.auditor.get(f"/v1/certificates/{'0' * 64}/documents"), 404, "not-found")


def test_a_suspended_certificate_comes_back(shared: Exchange, office: Office) -> None:
    address = f"/v1/certificates/{office.seal.sha256}"
    before = created(_sent(office, office.seal))
    suspended = shared.administrator.post(f"{address}/suspend", json={"reason": "key_compromised"})
    assert (suspended.status_code, suspended.json()["status"]) == (200, "suspended")
    assert suspended.json()["suspended_at"]
    refused(shared.administrator.post(f"{address}/suspend"), 409, "conflict")
    assert "ours.trust.suspended" in refused(_sent(office, office.seal), 422, "document-refused")
    assert office.system.get(f"/v1/documents/{before['id']}").status_code == 200
    back = shared.administrator.post(f"{address}/reinstate")
    assert (back.json()["status"], back.json()["suspended_at"]) == ("active", None)
    created(_sent(office, office.seal))
    refused(shared.administrator.post(f"{address}/reinstate"), 409, "conflict")
    refused(office.system.post(f"{address}/suspend"), 403, "scope-missing")
    assert [event["kind"] for event in _events(shared, office)] == [
        "certificate.registered",
        "certificate.suspended",
        "certificate.reinstated",
    ]


def test_a_suspended_certificate_may_be_revoked(shared: Exchange, office: Office) -> None:
    address = f"/v1/certificates/{office.seal.sha256}"
    assert shared.administrator.post(f"{address}/suspend").status_code == 200
    revoked = shared.administrator.post(f"{address}/revoke", json={"reason": "keyCompromise"}).json()
    assert (revoked["status"], revoked["suspended_at"]) == ("revoked", None)
    refused(shared.administrator.post(f"{address}/reinstate"), 409, "conflict")


def test_possession_is_proven_by_a_request_or_a_statement(shared: Exchange, office: Office) -> None:
    for how, made in (
        ("request", lambda seal: _request(seal)),
        ("statement", lambda seal: _statement(seal, seal, shared, POSSESSION_TYPE)),
    ):
        seal = _seal(shared, office.organ_id)
        shown = _enrol(shared.administrator, shared, office.organ_id, seal, proof=made(seal))
        assert shown["possession"] == how
    last = _events(shared, office)[-1]
    assert (last["kind"], last["detail"]["possession"]) == ("certificate.registered", "statement")


def test_a_proof_that_proves_nothing_is_refused(shared: Exchange, office: Office) -> None:
    seal, other = _seal(shared, office.organ_id), _seal(shared, office.organ_id)
    good = _request(seal)
    der = bytearray(x509.load_pem_x509_csr(good.encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    broken = (
        f"-----BEGIN CERTIFICATE REQUEST-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE REQUEST-----\n"
    )
    late = int((datetime.now(UTC) - timedelta(hours=1)).timestamp())
    for proof, expected in (
        (_request(other), "other-key"),
        (broken, "signature"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "unreadable"),
        ("a.b.c", "unreadable"),
        (_statement(other, seal, shared, POSSESSION_TYPE), "signature"),
        (_statement(seal, other, shared, POSSESSION_TYPE), "other-key"),
        (_statement(seal, seal, shared, POSSESSION_TYPE, aud="https://elsewhere"), "audience"),
        (_statement(seal, seal, shared, POSSESSION_TYPE, exp=late), "time"),
        (_statement(seal, seal, shared, POSSESSION_TYPE, exp=late + 10**7), "time"),
        (_statement(seal, seal, shared, POSSESSION_TYPE, exp=10**400), "time"),
        (_statement(seal, seal, shared, ENROLMENT_TYPE), "unreadable"),
    ):
        answer = _asked(shared.administrator, shared, office.organ_id, seal, proof=proof)
        assert refused(answer, 422, "request-invalid") == [f"ours.possession.{expected}"]
    assert _enrol(shared.administrator, shared, office.organ_id, seal)["possession"] is None


def test_an_agency_brings_its_next_seal_itself(shared: Exchange, office: Office) -> None:
    new = _seal(shared, office.organ_id)
    authorisation = _statement(office.seal, new, shared, ENROLMENT_TYPE)
    shown = _enrol(office.system, shared, office.organ_id, new, proof=_request(new), authorisation=authorisation)
    assert shown["possession"] == "request"
    created(_sent(office, new))
    last = _events(shared, office)[-1]
    assert (last["actor"], last["detail"]["follows"]) == (office.system.client_id, office.seal.sha256)


def test_an_agency_brings_nothing_else_itself(shared: Exchange, office: Office) -> None:
    new = _seal(shared, office.organ_id)
    good = {"proof": _request(new), "authorisation": _statement(office.seal, new, shared, ENROLMENT_TYPE)}
    system, code = office.system, office.organ_id
    refused(_asked(system, shared, code, new, proof=good["proof"]), 403, "scope-missing")
    refused(_asked(system, shared, DISTRICT, new, **good), 403, "scope-missing")
    other_name = _seal(shared, code, "Sở Khác")
    stranger = shared.offices[COMMUNE].seal
    for seal, more, expected in (
        (new, {**good, "proof": None}, "ours.possession.missing"),
        (new, {**good, "kind": "person"}, "ours.enrolment.kind"),
        (new, {**good, "authorisation": _statement(new, new, shared, ENROLMENT_TYPE)}, "ours.enrolment.signer"),
        (new, {**good, "authorisation": _statement(stranger, new, shared, ENROLMENT_TYPE)}, "ours.enrolment.signer"),
        (
            other_name,
            {
                "proof": _request(other_name),
                "authorisation": _statement(office.seal, other_name, shared, ENROLMENT_TYPE),
            },
            "ours.enrolment.subject",
        ),
        (
            new,
            {**good, "authorisation": _statement(office.seal, stranger, shared, ENROLMENT_TYPE)},
            "ours.enrolment.other",
        ),
    ):
        assert refused(_asked(system, shared, code, seal, **more), 422, "request-invalid") == [expected]
    assert shared.administrator.post(f"/v1/certificates/{office.seal.sha256}/suspend").status_code == 200
    assert refused(_asked(system, shared, code, new, **good), 422, "request-invalid") == ["ours.trust.suspended"]


def test_a_list_is_imported_over_the_api(shared: Exchange, office: Office) -> None:
    seals = [_seal(shared, office.organ_id) for _ in range(2)]
    rows = "".join(f"{office.organ_id},{base64.b64encode(each.der()).decode()}\n" for each in seals)
    content = f"organ_id,certificate\n{rows}".encode()
    address, headers = "/v1/certificates/import", {"Content-Type": "text/csv"}
    refused(office.system.post(address, content=content, headers=headers), 403, "scope-missing")
    dry = shared.administrator.post(f"{address}?dry_run=true", content=content, headers=headers)
    assert (dry.status_code, dry.json()["registered"]) == (200, 2)
    told = shared.administrator.post(address, content=content, headers=headers | {"Accept": "application/x-ndjson"})
    *steps, outcome = [json.loads(line) for line in told.text.splitlines()]
    assert [step["progress"]["stage"] for step in steps] == ["reading", "checking", "registering"]
    assert outcome == {"report": {"rows": 2, "registered": 2, "skipped": 0, "dry_run": False, "findings": []}}
    created(_sent(office, seals[1]))
    again = shared.administrator.post(address, content=content, headers=headers)
    assert refused(again, 422, "request-invalid") == ["ours.import.registered"] * 2
    skipped = shared.administrator.post(f"{address}?existing=skip", content=content, headers=headers)
    assert skipped.json()["skipped"] == 2
    refused(shared.administrator.post(address, json={}), 415, "unsupported-media-type")
