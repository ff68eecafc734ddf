"""Step (12) of the check: agencies, certificates, clients and what else is registered, against what events say of them.

Events name what was decided and never what people wrote, so names, addresses and contacts are not compared. What is
registered does not grow with the traffic, so what the events of it say is held in memory.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.ledger.divergence import CheckReport, Likely
from app.ledger.events import EventKind
from app.ledger.said import Said, said_by
from app.store import census_registry
from app.store.database import Transaction

STEP: Final = "(12) registry"
_CHUNK: Final = 1_000

_Known = dict[str, object]
"""What a row must say, by column; columns that events leave open are not in it."""


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of the registry.

    Attributes:
        called: what a row is, for people.
        key: its key, by what an event says; None where an event speaks of something else.
        tell: takes an event into what is known of its row.
        complete: whether each event's row must be there still.
        hashed: whether the key is the SHA-256 of `der`.
    """

    called: str
    kinds: tuple[EventKind, ...]
    key: Callable[[Said], object]
    tell: Callable[[Said, _Known], None]
    complete: bool = True
    hashed: bool = False


async def check_registry(tx: Transaction, report: CheckReport) -> None:
    """Compare each row that events tell of, and find those none tells of, and those that are gone."""
    for name, table in _TABLES.items():
        known = await _told(tx, table)
        async for rows in census_registry.rows(tx, name, chunk=_CHUNK):
            for row in rows:
                _compare(report, table, row, known)
                report.registry += 1
        if table.complete:
            for key in known:
                report.add(STEP, key, f"the log tells of this {table.called}, and it is not there", Likely.DELETED)


def _compare(report: CheckReport, table: _Table, row: Any, known: dict[str, _Known]) -> None:
    key = str(row[0])
    if table.hashed:
        der = row.der if isinstance(row.der, bytes) else str(row.der).encode()
        computed = hashlib.sha256(der).hexdigest()
        if computed != key:
            report.add(STEP, key, f"der of this {table.called} hashes to {computed}")
    if not table.kinds:
        return
    said = known.pop(key, None)
    if said is None:
        report.add(STEP, key, f"no event tells of this {table.called}", Likely.INSERTED)
        return
    for column, value in said.items():
        kept = getattr(row, column)
        kept = _list(kept) if isinstance(value, list) else kept
        if kept != value:
            report.add(STEP, key, f"{column} of this {table.called} is {kept!r}, its events say {value!r}")


async def _told(tx: Transaction, table: _Table) -> dict[str, _Known]:
    known: dict[str, _Known] = defaultdict(dict)
    if table.kinds:
        async for rows in census_registry.happened(tx, [kind.value for kind in table.kinds], chunk=_CHUNK):
            for row in rows:
                said = said_by(row)
                table.tell(said, known[str(table.key(said))])
    return known


def _list(text: Any) -> object:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return text
    return sorted(value, key=str) if isinstance(value, list) else value


def _changed(said: Said, known: _Known, values: Mapping[str, object]) -> None:
    """Take what an event says of fields it names, and forget what it only says has changed."""
    fields = said.detail.get("fields")
    for field in fields if isinstance(fields, list) else ():
        known.pop(str(field), None)
    known.update(values)


def _agency(said: Said, known: _Known) -> None:
    detail = said.detail
    known |= {"tier": said.whole.get("tier"), "branch": said.whole.get("branch")}
    match said.whole.get("kind"):
        case EventKind.AGENCY_REGISTERED.value:
            known |= {name: detail.get(name) for name in ("status", "parent", "successor")}
            known |= {"created_at": said.whole.get("at"), "version": 1}
        case EventKind.AGENCY_SUSPENDED.value:
            known["status"] = "suspended"
        case EventKind.AGENCY_REINSTATED.value:
            known["status"] = "active"
        case EventKind.AGENCY_CLOSED.value:
            known |= {"status": "closed", "successor": detail.get("successor")}
            # Where an agency that ends stood, and until when, is not in its event.
            known.pop("parent", None)
        case _:
            _changed(said, known, {})
    if "version" in detail:
        known["version"] = detail["version"]


def _certificate(said: Said, known: _Known) -> None:
    detail = said.detail
    match said.whole.get("kind"):
        case EventKind.CERTIFICATE_REGISTERED.value:
            known |= {"organ_id": said.whole.get("agency"), "kind": detail.get("certificate_kind"), "status": "active"}
            known |= {"possession": detail.get("possession"), "registered_at": said.whole.get("at")}
            known |= {"suspended_at": None, "revoked_at": None, "revocation_reason": None}
        case EventKind.CERTIFICATE_REVOKED.value:
            known |= {"status": "revoked", "revocation_reason": detail.get("reason"), "suspended_at": None}
            known.pop("revoked_at", None)
        case EventKind.CERTIFICATE_SUSPENDED.value:
            known |= {"status": "suspended", "suspended_at": said.whole.get("at")}
        case _:
            known |= {"status": "active", "suspended_at": None}


