"""Clients: the systems that sign in, what they may do, and whom they act for.

A client proves itself by its secret or by an assertion signed with the key of a certificate that is registered for one
of its agencies (RFC 7523). Every change moves the record's version, which tokens name: a change ends the tokens issued
before.
"""

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypedDict

from cryptography import x509

from app.edxml.organ_id import OrganId
from app.errors import InvalidClient, NotFound, PreconditionFailed, RequestInvalid
from app.findings import Finding, Severity
from app.ids import new_id
from app.ledger.events import EventKind, record
from app.registry import directory
from app.registry.acts import Act, Done
from app.registry.known import stored
from app.registry.model import AgencyStatus, Client, ClientStatus, Grant, Scope
from app.registry.secrets import hash_secret, make_secret, matches
from app.registry.trust import TrustCache, decide
from app.signing.path import UnknownRevocation
from app.store import agencies, certificates
from app.store import clients as rows
from app.store.database import Database, Transaction
from app.store.versions import Part, move

NAME_LENGTH_MAX: Final = 200
GRANTS_MAX: Final = 1_000
JTI_LENGTH_MAX: Final = 255

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOT_IT = "the client is unknown or disabled, or the secret is wrong"


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A client with a secret that was just made.

    Attributes:
        secret: shown this once; None where the request is a repeated one, for it is not kept.
    """

    client: Client
    secret: str | None


class ClientChanges(TypedDict, total=False):
    """The fields a change gives; what is absent stays."""

    name: str
    scopes: frozenset[Scope]
    agencies: tuple[Grant, ...]
    status: ClientStatus


async def create(
    database: Database, act: Act, *, name: str, scopes: frozenset[Scope], agencies: tuple[Grant, ...] = ()
) -> Done[ClientCredentials]:
    """Create a client with a secret.

    Raises:
        RequestInvalid: the name is empty, no scope is given, or a grant names an agency that nobody knows.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    client = Client(
        client_id=new_id(),
        name=name.strip(),
        scopes=scopes,
        agencies=_ordered(agencies),
        status=ClientStatus.ACTIVE,
        has_secret=True,
        version=1,
        created_at=act.at,
    )
    _refuse(_check(client))
    secret = make_secret()
    secret_hash = await asyncio.to_thread(hash_secret, secret)
    async with database.write() as tx:
        if earlier := await act.before(tx, ClientCredentials):
            return earlier
        _refuse(await _unknown_agencies(tx, client))
        await rows.insert(tx, {**_columns(client, act), "secret_hash": secret_hash, "created_at": act.at})
        event = act.event(
            EventKind.CLIENT_CREATED, client_id=client.client_id, scopes=_texts(scopes), agencies=_texts(agencies)
        )
        await record(tx, [event])
        await act.done(tx, ClientCredentials(client, None))
        # Leaving the block commits client and event. The secret exists nowhere but in this answer: should that get
        # lost, the client is given another one with `rotate_secret`.
        return Done(ClientCredentials(client, secret))


async def change(
    database: Database, client_id: str, changes: ClientChanges, *, if_match: int | None = None, act: Act
) -> Done[Client]:
    """Change some fields of a client; a change that changes nothing leaves no trace.

    Args:
        if_match: the version the change was made for; None: whatever it is now.

    Raises:
        NotFound: no such client.
        PreconditionFailed: the record has another version by now.
        RequestInvalid: as `create`.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    async with database.write() as tx:
        if earlier := await act.before(tx, Client):
            return earlier
        client = await _current(tx, client_id, if_match)
        changed = replace(client, **changes)
        changed = replace(changed, agencies=_ordered(changed.agencies))
        fields = sorted(field for field in changes if getattr(changed, field) != getattr(client, field))
        if not fields:
            return await act.done(tx, client)
        changed = replace(changed, name=changed.name.strip(), version=client.version + 1)
        _refuse(_check(changed))
        if "agencies" in fields:
            _refuse(await _unknown_agencies(tx, changed))
        await move(tx, Part.CLIENTS)
        await rows.update(tx, client_id, _columns(changed, act))
        event = act.event(
            EventKind.CLIENT_CHANGED,
            client_id=client_id,
            fields=fields,
            scopes=_texts(changed.scopes),
            agencies=_texts(changed.agencies),
            status=changed.status.value,
        )
        await record(tx, [event])
        # Leaving the block commits the new record with its event; tokens of the old version end with it.
        return await act.done(tx, changed)


async def rotate_secret(
    database: Database, client_id: str, *, if_match: int | None = None, act: Act
) -> Done[ClientCredentials]:
    """Give a client another secret; the one before ends at once.

    Raises:
        NotFound: no such client.
        PreconditionFailed: the record has another version by now.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    secret = make_secret()
    secret_hash = await asyncio.to_thread(hash_secret, secret)
    async with database.write() as tx:
        if earlier := await act.before(tx, ClientCredentials):
            return earlier
        client = await _current(tx, client_id, if_match)
        changed = replace(client, has_secret=True, version=client.version + 1)
        await move(tx, Part.CLIENTS)
        await rows.update(tx, client_id, {**_columns(changed, act), "secret_hash": secret_hash})
        await record(tx, [act.event(EventKind.CLIENT_CHANGED, client_id=client_id, fields=["secret"])])
        await act.done(tx, ClientCredentials(changed, None))
        # Leaving the block commits the new hash; the secret itself exists nowhere but in this answer.
        return Done(ClientCredentials(changed, secret))


