"""Reading the directory: who stands behind a code, and who there is."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from app.edxml.folding import fold, fold_words
from app.edxml.organ_id import OrganId
from app.errors import NotFound
from app.registry import history
from app.registry.model import Agency, AgencyStatus, Alias, Branch, LeniencyPeriod, Tier, policy_mode
from app.store import agencies as rows
from app.store import agency_search
from app.store.agency_search import Wanted
from app.store.database import Transaction

SEARCH_LENGTH_MAX = 200
"""Characters of a search that are looked at."""
SEARCH_WORDS_MAX = 10
_CODE = re.compile(r"[^\W_](?:[\w.-]*[^\W_])?")
"""What may be a code or its beginning: letters and digits with separators between them."""


async def resolve(tx: Transaction, codes: Collection[str], *, on: date | None = None) -> dict[str, Agency]:
    """Return the agency behind each code, whatever its status.

    Two queries for up to 1,000 codes.

    Args:
        codes: own codes and aliases of agencies, in any form.
        on: the day an alias must be in force; None: whenever it is or was.

    Returns:
        By code as it was asked for; a code nobody has on that day is missing.
    """
    return await _behind(tx, codes, on=on)


async def find(tx: Transaction, code: OrganId) -> Agency | None:
    """Return the agency that has or had this code, in either form; closed ones too."""
    return (await _behind(tx, {code.text}, on=None)).get(code.text)


async def get(tx: Transaction, code: OrganId) -> Agency:
    """Return the agency that has or had this code.

    Raises:
        NotFound: nobody has it.
    """
    agency = await find(tx, code)
    if agency is None:
        raise NotFound(f"no agency has the code {code.text!r}")
    return agency


async def search(
    tx: Transaction,
    *,
    q: str | None = None,
    tier: Tier | None = None,
    branch: Branch | None = None,
    parent: OrganId | None = None,
    within: OrganId | None = None,
    status: AgencyStatus | None = None,
    as_of: date | None = None,
    after: str | None = None,
    limit: int,
) -> tuple[Agency, ...]:
    """Return agencies in the order of their codes, compared byte by byte.

    Args:
        q: words; each must begin a word of the name, compared without accents and case, or, where it has a digit, one
            of the agency's codes or what stands behind a separator in one.
        parent: the agency they are directly part of, by any of its codes.
        within: an agency, by any of its codes: itself and all below it.
        as_of: a day in Vietnam: agencies that existed then, found and returned as they were at its end.
        after: own code of the last agency of the page before.
        limit: at most this many.
    """
    words = _words(q)
    if words is None:
        return ()
    owners = await rows.taken(tx, {code.text for code in (parent, within) if code})
    wanted = Wanted(
        words=words,
        tier=tier,
        branch=branch,
        parent=owners.get(parent.text, parent.text) if parent else None,
        within=owners.get(within.text, within.text) if within else None,
        status=status,
        as_of=as_of,
    )
    codes = await agency_search.search(tx, wanted, after=after, limit=limit)
    aliases = await rows.aliases_of(tx, codes)
    found = _gathered(await rows.by_ids(tx, codes), aliases)
    if as_of is not None:
        found = await history.as_of(tx, found.values(), on=as_of)
    return tuple(found[code] for code in codes)


async def count_active(tx: Transaction) -> dict[tuple[str, str], int]:
    """Return how many active agencies there are by tier and branch."""
    return await rows.count_active(tx)


def agency_of(row: Any, aliases: Iterable[Any]) -> Agency:
    """Make the value from its row and the rows of its aliases."""
    return Agency(
        organ_id=OrganId.parse(row.organ_id),
        name=row.name,
        tier=Tier(row.tier),
        branch=Branch(row.branch),
        aliases=tuple(Alias(OrganId.parse(each.code), each.valid_from, each.valid_to) for each in aliases),
        parent=OrganId.parse(row.parent) if row.parent else None,
        status=AgencyStatus(row.status),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        successor=OrganId.parse(row.successor) if row.successor else None,
        contact=row.contact,
        policies=tuple(
            LeniencyPeriod(policy_mode(each["mode"]), _day(each["valid_from"]), _day(each["valid_to"]))
            for each in row.policies
        ),
        version=row.version,
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


async def _behind(tx: Transaction, codes: Collection[str], *, on: date | None) -> dict[str, Agency]:
    if not codes:
        return {}
    aliases = await rows.aliases_around(tx, codes)
    owner_of = {each.code: each.organ_id for each in aliases if on is None or _in_force(each, on)}
    own_codes = set(codes) | {owner_of[code] for code in codes if code in owner_of}
    known = _gathered(await rows.by_ids(tx, own_codes), aliases)
    # A code is an agency's own or an alias, never both: `agencies.register` sees to it.
    named = ((code, code if code in known else owner_of.get(code)) for code in codes)
    return {code: known[owner] for code, owner in named if owner is not None}


def _gathered(found: Iterable[Any], aliases: Iterable[Any]) -> Mapping[str, Agency]:
    by_owner: dict[str, dict[str, Any]] = defaultdict(dict)
    for each in aliases:
        by_owner[each.organ_id][each.code] = each
    return {row.organ_id: agency_of(row, by_owner[row.organ_id].values()) for row in found}


def _in_force(alias: Any, on: date) -> bool:
    return Alias(OrganId.parse(alias.code), alias.valid_from, alias.valid_to).in_force(on)


def _words(q: str | None) -> tuple[str, ...] | None:
    """Return what a search asks for, folded; None where it asks for what no name and no code has."""
    # Unprintable signs find nothing, and PostgreSQL takes neither NUL nor lone surrogates.
    text = "".join(sign if sign.isprintable() else " " for sign in (q or "")[:SEARCH_LENGTH_MAX])
    words: list[str] = []
    for written in fold(text).split():
        if any(sign.isdigit() for sign in written):
            words += _CODE.findall(written)
        else:
            words += fold_words(written).split()
    return None if text.strip() and not words else tuple(dict.fromkeys(words[:SEARCH_WORDS_MAX]))
