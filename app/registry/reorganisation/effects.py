"""What a plan does, as a report: counts, and of each list as much as a person reads; pure.

The report is kept with the plan as JSON, so it says what was true when it was judged.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from app.findings import Finding, Severity
from app.registry.reorganisation.intentions import finding
from app.registry.reorganisation.order import Change, Order
from app.registry.reorganisation.plan import Plan

LISTED_MAX: Final = 500
"""Longest list of a report; the counts count all, and history has the rest."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Touched:
    """What of the exchange belongs to agencies that end.

    Attributes:
        waiting: deliveries in their inboxes, by own code.
        certificates: certificates in force, by own code.
        clients: id, name and the grants of each client that name one of them.
    """

    waiting: Mapping[str, int]
    certificates: Mapping[str, int]
    clients: Sequence[tuple[str, str, list[str]]]


def report_of(order: Order, touched: Touched) -> dict[str, Any]:
    """Write the report of an order.

    Returns:
        JSON; each list is `{count, items}`, its items in the order of the codes.
    """
    closed = [change for change in order.changes if change.closes]
    heirs = {change.after.organ_id: change.after.successor for change in closed}
    rest = [change for change in order.changes if not change.closes]
    return {
        "opened": _listed(order.opened, lambda agency: {"organ_id": agency.organ_id.text, "name": agency.name}),
        "closed": _listed(closed, _closed),
        "renamed": _listed((each for each in rest if "name" in each.fields), _renamed),
        "moved": _listed((each for each in rest if not {"parent", "tier"}.isdisjoint(each.fields)), _moved),
        "waiting_deliveries": _counted(touched.waiting, heirs),
        "certificates": _counted(touched.certificates, heirs),
        "clients": _listed(
            touched.clients, lambda each: {"client_id": each[0], "name": each[1], "agencies": each[2][:LISTED_MAX]}
        ),
        "findings": _listed(order.findings, _finding),
    }


def unanswered(plan: Plan, order: Order, touched: Touched) -> list[Finding]:
    """Say for whom mail waits that nobody will take over any more; it expires, and its senders are told."""
    ending = [change.after for change in order.changes if change.closes and change.after.successor is None]
    return [
        finding(
            plan,
            "waiting-unanswered",
            Severity.WARNING,
            "steps",
            f"{touched.waiting[each.organ_id]} deliveries wait for {each.organ_id}, which ends without successor.",
            "Name a successor, or let it take them over before the day.",
        )
        for each in ending
        if each.organ_id in touched.waiting
    ]


def unreadable(findings: Sequence[Finding]) -> dict[str, Any]:
    """Write the report of a plan that this release cannot read any more."""
    nothing = dict.fromkeys(
        ("opened", "closed", "renamed", "moved", "waiting_deliveries", "certificates", "clients"), _listed((), dict)
    )
    return nothing | {"findings": _listed(findings, _finding)}


def _closed(change: Change) -> dict[str, Any]:
    after = change.after
    return {"organ_id": after.organ_id, "name": after.name, "successor": after.successor}


def _renamed(change: Change) -> dict[str, Any]:
    return {"organ_id": change.after.organ_id, "name": change.after.name, "former_name": change.before.name}


def _moved(change: Change) -> dict[str, Any]:
    before, after = change.before, change.after
    return {
        "organ_id": after.organ_id,
        "parent": after.parent,
        "former_parent": before.parent,
        "tier": after.tier.value,
        "former_tier": before.tier.value,
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        "fix": found.fix,
        "source": found.source,
        "location": found.location,
    }


def _counted(counts: Mapping[str, int], heirs: Mapping[str, str | None]) -> dict[str, Any]:
    listed = _listed(
        sorted(counts.items()), lambda each: {"organ_id": each[0], "count": each[1], "answered_by": heirs.get(each[0])}
    )
    return listed | {"count": sum(counts.values())}


def _listed(values: Iterable[T], shape: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    held = list(values)
    return {"count": len(held), "items": [shape(each) for each in held[:LISTED_MAX]]}