def _anchor(said: Said, known: _Known) -> None:
    known["added_at"] = said.whole.get("at")


def _crl(said: Said, known: _Known) -> None:
    known |= {name: said.detail.get(name) for name in ("issuer_sha256", "number", "entries")}


def _client(said: Said, known: _Known) -> None:
    detail = said.detail
    values = {name: sorted(detail[name]) for name in ("scopes", "agencies") if isinstance(detail.get(name), list)}
    if said.whole.get("kind") == EventKind.CLIENT_CREATED.value:
        known |= {**values, "status": "active", "created_at": said.whole.get("at"), "version": 1}
    else:
        known["version"] = _next(known.get("version"))
        _changed(said, known, values | ({"status": detail["status"]} if "status" in detail else {}))


def _system_key(said: Said, known: _Known) -> None:
    detail = said.detail
    match said.whole.get("kind"):
        case EventKind.SYSTEM_KEY_ISSUED.value:
            known |= {name: detail.get(name) for name in ("client_id", "system_id", "valid_from", "valid_until")}
            known |= {"agency": said.whole.get("agency"), "created_at": said.whole.get("at"), "revoked_at": None}
        case EventKind.SYSTEM_KEY_ENDING.value:
            known["valid_until"] = detail.get("valid_until")
        case _:
            known["revoked_at"] = said.whole.get("at")


def _webhook(said: Said, known: _Known) -> None:
    detail = said.detail
    values: _Known = {
        name: sorted(detail[name]) for name in ("events", "agencies") if isinstance(detail.get(name), list)
    }
    values |= {"signing": detail["signing"]} if "signing" in detail else {}
    if said.whole.get("kind") == EventKind.WEBHOOK_CREATED.value:
        values |= {"client_id": detail.get("client_id"), "created_at": said.whole.get("at")}
    _changed(said, known, values)


def _reorganisation(said: Said, known: _Known) -> None:
    kind = str(said.whole.get("kind"))
    known["state"] = kind.rpartition(".")[2]
    if "effective_on" in said.detail:
        known["effective_on"] = said.detail["effective_on"]
    if kind == EventKind.REORGANISATION_APPLIED.value:
        known["applied_at"] = said.whole.get("at")


def _next(version: object) -> object:
    return version + 1 if isinstance(version, int) else version


def _of(name: str) -> Callable[[Said], object]:
    return lambda said: said.detail.get(name)


_TABLES: Final[Mapping[str, _Table]] = {
    "agencies": _Table(
        "agency",
        (
            EventKind.AGENCY_REGISTERED,
            EventKind.AGENCY_CHANGED,
            EventKind.AGENCY_SUSPENDED,
            EventKind.AGENCY_REINSTATED,
            EventKind.AGENCY_CLOSED,
        ),
        lambda said: said.whole.get("agency"),
        _agency,
    ),
    "certificates": _Table(
        "certificate",
        (
            EventKind.CERTIFICATE_REGISTERED,
            EventKind.CERTIFICATE_REVOKED,
            EventKind.CERTIFICATE_SUSPENDED,
            EventKind.CERTIFICATE_REINSTATED,
        ),
        _of("sha256"),
        _certificate,
        hashed=True,
    ),
    "trust_anchors": _Table("trust anchor", (EventKind.ANCHOR_ADDED,), _of("sha256"), _anchor, hashed=True),
    "authorities": _Table("authority", (), _of("sha256"), _anchor, complete=False, hashed=True),
    # A newer list takes the place of an older one.
    "crls": _Table("revocation list", (EventKind.CRL_IMPORTED,), _of("sha256"), _crl, complete=False, hashed=True),
    "evidence": _Table("evidence", (), _of("sha256"), _anchor, complete=False, hashed=True),
    "clients": _Table("client", (EventKind.CLIENT_CREATED, EventKind.CLIENT_CHANGED), _of("client_id"), _client),
    "system_keys": _Table(
        "system key",
        (EventKind.SYSTEM_KEY_ISSUED, EventKind.SYSTEM_KEY_ENDING, EventKind.SYSTEM_KEY_REVOKED),
        _of("system_key"),
        _system_key,
    ),
    # One that was removed is gone.
    "webhooks": _Table(
        "subscription", (EventKind.WEBHOOK_CREATED, EventKind.WEBHOOK_CHANGED), _of("webhook"), _webhook, complete=False
    ),
    "reorganisations": _Table(
        "reorganisation",
        (
            EventKind.REORGANISATION_SCHEDULED,
            EventKind.REORGANISATION_APPLIED,
            EventKind.REORGANISATION_CANCELLED,
            EventKind.REORGANISATION_FAILED,
        ),
        _of("reorganisation"),
        _reorganisation,
    ),
}
