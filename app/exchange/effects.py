"""What a revocation, an update or a replacement does to the deliveries of the documents it is about. Pure.

A document acts on each delivery of another one through an `Act` of the status machine; which act that is, and whether
it waits for an answer of the recipient, is a dated rule (ours, decision 0008). What a delivery is found to be under
lock decides; what was seen before only serves to tell the sender.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.edxml.model import DocumentKind
from app.exchange.lay import Original, laid
from app.exchange.notices import NoticeKind, notice
from app.exchange.route import Route
from app.exchange.states import Act, Change, DeliveryState, Progress, step
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind
from app.registry.model import Agency
from app.regulations.provisions import ChangeEffects, Effect, Regulations

DROPS = "drops"
"""What an update says of a recipient it takes off the list, beside the relations of documents."""


@dataclass(frozen=True, slots=True)
class Named:
    """An agency as a document names it in a list.

    Attributes:
        written: the code in the document.
        own: its code in the directory; None where nobody has the code.
        heir: code of who answers for it today, itself unless it was closed.
        place: element path of the code.
    """

    written: str
    own: str | None
    heir: str | None
    place: str


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery of a document another one is about.

    Attributes:
        holder: code of who answers for its recipient today.
    """

    id: str
    document: str
    recipient: Agency
    holder: str
    addressed_to: str
    state: DeliveryState


