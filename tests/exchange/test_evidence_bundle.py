"""The evidence bundle of a document, over HTTP: what is in it, for whom, and that it proves what it says."""

import base64
import hashlib
import io
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from lxml import etree

from app.edxml.model import DocumentKind, DocumentType
from app.exchange import retention
from app.exchange.retention import Purged
from app.ledger.bundle import layout
from app.ledger.bundle.check import check
from app.ledger.bundle.trust import Trust
from app.node import Node
from app.regulations.provisions import Kept, Retention, RetentionRule
from app.signing import merkle
from app.signing.checkpoint import open_checkpoint
from app.signing.ledger_key import ledger_keys
from app.signing.node_key import public_keys, verify_jws
from tests.exchange.bundles import Opened, bundle_of, publish_all
from tests.exchange.mail import Sent, report, send
from tests.exchange.remains import events_since, remains
from tests.support.office import COMMUNE, DISTRICT, PARTY, PROVINCE, Exchange, business, created, refused

SUBJECT = "V/v hồ sơ chỉ hai bên được đọc"
ATTACHED = b"%PDF-1.7 nothing of this is for auditors"
REASON = "Lý do chỉ nói với bên gửi"


def lived(exchange: Exchange) -> Sent:
    """A document that the province took over and worked on, and that the commune gave back."""
    province, commune = exchange[PROVINCE], exchange[COMMUNE]
    sent = send(exchange[DISTRICT], PROVINCE, COMMUNE, subject=SUBJECT, attachment=ATTACHED)
    publish_all(exchange)
    created(province.system.acknowledge([sent.delivery_to(PROVINCE)]), 200)
    assert province.system.get(f"/v1/documents/{sent.id}/content").content == sent.body
    for code in ("01", "03", "04"):
        created(report(province, sent, code, reason=REASON))
    created(report(exchange[DISTRICT], sent, "13", owner=COMMUNE, reason=REASON))
    created(report(commune, sent, "15"))
    return sent


@pytest.fixture(scope="module")
def lives() -> dict[str, Sent]:
    """Documents that lived, by the address of their node: none of the tests changes them."""
    return {}


@pytest.fixture
def sent(exchange: Exchange, lives: dict[str, Sent]) -> Sent:
    """Such a document, on either engine."""
    return once(exchange, lives)


@pytest.fixture
def sent_here(shared: Exchange, lives: dict[str, Sent]) -> Sent:
    """Such a document, for what does not hang on the database."""
    return once(shared, lives)


def once(exchange: Exchange, lives: dict[str, Sent]) -> Sent:
    if exchange.running.url not in lives:
        lives[exchange.running.url] = lived(exchange)
    publish_all(exchange)
    return lives[exchange.running.url]


def check_whole(exchange: Exchange, bundle: Opened) -> None:
    """Check all that any bundle has to hold, against the keys the node publishes."""
    keys = exchange.running.http.get("/.well-known/jwks.json").json()
    members, manifest = bundle.members, bundle.manifest
    # Whoever checks it with `truc verify` finds nothing against it.
    trust = Trust.read([json.dumps(keys).encode()], anchors=[exchange.pki.root_pem.encode()])
    checked = check(io.BytesIO(bundle.octets), trust=trust, now=datetime.now(UTC))
    assert [each for each in checked.statements if each.spoils] == []
    # The container: what ETSI EN 319 162-1 asks of its first member, and what the others are.
    assert bundle.octets[30:38] == b"mimetype"
    assert bundle.octets[38 : 38 + len(layout.MEDIA_TYPE)] == layout.MEDIA_TYPE.encode()
    assert list(members) == ["mimetype", *sorted(members.keys() - {"mimetype"})]
    entries = etree.fromstring(members["META-INF/manifest.xml"])
    assert {each.values()[0] for each in entries} == {"/", *members} - {"mimetype", "META-INF/manifest.xml"}
    # The manifest: every other member, and the node's signature.
    files = {each["name"]: (each["sha256"], each["size"]) for each in manifest["files"]}
    found = {name: (hashlib.sha256(octets).hexdigest(), len(octets)) for name, octets in members.items()}
    assert files == {name: each for name, each in found.items() if name not in layout.UNLISTED}
    assert layout.Manifest.read(members["manifest.json"]).octets() == members["manifest.json"]
    claims = verify_jws(members["manifest.jws"].decode(), keys=public_keys(keys), typ="evidence+jwt")
    assert claims["manifest_sha256"] == found["manifest.json"][0]
    assert claims["iss"] == manifest["node"] == exchange.running.url
    assert json.loads(members["keys.json"]) == keys
    # The log: every event is in the tree of the checkpoint.
    checkpoint, _ = open_checkpoint(members["checkpoint.txt"].decode(), log=ledger_keys(keys))
    proofs = bundle.json("proofs.json")
    assert (checkpoint.origin, checkpoint.size) == (proofs["origin"], proofs["size"])
    assert checkpoint.root.hex() == proofs["root"]
    assert [layout.event_name(each["index"]) for each in proofs["inclusion"]] == bundle.named("events")
    for each in proofs["inclusion"]:
        body = members[layout.event_name(each["index"])]
        path = [bytes.fromhex(one) for one in each["hashes"]]
        assert merkle.leaf(body).hex() == each["leaf_hash"]
        assert merkle.root_by(path, body, position=each["index"], size=checkpoint.size) == checkpoint.root
    # What the events say of the rest.
    receipt = verify_jws(members["receipt.jws"].decode(), keys=public_keys(keys), typ="receipt+jwt")
    assert receipt["document"] == manifest["document"]
    assert receipt["sha256"] == manifest["sha256"]
    for name in bundle.named("evidence"):
        assert name.startswith(f"evidence/{found[name][0]}.")


