"""What an edXML message says, in values: one document message, one status message and their parts.

Owns no XML and no rule. What a field cannot hold (a day that is no day) `read` refuses; what it can hold but should not
(a subject of 900 characters) the rules find. Numbers in brackets are those of the annex of QCVN 102:2016/BTTTT.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import Enum, IntEnum, StrEnum

from app.edxml.organ_id import OrganId
from app.markup import Run

VIETNAM = timezone(timedelta(hours=7), "ICT")
"""Zone of every time on the wire, where it is written without one (QĐ 28/2018/QĐ-TTg Đ14.4)."""


class DocumentKind(IntEnum):
    """What a document message does (BussinessDocType)."""

    NEW = 0
    """A new document (văn bản mới)."""
    REVOCATION = 1
    """Revokes a document sent before (thu hồi)."""
    UPDATE = 2
    """Changes a document sent before, or its list of receivers (cập nhật)."""
    REPLACEMENT = 3
    """Takes the place of documents sent before (thay thế)."""

    @property
    def slug(self) -> str:
        """Name in the API: `new`, `revocation`, `update`, `replacement`."""
        return self.name.lower()


class StatusCode(StrEnum):
    """What a status message reports."""

    ARRIVED = "01"
    """The receiver's software has it, nobody has handled it (đã đến)."""
    REFUSED = "02"
    """The receiver does not accept it, with a reason (từ chối tiếp nhận)."""
    RECEIVED = "03"
    """The receiver has accepted it (đã tiếp nhận)."""
    ASSIGNED = "04"
    """It is assigned to somebody (phân công)."""
    IN_PROGRESS = "05"
    """It is being worked on (đang xử lý)."""
    COMPLETED = "06"
    """The work on it is finished (hoàn thành)."""
    WITHDRAWAL_REQUESTED = "13"
    """The sender asks for it back, with a reason (lấy lại)."""
    CHANGE_ACCEPTED = "15"
    """The receiver agrees to the update or the request to give it back."""
    CHANGE_REFUSED = "16"
    """The receiver refuses the update or the request to give it back, with a reason."""

    @property
    def slug(self) -> str:
        """Name in the API, such as `in_progress`."""
        return self.name.lower()


class ReceiverChange(IntEnum):
    """What an update does to one receiver (ReceiverType)."""

    REMOVED = 0
    """The receiver is dropped from the list."""
    ADDED = 1
    """The receiver is added to the list."""


class Urgency(Enum):
    """Meaning of Priority; unknown numbers have none."""

    NORMAL = 0
    """Thường."""
    URGENT = 1
    """Khẩn."""
    VERY_URGENT = 2
    """Thượng khẩn."""
    EXPRESS = 3
    """Hỏa tốc."""
    EXPRESS_TIMED = 4
    """Hỏa tốc hẹn giờ."""


@dataclass(frozen=True, slots=True)
class Organization:
    """An agency as sender (1.1) or recipient (1.2).

    Attributes:
        in_charge: the authority above it, by name or by code.
    """

    organ_id: OrganId
    in_charge: str | None = None
    name: str | None = None
    address: str | None = None
    email: str | None = None
    telephone: str | None = None
    fax: str | None = None
    website: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentCode:
    """Số and ký hiệu of a document (1.3)."""

    number: str | None = None
    notation: str | None = None

    @property
    def text(self) -> str:
        """The code as people write it, `7816/VPCP-TTĐT`."""
        return "/".join(part for part in (self.number, self.notation) if part)


@dataclass(frozen=True, slots=True)
class DocumentType:
    """Loại văn bản (1.5).

    Attributes:
        group: Type on the wire; senders disagree on its meaning, so it decides nothing.
        detail: TypeDetail on the wire, likewise.
        name: what counts, see `document_types`.
    """

    group: int | None = None
    detail: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed the document itself (1.8).

    Attributes:
        competence: in whose name: TM., Q., KT., TL., TUQ.
    """

    competence: str | None = None
    position: str | None = None
    full_name: str | None = None


@dataclass(frozen=True, slots=True)
class Handling:
    """How the document is to be handled, and what else is said of it (1.11 OtherInfo).

    Attributes:
        priority: độ khẩn, 0 to 4; see `Urgency`.
        sphere: phạm vi lưu hành.
        typer_notation: ký hiệu người soạn thảo.
        copies: số lượng bản phát hành.
        pages: số trang.
        directive: văn bản chỉ đạo.
        reply_fors: codes of documents replied to; only the vendor library knows the element.
        reference_codes: codes of documents referred to; likewise.
        appendixes: names of appendixes.
    """

    priority: int | None = None
    sphere: str | None = None
    typer_notation: str | None = None
    copies: int | None = None
    pages: int | None = None
    directive: bool | None = None
    reply_fors: tuple[str, ...] = ()
    reference_codes: tuple[str, ...] = ()
    appendixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseFor:
    """The document that is answered or reported on (1.12).

    Attributes:
        organ_id: whose document; in a status message 13 the receiver that is asked.
        code: số and ký hiệu in one text.
    """

    organ_id: OrganId | None = None
    code: str | None = None
    promulgated_on: date | None = None
    document_id: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One hop the message has passed (2.1).

    Attributes:
        at: aware, UTC.
    """

    organ_id: OrganId | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Staff:
    """Who did it (StaffInfo): personal data of an official."""

    department: str | None = None
    department_id: str | None = None
    name: str | None = None
    staff_id: str | None = None
    email: str | None = None
    mobile: str | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """One change to the list of receivers."""

    organ_id: OrganId
    change: ReceiverChange


