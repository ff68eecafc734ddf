"""The dated rules as values: what holds on a day, and where it says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from app.regulations.calendar import ZONE, WorkingCalendar, plausible


class Effect(StrEnum):
    """When a document about another one takes effect on a delivery of that other one."""

    ON_ANSWER = "on-answer"
    """When its recipient agrees (15); until then it is pending."""
    AT_ONCE = "at-once"
    """With the acceptance of the document that says so."""


class Leniency(StrEnum):
    """How what real senders get wrong is taken."""

    LENIENT = "lenient"
    """Accepted, with a warning among the findings."""
    STRICT = "strict"
    """Refused, with an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """One rule over the days it is in force.

    Attributes:
        source: the article it comes from.
        in_force_from: first day, in Vietnam.
        in_force_until: last day, in Vietnam; None until further notice.
    """

    source: str
    in_force_from: date
    in_force_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingDeadline(Provision):
    """Until when a signed document is to be sent.

    Attributes:
        working_days: counted from the day of signing; 0 is that day itself.
        until: time of that working day, in Vietnam.
    """

    working_days: int
    until: time


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEffects(Provision):
    """When revocations, updates and replacements take effect."""

    revocation: Effect
    update: Effect
    replacement: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Provision):
    """How long a delivery may lie in the inbox.

    Attributes:
        undelivered_after: then the sender is told that it was not fetched; None: never.
        expires_after: then it leaves the inbox; None: never.
    """

    undelivered_after: timedelta | None
    expires_after: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultLeniency(Provision):
    """How senders without a policy of their own are taken."""

    mode: Leniency


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingWeek(Provision):
    """Days of the week that are worked; Monday is 1."""

    days: frozenset[int]


class Kept(StrEnum):
    """What a rule of retention is about."""

    DOCUMENT = "document"
    """Bodies of documents, attachments with them."""
    STATUS = "status"
    """Bodies of status reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """How long bodies of one sort are kept.

    Attributes:
        name: of this rule, as events and answers give it; lower-case letters, digits, hyphens.
        kept: whether it is about documents or status reports.
        keep_days: so many days after it was accepted a body may go, at the earliest.
        kinds: `new`, `revocation`, `update`, `replacement`; empty: all of them. Of a status report, its document's.
        document_types: codes of types of documents; empty: all of them. Of a status report, its document's.
        forget_subject: whether the subject of a document goes with its body.
        source: the article, or the decision of the operator, it comes from.
    """

    name: str
    kept: Kept
    keep_days: int
    kinds: frozenset[str] = frozenset()
    document_types: frozenset[str] = frozenset()
    forget_subject: bool = False
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionFloor(Provision):
    """The least a rule of retention may say.

    Attributes:
        least_days: no rule in force on one of these days keeps bodies for less.
    """

    least_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention(Provision):
    """Which bodies are kept for how long; what no rule is about is kept for ever.

    Attributes:
        rules: where several are about the same body, the one that keeps it longest decides.
    """

    rules: tuple[RetentionRule, ...]


P = TypeVar("P", bound=Provision)


@dataclass(frozen=True, slots=True)
class Regulations:
    """Every dated rule of the node, oldest entry first in each table. Make one with `app.regulations.file.load`."""

    sending_deadlines: tuple[SendingDeadline, ...]
    change_effects: tuple[ChangeEffects, ...]
    waiting: tuple[Waiting, ...]
    leniency: tuple[DefaultLeniency, ...]
    retention_floors: tuple[RetentionFloor, ...]
    retention: tuple[Retention, ...]
    working_weeks: tuple[WorkingWeek, ...]
    calendar: WorkingCalendar

    def sending_deadline_on(self, day: date) -> SendingDeadline:
        """Return the rule for documents signed on this day."""
        return in_force(self.sending_deadlines, day)

    def change_effects_on(self, day: date) -> ChangeEffects:
        """Return the rule for documents accepted on this day."""
        return in_force(self.change_effects, day)

    def waiting_on(self, day: date) -> Waiting:
        """Return the rule for documents accepted on this day."""
        return in_force(self.waiting, day)

    def leniency_on(self, day: date) -> DefaultLeniency:
        """Return the rule for documents accepted on this day."""
        return in_force(self.leniency, day)

    def retention_floor_on(self, day: date) -> RetentionFloor:
        """Return the least that rules in force on this day may say."""
        return in_force(self.retention_floors, day)

    def retention_on(self, day: date) -> Retention:
        """Return what may be purged on this day, whenever it was accepted."""
        return in_force(self.retention, day)

    def working_week_on(self, day: date) -> WorkingWeek:
        """Return the rule for this day of the week."""
        return in_force(self.working_weeks, day)

    def sent_on_time(self, signed_on: date | None, *, at: datetime) -> bool | None:
        """Tell whether a document signed that day and sent at this moment keeps the deadline.

        None where that cannot be told: no day is given, or one that no document can be of.
        """
        if signed_on is None or signed_on != plausible(signed_on):
            return None
        return at <= self.send_by(signed_on)

    def send_by(self, signed_on: date) -> datetime:
        """Return the last moment, in Vietnam, at which a document signed that day is sent on time."""
        signed_on = plausible(signed_on)
        rule = self.sending_deadline_on(signed_on)
        day = self.calendar.working_day_after(signed_on, rule.working_days)
        return datetime.combine(day, rule.until, tzinfo=ZONE)


def in_force(provisions: Sequence[P], day: date) -> P:
    """Return the provision of a day; before the first one, the first: nothing older is known."""
    found = provisions[0]
    for provision in provisions:
        if provision.in_force_from <= day:
            found = provision
    return found
