"""What a document may be signed with: persons and the seal together, timestamps, and forms that prove nothing."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc import jws

from app.edxml.model import StatusCode
from app.edxml.write import write
from app.ledger.seal import seal_all
from app.node import Node
from app.registry.model import RevocationReason, Scope
from app.signing.sign import sign
from app.signing.timestamps import build_request, token_of
from app.signing.xmldsig import Xades
from app.simulation.stamper import Stamper
from tests.console.conftest import Visitor
from tests.exchange.mail import enlist, report, send
from tests.exchange.remains import events_since, remains
from tests.support.legacy import signed_with_sha1, with_foreign_signature
from tests.support.office import PROVINCE, Exchange, Office, created, current_seal, refused, register_certificate
from tests.support.pki import Identity, Pki, name

Signers = tuple[Identity, ...]


@pytest.fixture(scope="module")
def together(on_sqlite: Exchange) -> Iterator[tuple[Office, Identity, Identity]]:
    """An agency with a seal and two persons whose certificates are registered for it."""
    with ExitStack() as stack:
        office = enlist(on_sqlite, stack)
        first, second = (person(on_sqlite, office, title) for title in ("Chủ tịch", "Chánh Văn phòng"))
        yield office, first, second


def person(exchange: Exchange, office: Office, title: str) -> Identity:
    """Issue a person's certificate and register it for an agency."""
    now = datetime.now(UTC)
    identity = exchange.pki.issue(
        name((NameOID.TITLE, title), (NameOID.COMMON_NAME, f"{title} {office.organ_id}")),
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=30),
    )
    body = {"pem": identity.pem() + exchange.pki.issuing_pem, "kind": "person"}
    created(exchange.administrator.post(f"/v1/agencies/{office.organ_id}/certificates", json=body))
    return identity


def signed_by(office: Office, *signers: Identity, **how: Any) -> bytes:
    """Let several sign a new document, one after the other."""
    octets = write(office.paper(PROVINCE))
    for signer in signers:
        octets = sign(octets, key=signer.key, certificate=signer.certificate, add=True, **how)
    return octets


def test_persons_and_the_seal_sign_one_document(together: tuple[Office, Identity, Identity], shared: Exchange) -> None:
    office, first, second = together
    receipt = created(office.system.send(signed_by(office, first, second, office.seal)))
    seen = created(office.system.get(f"/v1/documents/{receipt['id']}"), 200)
    assert seen["verification"]["indication"] == "TOTAL-PASSED"
    assert (seen["signature"], seen["certificate"]) == ("valid", office.seal.sha256)
    told = created(shared[PROVINCE].system.get(f"/v1/documents/{receipt['id']}/verification"), 200)
    assert [each["role"] for each in told["signatures"]] == ["person", "person", "seal"]
    assert [each["intact"] for each in told["signatures"]] == [True, True, True]


def test_a_person_may_sign_alone(together: tuple[Office, Identity, Identity]) -> None:
    office, first, _ = together
    created(office.system.send(signed_by(office, first)))


@pytest.mark.parametrize(
    ("choose", "code"),
    [
        (lambda office, first, second: (first, second), "ours.signature.seal-missing"),
        (lambda office, first, _: (office.seal, office.seal), "ours.signature.seals-several"),
        (lambda office, first, _: (office.seal, first), "ours.signature.seal-not-last"),
        (lambda office, first, second: (first, second, first, second, office.seal), "ours.signature.too-many"),
    ],
    ids=["no seal", "two seals", "seal first", "five"],
)
def test_other_roles_are_refused(
    choose: Callable[[Office, Identity, Identity], Signers], code: str, together: tuple[Office, Identity, Identity]
) -> None:
    office, first, second = together
    octets = write(office.paper(PROVINCE))
    signers = choose(office, first, second)
    for signer in signers[:4]:
        octets = sign(octets, key=signer.key, certificate=signer.certificate, add=True)
    if len(signers) > 4:
        start, end = octets.index(b"<ds:Signature "), octets.index(b"</ds:Signature>") + len(b"</ds:Signature>")
        octets = octets[:start] + octets[start:end] + octets[start:]
    assert refused(office.system.send(octets), 422, "document-refused") == [code]