@dataclass(frozen=True, slots=True)
class Update:
    """What an update changes (BussinessDocumentInfo)."""

    document_changed: bool | None = None
    receivers_changed: bool | None = None
    receivers: tuple[Receiver, ...] = ()


@dataclass(frozen=True, slots=True)
class Replacement:
    """A document that is replaced, and for whom.

    Attributes:
        document_id: of the earlier document.
        organ_ids: the receivers concerned.
    """

    document_id: str
    organ_ids: tuple[OrganId, ...] = ()


@dataclass(frozen=True, slots=True)
class Business:
    """What the message does and why (2.2 Bussiness).

    Attributes:
        document_id: of the document revoked or updated.
        paper: whether a copy on paper follows.
    """

    kind: DocumentKind
    document_id: str | None = None
    reason: str | None = None
    paper: bool | None = None
    update: Update | None = None
    replacements: tuple[Replacement, ...] = ()
    staff: Staff | None = None


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An entry of ErrorList, which only messages of the SOAP era carry."""

    code: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """One line of the manifest.

    Attributes:
        content_id: without any `cid:`.
        content_type: of the attachment; the vendor library always writes application/zip here.
    """

    content_id: str | None = None
    content_type: str | None = None
    description: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels inside the message.

    Attributes:
        content_id: without any `cid:`.
        content_type: what the sender says; not to be relied on.
        content: base64 text of the file or of a ZIP around it; a `Run` where the text stayed in the source; None
            where the element is missing. Read it through `attachments`.
    """

    content_id: str | None = None
    name: str | None = None
    description: str | None = None
    content_type: str | None = None
    content: str | Run | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DocumentMessage:
    """A document on its way (loại "edoc").

    Attributes:
        sender: 1.1 From.
        recipients: 1.2 To, at least one.
        document_id: 1.14, unique for the sender.
        promulgated_at_place: 1.4 Place.
        promulgated_on: 1.4 PromulgationDate.
        subject: 1.6, trích yếu.
        content: 1.7, what it is about, in a few sentences.
        due_date: 1.9, until when an answer is expected.
        places: 1.10, nơi nhận as printed on the document.
        response_for: 1.12, documents this one answers.
        steering_type: 1.13, 0 to 3; no official meaning is known.
        task_codes: assigned tasks this document answers.
        application_type: which application made the message.
        traces: hops so far, as they were sent.
        business: None is the same as a new document.
    """

    sender: Organization
    recipients: tuple[Organization, ...]
    document_id: str
    code: DocumentCode = DocumentCode()
    promulgated_at_place: str | None = None
    promulgated_on: date | None = None
    document_type: DocumentType = DocumentType()
    subject: str | None = None
    content: str | None = None
    signer: Signer | None = None
    due_date: date | None = None
    places: tuple[str, ...] = ()
    handling: Handling = Handling()
    response_for: tuple[ResponseFor, ...] = ()
    steering_type: int | None = None
    task_codes: tuple[str, ...] = ()
    application_type: str | None = None
    traces: tuple[Trace, ...] = ()
    business: Business | None = None
    errors: tuple[ReportedError, ...] = ()
    references: tuple[Reference, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def kind(self) -> DocumentKind:
        """What the message does; new unless it says otherwise."""
        return self.business.kind if self.business else DocumentKind.NEW

    @property
    def priority(self) -> int:
        """Độ khẩn, 0 where it is not said."""
        return self.handling.priority or 0


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """A report on a document (loại "status"). There is no recipient: it goes to whom `response_for` names.

    Attributes:
        sender: who reports.
        response_for: the document reported on.
        status: what is reported.
        description: in words; the reason of a refusal.
        reported_at: aware, UTC.
    """

    sender: Organization
    response_for: ResponseFor
    status: StatusCode
    staff: Staff | None = None
    description: str | None = None
    reported_at: datetime | None = None


Message = DocumentMessage | StatusMessage
