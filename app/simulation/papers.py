"""Documents as a clerk's office makes them: made-up contents in the shape of real traffic.

Names of persons, subjects and files are synthetic. Everything random comes from the generator that is handed in, so a
seed gives the same papers again, but for keys and signatures.
"""

import base64
import io
import random
import re
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.edxml.model import (
    VIETNAM,
    Attachment,
    Business,
    DocumentCode,
    DocumentKind,
    DocumentMessage,
    DocumentType,
    Handling,
    Organization,
    Receiver,
    ReceiverChange,
    Reference,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    StatusCode,
    StatusMessage,
    Trace,
    Update,
)
from app.edxml.organ_id import OrganId
from app.edxml.vocabulary import NAMESPACE
from app.simulation.country import SimulatedAgency

KIB: Final = 1024
_PDF: Final = "application/pdf"

PERSONS: Final = ("Nguyễn Văn Mẫu", "Trần Thị Ví Dụ", "Lê Văn Giả Định", "Phạm Thị Thử", "Hoàng Văn Mô Phỏng")
"""Nobody's names."""

_TYPES: Final = (
    # name, abbreviation in the notation, how often
    ("Công văn", "", 40),
    ("Báo cáo", "BC", 14),
    ("Quyết định", "QĐ", 10),
    ("Thông báo", "TB", 9),
    ("Kế hoạch", "KH", 8),
    ("Giấy mời", "GM", 7),
    ("Tờ trình", "TTr", 5),
    ("Hướng dẫn", "HD", 3),
    ("Chỉ thị", "CT", 2),
    ("Công điện", "CĐ", 2),
)
_SUBJECTS: Final = (
    "V/v rà soát, cập nhật dữ liệu quý {quarter}",
    "V/v góp ý dự thảo quy chế phối hợp liên thông văn bản điện tử",
    "Báo cáo kết quả thực hiện nhiệm vụ tháng {month}",
    "Kế hoạch triển khai công tác tháng {month} năm {year}",
    "Thông báo kết luận cuộc họp giao ban tuần",
    "V/v đăng ký danh mục văn bản điện tử không gửi kèm bản giấy",
    "Giấy mời dự hội nghị trực tuyến sơ kết công tác chuyển đổi số",
    "V/v phòng, chống thiên tai và tìm kiếm cứu nạn năm {year}",
    "Quyết định ban hành quy trình xử lý văn bản đến trên môi trường điện tử",
    "V/v cử đầu mối phối hợp kiểm tra an toàn thông tin",
    "Tờ trình về việc phê duyệt chủ trương đầu tư (bản mô phỏng)",
    "V/v báo cáo tình hình thực hiện chế độ báo cáo định kỳ",
)
_REASONS: Final = {
    DocumentKind.NEW: "Văn bản điện tử mới",
    DocumentKind.REVOCATION: "Văn bản ban hành nhầm thẩm quyền, đề nghị thu hồi",
    DocumentKind.UPDATE: "Cập nhật nội dung và danh sách nơi nhận",
    DocumentKind.REPLACEMENT: "Thay thế văn bản có sai sót về nội dung",
}