async def disable(database: Database, client_id: str, *, if_match: int | None = None, act: Act) -> Done[Client]:
    """Shut a client out; its tokens end at once.

    Raises:
        NotFound: no such client.
        PreconditionFailed: the record has another version by now.
        Unavailable: the database does not answer; nothing was kept.
    """
    return await change(database, client_id, {"status": ClientStatus.DISABLED}, if_match=if_match, act=act)


async def enable(database: Database, client_id: str, *, if_match: int | None = None, act: Act) -> Done[Client]:
    """Let a client sign in again.

    Raises:
        NotFound: no such client.
        PreconditionFailed: the record has another version by now.
        Unavailable: the database does not answer; nothing was kept.
    """
    return await change(database, client_id, {"status": ClientStatus.ACTIVE}, if_match=if_match, act=act)


async def find(tx: Transaction, client_id: str) -> Client | None:
    """Return a client, whatever its status; None also where the text is no id at all."""
    row = await _row(tx, client_id)
    return client_of(row) if row is not None else None


async def find_locked(tx: Transaction, client_id: str) -> Client:
    """Return a client that nobody else changes until the transaction ends, whatever its status.

    Raises:
        NotFound: no such client.
    """
    return await _current(tx, client_id, None)


async def find_many(tx: Transaction, ids: Collection[str]) -> dict[str, Client]:
    """Return clients by their ids, whatever their status; ids nobody has are missing."""
    return {row.client_id: client_of(row) for row in await rows.by_ids(tx, ids)}


async def list_all(tx: Transaction, *, after: str | None = None, limit: int) -> tuple[Client, ...]:
    """Return clients, oldest first.

    Args:
        after: id of the last one of the page before.

    Raises:
        RequestInvalid: `after` is no id.
    """
    if after is not None and not _UUID.fullmatch(after):
        raise RequestInvalid("cursor: not a cursor of this listing; start again without one")
    return tuple(client_of(row) for row in await rows.page(tx, after=after, limit=limit))


async def authenticate_secret(database: Database, client_id: str, secret: str) -> Client:
    """Return the client whose secret this is.

    Takes the same time whether the client is unknown, disabled, without a secret, or the secret wrong.

    Raises:
        InvalidClient: any of these; it does not say which.
        Unavailable: the database does not answer.
    """
    async with database.read() as tx:
        row = await _row(tx, client_id)
    equal = await asyncio.to_thread(matches, secret, row.secret_hash if row is not None else None)
    if row is None or not equal or row.status != ClientStatus.ACTIVE:
        raise InvalidClient(_NOT_IT)
    return client_of(row)


async def certificate_for_assertion(
    database: Database,
    cache: TrustCache,
    client_id: str,
    sha256: str,
    *,
    at: datetime,
    unknown_revocation: UnknownRevocation,
) -> tuple[Client, x509.Certificate]:
    """Return the client and the certificate whose key may sign an assertion of it (RFC 7523).

    The certificate must be registered for an active agency that the client acts for, and must count at this moment, as
    it must under a document. Nothing is proven by this call: the caller checks the assertion's signature next.

    Args:
        sha256: hex digest of the certificate, from the assertion's `x5t#S256`.

    Raises:
        InvalidClient: the client is unknown or disabled, or the certificate is not one of its agencies in force.
        Unavailable: the database does not answer.
    """
    async with database.read() as tx:
        client = await find(tx, client_id)
        row = await certificates.find(tx, sha256)
        agency = await directory.find(tx, OrganId.parse(row.organ_id)) if row is not None else None
    if client is None or client.status is not ClientStatus.ACTIVE:
        raise InvalidClient("the client is unknown or disabled")
    if row is None or agency is None or not client.may_act_for(agency):
        raise InvalidClient("the certificate is not registered for an agency this client acts for")
    if agency.status is not AgencyStatus.ACTIVE:
        raise InvalidClient(f"the agency of the certificate is {agency.status}")
    certificate = stored(row.der)
    decision = await decide(database, cache, _Alone(certificate), at=at, unknown_revocation=unknown_revocation)
    if not decision.trusted:
        raise InvalidClient("the certificate does not count now", findings=decision.findings)
    return client, certificate


