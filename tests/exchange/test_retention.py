"""Throwing bodies away by the rules of retention: what may go, what stays, and what is true whenever it dies."""

import asyncio
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.edxml.model import DocumentType
from app.exchange import retention
from app.exchange.retention import Planned, Purged
from app.ledger.divergence import CheckReport
from app.ledger.publish import publish
from app.ledger.purged import check_purged
from app.ledger.seal import seal_all
from app.node import Node
from app.regulations.file import load
from app.regulations.provisions import Kept, Retention, RetentionRule
from app.signing.signed_trees import SignedTree
from app.store.blobs import BlobStore
from app.store.documents import originals
from app.store.retention import Hindrance
from app.store.schema import closed_months, deliveries, documents
from app.worker import upkeep
from tests.exchange.mail import Sent, report, send
from tests.exchange.remains import checked, files
from tests.support.office import DISTRICT, PROVINCE, Exchange, created, refused

LATER = datetime.now(UTC) + timedelta(days=400)


def rule(name: str = "year", kept: Kept = Kept.DOCUMENT, **fields: Any) -> RetentionRule:
    given: dict[str, Any] = {"keep_days": 365, "document_types": frozenset({"thu-cong"}), "source": "test"} | fields
    return RetentionRule(name=name, kept=kept, **given)


def policy(*rules: RetentionRule) -> Retention:
    return Retention(source="test", in_force_from=datetime(2018, 9, 6, tzinfo=UTC).date(), rules=rules)


def letter(exchange: Exchange, *, taken: bool = True) -> Sent:
    """Send a letter of a type that nobody else in these tests uses."""
    sent = send(exchange[PROVINCE], DISTRICT, attachment=b"plain", document_type=DocumentType(29, 0, "Thư công"))
    if taken:
        take_everything(exchange)
    return sent


def take_everything(exchange: Exchange) -> None:
    async def seal(node: Node) -> int:
        return await seal_all(node.database, now=datetime.now(UTC))

    exchange.running.run(seal)
    for office in exchange.offices.values():
        while waiting := [item["delivery_id"] for item in office.system.inbox(limit=500, agency=office.organ_id)]:
            created(office.system.acknowledge(waiting), 200)


def purge(exchange: Exchange, *rules: RetentionRule, at: datetime = LATER) -> Purged:
    async def work(node: Node) -> Purged:
        return await retention.purge(node.database, node.blobs, policy(*rules), at=at)

    return exchange.running.run(work)


def planned(exchange: Exchange, *rules: RetentionRule, at: datetime = LATER) -> list[Planned]:
    async def work(node: Node) -> list[Planned]:
        return await retention.plan(node.database, policy(*rules), at=at)

    return exchange.running.run(work)


def has_body(exchange: Exchange, body: bytes) -> bool:
    return hashlib.sha256(body).hexdigest() in files(exchange.running.settings.data_dir / "bodies")


def divergences(exchange: Exchange) -> list[str]:
    """What the check of the log has to say of marks and their events."""

    async def work(node: Node) -> list[str]:
        found = CheckReport()
        async with node.database.read() as tx:
            await check_purged(tx, found)
        return [each.message for each in found.divergences]

    return exchange.running.run(work)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_shipped_rules_let_nothing_go(late: Exchange) -> None:
    sent = letter(late)

    async def work(node: Node) -> Purged:
        shipped = retention.policy_of(node.desk, at=LATER)
        assert shipped.rules == ()
        return await retention.purge(node.database, node.blobs, shipped, at=LATER + timedelta(days=36500))

    assert late.running.run(work) == Purged()
    assert has_body(late, sent.body)
    assert sent.seen_by(sent.office)["purged_at"] is None