class Spelling(StrEnum):
    """How a system writes its XML; receivers must not care."""

    PLAIN = "plain"
    """One default namespace, no prefix."""
    VENDOR = "vendor"
    """The envelope under a prefix, root and attachments without, as the vendor library writes it."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What one system always does in its own way.

    Attributes:
        old_codes: addresses agencies by the thirteen-character form of their codes.
        zips: puts each file into a ZIP, as the vendor library does.
        legal_ids: makes DocumentId of agency, year and serial (QĐ 28/2018/QĐ-TTg Đ10.2.b) instead of the vendor's form.
    """

    spelling: Spelling
    old_codes: bool
    zips: bool
    legal_ids: bool

    def code_of(self, agency: SimulatedAgency) -> str:
        """The code this system writes for an agency."""
        return agency.old_code if self.old_codes else agency.code


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file to be attached."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """What a document is to be about, before it has a number.

    Attributes:
        addressees: agencies, each with the code it is addressed by.
        concerns: the own earlier document that is revoked, updated or replaced.
        answers: the document this is the reply to.
        sizes: about how many bytes each attached file has.
        number: số of the document; None takes the next one.
        mark: put behind the subject; for documents that are to be refused.
    """

    sender: SimulatedAgency
    addressees: tuple[tuple[SimulatedAgency, str], ...]
    kind: DocumentKind = DocumentKind.NEW
    concerns: DocumentMessage | None = None
    answers: ResponseFor | None = None
    sizes: tuple[int, ...] = (24 * KIB,)
    number: int | None = None
    mark: str = ""


def compose(draft: Draft, habits: Habits, *, number: int, at: datetime, rng: random.Random) -> DocumentMessage:
    """Make the message of a draft.

    Args:
        number: số of the document, unique for its sender.
        at: when it is issued.
    """
    sender, day = draft.sender, at.astimezone(VIETNAM).date()
    type_name, abbreviation, _ = rng.choices(_TYPES, weights=[weight for *_, weight in _TYPES])[0]
    notation = f"{abbreviation}-{sender.notation}" if abbreviation else sender.notation
    code = DocumentCode(str(number), notation[:30])
    subject = rng.choice(_SUBJECTS).format(quarter=(day.month + 2) // 3, month=day.month, year=day.year)
    priority = rng.choices((0, 1, 2, 3, 4), weights=(80, 10, 5, 3, 2))[0]
    sized = [_enclosure(code, index, size, day, rng) for index, size in enumerate(draft.sizes, start=1)]
    attached = [_attached(each, rng, zipped=habits.zips) for each in sized]
    own_code = habits.code_of(sender)
    return DocumentMessage(
        sender=organization(sender, own_code),
        recipients=tuple(organization(agency, written) for agency, written in draft.addressees),
        document_id=f"{own_code},{day.year},{number}" if habits.legal_ids else f"{own_code},{day:%Y/%m/%d},{code.text}",
        code=code,
        promulgated_at_place=sender.seat,
        promulgated_on=day,
        document_type=DocumentType(2, None, type_name),
        subject=f"{subject}{draft.mark}",
        content=subject,
        signer=Signer(
            rng.choice(("TM.", "KT.", "TL.", "TUQ.")), rng.choice(("Chủ tịch", "Chánh Văn phòng")), rng.choice(PERSONS)
        ),
        due_date=day + timedelta(days=rng.choice((3, 7, 15))) if rng.random() < 0.5 else None,
        places=("Như trên", "Lưu: VT"),
        handling=Handling(priority=priority, copies=1, pages=rng.randint(1, 40), directive=rng.random() < 0.1),
        response_for=(draft.answers,) if draft.answers else (),
        steering_type=rng.choice((0, 1)),
        traces=(Trace(OrganId.parse(own_code), at.replace(microsecond=0)),),
        business=_business(draft, rng),
        references=tuple(reference for reference, _ in attached),
        attachments=tuple(attachment for _, attachment in attached),
    )


def report(
    reporter: SimulatedAgency,
    written: str,
    about: ResponseFor,
    status: StatusCode,
    *,
    at: datetime,
    rng: random.Random,
    reason: str | None = None,
) -> StatusMessage:
    """Make a status message.

    Args:
        written: the code the reporter writes for itself.
        about: the document reported on; for 13, with the recipient that is asked in OrganId.
    """
    return StatusMessage(
        sender=organization(reporter, written),
        response_for=about,
        status=status,
        staff=Staff(department="Văn thư", name=rng.choice(PERSONS), email=reporter.email),
        description=reason or f"{reporter.name}: cập nhật trạng thái {status.value}",
        reported_at=at.replace(microsecond=0),
    )


def response_for(document: DocumentMessage, owner: str | None = None) -> ResponseFor:
    """Point to a document.

    Args:
        owner: OrganId to be written; the document's sender if None.
    """
    return ResponseFor(
        organ_id=OrganId.parse(owner) if owner else document.sender.organ_id,
        code=document.code.text,
        promulgated_on=document.promulgated_on,
        document_id=document.document_id,
    )


def organization(agency: SimulatedAgency, written: str) -> Organization:
    """Make the entry of an agency as sender or recipient."""
    return Organization(OrganId.parse(written), in_charge=agency.parent, name=agency.name, email=agency.email)


def respell(document: bytes, spelling: Spelling) -> bytes:
    """Write the same document as another system would; before it is signed."""
    if spelling is Spelling.PLAIN:
        return document
    head, opening, rest = document.partition(b"<edXMLEnvelope>")
    envelope, closing, tail = rest.partition(b"</edXMLEnvelope>")
    prefixed = re.sub(rb"<(/?)([A-Za-z])", rb"<\1edXML:\2", opening + envelope + closing)
    declared = b'<edXML:edXMLEnvelope xmlns:edXML="%b">' % NAMESPACE.encode()
    return head + prefixed.replace(b"<edXML:edXMLEnvelope>", declared, 1) + tail


def pdf(title: str, size: int, rng: random.Random) -> bytes:
    """Make a small PDF of about so many bytes: one empty page, and an unused stream for the weight."""
    filler = rng.randbytes(max(size - 700, 16))
    heading = title.encode("ascii", "replace").translate(bytes.maketrans(b"()\\", b"[]/"))
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
        b"<< /Title (%b) /Producer (simulation) >>" % heading,
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(filler), filler),
    )
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    out.write(b"trailer << /Size %d /Root 1 0 R /Info 4 0 R >>\n" % (len(objects) + 1))
    out.write(b"startxref\n%d\n%%%%EOF\n" % table)
    return out.getvalue()


def _enclosure(code: DocumentCode, index: int, size: int, day: date, rng: random.Random) -> Enclosure:
    stem = f"{code.number}-{day:%Y%m%d}" if index == 1 else f"{code.number}-phu-luc-{index - 1}"
    return Enclosure(f"{stem}.pdf", pdf(stem, size, rng))


def _attached(enclosure: Enclosure, rng: random.Random, *, zipped: bool) -> tuple[Reference, Attachment]:
    content_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    content = enclosure.content
    if zipped:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(zipfile.ZipInfo(f"{content_id}.pdf"), content)
        content = packed.getvalue()
    return (
        Reference(content_id, _PDF, None, enclosure.name),
        Attachment(
            content_id,
            enclosure.name,
            None,
            "application/zip" if zipped else _PDF,
            base64.b64encode(content).decode("ascii"),
        ),
    )


def _business(draft: Draft, rng: random.Random) -> Business:
    concerned = draft.concerns.document_id if draft.concerns else None
    receivers = _receivers(draft.addressees) if draft.kind is DocumentKind.UPDATE else None
    replaced: Sequence[Replacement] = ()
    if draft.kind is DocumentKind.REPLACEMENT and concerned is not None:
        replaced = (Replacement(concerned, tuple(OrganId.parse(written) for _, written in draft.addressees)),)
    return Business(
        kind=draft.kind,
        document_id=concerned if draft.kind in (DocumentKind.REVOCATION, DocumentKind.UPDATE) else None,
        reason=_REASONS[draft.kind],
        paper=rng.random() < 0.08,
        update=receivers,
        replacements=tuple(replaced),
        staff=Staff(department="Văn thư", name=rng.choice(PERSONS), email=draft.sender.email),
    )


def _receivers(addressees: Sequence[tuple[SimulatedAgency, str]]) -> Update:
    added = tuple(Receiver(OrganId.parse(written), ReceiverChange.ADDED) for _, written in addressees)
    return Update(document_changed=True, receivers_changed=True, receivers=added)
