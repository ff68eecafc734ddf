"""The state machine against decision 0005, told a second time: ranks, ends, what is pending, who may report."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from app.edxml.model import StatusCode
from app.exchange.states import MOVES, Change, DeliveryState, Party, Progress, acknowledged, allowed_codes, step

START = DeliveryState(Progress.AVAILABLE)
RANKED = ("available", "delivered", "arrived", "received", "assigned", "in_progress", "completed")
RANK_OF = {"01": 2, "03": 3, "04": 4, "05": 5, "06": 6}
BY_SENDER = {"13"}
TAKE_OVER = "take over"

actions = st.lists(st.sampled_from([*(code.value for code in StatusCode), TAKE_OVER]), max_size=25)


@dataclass
class Told:
    """A delivery as decision 0005 tells it: the best rank ever reported, what ended it, what is asked or answered."""

    best: int = 0
    ended_by: str | None = None
    pending: bool = False
    answer: str | None = None

    def allows(self, code: str) -> bool:
        if self.ended_by is not None:
            # A repeat of what ended a delivery is accepted.
            return code == self.ended_by
        match code:
            case "02":
                # Possible until the document was accepted (03).
                return self.best < RANK_OF["03"]
            case "15":
                # Needs something pending; agreeing to 13 ends the delivery, so there is no answer to repeat.
                return self.pending
            case "16":
                return self.pending or self.answer == "16"
            case _:
                return True

    def happen(self, code: str) -> None:
        if self.ended_by is not None:
            return
        match code:
            case "02" | "15":
                self.ended_by = code
            case "13":
                self.pending, self.answer = True, None
            case "16":
                self.pending, self.answer = False, "16"
            case _ if RANK_OF[code] > self.best:
                self.best, self.answer = RANK_OF[code], None

    def take_over(self) -> None:
        if self.ended_by is None:
            self.best = max(self.best, 1)

    @property
    def shown(self) -> str:
        if self.ended_by is not None:
            return {"02": "refused", "15": "withdrawn"}[self.ended_by]
        if self.pending:
            return "withdrawal_requested"
        return "change_refused" if self.answer else RANKED[self.best]


@settings(deadline=None)
@given(actions)
def test_any_sequence_goes_as_the_decision_tells(sequence: list[str]) -> None:
    state, told = START, Told()
    for action in sequence:
        before = state
        if action == TAKE_OVER:
            state = acknowledged(state)
            told.take_over()
        else:
            after = step(state, StatusCode(action))
            assert (after is not None) == told.allows(action), (state, action)
            if after is not None:
                state = after
                told.happen(action)
        assert state.shown == told.shown, (before, action)
        assert state.ended == (told.ended_by is not None)
        assert state.awaits_answer == (told.pending and told.ended_by is None)


@settings(deadline=None)
@given(actions)
def test_progress_never_goes_back_and_ends_are_ends(sequence: list[str]) -> None:
    state = START
    for action in sequence:
        after = acknowledged(state) if action == TAKE_OVER else step(state, StatusCode(action)) or state
        if state.ended:
            assert after == state
        elif not after.ended:
            assert RANKED.index(after.progress) >= RANKED.index(state.progress)
        assert not (after.ended and after.change), "what has ended has nothing open"
        state = after


@settings(deadline=None)
@given(actions, st.sampled_from(Party))
def test_allowed_codes_are_exactly_those_that_step_takes(sequence: list[str], party: Party) -> None:
    state = START
    for action in sequence:
        state = acknowledged(state) if action == TAKE_OVER else step(state, StatusCode(action)) or state
    allowed = allowed_codes(state, party)
    for code in StatusCode:
        mine = (code.value in BY_SENDER) == (party is Party.SENDER)
        assert (code in allowed) == (mine and step(state, code) is not None)


@settings(deadline=None)
@given(st.sampled_from(Progress), st.sampled_from([None, *Change]), st.sampled_from(StatusCode))
def test_repeating_a_report_changes_nothing(progress: Progress, change: Change | None, code: StatusCode) -> None:
    after = step(DeliveryState(progress, change), code)
    if after is not None and code is not StatusCode.CHANGE_ACCEPTED:
        assert step(after, code) == after
    if after is not None and after.progress is Progress.WITHDRAWN:
        assert step(after, StatusCode.CHANGE_ACCEPTED) == after


def test_every_code_has_one_reporter() -> None:
    assert set(MOVES) == set(StatusCode)
    assert {code.value for code, move in MOVES.items() if move.reporter is Party.SENDER} == BY_SENDER


MARKS = {
    "available": "·",
    "delivered": "·",
    "arrived": "01",
    "received": "03",
    "assigned": "04",
    "in_progress": "05",
    "completed": "06",
    "refused": "end 02",
    "withdrawn": "end 15",
    "withdrawal_requested": "13?",
    "update_requested": "2?",
    "change_accepted": "15",
    "change_refused": "16",
}


def drawn() -> str:
    """Draw every state and every code: `-` not allowed, `=` stays, else what is shown afterwards."""
    lines = ["{:<34}{}".format("", "".join(f"{code.value:<8}" for code in StatusCode))]
    for progress in Progress:
        for change in [None, *Change]:
            state = DeliveryState(progress, change)
            if state.ended and change:
                continue
            cells = []
            for code in StatusCode:
                after = step(state, code)
                cells.append("-" if after is None else "=" if after == state else MARKS[after.shown])
            name = f"{progress.value}{f' {change.value}' if change else ''}"
            lines.append(f"{name:<34}{''.join(f'{cell:<8}' for cell in cells)}".rstrip())
    return "\n".join(line.rstrip() for line in lines)


def test_the_table_of_moves_is_what_it_was() -> None:
    assert drawn().splitlines() == TABLE.strip("\n").splitlines()


TABLE = """
                                  01      02      03      04      05      06      13      15      16
