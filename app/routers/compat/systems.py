"""Which system is calling: by its system id and a secret that made the MAC, without a token.

Guessing is braked as at the token endpoint, and a refused call is the same event there and here. What a system may do
is narrowed to the one unit its system id stands for, so that every use case sees a client of that unit alone.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from app.edxml.organ_id import OrganId
from app.errors import AgencyNotGranted, NotAuthenticated, ScopeMissing
from app.findings import Finding, Severity
from app.node import Node
from app.registry import directory
from app.registry.model import Client, Grant, Scope
from app.registry.system_keys import SystemCredentials
from app.routers.brake import Brake
from app.routers.compat.signed_headers import SignedHeaders
from app.routers.sign_in import note_refusal

SHOWN_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Proof:
    """How systems prove who they are by one protocol.

    Attributes:
        method: in the log's own words.
        place: where in a request it stands.
    """

    method: str
    place: str


BY_SIGNATURE: Final = Proof("vxp_hmac", "header parameter XroadVnpt-hash-header")
"""A MAC over the headers, as the SDK makes it."""


@dataclass(frozen=True, slots=True)
class System:
    """A system that has proven itself.

    Attributes:
        system_id: as it signs it.
        agency: own code of the unit the system id is registered for.
        client: the client it belongs to, acting for that unit alone.
        registered: the same client with all it may act for.
    """

    system_id: str
    agency: OrganId
    client: Client
    registered: Client

    def require(self, scope: Scope) -> None:
        """Refuse what the client was not granted.

        Raises:
            ScopeMissing: it lacks the scope.
        """
        if scope not in self.registered.effective_scopes:
            raise ScopeMissing(f"the client of this system id needs the scope {scope}")

    async def has_code(self, node: Node, text: str, *, on: date) -> bool:
        """Whether a code stands for the unit on that day; a query only where it is not its own."""
        if text == self.agency.text:
            return True
        async with node.database.read() as tx:
            found = await directory.find(tx, self.agency)
        return found is not None and found.has_code(text, on=on)


async def proven(node: Node, brake: Brake, signed: SignedHeaders, *, peer: str, at: datetime) -> System:
    """Return the system that signed a request.

    Raises:
        NotAuthenticated: nobody has the system id, or none of its secrets made the MAC; recorded. It does not say
            which.
        AgencyNotGranted: the client does not act for the unit any more.
        TooManyRequests: too many of its calls failed within a minute.
        Unavailable: the database does not answer.
    """
    found = await known(
        node, brake, signed.system_id, lambda it: signed.is_proven_by(it.secrets), proof=BY_SIGNATURE, peer=peer, at=at
    )
    return await system_of(node, found)


async def known(
    node: Node,
    brake: Brake,
    system_id: str,
    proves: Callable[[SystemCredentials], bool],
    *,
    proof: Proof,
    peer: str,
    at: datetime,
    client_id: str | None = None,
) -> SystemCredentials:
    """Return who has a system id, if what was presented proves it; a failure is recorded and counted by the brake.

    Args:
        client_id: whom it pretends to be where nobody has the system id; None: nobody.

    Raises:
        NotAuthenticated: nobody has it, or it is not proven; it does not say which.
        TooManyRequests: too many failed within a minute.
        Unavailable: the database does not answer.
    """
    key = braked_by(proof, peer, system_id)
    brake.require_free(key, now=time.monotonic())
    found = await node.systems.find(system_id, at=at)
    if found is None or not proves(found):
        brake.failed(key, now=time.monotonic())
        client_id = client_id if found is None else found.client.client_id
        await note_refusal(node, brake, client_id, method=proof.method, at=at)
        raise _not_proven(system_id, proof)
    brake.succeeded(key)
    return found


def braked_by(proof: Proof, peer: str, system_id: str) -> str:
    """Return under which key failures are counted.

    By address too: failures of somebody else under the same id must not lock the system itself out.
    """
    return f"{proof.method} {peer} {system_id[:SHOWN_MAX]}"


async def system_of(node: Node, found: SystemCredentials) -> System:
    """Narrow a client to the unit of its system.

    Raises:
        AgencyNotGranted: the client does not act for the unit any more.
        Unavailable: the database does not answer.
    """
    agency = OrganId.parse(found.agency)
    if not found.client.may_act_for(agency) and not await _is_granted(node, found.client, agency):
        raise AgencyNotGranted(f"the client of this system id does not act for {agency} any more")
    return System(found.system_id, agency, replace(found.client, agencies=(Grant(agency),)), found.client)


async def _is_granted(node: Node, client: Client, agency: OrganId) -> bool:
    """Whether a grant covers the unit by another of its codes than its own."""
    async with node.database.read() as tx:
        known = await directory.find(tx, agency)
    return known is not None and client.may_act_for(known)


def _not_proven(system_id: str, proof: Proof) -> NotAuthenticated:
    message = f"nobody has the system id {system_id[:SHOWN_MAX]!r}, or it was not proven by what is in force of it"
    finding = Finding(
        "ours.vxp.not-proven",
        Severity.ERROR,
        message,
        "Set the system id, and the secret where there is one, exactly as the operator gave them; it is not decoded.",
        "VXP SDK 2.0, signature of requests; ours, decisions 0026 and 0027",
        proof.place,
    )
    return NotAuthenticated(message, findings=[finding])
