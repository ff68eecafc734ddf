"""Nobody waits for somebody else's work, and no use case asks the database more often the more there is."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.edxml.model import StatusCode
from app.exchange import archive, inbox
from app.exchange.desk import INLINE_BYTES_MAX, Desk
from app.exchange.inbox import InboxQuery
from app.node import Node
from app.registry.model import Client, Scope
from app.store.blobs import BlobStore
from tests.exchange.business_messages import id_of, revocation, written
from tests.exchange.desk_work import acknowledging, acting, reporting, submitting
from tests.exchange.mail import enlist_many, report, send
from tests.exchange.remains import remains
from tests.exchange.statements import Statements, statements
from tests.support.office import DISTRICT, PROVINCE, Exchange, Office, created

LARGE = b"x" * (4 * INLINE_BYTES_MAX)
NOW = datetime.now(UTC)
EXCHANGING = frozenset({Scope.EXCHANGE})


@contextmanager
def verifiers_busy(exchange: Exchange) -> Iterator[None]:
    """Let every thread that verifies long documents be at work on one that takes for ever."""
    over = threading.Event()
    count = exchange.running.settings.verify_threads
    started = threading.Barrier(count + 1)

    def work() -> None:
        started.wait(10)
        assert over.wait(60)

    async def occupy(node: Node) -> None:
        for _ in range(count):
            node.desk.verifiers.submit(work)

    exchange.running.run(occupy)
    started.wait(10)
    try:
        yield
    finally:
        over.set()


def test_long_documents_that_are_verified_hold_up_nobody(shared: Exchange) -> None:
    sender, province = shared[DISTRICT], shared[PROVINCE]
    body = sender.signed(sender.paper(PROVINCE, attachment=LARGE))
    with ThreadPoolExecutor(1) as thread:
        with verifiers_busy(shared):
            long = thread.submit(sender.system.send, body)
            # Everything else goes on: reading, sending, reporting, taking over, signing in.
            sent = send(sender, PROVINCE)
            created(report(province, sent, "01"))
            remains(shared)
            created(province.system.acknowledge([sent.delivery_to(PROVINCE)]), 200)
            assert province.system.content(sent.id).content == sent.body
            assert province.system.get(f"/v1/documents/{sent.id}/attachments/1").status_code == 200
            assert sender.system.sign_in().status_code == 200
            assert shared.running.http.get("/readyz").status_code == 200
            assert not long.done()
        created(long.result(30))


class WaitingBlobs(BlobStore):
    """A disk that takes its time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reached = threading.Event()
        self.over = threading.Event()

    def keep_bytes(self, body: bytes, sha256: str) -> None:
        """Keep a body when the test says so."""
        self.reached.set()
        assert self.over.wait(60)
        super().keep_bytes(body, sha256)


def test_a_slow_disk_holds_up_only_who_waits_for_it(shared: Exchange) -> None:
    sender = shared[DISTRICT]
    blobs = WaitingBlobs(shared.running.settings.data_dir)
    body = sender.signed(sender.paper(PROVINCE))
    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(acting, shared, sender, submitting(body), blobs=blobs)
        assert blobs.reached.wait(10)
        try:
            send(sender, PROVINCE)
            assert shared[PROVINCE].system.get("/v1/inbox").status_code == 200
            assert not slow.done()
        finally:
            blobs.over.set()
        assert not slow.result(30).replayed


def counted(exchange: Exchange, office: Office, work: Callable[[Desk, Client], Any]) -> Statements:
    """Do a use case and return the statements it executed."""

    async def listened(desk: Desk, client: Client) -> Statements:
        with statements() as heard:
            await work(desk, client)
        return heard

    heard: Statements = acting(exchange, office, listened)
    return heard


def assert_equal(few: Statements, many: Statements) -> None:
    """As many statements for many as for few."""
    assert few.kinds == many.kinds


