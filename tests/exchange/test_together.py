"""Documents decided at the same time, in one transaction: all of it or none, by what the registry says now."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from app.edxml.organ_id import OrganId
from app.errors import DocumentRefused
from app.exchange.commit import put
from app.exchange.decide import Decision
from app.exchange.desk import Desk
from app.exchange.gather import Gatherer
from app.ids import new_id
from app.node import Node
from app.registry import agencies, certificate_holds
from app.registry.acts import Act
from app.registry.model import Client, SuspensionReason
from app.registry.once import Once
from app.store.database import Database, Transaction
from tests.exchange.business_messages import ADDED, REMOVED, update
from tests.exchange.desk_work import Work, acting, submitting
from tests.exchange.mail import send
from tests.exchange.remains import checked, remains
from tests.exchange.statements import statements
from tests.exchange.test_crash_points import STATEMENTS_MAX, Died, DyingDatabase, gained, keep_what_is_cited
from tests.support.office import COMMUNE, DISTRICT, GOVERNMENT_OFFICE, PARTY, PROVINCE, Exchange, Office, created


class Decided(Exception):
    """A document was decided, and handed over to be written."""

    def __init__(self, decision: Decision) -> None:
        super().__init__()
        self.decision = decision


class Catching(Gatherer):
    """Gives what it is handed back instead of writing it."""

    async def commit(self, write: Any, thing: Any, *, octets: int) -> Any:
        """Write nothing."""
        raise Decided(thing)


def decided(exchange: Exchange, office: Office, body: bytes, key: str | None = None) -> Decision:
    """Do all there is to do for a document but to write its rows."""

    async def work(desk: Desk, client: Client) -> Decision:
        object.__setattr__(desk, "gatherer", Catching(desk.database))
        with pytest.raises(Decided) as caught:
            await submitting(body, key)(desk, client)
        return caught.value.decision

    decision: Decision = acting(exchange, office, work)
    return decision


async def in_one(database: Database, decisions: Sequence[Decision]) -> list[Any]:
    """Hand documents over while another transaction is written, so that they share the next."""
    gatherer, gate = Gatherer(database), asyncio.Event()

    async def hold(_tx: Transaction, things: Sequence[None]) -> Sequence[None]:
        await gate.wait()
        return things

    first = asyncio.create_task(gatherer.commit(hold, None, octets=0))
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(gatherer.commit(put, each, octets=1)) for each in decisions]
    await asyncio.sleep(0)
    assert gatherer.waiting >= len(decisions)
    gate.set()
    await first
    return await asyncio.gather(*tasks, return_exceptions=True)


def written(exchange: Exchange, decisions: Sequence[Decision], **parts: Any) -> list[Any]:
    async def work(node: Node) -> list[Any]:
        return await in_one(parts.get("database", node.database), decisions)

    return exchange.running.run(work)


class Dead(DyingDatabase):
    """A database that stays dead once it has died."""

    @asynccontextmanager
    async def write(self) -> Any:
        """Open a transaction, or nothing any more."""
        if isinstance(self._moment, int) and self.executed >= self._moment:
            raise Died
        async with super().write() as tx:
            yield tx


def three(exchange: Exchange) -> tuple[Office, list[bytes]]:
    office = exchange[DISTRICT]
    keep_what_is_cited(office)
    return office, [office.signed(office.paper(PROVINCE, COMMUNE)) for _ in range(3)]


def test_dying_at_any_statement_of_a_batch_leaves_nothing_of_any(exchange: Exchange) -> None:
    office, bodies = three(exchange)
    decisions = [decided(exchange, office, body, f"key-{new_id()}") for body in bodies]
    before = remains(exchange)
    for number in range(1, STATEMENTS_MAX):
        database = Dead(exchange.running.node.database, number)
        told = written(exchange, decisions, database=database)
        if told == [True] * 3:
            break
        assert [type(each) for each in told] == [Died] * 3, number
        assert remains(exchange).rows == before.rows, number
    # As many statements for three documents as for one.
    assert database.executed == 7
    assert gained(before, remains(exchange)) == {"documents": 3, "deliveries": 6, "events": 9}
    assert [office.system.send(body).status_code for body in bodies] == [200] * 3
    found = checked(exchange)
    assert found.consistent, found.divergences


def test_a_document_that_cannot_be_written_harms_no_neighbour(exchange: Exchange) -> None:
    office, bodies = three(exchange)
    first, second, third = (decided(exchange, office, body) for body in bodies)
    poison = replace(second, deliveries=[{**row, "progress": None} for row in second.deliveries])
    before = remains(exchange)
    told = written(exchange, [first, poison, third])
    assert (told[0], told[2]) == (True, True)
    assert isinstance(told[1], DBAPIError)
    assert gained(before, remains(exchange)) == {"documents": 2, "deliveries": 4, "events": 6}
    assert [office.system.send(body).status_code for body in bodies] == [200, 201, 200]
    found = checked(exchange)
    assert found.consistent, found.divergences


def test_of_the_same_in_one_batch_the_first_that_may_goes_in(exchange: Exchange) -> None:
    office, bodies = three(exchange)
    key = f"key-{new_id()}"
    first = decided(exchange, office, bodies[0], key)
    second = decided(exchange, office, bodies[1])
    assert first.once is not None
    # The same key for another request, and behind it the DocumentId of what that key leaves out.
    late = replace(second, once=Once(first.once.client_id, key, "0" * 64, first.once.expires_at))
    told = written(exchange, [first, decided(exchange, office, bodies[0]), late, decided(exchange, office, bodies[1])])
    assert told == [True, False, False, True]
    assert [office.system.send(body).status_code for body in bodies[:2]] == [200, 200]


def test_two_that_act_on_the_same_documents_share_a_transaction(exchange: Exchange) -> None:
    office = exchange[DISTRICT]
    sent = [send(office, PROVINCE, COMMUNE) for _ in range(2)]
    decisions = [
        decided(
            exchange,
            office,
            office.signed(
                office.paper(PROVINCE, business=update(each.receipt["document_id"], (COMMUNE, REMOVED), (PARTY, ADDED)))
            ),
        )
        for each in sent
    ]
    assert written(exchange, decisions[::-1]) == [True, True]
    for each in sent:
        assert [each.state_at(code) for code in (PROVINCE, COMMUNE, PARTY)] == [
            "update_requested",
            "withdrawal_requested",
            "available",
        ]


def test_those_who_add_the_same_receiver_to_a_document_add_it_once(exchange: Exchange) -> None:
    office = exchange[DISTRICT]
    sent = send(office, PROVINCE)
    wanted = update(sent.receipt["document_id"], (PARTY, ADDED))
    decisions = [decided(exchange, office, office.signed(office.paper(PROVINCE, business=wanted))) for _ in range(3)]
    assert written(exchange, decisions) == [True, True, True]
    assert [each["recipient"] for each in sent.seen_by(office)["deliveries"]] == [PROVINCE, PARTY]


def test_batches_of_two_processes_never_wait_for_each_other(exchange: Exchange) -> None:
    office, bodies = three(exchange)
    decisions = [decided(exchange, office, body, f"key-{new_id()}") for body in bodies]
    others = [decided(exchange, office, body, f"key-{new_id()}") for body in reversed(bodies)]

    async def work(node: Node) -> list[Any]:
        mine, yours = await asyncio.gather(in_one(node.database, decisions), in_one(node.database, others))
        return [mine, yours[::-1]]

    mine, yours = exchange.running.run(work)
    assert [sorted(pair) for pair in zip(mine, yours, strict=True)] == [[False, True]] * 3


def outside(exchange: Exchange, act: Any) -> None:
    """Change the registry as another process does: nothing of it is known to the node but what its database says."""

    async def work(_node: Node) -> None:
        database = Database(exchange.running.settings.effective_database_url)
        try:
            await act(database, Act("operator", datetime.now(UTC)))
        finally:
            await database.close()

    exchange.running.run(work)


def refused_for(exchange: Exchange, office: Office) -> set[str]:
    with pytest.raises(DocumentRefused) as refusal:
        acting(exchange, office, submitting(office.signed(office.paper(PROVINCE))))
    return {finding.code for finding in refusal.value.findings if finding.refuses}


def test_what_is_remembered_of_the_registry_is_asked_for_by_its_versions_alone(exchange: Exchange) -> None:
    office, bodies = three(exchange)
    work: Work = submitting(bodies[0])

    async def counted(desk: Desk, client: Client) -> list[str]:
        await submitting(bodies[1])(desk, client)
        with statements() as heard:
            await work(desk, client)
        return heard.kinds

    kinds = acting(exchange, office, counted)
    read = [kind for kind in kinds if kind.startswith("SELECT") and "events" not in kind]
    assert len(read) == 2, kinds


def test_who_was_suspended_elsewhere_is_refused_at_once_and_taken_again(exchange: Exchange) -> None:
    office = exchange[GOVERNMENT_OFFICE]
    code = OrganId.parse(GOVERNMENT_OFFICE)
    keep_what_is_cited(office)
    outside(exchange, lambda database, act: agencies.suspend(database, code, SuspensionReason.REQUESTED, act=act))
    try:
        assert refused_for(exchange, office) == {"ours.route.sender-suspended"}
    finally:
        outside(exchange, lambda database, act: agencies.reinstate(database, code, act=act))
    created(office.system.send(office.signed(office.paper(PROVINCE))))


def test_a_certificate_suspended_elsewhere_counts_no_more_at_once_and_counts_again(exchange: Exchange) -> None:
    office = exchange[GOVERNMENT_OFFICE]
    keep_what_is_cited(office)
    sha256, reason = office.seal.sha256, SuspensionReason.REQUESTED
    outside(exchange, lambda database, act: certificate_holds.suspend(database, sha256, reason=reason, act=act))
    try:
        assert refused_for(exchange, office) == {"ours.trust.suspended"}
    finally:
        outside(exchange, lambda database, act: certificate_holds.reinstate(database, sha256, act=act))
    created(office.system.send(office.signed(office.paper(PROVINCE))))
