"""Settling the country: its agencies, certificates and systems are made known to the node, over its API."""

import asyncio
import itertools
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from cryptography import x509

from app.client import Answer, NodeClient
from app.signing.certificates import pem_of
from app.signing.revocations import RevocationIndex, parse_revocation_list
from app.simulation.attempts import Outsiders
from app.simulation.authorities import PublicServices
from app.simulation.country import AGENCIES, SUSPENDED, SYSTEMS, System, import_file
from app.simulation.papers import PERSONS, Habits, Spelling
from app.simulation.pki import Authority, Credential, make_issuer, make_root, person_name, seal_name
from app.simulation.tally import SimulationFailed

AT_ONCE: Final = 6
"""Calls that are made at the same time."""
EXPIRED_SENDER: Final = "G09"
"""Whose certificates are of no use for one reason or another."""
FETCH_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.3
_EXPIRES_SECONDS: Final = 8
"""The certificate that is to expire must be in force when it is registered."""
_YEAR: Final = timedelta(days=365)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Authorities:
    """Who issues certificates in the country."""

    root: Authority
    issuer: Authority
    stranger: Authority
    """Of a root nobody trusts."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an agency signs with."""

    seal: Credential
    person: Credential | None


def make_authorities(at: datetime, public: PublicServices | None = None) -> Authorities:
    """Make the country's root, the authority below it, and a look-alike of both.

    Args:
        public: where the authorities publish what they revoke, and stamp; None: nowhere.
    """
    root = make_root("CA gốc (mô phỏng)", at=at, services=public.of("root") if public else None)
    stranger = make_root("CA gốc (mô phỏng)", at=at)
    name = "CA chuyên dùng (mô phỏng)"
    issuer = make_issuer(name, root, at=at, services=public.of("issuer") if public else None)
    if public is not None:
        public.publish("root", root)
        public.publish("issuer", issuer)
        public.stamp_as(issuer.issue_stamper(not_before=at - _YEAR, not_after=at + 2 * _YEAR))
    return Authorities(root, issuer, make_issuer(name, stranger, at=at))


def make_habits() -> dict[str, Habits]:
    """Give each system its own ways, so that every combination occurs."""
    combinations = itertools.cycle(
        itertools.product((Spelling.PLAIN, Spelling.VENDOR), (False, True), (True, False), (False, True))
    )
    # Neighbours in the product are alike; every third one is not.
    return {
        system.name: Habits(spelling, old_codes=old, zips=zips, legal_ids=legal)
        for system, (spelling, old, zips, legal) in zip(
            SYSTEMS, itertools.islice(combinations, 0, None, 3), strict=False
        )
    }


def make_credentials(authorities: Authorities, at: datetime) -> dict[str, Credentials]:
    """Issue a seal for every agency, a few of them with RSA keys, and certificates for some persons."""
    issuer, since, until = authorities.issuer, at - _YEAR, at + 2 * _YEAR
    issued = {}
    for index, agency in enumerate(AGENCIES):
        seal = issuer.issue(
            seal_name(agency.name, agency.code), not_before=since, not_after=until, with_rsa=index % 24 == 1
        )
        person = None
        if index % 7 == 0:
            name = person_name(agency.name, agency.code, PERSONS[index % len(PERSONS)], "Chánh Văn phòng")
            person = issuer.issue(name, not_before=since, not_after=until)
        issued[agency.code] = Credentials(seal, person)
    return issued


def make_outsiders(authorities: Authorities, at: datetime) -> Outsiders:
    """Issue the certificates that are of no use, or soon will be."""
    agency = next(each for each in AGENCIES if each.code == EXPIRED_SENDER)
    name, since, until = seal_name(agency.name, agency.code), at - _YEAR, at + _YEAR
    return Outsiders(
        expired=authorities.issuer.issue(name, not_before=since, not_after=at + timedelta(seconds=_EXPIRES_SECONDS)),
        revoked=authorities.issuer.issue(name, not_before=since, not_after=until),
        listed=authorities.issuer.issue(name, not_before=since, not_after=until),
        lookalike=authorities.stranger.issue(name, not_before=since, not_after=until),
    )


def own_revocations(authorities: Authorities, outsiders: Outsiders, at: datetime) -> tuple[RevocationIndex, list[str]]:
    """Publish the authorities' lists; returns them for the recipients' own use, and in PEM."""
    published = [
        authorities.root.revocation_list((), at=at),
        authorities.issuer.revocation_list((outsiders.listed.certificate,), at=at),
    ]
    issuers: list[x509.Certificate] = [authorities.root.certificate, authorities.issuer.certificate]
    index = RevocationIndex()
    for each in published:
        index.add(parse_revocation_list(each.encode(), issuers=issuers))
    return index, published


