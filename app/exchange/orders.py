"""From what a document says about others to the orders it gives, and what its sender should know about them. Pure.

Who is meant is read as broadly as loses nothing: a successor is meant with its closed predecessors, and a list may
name an agency by any code it has or had (ours, decision 0008).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from app.edxml import vocabulary as v
from app.edxml.links import Link
from app.edxml.model import DocumentMessage, ReceiverChange
from app.edxml.rule import numbered
from app.exchange.effects import Added, Held, Named, Order, act_of, acts, drop_of, of_each
from app.exchange.lay import Original
from app.exchange.route import Route, Routing, heir, route
from app.exchange.states import Change
from app.findings import Finding, Severity
from app.registry.model import Agency
from app.regulations.provisions import ChangeEffects

_NAMED_MAX = 5
"""Agencies a finding names; the rest it counts."""

_REMOVED = ReceiverChange.REMOVED
_SOURCE = "QCVN 102:2016/BTTTT 2.2; ours, decision 0008"
_TO = f"{v.MESSAGE_PATH}/{v.TO}"
_RECEIVERS = f"{v.BUSINESS_PATH}/{v.BUSINESS_DOCUMENT}/{v.RECEIVER_LIST}/{v.RECEIVER}"
_REPLACED = f"{v.BUSINESS_PATH}/{v.REPLACEMENT_LIST}/{v.REPLACEMENT}"


def codes_in(message: DocumentMessage) -> set[str]:
    """Return the codes a message names in the lists of what it does."""
    business = message.business
    if business is None:
        return set()
    receivers = business.update.receivers if business.update else ()
    replaced = (code for replacement in business.replacements for code in replacement.organ_ids)
    return {receiver.organ_id.text for receiver in receivers} | {code.text for code in replaced}


def orders(
    message: DocumentMessage,
    links: Sequence[tuple[Link, str | None]],
    originals: Mapping[str, Original],
    *,
    routes: Sequence[Route],
    directory: Mapping[str, Agency],
    rule: ChangeEffects,
    on: date,
) -> tuple[tuple[Order, ...], tuple[Finding, ...]]:
    """Return the orders a message gives, one for each document it acts on, and who cannot be added to its receivers.

    Args:
        links: with the id of the other document, where this sender sent it.
        originals: those documents, by id.
        routes: where the message itself goes.
        directory: by every code that occurs.
        rule: when what it does takes effect.
        on: the day, in Vietnam.
    """
    receiving = frozenset(leg.recipient.organ_id.text for leg in routes)
    dropped, added, findings = _receivers(message, directory, on=on)
    listed = _listed(message, directory)
    given: dict[str, Order] = {}
    for link, document in links:
        if link.acts and document is not None and document not in given:
            given[document] = Order(
                link.relation,
                originals[document],
                act_of(message.kind, rule),
                receiving,
                link.place,
                listed=listed.get(link.document_id, ()),
                dropped=dropped,
                drop=drop_of(rule),
                added=added,
            )
    return tuple(given.values()), findings


def not_sent(links: Iterable[tuple[Link, str | None]]) -> list[Finding]:
    """Find what a message acts on that its sender did not send: unknown, or somebody else's, both alike."""
    return [
        Finding(
            "ours.exchange.concerned-document-not-sent",
            Severity.ERROR,
            f"the sender has sent no document {link.document_id[:100]!r} that this one {link.relation}",
            "Name a document of your own, by its DocumentId exactly as it was sent.",
            "QĐ 28/2018/QĐ-TTg Đ8; QCVN 102:2016/BTTTT 2.2; ours, decision 0008",
            link.place,
        )
        for link, document in links
        if link.acts and document is None
    ]


