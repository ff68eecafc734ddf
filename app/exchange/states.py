"""The state machine of one delivery: what may happen when, by whom, and where it leads, as one table.

Per (document, recipient) there are two things: `progress`, which only moves forward, and `change`, a withdrawal or
update the sender asked for and how the recipient answered. What people see as the state is the change where there is
one, else the progress.

No official table of transitions was found; the moves follow the behaviour of real clients and QĐ 28/2018/QĐ-TTg Đ8–9,
and lose nothing: late and repeated reports are kept and do not move a delivery backwards (ours, decisions 0005 and
0008).
"""

from collections.abc import Collection
from dataclasses import dataclass
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
    """The recipient agreed to the withdrawal, or a rule withdrew it at once; an end."""
    EXPIRED = "expired"
    """It was not taken over in time; an end."""


class Change(StrEnum):
    """What the sender asked of a delivery, and the answer."""

    WITHDRAWAL_REQUESTED = "withdrawal_requested"
    """13 lấy lại, a revocation, or an update that drops the recipient: awaits 15 or 16."""
    UPDATE_REQUESTED = "update_requested"
    """An update document awaits 15 or 16."""
    ACCEPTED = "change_accepted"
    """15 to an update."""
    REFUSED = "change_refused"
    """16: the document stands as it was."""


class Party(StrEnum):
    """Who moves a delivery."""

    SENDER = "sender"
    """The agency that sent the document, or its successor."""
    RECIPIENT = "recipient"
    """The agency the delivery is for, or its successor."""
    NODE = "node"
    """The node by itself, when time has passed."""


class Act(StrEnum):
    """What moves a delivery without a status message."""

    ACKNOWLEDGE = "acknowledge"
    """The recipient's system takes it over."""
    ASK_WITHDRAWAL = "ask_withdrawal"
    """A revocation, or an update that drops the recipient, asks for the document back."""
    WITHDRAW = "withdraw"
    """The same where the rule in force does not wait for an answer."""
    ASK_UPDATE = "ask_update"
    """An update, or a replacement where the rule in force waits for an answer, asks to put itself in its place."""
    SUPERSEDE = "supersede"
    """A replacement, or an update where the rule in force does not wait, takes its place."""
    EXPIRE = "expire"
    """Nobody fetched it in time."""


Cause = StatusCode | Act
"""What can happen to a delivery."""


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
        return self.progress in _ENDS

    @property
    def awaits_answer(self) -> bool:
        """Whether 15 or 16 is expected of the recipient."""
        return self.change in _PENDING

    @property
    def fetched(self) -> bool:
        """Whether the recipient has it: it was acknowledged, or a report says so."""
        return self.progress in _RANKED[1:]


class Stays(StrEnum):
    """In place of a target: nothing moves there."""

    STAYS = "stays"
    """As it was."""


_STAYS = Stays.STAYS
_ENDS = (Progress.REFUSED, Progress.WITHDRAWN, Progress.EXPIRED)
_RANKED = tuple(progress for progress in Progress if progress not in _ENDS)
_PENDING = (Change.WITHDRAWAL_REQUESTED, Change.UPDATE_REQUESTED)
_ANSWERED = (None, Change.ACCEPTED, Change.REFUSED)
_ANY = (*_ANSWERED, *_PENDING)


@dataclass(frozen=True, slots=True)
class Move:
    """One line of the table.

    Attributes:
        cause: what happens.
        by: the only party by whom it may happen.
        progress: where the delivery may stand for this line to hold.
        change: what may be asked or answered for this line to hold; None among them: nothing.
        to_progress: how far it comes.
        to_change: what is asked or answered afterwards.
        source: where the line comes from.
    """

    cause: Cause
    by: Party
    progress: Collection[Progress]
    change: Collection[Change | None]
    to_progress: Progress | Stays
    to_change: Change | Stays | None
    source: str

    def holds_for(self, state: DeliveryState) -> bool:
        """Whether this line speaks of a delivery in this state."""
        return state.progress in self.progress and state.change in self.change

    def after(self, state: DeliveryState) -> DeliveryState:
        """Return where it takes a delivery."""
        return DeliveryState(
            state.progress if isinstance(self.to_progress, Stays) else self.to_progress,
            state.change if isinstance(self.to_change, Stays) else self.to_change,
        )


