"""Clients as pages, for administrators: who signs in, for whom, by which secrets, and what it sends wrongly."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.console.frame import pages, render, viewer
from app.errors import NotFound
from app.registry import clients, directory, mistakes, system_key_acts
from app.registry.mistakes import DAYS_KEPT, UNKNOWN
from app.registry.model import Agency, Client, Grant, LegacyForm, LeniencyPeriod, Scope
from app.registry.system_key_acts import SystemKey, SystemKeyState
from app.regulations.calendar import day_of
from app.routers import clock
from app.routers.access import AtNode, Caller
from app.routers.clients import list_clients
from app.routers.paging import Paged
from app.store import clients as client_rows
from app.store.database import Transaction

router: APIRouter = pages()

Administrator = Annotated[Caller, viewer(Scope.REGISTRY_WRITE)]

GRANTS_MAX: Final = 50
"""Most agencies of a client that its page shows; a document office has a handful."""
KEYS_READ_MAX, KEYS_MAX = 500, 20
"""Most secrets of a client's systems that are looked through, and the newest of them that are shown."""
MISTAKES_MAX: Final = 30
_TONES: Final = {
    SystemKeyState.IN_FORCE: "active",
    SystemKeyState.WAITING: "not-yet",
    SystemKeyState.ENDED: "expired",
    SystemKeyState.REVOKED: "revoked",
}
"""Style of each state."""


@dataclass(frozen=True, slots=True)
class Granted:
    """One grant of a client, as it is shown.

    Attributes:
        agency: whom it names; None for a subtree, and for a code nobody has.
        let_in: forms of signature that prove nothing and that the agency is let in with, from today on.
    """

    grant: Grant
    agency: Agency | None
    let_in: tuple[LeniencyPeriod, ...]


@router.get("/clients")
async def listing(request: Request, node: AtNode, _caller: Administrator, window: Paged) -> Response:
    """List clients, oldest first."""
    found = await list_clients(node, window)
    return render(request, "clients.html", found=found, unknown=UNKNOWN, paged="cursor" in request.query_params)


@router.get("/clients/{client_id}")
async def one(request: Request, node: AtNode, _caller: Administrator, client_id: str) -> Response:
    """Show one client, or what was sent wrongly by all whose client could not be told."""
    at = clock.now()
    async with node.database.read() as tx:
        client = await clients.find(tx, client_id)
        if client is None and client_id != UNKNOWN:
            raise NotFound("no such client")
        since = day_of(at) - timedelta(days=DAYS_KEPT)
        wrong = await mistakes.summed(tx, client_id, since=since, limit=MISTAKES_MAX)
        if client is None:
            return render(request, "client_unknown.html", wrong=wrong, days=DAYS_KEPT)
        last = await client_rows.last_event(tx, client_id)
        granted = await _granted(tx, client, at=at)
        held = await system_key_acts.list_of(tx, client_id, limit=KEYS_READ_MAX)
    return render(
        request,
        "client.html",
        client=client,
        last=last,
        granted=granted,
        more_grants=len(client.agencies) > GRANTS_MAX,
        keys=[(key, key.state(at)) for key in reversed(held[-KEYS_MAX:])],
        tones=_TONES,
        systems=_systems(held, at),
        public_url=request.app.state.public_url,
        wrong=wrong,
        days=DAYS_KEPT,
    )


async def _granted(tx: Transaction, client: Client, *, at: datetime) -> list[Granted]:
    shown = client.agencies[:GRANTS_MAX]
    today = day_of(at)
    known = await directory.resolve(tx, {grant.code.text for grant in shown if not grant.subtree}, on=today)
    found = []
    for grant in shown:
        agency = None if grant.subtree else known.get(grant.code.text)
        periods = agency.policies if agency is not None else ()
        let_in = [each for each in periods if isinstance(each.mode, LegacyForm)]
        found.append(
            Granted(grant, agency, tuple(each for each in let_in if each.valid_to is None or each.valid_to >= today))
        )
    return found


def _systems(held: Sequence[SystemKey], at: datetime) -> list[dict[str, Any]]:
    """List the systems of a client that may call now or later, with how many secrets each may sign with now."""
    states = [(key, key.state(at)) for key in held]
    by_id = {key.system_id: key for key, state in states if state in (SystemKeyState.IN_FORCE, SystemKeyState.WAITING)}
    in_force = Counter(key.system_id for key, state in states if state is SystemKeyState.IN_FORCE)
    return [
        {"system_id": system_id, "agency": key.agency, "secrets": in_force[system_id]}
        for system_id, key in sorted(by_id.items())
    ]