available                         01      end 02  03      04      05      06      13?     -       -
available withdrawal_requested    13?     end 02  13?     13?     13?     13?     =       end 15  16
available update_requested        2?      end 02  2?      2?      2?      2?      13?     15      16
available change_accepted         01      end 02  03      04      05      06      13?     =       -
available change_refused          01      end 02  03      04      05      06      13?     -       =
delivered                         01      end 02  03      04      05      06      13?     -       -
delivered withdrawal_requested    13?     end 02  13?     13?     13?     13?     =       end 15  16
delivered update_requested        2?      end 02  2?      2?      2?      2?      13?     15      16
delivered change_accepted         01      end 02  03      04      05      06      13?     =       -
delivered change_refused          01      end 02  03      04      05      06      13?     -       =
arrived                           =       end 02  03      04      05      06      13?     -       -
arrived withdrawal_requested      =       end 02  13?     13?     13?     13?     =       end 15  16
arrived update_requested          =       end 02  2?      2?      2?      2?      13?     15      16
arrived change_accepted           =       end 02  03      04      05      06      13?     =       -
arrived change_refused            =       end 02  03      04      05      06      13?     -       =
received                          =       -       =       04      05      06      13?     -       -
received withdrawal_requested     =       -       =       13?     13?     13?     =       end 15  16
received update_requested         =       -       =       2?      2?      2?      13?     15      16
received change_accepted          =       -       =       04      05      06      13?     =       -
received change_refused           =       -       =       04      05      06      13?     -       =
assigned                          =       -       =       =       05      06      13?     -       -
assigned withdrawal_requested     =       -       =       =       13?     13?     =       end 15  16
assigned update_requested         =       -       =       =       2?      2?      13?     15      16
assigned change_accepted          =       -       =       =       05      06      13?     =       -
assigned change_refused           =       -       =       =       05      06      13?     -       =
in_progress                       =       -       =       =       =       06      13?     -       -
in_progress withdrawal_requested  =       -       =       =       =       13?     =       end 15  16
in_progress update_requested      =       -       =       =       =       2?      13?     15      16
in_progress change_accepted       =       -       =       =       =       06      13?     =       -
in_progress change_refused        =       -       =       =       =       06      13?     -       =
completed                         =       -       =       =       =       =       13?     -       -
completed withdrawal_requested    =       -       =       =       =       =       =       end 15  16
completed update_requested        =       -       =       =       =       =       13?     15      16
completed change_accepted         =       -       =       =       =       =       13?     =       -
completed change_refused          =       -       =       =       =       =       13?     -       =
refused                           -       =       -       -       -       -       -       -       -
withdrawn                         -       -       -       -       -       -       -       =       -
expired                           -       -       -       -       -       -       -       -       -
"""
