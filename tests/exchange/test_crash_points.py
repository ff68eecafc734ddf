"""Death at each durable write, one by one: what is true afterwards, and that trying again gets it right."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.edxml.model import StatusCode
from app.errors import Unavailable
from app.exchange.desk import Desk
from app.exchange.refuse import Declared
from app.ledger.seal import seal_all
from app.node import Node
from app.registry.model import Client
from app.store.blobs import BlobStore
from app.store.database import Database, Transaction
from tests.exchange.business_messages import ADDED, REMOVED, update
from tests.exchange.desk_work import acknowledging, acting, reporting, submitting
from tests.exchange.mail import send
from tests.exchange.remains import Remains, checked, files, remains
from tests.support.office import COMMUNE, DISTRICT, PARTY, PROVINCE, Exchange, Office, created, outcomes

XML = Declared("application/xml")
STATEMENTS_MAX = 24
"""More than any use case writes."""


class Died(Exception):
    """The process ended here."""


class DyingDatabase(Database):
    """A database whose writer does not live to see the end.

    Args:
        real: does the work.
        moment: `before`, `after` the commit, or the number of the statement it dies at.
    """

    def __init__(self, real: Database, moment: str | int) -> None:
        self.url, self.dialect, self.changes = real.url, real.dialect, real.changes
        self._real = real
        self._moment = moment
        self.executed = 0

    def read(self) -> Any:
        """Open a transaction for reading."""
        return self._real.read()

    def glance(self) -> Any:
        """Open a transaction for a short look."""
        return self._real.glance()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Open a transaction that ends as it was told."""
        async with self._real.write() as tx:
            sa.event.listen(tx.sync_connection, "before_cursor_execute", self._execute)
            try:
                yield tx
            finally:
                sa.event.remove(tx.sync_connection, "before_cursor_execute", self._execute)
            if self._moment == "before":
                raise Died
        if self._moment == "after":
            raise Died

    def _execute(self, *_arguments: Any) -> None:
        self.executed += 1
        if self.executed == self._moment:
            raise Died


class DyingBlobs(BlobStore):
    """A store that dies before or after the body is kept."""

    def __init__(self, folder: Path, *, after: bool) -> None:
        super().__init__(folder)
        self._after = after

    def keep_bytes(self, body: bytes, sha256: str) -> None:
        """Keep a body, or not."""
        if self._after:
            super().keep_bytes(body, sha256)
        raise Died


def dying(exchange: Exchange, moment: str | int) -> DyingDatabase:
    return DyingDatabase(exchange.running.node.database, moment)


def gained(before: Remains, after: Remains) -> Counter[str]:
    return after.rows - before.rows


def at_every_statement(
    exchange: Exchange, office: Office, work: Callable[[Desk, Client], Awaitable[Any]], before: Remains
) -> int:
    """Die at the first statement, the second, …; each time nothing of it is there. Returns how many there are."""
    for number in range(1, STATEMENTS_MAX):
        database = dying(exchange, number)
        try:
            acting(exchange, office, work, database=database)
        except Died:
            assert remains(exchange).rows == before.rows, number
        else:
            return database.executed
    raise AssertionError("it writes without end")


def keep_what_is_cited(office: Office) -> None:
    """Send a first document, so that the evidence of the next is kept already: its commit is the only one."""
    created(office.system.send(office.signed(office.paper(PROVINCE))))