@dataclass(frozen=True, slots=True)
class Added:
    """A recipient an update adds, and the element path of its code."""

    route: Route
    place: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a document says about the deliveries of one other document.

    Attributes:
        relation: `revokes`, `updates` or `replaces`.
        original: the other document.
        act: what it does to the deliveries it speaks of.
        receiving: codes of the agencies that receive the document itself; a revocation or an update speaks of theirs.
        listed: of a replacement: whose deliveries it speaks of; empty: everybody's.
        dropped: recipients an update takes off the list.
        drop: what that does to their deliveries.
        added: recipients an update adds.
        place: element path by which it names the other document.
    """

    relation: str
    original: Original
    act: Act
    receiving: frozenset[str]
    place: str
    listed: tuple[Named, ...] = ()
    dropped: tuple[Named, ...] = ()
    drop: Act = Act.ASK_WITHDRAWAL
    added: tuple[Added, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """The document that acts.

    Attributes:
        actor: client that sent it.
        regulations: how long what it newly delivers may lie in the inbox.
    """

    document: str
    at: datetime
    actor: str
    regulations: Regulations


@dataclass(frozen=True, slots=True)
class Consequences:
    """What is written with the document, in its transaction.

    Attributes:
        changes: new values of deliveries that were there, each with its id.
        rows: new deliveries and notices.
    """

    changes: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def act_of(kind: DocumentKind, rule: ChangeEffects) -> Act:
    """Return what a document of this kind does to the deliveries it speaks of, by the rule in force."""
    match kind:
        case DocumentKind.REVOCATION:
            return Act.WITHDRAW if rule.revocation is Effect.AT_ONCE else Act.ASK_WITHDRAWAL
        case DocumentKind.UPDATE:
            return Act.SUPERSEDE if rule.update is Effect.AT_ONCE else Act.ASK_UPDATE
        case DocumentKind.REPLACEMENT:
            return Act.SUPERSEDE if rule.replacement is Effect.AT_ONCE else Act.ASK_UPDATE
        case DocumentKind.NEW:
            raise AssertionError("a new document acts on no other")


def drop_of(rule: ChangeEffects) -> Act:
    """Return what taking a recipient off the list does to its delivery; it is a part of the update."""
    return Act.WITHDRAW if rule.update is Effect.AT_ONCE else Act.ASK_WITHDRAWAL


def acts(order: Order, legs: Sequence[Held]) -> list[tuple[Held, Act, str]]:
    """Return what happens to which of these deliveries, and by which word; those that have ended stay as they are."""
    dropped = {leg.id for _, found in of_each(order.dropped, legs) for leg in found}
    spoken_of = {leg.id for leg in _spoken_of(order, legs)}
    done: list[tuple[Held, Act, str]] = []
    for leg in legs:
        if leg.state.ended:
            continue
        if leg.id in dropped:
            done.append((leg, order.drop, DROPS))
        elif leg.id in spoken_of:
            done.append((leg, order.act, order.relation))
    return done


def of_each(listed: Sequence[Named], legs: Sequence[Held]) -> list[tuple[Named, list[Held]]]:
    """Return the deliveries each agency of a list has.

    Those under the very code are meant where there are some; else those of whom it stands for today.
    """
    by_code: dict[str, list[Held]] = defaultdict(list)
    by_holder: dict[str, list[Held]] = defaultdict(list)
    for leg in legs:
        for code in {leg.addressed_to, leg.recipient.organ_id.text}:
            by_code[code].append(leg)
        by_holder[leg.holder].append(leg)

    def of_one(named: Named) -> list[Held]:
        exact = {leg.id: leg for code in (named.written, named.own or "") for leg in by_code.get(code, [])}
        return list(exact.values()) or by_holder.get(named.heir or "", [])

    return [(named, of_one(named)) for named in listed]


def newly_added(order: Order, legs: Sequence[Held]) -> list[Route]:
    """Return the recipients that are added and do not have the document already."""
    holders = {leg.holder for leg in legs if not leg.state.ended}
    fresh = {added.route.recipient.organ_id.text: added.route for added in order.added}
    return [route for code, route in fresh.items() if code not in holders]


def consequences(order: Order, legs: Sequence[Held], *, cause: Cause) -> Consequences:
    """Return what a document does to the deliveries of one other document, as they are now."""
    done = Consequences()
    for leg, act, relation in acts(order, legs):
        after = step(leg.state, act)
        assert after is not None, "what has not ended can be asked for, withdrawn and superseded"
        _change(done, order, leg, act, relation, after, cause)
        for kind in _notices(order, leg, act, relation):
            _notify(done, order, leg, kind, cause)
    for route in newly_added(order, legs):
        added = laid(
            order.original,
            new_id(),
            route,
            at=cause.at,
            actor=cause.actor,
            regulations=cause.regulations,
            added_by=cause.document,
        )
        done.rows.extend(added.rows)
        done.events.extend(added.events)
    return done


def values_of(after: DeliveryState) -> dict[str, Any]:
    """Return the columns that follow from where a delivery stands: moments that no longer matter are cleared."""
    values: dict[str, Any] = {
        "progress": after.progress.value,
        "change": after.change.value if after.change else None,
    }
    if after.ended:
        values["in_inbox"] = False
    if after.ended or after.fetched:
        values |= {"undelivered_at": None, "expires_at": None}
    if after.ended or after.progress is Progress.COMPLETED:
        values["due_at"] = None
    return values


def _spoken_of(order: Order, legs: Sequence[Held]) -> list[Held]:
    if order.relation != "replaces":
        return [leg for leg in legs if leg.holder in order.receiving]
    if not order.listed:
        return list(legs)
    return [leg for _, found in of_each(order.listed, legs) for leg in found]


def _change(
    done: Consequences, order: Order, leg: Held, act: Act, relation: str, after: DeliveryState, cause: Cause
) -> None:
    values = values_of(after)
    told: dict[str, JsonValue] = {"by": cause.document, "relation": relation, "state": after.shown}
    kind, agency = EventKind.DELIVERY_CHANGE_REQUESTED, leg.recipient
    match act:
        case Act.WITHDRAW:
            values["change_by"] = cause.document
            kind, agency = EventKind.DELIVERY_WITHDRAWN, order.original.sender
            told |= {"in_inbox": False, "recipient": leg.recipient.organ_id.text}
        case Act.SUPERSEDE:
            # Nobody has to complete what no longer holds.
            values |= {"superseded_by": cause.document, "due_at": None}
            kind = EventKind.DELIVERY_SUPERSEDED
        case Act.ASK_WITHDRAWAL if after != leg.state:
            values["change_by"] = cause.document
            told["asks"] = "withdrawal"
        case Act.ASK_UPDATE if after.change is Change.UPDATE_REQUESTED:
            # A later update takes the place of the one that was asked before: the answer will be about it.
            values["change_by"] = cause.document
            told["asks"] = "update"
        case _:
            # Asked already: nothing moves, the document itself is kept and linked.
            return
    done.changes.append({"id": leg.id, **values})
    done.events.append(
        Event(
            id=new_id(),
            kind=kind,
            at=cause.at,
            actor=cause.actor,
            standing=agency.standing,
            document_type=order.original.document_type,
            peer_tier=order.original.sender_tier,
            document=order.original.id,
            delivery=leg.id,
            detail=told,
        )
    )


def _notices(order: Order, leg: Held, act: Act, relation: str) -> Iterable[NoticeKind]:
    if relation == DROPS:
        yield NoticeKind.DROPPED
    elif act is Act.WITHDRAW:
        yield NoticeKind.WITHDRAWN
    elif relation == "replaces" and leg.holder not in order.receiving:
        yield NoticeKind.SUPERSEDED


def _notify(done: Consequences, order: Order, leg: Held, kind: NoticeKind, cause: Cause) -> None:
    row, event = notice(
        kind,
        to=leg.recipient,
        document=order.original.id,
        document_type=order.original.document_type,
        concerns=leg.id,
        at=cause.at,
        actor=cause.actor,
        detail={"by": cause.document},
    )
    done.rows.append(row)
    done.events.append(event)
