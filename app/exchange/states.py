"""The state machine of one delivery: which business status may be reported when, by whom, and what it does.

Per (document, recipient) there are two things: `progress`, which only moves forward, and `change`, a withdrawal or
update the sender asked for and how the recipient answered. What people see as the state is the change where there is
one, else the progress.

No official table of transitions was found; the moves follow the behaviour of real clients and QĐ 28/2018/QĐ-TTg Đ8–9,
and lose nothing: late and repeated reports are kept and do not move a delivery backwards (ours, decision 0005).
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from app.edxml.model import StatusCode


class Progress(StrEnum):
    """How far a delivery came; the first seven in rank order, then the ends."""

    AVAILABLE = "available"
    """It lies in the recipient's inbox."""
    DELIVERED = "delivered"
    """The recipient's system took it over (acknowledged)."""
    ARRIVED = "arrived"
    """01 đã đến: the recipient's software has it."""
    RECEIVED = "received"
    """03 đã tiếp nhận: the clerk accepted it."""
    ASSIGNED = "assigned"
    """04 phân công: assigned for processing."""
    IN_PROGRESS = "in_progress"
    """05 đang xử lý: being processed."""
    COMPLETED = "completed"
    """06 hoàn thành: processing finished."""
    REFUSED = "refused"
    """02 từ chối tiếp nhận: sent back with a reason; an end."""
    WITHDRAWN = "withdrawn"
    """The recipient agreed to the withdrawal; an end."""
    EXPIRED = "expired"
    """It was not taken over in time; an end."""


class Change(StrEnum):
    """What the sender asked of a delivery, and the answer."""

    WITHDRAWAL_REQUESTED = "withdrawal_requested"
    """13 lấy lại: awaits 15 or 16."""
    UPDATE_REQUESTED = "update_requested"
    """An update document awaits 15 or 16."""
    ACCEPTED = "change_accepted"
    """15 to an update."""
    REFUSED = "change_refused"
    """16: the document stands as it was."""


class Party(StrEnum):
    """Who reports."""

    SENDER = "sender"
    """The agency that sent the document."""
    RECIPIENT = "recipient"
    """The agency the delivery is for."""


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """Where a delivery stands."""

    progress: Progress
    change: Change | None = None

    @property
    def shown(self) -> str:
        """The one word people and the API see."""
        return (self.change or self.progress).value

    @property
    def ended(self) -> bool:
        """Whether nothing moves it any more."""
        return self.progress in (Progress.REFUSED, Progress.WITHDRAWN, Progress.EXPIRED)

    @property
    def awaits_answer(self) -> bool:
        """Whether 15 or 16 is expected of the recipient."""
        return self.change in (Change.WITHDRAWAL_REQUESTED, Change.UPDATE_REQUESTED)


@dataclass(frozen=True, slots=True)
class Move:
    """What one status code means.

    Attributes:
        reporter: the only party that may report it.
        forward_to: the progress it stands for, None for codes that speak of a change.
        source: where the move comes from.
    """

    code: StatusCode
    reporter: Party
    forward_to: Progress | None
    source: str


MOVES: dict[StatusCode, Move] = {
    move.code: move
    for move in (
        Move(StatusCode.ARRIVED, Party.RECIPIENT, Progress.ARRIVED, "QĐ 28/2018/QĐ-TTg Đ9, Đ10.2.h: đã đến"),
        Move(StatusCode.REFUSED, Party.RECIPIENT, Progress.REFUSED, "QĐ 28/2018/QĐ-TTg Đ5.4, Đ10.2.h: từ chối nhận"),
        Move(StatusCode.RECEIVED, Party.RECIPIENT, Progress.RECEIVED, "QĐ 28/2018/QĐ-TTg Đ9, Đ10.2.h: đã tiếp nhận"),
        Move(StatusCode.ASSIGNED, Party.RECIPIENT, Progress.ASSIGNED, "QĐ 28/2018/QĐ-TTg Đ10.2.h: đã chuyển xử lý"),
        Move(StatusCode.IN_PROGRESS, Party.RECIPIENT, Progress.IN_PROGRESS, "QĐ 28/2018/QĐ-TTg Đ10.2.h: đang xử lý"),
        Move(StatusCode.COMPLETED, Party.RECIPIENT, Progress.COMPLETED, "QĐ 28/2018/QĐ-TTg Đ10.2.h: đã hoàn thành"),
        Move(StatusCode.WITHDRAWAL_REQUESTED, Party.SENDER, None, "QĐ 28/2018/QĐ-TTg Đ8, Đ10.2.h: thu hồi"),
        Move(StatusCode.CHANGE_ACCEPTED, Party.RECIPIENT, None, "QĐ 28/2018/QĐ-TTg Đ9: xác nhận thu hồi"),
        Move(StatusCode.CHANGE_REFUSED, Party.RECIPIENT, None, "ours, decision 0005, after the status samples"),
    )
}
"""Every move there is."""

_RANK = {
    Progress.AVAILABLE: 0,
    Progress.DELIVERED: 1,
    Progress.ARRIVED: 2,
    Progress.RECEIVED: 3,
    Progress.ASSIGNED: 4,
    Progress.IN_PROGRESS: 5,
    Progress.COMPLETED: 6,
}


def step(state: DeliveryState, code: StatusCode) -> DeliveryState | None:
    """Return where a report takes a delivery: the same state if late or repeated, None if it is not allowed."""
    if state.progress is Progress.WITHDRAWN:
        return state if code is StatusCode.CHANGE_ACCEPTED else None
    if state.progress is Progress.REFUSED:
        return state if code is StatusCode.REFUSED else None
    if state.progress is Progress.EXPIRED:
        return None
    match code:
        case StatusCode.WITHDRAWAL_REQUESTED:
            return replace(state, change=Change.WITHDRAWAL_REQUESTED)
        case StatusCode.CHANGE_ACCEPTED if state.awaits_answer:
            if state.change is Change.WITHDRAWAL_REQUESTED:
                return DeliveryState(Progress.WITHDRAWN)
            return replace(state, change=Change.ACCEPTED)
        case StatusCode.CHANGE_REFUSED if state.awaits_answer:
            return replace(state, change=Change.REFUSED)
        case StatusCode.CHANGE_ACCEPTED:
            return state if state.change is Change.ACCEPTED else None
        case StatusCode.CHANGE_REFUSED:
            return state if state.change is Change.REFUSED else None
        case StatusCode.REFUSED:
            return DeliveryState(Progress.REFUSED) if _RANK[state.progress] <= _RANK[Progress.ARRIVED] else None
        case _:
            return _forward(state, code)


def allowed_codes(state: DeliveryState, reporter: Party) -> tuple[StatusCode, ...]:
    """Return what this party may report now, repeats included."""
    return tuple(code for code, move in MOVES.items() if move.reporter is reporter and step(state, code) is not None)


def acknowledged(state: DeliveryState) -> DeliveryState:
    """Return where taking it over takes a delivery."""
    return replace(state, progress=Progress.DELIVERED) if state.progress is Progress.AVAILABLE else state


def _forward(state: DeliveryState, code: StatusCode) -> DeliveryState:
    reported = MOVES[code].forward_to
    assert reported is not None, f"{code} speaks of a change"
    if _RANK[reported] <= _RANK[state.progress]:
        return state
    # An answered change has been seen once the recipient goes on working; an open one stays until it is answered.
    return DeliveryState(reported, state.change if state.awaits_answer else None)
