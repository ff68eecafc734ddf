"""Where events leave a delivery, derived without the rooms that wrote its row.

A fault of theirs would otherwise hide itself: this is the second opinion of the check of the log.
"""

from dataclasses import dataclass
from typing import Final

from app.ledger.events import EventKind
from app.ledger.said import Said

FORWARD = {"01": "arrived", "03": "received", "04": "assigned", "05": "in_progress", "06": "completed"}
"""How far each status code says a delivery came (QĐ 28/2018/QĐ-TTg Đ10.2.h)."""

_ORDER = ("available", "delivered", *FORWARD.values())
_ENDS = ("refused", "withdrawn", "expired")
_REPORTED: Final = EventKind.STATUS_ACCEPTED.value
_CHANGES: Final = frozenset({EventKind.DELIVERY_CHANGE_REQUESTED.value, EventKind.DELIVERY_WITHDRAWN.value})
_SUPERSEDED: Final = EventKind.DELIVERY_SUPERSEDED.value
_OVERDUE: Final = EventKind.DELIVERY_OVERDUE.value


@dataclass(slots=True)
class DeliveryStanding:
    """Where the events seen so far leave a delivery."""

    progress: str = ""
    change: str | None = None
    change_by: str | None = None
    superseded_by: str | None = None
    in_inbox: bool = True
    acknowledged_at: str | None = None
    overdue_at: str | None = None

    def follow(self, event: Said) -> None:
        """Take one more event."""
        detail = event.detail
        shown = detail.get("state", "")
        if shown in _ORDER or shown in _ENDS:
            self.progress, self.change = shown, None
        elif shown:
            # A change the sender asked for covers how far the delivery came, which goes on below it.
            self.change = shown
            self._go_on(FORWARD.get(detail.get("status", ""), ""))
        self.in_inbox = self.in_inbox and detail.get("in_inbox", True)
        if detail.get("acknowledged", False):
            self._go_on("delivered")
            self.acknowledged_at = event.whole.get("at")
        kind = event.whole.get("kind")
        if kind == _REPORTED and detail.get("change") == "requested":
            self.change_by = detail.get("report")
        elif kind == _SUPERSEDED:
            self.superseded_by = detail.get("by")
        elif kind == _OVERDUE:
            self.overdue_at = event.whole.get("at")
        elif isinstance(kind, str) and kind in _CHANGES:
            self.change_by = detail.get("by")

    def _go_on(self, reported: str) -> None:
        if reported in _ORDER and self.progress in _ORDER and _ORDER.index(reported) > _ORDER.index(self.progress):
            self.progress = reported
