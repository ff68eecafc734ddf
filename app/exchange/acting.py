"""For which agencies a call is made."""

from datetime import datetime

from app.edxml.organ_id import OrganId
from app.errors import AgencyNotGranted, RequestInvalid
from app.exchange.desk import Desk
from app.registry import directory, succession
from app.registry.model import Client
from app.statistics.periods import ZONE


async def own_agencies(desk: Desk, code: str | None, *, client: Client, at: datetime) -> tuple[str, ...]:
    """Return the registry codes a call is about: the agency named, or all of the client's where they are all named.

    Each comes with those of its closed predecessors, for which it answers now (decision 0010).

    Raises:
        AgencyNotGranted: the client does not act for the agency, or there is none: both answer alike.
        RequestInvalid: no agency is named, and the client acts for a whole subtree or for nobody; or it is no code.
    """
    if code is None:
        if not client.agencies:
            raise RequestInvalid("agency: this client acts for no agency")
        if any(grant.subtree for grant in client.agencies):
            raise RequestInvalid("agency: name one; this client acts for a whole subtree of agencies")
    codes = {OrganId.parse(code).text} if code is not None else {grant.code.text for grant in client.agencies}
    day = at.astimezone(ZONE).date()
    async with desk.database.glance() as tx:
        found = await directory.resolve(tx, codes, on=day)
        own = await succession.within_reach(tx, found, client=client, on=day)
        represented = await succession.represented_by(tx, list(own.values()))
    if not own:
        raise AgencyNotGranted(f"the client does not act for {(code or 'any agency of the directory')[:40]!r}")
    return represented