class TestDocument:
    """Dying while a document is accepted."""

    def test_before_the_body_is_kept_leaves_nothing(self, exchange: Exchange) -> None:
        office = exchange[DISTRICT]
        body, before = office.signed(office.paper(PROVINCE)), remains(exchange)
        blobs = DyingBlobs(exchange.running.settings.data_dir, after=False)
        with pytest.raises(Died):
            acting(exchange, office, submitting(body), blobs=blobs)
        assert remains(exchange) == before
        created(office.system.send(body))

    def test_behind_the_body_leaves_an_orphan_that_trying_again_adopts(self, exchange: Exchange) -> None:
        office = exchange[DISTRICT]
        body, before = office.signed(office.paper(PROVINCE)), remains(exchange)
        blobs = DyingBlobs(exchange.running.settings.data_dir, after=True)
        with pytest.raises(Died):
            acting(exchange, office, submitting(body), blobs=blobs)
        after = remains(exchange)
        assert (after.rows, len(after.bodies - before.bodies)) == (before.rows, 1)
        assert checked(exchange).consistent
        created(office.system.send(body))
        assert remains(exchange).bodies == after.bodies

    def test_at_any_statement_leaves_no_row(self, exchange: Exchange) -> None:
        office = exchange[DISTRICT]
        keep_what_is_cited(office)
        body, before = office.signed(office.paper(PROVINCE)), remains(exchange)
        # Document, key, deliveries, its verification report, its PDF to be looked into, what waits, events; links only
        # where there are some.
        assert at_every_statement(exchange, office, submitting(body, "key-of-a-crash"), before) == 7
        assert gained(before, remains(exchange)) == Counter(documents=1, deliveries=1, events=2)
        assert office.system.send(body).status_code == 200

    def test_before_the_commit_leaves_no_row(self, exchange: Exchange) -> None:
        office = exchange[DISTRICT]
        keep_what_is_cited(office)
        body, before = office.signed(office.paper(PROVINCE)), remains(exchange)
        with pytest.raises(Died):
            acting(exchange, office, submitting(body), database=dying(exchange, "before"))
        assert remains(exchange).rows == before.rows
        created(office.system.send(body))

    def test_behind_the_commit_leaves_all_and_trying_again_gets_the_receipt(self, exchange: Exchange) -> None:
        office = exchange[DISTRICT]
        keep_what_is_cited(office)
        body, before = office.signed(office.paper(PROVINCE)), remains(exchange)
        with pytest.raises(Died):
            acting(exchange, office, submitting(body), database=dying(exchange, "after"))
        assert gained(before, remains(exchange)) == Counter(documents=1, deliveries=1, events=2)
        again = office.system.send(body)
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")

    def test_while_a_refusal_is_recorded_leaves_no_event(self, exchange: Exchange) -> None:
        office = exchange[DISTRICT]
        body, before = office.signed(office.paper("H99.99")), remains(exchange)
        with pytest.raises(Died):
            acting(exchange, office, submitting(body), database=dying(exchange, "before"))
        assert remains(exchange) == before


class TestUpdate:
    """Dying while a document acts on the deliveries of another one."""

    def test_at_any_statement_leaves_the_other_as_it_was(self, exchange: Exchange) -> None:
        office = exchange[DISTRICT]
        sent = send(office, PROVINCE, COMMUNE)
        said = update(sent.receipt["document_id"], (COMMUNE, REMOVED), (PARTY, ADDED))
        body = office.signed(office.paper(PROVINCE, business=said))

        def state() -> tuple[Remains, dict[str, object]]:
            return remains(exchange), sent.seen_by(office)

        (before, seen), executed = state(), 0
        for number in range(1, STATEMENTS_MAX):
            database = dying(exchange, number)
            try:
                acting(exchange, office, submitting(body), database=database)
            except Died:
                after, seen_after = state()
                assert (after.rows, seen_after) == (before.rows, seen), number
            else:
                executed = database.executed
                break
        assert executed > 8
        # The update, a delivery of it, one of the other document, a notice to who is dropped.
        assert gained(before, remains(exchange)) == Counter(documents=1, deliveries=3, events=6)
        assert [sent.state_at(code) for code in (PROVINCE, COMMUNE, PARTY)] == [
            "update_requested",
            "withdrawal_requested",
            "available",
        ]
        assert office.system.send(body).status_code == 200