def _forward(code: StatusCode, reached: Progress, source: str) -> tuple[Move, ...]:
    rank = _RANKED.index(reached)
    before, beyond = _RANKED[:rank], _RANKED[rank:]
    return (
        # An answered change has been seen once the recipient goes on working; an open one stays until it is answered.
        Move(code, Party.RECIPIENT, before, _ANSWERED, reached, None, source),
        Move(code, Party.RECIPIENT, before, _PENDING, reached, _STAYS, source),
        Move(code, Party.RECIPIENT, beyond, _ANY, _STAYS, _STAYS, f"{source}; late or repeated: ours, decision 0005"),
    )


_LAW = "QĐ 28/2018/QĐ-TTg"
_BEFORE_ACCEPTANCE = _RANKED[: _RANKED.index(Progress.RECEIVED)]
_ASK_BACK = (Change.UPDATE_REQUESTED, *_ANSWERED)
_C = StatusCode

MOVES: tuple[Move, ...] = (
    *_forward(_C.ARRIVED, Progress.ARRIVED, f"{_LAW} Đ9, Đ10.2.h: đã đến"),
    Move(
        _C.REFUSED,
        Party.RECIPIENT,
        _BEFORE_ACCEPTANCE,
        _ANY,
        Progress.REFUSED,
        None,
        f"{_LAW} Đ5.4, Đ10.2.h: từ chối nhận; not after 03: ours, decision 0005",
    ),
    Move(_C.REFUSED, Party.RECIPIENT, (Progress.REFUSED,), (None,), _STAYS, _STAYS, "repeated: ours, decision 0005"),
    *_forward(_C.RECEIVED, Progress.RECEIVED, f"{_LAW} Đ9, Đ10.2.h: đã tiếp nhận"),
    *_forward(_C.ASSIGNED, Progress.ASSIGNED, f"{_LAW} Đ10.2.h: đã chuyển xử lý"),
    *_forward(_C.IN_PROGRESS, Progress.IN_PROGRESS, f"{_LAW} Đ10.2.h: đang xử lý"),
    *_forward(_C.COMPLETED, Progress.COMPLETED, f"{_LAW} Đ10.2.h: đã hoàn thành"),
    Move(
        _C.WITHDRAWAL_REQUESTED,
        Party.SENDER,
        _RANKED,
        _ASK_BACK,
        _STAYS,
        Change.WITHDRAWAL_REQUESTED,
        f"{_LAW} Đ8, Đ10.2.h: thu hồi; again after 16: ours, decision 0005",
    ),
    Move(
        _C.WITHDRAWAL_REQUESTED,
        Party.SENDER,
        _RANKED,
        (Change.WITHDRAWAL_REQUESTED,),
        _STAYS,
        _STAYS,
        "repeated: ours, decision 0005",
    ),
    Move(
        _C.CHANGE_ACCEPTED,
        Party.RECIPIENT,
        _RANKED,
        (Change.WITHDRAWAL_REQUESTED,),
        Progress.WITHDRAWN,
        None,
        f"{_LAW} Đ9: hủy bỏ và xác nhận thu hồi",
    ),
    Move(
        _C.CHANGE_ACCEPTED,
        Party.RECIPIENT,
        _RANKED,
        (Change.UPDATE_REQUESTED,),
        _STAYS,
        Change.ACCEPTED,
        "ours, decision 0008, after the names of the status samples: đồng ý cập nhật",
    ),
    Move(
        _C.CHANGE_ACCEPTED,
        Party.RECIPIENT,
        _RANKED,
        (Change.ACCEPTED,),
        _STAYS,
        _STAYS,
        "repeated: ours, decision 0005",
    ),
    Move(
        _C.CHANGE_ACCEPTED,
        Party.RECIPIENT,
        (Progress.WITHDRAWN,),
        (None,),
        _STAYS,
        _STAYS,
        "repeated: ours, decision 0005",
    ),
    Move(
        _C.CHANGE_REFUSED,
        Party.RECIPIENT,
        _RANKED,
        _PENDING,
        _STAYS,
        Change.REFUSED,
        "ours, decision 0005, after the status samples: từ chối cập nhật, lấy lại",
    ),
    Move(
        _C.CHANGE_REFUSED, Party.RECIPIENT, _RANKED, (Change.REFUSED,), _STAYS, _STAYS, "repeated: ours, decision 0005"
    ),
    Move(
        Act.ACKNOWLEDGE,
        Party.RECIPIENT,
        (Progress.AVAILABLE,),
        _ANY,
        Progress.DELIVERED,
        _STAYS,
        f"{_LAW} Đ9; api contract",
    ),
    Move(Act.ACKNOWLEDGE, Party.RECIPIENT, _RANKED[1:], _ANY, _STAYS, _STAYS, "ours, decision 0005"),
    Move(
        Act.ASK_WITHDRAWAL,
        Party.SENDER,
        _RANKED,
        _ASK_BACK,
        _STAYS,
        Change.WITHDRAWAL_REQUESTED,
        f"{_LAW} Đ8, Đ9; NĐ 30/2020/NĐ-CP Đ18; awaiting an answer: ours, decision 0008",
    ),
    Move(
        Act.ASK_WITHDRAWAL,
        Party.SENDER,
        _RANKED,
        (Change.WITHDRAWAL_REQUESTED,),
        _STAYS,
        _STAYS,
        "repeated: ours, decision 0008",
    ),
    Move(
        Act.WITHDRAW,
        Party.SENDER,
        _RANKED,
        _ANY,
        Progress.WITHDRAWN,
        None,
        f"{_LAW} Đ8, Đ9; NĐ 30/2020/NĐ-CP Đ18; at once: ours, decision 0008",
    ),
    Move(
        Act.ASK_UPDATE,
        Party.SENDER,
        _RANKED,
        _ASK_BACK,
        _STAYS,
        Change.UPDATE_REQUESTED,
        "QCVN 102:2016/BTTTT 2.2; awaiting an answer: ours, decision 0008",
    ),
    Move(
        Act.ASK_UPDATE,
        Party.SENDER,
        _RANKED,
        (Change.WITHDRAWAL_REQUESTED,),
        _STAYS,
        _STAYS,
        "what is to be given back is not updated: ours, decision 0008",
    ),
    Move(
        Act.SUPERSEDE,
        Party.SENDER,
        _RANKED,
        _ANY,
        _STAYS,
        _STAYS,
        "QCVN 102:2016/BTTTT 2.2; NĐ 30/2020/NĐ-CP Đ18; at once: ours, decision 0008",
    ),
    Move(Act.EXPIRE, Party.NODE, (Progress.AVAILABLE,), _ANY, Progress.EXPIRED, None, "ours, decision 0009"),
)
"""Every move there is; of the lines of a cause at most one speaks of a state."""