def test_a_person_of_another_agency_is_refused(together: tuple[Office, Identity, Identity], shared: Exchange) -> None:
    office, _, _ = together
    stranger = person(shared, shared[PROVINCE], "Người khác")
    octets = signed_by(office, stranger, office.seal)
    assert refused(office.system.send(octets), 422, "document-refused") == ["ours.signature.signer-not-sender"]


def test_nothing_can_be_taken_from_below_the_seal(together: tuple[Office, Identity, Identity]) -> None:
    office, first, second = together
    octets = signed_by(office, first, second, office.seal)
    one, two, seal = re.findall(rb"<ds:Signature .*?</ds:Signature>", octets)
    for below in (b"", two, two + one, one):
        changed = octets.replace(one + two, below)
        assert refused(office.system.send(changed), 422, "document-refused") == ["xmldsig.3.2.1.digest-mismatch"]
    unsealed = octets.replace(seal, b"")
    assert refused(office.system.send(unsealed), 422, "document-refused") == ["ours.signature.seal-missing"]


# Timestamps.


@pytest.fixture(scope="module")
def stamper(on_sqlite: Exchange) -> Stamper:
    """A time-stamping authority below the root the node trusts."""
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    now = datetime.now(UTC)
    identity = on_sqlite.pki.issue(
        name((NameOID.COMMON_NAME, "TSA")),
        extensions=[(purpose, True)],
        not_before=now - timedelta(days=9),
        not_after=now + timedelta(days=30),
    )
    assert isinstance(identity.key, ec.EllipticCurvePrivateKey)
    return Stamper(identity.key, identity.certificate, identity.chain)


def stamped(stamper: Stamper, at: datetime) -> Xades:
    """Stamp signatures at a moment."""
    return Xades(at, timestamp=lambda octets: token_of(stamper.answer(build_request(octets, nonce=7), at=at)))


def test_a_certificate_counts_at_the_moment_a_trusted_timestamp_proves(
    shared: Exchange, stamper: Stamper, stack: ExitStack
) -> None:
    """Revoked by now, in force when it signed; what the signer claims proves nothing."""
    office = enlist(shared, stack)
    now = datetime.now(UTC)
    period = {"not_before": now - timedelta(days=9), "not_after": now + timedelta(days=30)}
    short = current_seal(shared.pki, office.organ_id, "Sắp hết", **period)
    register_certificate(shared.administrator, office.organ_id, short, shared.pki)
    path = f"/v1/certificates/{short.sha256}/revoke"
    revoked_at = (now - timedelta(hours=1)).isoformat()
    body = {"reason": RevocationReason.SUPERSEDED.value, "at": revoked_at}
    created(shared.administrator.post(path, json=body), 200)

    before, after = now - timedelta(hours=2), now - timedelta(minutes=30)
    accepted = office.system.send(signed_by(office, short, xades=stamped(stamper, before)))
    created(accepted)
    late = office.system.send(signed_by(office, short, xades=stamped(stamper, after)))
    assert refused(late, 422, "document-refused") == ["rfc5280.6.3.revoked"]
    claimed = office.system.send(signed_by(office, short, xades=Xades(before)))
    assert refused(claimed, 422, "document-refused") == ["rfc5280.6.3.revoked"]


def test_a_timestamp_of_another_signature_is_refused(
    together: tuple[Office, Identity, Identity], stamper: Stamper
) -> None:
    office, _, _ = together
    at = datetime.now(UTC) - timedelta(hours=1)
    token = token_of(stamper.answer(build_request(b"another signature's value", nonce=7), at=at))
    octets = signed_by(office, office.seal, xades=Xades(at, timestamp=lambda _octets: token))
    assert refused(office.system.send(octets), 422, "document-refused") == ["rfc3161.2.4.2.imprint"]


def test_a_timestamp_of_nobody_trusted_is_passed_over_with_a_warning(
    together: tuple[Office, Identity, Identity],
) -> None:
    office, _, _ = together
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    stranger = Pki.new("Xa lạ", slot=930).issue(name((NameOID.COMMON_NAME, "TSA")), extensions=[(purpose, True)])
    assert isinstance(stranger.key, ec.EllipticCurvePrivateKey)
    other = Stamper(stranger.key, stranger.certificate, stranger.chain)
    at = datetime.now(UTC) - timedelta(hours=1)
    receipt = created(office.system.send(signed_by(office, office.seal, xades=stamped(other, at))))
    assert receipt["verification"]["indication"] == "TOTAL-PASSED"
    [about] = [each for each in receipt["verification"]["findings"] if each["location"].endswith("/Object")]
    assert (about["code"], about["severity"]) == ("rfc5280.6.1.no-path", "warning")


