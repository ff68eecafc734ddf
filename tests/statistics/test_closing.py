"""Closing months: frozen once, covering a checkpoint, issued again where figures moved; on both databases."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.errors import DataFault
from app.ids import new_id
from app.ledger import closing as months
from app.ledger.closed_check import check_closed_months, check_counted_months, check_sums
from app.ledger.closing import Closing, close_due, read_frozen
from app.ledger.divergence import CheckReport
from app.ledger.events import Event, EventKind
from app.ledger.frozen_month import FrozenMonth, changes
from app.ledger.publish import Publisher
from app.ledger.seal import seal_all
from app.signing.ledger_key import LedgerKey
from app.statistics import reports
from app.statistics.periods import Month
from app.statistics.reports import Asked, GroupBy
from app.store import checkpoints, closed_months
from app.store.blobs import BlobStore
from app.store.database import Database
from app.store.schema import events
from tests.ledger.recording import STANDINGS, sending, write

OCTOBER = datetime(2026, 10, 12, 3, tzinfo=UTC)
CLOSED = Month(2026, 10).end + timedelta(days=5)
DAY = timedelta(days=1)


@pytest.fixture
async def closing(database_url: str, tmp_path: Path) -> AsyncIterator[Closing]:
    """A ledger with documents of September, October and November."""
    database = Database(database_url)
    publisher = Publisher(database, LedgerKey.open(tmp_path / "keys"), "node.test/v1/ledger")
    for at in (OCTOBER - 30 * DAY, OCTOBER, OCTOBER + DAY, OCTOBER + 30 * DAY):
        await _happen(database, at)
    yield Closing(publisher, BlobStore(tmp_path), grace=timedelta(days=5), rest=DAY)
    await database.close()


async def _happen(database: Database, at: datetime, *, sealed: bool = True) -> None:
    one = sending(STANDINGS[2], STANDINGS[3:5], at=at)
    fetched = Event(
        new_id(),
        EventKind.DELIVERY_ACKNOWLEDGED,
        at,
        "client",
        standing=STANDINGS[3],
        document_type="cong-van",
        peer_tier="province",
        detail={"seconds": at.day * 100},
    )
    await write(database, one, events=[fetched])
    if sealed:
        await seal_all(database, now=at)


async def _rows(closing: Closing) -> list[Any]:
    async with closing.publisher.database.read() as tx:
        return list(await closed_months.everything(tx))


async def _said(closing: Closing) -> list[dict[str, Any]]:
    async with closing.publisher.database.read() as tx:
        query = sa.select(events.c.body).where(events.c.kind == EventKind.MONTH_CLOSED.value).order_by(events.c.id)
        return [json.loads(body)["detail"] for body in (await tx.execute(query)).scalars()]


async def test_a_month_is_closed_when_it_is_over_and_the_grace_too(closing: Closing) -> None:
    assert [each.month for each in await close_due(closing, now=CLOSED - timedelta(seconds=1))] == ["2026-09"]
    [october] = await close_due(closing, now=CLOSED)
    assert (october.month, october.version) == ("2026-10", 1)
    assert await close_due(closing, now=CLOSED + 9 * DAY) == ()
    # The event by which a month is closed counts in no figure.
    await seal_all(closing.publisher.database, now=CLOSED + 9 * DAY)
    assert await close_due(closing, now=CLOSED + 10 * DAY) == ()


async def test_a_version_covers_a_kept_checkpoint_and_is_told_in_an_event(closing: Closing) -> None:
    closed = await close_due(closing, now=CLOSED)
    assert [each.month for each in closed] == ["2026-09", "2026-10"]
    async with closing.publisher.database.read() as tx:
        for each in closed:
            checkpoint = await checkpoints.of_size(tx, each.ledger_size)
            assert checkpoint is not None
            assert checkpoint.kept
            assert checkpoint.root == each.root
    frozen, body = read_frozen(closing.blobs, closed[1].digest)
    assert hashlib.sha256(body).hexdigest() == closed[1].digest
    assert (frozen.month, frozen.version, frozen.ledger_size, frozen.root) == (
        "2026-10", 1, closed[1].ledger_size, closed[1].root,
    )  # fmt: skip
    assert frozen.body() == body
    told = [{k: getattr(each, k) for k in ("month", "version", "ledger_size", "root", "digest")} for each in closed]
    assert sorted(await _said(closing), key=lambda each: each["month"]) == told


async def test_a_frozen_month_gives_the_report_of_that_moment(closing: Closing) -> None:
    [_, october] = await close_due(closing, now=CLOSED)
    frozen, _ = read_frozen(closing.blobs, october.digest)
    for by in GroupBy:
        asked = Asked(Month(2026, 10), Month(2026, 10), by, {})
        live = await reports.exchange(closing.publisher.database, asked)
        assert [(row.key, row.figures(asked)) for row in frozen.report(asked).rows] == [
            (row.key, row.figures(asked)) for row in live.rows
        ]


async def test_a_month_whose_figures_moved_is_issued_again_but_not_at_once(closing: Closing) -> None:
    [_, first] = await close_due(closing, now=CLOSED)
    await _happen(closing.publisher.database, OCTOBER)
    assert await close_due(closing, now=CLOSED + DAY - timedelta(seconds=1)) == ()
    [second] = await close_due(closing, now=CLOSED + DAY)
    assert (second.month, second.version) == ("2026-10", 2)
    assert second.ledger_size > first.ledger_size
    before, after = (read_frozen(closing.blobs, each.digest)[0] for each in (first, second))
    told = {(each.key.agency, each.figure): (each.before, each.after) for each in changes(before, after)}
    assert told[STANDINGS[2].agency, "sent"] == (2, 3)
    assert told[STANDINGS[3].agency, "received"] == (2, 3)
    assert list(changes(after, after)) == []
    # A month of the present moved as well, and September did not.
    assert [(row.month, row.version) for row in await _rows(closing)] == [
        ("2026-09", 1), ("2026-10", 1), ("2026-10", 2),
    ]  # fmt: skip


async def test_several_processes_make_one_version(closing: Closing) -> None:
    made = await asyncio.gather(*(close_due(closing, now=CLOSED) for _ in range(4)))
    assert sorted(each.month for several in made for each in several) == ["2026-09", "2026-10"]
    assert [(row.month, row.version) for row in await _rows(closing)] == [("2026-09", 1), ("2026-10", 1)]
    assert len(await _said(closing)) == 2


async def test_what_dies_before_its_commit_leaves_the_month_to_be_closed(
    closing: Closing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(months, "record", die)
    with pytest.raises(asyncio.CancelledError):
        await close_due(closing, now=CLOSED)
    assert await _rows(closing) == []
    monkeypatch.undo()
    assert len(await close_due(closing, now=CLOSED)) == 2


@pytest.mark.parametrize(
    "changed",
    [{"format": "other"}, {"figures": 7}, {"figures": [7]}, {"figures": [{}]}, {"spans": [{"buckets": [1]}]}],
    ids=str,
)
def test_what_is_no_report_of_a_closed_month_is_refused(changed: dict[str, object]) -> None:
    frozen = FrozenMonth("2026-09", 1, "log.example", 0, "00" * 32, {}, {})
    assert FrozenMonth.read(frozen.body()) == frozen
    with pytest.raises(DataFault):
        FrozenMonth.read(json.dumps(json.loads(frozen.body()) | changed).encode())


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b"[" * 100_000])
def test_octets_that_are_no_report_are_refused(body: bytes) -> None:
    with pytest.raises(DataFault):
        FrozenMonth.read(body)


async def test_a_report_that_was_changed_on_the_disk_is_not_shown(closing: Closing) -> None:
    [_, october] = await close_due(closing, now=CLOSED)
    path = closing.blobs.path_of(october.digest)
    path.write_bytes(path.read_bytes().replace(b'"sent":2', b'"sent":3'))
    with pytest.raises(DataFault):
        read_frozen(closing.blobs, october.digest)


class _TakenBack(Exception):
    """Ends a transaction that must leave nothing."""


async def _checked(closing: Closing) -> CheckReport:
    report = CheckReport()
    async with closing.publisher.database.read() as tx:
        await check_sums(tx, report)
        await check_counted_months(tx, report)
        await check_closed_months(tx, report, closing.blobs)
    return report


@pytest.fixture
async def closed(closing: Closing) -> Closing:
    """The same with September and October closed, October twice, and moved again."""
    database = closing.publisher.database
    await close_due(closing, now=CLOSED)
    await _happen(database, OCTOBER)
    await close_due(closing, now=CLOSED + DAY)
    await _happen(database, OCTOBER)
    await seal_all(database, now=CLOSED + DAY)
    assert (await _checked(closing)).divergences == []
    return closing


async def test_whatever_is_changed_in_closed_months_or_sums_is_found(closed: Closing) -> None:
    """One after the other, each in a transaction that is taken back."""
    statements = {
        "DELETE FROM closed_months WHERE month = '2026-09'": "an event says it was closed",
        "UPDATE closed_months SET ledger_size = ledger_size - 1 WHERE version = 2": "its event says",
        f"UPDATE closed_months SET digest = '{'0' * 64}' WHERE version = 2": "is missing",
        f"UPDATE closed_months SET root = '{'0' * 64}' WHERE version = 2": "its report says",
        "UPDATE figures SET sent = sent + 1 WHERE month = '2026-10' AND sent > 0": "other figures",
        "UPDATE durations SET counts = '[4,1]' WHERE month = '2026-09'": "other figures",
        "DELETE FROM counted_months WHERE month = '2026-09'": "it is not noted",
        "UPDATE counted_months SET month = '2020-01' WHERE month = '2026-09'": "a month without figures",
        "UPDATE counted_months SET ledger_size = ledger_size - 5 WHERE month = '2026-11'": "but does not",
        "UPDATE rolled_figures SET sent = sent + 1 WHERE document_type <> '*'": "the sums of sent",
        "DELETE FROM rolled_figures WHERE tier = 'district'": "the row of sums is missing",
        "UPDATE rolled_figures SET branch = 'x' WHERE tier = 'district' AND branch = 'state'": "the figures give none",
    }
    for statement, told in statements.items():
        report = CheckReport()
        with suppress(_TakenBack):
            async with closed.publisher.database.write() as tx:
                await tx.execute(sa.text(statement))
                await check_sums(tx, report)
                await check_counted_months(tx, report)
                await check_closed_months(tx, report, closed.blobs)
                raise _TakenBack
        assert any(told in each.message for each in report.divergences), (statement, report.divergences)
    assert (await _checked(closed)).divergences == []


async def test_a_changed_report_is_found(closed: Closing) -> None:
    for row in await _rows(closed):
        path = closed.blobs.path_of(row.digest)
        body = path.read_bytes()
        path.write_bytes(body + b" ")
        [found] = (await _checked(closed)).divergences
        assert found.place == f"{row.month} version {row.version}"
        path.write_bytes(body)
