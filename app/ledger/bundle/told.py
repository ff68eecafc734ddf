"""What became of each delivery, told from the events alone, in the order of the log."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.ledger.bundle.case import Entry
from app.ledger.events import EventKind

_ABOUT_LEGS: Final = frozenset(
    kind.value
    for kind in (
        EventKind.DELIVERY_AVAILABLE,
        EventKind.DELIVERY_ACKNOWLEDGED,
        EventKind.DELIVERY_WITHDRAWN,
        EventKind.DELIVERY_CHANGE_REQUESTED,
        EventKind.DELIVERY_SUPERSEDED,
        EventKind.DELIVERY_REDIRECTED,
        EventKind.DELIVERY_UNDELIVERED,
        EventKind.DELIVERY_EXPIRED,
        EventKind.DELIVERY_OVERDUE,
        EventKind.STATUS_ACCEPTED,
    )
)


def deliveries(events: Iterable[Entry]) -> tuple[Mapping[str, Any], ...]:
    """Return each delivery with its recipient, where it stands and what happened to it; JSON values."""
    legs: dict[str, dict[str, Any]] = {}
    for each in events:
        delivery = each.said.get("delivery")
        if not isinstance(delivery, str) or each.kind not in _ABOUT_LEGS:
            continue
        leg = legs.setdefault(delivery, {"delivery": delivery, "recipient": None, "state": None, "events": []})
        if each.kind == EventKind.DELIVERY_AVAILABLE.value:
            leg["recipient"] = each.said.get("agency")
        leg["state"] = each.detail.get("state", leg["state"])
        leg["events"].append(
            {
                "index": each.index,
                "at": each.said.get("at"),
                "kind": each.kind,
                "status": each.detail.get("status"),
                "agency": each.said.get("agency"),
                "actor": each.said.get("actor"),
            }
        )
    return tuple(legs.values())