async def register_agencies(admin: NodeClient) -> dict[str, frozenset[str]]:
    """Import the agencies the node does not ship; returns all codes of each agency, by its own code.

    Raises:
        SimulationFailed: the node refused.
    """
    expect(
        await admin.call(
            "POST", "/v1/agencies/import", content=import_file(), headers={"Content-Type": "text/csv; charset=utf-8"}
        )
    )
    expect(await admin.post(f"/v1/agencies/{SUSPENDED.code}/suspend", {"reason": "malfunction"}))

    known = {record["organ_id"]: record async for record in admin.pages("/v1/agencies", limit=500)}
    names = {}
    for agency in AGENCIES:
        codes = frozenset((agency.code, *known.get(agency.code, {}).get("aliases", ())))
        if agency.old_code not in codes:
            raise SimulationFailed(f"{agency.old_code} is no code of {agency.code} in the directory")
        names[agency.code] = codes
    return names


async def register_certificates(
    admin: NodeClient,
    authorities: Authorities,
    credentials: dict[str, Credentials],
    outsiders: Outsiders,
    revocation_lists: Iterable[str],
) -> None:
    """Make the root, all certificates and the authorities' lists known to the node, and revoke one certificate there.

    Raises:
        SimulationFailed: the node refused.
    """
    expect(await admin.post("/v1/trust/anchors", {"name": "Root CA (simulated)", "pem": authorities.root.pem}))

    async def register(code: str, credential: Credential, kind: str) -> None:
        expect(await admin.post(f"/v1/agencies/{code}/certificates", {"pem": _bundle(credential), "kind": kind}))

    # First the one that is soon to expire.
    await register(EXPIRED_SENDER, outsiders.expired, "seal")
    await at_once(
        [
            *(register(code, each.seal, "seal") for code, each in credentials.items()),
            *(register(code, each.person, "person") for code, each in credentials.items() if each.person),
            *(register(EXPIRED_SENDER, each, "seal") for each in (outsiders.revoked, outsiders.listed)),
        ]
    )
    for revocation_list in revocation_lists:
        expect(
            await admin.call(
                "POST",
                "/v1/trust/crls",
                content=revocation_list.encode(),
                headers={"Content-Type": "application/x-pem-file"},
            )
        )
    expect(await admin.post(f"/v1/certificates/{outsiders.revoked.sha256}/revoke", {"reason": "keyCompromise"}))


async def revocations_fetched(admin: NodeClient, *, since: datetime) -> None:
    """Wait until the node has fetched every list of the authorities after a moment.

    Raises:
        SimulationFailed: it does not.
    """
    deadline = asyncio.get_running_loop().time() + FETCH_SECONDS
    while True:
        sources = [each async for each in admin.pages("/v1/trust/sources", limit=100)]
        lists = [each["fetched_at"] for each in sources if each["kind"] == "crl"]
        if lists and all(at is not None and datetime.fromisoformat(at) > since for at in lists):
            return
        if asyncio.get_running_loop().time() > deadline:
            raise SimulationFailed(f"the node did not fetch the revocation lists in {FETCH_SECONDS:.0f} s: {lists}")
        await asyncio.sleep(_LOOK_SECONDS)


async def register_client(
    admin: NodeClient, name: str, scopes: Iterable[str], agencies: Iterable[str] = ()
) -> dict[str, Any]:
    """Create a client; returns the node's answer with the secret in it.

    Raises:
        SimulationFailed: the node refused.
    """
    created = await admin.post("/v1/clients", {"name": name, "scopes": list(scopes), "agencies": list(agencies)})
    return dict(expect(created))


async def register_systems(admin: NodeClient) -> dict[str, dict[str, Any]]:
    """Create a client for every system, an auditor, a statistician, and a visitor of the console, by name.

    Raises:
        SimulationFailed: the node refused.
    """

    async def create(system: System) -> tuple[str, dict[str, Any]]:
        return system.name, await register_client(admin, system.name, ("exchange",), system.grants)

    made = dict(await at_once(create(system) for system in SYSTEMS))
    for name in ("audit", "statistics"):
        made[name] = await register_client(admin, f"{name} (simulated)", (name,))
    made["console"] = await register_client(admin, "visitor", ("audit", "statistics", "exchange"), ("H41.*",))
    return made


def expect(answer: Answer) -> Any:
    """Return what a call gave.

    Raises:
        SimulationFailed: it was refused.
    """
    if not answer.ok:
        raise SimulationFailed(f"the node refused what it should take: {answer.explanation} {' '.join(answer.codes)}")
    return answer.document


async def at_once(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Make calls, a few at the same time; returns what they gave, in their order."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[T]) -> T:
        async with gate:
            return await call

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(call)) for call in calls]
    return [task.result() for task in tasks]


def _bundle(credential: Credential) -> str:
    return "".join(pem_of(certificate) for certificate in (credential.certificate, *credential.chain))