def digests_told(bundle: Opened) -> list[str]:
    """Digests of verification reports that the events speak of."""
    details = [event.get("detail", {}) for event in bundle.events]
    return [each["verification"] for each in details if "verification" in each]


def test_a_sender_gets_all_that_proves_a_whole_life(exchange: Exchange, sent: Sent) -> None:
    system = exchange[DISTRICT].system
    bundle = bundle_of(system, sent.id)
    check_whole(exchange, bundle)
    assert bundle.manifest["content"] == "included"
    assert bundle.manifest["events_pending"] == 0
    assert bundle.members["document.edxml"] == sent.body
    assert bundle.members["receipt.jws"].decode() == sent.receipt["receipt"]
    history = created(system.get(f"/v1/documents/{sent.id}/history"), 200)
    assert [event["id"] for event in bundle.events] == [event["id"] for event in history]
    assert {"document.accepted", "delivery.acknowledged", "status.accepted", "delivery.withdrawn"} <= {
        event["kind"] for event in bundle.events
    }
    statuses = sent.seen_by(exchange[DISTRICT])["statuses"]
    assert len(statuses) == 5
    for each in statuses:
        said = system.get(f"/v1/statuses/{each['id']}/content").content
        assert bundle.members[f"statuses/{each['id']}.edxml"] == said
        assert f"statuses/{each['id']}.jws" in bundle.members


def test_the_verification_report_is_the_one_the_log_speaks_of_and_what_it_cites_is_there(
    shared: Exchange, sent_here: Sent
) -> None:
    bundle = bundle_of(shared[PROVINCE].system, sent_here.id)
    reports = [bundle.members[name] for name in bundle.named("verification")]
    assert bundle.named("verification") == ["verification/0000.json"]
    assert [hashlib.sha256(each).hexdigest() for each in reports] == digests_told(bundle)
    cited = {each["sha256"] for each in json.loads(reports[0])["evidence"]}
    assert cited <= {name.removeprefix("evidence/")[:64] for name in bundle.named("evidence")}
    assert {name.rpartition(".")[2] for name in bundle.named("evidence")} == {"cer", "crl"}


def test_a_recipient_gets_what_others_said_by_digest_alone(shared: Exchange, sent_here: Sent) -> None:
    bundle = bundle_of(shared[PROVINCE].system, sent_here.id)
    check_whole(shared, bundle)
    assert bundle.members["document.edxml"] == sent_here.body
    statuses = sent_here.seen_by(shared[PROVINCE])["statuses"]
    own = {each["id"] for each in statuses if each["reporter"] == PROVINCE}
    assert len(own) == 3
    assert set(bundle.named("statuses", ".edxml")) == {f"statuses/{each}.edxml" for each in own}
    assert len(bundle.named("statuses", ".jws")) == len(statuses)


def test_a_recipient_it_was_withdrawn_from_keeps_the_evidence_and_loses_the_content(
    shared: Exchange, sent_here: Sent
) -> None:
    bundle = bundle_of(shared[COMMUNE].system, sent_here.id)
    check_whole(shared, bundle)
    assert bundle.manifest["content"] == "withheld"
    assert "document.edxml" not in bundle.members
    assert SUBJECT.encode() not in bundle.octets
    # What it said itself, and what it was asked, is still its own.
    assert len(bundle.named("statuses", ".edxml")) == 2


