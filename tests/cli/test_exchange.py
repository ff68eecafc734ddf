"""`truc send`, `inbox`, `fetch`, `ack` and `status` against a real node."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from app.edxml.write import write
from app.registry.model import Scope
from tests.cli.conftest import Truc
from tests.exchange.bundles import publish_all
from tests.exchange.mail import close, enlist, send
from tests.support.node import running_node
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, Exchange, Office, exchange_on


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Exchange]:
    folder = tmp_path_factory.mktemp("exchange")
    shutil.copyfile(migrated_sqlite, folder / "node.sqlite")
    url = f"sqlite:///{folder / 'node.sqlite'}"
    with running_node(folder / "data", url, log_level="error") as running, exchange_on(running) as working:
        yield working


@pytest.fixture
def credentials(exchange: Exchange, tmp_path: Path) -> dict[str, Path]:
    """Files of credentials, by agency, as `truc client create --json` writes them."""
    files = {}
    for code in (GOVERNMENT_OFFICE, PROVINCE):
        made = exchange.running.client(Scope.EXCHANGE, agencies=[code])
        files[code] = tmp_path / f"{code}.json"
        known = {"url": exchange.running.url, "client_id": made.client_id, "client_secret": made.secret}
        files[code].write_text(json.dumps(known))
    return files


@pytest.fixture
def sender(exchange: Exchange) -> Office:
    return exchange.offices[GOVERNMENT_OFFICE]


def _signer(office: Office, folder: Path) -> list[object]:
    pem = serialization.Encoding.PEM
    key = office.seal.key.private_bytes(  # type: ignore[union-attr]
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(key)
    certificates = (office.seal.certificate, *office.seal.chain)
    (folder / "cert.pem").write_bytes(b"".join(each.public_bytes(pem) for each in certificates))
    return ["--key", folder / "key.pem", "--cert", folder / "cert.pem"]


def test_a_document_goes_its_whole_way(
    truc: Truc, exchange: Exchange, sender: Office, credentials: dict[str, Path], tmp_path: Path
) -> None:
    unsigned, signed, fetched = (tmp_path / f"{name}.edxml" for name in ("unsigned", "signed", "fetched"))
    unsigned.write_bytes(write(sender.paper(PROVINCE)))
    assert truc("sign", unsigned, *_signer(sender, tmp_path), "-o", signed).code == 0

    accepted = truc("send", signed, "--credentials", credentials[GOVERNMENT_OFFICE], "--json").json
    access = ("--credentials", credentials[PROVINCE])
    listed = truc("inbox", "--agency", PROVINCE, "--kind", "document", *access, "--json").json["items"]
    entry = next(each for each in listed if each["document"]["id"] == accepted["id"])
    assert entry["document"]["document_id"] in truc("inbox", "--agency", PROVINCE, *access, "--json").text

    assert truc("fetch", accepted["id"], *access, "-o", fetched).code == 0
    assert fetched.read_bytes() == signed.read_bytes()
    assert truc("fetch", accepted["id"], *access, "--attachment", "1").out.startswith(b"%PDF")
    assert truc("ack", entry["delivery_id"], *access, "--json").json["items"][0]["outcome"] == "acknowledged"
    assert "already-acknowledged" in truc("ack", entry["delivery_id"], *access).text

    province = _signer(exchange.offices[PROVINCE], tmp_path)
    told = truc("status", "03", "--agency", PROVINCE, "--about", fetched, *province, *access, "--json")
    assert told.code == 0, told.err
    assert told.json["state"] == "received"
    own = ("--credentials", credentials[GOVERNMENT_OFFICE])
    asked = ("inbox", "--agency", GOVERNMENT_OFFICE, "--kind", "status", "--wait", "5", "--json")
    reports = truc(*asked, *own).json["items"]
    report = next(each for each in reports if each["document"]["id"] == accepted["id"])["status"]
    assert report["status_code"] == "03"
    content = truc("fetch", report["id"], "--status", *own)
    assert b"<StatusCode>03</StatusCode>" in content.out


def test_evidence_is_fetched_whole_and_holds_offline(
    truc: Truc, exchange: Exchange, sender: Office, credentials: dict[str, Path], tmp_path: Path
) -> None:
    sent = send(sender, PROVINCE)
    publish_all(exchange)
    bundle, keys, root = tmp_path / "bundle.asice", tmp_path / "keys.json", tmp_path / "root.pem"
    keys.write_bytes(exchange.running.http.get("/.well-known/jwks.json").content)
    root.write_text(exchange.pki.root_pem)
    fetched = truc("evidence", sent.id, "--output", bundle, "--credentials", credentials[PROVINCE])
    assert fetched.code == 0, fetched.err
    checked = truc("verify", bundle, "--key", keys, "--anchors", root, "--json")
    assert (checked.code, checked.json["verdict"]) == (0, "holds")
    assert checked.json["subject"]["document"] == sent.id
    assert truc("evidence", sent.id, "-o", "-", "--credentials", credentials[PROVINCE]).out[:2] == b"PK"


def test_what_is_refused_leaves_no_bundle(truc: Truc, credentials: dict[str, Path], tmp_path: Path) -> None:
    unknown = "019a0000-0000-7000-8000-000000000000"
    told = truc("evidence", unknown, "--output", tmp_path / "none", "--credentials", credentials[PROVINCE])
    assert told.code == 1
    assert "404" in told.err
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("none")] == []
    nowhere = truc("evidence", unknown, "-o", tmp_path / "no" / "where", "--credentials", credentials[PROVINCE])
    assert (nowhere.code, nowhere.err.count("\n")) == (1, 1)


def test_a_notice_says_what_happened_to_which_delivery(
    truc: Truc, exchange: Exchange, sender: Office, credentials: dict[str, Path]
) -> None:
    with ExitStack() as stack:
        closed = enlist(exchange, stack)
    close(exchange, closed, exchange[PROVINCE])
    sent = send(sender, closed.organ_id)
    asked = ("inbox", "--agency", GOVERNMENT_OFFICE, "--kind", "notice", "--wait", "5")
    shown = truc(*asked, "--credentials", credentials[GOVERNMENT_OFFICE]).text
    assert re.search(rf"notice +redirected\ndocument +{sent.id}\n", shown), shown
    assert re.search(rf"to +{PROVINCE}\nstate +available\n", shown), shown


def test_the_secret_comes_from_the_environment_or_a_file(
    truc: Truc, exchange: Exchange, credentials: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = json.loads(credentials[PROVINCE].read_text())
    asked = ("inbox", "--agency", PROVINCE, "--url", known["url"], "--client-id", known["client_id"])
    assert truc(*asked).code == 2
    (tmp_path / "secret").write_text(known["client_secret"] + "\n")
    assert truc(*asked, "--secret-file", tmp_path / "secret").code == 0
    monkeypatch.setenv("TRUC_CLIENT_SECRET", known["client_secret"])
    assert truc(*asked).code == 0
    monkeypatch.setenv("TRUC_CLIENT_SECRET", "another")
    refused = truc(*asked)
    assert refused.code == 1
    assert refused.err.count("\n") == 1


def test_a_refused_document_is_told_with_its_findings(
    truc: Truc, sender: Office, credentials: dict[str, Path], tmp_path: Path
) -> None:
    unsigned = tmp_path / "unsigned.edxml"
    unsigned.write_bytes(write(sender.paper(PROVINCE)))
    ended = truc("send", unsigned, "--credentials", credentials[GOVERNMENT_OFFICE])
    assert ended.code == 1
    assert not ended.out
    assert "ours.signature.missing" in ended.err


def test_a_status_message_can_be_written_instead_of_sent(truc: Truc, exchange: Exchange, tmp_path: Path) -> None:
    signer = _signer(exchange.offices[PROVINCE], tmp_path)
    about = ("--document-id", "G22,2026,7", "--document-code", "7/VPCP", "--owner", GOVERNMENT_OFFICE)
    file = tmp_path / "status.edxml"
    options = ("--agency", PROVINCE, *about, "--description", "Sai thẩm quyền", *signer, "-o", file)
    assert truc("status", "02", *options).code == 0
    report = truc("inspect", "--json", file).json
    assert (report["document"]["status"], report["signature"]["holds"]) == ("02", True)
    assert truc("status", "99", *options).code == 2
    assert truc("status", "03", "--agency", PROVINCE, *signer).code == 2


def test_an_unknown_delivery_ends_with_1(truc: Truc, credentials: dict[str, Path]) -> None:
    ended = truc("ack", "01a20261-562c-708d-a85b-75dae11bebc9", "--credentials", credentials[PROVINCE])
    assert ended.code == 1
    assert "not-found" in ended.text


def test_a_node_that_does_not_answer_is_told_in_a_line(truc: Truc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_CLIENT_SECRET", "x")
    ended = truc("inbox", "--url", "http://127.0.0.1:1", "--client-id", "x")
    assert ended.code == 1
    assert ended.err.count("\n") == 1
