"""Settling the country of the year: agencies, certificates and systems, made known to the node over its API."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from app.client import NodeClient
from app.signing.certificates import pem_of
from app.signing.revocations import RevocationIndex, parse_revocation_list
from app.simulation.checking import Checker
from app.simulation.papers import Habits, Spelling
from app.simulation.pki import Credential, make_issuer, make_root, seal_name
from app.simulation.settlement import at_once, expect, register_client
from app.simulation.year.country import AGENCIES, SYSTEMS, import_file
from app.simulation.year.play import Desk
from app.simulation.year.steering import Steering

SINCE: Final = datetime(2024, 1, 1, tzinfo=UTC)
UNTIL: Final = datetime(2027, 12, 31, tzinfo=UTC)
"""Certificates hold from one to the other."""

_LIST_LIFE: Final = timedelta(days=370)
"""One list serves the whole year: nobody's certificate is revoked in it."""

_HABITS: Final = (
    Habits(Spelling.PLAIN, old_codes=False, zips=False, legal_ids=True),
    Habits(Spelling.VENDOR, old_codes=True, zips=True, legal_ids=False),
    Habits(Spelling.PLAIN, old_codes=True, zips=False, legal_ids=False),
    Habits(Spelling.VENDOR, old_codes=False, zips=True, legal_ids=True),
)


@dataclass(frozen=True, slots=True)
class Settled:
    """Everybody in their place.

    Attributes:
        stranger: a certificate of the first agency's name from a root nobody trusts.
    """

    desks: dict[str, Desk]
    names: dict[str, frozenset[str]]
    checker: Checker
    admin: NodeClient
    statistician: NodeClient
    auditor: NodeClient
    stranger: Credential


@asynccontextmanager
async def settled(url: str, administrator: tuple[str, str], steering: Steering) -> AsyncIterator[Settled]:
    """Register everybody.

    Raises:
        SimulationFailed: the node refused.
    """
    root = make_root("CA gốc (mô phỏng)", at=SINCE)
    issuer = make_issuer("CA chuyên dùng (mô phỏng)", root, at=SINCE)
    async with AsyncExitStack() as stack:

        async def client(client_id: str, secret: str) -> NodeClient:
            def seconds() -> float:
                return steering.now.timestamp()

            signing_in = NodeClient(url, client_id, secret, trust_env=False, seconds=seconds)
            return await stack.enter_async_context(signing_in)

        admin = await client(*administrator)
        headers = {"Content-Type": "text/csv; charset=utf-8"}
        expect(await admin.call("POST", "/v1/agencies/import", content=import_file(), headers=headers))
        expect(await admin.post("/v1/trust/anchors", {"name": "Root CA (simulated)", "pem": root.pem}))
        names = [seal_name(agency.name, agency.code) for agency in AGENCIES]
        seals = {
            agency.code: issuer.issue(name, not_before=SINCE, not_after=UNTIL)
            for agency, name in zip(AGENCIES, names, strict=True)
        }
        await at_once(_registered(admin, code, seal) for code, seal in seals.items())
        lists = [each.revocation_list((), at=steering.now, life=_LIST_LIFE) for each in (root, issuer)]
        revocations = RevocationIndex()
        for each in lists:
            headers = {"Content-Type": "application/x-pem-file"}
            expect(await admin.call("POST", "/v1/trust/crls", content=each.encode(), headers=headers))
            revocations.add(parse_revocation_list(each.encode(), issuers=[root.certificate, issuer.certificate]))
        clients = {}
        for system in SYSTEMS:
            made = await register_client(admin, system.name, ("exchange",), system.grants)
            clients[system.name] = await client(made["client_id"], made["client_secret"])
        readers = {}
        for scope in ("statistics", "audit"):
            made = await register_client(admin, f"{scope} (simulated)", (scope,))
            readers[scope] = await client(made["client_id"], made["client_secret"])
        checker = Checker(root.certificate, revocations)
        checker.jwks = expect(await admin.anonymous("/.well-known/jwks.json"))
        habits = {system.name: own for system, own in zip(SYSTEMS, _HABITS, strict=True)}
        yield Settled(
            desks={
                agency.code: Desk(agency, clients[agency.system], habits[agency.system], seals[agency.code])
                for agency in AGENCIES
            },
            names={agency.code: frozenset((agency.code, agency.old_code)) for agency in AGENCIES},
            checker=checker,
            admin=admin,
            statistician=readers["statistics"],
            auditor=readers["audit"],
            stranger=make_root("CA gốc (mô phỏng)", at=SINCE).issue(
                names[0], not_before=SINCE, not_after=UNTIL - timedelta(days=1)
            ),
        )


async def _registered(admin: NodeClient, code: str, seal: Credential) -> None:
    pem = "".join(pem_of(certificate) for certificate in (seal.certificate, *seal.chain))
    expect(await admin.post(f"/v1/agencies/{code}/certificates", {"pem": pem, "kind": "seal"}))