def test_a_submission_takes_the_same_statements_for_one_recipient_and_for_fifty(exchange: Exchange) -> None:
    sender, codes = exchange[DISTRICT], enlist_many(exchange, 50)
    # Each twice: the first time, certificates or agencies are not in memory yet, and what is cited may not be kept yet.
    first, again, fifty, fifty_again = (
        counted(exchange, sender, submitting(sender.signed(sender.paper(*recipients))))
        for recipients in (codes[:1], codes[:1], codes, codes)
    )
    assert_equal(again, fifty_again)
    only_first = [kind for kind in first.kinds if kind not in again.kinds]
    about = ("certificates", "trust_anchors", "crls", "revocations", "ocsp_answers", "evidence", "versions.version ")
    assert all(any(table in kind for table in (*about, "agenc")) for kind in only_first), only_first
    # Six that read whom to trust; six that keep what is cited, where no test before this one had it kept; the agencies.
    assert len(first) - len(again) == len(only_first) <= 14, only_first
    # Two for the agencies, whether one is new or forty-nine are.
    assert [kind for kind in fifty.kinds if kind not in again.kinds] == fifty.kinds[1:3]
    assert all(any(table in kind for table in ("agency_aliases", "agencies")) for kind in fifty.kinds[1:3])
    # Versions and an earlier document; document, deliveries, report, events.
    assert len(fifty_again) <= 8, fifty_again.kinds


def test_a_revocation_takes_the_same_statements_for_one_recipient_and_for_fifty(shared: Exchange) -> None:
    sender, codes = shared[DISTRICT], enlist_many(shared, 50)

    def revoking(*recipients: str) -> Statements:
        sent = send(sender, *recipients)
        return counted(shared, sender, submitting(sender.signed(written(sender, revocation(id_of(sent)), *recipients))))

    assert_equal(revoking(*codes[:1]), revoking(*codes))


def test_a_report_takes_a_bounded_number_of_statements(exchange: Exchange) -> None:
    sender, province = exchange[DISTRICT], exchange[PROVINCE]
    heard = []
    for recipients in ([PROVINCE], [PROVINCE, *enlist_many(exchange, 30)]):
        sent = send(sender, *recipients)
        for _ in range(2):
            body = province.status(sent.named, StatusCode.RECEIVED, owner=DISTRICT)
            heard.append(counted(exchange, province, reporting(body)))
    assert_equal(heard[1], heard[3])
    assert len(heard[3]) <= 14, heard[3].kinds


@pytest.mark.parametrize("limit", [1, 20])
def test_a_poll_is_one_statement(exchange: Exchange, limit: int) -> None:
    sender = exchange[DISTRICT]
    for _ in range(3):
        send(sender, PROVINCE)
    remains(exchange)
    query = InboxQuery((PROVINCE,), limit=limit)
    heard = counted(exchange, exchange[PROVINCE], lambda desk, _client: inbox.look(desk, query))
    assert len(heard) == 1, heard.kinds


def test_taking_over_eight_takes_the_statements_of_taking_over_one(exchange: Exchange) -> None:
    province = exchange[PROVINCE]
    deliveries = [send(exchange[DISTRICT], PROVINCE).delivery_to(PROVINCE) for _ in range(9)]
    remains(exchange)
    one = counted(exchange, province, acknowledging(deliveries[0]))
    many = counted(exchange, province, acknowledging(*deliveries[1:]))
    assert_equal(one, many)
    assert len(many) <= 6, many.kinds


def test_the_outbox_takes_two_statements_whatever_it_shows(exchange: Exchange) -> None:
    sender = exchange[DISTRICT]
    send(sender, *enlist_many(exchange, 10))
    for limit in (1, 50):
        heard = counted(
            exchange,
            sender,
            lambda desk, _client, limit=limit: archive.outbox(desk, [DISTRICT], state=None, after=None, limit=limit),
        )
        assert len(heard) == 2, heard.kinds


def test_a_record_takes_the_same_statements_for_one_recipient_and_for_fifty(exchange: Exchange) -> None:
    sender = exchange[DISTRICT]

    def looking(document: str) -> Callable[[Desk, Client], Any]:
        return lambda desk, client: archive.dossier(desk, document, client=client, scopes=EXCHANGING, at=NOW)

    few, many = send(sender, PROVINCE), send(sender, *enlist_many(exchange, 50))
    assert_equal(counted(exchange, sender, looking(few.id)), counted(exchange, sender, looking(many.id)))
