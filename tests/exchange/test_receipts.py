"""Receipts: signed by the node, to be checked without it."""

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from tests.exchange.mail import report, send
from tests.support.office import COMMUNE, GOVERNMENT_OFFICE, PROVINCE, Exchange, created


def keys_of(exchange: Exchange) -> KeySet:
    """The public keys, as anybody gets them."""
    return KeySet.import_key_set(created(exchange.running.http.get("/.well-known/jwks.json"), 200))


def test_a_receipt_holds_what_was_taken_and_verifies_with_the_published_keys(shared: Exchange) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    sent = send(shared[GOVERNMENT_OFFICE], PROVINCE, COMMUNE)
    token = sent.receipt["receipt"]

    verified = jws.deserialize_compact(token, keys_of(shared), algorithms=["ES256"])
    assert verified.payload is not None
    claims = json.loads(verified.payload)
    assert verified.headers()["typ"] == "receipt+jwt"
    assert claims == {
        "iss": shared.running.url,
        "iat": claims["iat"],
        "jti": sent.id,
        "accepted_at": claims["accepted_at"],
        "document": sent.id,
        "sender": GOVERNMENT_OFFICE,
        "document_id": sent.receipt["document_id"],
        "kind": "new",
        "sha256": hashlib.sha256(sent.body).hexdigest(),
        "size": len(sent.body),
        "signature": "valid",
        "certificate": shared[GOVERNMENT_OFFICE].seal.sha256,
        "deliveries": [{"id": leg["id"], "recipient": leg["recipient"]} for leg in sent.receipt["deliveries"]],
    }
    accepted_at = datetime.fromisoformat(claims["accepted_at"])
    assert began.timestamp() <= claims["iat"] == int(accepted_at.timestamp()) <= datetime.now(UTC).timestamp()
    assert datetime.fromisoformat(sent.receipt["accepted_at"]) == accepted_at
    fetched = shared[PROVINCE].system.get(f"/v1/documents/{sent.id}/receipt")
    assert (fetched.text, fetched.headers["content-type"]) == (token, "application/jose")


def test_a_status_receipt_names_report_document_and_parties(shared: Exchange) -> None:
    sent = send(shared[GOVERNMENT_OFFICE], PROVINCE)
    answer = created(report(shared[PROVINCE], sent, "03"))
    verified = jws.deserialize_compact(answer["receipt"], keys_of(shared), algorithms=["ES256"])
    assert verified.payload is not None
    claims = json.loads(verified.payload)
    said = ("iss", "jti", "report", "document", "reporter", "recipient", "status_code", "certificate")
    assert [claims[name] for name in said] == [
        shared.running.url,
        answer["id"],
        answer["id"],
        sent.id,
        PROVINCE,
        PROVINCE,
        "03",
        shared[PROVINCE].seal.sha256,
    ]
    body = shared[PROVINCE].system.get(f"/v1/statuses/{answer['id']}/content").content
    assert claims["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_receipt_that_was_changed_does_not_verify(shared: Exchange) -> None:
    header, payload, signature = send(shared[GOVERNMENT_OFFICE], PROVINCE).receipt["receipt"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    other = base64.urlsafe_b64encode(json.dumps(claims | {"size": 1}).encode()).rstrip(b"=").decode()
    with pytest.raises(BadSignatureError):
        jws.deserialize_compact(f"{header}.{other}.{signature}", keys_of(shared), algorithms=["ES256"])


def test_a_receipt_is_no_access_token(shared: Exchange) -> None:
    token = send(shared[GOVERNMENT_OFFICE], PROVINCE).receipt["receipt"]
    answer = shared.running.http.get("/v1/inbox", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
