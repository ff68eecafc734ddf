"""A stamped receipt holds as a whole or not at all, and the command line says so without a node."""

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from typer.testing import CliRunner

from app.cli import app
from app.errors import RequestInvalid
from app.signing import merkle
from app.signing.path import UnknownRevocation
from app.signing.revocations import RevocationIndex
from app.signing.stamped_receipt import StampedReceipt
from app.signing.timestamps import Timestamp, TimestampRefused, build_request, token_of
from app.simulation.stamper import Stamper
from tests.support.pki import NOW, name, shared_pki

PKI = shared_pki()
RECEIPTS = [f"eyJ0eXAi.{number}.c2lnbmF0dXJl" for number in range(5)]


def _stamped() -> StampedReceipt:
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    tsa = PKI.issue(name((NameOID.COMMON_NAME, "TSA")), slot=701, extensions=[(purposes, True)])
    assert isinstance(tsa.key, ec.EllipticCurvePrivateKey)
    entries = [hashlib.sha256(each.encode()).digest() for each in RECEIPTS]
    root = merkle.root(entries)
    response = Stamper(tsa.key, tsa.certificate, tsa.chain).answer(build_request(root, nonce=1), at=NOW)
    return StampedReceipt(
        RECEIPTS[3], entries[3], 3, len(entries), merkle.inclusion(entries, 3), root, token_of(response), NOW
    )


GOOD = _stamped()


def verified(stamped: StampedReceipt) -> Timestamp:
    return stamped.verify(
        anchors=PKI.anchors, revocations=RevocationIndex(), unknown_revocation=UnknownRevocation.ACCEPT
    )


def shown(stamped: StampedReceipt) -> dict[str, Any]:
    return {
        "receipt": stamped.receipt,
        "digest": stamped.digest.hex(),
        "position": stamped.position,
        "size": stamped.size,
        "proof": [each.hex() for each in stamped.proof],
        "root": stamped.root.hex(),
        "token": base64.b64encode(stamped.token).decode(),
        "gen_time": stamped.gen_time.isoformat(),
    }


def test_a_receipt_is_proven_to_its_root() -> None:
    assert verified(GOOD).gen_time == NOW
    assert StampedReceipt.read(shown(GOOD)) == GOOD


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (replace(GOOD, receipt=RECEIPTS[2]), "ours.timestamp.digest"),
        (replace(GOOD, position=2), "ours.timestamp.proof"),
        (replace(GOOD, proof=GOOD.proof[:-1]), "ours.timestamp.proof"),
        (replace(GOOD, size=4), "ours.timestamp.proof"),
        (replace(GOOD, root=merkle.EMPTY_ROOT), "ours.timestamp.proof"),
        (replace(GOOD, gen_time=NOW.replace(year=2020)), "ours.timestamp.time"),
        (replace(GOOD, token=GOOD.token[:-9]), "rfc3161.2.4.2.unreadable"),
    ],
)
def test_no_step_may_be_missing(broken: StampedReceipt, code: str) -> None:
    with pytest.raises(TimestampRefused) as caught:
        verified(broken)
    assert [each.code for each in caught.value.findings] == [code]


@pytest.mark.parametrize("change", [{"proof": ["zz"]}, {"token": "!"}, {"gen_time": "today"}, {"size": None}])
def test_what_is_no_stamped_receipt_is_not_read(change: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid):
        StampedReceipt.read(shown(GOOD) | change)


def test_the_command_line_checks_it_without_a_node(tmp_path: Path) -> None:
    (tmp_path / "stamp.json").write_text(json.dumps(shown(GOOD)))
    (tmp_path / "root.pem").write_text(PKI.root_pem)
    (tmp_path / "other.pem").write_text(PKI.look_alike().root_pem)
    arguments = ["timestamp", str(tmp_path / "stamp.json"), "--json", "--anchor"]
    done = CliRunner().invoke(app, [*arguments, str(tmp_path / "root.pem")])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["existed_at"], found["sha256"]) == (NOW.isoformat(), GOOD.digest.hex())
    refused = CliRunner().invoke(app, [*arguments, str(tmp_path / "other.pem")])
    assert refused.exit_code == 1
