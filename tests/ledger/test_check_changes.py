"""Checking what documents did to others: whatever is changed behind the log's back is found, by the right step."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.ledger.seal import seal_all
from app.node import Node
from app.routers import clock
from tests.exchange.business_messages import ADDED, REMOVED, id_of, replacement, revocation, update
from tests.exchange.mail import report, send
from tests.ledger.conftest import Kept, Tampered, Tampering, tampered
from tests.support.node import running_node
from tests.support.office import COMMUNE, DISTRICT, PARTY, PROVINCE, Exchange, created, exchange_on

DOCUMENTS, DELIVERIES = "(3) documents", "(4) deliveries"
OTHER_ID = "01900000000070008000000000000001"


def _traffic(exchange: Exchange) -> None:
    sender, province = exchange[DISTRICT], exchange[PROVINCE]
    # Asked back by a revocation, given back; another one refused.
    revoked = send(sender, PROVINCE, COMMUNE)
    send(sender, PROVINCE, COMMUNE, business=revocation(id_of(revoked)))
    created(report(province, revoked, "15"))
    created(report(exchange[COMMUNE], revoked, "16", reason="Đã giải quyết"))
    # Updated: agreed to, dropped and still waiting, added.
    updated = send(sender, PROVINCE, COMMUNE)
    send(sender, PROVINCE, business=update(id_of(updated), (COMMUNE, REMOVED), (PARTY, ADDED)))
    created(report(province, updated, "15"))
    # Replaced at once, for one who receives the replacement and one who does not.
    replaced = send(sender, PROVINCE, COMMUNE)
    send(sender, PROVINCE, business=replacement((id_of(replaced), ())))
    created(report(sender, replaced, "13", owner=PROVINCE, reason="Nhầm"))


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Kept:
    """What a node left after documents acted on others; not to be changed."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copyfile(migrated_sqlite, folder / "node.sqlite")
    url = f"sqlite:///{folder / 'node.sqlite'}"

    async def settle(node: Node) -> None:
        await seal_all(node.database, now=clock.now())

    with running_node(folder / "data", url, log_level="error") as running:
        with exchange_on(running) as exchange:
            _traffic(exchange)
        running.run(settle)
    return Kept(url, folder / "data")


@pytest.fixture(scope="module")
def tampering(changed: Kept, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tampering]:
    """A copy that is tampered with in transactions that are rolled back."""
    path = tmp_path_factory.mktemp("tampering") / "node.sqlite"
    shutil.copyfile(changed.url.removeprefix("sqlite:///"), path)
    with tampered(replace(changed, url=f"sqlite:///{path}")) as opened:
        yield opened


def test_a_sound_node_is_consistent(changed: Kept) -> None:
    report = changed.checked()
    assert report.consistent, report.divergences
    states = changed.rows(
        "SELECT progress, change, change_by IS NOT NULL, superseded_by IS NOT NULL, added_by IS NOT NULL "
        "FROM deliveries WHERE kind = 'document' ORDER BY id"
    )
    assert {
        ("withdrawn", None, 1, 0, 0),
        ("available", "change_refused", 1, 0, 0),
        ("available", "change_accepted", 1, 1, 0),
        ("available", "withdrawal_requested", 1, 0, 0),
        ("available", None, 0, 0, 1),
        ("available", "withdrawal_requested", 1, 1, 0),
        ("available", None, 0, 1, 0),
    } <= set(states)


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ("change_by = NULL", "change = 'withdrawal_requested'"),
        ("change_by = NULL", "progress = 'withdrawn'"),
        (f"change_by = '{OTHER_ID}'", "change = 'change_accepted'"),
        (f"change_by = '{OTHER_ID}'", "change IS NULL AND change_by IS NULL"),
        ("change = 'update_requested'", "change = 'withdrawal_requested'"),
        ("change = NULL", "change = 'change_refused'"),
        ("superseded_by = NULL", "superseded_by IS NOT NULL AND change = 'change_accepted'"),
        ("superseded_by = NULL", "superseded_by IS NOT NULL AND change IS NULL"),
        (f"superseded_by = '{OTHER_ID}'", "superseded_by IS NOT NULL"),
        (f"superseded_by = '{OTHER_ID}'", "superseded_by IS NULL"),
        ("added_by = NULL", "added_by IS NOT NULL"),
        (f"added_by = '{OTHER_ID}'", "added_by IS NOT NULL"),
        (f"added_by = '{OTHER_ID}'", "added_by IS NULL"),
        ("progress = 'available', in_inbox = 1", "progress = 'withdrawn'"),
    ],
)
def test_a_changed_delivery_is_found(kept: Tampered, values: str, where: str) -> None:
    one = f"(SELECT id FROM deliveries WHERE kind = 'document' AND {where} ORDER BY id LIMIT 1)"
    kept.execute(f"UPDATE deliveries SET {values} WHERE id = {one}")
    report = kept.checked(bodies=False)
    assert DELIVERIES in {each.step for each in report.divergences}, report.divergences


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE verification_reports SET report = json_set(report, '$.proven', json('false')) WHERE {one}",
        "UPDATE verification_reports SET report = 'null' WHERE {one}",
        "UPDATE verification_reports SET revision = 1 WHERE {one}",
        "DELETE FROM verification_reports WHERE {one}",
        "INSERT INTO verification_reports SELECT document, 1, indication, NULL, report, made_at FROM ({rows})",
    ],
    ids=["changed", "emptied", "moved", "removed", "added"],
)
def test_a_changed_verification_report_is_found(kept: Tampered, statement: str) -> None:
    one = "document = (SELECT min(document) FROM verification_reports)"
    kept.execute(statement.format(one=one, rows=f"SELECT * FROM verification_reports WHERE {one}"))
    found = kept.checked(bodies=False).divergences
    assert {each.step for each in found} == {DOCUMENTS}
    assert all("verification report" in each.message for each in found), found


def test_who_was_added_cannot_pass_as_one_of_the_first(kept: Tampered) -> None:
    kept.execute("UPDATE deliveries SET added_by = NULL")
    assert {DOCUMENTS, DELIVERIES} <= {each.step for each in kept.checked(bodies=False).divergences}


@pytest.mark.parametrize("where", ["added_by IS NOT NULL", "notice = 'dropped'", "notice = 'superseded'"])
def test_a_deleted_delivery_or_notice_is_found(kept: Tampered, where: str) -> None:
    kept.execute(f"DELETE FROM deliveries WHERE {where}")
    assert DELIVERIES in {each.step for each in kept.checked(bodies=False).divergences}


def test_whether_it_was_sent_on_time_is_what_its_event_says(kept: Tampered) -> None:
    kept.execute("UPDATE documents SET on_time = NOT on_time")
    assert DOCUMENTS in {each.step for each in kept.checked(bodies=False).divergences}
