"""The state machine against decisions 0005 and 0008, told a second time: ranks, ends, what is pending, who may what."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.edxml.model import StatusCode
from app.exchange.states import (
    MOVES,
    REPORTERS,
    Act,
    Cause,
    Change,
    DeliveryState,
    Party,
    Progress,
    acknowledged,
    allowed_codes,
    move_of,
    reached,
    source_of,
    step,
)
from tests.exchange.told import RANKED, Told

START = DeliveryState(Progress.AVAILABLE)
BY_SENDER = {"13"}
CAUSES: tuple[Cause, ...] = (*StatusCode, *Act)
STATES = [
    DeliveryState(progress, change)
    for progress in Progress
    for change in (None, *Change)
    if not (change and DeliveryState(progress).ended)
]

actions = st.lists(st.sampled_from([cause.value for cause in CAUSES]), max_size=25)


def cause_of(action: str) -> Cause:
    return StatusCode(action) if action[0].isdigit() else Act(action)


@settings(deadline=None)
@given(actions)
def test_any_sequence_goes_as_the_decisions_tell(sequence: list[str]) -> None:
    state, told = START, Told()
    for action in sequence:
        before = state
        after = step(state, cause_of(action))
        assert (after is not None) == told.allows(action), (state, action)
        if after is not None:
            state = after
            told.happen(action)
        assert state.shown == told.shown, (before, action)
        assert state.ended == (told.ended_by is not None)
        assert state.awaits_answer == (told.pending is not None and told.ended_by is None)


@settings(deadline=None)
@given(actions)
def test_progress_never_goes_back_and_ends_are_ends(sequence: list[str]) -> None:
    state = START
    for action in sequence:
        after = step(state, cause_of(action)) or state
        if state.ended:
            assert after == state
        elif not after.ended:
            assert RANKED.index(after.progress) >= RANKED.index(state.progress)
        assert not (after.ended and after.change), "what has ended has nothing open"
        state = after


@settings(deadline=None)
@given(actions)
def test_each_step_is_reached_once_however_reports_skip_and_repeat(sequence: list[str]) -> None:
    state, seen = START, []
    for action in sequence:
        after = step(state, cause_of(action)) or state
        seen += [each.value for each in reached(state, after)]
        state = after
    assert len(seen) == len(set(seen))
    forward = [word for word in seen if word != "refused"]
    assert forward == list(RANKED[2 : 2 + len(forward)]), "in rank order, those that were skipped included"
    if not state.ended:
        assert ([*RANKED[:2], *forward][-1] == state.progress.value) or state.progress.value in RANKED[:2]


@settings(deadline=None)
@given(actions, st.sampled_from([Party.SENDER, Party.RECIPIENT]))
def test_allowed_codes_are_exactly_those_that_step_takes(sequence: list[str], party: Party) -> None:
    state = START
    for action in sequence:
        state = step(state, cause_of(action)) or state
    allowed = allowed_codes(state, party)
    for code in StatusCode:
        mine = (code.value in BY_SENDER) == (party is Party.SENDER)
        assert (code in allowed) == (mine and step(state, code) is not None)


@pytest.mark.parametrize("cause", CAUSES)
def test_repeating_it_changes_nothing(cause: Cause) -> None:
    for state in STATES:
        after = step(state, cause)
        if after is None or after.ended:
            continue
        if cause is not StatusCode.CHANGE_ACCEPTED:
            assert step(after, cause) == after, (state, cause)


def test_taking_over_twice_is_taking_over_once() -> None:
    for state in STATES:
        assert acknowledged(acknowledged(state)) == acknowledged(state)
        assert acknowledged(state).change == state.change


def test_every_cause_has_one_party_and_every_line_a_source() -> None:
    assert {move.cause for move in MOVES} == set(CAUSES)
    for cause in CAUSES:
        assert len({move.by for move in MOVES if move.cause is cause}) == 1, cause
    assert {code.value for code, party in REPORTERS.items() if party is Party.SENDER} == BY_SENDER
    assert all(move.source for move in MOVES)
    assert all(source_of(code) for code in StatusCode)


def test_at_most_one_line_speaks_of_a_state() -> None:
    for state in STATES:
        for cause in CAUSES:
            speaking = [move for move in MOVES if move.cause is cause and move.holds_for(state)]
            assert len(speaking) <= 1, (state, cause)
            assert move_of(state, cause) == (speaking[0] if speaking else None)


MARKS = {
    "available": "·",
    "delivered": "ack",
    "arrived": "01",
    "received": "03",
    "assigned": "04",
    "in_progress": "05",
    "completed": "06",
    "refused": "02x",
    "withdrawn": "15x",
    "expired": "x",
    "withdrawal_requested": "13?",
    "update_requested": "2?",
    "change_accepted": "15",
    "change_refused": "16",
}
NAMES = {
    "acknowledge": "ack",
    "ask_withdrawal": "1?",
    "withdraw": "1!",
    "ask_update": "2?",
    "supersede": "3!",
    "expire": "time",
}


def drawn() -> str:
    """Draw every state and every cause: `-` not allowed, `=` stays, else what is shown afterwards, x: the end."""
    lines = ["{:<34}{}".format("", "".join(f"{NAMES.get(cause.value, cause.value):<5}" for cause in CAUSES))]
    for state in STATES:
        cells = []
        for cause in CAUSES:
            after = step(state, cause)
            cells.append("-" if after is None else "=" if after == state else MARKS[after.shown])
        name = f"{state.progress.value}{f' {state.change.value}' if state.change else ''}"
        lines.append(f"{name:<34}{''.join(f'{cell:<5}' for cell in cells)}".rstrip())
    return "\n".join(line.rstrip() for line in lines)


def test_the_table_of_moves_is_what_it_was() -> None:
    assert drawn().splitlines() == TABLE.strip("\n").splitlines()


TABLE = """
                                  01   02   03   04   05   06   13   15   16   ack  1?   1!   2?   3!   time
