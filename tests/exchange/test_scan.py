"""Attachments are scanned before a document is accepted: what is found refuses it, silence is never taken for clean."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.edxml.model import Attachment, Reference
from app.ledger.seal import seal_all
from app.node import Node
from app.routers import clock
from tests.support.clamd import EICAR, SIGNATURE, Clamd, Mood, clamd
from tests.support.node import running_node
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, Exchange, created, exchange_on, refused, zipped
from tests.support.pdf import plain_pdf

UUID = "5f0c8a54-7a5f-4d0e-9a53-2f1de3b0c6a1"


@dataclass
class Guarded:
    """An exchange behind a scanner."""

    exchange: Exchange
    scanner: Clamd

    def send(self, *contents: str | bytes) -> Any:
        office = self.exchange[GOVERNMENT_OFFICE]
        paper = office.paper(PROVINCE, attachment=contents[0] if isinstance(contents[0], bytes) else b"%PDF-1.7 first")
        if isinstance(contents[0], str):
            attachment = Attachment("1", "a.bin", None, "application/zip", contents[0])
            paper = office.paper(
                PROVINCE, references=(Reference("1", "application/zip", None, "a.bin"),), attachments=(attachment,)
            )
        return office.system.send(office.signed(paper))


def _guarded(folder: Path, migrated: Path, **settings: Any) -> Iterator[Guarded]:
    shutil.copyfile(migrated, folder / "node.sqlite")
    with ExitStack() as stack:
        scanner = stack.enter_context(clamd())
        running = stack.enter_context(
            running_node(
                folder / "data",
                f"sqlite:///{folder / 'node.sqlite'}",
                log_level="error",
                scanner_address=scanner.address,
                **settings,
            )
        )
        yield Guarded(stack.enter_context(exchange_on(running, only=[GOVERNMENT_OFFICE, PROVINCE])), scanner)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Guarded]:
    yield from _guarded(tmp_path_factory.mktemp("strict"), migrated_sqlite, scanner_bytes_max=2_000_000)


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("lenient")
    yield from _guarded(folder, migrated_sqlite, scanner_unavailable="accept", scanner_bytes_max=2_000_000)


@pytest.fixture(autouse=True)
def _well(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for name in {"strict", "lenient"} & set(request.fixturenames):
        request.getfixturevalue(name).scanner.mood = Mood.WELL


def warnings(answer: Any) -> list[str]:
    codes = [each["code"] for each in created(answer)["verification"]["findings"]]
    return [code for code in codes if code.startswith("ours.scan.")]


def test_what_receivers_get_is_what_is_scanned(strict: Guarded) -> None:
    pdf = plain_pdf()
    assert warnings(strict.send(pdf)) == []
    assert strict.scanner.scanned[-1] == pdf
    created(strict.send(zipped(f"{UUID}.bin", b"\x00 unwrapped")))
    assert strict.scanner.scanned[-1] == b"\x00 unwrapped"


def test_malware_is_refused_by_name_and_leaves_an_event(strict: Guarded) -> None:
    for content in (b"%PDF-1.7 " + EICAR, zipped(f"{UUID}.bin", b"\x00" + EICAR)):
        answer = strict.send(content)
        assert refused(answer, 422, "document-refused") == ["ours.scan.malware"]
        [finding] = [each for each in answer.json()["findings"] if each["severity"] == "error"]
        assert SIGNATURE in finding["message"]
        assert finding["location"] == "/edXML/AttachmentEncoded/Attachment"

    async def seal(node: Node) -> None:
        await seal_all(node.database, now=clock.now())

    strict.exchange.running.run(seal)
    events = list(strict.exchange[GOVERNMENT_OFFICE].system.pages("/v1/outbox/refusals"))
    assert [each["codes"] for each in events[:2]] == [["ours.scan.malware"]] * 2


def test_a_document_refused_for_another_reason_is_not_scanned(strict: Guarded) -> None:
    office, before = strict.exchange[GOVERNMENT_OFFICE], len(strict.scanner.scanned)
    assert office.system.send(office.signed(office.paper("000.00.00.X99"))).status_code == 422
    assert len(strict.scanner.scanned) == before


def test_without_an_answer_nothing_is_accepted_and_the_sender_may_come_again(strict: Guarded) -> None:
    strict.scanner.mood = Mood.ERROR
    answer = strict.send(b"%PDF-1.7 clean")
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("/unavailable")
    strict.scanner.mood = Mood.WELL
    created(strict.send(b"%PDF-1.7 clean"))


def test_what_is_too_long_to_be_scanned_is_refused(strict: Guarded) -> None:
    assert refused(strict.send(b"%PDF-1.7 " + bytes(2_000_000)), 422, "document-refused") == ["ours.scan.too-long"]


def test_where_the_operator_takes_what_was_not_scanned_a_warning_says_so(lenient: Guarded) -> None:
    assert warnings(lenient.send(b"%PDF-1.7 clean")) == []
    assert warnings(lenient.send(b"%PDF-1.7 " + bytes(2_000_000))) == ["ours.scan.too-long"]
    lenient.scanner.mood = Mood.HALF
    assert warnings(lenient.send(b"%PDF-1.7 clean")) == ["ours.scan.not-scanned"]
    lenient.scanner.mood = Mood.WELL
    assert refused(lenient.send(b"%PDF-1.7 " + EICAR), 422, "document-refused") == ["ours.scan.malware"]
