"""What connecting systems have to set, and what each of them gets wrong: the doctor's look at the older protocols.

Reads the database alone and changes nothing. What a system sent wrongly is what was counted of its client in the last
days (`registry/mistakes.py`), a few seconds behind a running node.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from app.cli.finding import Check, Grade
from app.registry.model import Agency, Client, ClientStatus, LegacyForm, Scope

if TYPE_CHECKING:
    from app.registry.mistakes import Mistake
    from app.settings import Settings
    from app.store.database import Transaction

SYSTEMS_MAX: Final = 10_000
TOLD_MAX: Final = 3
SINCE: Final = timedelta(days=7)
SOON: Final = timedelta(days=14)
FIXES: Final = {
    "ours.vxp.hash-file-mismatch": "The file changes on its way: look for a proxy that rewrites bodies.",
    "ours.vxp.hash-file-missing": "Sign hash-file with the other headers, as the SDK does.",
    "ours.vxp.from-not-registered": "Set `from` to the unit of the system id; make one service object for each unit.",
    "ours.access.agency-not-granted": "Send only documents whose From is the unit of the system id.",
    "ours.signature.missing": "Let the agency's form `unsigned` in, with a last day, or sign.",
    "xmldsig.4.1.foreign-namespace": "Let the agency's form `foreign-namespace` in, with a last day, or sign.",
    "ours.route.recipient-unknown": "Have the system fetch the directory again: getAgenciesList.",
    "ours.exchange.document-id-taken": "Give every document its own DocumentId; send changes as an update.",
    "ours.status.transition": "Report what may follow; 15 and 16 only answer what the sender asked for.",
}
"""What to change for what such systems get wrong most, in the words of this page; of all else, what the rule says."""


async def systems(tx: "Transaction", settings: "Settings", *, at: datetime) -> list[Check]:
    """Look at the door and at each system that has a secret."""
    from app.edxml.organ_id import OrganId
    from app.registry import clients, directory, mistakes
    from app.regulations.calendar import day_of
    from app.store import system_keys

    keys: dict[str, list[Any]] = {}
    for row in await system_keys.unrevoked(tx, limit=SYSTEMS_MAX):
        keys.setdefault(row.system_id, []).append(row)
    found = [_door(settings, len(keys))]
    for system_id, held in sorted(keys.items()):
        client = await clients.find(tx, held[-1].client_id)
        agency = await directory.find(tx, OrganId.parse(held[-1].agency))
        since = day_of(at - SINCE)
        counted = await mistakes.summed(tx, held[-1].client_id, since=since, limit=mistakes.CODES_A_DAY_MAX)
        wrong = [*_secrets(held, at), *_rights(client, agency), *_forms(agency, day_of(at)), *_refused(counted)]
        told = f"endpoint {settings.public_url}/vxp, systemId {system_id}, unit {held[-1].agency}"
        if wrong:
            problems, fixes = zip(*wrong, strict=True)
            detail = f"{told}: {'; '.join(problems)}{_lenient(counted)}"
            found.append(Check(f"system {system_id}", Grade.WARNING, detail, " ".join(dict.fromkeys(fixes))))
        else:
            detail = f"{told}; {_accepted(agency, day_of(at))}{_lenient(counted)}"
            found.append(Check(f"system {system_id}", Grade.OK, detail))
    strangers = await mistakes.summed(tx, mistakes.UNKNOWN, since=day_of(at - SINCE), limit=TOLD_MAX)
    if strangers:
        named = ", ".join(f"{each.refused}× {each.code}" for each in strangers)
        found.append(Check("strangers", Grade.OK, f"of systems nobody knows: {named}; truc client mistakes unknown"))
    return found


def _door(settings: "Settings", count: int) -> Check:
    url = settings.public_url
    detail = f"{count} system(s); they call {url}/vxp"
    if not url.startswith("https://"):
        fix = "Put TLS in front and set TRUC_PUBLIC_URL to its address: a captured request can be repeated for ever."
        return Check("vxp", Grade.WARNING, f"{detail}, without TLS", fix)
    return Check("vxp", Grade.OK, detail)


def _secrets(held: Sequence[Any], at: datetime) -> Iterator[tuple[str, str]]:
    usable = [row for row in held if row.valid_until is None or row.valid_until > at]
    if not any(row.valid_from <= at for row in usable):
        yield "no secret is in force", "Give it one: `truc client system-key add`."
    elif all(row.valid_until is not None and row.valid_until < at + SOON for row in usable):
        last = max(row.valid_until for row in usable)
        yield f"its last secret ends on {last:%Y-%m-%d}", "Give it the next one: `truc client system-key rotate`."


def _rights(client: Client | None, agency: Agency | None) -> Iterator[tuple[str, str]]:
    if client is None or agency is None:
        yield "its client or its unit is not there", "Take its secrets back: `truc client system-key revoke`."
        return
    if client.status is not ClientStatus.ACTIVE:
        yield "its client is disabled", "Enable the client, or take the secrets back."
    if Scope.EXCHANGE not in client.scopes:
        yield "its client lacks the scope exchange", "Grant it: PATCH /v1/clients/{client_id}."
    if not client.may_act_for(agency):
        yield "its client does not act for the unit any more", "Grant the agency: PATCH /v1/clients/{client_id}."
    if agency.status.value != "active":
        yield f"the unit is {agency.status.value}", "Reinstate the unit, or take the secrets back."


def _forms(agency: Agency | None, today: date) -> Iterator[tuple[str, str]]:
    for period in agency.policies if agency is not None else ():
        ends = period.valid_to
        lets_in = isinstance(period.mode, LegacyForm) and period.in_force(today)
        if lets_in and ends is not None and ends < today + SOON:
            yield (
                f"{period.mode.value} is let in until {ends} only",
                "Have the system sign, or give the policy another last day: PATCH /v1/agencies/{organ_id}.",
            )


def _refused(counted: "Sequence[Mistake]") -> Iterator[tuple[str, str]]:
    often = sorted((each for each in counted if each.refused), key=lambda each: -each.refused)
    for each in often[:TOLD_MAX]:
        yield f"{each.refused}× refused lately: {each.code}", FIXES.get(each.code, each.fix)


def _lenient(counted: "Sequence[Mistake]") -> str:
    often = sorted((each for each in counted if each.accepted), key=lambda each: -each.accepted)
    named = ", ".join(f"{each.accepted}× {each.code}" for each in often[:TOLD_MAX])
    return f"; accepted in spite of {named}" if named else ""


def _accepted(agency: Agency | None, today: date) -> str:
    forms = sorted(agency.legacy_forms_on(today)) if agency is not None else []
    return f"signed documents, and {', '.join(forms)}" if forms else "signed documents only"
