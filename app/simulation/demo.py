"""The demonstration from end to end: a fresh node, a country on it, traffic, what must be refused, the reckoning.

Fails as soon as the node does something else than it should, and at the end if its figures or its log are not those the
simulation counted itself.
"""

import asyncio
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from app.client import NodeClient
from app.edxml.model import StatusCode
from app.errors import TrucError
from app.simulation import settlement
from app.simulation.attempts import Outsiders, Scene, attempts
from app.simulation.authorities import PublicServices
from app.simulation.authority_server import AuthorityServer
from app.simulation.checking import Checker
from app.simulation.country import AGENCIES, CLOSED_WITH_SUCCESSOR, SUCCESSOR
from app.simulation.evidence import show_evidence
from app.simulation.node_process import NodeFolder, answering, fresh_folder, serving
from app.simulation.office import Office, Sent, Stage
from app.simulation.outage import Accepted, Outage
from app.simulation.papers import Draft
from app.simulation.reckoning import Reckoning, Refusal, month_of
from app.simulation.screen import Bars, Screen
from app.simulation.settlement import EXPIRED_SENDER, expect
from app.simulation.tally import Pending, SimulationFailed, Tally
from app.simulation.traffic import Planned, plan

SENDERS: Final = 4
"""Documents that are on their way to the node at the same time."""
STALL_SECONDS: Final = 60.0
DOCUMENTS: Final = 150
SENDING_SECONDS: Final = 20.0
"""A slow machine sends fewer documents, unless their number was asked for: nobody waits minutes for a show."""
ASKED_EVERY_SECONDS: Final = 4
"""How often the node asks its authorities for what they revoked; real ones are asked every few hours."""
_RESENT: Final = 5


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for on the command line.

    Attributes:
        once: end after the reckoning.
        data_dir: a folder for the run is made below it.
        port: 0 for 8080 or any free one.
        documents: how many to send, replies and the scenes aside; None for as many as a short show allows.
        seed: the same gives the same traffic, where the number of documents is given.
    """

    once: bool
    data_dir: Path
    port: int
    documents: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class Country:
    """Everybody, settled.

    Attributes:
        offices: by code of the agency.
        clients: answers to the creation of each client, with its secret, by name.
    """

    stage: Stage
    offices: dict[str, Office]
    outsiders: Outsiders
    auditor: NodeClient
    statistician: NodeClient
    clients: dict[str, dict[str, Any]]
    outage: Outage


def run(wishes: Wishes) -> bool:
    """Run the demonstration; returns whether all went as it should."""
    screen = Screen()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    failed: list[BaseException] = []
    try:
        with (
            AuthorityServer() as server,
            fresh_folder(wishes.data_dir, port=wishes.port, at=_now(), settings=_settings(server)) as folder,
            serving(folder) as node,
        ):
            asyncio.run(_demonstrate(wishes, folder, node, server, screen))
            if not wishes.once:
                _stay(folder, node, screen)
    except* (SimulationFailed, TrucError) as failures:
        failed.extend(_leaves(failures))
    for failure in failed:
        screen.say(f"FAILED: {failure}")
    return not failed


def _settings(server: AuthorityServer) -> dict[str, str]:
    """Have the node ask the authorities of this machine, every few seconds."""
    return {
        "REVOCATION_PRIVATE_TARGETS": "true",
        "REVOCATION_INTERVAL_SECONDS": str(ASKED_EVERY_SECONDS),
        "TIMESTAMP_AUTHORITY_URL": PublicServices(server).stamps,
        "TIMESTAMP_INTERVAL_SECONDS": "1",
    }


async def _demonstrate(
    wishes: Wishes, folder: NodeFolder, node: "subprocess.Popen[bytes]", server: AuthorityServer, screen: Screen
) -> None:
    screen.step(f"starting a node in {folder.root}")
    await answering(folder, node)
    screen.step(f"the node answers at {folder.url}; the operator loads the national codes and makes an administrator")
    _, administrator = await asyncio.gather(
        asyncio.to_thread(folder.run, "agency", "import", "--reference"),
        asyncio.to_thread(folder.run_json, "client", "create", "--name", "administrator", "--scope", "registry.write"),
    )
    async with _settled(wishes, folder, administrator, server, screen) as country:
        first_month = month_of(_now())
        async with asyncio.TaskGroup() as offices:
            for office in country.offices.values():
                offices.create_task(office.attend())
            meanwhile, withdrawn = await _exchange(country, wishes, screen)
            refusals = await _try_refused(country, screen)
            await country.outage.made_good(meanwhile)
            reckoning = Reckoning(country.stage.tally, country.statistician, country.auditor, first_month, refusals)
            await reckoning.show(folder, screen)
            screen.outage(country.outage.rows)
            checker = country.stage.checker
            await show_evidence(folder, withdrawn, keys=checker.jwks, root=checker.anchor, screen=screen)
    _hand_over(folder, administrator, country, screen)


@asynccontextmanager
async def _settled(
    wishes: Wishes, folder: NodeFolder, administrator: dict[str, Any], server: AuthorityServer, screen: Screen
) -> AsyncIterator[Country]:
    at = _now().replace(microsecond=0)
    screen.step("issuing certificates: a root, an authority below it, seals and persons")
    public = PublicServices(server)
    authorities = settlement.make_authorities(at, public)
    credentials = settlement.make_credentials(authorities, at)
    async with AsyncExitStack() as stack:

        async def client(created: dict[str, Any]) -> NodeClient:
            signing_in = NodeClient(folder.url, created["client_id"], created["client_secret"], trust_env=False)
            return await stack.enter_async_context(signing_in)

        admin = await client(administrator)
        names = await settlement.register_agencies(admin)
        screen.step(f"{len(names)} agencies of four tiers take part; registering what they sign with")
        outsiders = settlement.make_outsiders(authorities, _now().replace(microsecond=0))
        revocations, _ = settlement.own_revocations(authorities, outsiders, at)
        # The node is given no lists: it fetches them from where the certificates say they are.
        await settlement.register_certificates(admin, authorities, credentials, outsiders, ())
        public.revoked[outsiders.listed.certificate] = _now().replace(microsecond=0)
        await settlement.revocations_fetched(admin, since=_now())
        made = await settlement.register_systems(admin)
        screen.step(f"{len(made)} systems may sign in")
        checker = Checker(authorities.root.certificate, revocations)
        checker.jwks = expect(await admin.anonymous("/.well-known/jwks.json"))
        stage = Stage(
            seed=wishes.seed,
            checker=checker,
            tally=Tally(),
            pending=Pending(),
            now=_now,
            names=names,
            agencies={agency.code: agency for agency in AGENCIES},
        )
        habits = settlement.make_habits()
        systems = {name: await client(created) for name, created in made.items()}
        offices = {
            agency.code: Office(
                agency,
                systems[agency.system],
                habits[agency.system],
                credentials[agency.code].seal,
                credentials[agency.code].person,
                stage,
            )
            for agency in AGENCIES
        }
        outage = Outage(server, systems["audit"], authorities.root.certificate)
        yield Country(stage, offices, outsiders, systems["audit"], systems["statistics"], made, outage)


async def _exchange(country: Country, wishes: Wishes, screen: Screen) -> tuple[list[Accepted], Sent]:
    """Let everybody send, and everybody deal with what comes, until nothing is left.

    Half-way the authorities are switched off; returns what was accepted while they were away, and a document that one
    recipient gave back.
    """
    habits = {office.agency.system: office.habits for office in country.offices.values()}
    count = wishes.documents or DOCUMENTS
    planned = plan(count, seed=wishes.seed, habits=habits)
    screen.step(f"sending {count} documents; recipients poll, fetch, check, take over and report")
    seconds = SENDING_SECONDS / 2 if wishes.documents is None else None
    half = len(planned) // 2
    with screen.bars({"documents": count, "deliveries": count, "statuses": count}) as bars:
        country.stage.pending.moved = _mover(country.stage, bars)
        before = await _send_all(country, planned[:half], wishes.seed, seconds=seconds)
        country.outage.begin(screen)
        meanwhile = await _send_all(country, planned[half:], wishes.seed, seconds=seconds)
        sent = [*before, *meanwhile]
        await _resend(country, sent)
        await _redirect(country)
        withdrawn = await _withdraw(country)
        await country.stage.pending.settled(stall_seconds=STALL_SECONDS)
    if len(sent) < len(planned):
        screen.step(
            f"after {SENDING_SECONDS:.0f} s the senders stopped at {country.stage.tally.total('sent')} documents"
        )
    accepted = [each.answer.document for each in meanwhile]
    await country.outage.end(accepted, screen)
    return accepted, withdrawn


async def _send_all(country: Country, planned: tuple[Planned, ...], seed: int, *, seconds: float | None) -> list[Sent]:
    """Send what is planned, several at a time; nothing new is begun after so many seconds."""
    waiting = iter(planned)
    sent: list[Sent] = []
    now = asyncio.get_running_loop().time
    deadline = now() + seconds if seconds is not None else None

    async def work() -> None:
        for each in waiting:
            if deadline is not None and now() > deadline:
                return
            office = country.offices[each.draft.sender.code]
            first = await office.send(each.draft, random.Random(f"{seed}/document/{each.index}"))
            sent.append(first)
            if each.follow_up is not None:
                follow_up = replace(each.draft, kind=each.follow_up, concerns=first.message, number=None)
                await office.send(follow_up, random.Random(f"{seed}/follow-up/{each.index}"))

    async with asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(work())
    return sent


async def _resend(country: Country, sent: list[Sent]) -> None:
    """Send some documents again: nothing happens but the first answer."""
    for each in sent[:_RESENT]:
        again = await each.office.client.send(each.octets)
        same = again.document.get("receipt") == each.answer.document["receipt"] if again.document else False
        if again.status != 200 or again.headers.get("idempotent-replayed") != "true" or not same:
            raise SimulationFailed(f"{each.message.document_id} was sent again: {again.status}, not the first answer")
        country.stage.tally.replayed += 1


async def _redirect(country: Country) -> None:
    """Send to a province that was merged: its successor gets the mail."""
    sender = country.offices["G22"]
    merged = replace(country.offices[SUCCESSOR].agency, code=CLOSED_WITH_SUCCESSOR, name="UBND tỉnh Hòa Bình")
    draft = Draft(sender.agency, ((merged, sender.habits.code_of(merged)),))
    sent = await sender.send(draft, random.Random("redirect"))
    if sent.recipients != (SUCCESSOR,):
        raise SimulationFailed(f"mail to {CLOSED_WITH_SUCCESSOR} went to {sent.recipients}, not to {SUCCESSOR}")


async def _withdraw(country: Country) -> Sent:
    """Ask two recipients for a document back; one agrees, one does not."""
    stage, sender = country.stage, country.offices["G22"]
    agrees, refuses = country.offices["H41"], country.offices["H49"]
    addressees = tuple((each.agency, sender.habits.code_of(each.agency)) for each in (agrees, refuses))
    # Nobody knows the DocumentId before the document is composed, so it is composed here and its course fixed first.
    draft = Draft(sender.agency, addressees, number=_WITHDRAWN_NUMBER)
    document_id = sender.compose(draft, random.Random("withdrawal")).document_id
    for office, answer in ((agrees, StatusCode.CHANGE_ACCEPTED), (refuses, StatusCode.CHANGE_REFUSED)):
        stage.courses[document_id, office.code] = ("01", "03")
        stage.answers[document_id, office.code] = answer
    sent = await sender.send(draft, random.Random("withdrawal"))
    for office in (agrees, refuses):
        await sender.request_back(sent, office.agency)
    await stage.pending.settled(stall_seconds=STALL_SECONDS)
    record = expect(await sender.client.get(f"/v1/documents/{sent.answer.document['id']}"))
    states = {each["recipient"]: each["state"] for each in record["deliveries"]}
    if states != {"H41": "withdrawn", "H49": "change_refused"}:
        raise SimulationFailed(f"after 15 and 16 the deliveries are {states}")
    gone = await agrees.client.get(f"/v1/documents/{sent.answer.document['id']}/content")
    if gone.status != 404:
        raise SimulationFailed(f"a withdrawn document can still be fetched: {gone.status}")
    return sent


_WITHDRAWN_NUMBER: Final = 99_999


async def _try_refused(country: Country, screen: Screen) -> list[Refusal]:
    """Try what must be refused; returns what was tried, what was answered and whether that was right."""
    screen.step("trying what must be refused")
    scene = await _scene(country)
    country.stage.closing = True
    expires = country.outsiders.expired.certificate.not_valid_after_utc
    await asyncio.sleep(max((expires - _now()).total_seconds() + 1, 0))
    rows = []
    for attempt in attempts(scene):
        answer = await attempt.make()
        right = attempt.as_expected(answer)
        if attempt.counted_for is not None:
            country.stage.tally.count(attempt.counted_for, "refused")
        said = " ".join((f"{answer.status} {answer.problem}", *dict.fromkeys(answer.codes)))
        rows.append(Refusal(attempt.title, said, as_it_must_be=right))
    return rows


async def _scene(country: Country) -> Scene:
    sender, recipient = country.offices[EXPIRED_SENDER], country.offices["H44"]
    draft = Draft(sender.agency, ((recipient.agency, sender.habits.code_of(recipient.agency)),))
    sent = await sender.send(draft, random.Random("scene"))
    await country.stage.pending.settled(stall_seconds=STALL_SECONDS)
    return Scene(
        sender=sender,
        other=country.offices["G12"],
        uninvolved=country.offices["I05"],
        sent=sent,
        recipient=recipient,
        auditor=country.auditor,
        outsiders=country.outsiders,
    )


def _mover(stage: Stage, bars: Bars) -> Any:
    def move() -> None:
        bars.move(
            documents=stage.tally.total("sent"),
            deliveries=stage.tally.total("acknowledged"),
            statuses=stage.tally.total("statuses"),
        )

    return move


def _hand_over(folder: NodeFolder, administrator: dict[str, Any], country: Country, screen: Screen) -> None:
    """Keep the credentials, so that somebody can go on from here."""
    for name, created in {"administrator": administrator, **country.clients}.items():
        folder.keep(f"credentials/{_file_name(name)}.json", {"url": folder.url, **created})
    screen.step("done")


def _file_name(name: str) -> str:
    from app.edxml.folding import fold

    return fold(name).replace(" ", "-")


def _stay(folder: NodeFolder, node: "subprocess.Popen[bytes]", screen: Screen) -> None:
    """Leave the node up until somebody ends it.

    Raises:
        SimulationFailed: the node ended by itself.
    """
    credentials = folder.root / "credentials"
    screen.say()
    screen.say(f"The node stays up until Ctrl-C. Console: {folder.url}/  API: {folder.url}/docs")
    screen.say(f"Credentials, readable by you alone, are in {credentials}")
    screen.say(f"  for the console: client_id and client_secret of {credentials}/console.json")
    screen.say(f"  truc inbox --credentials {credentials}/tinh-nghe-an.json --agency H41")
    screen.say(f"  truc send document.edxml --credentials {credentials}/tinh-nghe-an.json")
    screen.say(f"  TRUC_DATA_DIR={folder.root}/data truc agency show 000.00.00.H41")
    screen.say(f"  TRUC_DATA_DIR={folder.root}/data truc log verify")
    kept = folder.root / "evidence"
    screen.say(f"  truc verify {kept}/bundle.asice --key {kept}/keys.json --anchors {kept}/root.pem")
    with suppress(KeyboardInterrupt):
        code = node.wait()
        raise SimulationFailed(f"the node ended by itself, with code {code}; see {folder.log}")
    screen.say("stopping the node")


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _leaves(failures: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for failure in failures.exceptions:
        if isinstance(failure, BaseExceptionGroup):
            yield from _leaves(failure)
        else:
            yield failure


def _now() -> datetime:
    return datetime.now(UTC)
