"""What is inside attachments: looked into after acceptance, recorded, shown, counted; never in the way of the mail."""

import asyncio
import base64
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.edxml.model import Attachment, Reference
from app.edxml.write import write
from app.exchange import inspection
from app.exchange.pdf_readers import PdfReaders
from app.ledger.check import check
from app.ledger.seal import seal_all
from app.node import Node
from app.regulations.calendar import day_of
from app.routers import clock
from app.signing.pdf_found import PdfLimits
from app.store import inspections
from tests.console.conftest import Visitor
from tests.support.node import RunningNode, running_node
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, Exchange, created, current_seal, exchange_on
from tests.support.pdf import TEXT, plain_pdf, signed_pdf, time_authority
from tests.support.pki import DAY, Pki

TITLE = "Chánh Văn phòng"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Exchange]:
    folder = tmp_path_factory.mktemp("inspection")
    shutil.copyfile(migrated_sqlite, folder / "node.sqlite")
    with (
        running_node(folder / "data", f"sqlite:///{folder / 'node.sqlite'}", log_level="error") as running,
        exchange_on(running, only=[GOVERNMENT_OFFICE, PROVINCE]) as exchange,
    ):
        yield exchange


def _sent(exchange: Exchange, *files: bytes, signed: bool = True) -> str:
    office = exchange[GOVERNMENT_OFFICE]
    names = [f"{number}.pdf" for number in range(1, len(files) + 1)]
    paper = office.paper(
        PROVINCE,
        references=tuple(Reference(name, "application/pdf", None, name) for name in names),
        attachments=tuple(
            Attachment(name, name, None, "application/pdf", base64.b64encode(file).decode())
            for name, file in zip(names, files, strict=True)
        ),
    )
    return str(created(office.system.send(office.signed(paper) if signed else write(paper)))["id"])


def _round(
    running: RunningNode, *, readers: PdfReaders | None = None, now: Callable[[], datetime] = clock.now, rounds: int = 1
) -> list[int]:
    async def work(node: Node) -> list[int]:
        with_them = readers or node.readers
        done = await asyncio.gather(
            *(inspection.inspect_due(node.desk, with_them, limits=PdfLimits(), now=now) for _ in range(rounds))
        )
        await seal_all(node.database, now=clock.now())
        return list(done)

    return running.run(work)


def _same(moment: datetime) -> datetime:
    return moment


def _view(exchange: Exchange, document: str, organ_id: str = GOVERNMENT_OFFICE) -> dict[str, Any]:
    return created(exchange[organ_id].system.get(f"/v1/documents/{document}"), 200)


def _pdfs(exchange: Exchange, document: str, organ_id: str = GOVERNMENT_OFFICE) -> list[dict[str, Any] | None]:
    answer = exchange[organ_id].system.get(f"/v1/documents/{document}/attachments")
    assert answer.status_code == 200, answer.text
    return [each["pdf"] for each in answer.json()]


def _inspected(exchange: Exchange, document: str) -> list[dict[str, Any]]:
    answer = exchange[GOVERNMENT_OFFICE].system.get(f"/v1/documents/{document}/history")
    return [event["detail"] for event in answer.json() if event["event"] == "document.inspected"]


def _shares(exchange: Exchange) -> tuple[int, int]:
    rows = created(exchange.statistician.get("/v1/statistics/exchange", params={"by": "tier"}), 200)["items"]
    [share] = {row["pdf_signed_share"] for row in rows if row["with_pdf"]} or {None}
    held, signed = (sum(row[name] for row in rows) for name in ("with_pdf", "pdf_signed"))
    assert share == (pytest.approx(signed / held, abs=0.001) if held else None)
    return held, signed


def test_signed_tampered_and_unsigned_pdfs_are_told_apart_shown_and_counted(exchange: Exchange) -> None:
    held, signed = _shares(exchange)
    pdf = signed_pdf(plain_pdf(), exchange[GOVERNMENT_OFFICE].seal)
    good = _sent(exchange, pdf)
    tampered = _sent(exchange, pdf.replace(TEXT, TEXT.replace(b"gui", b"giu")))
    unsigned = _sent(exchange, plain_pdf())
    assert [_view(exchange, each)["inspection"]["state"] for each in (good, tampered, unsigned)] == ["waiting"] * 3
    assert "truc_inspections_waiting 3.0" in exchange.running.http.get("/metrics").text
    assert _pdfs(exchange, good) == [None]
    assert _round(exchange.running) == [3]
    assert _view(exchange, good)["inspection"] | {"inspected_at": None} == {
        "state": "done",
        "pdfs": 1,
        "signed": 1,
        "inspected_at": None,
    }
    assert [_pdfs(exchange, each)[0]["status"] for each in (good, tampered, unsigned)] == [  # type: ignore[index]
        "valid",
        "invalid",
        "unsigned",
    ]
    [found] = _pdfs(exchange, good, PROVINCE)
    assert found is not None
    [signature] = found["signatures"]
    assert (signature["indication"], signature["covers"], signature["signer"]["kind"]) == (
        "TOTAL-PASSED",
        "whole-file",
        "seal",
    )
    assert signature["signer"]["agency"] == GOVERNMENT_OFFICE
    [broken] = _pdfs(exchange, tampered)[0]["signatures"]  # type: ignore[index]
    assert (broken["indication"], broken["sub_indication"]) == ("TOTAL-FAILED", "HASH_FAILURE")
    assert [finding["code"] for finding in broken["findings"]] == ["ours.pdf.not-intact"]
    # Documents, not attachments: three with a PDF, in one of them all are signed.
    assert _shares(exchange) == (held + 3, signed + 1)


