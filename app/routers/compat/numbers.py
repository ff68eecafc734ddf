"""ErrorCode and ErrorDesc: what went wrong, as the older protocols say it.

The numbers of the national axis are not published. Those of one province's guide (HuongDanKetNoiLienThongVB v2.2) are
used as far as they go; where it has none, the answer carries the HTTP status that REST v1 gives (ours, decision 0027).
Clients tell nothing apart but "0" and everything else; people read the text.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app import errors
from app.errors import TrucError
from app.findings import Finding
from app.routers import kinds

INVALID_FILE: Final = "10"
NOT_THIS_SYSTEM: Final = "15"
RECEIVER_UNKNOWN: Final = "18"
SENDER_NOT_REGISTERED: Final = "19"
SERVER_ERROR: Final = "20"
FILE_NOT_TAKEN: Final = "21"
EDXML_NOT_TO_STANDARD: Final = "22"
RECEIVER_LOCKED: Final = "23"

BY_FINDING: Final = {
    "ours.route.recipient-unknown": RECEIVER_UNKNOWN,
    "ours.route.code-not-in-force": RECEIVER_UNKNOWN,
    "ours.route.recipient-closed": RECEIVER_UNKNOWN,
    "ours.route.recipient-suspended": RECEIVER_LOCKED,
    "ours.route.sender-code-not-in-force": SENDER_NOT_REGISTERED,
    "ours.route.sender-suspended": SENDER_NOT_REGISTERED,
    "ours.route.sender-closed": SENDER_NOT_REGISTERED,
}
"""Numbers that hang on which rule refused; the first refusing finding decides."""

BY_ERROR: Final[dict[type[TrucError], str]] = {
    errors.DocumentRefused: EDXML_NOT_TO_STANDARD,
    errors.SubmissionRejected: INVALID_FILE,
    errors.SecretDocument: FILE_NOT_TAKEN,
    errors.NotAuthenticated: NOT_THIS_SYSTEM,
    errors.InvalidClient: NOT_THIS_SYSTEM,
    errors.AgencyNotGranted: SENDER_NOT_REGISTERED,
    errors.DocumentIdTaken: FILE_NOT_TAKEN,
    errors.TransitionNotAllowed: FILE_NOT_TAKEN,
    errors.NodeFault: SERVER_ERROR,
}
"""Numbers by what was raised; an error takes that of its nearest ancestor here, else the HTTP status of REST v1."""

TEXT_LENGTH_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Failure:
    """What is answered instead of what was asked for.

    Attributes:
        number: ErrorCode.
        text: ErrorDesc, ASCII.
    """

    number: str
    text: str


def failure_of(error: TrucError) -> Failure:
    """Say an error as the older protocols do: its Vietnamese title, then what refused and what to change."""
    refusing = [finding for finding in error.findings if finding.refuses]
    return Failure(_number(error, refusing), ascii_of(_text(error, refusing))[:TEXT_LENGTH_MAX])


def ascii_of(text: str) -> str:
    """Write Vietnamese without its marks, and anything else that is not ASCII as a question mark.

    Readers decode answers in whatever their locale is; the axis' own server avoids the question in the same way.
    """
    plain = unicodedata.normalize("NFD", text.translate(_PLAIN))
    kept = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return "".join(sign if " " <= sign <= "~" else "?" for sign in kept)


_PLAIN: Final = str.maketrans(
    {"đ": "d", "Đ": "D", "–": "-", "—": "-", "…": "...", "“": '"', "”": '"', "’": "'", "‘": "'"}
    | {"\t": " ", "\r": " ", "\n": " ", "§": " "}
)


def _number(error: TrucError, refusing: Sequence[Finding]) -> str:
    for finding in refusing:
        if finding.code in BY_FINDING:
            return BY_FINDING[finding.code]
    for kind in type(error).__mro__:
        if kind in BY_ERROR:
            return BY_ERROR[kind]
    return str(kinds.kind_of(type(error)).status)


def _text(error: TrucError, refusing: Sequence[Finding]) -> str:
    if isinstance(error, errors.NodeFault):
        # What broke is in the log, and nobody else's business.
        return f"{error.title_vi}."
    if not refusing:
        return f"{error.title_vi}: {error.detail}"
    told = "; ".join(f"[{each.code}] {each.message} -> {each.fix}" for each in refusing)
    return f"{error.title_vi}: {told}"
