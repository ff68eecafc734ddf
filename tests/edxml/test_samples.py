"""Messages of the shape real systems send are read without error, with the right fields.

`tests/vectors/shapes` holds synthetic ones in the vendor library's shape: its prefixes, order, line ends, zipped
attachment and unverifiable signature. Where the real samples lie beside the project they are read as well.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from app.edxml import rules
from app.edxml.attachments import inspect
from app.edxml.document_types import classify
from app.edxml.model import DocumentKind, DocumentMessage, ReceiverChange, StatusCode, StatusMessage
from app.edxml.read import read
from app.edxml.secrecy import find_mark
from app.edxml.write import write
from app.markup import FileSource, MarkupLimits, parse

ROOT = Path(__file__).parents[2]
FOLDERS = [
    folder for folder in (ROOT / "tests/vectors/shapes", ROOT.parent / "shared/domain/samples") if folder.is_dir()
]
CUTTING = MarkupLimits(splice_from_bytes=0, run_bytes_min=256)
AT = datetime(2026, 11, 22, 3, tzinfo=UTC)

G22, H41, H14, G17 = "000.00.00.G22", "000.00.00.H41", "000.00.00.H14", "000.00.00.G17"
DOCUMENT_ID = "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT"
EARLIER = "000.00.00.G22,2014/02/30,7806/VPCP-TTĐT"


@dataclass(frozen=True)
class Expected:
    kind: DocumentKind
    sender: str
    recipients: tuple[str, ...]
    code: str
    promulgated_on: date
    reason: str
    earlier: str | None = None
    receivers: tuple[tuple[str, ReceiverChange], ...] = ()
    replaced: tuple[str, ...] = ()
    answers: tuple[str | None, ...] = ()


DOCUMENTS = {
    "edoc_new.edxml": Expected(
        DocumentKind.NEW,
        "000.00.00.A80",
        ("28.22.H17",),
        "74fass22/VPCP-TTĐT",
        date(2019, 1, 16),
        "Văn bản điện tử mới",
        EARLIER,
    ),
    "edoc_revocation.edxml": Expected(
        DocumentKind.REVOCATION,
        G22,
        (H41, H14, G17),
        "7816/VPCP-TTĐT",
        date(2018, 9, 28),
        "Thu hồi văn bản điện tử",
        answers=("000.00.04.G14,2012/08/06,267/VPCP-TTĐT",),
    ),
    "edoc_update.edxml": Expected(
        DocumentKind.UPDATE,
        G22,
        (H41, H14, G17),
        "7816/VPCP-TTĐT",
        date(2018, 9, 28),
        "Cập nhật văn bản điện tử",
        EARLIER,
        receivers=((H41, ReceiverChange.REMOVED), (H14, ReceiverChange.ADDED)),
    ),
    "edoc_replacement.edxml": Expected(
        DocumentKind.REPLACEMENT,
        G22,
        (H41, H14, G17),
        "7816/VPCP-TTĐT",
        date(2018, 9, 28),
        "Văn bản thay thế",
        replaced=("000.00.00.G22,2014/01/30,7806/VPCP-TTĐT",) * 2,
    ),
}
STATUSES = {
    "status_inbox__01.edxml": StatusCode.ARRIVED,
    "status_rejection_02.edxml": StatusCode.REFUSED,
    "status_acceptance_03.edxml": StatusCode.RECEIVED,
    "status_assignment_04.edxml": StatusCode.ASSIGNED,
    "status_processing_05.edxml": StatusCode.IN_PROGRESS,
    "status_finish_06.edxml": StatusCode.COMPLETED,
    "status_cancellation_13.edxml": StatusCode.WITHDRAWAL_REQUESTED,
    "status_change-acceptance_15.edxml": StatusCode.CHANGE_ACCEPTED,
    "status_change-rejection_16.edxml": StatusCode.CHANGE_REFUSED,
}

folders = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
limits = pytest.mark.parametrize("limits", [MarkupLimits(), CUTTING], ids=["whole", "cut"])


def test_every_sample_is_expected() -> None:
    for folder in FOLDERS:
        assert {path.name for path in folder.glob("*.edxml")} == set(DOCUMENTS) | set(STATUSES)


@folders
@limits
@pytest.mark.parametrize("name", DOCUMENTS)
def test_document(folder: Path, name: str, limits: MarkupLimits) -> None:
    expected = DOCUMENTS[name]
    with FileSource(folder / name) as source:
        markup = parse(source, limits=limits)
        reading = read(markup)
        message = reading.message
        assert isinstance(message, DocumentMessage)
        attachments, unreadable = inspect(message, markup)
    assert not any(finding.refuses for finding in (*reading.findings, *rules.check(message, at=AT), *unreadable))
    assert find_mark(message) is None

    assert message.kind is expected.kind
    assert message.sender.organ_id.text == expected.sender
    assert message.sender.name
    assert tuple(recipient.organ_id.text for recipient in message.recipients) == expected.recipients
    assert message.document_id == DOCUMENT_ID
    assert message.code.text == expected.code
    assert message.promulgated_at_place == "Hà Nội"
    assert message.promulgated_on == expected.promulgated_on
    assert (message.document_type.group, message.document_type.detail) == (1, 0)
    assert classify(message.document_type.name) == "cong-van"
    assert message.subject
    assert message.content
    assert message.signer is not None
    assert message.signer.full_name
    assert message.due_date == date(2018, 9, 28)
    assert len(message.places) == 2
    assert (message.handling.priority, message.priority) == (0, 0)
    assert (message.handling.copies, message.handling.pages) == (2, 22)
    assert message.handling.directive is False
    assert len(message.handling.appendixes) == 1
    assert message.steering_type == 1

    assert [(trace.organ_id and trace.organ_id.text, trace.at) for trace in message.traces] == [
        (G22, datetime(2018, 9, 27, 17, tzinfo=UTC))
    ]
    business = message.business
    assert business is not None
    assert business.reason == expected.reason
    assert business.document_id == expected.earlier
    assert business.paper is False
    assert business.staff is not None
    assert business.staff.mobile
    receivers = business.update.receivers if business.update else ()
    assert tuple((receiver.organ_id.text, receiver.change) for receiver in receivers) == expected.receivers
    assert tuple(replacement.document_id for replacement in business.replacements) == expected.replaced
    assert all(len(replacement.organ_ids) == 2 for replacement in business.replacements)
    assert tuple(answer.document_id for answer in message.response_for) == expected.answers

    assert [reference.content_id for reference in message.references] == ["209"]
    (attachment,) = attachments
    assert attachment.content_id == "209"
    assert attachment.wrapped
    assert attachment.media_type == "application/xml"
    assert attachment.declared_type == "application/zip"


@folders
@pytest.mark.parametrize("name", STATUSES)
def test_status(folder: Path, name: str) -> None:
    with FileSource(folder / name) as source:
        reading = read(parse(source))
    message = reading.message
    assert reading.findings == ()
    assert isinstance(message, StatusMessage)
    assert rules.check(message, at=AT) == ()
    assert find_mark(message) is None

    withdrawal = STATUSES[name] is StatusCode.WITHDRAWAL_REQUESTED
    assert message.status is STATUSES[name]
    assert message.sender.organ_id.text == (G22 if withdrawal else H41)
    assert message.response_for.organ_id is not None
    assert message.response_for.organ_id.text == (H41 if withdrawal else G22)
    assert message.response_for.code == "7816/VPCP-TTĐT"
    assert message.response_for.promulgated_on == date(2015, 9, 30)
    assert message.response_for.document_id == DOCUMENT_ID
    assert message.staff is not None
    assert message.staff.department
    assert message.description
    assert message.reported_at == datetime(2015, 9, 20, 4, 8, 36, tzinfo=UTC)


@folders
@pytest.mark.parametrize("name", [*DOCUMENTS, *STATUSES])
def test_written_again_it_says_the_same(folder: Path, name: str) -> None:
    message = read(parse((folder / name).read_bytes())).message
    assert message is not None
    assert read(parse(write(message))).message == message