def test_pdfs_of_a_document_that_nobody_signed_are_looked_into_and_it_is_counted_apart(exchange: Exchange) -> None:
    def counted() -> tuple[int, ...]:
        rows = created(exchange.statistician.get("/v1/statistics/exchange", params={"by": "tier"}), 200)["items"]
        return tuple(sum(row[name] or 0 for row in rows) for name in ("sent", "signed", "not_proven", "pdf_signed"))

    today = day_of(clock.now())
    period = {"mode": "unsigned", "valid_from": today.isoformat(), "valid_to": (today + timedelta(days=1)).isoformat()}
    path = f"/v1/agencies/{GOVERNMENT_OFFICE}"
    created(exchange.administrator.patch(path, json={"policies": [period]}), 200)
    _round(exchange.running)
    sent, signed, not_proven, pdf_signed = counted()
    document = _sent(exchange, signed_pdf(plain_pdf(), exchange[GOVERNMENT_OFFICE].seal), signed=False)
    assert _round(exchange.running) == [1]
    assert _view(exchange, document, PROVINCE)["signature"] == "unsigned"
    assert _pdfs(exchange, document, PROVINCE)[0]["status"] == "valid"  # type: ignore[index]
    assert counted() == (sent + 1, signed, not_proven + 1, pdf_signed + 1)
    created(exchange.administrator.patch(path, json={"policies": []}), 200)


def test_one_unsigned_pdf_among_signed_ones_keeps_a_document_from_counting_as_signed(exchange: Exchange) -> None:
    held, signed = _shares(exchange)
    document = _sent(exchange, signed_pdf(plain_pdf(), exchange[GOVERNMENT_OFFICE].seal), plain_pdf())
    _round(exchange.running)
    [detail] = _inspected(exchange, document)
    assert (detail["pdf"], detail["pdf_signed"]) == (2, 1)
    assert _shares(exchange) == (held + 1, signed)


def test_strangers_signatures_are_not_proven_and_not_broken(exchange: Exchange) -> None:
    stranger = current_seal(Pki.new("Khác", slot=970), "000.00.00.X99", "Người lạ")
    document = _sent(exchange, signed_pdf(plain_pdf(), stranger))
    _round(exchange.running)
    [found] = _pdfs(exchange, document)
    assert found is not None
    assert found["status"] == "indeterminate"
    [signature] = found["signatures"]
    assert (signature["intact"], signature["sub_indication"]) == (True, "NO_CERTIFICATE_CHAIN_FOUND")
    assert signature["signer"]["agency"] is None


def test_a_certificate_that_has_expired_since_holds_where_a_timestamp_proves_the_time(exchange: Exchange) -> None:
    pki, now = exchange.pki, clock.now()
    expired = current_seal(pki, PROVINCE, "UBND", not_before=now - 20 * DAY, not_after=now - 5 * DAY)
    stamps = time_authority(pki, not_before=now - 30 * DAY, not_after=now + 30 * DAY)
    stamped_at = (now - 10 * DAY).replace(microsecond=0)
    stamped = signed_pdf(plain_pdf(), expired, authority=stamps, stamped_at=stamped_at)
    document = _sent(exchange, stamped, signed_pdf(plain_pdf(), expired))
    _round(exchange.running)
    proven, unproven = _pdfs(exchange, document)
    assert proven is not None
    assert unproven is not None
    [signature] = proven["signatures"]
    assert signature["timestamp"]["findings"] == []
    assert datetime.fromisoformat(signature["judged_at"]) == stamped_at
    assert (proven["status"], unproven["status"]) == ("valid", "indeterminate")
    assert unproven["signatures"][0]["sub_indication"] == "OUT_OF_BOUNDS_NO_POE"


def test_others_learn_how_far_it_came_and_not_who_signed(exchange: Exchange) -> None:
    document = _sent(exchange, signed_pdf(plain_pdf(), exchange[GOVERNMENT_OFFICE].seal))
    _round(exchange.running)
    seen = created(exchange.auditor.get(f"/v1/documents/{document}"), 200)
    assert (seen["inspection"]["state"], seen["inspection"]["signed"]) == ("done", 1)
    assert exchange.auditor.get(f"/v1/documents/{document}/attachments").status_code == 403
    [detail] = _inspected(exchange, document)
    assert detail.keys() == {"pdf", "pdf_signed", "result"}