def test_a_body_goes_and_everything_else_of_it_stays(late: Exchange) -> None:
    sent = letter(late)
    office = sent.office
    before = sent.seen_by(office)
    [plan] = planned(late, rule())
    assert plan.bodies >= 1
    done = purge(late, rule())
    assert done.documents == plan.bodies
    assert done.octets == plan.octets
    assert done.statuses == 0
    assert not has_body(late, sent.body)

    path = f"/v1/documents/{sent.id}"
    for gone in (f"{path}/content", f"{path}/attachments", f"{path}/attachments/1"):
        answer = office.system.get(gone)
        assert refused(answer, 410, "content-purged") == ["ours.retention.purged"]
        assert "'year'" in answer.json()["detail"]
        assert LATER.date().isoformat() in answer.json()["detail"]
    assert office.system.get(f"{path}/receipt").text == sent.receipt["receipt"]
    after = sent.seen_by(office)
    assert after.pop("purged_at").startswith(LATER.date().isoformat())
    assert before.pop("purged_at") is None
    assert after == before
    [event] = [each for each in office.system.get(f"{path}/history").json() if each["event"] == "content.purged"]
    assert event["detail"] == {
        "sha256": before["sha256"],
        "rule": "year",
        "keep_days": 365,
        "subject": "kept",
    }
    assert created(office.system.get(f"{path}/verification"), 200)
    assert divergences(late) == []
    assert [each for each in checked(late).divergences if each.step.startswith("(7)")] == []
    assert purge(late, rule()) == Purged(), "once"
    again = office.system.send(sent.body)
    assert created(again, 200)["id"] == sent.id, "the same bytes get the first answer, and no body is kept again"
    assert not has_body(late, sent.body)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_mark_without_an_event_is_told_by_the_check(late: Exchange) -> None:
    sent = letter(late)

    async def mark(node: Node, at: datetime | None) -> None:
        async with node.database.write() as tx:
            await tx.execute(documents.update().where(documents.c.id == sent.id).values(purged_at=at))

    late.running.run(lambda node: mark(node, LATER))
    assert any("0 events say so" in each for each in divergences(late))
    late.running.run(lambda node: mark(node, None))
    assert divergences(late) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_subject_goes_with_its_body_where_the_rule_says_so(late: Exchange) -> None:
    sent = letter(late)
    purge(late, rule(forget_subject=True))
    shown = sent.seen_by(sent.office)
    assert shown["subject"] == ""
    assert shown["code"]
    assert shown["document_id"] == sent.receipt["document_id"]


def test_what_waits_or_is_asked_for_back_or_held_stays(late: Exchange) -> None:
    waiting, asked, held = letter(late, taken=False), letter(late, taken=False), letter(late, taken=False)
    take_everything(late)
    waiting = letter(late, taken=False)
    created(report(asked.office, asked, "13", owner=DISTRICT, reason="gửi nhầm"))

    async def hold(node: Node, on: bool) -> None:
        await retention.hold(node.database, held.id, at=datetime.now(UTC), actor="operator", held=on)

    late.running.run(lambda node: hold(node, on=True))
    purge(late, rule())
    assert all(has_body(late, each.body) for each in (waiting, asked, held))
    [plan] = planned(late, rule())
    assert plan.bodies == 0
    # The question for it back lies in the recipient's inbox, too, which is the first thing that is told.
    assert plan.held_back == {Hindrance.WAITING: 2, Hindrance.HELD: 1}
    take_everything(late)
    [plan] = planned(late, rule())
    assert (plan.bodies, plan.held_back) == (1, {Hindrance.PENDING: 1, Hindrance.HELD: 1})
    created(report(late[DISTRICT], asked, "16", reason="đã xử lý"))
    late.running.run(lambda node: hold(node, on=False))
    take_everything(late)
    assert purge(late, rule()).documents == 3


def test_nothing_goes_before_its_day_and_the_longest_rule_decides(late: Exchange) -> None:
    take_everything(late)
    purge(late, rule())
    sent = letter(late)
    accepted = datetime.fromisoformat(sent.receipt["accepted_at"])
    longer = rule("ten-years", keep_days=3650, kinds=frozenset({"new"}))
    assert purge(late, rule(), at=accepted + timedelta(days=365, microseconds=-1)) == Purged()
    assert purge(late, rule(), longer) == Purged()
    assert purge(late, rule("others", document_types=frozenset({"giay-moi"}))) == Purged()
    assert [each.bodies for each in planned(late, longer, rule(), at=accepted + timedelta(days=3650))] == [1, 0]
    assert purge(late, rule(), at=accepted + timedelta(days=365)).documents == 1


