"""Who stands behind the system id of a signed request, and the secrets it may be signed with (ours, decision 0026).

The axis' SDK signs each request with an HMAC, so the node must have the secret in clear. In the database it is sealed
with a key that is not there (`signing.sealing_key`); opened, it stays in the memory of the process for as long as
nothing in this part of the registry moves. Its version is asked for once a second at most: a request whose system was
seen before costs no query, and what another process changes counts a second later.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from app.errors import DataFault
from app.registry.clients import client_of
from app.registry.model import Client, ClientStatus
from app.signing.sealing_key import SealingKey
from app.store import system_keys as rows
from app.store.database import Database, Transaction
from app.store.versions import Part, current

ASKED_EVERY: Final = timedelta(seconds=1)
"""How long the version of the registry is taken to be what it was."""
REMEMBERED_MAX: Final = 10_000
"""Systems in memory; about 1 KB each."""
SYSTEM_ID_LENGTH_MAX: Final = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SystemCredentials:
    """A system that signs its requests.

    Attributes:
        client: the client it is, with what was granted to it; active.
        agency: own code of the agency it stands for.
        secrets: those in force, as the octets that are the HMAC's key, oldest first; at least one.
    """

    system_id: str
    client: Client
    agency: str
    secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Opened:
    secret: bytes = field(repr=False)
    valid_from: datetime
    valid_until: datetime | None

    def in_force(self, at: datetime) -> bool:
        return self.valid_from <= at and (self.valid_until is None or at < self.valid_until)


@dataclass(frozen=True, slots=True)
class _Remembered:
    version: int
    client: Client
    agency: str
    keys: tuple[_Opened, ...]


class SystemKeys:
    """The systems of one node; for one event loop."""

    def __init__(self, database: Database, sealing: SealingKey, *, capacity: int = REMEMBERED_MAX) -> None:
        self.database = database
        self.sealing = sealing
        self._capacity = capacity
        self._kept: OrderedDict[str, _Remembered] = OrderedDict()
        self._version = -1
        self._asked_at: datetime | None = None
        self._changes = 0

    async def find(self, system_id: str, *, at: datetime) -> SystemCredentials | None:
        """Return who a system is and what its requests may be signed with.

        None where nobody has this system id, its client is disabled, or no secret of it is in force: callers answer all
        of them alike. Whether the client still acts for the agency is asked by what it does next.

        Raises:
            Unavailable: the database does not answer.
        """
        if not 0 < len(system_id) <= SYSTEM_ID_LENGTH_MAX or not system_id.isascii() or not system_id.isprintable():
            return None
        kept = self._kept.get(system_id)
        if kept is None or kept.version != self._version or not self._fresh(at):
            kept = await self._looked_up(system_id, at)
        if kept is None or kept.client.status is not ClientStatus.ACTIVE:
            return None
        secrets = tuple(key.secret for key in kept.keys if key.in_force(at))
        return SystemCredentials(system_id, kept.client, kept.agency, secrets) if secrets else None

    def forget(self) -> None:
        """Ask for the version at the next request: something was changed in this very process."""
        self._asked_at = None
        self._changes += 1

    def _fresh(self, at: datetime) -> bool:
        # A clock that was set back makes everything old.
        return self._asked_at is not None and self._asked_at <= at < self._asked_at + ASKED_EVERY

    async def _looked_up(self, system_id: str, at: datetime) -> _Remembered | None:
        changes = self._changes
        async with self.database.read() as tx:
            # The version first: what is read behind it may be newer, and is then read once more, never kept too long.
            version = await current(tx, Part.CLIENTS)
            kept = self._kept.get(system_id)
            if kept is None or kept.version != version:
                kept = await self._read(tx, system_id, version)
        # What this process changed meanwhile may not be in that snapshot.
        self._version, self._asked_at = version, at if changes == self._changes else None
        if kept is None:
            self._kept.pop(system_id, None)
            return None
        self._kept[system_id] = kept
        self._kept.move_to_end(system_id)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return kept

    async def _read(self, tx: Transaction, system_id: str, version: int) -> _Remembered | None:
        found = await rows.with_clients(tx, system_id)
        if not found:
            return None
        newest = found[-1]
        # Who had this system id before has no secret in force any more: `system_key_acts` sees to it.
        own = [row for row in found if (row.client_id, row.agency) == (newest.client_id, newest.agency)]
        return _Remembered(version, client_of(newest, "client_"), newest.agency, tuple(self._opened(own)))

    def _opened(self, found: Iterable[Any]) -> Iterable[_Opened]:
        for row in found:
            try:
                secret = self.sealing.unseal(row.secret, belongs_to=sealed_for(row.id, row.system_id))
            except DataFault:
                # The others of this system go on; `truc doctor` names the one.
                _log.error("the secret %s of a system cannot be opened", row.id)
                continue
            yield _Opened(secret, row.valid_from, row.valid_until)


def sealed_for(key_id: str, system_id: str) -> str:
    """Return what a secret is bound to, so that whoever can write the database cannot move it to another row."""
    return f"system-key:{key_id}:{system_id}"