# Forms that prove nothing.


def allow(exchange: Exchange, office: Office, *modes: str, first: int = -1, last: int = 1) -> None:
    """Let in forms of signatures of an agency from yesterday to tomorrow."""
    today = (datetime.now(UTC) + timedelta(hours=7)).date()
    period = {
        "valid_from": (today + timedelta(days=first)).isoformat(),
        "valid_to": (today + timedelta(days=last)).isoformat(),
    }
    policies = [{"mode": mode, **period} for mode in modes]
    created(exchange.administrator.patch(f"/v1/agencies/{office.organ_id}", json={"policies": policies}), 200)


def legacy(office: Office, mode: str, to: str = PROVINCE) -> bytes:
    """Write a new document as a sender of this form does."""
    octets = write(office.paper(to))
    match mode:
        case "sha1":
            return signed_with_sha1(octets, office.seal)
        case "foreign-namespace":
            return with_foreign_signature(octets)
        case _:
            return octets


FORMS = {
    "unsigned": ("ours.signature.missing", "NO_SIGNING_CERTIFICATE_FOUND"),
    "sha1": ("ours.signature.sha1", "CRYPTO_CONSTRAINTS_FAILURE"),
    "foreign-namespace": ("xmldsig.4.1.foreign-namespace", "NO_SIGNING_CERTIFICATE_FOUND"),
}


@pytest.fixture(scope="module")
def old(on_sqlite: Exchange) -> Iterator[Office]:
    """An agency with an older system, whose certificate has an RSA key."""
    with ExitStack() as stack:
        office = enlist(on_sqlite, stack)
        seal = current_seal(on_sqlite.pki, office.organ_id, "Hệ thống cũ", key="rsa2048")
        register_certificate(on_sqlite.administrator, office.organ_id, seal, on_sqlite.pki)
        yield replace(office, seal=seal)


@pytest.mark.parametrize("mode", FORMS)
def test_a_legacy_form_is_let_in_where_it_is_allowed_and_never_called_valid(
    mode: str, old: Office, shared: Exchange
) -> None:
    code, cause = FORMS[mode]
    allow(shared, old)
    assert refused(old.system.send(legacy(old, mode)), 422, "document-refused") == [code]
    allow(shared, old, mode)
    before = remains(shared)

    receipt = created(old.system.send(legacy(old, mode)))

    assert receipt["verification"]["indication"] == "INDETERMINATE"
    claims = json.loads(jws.extract_compact(receipt["receipt"].encode()).payload)
    certificate = old.seal.sha256 if mode == "sha1" else None
    assert (claims["signature"], claims["certificate"]) == (mode, certificate)
    seen = created(shared[PROVINCE].system.get(f"/v1/documents/{receipt['id']}"), 200)
    assert (seen["signature"], seen["certificate"]) == (mode, certificate)
    assert seen["verification"]["indication"] == "INDETERMINATE"
    found = [each for each in seen["verification"]["findings"] if each["severity"] != "warning"]
    assert [(each["code"], each["severity"]) for each in found] == [(code, "unknown")]
    told = created(shared[PROVINCE].system.get(f"/v1/documents/{receipt['id']}/verification"), 200)
    assert (told["indication"], told["sub_indication"], told["proven"]) == ("INDETERMINATE", cause, False)
    [event] = [each for each in events_since(shared, before) if each["event"] == "document.accepted"]
    detail = event["detail"]
    assert (detail["signed"], detail["signature"], detail["indication"]) == (False, mode, "INDETERMINATE")
    waiting = {each["document"]["id"]: each["document"] for each in shared[PROVINCE].system.inbox()}
    assert waiting[receipt["id"]]["signature"] == mode
    listed = {each["id"]: each for each in old.system.pages("/v1/outbox")}
    assert listed[receipt["id"]]["signature"] == mode


async def _seal(node: Node) -> None:
    await seal_all(node.database, now=datetime.now(UTC))


