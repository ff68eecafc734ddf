"""Who sends what to whom in the year, and what becomes of it: made from a seed before anything is sent.

Everything is fixed here down to the minute, late and missed things too; what the node answers changes nothing of it.
"""

import bisect
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

from app.edxml.model import DocumentKind
from app.simulation.year import calendar
from app.simulation.year.country import AGENCIES, HEIRS, heir
from app.simulation.year.names import CODES, COMMON

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timetable:
    """When people sit at their desks on a day of work. A session lasts less than an hour, as long as a token does.

    Attributes:
        starts: hour and minute at which each session begins.
        sending: minutes of a session in which documents are sent; likewise the others.
        reporting: one after the other, where somebody reports several times in one session.
    """

    starts: tuple[tuple[int, int], ...]
    sending: tuple[int, ...]
    asking: tuple[int, ...]
    fetching: tuple[int, ...]
    reporting: tuple[int, ...]
    answering: tuple[int, ...]


WHOLE: Final = Timetable(((8, 0), (11, 40), (15, 0)), (0, 4, 20, 21), (22,), (24, 28, 32), (36, 40, 44, 48, 52), (54,))
"""Of a year in which thousands of documents are sent; the morning ends within the second session."""
SHORT: Final = Timetable(((11, 40),), (0, 20, 21), (22,), (28,), (36, 40, 44, 48, 52), (54,))
"""Of a year in which there is little to do: each stop of the clock takes its time."""
_WHOLE_FROM: Final = 500
"""So many documents fill whole days."""

_TURNING_POINTS: Final = (
    # The days around what makes a difference to who counts days: Tết, an exchanged Saturday, the new order, the end.
    *("2025-01-02", "2025-01-24", "2025-02-03", "2025-04-25", "2025-04-26", "2025-04-28", "2025-04-29", "2025-05-05"),
    *("2025-06-30", "2025-07-01", "2025-08-29", "2025-09-03", "2025-12-31"),
)
_FOLLOW_UPS: Final = (DocumentKind.REVOCATION, DocumentKind.UPDATE, DocumentKind.REPLACEMENT)
_DOCUMENTS_A_DAY: Final = 6
_ASKED_BACK_SHARE: Final = 0.05
_FOLLOWING_SHARE: Final = 0.15
_REPLY_SHARE: Final = 0.15
_OUTDATED_SHARE: Final = 0.3

_COURSES: Final = (
    # statuses reported in this order, how often
    ((), 14),
    (("01",), 12),
    (("03",), 14),
    (("01", "03"), 16),
    (("01", "03", "06"), 16),
    (("03", "04", "05", "06"), 8),
    (("01", "03", "04", "05", "06"), 6),
    (("01", "02"), 5),
    (("02",), 2),
    (("03", "01", "06"), 2),
    (("06",), 2),
    (("03", "03", "06", "05"), 3),
)
_FETCHED_AFTER: Final = (
    # sessions between sending and taking over; None: nobody ever comes
    (0, 52),
    (1, 22),
    (2, 12),
    (3, 6),
    (5, 3),
    (None, 5),
)
_LONGEST_WAIT: Final = timedelta(days=89)
"""Later there is nothing to fetch any more."""
_SIGNED_BEFORE: Final = ((0, 66), (1, 20), (2, 6), (4, 5), (9, 3))
"""Worked days between signing and sending, and how often."""
_DUE_AFTER: Final = ((None, 45), (0, 3), (1, 7), (3, 15), (7, 15), (15, 15))
"""Days between sending and the day an answer is due."""