def remarks(order: Order, legs: Sequence[Held]) -> list[Finding]:
    """Return what a sender should know of an order: whom it does not reach, and whom it names in vain."""
    found = [*_named_in_vain((*order.dropped, *order.listed), order, legs), *_added_in_vain(order, legs)]
    holding = [leg for leg in legs if not leg.state.ended]
    meant = {leg.id for leg, _, _ in acts(order, legs)}
    if not holding:
        found.append(
            _remark(
                "nobody-holds",
                Severity.INFO,
                f"nobody holds {order.original.document_id[:100]!r} any more",
                "Nothing needs to be done.",
                order.place,
            )
        )
    left_out = [leg for leg in holding if leg.id not in meant and not order.listed]
    if left_out:
        found.append(
            _remark(
                "recipients-not-addressed",
                Severity.WARNING,
                f"{_names(left_out)} received {order.original.document_id[:100]!r}, are not among the addressees, and "
                "keep it",
                "Address this message to every recipient it is meant for.",
                _TO,
            )
        )
    return found


def _receivers(
    message: DocumentMessage, directory: Mapping[str, Agency], *, on: date
) -> tuple[tuple[Named, ...], tuple[Added, ...], tuple[Finding, ...]]:
    update = message.business.update if message.business else None
    places = {
        receiver.organ_id.text: (receiver.change, f"{_RECEIVERS}[{index}]/{v.ORGAN_ID}")
        for index, receiver in enumerate(update.receivers if update else (), start=1)
    }
    dropped = [_named(code, place, directory) for code, (change, place) in places.items() if change is _REMOVED]
    joining = {code: place for code, (change, place) in places.items() if change is ReceiverChange.ADDED}
    routing: Routing = route(list(joining), directory, on=on, places=list(joining.values()))
    added = [Added(leg, joining[leg.addressed_to]) for leg in routing.routes]
    return tuple(dropped), tuple(added), routing.findings


def _listed(message: DocumentMessage, directory: Mapping[str, Agency]) -> dict[str, tuple[Named, ...]]:
    """Return for whom each document is replaced, by DocumentId; nothing for one that is replaced for everybody."""
    replacements = message.business.replacements if message.business else ()
    listed: dict[str, list[Named]] = {}
    everybody: set[str] = set()
    for index, replacement in enumerate(replacements):
        path = f"{numbered(_REPLACED, index, len(replacements))}/{v.ORGAN_ID_LIST}/{v.ORGAN_ID}"
        count = len(replacement.organ_ids)
        if not count:
            everybody.add(replacement.document_id)
        listed.setdefault(replacement.document_id, []).extend(
            _named(code.text, numbered(path, place, count), directory)
            for place, code in enumerate(replacement.organ_ids)
        )
    return {document: tuple(named) for document, named in listed.items() if document not in everybody}


def _named(code: str, place: str, directory: Mapping[str, Agency]) -> Named:
    agency = directory.get(code)
    if agency is None:
        return Named(code, None, None, place)
    return Named(code, agency.organ_id.text, heir(agency, directory).organ_id.text, place)


def _named_in_vain(named: Sequence[Named], order: Order, legs: Sequence[Held]) -> Iterable[Finding]:
    for each, found in of_each(named, legs):
        if not found:
            yield _remark(
                "receiver-not-recipient",
                Severity.WARNING,
                f"{each.written[:40]!r} never received {order.original.document_id[:100]!r} through this exchange",
                "Name recipients of that document only, by the code it was sent to.",
                each.place,
            )


def _added_in_vain(order: Order, legs: Sequence[Held]) -> Iterable[Finding]:
    holding = {leg.holder: leg.state for leg in legs if not leg.state.ended}
    for each in order.added:
        state = holding.get(each.route.recipient.organ_id.text)
        if state is not None:
            asked_back = state.change is Change.WITHDRAWAL_REQUESTED
            yield _remark(
                "receiver-already-recipient",
                Severity.WARNING if asked_back else Severity.INFO,
                f"{each.route.addressed_to[:40]!r} has {order.original.document_id[:100]!r} already"
                + (", and was asked to give it back" if asked_back else "; it is not delivered twice"),
                "Wait for the answer, then add it again." if asked_back else "Leave it out of the receivers.",
                each.place,
            )


def _remark(defect: str, severity: Severity, message: str, fix: str, place: str) -> Finding:
    return Finding(f"ours.exchange.{defect}", severity, message, fix, _SOURCE, place)


def _names(legs: Sequence[Held]) -> str:
    codes = [leg.recipient.organ_id.text for leg in legs]
    more = len(codes) - _NAMED_MAX
    return ", ".join(codes[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
