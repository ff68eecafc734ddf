"""Giving systems their secrets, and taking them back (ours, decision 0026).

A system id belongs to one client and one agency for as long as a secret of it is in force. Several may be at once: a
rotation gives another one and lets those before it end some days later, so that the system's operator has the time to
change it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from app.edxml.organ_id import OrganId
from app.errors import AlreadyExists, NotFound, RequestInvalid
from app.findings import Finding, Severity
from app.ids import new_id
from app.ledger.events import EventKind, instant_text, record
from app.registry import clients, directory
from app.registry.acts import Act, Done
from app.registry.model import Agency, Client, Scope
from app.registry.secrets import make_secret
from app.registry.system_keys import SYSTEM_ID_LENGTH_MAX, SystemKeys, sealed_for
from app.signing.sealing_key import sealed_with
from app.store import system_keys as rows
from app.store.database import Transaction
from app.store.versions import Part, move

IN_FORCE_MAX: Final = 5
"""Secrets of one system that may be in force or waiting; a request is compared with each."""
OVERLAP_MAX: Final = timedelta(days=90)

_SYSTEM_ID = re.compile(rf"[0-9A-Za-z](?:[0-9A-Za-z._-]{{0,{SYSTEM_ID_LENGTH_MAX - 2}}}[0-9A-Za-z])?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class SystemKeyState(StrEnum):
    """Whether requests may be signed with a secret."""

    WAITING = "waiting"
    """From a later moment on."""
    IN_FORCE = "in_force"
    """They may."""
    ENDED = "ended"
    """Its time is over."""
    REVOKED = "revoked"
    """An administrator took it back."""


@dataclass(frozen=True, slots=True)
class SystemKey:
    """A secret of a system, without the secret.

    Attributes:
        system_id: what the system calls itself in its requests (`XroadVnpt-systemid`).
        agency: own code of the agency it stands for.
        valid_until: from when on it does not count; None: without end.
    """

    id: str
    client_id: str
    system_id: str
    agency: str
    valid_from: datetime
    valid_until: datetime | None
    revoked_at: datetime | None
    created_at: datetime

    def state(self, at: datetime) -> SystemKeyState:
        """Whether it counts at a moment."""
        if self.revoked_at is not None:
            return SystemKeyState.REVOKED
        if self.valid_until is not None and self.valid_until <= at:
            return SystemKeyState.ENDED
        return SystemKeyState.IN_FORCE if self.valid_from <= at else SystemKeyState.WAITING


@dataclass(frozen=True, slots=True)
class IssuedSystemKey:
    """A secret that was just made.

    Attributes:
        secret: shown this once; None where the request is a repeated one, for it is not kept in clear.
    """

    key: SystemKey
    secret: str | None = field(repr=False)


async def issue(
    systems: SystemKeys,
    act: Act,
    client_id: str,
    *,
    agency: OrganId,
    system_id: str | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    overlap: timedelta | None = None,
) -> Done[IssuedSystemKey]:
    """Give a system of a client a secret to sign its requests with.

    Args:
        agency: the agency the system stands for, by any of its codes; the client must act for it.
        system_id: what it calls itself; None: the agency's own code.
        valid_from: from when on the secret counts; None: from now on.
        valid_until: from when on it does not any more; None: without end.
        overlap: how long from now on the system's earlier secrets go on counting; None: as long as they would anyway.

    Raises:
        NotFound: no such client.
        AlreadyExists: another client, or another agency, has this system id.
        RequestInvalid: the client may not exchange or does not act for the agency, nobody has its code, the system id
            or a moment cannot be, or the system has too many secrets.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    secret = make_secret()
    async with systems.database.write() as tx:
        if earlier := await act.before(tx, IssuedSystemKey):
            return earlier
        client = await clients.find_locked(tx, client_id)
        known = await directory.find(tx, agency)
        _refuse(
            [
                *_not_granted(client, known, agency),
                *_impossible_name(system_id),
                *_impossible_times(act, valid_from, valid_until, overlap),
            ]
        )
        assert known is not None, "refused before"
        key = SystemKey(
            id=new_id(),
            client_id=client_id,
            system_id=known.organ_id.text if system_id is None else system_id,
            agency=known.organ_id.text,
            valid_from=valid_from or act.at,
            valid_until=valid_until,
            revoked_at=None,
            created_at=act.at,
        )
        # Holds the counter until the commit: nobody else gives this system id away meanwhile.
        await move(tx, Part.CLIENTS)
        living = _living(await rows.of_system(tx, key.system_id), act.at)
        _refuse_taken(key, living)
        ending = [each for each in living if overlap is not None and _ends_later(each, act.at + overlap)]
        if len(living) >= IN_FORCE_MAX:
            many = f"The system has {len(living)} secrets already."
            _refuse([_finding("system_id", many, "Revoke those it does not use.")])
        sealed = systems.sealing.seal(secret.encode("ascii"), belongs_to=sealed_for(key.id, key.system_id))
        await rows.insert(tx, {**_columns(key), "secret": sealed, "key_number": sealed_with(sealed)})
        events = [
            act.event(
                EventKind.SYSTEM_KEY_ISSUED,
                known.standing,
                system_key=key.id,
                client_id=client_id,
                system_id=key.system_id,
                valid_from=instant_text(key.valid_from),
                valid_until=instant_text(valid_until) if valid_until else None,
            )
        ]
        for each in ending:
            assert overlap is not None
            await rows.update(tx, each.id, {"valid_until": act.at + overlap})
            ends = instant_text(act.at + overlap)
            events.append(act.event(EventKind.SYSTEM_KEY_ENDING, known.standing, system_key=each.id, valid_until=ends))
        await record(tx, events)
        await act.done(tx, IssuedSystemKey(key, None))
        # Leaving the block commits; in clear the secret is in this answer and in the memory of those who check it.
    systems.forget()
    return Done(IssuedSystemKey(key, secret))


