"""What a status report does to the delivery it speaks of: its new columns, and the events that tell of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.edxml.model import StatusCode
from app.exchange.effects import values_of
from app.exchange.states import Change, DeliveryState, Party, Progress, reached
from app.exchange.subject import Subject
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind
from app.registry.model import Agency
from app.regulations.calendar import end_of


@dataclass(frozen=True, slots=True)
class Moved:
    """A delivery that a report takes from one state to another, or leaves where it is.

    Attributes:
        row: of the report.
        change_by: what asked for the change that is answered.
        superseded_by: document that holds from now on.
    """

    about: Subject
    row: Mapping[str, Any]
    before: DeliveryState
    after: DeliveryState
    change_by: str | None
    superseded_by: str | None

    @classmethod
    def of(
        cls, about: Subject, row: Mapping[str, Any], delivery: Any, before: DeliveryState, after: DeliveryState
    ) -> "Moved":
        """Say what a report makes of a delivery's row as it is under lock."""
        return cls(about, row, before, after, delivery.change_by, _superseding(delivery, before, after))

    @property
    def values(self) -> dict[str, Any]:
        """New columns of the delivery."""
        values = {"id": self.about.delivery, **values_of(self.after)}
        if self._change == "requested":
            values["change_by"] = self.row["id"]
        if self.superseded_by is not None:
            # Nobody has to complete what no longer holds.
            values |= {"superseded_by": self.superseded_by, "due_at": None}
        return values

    def events(self, notice: str, *, relation: str | None) -> list[Event]:
        """Tell of the report, of the notice of it, and of what it ended.

        Args:
            notice: delivery by which the other party hears of it.
            relation: what the superseding document says of this one.
        """
        about, after = self.about, self.after
        told: dict[str, JsonValue] = {
            "sha256": self.row["sha256"],
            "signature": self.row["verification"]["signature"],
            "certificate": self.row["verification"]["certificate"],
            "indication": self.row["indication"],
            "recipient": about.recipient,
            "before": self.before.shown,
            "state": after.shown,
            "in_inbox": not after.ended,
            "reached": [progress.value for progress in reached(self.before, after)],
            "seconds": max(0, int((self.row["accepted_at"] - about.available_at).total_seconds())),
        }
        if self._change is not None:
            told["change"] = self._change
        if (on_time := self._on_time) is not None:
            told["on_time"] = on_time
        by_recipient = about.party is Party.RECIPIENT
        happened = [
            self._event(EventKind.STATUS_ACCEPTED, about.reporter, about.delivery, told, of_delivery=by_recipient),
            self._event(
                EventKind.STATUS_AVAILABLE,
                about.informed,
                notice,
                {"state": Progress.AVAILABLE.value},
                of_delivery=False,
            ),
        ]
        if after.progress is Progress.WITHDRAWN and self.before != after:
            ended: dict[str, JsonValue] = {"recipient": about.recipient, "state": after.shown, "by": self.change_by}
            happened.append(self._event(EventKind.DELIVERY_WITHDRAWN, about.informed, about.delivery, ended))
        if self.superseded_by is not None:
            ended = {"by": self.superseded_by, "relation": relation, "state": after.shown}
            happened.append(self._event(EventKind.DELIVERY_SUPERSEDED, about.reporter, about.delivery, ended))
        return happened

    @property
    def _change(self) -> str | None:
        if self.before == self.after:
            return None
        match self.about.message.status:
            case StatusCode.WITHDRAWAL_REQUESTED:
                return "requested"
            case StatusCode.CHANGE_ACCEPTED:
                return "accepted"
            case StatusCode.CHANGE_REFUSED:
                return "refused"
            case _:
                return None

    @property
    def _on_time(self) -> bool | None:
        """Whether it was completed by its due date; None where it was not completed, or nothing was due."""
        if Progress.COMPLETED not in reached(self.before, self.after) or self.about.due_date is None:
            return None
        due_at = end_of(self.about.due_date)
        return bool(self.row["accepted_at"] < due_at) if due_at > self.about.available_at else None

    def _event(
        self,
        kind: EventKind,
        agency: Agency,
        delivery: str,
        detail: Mapping[str, JsonValue],
        *,
        of_delivery: bool = True,
    ) -> Event:
        return Event(
            id=new_id(),
            kind=kind,
            at=self.row["accepted_at"],
            actor=self.row["client_id"],
            standing=agency.standing,
            document_type=self.about.document_type,
            peer_tier=self.about.sender_tier if of_delivery else None,
            document=self.about.document,
            delivery=delivery,
            detail={"report": self.row["id"], "status": self.row["status_code"], **detail},
        )


def _superseding(delivery: Any, before: DeliveryState, after: DeliveryState) -> str | None:
    """Return the document that holds from now on, where the recipient agreed to one and no later one holds already."""
    agreed = before.change is Change.UPDATE_REQUESTED and after.change is Change.ACCEPTED
    return delivery.change_by if agreed and (delivery.superseded_by or "") < (delivery.change_by or "") else None
