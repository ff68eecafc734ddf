"""Reading the directory: who stands behind a code, and who there is."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from app.edxml.folding import fold
from app.edxml.organ_id import OrganId
from app.errors import NotFound
from app.registry.model import Agency, AgencyStatus, Alias, Branch, Leniency, LeniencyPeriod, Tier
from app.store import agencies as rows
from app.store.database import Transaction

SEARCH_LENGTH_MAX = 200
"""Characters of a search that are looked at."""
SEARCH_WORDS_MAX = 10


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
    status: AgencyStatus | None = None,
    as_of: date | None = None,
    after: str | None = None,
    limit: int,
) -> tuple[Agency, ...]:
    """Return agencies in the order of their codes.

    Args:
        q: words that all occur in the name, compared without accents and case; or a part of one of the codes, where it
            has a digit in it.
        parent: own code of the agency they are directly part of.
        as_of: only agencies that exist on this day.
        after: own code of the last agency of the page before.
        limit: at most this many.
    """
    words, code_part = _terms(q)
    found = await rows.search(
        tx,
        words=words,
        code_part=code_part,
        tier=tier,
        branch=branch,
        parent=parent.text if parent else None,
        status=status,
        as_of=as_of,
        after=after,
        limit=limit,
    )
    return await _with_aliases(tx, found)


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
            LeniencyPeriod(Leniency(each["mode"]), _day(each["valid_from"]), _day(each["valid_to"]))
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


async def _with_aliases(tx: Transaction, found: Sequence[Any]) -> tuple[Agency, ...]:
    aliases = await rows.aliases_of(tx, [row.organ_id for row in found])
    known = _gathered(found, aliases)
    return tuple(known[row.organ_id] for row in found)


def _gathered(found: Iterable[Any], aliases: Iterable[Any]) -> Mapping[str, Agency]:
    by_owner: dict[str, dict[str, Any]] = defaultdict(dict)
    for each in aliases:
        by_owner[each.organ_id][each.code] = each
    return {row.organ_id: agency_of(row, by_owner[row.organ_id].values()) for row in found}


def _in_force(alias: Any, on: date) -> bool:
    return Alias(OrganId.parse(alias.code), alias.valid_from, alias.valid_to).in_force(on)


def _terms(q: str | None) -> tuple[tuple[str, ...], str | None]:
    # Unprintable signs find nothing, and PostgreSQL takes neither NUL nor lone surrogates.
    text = "".join(sign if sign.isprintable() else " " for sign in (q or "")[:SEARCH_LENGTH_MAX]).strip()
    words = tuple(fold(text).split()[:SEARCH_WORDS_MAX])
    looks_like_code = " " not in text and any(sign.isdigit() for sign in text)
    return words, text if looks_like_code else None
