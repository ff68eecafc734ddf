"""Everything that can go wrong, by whose fault it is.

    TrucError
    ├── SubmissionRejected            the sender's: the bytes must change before they can be accepted
    │   ├── MalformedMarkup           not well-formed XML
    │   ├── DocumentTooLarge          more bytes than the node takes
    │   ├── DigestMismatch            Content-Digest does not match what arrived
    │   ├── UnsupportedMediaType      not declared as XML
    │   ├── DocumentRefused           a rule, the signature or the routing refused it; see the findings
    │   └── SecretDocument            marked as a state secret; nothing of it but the digest is kept
    ├── AccessRefused                 the client's: who it is or what it may do
    │   ├── NotAuthenticated          no token, or one that does not hold
    │   ├── InvalidClient             the token request does not authenticate
    │   ├── ScopeMissing              the token lacks the scope of this call
    │   └── AgencyNotGranted          the client does not act for this agency
    ├── RequestInvalid                the request's form: parameter, cursor, header, body
    │   ├── NotAcceptable             none of the forms the client accepts is offered
    │   └── RangeNotSatisfiable       the range begins behind the end of the body
    ├── TooManyRequests               the client comes too often; it says when to come again
    ├── NotFound                      unknown, or somebody else's: both alike
    ├── ContentPurged                 the body is gone by the rules of retention; all else of it stays
    ├── Conflict                      the state of things forbids it
    │   ├── AlreadyExists             the key is taken by something else
    │   ├── DocumentIdTaken           same sender and DocumentId, other bytes
    │   ├── TransitionNotAllowed      the delivery cannot make this move
    │   ├── PreconditionFailed        If-Match names an older version
    │   └── IdempotencyKeyReused      the key was used for another request
    └── NodeFault                     ours: try again later
        ├── Unavailable               a part the node needs does not answer
        └── DataFault                 what is stored contradicts itself

Inside the node errors are raised; `routers.problems` alone turns them into answers. Texts are for the person who has to
mend the cause: the message names the offending value, shortened.
"""

from collections.abc import Iterable
from typing import ClassVar

from app.findings import Finding


