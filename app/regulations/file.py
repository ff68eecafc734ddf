"""Reading the dated rules from TOML: the shipped ones, with whole tables replaced by an operator's own file."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from app.errors import RequestInvalid
from app.regulations.calendar import WorkingCalendar
from app.regulations.provisions import (
    ChangeEffects,
    DefaultLeniency,
    Effect,
    Kept,
    Leniency,
    P,
    Regulations,
    Retention,
    RetentionFloor,
    RetentionRule,
    SendingDeadline,
    Waiting,
    WorkingWeek,
    in_force,
)

_CORRECTIONS = "calendar_corrections"
_CORRECTED = ("days_off", "working_days")
_TABLES = frozenset(
    {
        "sending_deadline",
        "change_effects",
        "waiting",
        "leniency",
        "retention_floor",
        "retention",
        "working_week",
        _CORRECTIONS,
    }
)
_NAME = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
_KINDS = frozenset({"new", "revocation", "update", "replacement"})
_KEEP_DAYS_MAX = 365 * 200


def load(own: Path | None = None) -> Regulations:
    """Read the rules.

    Args:
        own: the operator's file; each table in it replaces the shipped one of that name.

    Raises:
        RequestInvalid: the file cannot be read, or an entry is wrong; the detail names table and entry.
    """
    tables = tomllib.loads(files("app.regulations").joinpath("vietnam.toml").read_text("utf-8"))
    if own is not None:
        tables |= _own(own)
    weeks = _entries(tables, "working_week", _working_week)
    floors = _entries(tables, "retention_floor", _retention_floor)
    return Regulations(
        sending_deadlines=_entries(tables, "sending_deadline", _sending_deadline),
        change_effects=_entries(tables, "change_effects", _change_effects),
        waiting=_entries(tables, "waiting", _waiting),
        leniency=_entries(tables, "leniency", _leniency),
        retention_floors=floors,
        retention=_above(floors, _entries(tables, "retention", _retention)),
        working_weeks=weeks,
        calendar=_calendar(tables.get(_CORRECTIONS, {}), weeks),
    )


def _own(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RequestInvalid(f"regulations: {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise RequestInvalid(f"regulations: {path} is not TOML ({error})") from error
    if unknown := sorted(found.keys() - _TABLES):
        raise RequestInvalid(f"regulations: unknown tables {', '.join(unknown)}; known: {', '.join(sorted(_TABLES))}")
    return found


def _entries(tables: Mapping[str, Any], name: str, make: Callable[[dict[str, Any]], P]) -> tuple[P, ...]:
    made: list[P] = []
    entries = tables[name]
    if not isinstance(entries, list) or not entries:
        raise RequestInvalid(f"regulations: write at least one [[{name}]]")
    for number, entry in enumerate(entries, start=1):
        try:
            provision = make(dict(entry))
        except (KeyError, TypeError, ValueError) as error:
            raise RequestInvalid(f"regulations: [[{name}]] entry {number}: {error}") from error
        if made:
            if not _follows(made[-1], provision):
                raise RequestInvalid(
                    f"regulations: [[{name}]] entry {number} begins {provision.in_force_from}, which does not follow "
                    "the entry before it; write the entries in order and end each the day before the next"
                )
            made[-1] = replace(made[-1], in_force_until=provision.in_force_from - timedelta(days=1))
        made.append(provision)
    if made[-1].in_force_until is not None:
        raise RequestInvalid(
            f"regulations: [[{name}]] entry {len(made)} ends {made[-1].in_force_until} and nothing follows it; "
            "leave in_force_until out, or write what holds afterwards"
        )
    return tuple(made)


def _follows(earlier: P, later: P) -> bool:
    if later.in_force_from <= earlier.in_force_from:
        return False
    return earlier.in_force_until is None or earlier.in_force_until == later.in_force_from - timedelta(days=1)


def _period(entry: dict[str, Any]) -> dict[str, Any]:
    period = {
        "source": _taken(entry, "source", str),
        "in_force_from": _taken(entry, "in_force_from", date),
        "in_force_until": _taken(entry, "in_force_until", date) if "in_force_until" in entry else None,
    }
    if not period["source"]:
        raise ValueError("source must name the article")
    return period


def _taken(entry: dict[str, Any], name: str, kind: type) -> Any:
    if name not in entry:
        raise ValueError(f"{name} is missing")
    value = entry.pop(name)
    if type(value) is not kind:
        raise ValueError(f"{name} must be a {kind.__name__}, not {value!r}")
    return value


def _count(entry: dict[str, Any], name: str, most: int) -> int:
    value: int = _taken(entry, name, int)
    if not 0 <= value <= most:
        raise ValueError(f"{name} must be 0 to {most}, not {value}")
    return value


def _done(entry: dict[str, Any], provision: P) -> P:
    if entry:
        raise ValueError(f"unknown: {', '.join(sorted(entry))}")
    return provision


def _sending_deadline(entry: dict[str, Any]) -> SendingDeadline:
    days, until = _count(entry, "working_days", 30), _taken(entry, "until", time)
    return _done(entry, SendingDeadline(working_days=days, until=until, **_period(entry)))


def _change_effects(entry: dict[str, Any]) -> ChangeEffects:
    revocation, update, replacement = (
        Effect(_taken(entry, name, str)) for name in ("revocation", "update", "replacement")
    )
    return _done(entry, ChangeEffects(revocation=revocation, update=update, replacement=replacement, **_period(entry)))


def _waiting(entry: dict[str, Any]) -> Waiting:
    hours, days = _count(entry, "undelivered_hours", 24 * 365), _count(entry, "expiry_days", 3650)
    return _done(
        entry,
        Waiting(
            undelivered_after=timedelta(hours=hours) or None,
            expires_after=timedelta(days=days) or None,
            **_period(entry),
        ),
    )


def _leniency(entry: dict[str, Any]) -> DefaultLeniency:
    mode = Leniency(_taken(entry, "mode", str))
    return _done(entry, DefaultLeniency(mode=mode, **_period(entry)))


def _retention_floor(entry: dict[str, Any]) -> RetentionFloor:
    return _done(entry, RetentionFloor(least_days=_count(entry, "least_days", _KEEP_DAYS_MAX), **_period(entry)))


def _retention(entry: dict[str, Any]) -> Retention:
    written = entry.pop("rules", [])
    if not isinstance(written, list) or not all(isinstance(each, dict) for each in written):
        raise ValueError("rules must be written as [[retention.rules]]")
    rules = tuple(_retention_rule(dict(each)) for each in written)
    if len({rule.name for rule in rules}) < len(rules):
        raise ValueError("two rules have the same name")
    return _done(entry, Retention(rules=rules, **_period(entry)))


def _retention_rule(written: dict[str, Any]) -> RetentionRule:
    name = _taken(written, "name", str)
    if not _NAME.fullmatch(name) or len(name) > 40:
        raise ValueError(f"name must be lower-case letters, digits and hyphens, at most 40, not {name!r}")
    rule = RetentionRule(
        name=name,
        kept=Kept(_taken(written, "of", str)),
        keep_days=_count(written, "keep_days", _KEEP_DAYS_MAX),
        kinds=_words(written, "kinds"),
        document_types=_words(written, "document_types"),
        forget_subject=_taken(written, "forget_subject", bool) if "forget_subject" in written else False,
        source=_taken(written, "source", str),
    )
    if unknown := rule.kinds - _KINDS:
        raise ValueError(f"rule {name}: kinds are {', '.join(sorted(_KINDS))}, not {', '.join(sorted(unknown))}")
    if rule.forget_subject and rule.kept is not Kept.DOCUMENT:
        raise ValueError(f"rule {name}: only documents have a subject to forget")
    if not rule.source:
        raise ValueError(f"rule {name}: source must name the article, or whose decision it is")
    if written:
        raise ValueError(f"rule {name}: unknown: {', '.join(sorted(written))}")
    return rule


def _words(written: dict[str, Any], name: str) -> frozenset[str]:
    words = _taken(written, name, list) if name in written else []
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"{name} must be a list of words, not {words!r}")
    return frozenset(words)


def _above(floors: tuple[RetentionFloor, ...], policies: tuple[Retention, ...]) -> tuple[Retention, ...]:
    """Refuse a rule that keeps less than is prescribed on a day it is in force."""
    for policy in policies:
        last = policy.in_force_until or date.max
        for floor in floors:
            ended = floor.in_force_until is not None and floor.in_force_until < policy.in_force_from
            if ended or floor.in_force_from > last:
                continue
            for rule in policy.rules:
                if rule.keep_days < floor.least_days:
                    raise RequestInvalid(
                        f"regulations: [[retention]] rule {rule.name} keeps bodies for {rule.keep_days} days; "
                        f"at least {floor.least_days} are prescribed from {floor.in_force_from} on ({floor.source})"
                    )
    return policies


def _working_week(entry: dict[str, Any]) -> WorkingWeek:
    days = _taken(entry, "days", list)
    if not days or not all(type(day) is int and 1 <= day <= 7 for day in days):
        raise ValueError(f"days must be numbers 1 (Monday) to 7, not {days!r}")
    return _done(entry, WorkingWeek(days=frozenset(days), **_period(entry)))


def _calendar(corrections: object, weeks: tuple[WorkingWeek, ...]) -> WorkingCalendar:
    if not isinstance(corrections, dict):
        raise RequestInvalid(f"regulations: write [{_CORRECTIONS}] once, as a table")
    if unknown := sorted(corrections.keys() - set(_CORRECTED)):
        raise RequestInvalid(f"regulations: [{_CORRECTIONS}] unknown: {', '.join(unknown)}")
    named: dict[str, frozenset[date]] = {}
    for name in _CORRECTED:
        days = corrections.get(name, [])
        if not isinstance(days, list) or not all(type(day) is date for day in days):
            raise RequestInvalid(f"regulations: [{_CORRECTIONS}] {name} must be a list of days, written YYYY-MM-DD")
        named[name] = frozenset(days)
    if both := named["days_off"] & named["working_days"]:
        raise RequestInvalid(f"regulations: [{_CORRECTIONS}] has {min(both)} as worked and not worked")
    return WorkingCalendar(lambda day: in_force(weeks, day).days, **named)