async def claim_assertion(database: Database, client_id: str, jti: str, *, expires_at: datetime) -> None:
    """Use up an assertion whose signature was checked (RFC 7523 §3, `jti`).

    Args:
        expires_at: until when it could be used again, clock skew included.

    Raises:
        InvalidClient: it was used before.
        Unavailable: the database does not answer; the assertion is not used up.
    """
    if len(jti) > JTI_LENGTH_MAX or not jti.isprintable():
        raise InvalidClient(f"the assertion's jti must be at most {JTI_LENGTH_MAX} printable characters")
    async with database.write() as tx:
        fresh = await rows.claim_assertion(tx, client_id=client_id, jti=jti, expires_at=expires_at)
    # Committed: the assertion is used up, even if no token follows.
    if not fresh:
        raise InvalidClient("the assertion was used before; make a new one for each token")


@dataclass(frozen=True, slots=True, eq=False)
class _Alone:
    """A certificate that nothing came along with."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


async def _row(tx: Transaction, client_id: str, *, lock: bool = False) -> Any | None:
    return await rows.find(tx, client_id, lock=lock) if _UUID.fullmatch(client_id) else None


async def _current(tx: Transaction, client_id: str, if_match: int | None) -> Client:
    row = await _row(tx, client_id, lock=True)
    if row is None:
        raise NotFound("no such client")
    client = client_of(row)
    if if_match is not None and if_match != client.version:
        raise PreconditionFailed(f"the client is at version {client.version}, not {if_match}")
    return client


def _check(client: Client) -> list[Finding]:
    findings = []
    if not 1 <= len(client.name) <= NAME_LENGTH_MAX or not client.name.isprintable():
        findings.append(
            _finding("name", f"The name must have 1 to {NAME_LENGTH_MAX} printable characters.", "Name it.")
        )
    if not client.scopes:
        findings.append(_finding("scopes", "The client has no scope.", f"Give one of {', '.join(Scope)}."))
    if len(client.agencies) > GRANTS_MAX:
        findings.append(_finding("agencies", f"More than {GRANTS_MAX} agencies.", "Use a subtree such as H28.*."))
    return findings


async def _unknown_agencies(tx: Transaction, client: Client) -> list[Finding]:
    named = {grant.code.text for grant in client.agencies if not grant.subtree}
    unknown = sorted(named - (await agencies.taken(tx, named)).keys())
    return [
        _finding("agencies", f"No agency has the code {code}.", "Register the agency first, or use a subtree.")
        for code in unknown
    ]


def _refuse(findings: list[Finding]) -> None:
    if findings:
        raise RequestInvalid(findings[0].message, findings=findings)


def _finding(field: str, message: str, fix: str) -> Finding:
    return Finding(f"ours.client.{field}", Severity.ERROR, message, fix, "ours", field)


def _ordered(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    return tuple(sorted(set(grants), key=str))


def _texts(values: Any) -> list[str]:
    return sorted(str(value) for value in values)


def client_of(row: Any, prefix: str = "") -> Client:
    """Make the value from its row.

    Args:
        prefix: what the names of its columns begin with, but for `client_id`, where the row has others besides.
    """
    return Client(
        client_id=row.client_id,
        name=getattr(row, f"{prefix}name"),
        scopes=frozenset(Scope(name) for name in getattr(row, f"{prefix}scopes")),
        agencies=tuple(Grant.parse(text) for text in getattr(row, f"{prefix}agencies")),
        status=ClientStatus(getattr(row, f"{prefix}status")),
        has_secret=getattr(row, f"{prefix}secret_hash") is not None,
        version=getattr(row, f"{prefix}version"),
        created_at=getattr(row, f"{prefix}created_at"),
    )


def _columns(client: Client, act: Act) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "name": client.name,
        "scopes": _texts(client.scopes),
        "agencies": _texts(client.agencies),
        "status": client.status.value,
        "version": client.version,
        "updated_at": act.at,
    }