available                         01   02x  03   04   05   06   13?  -    -    ack  13?  15x  2?   =    x
available withdrawal_requested    13?  02x  13?  13?  13?  13?  =    15x  16   13?  =    15x  =    =    x
available update_requested        2?   02x  2?   2?   2?   2?   13?  15   16   2?   13?  15x  =    =    x
available change_accepted         01   02x  03   04   05   06   13?  =    -    15   13?  15x  2?   =    x
available change_refused          01   02x  03   04   05   06   13?  -    =    16   13?  15x  2?   =    x
delivered                         01   02x  03   04   05   06   13?  -    -    =    13?  15x  2?   =    -
delivered withdrawal_requested    13?  02x  13?  13?  13?  13?  =    15x  16   =    =    15x  =    =    -
delivered update_requested        2?   02x  2?   2?   2?   2?   13?  15   16   =    13?  15x  =    =    -
delivered change_accepted         01   02x  03   04   05   06   13?  =    -    =    13?  15x  2?   =    -
delivered change_refused          01   02x  03   04   05   06   13?  -    =    =    13?  15x  2?   =    -
arrived                           =    02x  03   04   05   06   13?  -    -    =    13?  15x  2?   =    -
arrived withdrawal_requested      =    02x  13?  13?  13?  13?  =    15x  16   =    =    15x  =    =    -
arrived update_requested          =    02x  2?   2?   2?   2?   13?  15   16   =    13?  15x  =    =    -
arrived change_accepted           =    02x  03   04   05   06   13?  =    -    =    13?  15x  2?   =    -
arrived change_refused            =    02x  03   04   05   06   13?  -    =    =    13?  15x  2?   =    -
received                          =    -    =    04   05   06   13?  -    -    =    13?  15x  2?   =    -
received withdrawal_requested     =    -    =    13?  13?  13?  =    15x  16   =    =    15x  =    =    -
received update_requested         =    -    =    2?   2?   2?   13?  15   16   =    13?  15x  =    =    -
received change_accepted          =    -    =    04   05   06   13?  =    -    =    13?  15x  2?   =    -
received change_refused           =    -    =    04   05   06   13?  -    =    =    13?  15x  2?   =    -
assigned                          =    -    =    =    05   06   13?  -    -    =    13?  15x  2?   =    -
assigned withdrawal_requested     =    -    =    =    13?  13?  =    15x  16   =    =    15x  =    =    -
assigned update_requested         =    -    =    =    2?   2?   13?  15   16   =    13?  15x  =    =    -
assigned change_accepted          =    -    =    =    05   06   13?  =    -    =    13?  15x  2?   =    -
assigned change_refused           =    -    =    =    05   06   13?  -    =    =    13?  15x  2?   =    -
in_progress                       =    -    =    =    =    06   13?  -    -    =    13?  15x  2?   =    -
in_progress withdrawal_requested  =    -    =    =    =    13?  =    15x  16   =    =    15x  =    =    -
in_progress update_requested      =    -    =    =    =    2?   13?  15   16   =    13?  15x  =    =    -
in_progress change_accepted       =    -    =    =    =    06   13?  =    -    =    13?  15x  2?   =    -
in_progress change_refused        =    -    =    =    =    06   13?  -    =    =    13?  15x  2?   =    -
completed                         =    -    =    =    =    =    13?  -    -    =    13?  15x  2?   =    -
completed withdrawal_requested    =    -    =    =    =    =    =    15x  16   =    =    15x  =    =    -
completed update_requested        =    -    =    =    =    =    13?  15   16   =    13?  15x  =    =    -
completed change_accepted         =    -    =    =    =    =    13?  =    -    =    13?  15x  2?   =    -
completed change_refused          =    -    =    =    =    =    13?  -    =    =    13?  15x  2?   =    -
refused                           -    =    -    -    -    -    -    -    -    -    -    -    -    -    -
withdrawn                         -    -    -    -    -    -    -    =    -    -    -    -    -    -    -
expired                           -    -    -    -    -    -    -    -    -    -    -    -    -    -    -
"""