def test_pages_say_that_it_proves_nothing(old: Office, shared: Exchange) -> None:
    allow(shared, old, "unsigned")
    with ExitStack() as stack:
        # One that nobody else writes to: lists of others are longer than a page.
        recipient = enlist(shared, stack).organ_id
        receipt = created(old.system.send(legacy(old, "unsigned", to=recipient)))
        shared.running.run(_seal)
        visitor = stack.enter_context(Visitor(shared.running.url))
        visitor.sign_in(shared.running.client(Scope.EXCHANGE, agencies=[recipient]))
        page = visitor.get(f"/documents/{receipt['id']}").text
        agency = visitor.get(f"/agencies/{old.organ_id}").text
        mail = visitor.get("/documents").text
    for words in ("không ký số", "không có giá trị chứng minh", "INDETERMINATE"):
        assert words in page
    assert "TOTAL-PASSED" not in page
    assert "không ký số" in mail
    assert "Được nhận dù không chứng minh được chữ ký" in agency


def test_asking_beforehand_tells_the_same(old: Office, shared: Exchange) -> None:
    allow(shared, old, "unsigned")
    answer = old.system.post(
        "/v1/documents/validate", content=legacy(old, "unsigned"), headers={"Content-Type": "application/xml"}
    )
    told = created(answer, 200)
    assert (told["accepted"], told["valid"], told["indication"]) == (True, False, "INDETERMINATE")


def test_an_allowed_form_does_not_let_in_another(old: Office, shared: Exchange) -> None:
    allow(shared, old, "sha1", "foreign-namespace")
    assert refused(old.system.send(legacy(old, "unsigned")), 422, "document-refused") == ["ours.signature.missing"]


def test_an_allowed_form_ends_with_its_last_day(old: Office, shared: Exchange) -> None:
    allow(shared, old, "unsigned", first=-9, last=-1)
    assert refused(old.system.send(legacy(old, "unsigned")), 422, "document-refused") == ["ours.signature.missing"]


def test_a_policy_without_a_last_day_is_not_taken(old: Office, shared: Exchange) -> None:
    answer = shared.administrator.patch(f"/v1/agencies/{old.organ_id}", json={"policies": [{"mode": "unsigned"}]})
    assert refused(answer, 422, "request-invalid") == ["ours.agency.policy-endless"]


def test_the_policy_of_one_agency_is_nobody_elses(shared: Exchange, old: Office, stack: ExitStack) -> None:
    allow(shared, old, "unsigned")
    office = enlist(shared, stack)
    assert refused(office.system.send(legacy(office, "unsigned")), 422, "document-refused") == [
        "ours.signature.missing"
    ]


def test_sha1_is_let_in_only_where_all_the_rest_is_right(old: Office, shared: Exchange) -> None:
    allow(shared, old, "sha1", "unsigned")
    octets = legacy(old, "sha1")
    changed = octets.replace("V/v kết nối".encode(), "V/v khác nối".encode())
    assert changed != octets
    codes = refused(old.system.send(changed), 422, "document-refused")
    assert codes == ["xmldsig.3.2.1.digest-mismatch"]
    stranger = replace(old, seal=shared.pki.seal(old.organ_id, key="rsa2048"))
    codes = refused(old.system.send(legacy(stranger, "sha1")), 422, "document-refused")
    assert codes == ["ours.trust.not-registered"]


def test_a_status_report_of_such_a_sender_is_let_in_likewise(old: Office, shared: Exchange) -> None:
    sent = send(shared[PROVINCE], old.organ_id)
    allow(shared, old)
    octets = old.status(sent.named, StatusCode.RECEIVED, owner=PROVINCE)
    start, end = octets.index(b"<ds:Signature "), octets.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    stripped = octets[:start] + octets[end:]
    assert refused(old.system.report(stripped), 422, "document-refused") == ["ours.signature.missing"]
    allow(shared, old, "unsigned")
    before = remains(shared)
    answer = created(old.system.report(stripped))
    assert json.loads(jws.extract_compact(answer["receipt"].encode()).payload)["signature"] == "unsigned"
    [event] = [each for each in events_since(shared, before) if each["event"] == "status.accepted"]
    assert event["detail"]["signature"] == "unsigned"
    waiting = {each["status"]["id"]: each["status"] for each in shared[PROVINCE].system.inbox(kind="status")}
    assert waiting[answer["id"]]["indication"] == "INDETERMINATE"
    assert report(old, sent, "04").status_code == 201
