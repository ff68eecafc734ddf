"""What documents do to the deliveries of others, without a database: whatever is held, and whatever is ordered."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.edxml.organ_id import OrganId
from app.exchange.effects import (
    Added,
    Cause,
    Consequences,
    Held,
    Named,
    Order,
    acts,
    consequences,
    newly_added,
    of_each,
    values_of,
)
from app.exchange.lay import Original
from app.exchange.route import Route
from app.exchange.states import Act, Change, DeliveryState, Progress
from app.registry.model import Agency, Branch, Tier
from app.regulations.file import load

CODES = ("H01", "H02", "H03", "H04")
# H04 was closed and H03 answers for it.
HEIRS = {"H04": "H03"}
AT = datetime(2026, 11, 22, tzinfo=UTC)
STATES = [
    DeliveryState(progress, change)
    for progress in Progress
    for change in (None, *Change)
    if not (change and DeliveryState(progress).ended)
]
RULES = load()


def agency(code: str) -> Agency:
    return Agency(OrganId.parse(code), f"Cơ quan {code}", Tier.PROVINCE, Branch.STATE)


def named(code: str) -> Named:
    known = code in CODES
    return Named(code, code if known else None, HEIRS.get(code, code) if known else None, f"/{code}")


ORIGINAL = Original("original", "H00,2026,1", agency("H00"), "province", "cong-van", 2, None)
CAUSE = Cause("cause", AT, "client", RULES)

legs_of = st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(STATES)), max_size=6).map(
    lambda pairs: [
        Held(f"leg-{number}", ORIGINAL.id, agency(code), HEIRS.get(code, code), code, state)
        for number, (code, state) in enumerate(pairs)
    ]
)
some_codes = st.lists(st.sampled_from((*CODES, "H99")), unique=True, max_size=3)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    relation = draw(st.sampled_from(("revokes", "updates", "replaces")))
    act = {
        "revokes": (Act.ASK_WITHDRAWAL, Act.WITHDRAW),
        "updates": (Act.ASK_UPDATE, Act.SUPERSEDE),
        "replaces": (Act.ASK_UPDATE, Act.SUPERSEDE),
    }[relation]
    receiving = frozenset(HEIRS.get(code, code) for code in draw(some_codes) if code in CODES)
    updating = relation == "updates"
    dropped = draw(some_codes) if updating else []
    added = [code for code in draw(some_codes) if code in CODES and code not in dropped] if updating else []
    return Order(
        relation,
        ORIGINAL,
        draw(st.sampled_from(act)),
        receiving,
        "/DocumentId",
        listed=tuple(map(named, draw(some_codes))) if relation == "replaces" else (),
        dropped=tuple(map(named, dropped)),
        drop=draw(st.sampled_from((Act.ASK_WITHDRAWAL, Act.WITHDRAW))),
        added=tuple(Added(Route(agency(HEIRS.get(code, code)), code), f"/{code}") for code in added),
    )


def meant(order: Order, leg: Held, legs: list[Held]) -> str | None:
    """Told again: whether a delivery is dropped, spoken of, or neither."""

    def lists(codes: tuple[Named, ...]) -> bool:
        for each in codes:
            exact = [other.id for other in legs if other.recipient.organ_id.text == each.written]
            by_heir = [other.id for other in legs if other.holder == each.heir]
            if leg.id in (exact or by_heir):
                return True
        return False

    if leg.state.ended:
        return None
    if lists(order.dropped):
        return "dropped"
    if order.relation == "replaces":
        return "spoken of" if not order.listed or lists(order.listed) else None
    return "spoken of" if leg.holder in order.receiving else None


def done(order: Order, legs: list[Held]) -> tuple[Consequences, dict[str, dict[str, Any]]]:
    result = consequences(order, legs, cause=CAUSE)
    return result, {values["id"]: values for values in result.changes}


@settings(deadline=None)
@given(orders(), legs_of)
def test_who_is_meant_and_nobody_else_is_acted_on(order: Order, legs: list[Held]) -> None:
    expected = {leg.id: meant(order, leg, legs) for leg in legs}
    found = {leg.id: "dropped" if relation == "drops" else "spoken of" for leg, _, relation in acts(order, legs)}
    assert found == {leg: said for leg, said in expected.items() if said}


@settings(deadline=None)
@given(orders(), legs_of)
def test_nothing_ended_moves_and_each_change_is_one_event_that_says_it(order: Order, legs: list[Held]) -> None:
    result, changes = done(order, legs)
    assert len(changes) == len(result.changes), "each delivery changes once"
    before = {leg.id: leg.state for leg in legs}
    told = [event for event in result.events if event.document == ORIGINAL.id and event.delivery in before]
    assert Counter(event.delivery for event in told) == Counter(changes.keys())
    for event in told:
        values, state = changes[str(event.delivery)], before[str(event.delivery)]
        assert not state.ended
        after = DeliveryState(Progress(values["progress"]), Change(values["change"]) if values["change"] else None)
        assert after in STATES, "no state is reached that there is not"
        assert event.detail["state"] == after.shown
        assert event.peer_tier == "province"
        assert event.detail["by"] == CAUSE.document
        match event.kind.value:
            case "delivery.withdrawn":
                assert after.progress is Progress.WITHDRAWN
                assert (values["in_inbox"], event.detail["in_inbox"]) == (False, False)
            case "delivery.superseded":
                assert (after, values["superseded_by"]) == (state, CAUSE.document)
            case "delivery.change_requested":
                assert after.progress is state.progress
                asks = {"withdrawal": Change.WITHDRAWAL_REQUESTED, "update": Change.UPDATE_REQUESTED}
                assert after.change is asks[str(event.detail["asks"])]
                # What is to be given back is not updated.
                assert not (after.change is Change.UPDATE_REQUESTED and state.change is Change.WITHDRAWAL_REQUESTED)
            case other:
                raise AssertionError(other)


@settings(deadline=None)
@given(orders(), legs_of)
def test_who_is_added_gets_one_delivery_and_who_has_it_none(order: Order, legs: list[Held]) -> None:
    result, _ = done(order, legs)
    made = [row["recipient"] for row in result.rows if row["kind"] == "document"]
    holding = {leg.holder for leg in legs if not leg.state.ended}
    wanted = {added.route.recipient.organ_id.text for added in order.added}
    assert sorted(made) == sorted(wanted - holding)
    assert len(newly_added(order, legs)) == len(made)
    assert all(row["added_by"] == CAUSE.document for row in result.rows if row["kind"] == "document")


@settings(deadline=None)
@given(orders(), legs_of)
def test_who_would_not_hear_of_it_is_told_once(order: Order, legs: list[Held]) -> None:
    result, _ = done(order, legs)
    notices = {row["concerns"]: row["notice"] for row in result.rows if row["kind"] == "notice"}
    assert len(notices) == sum(row["kind"] == "notice" for row in result.rows)
    expected = {}
    for leg in legs:
        said = meant(order, leg, legs)
        if said == "dropped":
            expected[leg.id] = "dropped"
        elif said and order.relation == "revokes" and order.act is Act.WITHDRAW:
            expected[leg.id] = "withdrawn"
        elif said and order.relation == "replaces" and leg.holder not in order.receiving:
            expected[leg.id] = "superseded"
    assert notices == expected


def test_an_agency_of_a_list_is_meant_by_its_own_deliveries_first() -> None:
    legs = [Held(f"of {code}", "original", agency(code), HEIRS.get(code, code), code, STATES[0]) for code in CODES]

    def meant_by(code: str, among: list[Held]) -> list[str]:
        [(_, found)] = of_each([named(code)], among)
        return [leg.id for leg in found]

    assert meant_by("H04", legs) == ["of H04"]
    assert meant_by("H03", legs) == ["of H03"]
    assert meant_by("H03", legs[:2] + legs[3:]) == ["of H04"]
    assert meant_by("H99", legs) == []


def test_moments_that_no_longer_matter_are_cleared() -> None:
    for state in STATES:
        values = values_of(state)
        assert ("due_at" in values) == (state.ended or state.progress is Progress.COMPLETED)
        assert ("expires_at" in values) == ("undelivered_at" in values) == (state.progress is not Progress.AVAILABLE)
        assert ("in_inbox" in values) == state.ended
        assert all(values[name] is None for name in values if name.endswith("_at"))