def test_the_page_of_a_document_shows_it_in_both_languages(exchange: Exchange) -> None:
    document = _sent(exchange, signed_pdf(plain_pdf(), exchange.pki.person(title=TITLE)))
    _round(exchange.running)
    system = exchange[GOVERNMENT_OFFICE].system
    with Visitor(exchange.running.url) as visitor:
        form = {"client_id": system.client_id, "client_secret": system.secret}
        assert visitor.post("/sign-in", data=form).status_code == 303
        page = visitor.get(f"/documents/{document}?lang=vi").text
        assert TITLE in page
        assert "Chữ ký trong tệp PDF" in page
        assert "Signatures in the PDF" in visitor.get(f"/documents/{document}?lang=en").text


def test_a_document_without_a_pdf_is_not_looked_into(exchange: Exchange) -> None:
    office = exchange[GOVERNMENT_OFFICE]
    plain = Attachment("1", "1.txt", None, "text/plain", base64.b64encode(b"Kinh gui").decode())
    paper = office.paper(PROVINCE, references=(Reference("1", "text/plain", None, "1.txt"),), attachments=(plain,))
    document = str(created(office.system.send(office.signed(paper)))["id"])
    assert _view(exchange, document)["inspection"] is None
    assert _round(exchange.running) == [0]


def test_two_processes_at_once_record_it_once(exchange: Exchange) -> None:
    document = _sent(exchange, signed_pdf(plain_pdf(), exchange[GOVERNMENT_OFFICE].seal))
    assert sum(_round(exchange.running, rounds=3)) == 1
    assert len(_inspected(exchange, document)) == 1


def test_a_process_that_hangs_is_killed_the_file_tried_again_and_given_up(exchange: Exchange) -> None:
    document = _sent(exchange, signed_pdf(plain_pdf(), exchange[GOVERNMENT_OFFICE].seal))
    # No process answers within a nanosecond: to the one who waits it hangs.
    hanging = PdfReaders(1, 1e-9, start_seconds=0.0)
    at = clock.now()
    for attempt in range(inspection.ATTEMPTS_MAX):
        assert _round(exchange.running, readers=hanging, now=partial(_same, at)) == [1], attempt
        assert _round(exchange.running, readers=hanging, now=partial(_same, at)) == [0], "it rests between attempts"
        at += timedelta(days=1)
    assert _view(exchange, document)["inspection"]["state"] == "failed"
    assert _inspected(exchange, document) == []
    assert _round(exchange.running, now=partial(_same, at)) == [0]


def test_the_next_file_is_looked_into_after_one_killed_its_process(exchange: Exchange) -> None:
    first = _sent(exchange, signed_pdf(plain_pdf(), exchange[GOVERNMENT_OFFICE].seal))
    assert _round(exchange.running) == [1]

    async def kill(node: Node) -> None:
        await node.readers.close()

    exchange.running.run(kill)
    second = _sent(exchange, signed_pdf(plain_pdf(), exchange[GOVERNMENT_OFFICE].seal))
    assert _round(exchange.running) == [1]
    assert [_view(exchange, each)["inspection"]["state"] for each in (first, second)] == ["done", "done"]


def test_a_round_that_died_leaves_a_document_that_is_due_again(exchange: Exchange) -> None:
    document = _sent(exchange, signed_pdf(plain_pdf(), exchange[GOVERNMENT_OFFICE].seal))

    async def taken_and_left(node: Node) -> None:
        at = clock.now()
        async with node.database.write() as tx:
            until = at + timedelta(seconds=2 * inspection.DOCUMENT_SECONDS_MAX)
            [row] = await inspections.claim(tx, at=at, until=until, limit=1)
        assert row.document == document

    exchange.running.run(taken_and_left)
    assert _round(exchange.running) == [0]
    later = clock.now() + timedelta(seconds=2 * inspection.DOCUMENT_SECONDS_MAX)

    async def settled_late(node: Node) -> bool:
        async with node.database.write() as tx:
            return await inspections.settle(tx, document, attempt=1, result={"pdfs": []}, at=later)

    assert _round(exchange.running, now=partial(_same, later)) == [1]
    # Who took it first and comes back after all finds that somebody else was there.
    assert not exchange.running.run(settled_late)
    assert len(_inspected(exchange, document)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inspections SET result = replace(result, '\"valid\"', '\"invalid\"')",
        "UPDATE inspections SET result = replace(result, 'approval', 'certification')",
        "UPDATE inspections SET result = '{}'",
        "UPDATE inspections SET state = 'failed' WHERE state = 'done'",
        "DELETE FROM inspections",
    ],
)
def test_a_changed_result_is_caught_by_the_check_of_the_log(exchange: Exchange, statement: str) -> None:
    async def found(node: Node) -> list[str]:
        return [each.step for each in (await check(node.database)).divergences]

    path = exchange.running.settings.database_url.removeprefix("sqlite:///")
    assert exchange.running.run(found) == []
    with sqlite3.connect(path) as connection:
        kept = connection.execute("SELECT * FROM inspections").fetchall()
        connection.execute(statement)
    assert set(exchange.running.run(found)) == {"(3) documents"}
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM inspections")
        connection.executemany(f"INSERT INTO inspections VALUES ({','.join('?' * len(kept[0]))})", kept)
    assert exchange.running.run(found) == []
