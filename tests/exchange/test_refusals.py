"""Every bad input over HTTP: the problem, its findings, and that nothing but one refusal event is left behind."""

import base64
import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.edxml.model import Handling
from app.edxml.organ_id import OrganId
from app.edxml.write import write
from app.ledger.events import record
from app.node import Node
from app.registry.model import Scope
from app.store.schema import agencies
from tests.exchange.bad_inputs import CLOSED, HEADER, REFUSED, SUSPENDED, XML, Bad, Posted
from tests.exchange.conftest import QUIET
from tests.exchange.mail import closing
from tests.exchange.remains import events_since, files, holds, remains
from tests.support.node import running_node
from tests.support.office import COMMUNE, GOVERNMENT_OFFICE, PROVINCE, Exchange, Office, created, exchange_on

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def unreachable(on_sqlite: Exchange) -> None:
    """Agencies that cannot be reached: a suspended one, and a closed one without successor."""
    exchange = on_sqlite
    for code in (SUSPENDED, CLOSED):
        fields = {"organ_id": code, "name": "Cơ quan cũ", "tier": "province", "branch": "state"}
        created(exchange.administrator.post("/v1/agencies", json=fields))
    created(exchange.administrator.post(f"/v1/agencies/{SUSPENDED}/suspend"), 200)

    async def close(node: Node) -> None:
        async with node.database.write() as tx:
            await tx.execute(agencies.update().where(agencies.c.organ_id == CLOSED).values(status="closed"))
            await record(tx, [closing(CLOSED, successor=None)])

    exchange.running.run(close)