def test_an_auditors_bundle_holds_no_octet_of_content_and_its_reading_is_an_event(
    exchange: Exchange, sent: Sent
) -> None:
    before = remains(exchange)
    bundle = bundle_of(exchange.auditor, sent.id)
    check_whole(exchange, bundle)
    assert bundle.manifest["content"] == "withheld"
    assert (bundle.named("statuses", ".edxml"), "document.edxml" in bundle.members) == ([], False)
    for secret in (SUBJECT, REASON, "cong-van.pdf", "Nguyễn Văn Mẫu", "Cơ quan gửi"):
        assert secret.encode() not in bundle.octets
        assert json.dumps(secret).strip('"').encode() not in bundle.octets
    for body in (ATTACHED, sent.body[:200]):
        assert body not in bundle.octets
        assert base64.b64encode(body)[:30] not in bundle.octets
    # The report without the names of files is not the one the log has the digest of, and does not pretend to be.
    assert bundle.named("verification") == ["verification/0000.extract.json"]
    assert bundle.json("verification/0000.extract.json")["indication"] == "TOTAL-PASSED"
    assert len(digests_told(bundle)) == 1
    [reading] = events_since(exchange, before, event="trail.read", document_id=sent.id)
    assert (reading["actor"], reading["document"]) == (exchange.auditor.client_id, sent.id)


def test_somebody_elses_evidence_and_none_at_all_answer_alike(shared: Exchange) -> None:
    sent = send(shared[DISTRICT], PROVINCE)
    for document in (sent.id, str(uuid4())):
        refused(shared[PARTY].system.get(f"/v1/documents/{document}/evidence"), 404, "not-found")
    refused(shared.administrator.get(f"/v1/documents/{sent.id}/evidence"), 403, "scope-missing")


def test_parties_reading_evidence_is_no_event(shared: Exchange, sent_here: Sent) -> None:
    before = remains(shared)
    bundle_of(shared[DISTRICT].system, sent_here.id)
    bundle_of(shared[COMMUNE].system, sent_here.id)
    assert remains(shared) == before


def test_the_same_evidence_is_the_same_octets(shared: Exchange, sent_here: Sent) -> None:
    first, second = (bundle_of(shared[DISTRICT].system, sent_here.id) for _ in range(2))
    assert first.lasting() == second.lasting()
    assert {**first.manifest, "made_at": None} == {**second.manifest, "made_at": None}
    # The same bundle twice differs in nothing but the time of making, and the signature over it.
    assert len(first.octets) == len(second.octets)


def test_what_is_not_there_any_more_is_said_to_be_purged(shared: Exchange) -> None:
    sender, recipient = shared[DISTRICT], shared[PROVINCE]
    sent = send(sender, PROVINCE, document_type=DocumentType(25, 0, "Giấy nghỉ phép"))
    created(report(recipient, sent, "01"))
    publish_all(shared)
    for office in (sender, recipient):
        waiting = [each for each in office.receive(limit=500) if each["document"]["id"] == sent.id]
        created(office.system.acknowledge([each["delivery_id"] for each in waiting]), 200)
    now = datetime.now(UTC)
    # A type that no other document here has.
    rule: dict[str, Any] = {"keep_days": 0, "document_types": frozenset({"giay-nghi-phep"}), "source": "test"}
    rules = [RetentionRule(name=kept.value, kept=kept, **rule) for kept in Kept]

    async def purge(node: Node) -> Purged:
        policy = Retention(source="test", in_force_from=now.date(), rules=tuple(rules))
        return await retention.purge(node.database, node.blobs, policy, at=now)

    purged = shared.running.run(purge)
    assert (purged.documents, purged.statuses) == (1, 1)
    publish_all(shared)
    for system in (shared[DISTRICT].system, shared[PROVINCE].system, shared.auditor):
        bundle = bundle_of(system, sent.id)
        check_whole(shared, bundle)
        assert bundle.manifest["content"] == "purged"
        assert bundle.manifest["sha256"] == hashlib.sha256(sent.body).hexdigest()
        assert not {"document.edxml", *bundle.named("statuses", ".edxml")} & bundle.members.keys()
        assert len(bundle.named("statuses", ".jws")) == 1


def test_documents_it_speaks_of_are_named(shared: Exchange) -> None:
    first = send(shared[DISTRICT], PROVINCE)
    update = business(DocumentKind.UPDATE, document_id=first.receipt["document_id"])
    second = send(shared[DISTRICT], PROVINCE, business=update)
    publish_all(shared)
    for sent, direction, other in ((first, "incoming", second), (second, "outgoing", first)):
        [link] = bundle_of(shared.auditor, sent.id).manifest["links"]
        assert (link["direction"], link["document"], link["relation"]) == (direction, other.id, "updates")
        assert link["document_id"] == first.receipt["document_id"]
