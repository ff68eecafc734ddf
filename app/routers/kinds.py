"""The kinds of problem: for every error of the tree its HTTP status, what it means and how to mend it.

One table. A class without an entry of its own answers as its nearest ancestor does, under its own code and title.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app import errors
from app.errors import TrucError


@dataclass(frozen=True, slots=True)
class Kind:
    """What all problems of one code have in common.

    Attributes:
        code: stable slug, the last part of the problem type URI.
        status: HTTP status.
        meaning: English; what happened.
        fix: English; what the client, or the operator, does about it.
    """

    code: str
    status: int
    title: str
    title_vi: str
    meaning: str
    fix: str


@dataclass(frozen=True, slots=True)
class _Entry:
    status: int
    meaning: str
    fix: str


TABLE: dict[type[TrucError], _Entry] = {
    errors.SubmissionRejected: _Entry(
        422, "The message cannot be accepted as it is.", "Mend what the findings name and send it again."
    ),
    errors.MalformedMarkup: _Entry(
        400,
        "The body is not well-formed XML 1.0 in UTF-8; the finding says at which line and column reading stopped.",
        "Send the bytes your XML library wrote, unchanged and complete.",
    ),
    errors.DocumentTooLarge: _Entry(
        413,
        "The message is longer than this node takes. Nothing of it was kept.",
        "Send fewer or smaller attachments; the limit is the node's setting document_bytes_max.",
    ),
    errors.DigestMismatch: _Entry(
        400,
        "The body that arrived has another digest than its Content-Digest says (RFC 9530): it was damaged on the way.",
        "Send it again; compute the digest over exactly the bytes of the body.",
    ),
    errors.UnsupportedMediaType: _Entry(
        415,
        "The Content-Type is not one this call takes.",
        "Send the media type that the API description names for this call.",
    ),
    errors.DocumentRefused: _Entry(
        422,
        "A rule of the regulation, the signature, or the routing refused the message. The log has the refusal.",
        "Each finding names the rule, its source, the place and what to change; warnings did not refuse anything.",
    ),
    errors.SecretDocument: _Entry(
        422,
        "The message marks itself as a state secret. Only its digest was kept.",
        "Send secret documents by the way that the law on state secrets prescribes, never by this network.",
    ),
    errors.AccessRefused: _Entry(403, "The client may not do this.", "Ask the node's administrator for the grant."),
    errors.NotAuthenticated: _Entry(
        401,
        "There is no bearer token, or it is expired, forged, or of a client that was changed or disabled since.",
        "Get a token from POST /oauth2/token and send it as `Authorization: Bearer …`.",
    ),
    errors.InvalidClient: _Entry(
        401,
        "The client did not prove who it is at the token endpoint (RFC 6749 §5.2).",
        "Check client id and secret, or the assertion's key, audience and times; a lost secret can be rotated.",
    ),
    errors.ScopeMissing: _Entry(
        403,
        "The token does not carry the scope that this call needs.",
        "Ask for the scope when getting the token; if the client lacks it, the administrator grants it.",
    ),
    errors.AgencyNotGranted: _Entry(
        403,
        "The client does not act for the agency that it names.",
        "Use the client of that agency, or have the administrator add the agency to this client.",
    ),
    errors.RequestInvalid: _Entry(
        400, "A parameter, header, cursor or body cannot be used.", "Mend what the detail and the findings name."
    ),
    errors.NotAcceptable: _Entry(
        406,
        "None of the media types in the Accept header is offered by this call.",
        "Accept one of the media types that the API description lists for this call.",
    ),
    errors.RangeNotSatisfiable: _Entry(
        416,
        "The Range begins behind the end of the body; Content-Range gives its length.",
        "Ask for bytes below that length, or for the whole.",
    ),
    errors.TooManyRequests: _Entry(
        429, "The client comes too often.", "Wait as long as Retry-After says, then come again."
    ),
    errors.NotFound: _Entry(
        404,
        "There is no such thing, or it belongs to somebody else; both answer alike.",
        "Check the id, and that the client acts for the agency concerned.",
    ),
    errors.ContentPurged: _Entry(
        410,
        "The body was thrown away when its time was over; the finding says when and by which rule. What is known of "
        "it, its receipt, its history and its verification stay.",
        "Use your own copy; that it is what was sent is proven by its SHA-256 and the receipt.",
    ),
    errors.Conflict: _Entry(409, "The present state forbids the change.", "Read the present state, then decide anew."),
    errors.AlreadyExists: _Entry(
        409, "The code or digest is registered already.", "Change what exists instead of making it again."
    ),
    errors.DocumentIdTaken: _Entry(
        409,
        "The sender used this DocumentId before for other bytes; ids of documents are never used twice.",
        "A corrected document is a new one that names the old one as replaced or updated.",
    ),
    errors.TransitionNotAllowed: _Entry(
        409,
        "The delivery's state does not allow the status that was reported; the detail names state and allowed codes.",
        "Report one of the allowed status codes.",
    ),
    errors.PreconditionFailed: _Entry(
        412, "The resource changed since the version that If-Match names.", "Read it again and repeat the change on it."
    ),
    errors.IdempotencyKeyReused: _Entry(
        422, "The Idempotency-Key was used before for another request.", "Make a new key for every new request."
    ),
    errors.NodeFault: _Entry(
        500, "The node failed; the cause is in its log under the request id.", "Tell the operator the request id."
    ),
    errors.Unavailable: _Entry(
        503, "A part the node needs does not answer. Nothing was kept.", "Try again after Retry-After."
    ),
    errors.DataFault: _Entry(
        500, "What is stored contradicts itself; the log has the details.", "Tell the operator the request id."
    ),
}

MALFORMED_JSON = Kind(
    "malformed-json",
    400,
    "The body is not well-formed JSON",
    "Nội dung không phải JSON hợp lệ",
    "The body is not JSON in UTF-8 (RFC 8259); the finding says where reading stopped.",
    "Send the bytes your JSON library wrote.",
)
VALIDATION_FAILED = Kind(
    "validation-failed",
    422,
    "The request does not fit its description",
    "Yêu cầu không đúng cấu trúc",
    "Parameters or members of the body have a wrong type, are missing, too many, or out of range.",
    "Each finding names the place: a JSON pointer into the body, or the parameter.",
)
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed",
    405,
    "Method not allowed",
    "Phương thức không được phép",
    "The resource exists, but not for this method.",
    "Use one of the methods in the Allow header.",
)
CONTENT_TOO_LARGE = Kind(
    "content-too-large",
    413,
    "The body is too large",
    "Nội dung vượt quá dung lượng cho phép",
    "The body is longer than this call takes.",
    "Send less at once; the detail names the limit.",
)
_FRAMEWORK = (MALFORMED_JSON, VALIDATION_FAILED, METHOD_NOT_ALLOWED, CONTENT_TOO_LARGE)

FALLBACK = {
    400: errors.RequestInvalid,
    401: errors.NotAuthenticated,
    403: errors.AccessRefused,
    404: errors.NotFound,
    406: errors.NotAcceptable,
    415: errors.UnsupportedMediaType,
    503: errors.Unavailable,
}
"""The error that a bare HTTP status of the framework stands for."""


def kind_of(error: type[TrucError]) -> Kind:
    """Return the kind of a class of errors."""
    entry = next(TABLE[each] for each in error.__mro__ if each in TABLE)
    return Kind(error.code, entry.status, error.title, error.title_vi, entry.meaning, entry.fix)


def kind_of_status(status: int) -> Kind:
    """Return the kind that a bare status of the framework stands for."""
    for kind in _FRAMEWORK:
        if kind.status == status and kind not in (MALFORMED_JSON, VALIDATION_FAILED):
            return kind
    fallback = errors.RequestInvalid if 400 <= status < 500 else errors.NodeFault
    return kind_of(FALLBACK.get(status, fallback))


def all_kinds() -> dict[str, Kind]:
    """Return every kind by its code; abstract ones (without a code of their own) left out."""
    own = (error for error in _descendants(TrucError) if "code" in vars(error))
    return {kind.code: kind for kind in (*map(kind_of, own), *_FRAMEWORK)}


def _descendants(error: type[TrucError]) -> Iterator[type[TrucError]]:
    for child in error.__subclasses__():
        yield child
        yield from _descendants(child)