def test_a_status_report_goes_by_its_own_rule(late: Exchange) -> None:
    reports = rule("reports", Kept.STATUS)
    take_everything(late)
    purge(late, reports)
    sent = letter(late)
    told = created(report(late[DISTRICT], sent, "03"))
    take_everything(late)
    assert purge(late, reports).statuses == 1
    path = f"/v1/statuses/{told['id']}/content"
    assert refused(sent.office.system.get(path), 410, "content-purged") == ["ours.retention.purged"]
    assert has_body(late, sent.body)
    assert sent.seen_by(sent.office)["statuses"][-1]["status_code"] == "03"
    assert divergences(late) == []
    purge(late, rule())


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_what_comes_to_wait_while_it_is_being_purged_stays(late: Exchange) -> None:
    """On PostgreSQL, where two write at once: whoever lays it into an inbox holds the document until the commit."""
    take_everything(late)
    purge(late, rule())
    sent = letter(late)

    async def lay(node: Node) -> Purged:
        async with node.database.write() as tx:
            await originals(tx, [sent.id], lock=True)
            await tx.execute(deliveries.update().where(deliveries.c.document == sent.id).values(in_inbox=True))
            purging = asyncio.create_task(retention.purge(node.database, node.blobs, policy(rule()), at=LATER))
            # Whether it has come as far as the lock by then or not, it must not purge.
            await asyncio.sleep(0.1)
        return await purging

    assert late.running.run(lay) == Purged()
    assert has_body(late, sent.body)

    async def take(node: Node) -> None:
        async with node.database.write() as tx:
            await tx.execute(deliveries.update().where(deliveries.c.document == sent.id).values(in_inbox=False))

    late.running.run(take)
    assert purge(late, rule()).documents == 1


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_attachment_nobody_looked_into_is_looked_into_no_more(late: Exchange) -> None:
    sent = send(late[PROVINCE], DISTRICT, document_type=DocumentType(29, 0, "Thư công"))
    take_everything(late)
    assert sent.seen_by(sent.office)["inspection"]["state"] == "waiting"
    assert purge(late, rule()).documents == 1
    assert sent.seen_by(sent.office)["inspection"]["state"] == "failed"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_process_that_dies_before_the_file_is_gone_leaves_it_to_the_sweep(
    late: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = letter(late)

    async def nothing(*_: Any, **__: Any) -> None:
        raise OSError("dies here")

    with monkeypatch.context() as patched:
        patched.setattr(retention, "_delete", nothing)
        with pytest.raises(OSError, match="dies here"):
            purge(late, rule())
    assert has_body(late, sent.body)
    assert refused(sent.office.system.get(f"/v1/documents/{sent.id}/content"), 410, "content-purged")
    sha256 = hashlib.sha256(sent.body).hexdigest()
    other = letter(late)

    async def sweep(node: Node) -> int:
        each = [f"{number:02x}" for number in range(256)]
        return await retention.sweep(node.database, node.blobs, prefixes=each, older_than=LATER.timestamp())

    late.running.run(sweep)
    assert not has_body(late, sent.body)
    assert has_body(late, other.body)
    assert late.running.run(sweep) == 0
    assert sha256 not in str(files(late.running.settings.data_dir / "incoming"))
    purge(late, rule())


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_few_strangers_are_swept_and_many_are_left(late: Exchange, tmp_path: Path) -> None:
    """A node that is given the wrong database, or an older one, must not lose the bodies of the right one."""
    blobs = BlobStore(tmp_path)
    late_database = late.running.node.database

    def keep(number: int) -> str:
        """Keep a body in the folder `00` that no row knows."""
        sha256 = f"00{number:062x}"
        blobs.keep_bytes(b"x", sha256)
        os.utime(blobs.path_of(sha256), (1_000, 1_000))
        return sha256

    async def sweep(_node: Node) -> int:
        return await retention.sweep(late_database, blobs, prefixes=["00"], older_than=2_000)

    kept = [keep(number) for number in range(12)]
    assert late.running.run(sweep) == 0
    assert files(tmp_path / "bodies") == set(kept)

    async def refer(node: Node) -> None:
        row = {"month": "1999-01", "ledger_size": 1, "root": "0" * 64, "made_at": LATER}
        async with node.database.write() as tx:
            for version, digest in enumerate(kept[1:], start=1):
                await tx.execute(closed_months.insert().values(**row, version=version, digest=digest))

    async def forget(node: Node) -> None:
        async with node.database.write() as tx:
            await tx.execute(closed_months.delete().where(closed_months.c.month == "1999-01"))

    late.running.run(refer)
    assert late.running.run(sweep) == 1
    assert files(tmp_path / "bodies") == set(kept[1:])
    late.running.run(forget)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_nothing_is_thrown_away_beside_a_database_that_is_older_than_what_was_signed(late: Exchange) -> None:
    """It was restored from a copy: the newest bodies are strangers to it, until somebody replays what came after."""
    sent = letter(late)
    purge(late, rule())
    node, sha256 = late.running.node, hashlib.sha256(sent.body).hexdigest()
    node.blobs.keep_bytes(sent.body, sha256)
    signed, origin = node.publisher.key.signed, node.publisher.origin

    async def sign(node: Node) -> None:
        while origin not in signed.read():
            await publish(node.publisher, now=LATER)

    late.running.run(sign)

    async def throw_away(node: Node) -> set[bool]:
        day = [LATER + timedelta(hours=hour) for hour in range(24)]
        return {await upkeep.throw_away(node, at=at, by_rules=True) for at in day}

    seen, newer = signed.read()[origin], SignedTree(2**40, bytes(32))
    while not signed.advance(origin, seen=seen, to=newer):
        seen = signed.read()[origin]
    try:
        assert late.running.run(throw_away) == {False}
        assert has_body(late, sent.body)
    finally:
        while not signed.go_back(origin, seen=newer, to=seen):
            pass
    assert late.running.run(throw_away) == {True}
    assert not has_body(late, sent.body)


class TestSweeping:
    """Parting with files while others keep the same octets."""

    BODY = b"the same octets"
    SHA256 = hashlib.sha256(BODY).hexdigest()

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> BlobStore:
        store = BlobStore(tmp_path)
        store.keep_bytes(self.BODY, self.SHA256)
        os.utime(store.path_of(self.SHA256), (1_000, 1_000))
        return store

    def test_only_old_ones_are_listed(self, blobs: BlobStore) -> None:
        assert blobs.kept_under(self.SHA256[:2], older_than=2_000) == [(self.SHA256, 1_000 * 10**9)]
        assert blobs.kept_under(self.SHA256[:2], older_than=1_000) == []

    def test_one_that_was_kept_again_meanwhile_gets_its_name_back(self, blobs: BlobStore) -> None:
        [(sha256, touched)] = blobs.kept_under(self.SHA256[:2], older_than=2_000)
        blobs.keep_bytes(self.BODY, self.SHA256)
        assert not blobs.part_with(sha256, touched=touched)
        assert blobs.digest(self.SHA256) == self.SHA256
        assert blobs.partings() == []

    def test_one_that_is_kept_afterwards_is_written_anew(self, blobs: BlobStore) -> None:
        assert blobs.part_with(self.SHA256, touched=1_000 * 10**9)
        assert blobs.digest(self.SHA256) is None
        blobs.keep_bytes(self.BODY, self.SHA256)
        assert blobs.digest(self.SHA256) == self.SHA256

    def test_one_without_its_name_is_not_taken_for_an_abandoned_upload(self, blobs: BlobStore) -> None:
        self.lose_name(blobs)
        assert blobs.sweep_incoming(older_than=2_000) == 0
        [parting] = blobs.partings()
        assert (parting.sha256, parting.touched) == (self.SHA256, 1_000 * 10**9)
        blobs.take_back(parting)
        assert blobs.digest(self.SHA256) == self.SHA256
        assert blobs.partings() == []

    def test_what_one_process_decided_is_not_done_to_what_another_looks_at(
        self, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Kept again while two processes sweep: one is about to give it its name back, the other finishes deleting."""
        self.lose_name(blobs)
        left = blobs.partings()
        blobs.keep_bytes(self.BODY, self.SHA256)
        link = os.link

        def slowly(*paths: Any) -> None:
            for each in left:
                blobs.forget(each)
            link(*paths)

        monkeypatch.setattr("app.store.blobs.os.link", slowly)
        assert not blobs.part_with(self.SHA256, touched=1_000 * 10**9)
        assert blobs.digest(self.SHA256) == self.SHA256
        assert blobs.partings() == []

    def lose_name(self, blobs: BlobStore) -> None:
        """Do what a process does before it dies in the middle of parting with a body."""
        blobs.path_of(self.SHA256).rename(blobs.path_of(self.SHA256).parents[3] / "incoming" / f"{self.SHA256}.parting")


def test_no_rule_keeps_less_than_the_floor(tmp_path: Path) -> None:
    written = tmp_path / "own.toml"
    text = '[[retention]]\nsource = "x"\nin_force_from = 2020-01-01\n[[retention.rules]]\nname = "r"\nof = "document"\n'
    written.write_text(f'{text}keep_days = 364\nsource = "y"\n', "utf-8")
    with pytest.raises(Exception, match="at least 365 are prescribed"):
        load(written)
    written.write_text(f'{text}keep_days = 365\nkinds = ["new"]\nsource = "y"\n', "utf-8")
    [kept] = load(written).retention_on(LATER.date()).rules
    assert kept == RetentionRule(name="r", kept=Kept.DOCUMENT, keep_days=365, kinds=frozenset({"new"}), source="y")
