"""Random sequences of everything two agencies can do to one delivery, over HTTP, against a second telling."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.edxml.model import StatusCode
from tests.exchange.business_messages import id_of, leg, replacement, revocation, update, waiting
from tests.exchange.mail import report, send
from tests.exchange.remains import checked
from tests.exchange.told import Told
from tests.support.office import DISTRICT, PROVINCE, Exchange

MESSAGES = {"ask_withdrawal": revocation, "ask_update": update, "supersede": lambda name: replacement((name, ()))}
# Changes and their answers more often than they come: there the sequences differ.
ACTIONS = (*(code.value for code in StatusCode), "13", "15", "16", "acknowledge", *MESSAGES, *MESSAGES)


@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(ACTIONS), min_size=6, max_size=10))
def test_any_sequence_goes_as_the_decisions_tell(shared: Exchange, sequence: list[str]) -> None:
    sender, recipient = shared[DISTRICT], shared[PROVINCE]
    sent, told, in_inbox, accepted, instead = send(sender, PROVINCE), Told(), True, [], None
    waiting(shared, recipient, "document")
    for action in sequence:
        if action in MESSAGES:
            changed = send(sender, PROVINCE, business=MESSAGES[action](id_of(sent)))
            if told.ended_by is None and action == "supersede":
                instead = changed.id
        elif action == "acknowledge":
            recipient.system.acknowledge([sent.delivery_to(PROVINCE)])
            in_inbox = False
        else:
            office = sender if action == "13" else recipient
            answer = report(office, sent, action, owner=PROVINCE if action == "13" else DISTRICT, reason="Lý do")
            assert answer.status_code == (201 if told.allows(action) else 409), (sequence, action, answer.text)
            accepted += [action] if answer.status_code == 201 else []
            if told.pending == "update" and action == "15":
                instead = max(instead or "", leg(sent, PROVINCE)["change_by"])
        if told.allows(action):
            told.happen(action)
        shown = leg(sent, PROVINCE)
        assert (shown["state"], shown["superseded_by"]) == (told.shown, instead), (sequence, action)
    # Every report that was taken is there, in its order; what ended left the inbox, what was withdrawn is not served.
    assert [status["status_code"] for status in sent.seen_by(sender)["statuses"]] == accepted
    assert recipient.system.content(sent.id).status_code == (404 if told.shown == "withdrawn" else 200)
    listed = [item["delivery_id"] for item in waiting(shared, recipient, "document")]
    assert (sent.delivery_to(PROVINCE) in listed) == (in_inbox and told.ended_by is None)


def test_what_they_left_is_told_by_the_log_alone(shared: Exchange) -> None:
    found = checked(shared)
    assert found.consistent, found.divergences