class TrucError(Exception):
    """Root of the tree; never raised itself.

    Attributes:
        code: stable slug, the last part of the problem type URI.
        title: English, the same for every instance.
        title_vi: the same in Vietnamese.
        findings: what the rules found, when rules decided.
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"
    title_vi: ClassVar[str] = "Lỗi"

    def __init__(self, detail: str, *, findings: Iterable[Finding] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.findings = tuple(findings)


class SubmissionRejected(TrucError):
    """The bytes cannot be accepted as they are."""


class MalformedMarkup(SubmissionRejected):
    """The bytes are not well-formed XML."""

    code = "malformed-xml"
    title = "The body is not well-formed XML"
    title_vi = "Nội dung không phải XML hợp lệ"


class DocumentTooLarge(SubmissionRejected):
    """The body is longer than the node takes."""

    code = "document-too-large"
    title = "The document is too large"
    title_vi = "Văn bản vượt quá dung lượng cho phép"


class DigestMismatch(SubmissionRejected):
    """The body differs from the Content-Digest that was sent with it (RFC 9530)."""

    code = "digest-mismatch"
    title = "The body does not match its Content-Digest"
    title_vi = "Nội dung không khớp giá trị băm kèm theo"


class UnsupportedMediaType(SubmissionRejected):
    """The body is declared as something this call does not take."""

    code = "unsupported-media-type"
    title = "Unsupported media type"
    title_vi = "Kiểu nội dung không được hỗ trợ"


class DocumentRefused(SubmissionRejected):
    """Rules, signature or routing refused the message; the findings say which and why."""

    code = "document-refused"
    title = "The document was refused"
    title_vi = "Văn bản bị từ chối"


class SecretDocument(SubmissionRejected):
    """The document marks itself as a state secret (QĐ 28/2018/QĐ-TTg Đ1.2)."""

    code = "secret-document"
    title = "Secret documents must not enter this network"
    title_vi = "Văn bản chứa bí mật nhà nước không được gửi qua trục"


class AccessRefused(TrucError):
    """The client may not do this."""


class NotAuthenticated(AccessRefused):
    """No bearer token, or one that is expired, forged or of a disabled client."""

    code = "not-authenticated"
    title = "Authentication is required"
    title_vi = "Cần xác thực"


class InvalidClient(AccessRefused):
    """The client did not authenticate at the token endpoint (RFC 6749 §5.2)."""

    code = "invalid-client"
    title = "Client authentication failed"
    title_vi = "Xác thực hệ thống không thành công"


class ScopeMissing(AccessRefused):
    """The token does not carry the scope of this call."""

    code = "scope-missing"
    title = "The token lacks a required scope"
    title_vi = "Không đủ quyền"


class AgencyNotGranted(AccessRefused):
    """The client does not act for the agency it names."""

    code = "agency-not-granted"
    title = "The client does not act for this agency"
    title_vi = "Hệ thống không được đại diện cho cơ quan này"


class RequestInvalid(TrucError):
    """A parameter, header, cursor or JSON body is not usable."""

    code = "request-invalid"
    title = "The request is not valid"
    title_vi = "Yêu cầu không hợp lệ"


class NotAcceptable(RequestInvalid):
    """None of the media types in Accept is one this call can answer in (RFC 9110 §15.5.7)."""

    code = "not-acceptable"
    title = "No acceptable form of the answer"
    title_vi = "Không có định dạng trả lời phù hợp"


class TooManyRequests(TrucError):
    """The client comes too often (RFC 6585 §4).

    Attributes:
        retry_after_seconds: when to come again.
    """

    code = "too-many-requests"
    title = "Too many requests"
    title_vi = "Quá nhiều yêu cầu"

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class RangeNotSatisfiable(RequestInvalid):
    """The Range begins behind the end of the body (RFC 9110 §15.5.17).

    Attributes:
        size: length of the body in bytes.
    """

    code = "range-not-satisfiable"
    title = "The range is behind the end of the body"
    title_vi = "Khoảng dữ liệu yêu cầu nằm ngoài nội dung"

    def __init__(self, detail: str, *, size: int) -> None:
        super().__init__(detail)
        self.size = size


class NotFound(TrucError):
    """There is no such thing, or it belongs to somebody else: both answer alike."""

    code = "not-found"
    title = "Not found"
    title_vi = "Không tìm thấy"


class ContentPurged(TrucError):
    """The body was thrown away by the rules of retention; record, receipt and history stay."""

    code = "content-purged"
    title = "The content is not kept any more"
    title_vi = "Nội dung đã được hủy do hết thời hạn lưu"


class Conflict(TrucError):
    """The present state forbids the change."""

    code = "conflict"
    title = "The request conflicts with the present state"
    title_vi = "Yêu cầu mâu thuẫn với trạng thái hiện tại"


class AlreadyExists(Conflict):
    """The key is taken by something else."""

    code = "already-exists"
    title = "It already exists"
    title_vi = "Đã tồn tại"


class DocumentIdTaken(Conflict):
    """The sender used this DocumentId before, for other bytes."""

    code = "document-id-taken"
    title = "This DocumentId was already used for other content"
    title_vi = "Mã định danh văn bản đã được dùng cho nội dung khác"


class TransitionNotAllowed(Conflict):
    """The delivery's state does not allow the reported status."""

    code = "transition-not-allowed"
    title = "The status is not allowed in the present state"
    title_vi = "Trạng thái xử lý không phù hợp với trạng thái hiện tại"


class PreconditionFailed(Conflict):
    """If-Match names a version that is no longer the current one (RFC 9110 §13.1.1)."""

    code = "precondition-failed"
    title = "The resource has changed since it was read"
    title_vi = "Dữ liệu đã thay đổi kể từ lần đọc trước"


class IdempotencyKeyReused(Conflict):
    """The Idempotency-Key belongs to another request of this client."""

    code = "idempotency-key-reused"
    title = "The Idempotency-Key was used for another request"
    title_vi = "Idempotency-Key đã dùng cho yêu cầu khác"


class NodeFault(TrucError):
    """The node's own fault; nothing the client can mend."""

    code = "node-fault"
    title = "Internal error"
    title_vi = "Lỗi hệ thống"


class Unavailable(NodeFault):
    """A part the node needs does not answer; try again later."""

    code = "unavailable"
    title = "Temporarily unavailable"
    title_vi = "Tạm thời không phục vụ được"


class DataFault(NodeFault):
    """What is stored contradicts itself."""

    code = "data-fault"
    title = "Stored data is inconsistent"
    title_vi = "Dữ liệu lưu trữ không nhất quán"
