"""Who answers for whom: the successor of a closed agency has what waits for it and what came of its documents.

One rule for the whole exchange (decision 0010): a closed agency is answered for by the end of its chain of successors,
which sees its inbox, may acknowledge, fetch, report and revoke. Its records, evidence and figures stay under its own
code. An agency whose chain ends at a closed one without successor is answered for by that one, which means by whoever
still acts for it.
"""

from collections.abc import Collection, Mapping
from datetime import date

from app.registry import directory
from app.registry.model import Agency, AgencyStatus, Client
from app.store import succession as rows
from app.store.database import Transaction

STEPS_MAX = 8
"""Longest chain of successors that is followed; reorganisations are years apart."""


async def represented(tx: Transaction, agency: Agency) -> tuple[str, ...]:
    """Return the codes an agency answers for: its own first, then those of its closed predecessors in their order.

    One query, by the index of successors. A closed agency that has a successor answers for nobody but itself.
    """
    own = agency.organ_id.text
    return (own, *(code for code in await represented_by(tx, [agency]) if code != own))


async def represented_by(tx: Transaction, agencies: Collection[Agency]) -> tuple[str, ...]:
    """Return the codes any of these agencies answers for, their own among them, in order; one query for all."""
    own = {agency.organ_id.text for agency in agencies}
    answering = {agency.organ_id.text for agency in agencies if not _handed_over(agency)}
    before = await rows.predecessors(tx, answering, steps_max=STEPS_MAX) if answering else ()
    return tuple(sorted(own.union(before)))


async def acting(tx: Transaction, agencies: Collection[Agency], *, on: date) -> dict[str, Agency]:
    """Return who answers for each of these agencies now: itself, or for a closed one the end of its chain.

    No query where none of them was handed over.

    Args:
        on: the day it is asked for; own codes of successors are found on any day.

    Returns:
        By own code of the agencies given.
    """
    known = {agency.organ_id.text: agency for agency in agencies}
    for _ in range(STEPS_MAX):
        missing = {
            agency.successor.text for agency in known.values() if _handed_over(agency) and agency.successor is not None
        } - known.keys()
        if not missing:
            break
        found = await directory.resolve(tx, missing, on=on)
        if not found:
            break
        known |= found
    return {agency.organ_id.text: _end(agency, known) for agency in agencies}


async def within_reach(
    tx: Transaction, agencies: Mapping[str, Agency], *, client: Client, on: date
) -> dict[str, Agency]:
    """Return those of these agencies that a client acts for, itself or through the successor that answers for them.

    Args:
        agencies: by whatever code they were asked for; the answer has the same keys.
    """
    answering = await acting(tx, list(agencies.values()), on=on)
    return {
        code: agency
        for code, agency in agencies.items()
        if client.may_act_for(agency) or client.may_act_for(answering[agency.organ_id.text])
    }


async def heirs(tx: Transaction) -> dict[str, str]:
    """Return, for every closed agency with a successor, the code that stands for it today; one query."""
    return ends(await rows.successions(tx))


def ends(successors: Mapping[str, str]) -> dict[str, str]:
    """Follow every chain to its end.

    Args:
        successors: who took over from whom, by code; never in a circle, and where it is, the walk stops.
    """

    def end(code: str) -> str:
        for _ in range(STEPS_MAX):
            if code not in successors:
                break
            code = successors[code]
        return code

    return {code: end(code) for code in successors}


def _handed_over(agency: Agency) -> bool:
    return agency.status is AgencyStatus.CLOSED and agency.successor is not None


def _end(agency: Agency, known: Mapping[str, Agency]) -> Agency:
    for _ in range(STEPS_MAX):
        if not _handed_over(agency) or agency.successor is None or agency.successor.text not in known:
            break
        agency = known[agency.successor.text]
    return agency