class TestStatus:
    """Dying while a status is accepted."""

    def test_at_any_statement_moves_nothing(self, exchange: Exchange) -> None:
        office = exchange[PROVINCE]
        sent = send(exchange[DISTRICT], PROVINCE)
        body, before = office.status(sent.named, StatusCode.RECEIVED, owner=DISTRICT), remains(exchange)
        statements = at_every_statement(exchange, office, reporting(body), before)
        assert statements >= 5
        assert gained(before, remains(exchange)) == Counter(reports=1, deliveries=1, events=2)
        assert (sent.state_at(PROVINCE), office.system.report(body).status_code) == ("received", 200)

    def test_around_the_commit_is_all_or_nothing(self, exchange: Exchange) -> None:
        office = exchange[PROVINCE]
        sent = send(exchange[DISTRICT], PROVINCE)
        body, before = office.status(sent.named, StatusCode.RECEIVED, owner=DISTRICT), remains(exchange)
        for moment, kept, state in (
            ("before", Counter(), "available"),
            # As new as before, where nothing was kept.
            ("after", Counter(reports=1, deliveries=1, events=2), "received"),
        ):
            with pytest.raises(Died):
                acting(exchange, office, reporting(body), database=dying(exchange, moment))
            assert gained(before, remains(exchange)) == kept
            assert sent.state_at(PROVINCE) == state
        assert office.system.report(body).status_code == 200


class TestTakingOver:
    """Dying while deliveries are taken over."""

    def test_at_any_statement_leaves_them_in_the_inbox(self, exchange: Exchange) -> None:
        office = exchange[PROVINCE]
        sent = send(exchange[DISTRICT], PROVINCE)
        before = remains(exchange)
        work = acknowledging(sent.delivery_to(PROVINCE))
        assert at_every_statement(exchange, office, work, before) >= 3
        assert sent.state_at(PROVINCE) == "delivered"

    def test_around_the_commit_is_all_or_nothing(self, exchange: Exchange) -> None:
        office = exchange[PROVINCE]
        sent = send(exchange[DISTRICT], PROVINCE)
        remains(exchange)
        delivery = sent.delivery_to(PROVINCE)
        for moment, state in (("before", "available"), ("after", "delivered")):
            with pytest.raises(Died):
                acting(exchange, office, acknowledging(delivery), database=dying(exchange, moment))
            assert sent.state_at(PROVINCE) == state
        assert outcomes(created(office.system.acknowledge([delivery]), 200)["items"]) == ["already-acknowledged"]


class TestSealing:
    """Dying while events get their place; the check is of all that the deaths before it left, too."""

    def test_at_any_statement_gives_no_place_and_the_next_one_leaves_no_gap(self, exchange: Exchange) -> None:
        send(exchange[DISTRICT], PROVINCE)

        async def die(node: Node) -> None:
            for moment in (1, 2, 3, 4, "before"):
                database = DyingDatabase(node.database, moment)
                try:
                    await seal_all(database, now=datetime.now(UTC))
                except Died:
                    continue

        for _ in range(3):
            send(exchange[DISTRICT], PROVINCE)
            exchange.running.run(die)
        found = checked(exchange)
        assert found.consistent, found.divergences


class TestDisk:
    """A disk that takes no more."""

    def test_refuses_with_503_and_leaves_nothing(self, shared: Exchange) -> None:
        office = shared[DISTRICT]
        for size in (100, 2 * 1024 * 1024):
            body = office.signed(office.paper(PROVINCE, attachment=b"x" * size))
            # A file where the folder must be: nothing can be written below it.
            blocked = shared.running.settings.data_dir / "bodies" / hashlib.sha256(body).hexdigest()[:2]
            if blocked.exists():
                blocked.rename(blocked.with_name("aside"))
            blocked.write_bytes(b"")
            before = remains(shared)
            try:
                answer = office.system.send(body)
                after = remains(shared)
            finally:
                blocked.unlink()
                if blocked.with_name("aside").exists():
                    blocked.with_name("aside").rename(blocked)
            assert (answer.status_code, "Retry-After" in answer.headers) == (503, True), answer.text
            assert after == before
            created(office.system.send(body))

    def test_tells_that_it_is_unavailable(self, tmp_path: Path) -> None:
        blobs = BlobStore(tmp_path)
        (tmp_path / "bodies" / "ab").write_bytes(b"")
        with pytest.raises(Unavailable):
            blobs.keep_bytes(b"x", "ab" + "0" * 62)
        assert files(tmp_path / "incoming") == frozenset()