REPORTERS: dict[StatusCode, Party] = {move.cause: move.by for move in MOVES if isinstance(move.cause, StatusCode)}
"""Who may report each code."""

_BY_CAUSE: dict[Cause, tuple[Move, ...]] = {
    cause: tuple(move for move in MOVES if move.cause is cause) for cause in (*StatusCode, *Act)
}


def move_of(state: DeliveryState, cause: Cause) -> Move | None:
    """Return the line of the table that speaks of this cause in this state; None where there is none."""
    return next((move for move in _BY_CAUSE[cause] if move.holds_for(state)), None)


def step(state: DeliveryState, cause: Cause) -> DeliveryState | None:
    """Return where something takes a delivery: the same state if late or repeated, None if it is not allowed."""
    move = move_of(state, cause)
    return None if move is None else move.after(state)


def allowed_codes(state: DeliveryState, reporter: Party) -> tuple[StatusCode, ...]:
    """Return what this party may report now, repeats included."""
    return tuple(code for code in StatusCode if REPORTERS[code] is reporter and step(state, code) is not None)


def acknowledged(state: DeliveryState) -> DeliveryState:
    """Return where taking it over takes a delivery."""
    return step(state, Act.ACKNOWLEDGE) or state


def reached(before: DeliveryState, after: DeliveryState) -> tuple[Progress, ...]:
    """Return the words of progress a report newly reached, in rank order, those it skipped included.

    Taking over is no report, so `delivered` is never among them; neither is `withdrawn`, which is the sender's wish.
    """
    if after.progress is Progress.REFUSED and before.progress is not Progress.REFUSED:
        return (Progress.REFUSED,)
    if after.ended or before.ended:
        return ()
    first, last = (_RANKED.index(state.progress) + 1 for state in (before, after))
    return tuple(progress for progress in _RANKED[first:last] if progress is not Progress.DELIVERED)


def source_of(code: StatusCode) -> str:
    """Return where it comes from that there is this status at all."""
    return _BY_CAUSE[code][0].source