async def revoke(systems: SystemKeys, act: Act, client_id: str, key_id: str) -> Done[SystemKey]:
    """Take a secret back; requests signed with it are refused from now on, one second later by other processes.

    One that was revoked before stays as it is.

    Raises:
        NotFound: this client has no such secret.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    async with systems.database.write() as tx:
        if earlier := await act.before(tx, SystemKey):
            return earlier
        await move(tx, Part.CLIENTS)
        key = await find(tx, client_id, key_id)
        if key.revoked_at is not None:
            return await act.done(tx, key)
        await rows.update(tx, key_id, {"revoked_at": act.at})
        holder = await directory.find(tx, OrganId.parse(key.agency))
        standing = holder.standing if holder else None
        await record(tx, [act.event(EventKind.SYSTEM_KEY_REVOKED, standing, system_key=key_id)])
        done = await act.done(tx, await find(tx, client_id, key_id))
        # Leaving the block commits the revocation with its event.
    systems.forget()
    return done


async def find(tx: Transaction, client_id: str, key_id: str) -> SystemKey:
    """Return a client's secret, whatever its state.

    Raises:
        NotFound: this client has none with this id.
    """
    row = await rows.find(tx, key_id) if _UUID.fullmatch(key_id) else None
    if row is None or row.client_id != client_id:
        raise NotFound("this client has no such system key")
    return _key_of(row)


async def list_of(tx: Transaction, client_id: str, *, after: str | None = None, limit: int) -> tuple[SystemKey, ...]:
    """Return a client's secrets in the order they were made, ended and revoked ones too.

    Args:
        after: id of the last one of the page before.

    Raises:
        NotFound: no such client.
        RequestInvalid: `after` is no id.
    """
    if await clients.find(tx, client_id) is None:
        raise NotFound("no such client")
    if after is not None and not _UUID.fullmatch(after):
        raise RequestInvalid("cursor: not a cursor of this listing; start again without one")
    return tuple(map(_key_of, await rows.page(tx, client_id=client_id, after=after, limit=limit)))


def _impossible_name(system_id: str | None) -> list[Finding]:
    if system_id is None or _SYSTEM_ID.fullmatch(system_id):
        return []
    wanted = f"1 to {SYSTEM_ID_LENGTH_MAX} letters, digits, dots, underscores and hyphens"
    return [_finding("system_id", f"The system id {system_id[:80]!r} is not {wanted}.", "Write one such as H28.01.")]


def _living(found: Sequence[Any], at: datetime) -> list[SystemKey]:
    keys = map(_key_of, found)
    return [key for key in keys if key.state(at) in (SystemKeyState.WAITING, SystemKeyState.IN_FORCE)]


def _refuse_taken(key: SystemKey, living: Sequence[SystemKey]) -> None:
    if any((each.client_id, each.agency) != (key.client_id, key.agency) for each in living):
        raise AlreadyExists(f"the system id {key.system_id} belongs to another client or agency; choose another")


def _ends_later(key: SystemKey, moment: datetime) -> bool:
    return key.valid_until is None or key.valid_until > moment


def _not_granted(client: Client, known: Agency | None, agency: OrganId) -> list[Finding]:
    findings = []
    if Scope.EXCHANGE not in client.scopes:
        findings.append(_finding("scopes", "The client may not exchange.", "Grant it the scope exchange."))
    if known is None:
        findings.append(_finding("agency", f"No agency has the code {agency}.", "Register the agency first."))
    elif not client.may_act_for(known):
        findings.append(_finding("agency", f"The client does not act for {agency}.", "Grant it the agency first."))
    return findings


def _impossible_times(
    act: Act, valid_from: datetime | None, valid_until: datetime | None, overlap: timedelta | None
) -> list[Finding]:
    findings = []
    if valid_until is not None and valid_until <= max(valid_from or act.at, act.at):
        findings.append(_finding("valid_until", "The secret would end before it begins.", "Give a later moment."))
    if overlap is not None and not timedelta(0) <= overlap <= OVERLAP_MAX:
        findings.append(
            _finding("overlap", f"An overlap is 0 to {OVERLAP_MAX.days} days.", "Give a moment of the end instead.")
        )
    return findings


def _refuse(findings: list[Finding]) -> None:
    if findings:
        raise RequestInvalid(findings[0].message, findings=findings)


def _finding(field_name: str, message: str, fix: str) -> Finding:
    return Finding(f"ours.system-key.{field_name}", Severity.ERROR, message, fix, "ours", field_name)


def _key_of(row: Any) -> SystemKey:
    return SystemKey(
        id=row.id,
        client_id=row.client_id,
        system_id=row.system_id,
        agency=row.agency,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        revoked_at=row.revoked_at,
        created_at=row.created_at,
    )


def _columns(key: SystemKey) -> dict[str, Any]:
    names = ("id", "client_id", "system_id", "agency", "valid_from", "valid_until", "revoked_at", "created_at")
    return {name: getattr(key, name) for name in names}