@dataclass(frozen=True, slots=True)
class Course:
    """What one recipient does with one document.

    Attributes:
        fetched: when it is taken over; None if nobody ever does.
        reports: statuses, each with the moment it is reported; none that the rules of the exchange forbid.
        answer: 15 or 16, to what a later document or 13 asks, and when.
    """

    fetched: datetime | None
    reports: tuple[tuple[datetime, str], ...] = ()
    answer: tuple[datetime, str] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A withdrawal asked of one recipient by a status report (13), and its answer."""

    recipient: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Planned:
    """A document of the year.

    Attributes:
        number: from 1; of the whole country.
        to: own codes of the recipients; of those that ended, their successors receive it.
        about: number of the own earlier document it revokes, updates or replaces.
        answers: number of the document it is the reply to.
        dropped: recipients of the earlier document that an update takes off the list.
        added: those it adds; they receive the earlier document.
        courses: by recipient, those that a later update adds included.
        asked_back: recipients that are asked for it back by 13.
    """

    number: int
    sender: str
    to: tuple[str, ...]
    kind: DocumentKind
    type_name: str
    paper: bool
    priority: int
    signed_on: date
    sent_at: datetime
    due: date | None
    courses: Mapping[str, Course]
    about: int | None = None
    answers: int | None = None
    dropped: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    asked_back: tuple[Asked, ...] = ()


@dataclass(slots=True)
class Sessions:
    """Every session of the days that are played, in their order."""

    days: Sequence[date]
    table: Timetable
    _starts: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._starts = [calendar.at(day, *start) for day in self.days for start in self.table.starts]

    def __len__(self) -> int:
        return len(self._starts)

    def minute(self, session: int, minutes: Sequence[int], rng: random.Random) -> datetime:
        """A moment of a session."""
        return self._starts[session] + timedelta(minutes=rng.choice(minutes))

    def number_of(self, moment: datetime) -> int:
        """The number of the session a moment is in."""
        return bisect.bisect_right(self._starts, moment) - 1

    def day(self, session: int) -> date:
        """The day of a session."""
        return self.days[session // len(self.table.starts)]


def played_days(count: int, rng: random.Random) -> list[date]:
    """Choose which worked days of the year are played: all of them if there is enough to send, else some in pairs."""
    every = calendar.worked_days()
    wished = max(count // _DOCUMENTS_A_DAY, 1)
    chosen = {date.fromisoformat(each) for each in _TURNING_POINTS}
    pairs = [pair for pair in itertools.pairwise(every) if pair[0].month == pair[1].month]
    for month in {day.month for day in every} - {day.month for day in chosen}:
        chosen |= set(rng.choice([pair for pair in pairs if pair[0].month == month]))
    while len(chosen) < min(wished, len(every)):
        chosen |= set(rng.choice(pairs))
    return sorted(chosen)


def write(count: int, *, seed: int) -> tuple[Planned, ...]:
    """Write the script of a year.

    Args:
        count: how many documents, follow-ups and replies included.
    """
    rng = random.Random(f"{seed}/year")
    sessions = Sessions(played_days(count, rng), WHOLE if count >= _WHOLE_FROM else SHORT)
    following = round(count * _FOLLOWING_SHARE)
    written = [_first(number, sessions, rng) for number in range(1, count - following + 1)]
    places = rng.sample(range(len(written)), len(written))
    for place in (places.pop() for _ in range(round(count * _ASKED_BACK_SHARE))):
        written[place] = _asked_back(written[place], sessions, rng)
    while len(written) < count and places:
        kind = _FOLLOW_UPS[len(written) % len(_FOLLOW_UPS)]
        place = places.pop()
        if (pair := _follow_up(len(written) + 1, kind, written[place], sessions, rng)) is not None:
            written[place] = pair[0]
            written.append(pair[1])
    script = sorted(written, key=lambda each: (each.sent_at, each.number))
    return tuple(_as_reply(each, script[:place], rng) for place, each in enumerate(script))


def _first(number: int, sessions: Sessions, rng: random.Random) -> Planned:
    # Everybody sends once before anybody sends at random, and every type goes out once.
    wished = AGENCIES[(number - 1) % len(AGENCIES)] if number <= len(AGENCIES) else rng.choice(AGENCIES)
    names = list(CODES)
    type_name = names[number - 1] if number <= len(names) else rng.choice(COMMON if rng.random() < 0.8 else names)
    session = rng.randrange(len(sessions))
    sender = heir(wished.code, sessions.day(session))
    to = _recipients(sender, rng.choices((1, 2, 3, 5), weights=(48, 30, 15, 7))[0], sessions.day(session), rng)
    return _planned(number, sender, to, DocumentKind.NEW, type_name, session, sessions, rng)


def _recipients(sender: str, wished: int, day: date, rng: random.Random) -> tuple[str, ...]:
    """Choose recipients, no two of whom are one agency in the end.

    Nor is one of them one with the sender then: what a successor reports could be meant for either.
    """
    chosen: dict[str, str] = {}
    for agency in rng.sample(AGENCIES, len(AGENCIES)):
        last = HEIRS.get(agency.code, agency.code)
        # Some still write to codes that ended; their mail goes to the successor.
        outdated = heir(agency.code, day) != agency.code and rng.random() > _OUTDATED_SHARE
        if last != HEIRS.get(sender, sender) and not outdated:
            chosen.setdefault(last, agency.code)
        if len(chosen) == wished:
            break
    return tuple(chosen.values())


def _planned(
    number: int,
    sender: str,
    to: tuple[str, ...],
    kind: DocumentKind,
    type_name: str,
    session: int,
    sessions: Sessions,
    rng: random.Random,
) -> Planned:
    day = sessions.day(session)
    signed_on = day
    for _ in range(_weighted(_SIGNED_BEFORE, rng)):
        signed_on = _worked_before(signed_on)
    due_after = _weighted(_DUE_AFTER, rng)
    return Planned(
        number=number,
        sender=sender,
        to=to,
        kind=kind,
        type_name=type_name,
        paper=rng.random() < 0.1,
        priority=rng.choices((0, 1, 2, 3, 4), weights=(78, 10, 6, 4, 2))[0],
        signed_on=signed_on,
        sent_at=sessions.minute(session, sessions.table.sending, rng),
        due=None if due_after is None else day + timedelta(days=due_after),
        courses={recipient: _course(session, sessions, rng) for recipient in to},
    )


def _course(session: int, sessions: Sessions, rng: random.Random) -> Course:
    lag = _weighted(_FETCHED_AFTER, rng)
    codes = _weighted(_COURSES, rng)
    if lag is None or session + lag >= len(sessions):
        return Course(None)
    started, session = session, session + lag
    fetched = sessions.minute(session, sessions.table.fetching, rng)
    if fetched - sessions.minute(started, sessions.table.sending, rng) > _LONGEST_WAIT:
        return Course(None)
    reports, minute = [], 0
    for code in codes:
        later = _weighted(((0, 50), (1, 20), (2, 15), (5, 10), (12, 5)), rng)
        session, minute = (session + later, 0) if later else (session, minute)
        if session >= len(sessions):
            break
        reports.append((sessions.minute(session, sessions.table.reporting[minute : minute + 1], rng), code))
        minute += 1
    return Course(fetched, tuple(reports))


def _asked_back(planned: Planned, sessions: Sessions, rng: random.Random) -> Planned:
    """Let the sender ask one recipient for a document back, if there is one that could still answer."""
    for recipient, course in planned.courses.items():
        asked = sessions.number_of(planned.sent_at) + rng.randint(1, 6)
        answered = _answered(course, asked, sessions, rng, ends=True)
        if answered is not course:
            moment = sessions.minute(asked, sessions.table.asking, rng)
            courses = {**planned.courses, recipient: answered}
            return replace(planned, courses=courses, asked_back=(Asked(recipient, moment),))
    return planned


def _follow_up(
    number: int, kind: DocumentKind, original: Planned, sessions: Sessions, rng: random.Random
) -> tuple[Planned, Planned] | None:
    """Let the sender revoke, update or replace a document; returns both documents, if there is time left."""
    session = sessions.number_of(original.sent_at) + rng.randint(2, 12)
    if session >= len(sessions) or original.asked_back:
        return None
    courses, to = dict(original.courses), original.to
    dropped: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    if kind is DocumentKind.UPDATE:
        to, dropped = (to[:-1], to[-1:]) if len(to) > 1 else (to, ())
        known = {HEIRS.get(code, code) for code in (*original.to, original.sender)}
        added = (rng.choice([agency.code for agency in AGENCIES if HEIRS.get(agency.code, agency.code) not in known]),)
        courses[added[0]] = _course(session, sessions, rng)
    if kind is DocumentKind.REPLACEMENT:
        to = to[1:] or to
    else:
        for recipient in original.to:
            ends = kind is DocumentKind.REVOCATION or recipient in dropped
            courses[recipient] = _answered(courses[recipient], session, sessions, rng, ends=ends)
    sender = heir(original.sender, sessions.day(session))
    following = _planned(number, sender, to, kind, original.type_name, session, sessions, rng)
    return (
        replace(original, courses=courses),
        replace(following, about=original.number, dropped=dropped, added=added),
    )


def _answered(course: Course, asked: int, sessions: Sessions, rng: random.Random, *, ends: bool) -> Course:
    """Let a recipient answer a question of that session, unless it has no document any more; then as it was.

    Args:
        ends: whether agreeing ends the delivery.
    """
    session = asked + rng.randint(1, 4)
    if course.fetched is None or any(code == "02" for _, code in course.reports) or session >= len(sessions):
        return course
    if sessions.number_of(course.fetched) > session:
        return course
    code = "15" if rng.random() < 0.6 else "16"
    # A minute of its own, so that nothing else happens to the delivery at the same moment.
    moment = sessions.minute(session, sessions.table.answering, rng)
    remaining = _ended_by(course, moment) if ends and code == "15" else course
    return replace(remaining, answer=(moment, code))


def _as_reply(planned: Planned, earlier: Sequence[Planned], rng: random.Random) -> Planned:
    """Let some documents answer one that their sender received."""
    if planned.kind is not DocumentKind.NEW or rng.random() > _REPLY_SHARE:
        return planned
    received = [each.number for each in earlier if planned.sender in each.to and each.sent_at < planned.sent_at]
    return replace(planned, answers=rng.choice(received)) if received else planned


def _ended_by(course: Course, moment: datetime) -> Course:
    """Leave out what would come after a delivery ended."""
    fetched = course.fetched if course.fetched is not None and course.fetched < moment else None
    return replace(course, fetched=fetched, reports=tuple(each for each in course.reports if each[0] < moment))


def _worked_before(day: date) -> date:
    day -= timedelta(days=1)
    while not calendar.worked(day):
        day -= timedelta(days=1)
    return day


def _weighted(choices: Sequence[tuple[T, int]], rng: random.Random) -> T:
    return rng.choices([value for value, _ in choices], weights=[weight for _, weight in choices])[0]