def post(office: Office, posted: Posted) -> Any:
    """Send a request as it was made."""
    return office.system.post(posted.path, content=posted.body, headers=posted.headers)


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.name)
def test_bad_input_is_refused_and_leaves_one_event_and_none_where_it_is_tried(bad: Bad, shared: Exchange) -> None:
    office = shared[GOVERNMENT_OFFICE]
    posted = bad.make(shared, office)
    before = remains(shared)
    if posted.path == "/v1/documents":
        tried(bad, posted, office)
        assert remains(shared) == before

    answer = post(office, posted)

    assert answer.status_code == bad.status, answer.text
    problem = answer.json()
    assert (problem["type"].rpartition("/")[2], problem["status"]) == (bad.slug, bad.status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["title"]
    assert problem["title_vi"]
    assert problem["detail"]
    refusing = [each for each in problem["findings"] if each["severity"] in ("error", "fatal")]
    assert [_shown(each) for each in refusing] == bad.found
    for each in problem["findings"]:
        assert each["message"]
        assert each["fix"]
        assert each["source"]

    # One event, made of digests and codes; and nothing else.
    [event] = events_since(shared, before, actor=office.system.client_id, outcome="refused")
    assert event["event"] == ("status.refused" if posted.path == "/v1/statuses" else "document.refused")
    codes = sorted({each["code"] for each in refusing})
    body = {"sha256": hashlib.sha256(posted.body).hexdigest(), "size": len(posted.body)}
    received = {} if bad.slug in ("unsupported-media-type", "digest-mismatch") else body
    assert event["detail"] == {"problem": bad.slug, "codes": codes} | received
    assert event["agency"] == bad.counted
    assert remains(shared).less_events() == before.less_events()


def tried(bad: Bad, posted: Posted, office: Office) -> None:
    """Insist that trying it tells the same."""
    answer = post(office, replace(posted, path="/v1/documents/validate"))
    if answer.status_code == 200:
        told = answer.json()
        found = [_shown(each) for each in told["findings"] if each["severity"] in ("error", "fatal")]
        # Whether the DocumentId is free is only known when it is taken.
        expected = [] if bad.slug == "document-id-taken" else bad.found
        assert (found, told["valid"]) == (expected, not expected)
    else:
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (bad.status, bad.slug)


def test_an_agency_of_others_and_one_that_is_not_there_are_refused_alike(shared: Exchange) -> None:
    office = shared[GOVERNMENT_OFFICE]
    answers = []
    for code in (COMMUNE, "H99.99"):
        message = office.paper(PROVINCE)
        sender = replace(message.sender, organ_id=OrganId.parse(code))
        problem = refused_as(post(office, Posted(office.signed(replace(message, sender=sender)))), 403)
        del problem["request_id"]
        answers.append(str(problem).replace(code, "CODE"))
    assert answers[0] == answers[1]


def refused_as(answer: Any, status: int) -> dict[str, Any]:
    """Insist on a problem with this status and return it."""
    assert answer.status_code == status, answer.text
    problem: dict[str, Any] = answer.json()
    return problem


@pytest.mark.parametrize("size", [100, 3 * 1024 * 1024], ids=["short", "spooled"])
def test_nothing_of_a_secret_but_its_digest_is_stored(shared: Exchange, size: int) -> None:
    office, marker = shared[GOVERNMENT_OFFICE], secrets.token_hex(16)
    attached = (marker.encode() * (size // 32))[:size]
    message = office.paper(
        PROVINCE, attachment=attached, subject=f"(TỐI MẬT) {marker}", handling=Handling(priority=0, sphere=marker)
    )
    body = office.signed(message)
    before = remains(shared)
    problem = refused_as(office.system.send(body), 422)
    assert problem["type"].endswith("/secret-document")
    assert marker not in json.dumps(problem)
    [event] = events_since(shared, before, outcome="refused")
    assert event["detail"]["sha256"] == hashlib.sha256(body).hexdigest()
    assert message.document_id not in json.dumps(event, ensure_ascii=False)
    assert holds(shared, marker.encode()) == []
    assert holds(shared, base64.b64encode(attached)[:40]) == []
    # The same search finds what is stored, so it would have found this.
    kept = office.paper(PROVINCE, attachment=attached, subject=marker)
    created(office.system.send(office.signed(kept)))
    assert len(holds(shared, marker.encode())) >= 2
    assert len(holds(shared, base64.b64encode(attached)[:40])) == 1


def test_nothing_of_a_secret_is_logged(
    tmp_path: Path, migrated_sqlite: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    marker, only = secrets.token_hex(16), (GOVERNMENT_OFFICE, PROVINCE)
    shutil.copyfile(migrated_sqlite, tmp_path / "node.sqlite")
    url = f"sqlite:///{tmp_path / 'node.sqlite'}"
    with (
        running_node(tmp_path / "data", url, log_level="debug") as running,
        exchange_on(running, only=only) as exchange,
    ):
        office = exchange[GOVERNMENT_OFFICE]
        secret = office.signed(office.paper(PROVINCE, subject=f"(TỐI MẬT) {marker}"))
        for body, status in ((secret, 422), (f"<edXML>{marker}".encode(), 400)):
            refused_as(office.system.send(body), status)
    printed = "".join(capfd.readouterr())
    assert printed.count("/v1/documents") >= 2
    assert marker not in printed


def test_a_long_body_that_is_refused_leaves_no_file(shared: Exchange) -> None:
    office = shared[GOVERNMENT_OFFICE]
    body = write(office.paper(PROVINCE, attachment=secrets.token_bytes(2 * 1024 * 1024)))
    before = remains(shared)
    assert refused_as(office.system.send(body), 422)["findings"][0]["code"] == "ours.signature.missing"
    assert remains(shared).less_events() == before.less_events()


def test_who_is_not_signed_in_leaves_nothing(shared: Exchange) -> None:
    before = remains(shared)
    answer = shared.running.http.post("/v1/documents", content=b"<a/>", headers=XML)
    assert refused_as(answer, 401)["type"].endswith("/not-authenticated")
    assert remains(shared) == before


class TestTooLong:
    """Bodies over the limit."""

    def test_a_declared_length_is_refused_before_the_body_comes(self, shared: Exchange) -> None:
        before = remains(shared)
        with speaking(shared) as connection:
            connection.putheader("Content-Length", str(200 * MEBIBYTE))
            connection.endheaders()
            # Not one byte of the body was sent; the answer is there all the same.
            problem = json.loads(connection.getresponse().read())
        assert (problem["status"], problem["type"].rpartition("/")[2]) == (413, "document-too-large")
        assert [_shown(each) for each in problem["findings"]] == [
            "ours.exchange.body-too-long at header parameter Content-Length"
        ]
        [event] = events_since(shared, before, outcome="refused")
        assert event["detail"] == {"problem": "document-too-large", "codes": ["ours.exchange.body-too-long"]}
        assert remains(shared).less_events() == before.less_events()

    def test_a_body_of_200_mb_of_unknown_length_is_refused_at_the_limit(self, shared: Exchange) -> None:
        before, piece = remains(shared), b"<a>" + b"A" * (MEBIBYTE - 3)
        with speaking(shared) as connection:
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders()
            for _ in range(200):
                connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            connection.send(b"0\r\n\r\n")
            problem = json.loads(connection.getresponse().read())
        assert (problem["status"], problem["type"].rpartition("/")[2]) == (413, "document-too-large")
        assert [_shown(each) for each in problem["findings"]] == ["ours.exchange.body-too-long at -"]
        [event] = events_since(shared, before, outcome="refused")
        assert event["detail"] == {"problem": "document-too-large", "codes": ["ours.exchange.body-too-long"]}
        assert remains(shared).less_events() == before.less_events()

    def test_the_limit_is_a_setting_and_exact(self, tmp_path: Path, migrated_sqlite: Path) -> None:
        shutil.copyfile(migrated_sqlite, tmp_path / "node.sqlite")
        url = f"sqlite:///{tmp_path / 'node.sqlite'}"
        with (
            running_node(tmp_path / "data", url, document_bytes_max=4096, spool_bytes=1024, **QUIET) as running,
            running.system(Scope.EXCHANGE) as system,
        ):
            for length, status in ((4096, 400), (4097, 413)):
                for content in (b"x" * length, iter([b"x" * 2000, b"x" * (length - 2000)])):
                    assert system.post("/v1/documents", content=content, headers=XML).status_code == status
                    assert system.post("/v1/statuses", content=b"x" * length, headers=XML).status_code == status
            assert files(tmp_path / "data" / "incoming") == files(tmp_path / "data" / "bodies") == frozenset()


def test_a_client_that_goes_away_leaves_nothing(shared: Exchange) -> None:
    before, arrived = remains(shared), files(shared.running.settings.data_dir / "incoming")
    with speaking(shared) as connection:
        connection.putheader("Content-Length", str(8 * MEBIBYTE))
        connection.endheaders()
        connection.send(b"x" * 3 * MEBIBYTE)
        deadline = time.monotonic() + 20
        while arrived == files(shared.running.settings.data_dir / "incoming") and time.monotonic() < deadline:
            time.sleep(0.02)
        assert arrived != files(shared.running.settings.data_dir / "incoming"), "it went to disk while it arrived"
    while arrived != files(shared.running.settings.data_dir / "incoming") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert remains(shared) == before


@contextmanager
def speaking(exchange: Exchange) -> Iterator[HTTPConnection]:
    """Begin to post a document, header by header."""
    address = urlsplit(exchange.running.url)
    assert address.hostname
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    connection.putrequest("POST", "/v1/documents")
    connection.putheader("Authorization", f"Bearer {exchange[GOVERNMENT_OFFICE].system.token}")
    connection.putheader("Content-Type", "application/xml")
    try:
        yield connection
    finally:
        connection.close()


def _shown(finding: dict[str, Any]) -> str:
    return f"{finding['code']} at {(finding['location'] or '-').removeprefix(f'{HEADER}/')}"
