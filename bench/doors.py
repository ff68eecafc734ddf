"""What a call by the axis' protocol costs the node, against the call of REST v1 that does the same work.

Same documents, same node, same database, in turn; the node is a process of its own, and its processor time counts, so
that what the clients cost does not. Each side keeps its connection where its clients do: the SDK opens one for a list.
"""

import socket
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse
from itertools import count
from pathlib import Path

from app.edxml.organ_id import OrganId
from app.node import Node
from app.registry import system_key_acts
from app.registry.acts import Act
from app.registry.model import Scope
from app.store import migrations
from bench.processes import processor_seconds
from bench.ratios import Ratio, Table, at_least
from tests.exchange.processes import NodeProcess
from tests.support import edxml_library as library
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode, running_node
from tests.support.office import DISTRICT, GOVERNMENT_OFFICE, PARTY, PROVINCE, created, exchange_on
from tests.support.vxp import Sdk, connect, head

LISTED = 50
"""Messages that wait and are listed by both."""
GATE, STRETCH = 0.80, 0.95
_NUMBERS = count(1)
_OK = b'"ErrorCode":"0"'

Call = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Compared:
    """The same work by both doors.

    Attributes:
        measure: what it is called.
        rest: makes one call of REST v1.
        vxp: makes one call of the SDK.
        times: so many calls for one of the longest, that a round is long against the clock's step of 10 ms.
        rounds: seconds of the processor that a call took, of REST v1 and of VXP, a pair a round.
    """

    measure: str
    rest: Call
    vxp: Call
    times: int = 1
    rounds: list[tuple[float, float]] = field(default_factory=list)

    def ratio(self) -> Ratio:
        """Give the throughput of VXP as a share of that of REST v1, the median of all rounds."""
        found = statistics.median(rest / vxp for rest, vxp in self.rounds)
        return at_least(f"{self.measure}: share of REST v1's throughput", found, gate=GATE, stretch=STRETCH)

    def milliseconds(self) -> tuple[float, float]:
        """Give what a call takes by either, the median of all rounds."""
        rest, vxp = (statistics.median(side) * 1000 for side in zip(*self.rounds, strict=True))
        return rest, vxp


def measured(*, quick: bool) -> Iterator[Ratio | Table]:
    """Compare sending, listing what waits, and listing where nothing does."""
    rounds, calls = (3, 40) if quick else (7, 100)
    with tempfile.TemporaryDirectory() as folder, _node(Path(folder)) as (node, sides):
        sender, recipient, idle = (sides[code] for code in (GOVERNMENT_OFFICE, PROVINCE, PARTY))
        for _ in range(LISTED):
            sender.send(PROVINCE)
        every = (
            Compared("sendEdoc, 4 KB", lambda: sender.send(DISTRICT), lambda: sender.send_edoc(DISTRICT)),
            Compared(f"getReceivedEdocList of {LISTED}", recipient.look, recipient.received_edoc_list, 2),
            Compared("getReceivedEdocList of nothing", idle.look, idle.received_edoc_list, 10),
        )
        for each in every:
            for work in (each.rest, each.vxp):
                _seconds(node, work, calls // 4)
        for number in range(rounds):
            for each in every:
                # Who begins takes turns: what is left to seal of one side's documents falls to the other.
                order = (each.rest, each.vxp) if number % 2 else (each.vxp, each.rest)
                took = {work: _seconds(node, work, calls * each.times) for work in order}
                each.rounds.append((took[each.rest], took[each.vxp]))
    # Nothing is asked of the last: REST v1 answers such a poll before the request is read, and has no signature of it.
    yield from (each.ratio() for each in every[:-1])
    rows = tuple((each.measure, *(f"{value:.2f}" for value in each.milliseconds())) for each in every)
    yield Table("What a call costs the node, ms of a processor", ("call", "REST v1", "VXP"), rows)


class Side:
    """A unit that speaks both ways; what it sends is never sent twice."""

    def __init__(self, url: str, agency: str, token: str, system_id: str, secret: str) -> None:
        self.agency = agency
        self._sdk = Sdk(url, system_id, secret)
        self._url = url
        self._kept = connect(url)
        self._head = [f"Host: {self._sdk.host}", f"Authorization: Bearer {token}"]

    def send(self, recipient: str) -> None:
        """Send a document by REST v1."""
        file = self._document(recipient)
        lines = ["POST /v1/documents HTTP/1.1", *self._head, "Content-Type: application/xml"]
        _spoken(self._kept, head(lines, len(file)) + file, b'"deliveries"')

    def send_edoc(self, recipient: str) -> None:
        """Send a document as the SDK does."""
        file = self._document(recipient)
        request = self._sdk.send_head(file, **{"from": self.agency}, servicetype="eDoc", messagetype="edoc")
        _spoken(self._kept, request + file + b"\r\n", _OK)

    def look(self) -> None:
        """List what waits by REST v1."""
        path = f"/v1/inbox?agency={self.agency}&kind=document&limit={LISTED}"
        _spoken(self._kept, head([f"GET {path} HTTP/1.1", *self._head], None), b'"items"')

    def received_edoc_list(self) -> None:
        """List what waits as the SDK does, over a connection of its own."""
        asked = {"servicetype": "eDoc", "messagetype": "edoc"}
        with connect(self._url) as connection:
            _spoken(connection, self._sdk.request("getReceivedEdocList", None, asked), _OK)

    def close(self) -> None:
        """Hang up."""
        self._kept.close()

    def _document(self, recipient: str) -> bytes:
        return library.document(self.agency, recipient, number=next(_NUMBERS))


def _spoken(connection: socket.socket, request: bytes, sign: bytes) -> None:
    connection.sendall(request)
    response = HTTPResponse(connection)
    response.begin()
    body = response.read()
    if response.status >= 300 or sign not in body:
        raise AssertionError(f"{response.status} {body[:500]!r}")


def _seconds(node: NodeProcess, work: Call, calls: int) -> float:
    """Give what a call costs the node, of so many."""
    began = processor_seconds(node.pid)
    for _ in range(calls):
        work()
    return (processor_seconds(node.pid) - began) / calls


@contextmanager
def _node(folder: Path) -> Iterator[tuple[NodeProcess, dict[str, Side]]]:
    """Run a node with agencies that are let in unsigned and have both kinds of credentials."""
    url = f"sqlite:///{folder / 'node.sqlite'}"
    migrations.migrate(url)
    codes = (GOVERNMENT_OFFICE, PROVINCE, PARTY, DISTRICT)
    with running_node(folder / "data", url, log_level="error") as running, exchange_on(running, only=codes) as made:
        today = datetime.now(UTC).date()
        policy = {"mode": "unsigned", "valid_from": f"{today}", "valid_to": f"{today + timedelta(days=2)}"}
        created(made.administrator.patch(f"/v1/agencies/{GOVERNMENT_OFFICE}", json={"policies": [policy]}), 200)
        keys = {code: _let_in(running, code) for code in codes}
        offices, settings = dict(made.offices), running.settings
    with NodeProcess(settings).start() as node:
        sides = {}
        for code, (system_id, secret) in keys.items():
            client = offices[code].system
            with AgencySystem(settings.public_url, client.client_id, client.secret) as system:
                sides[code] = Side(settings.public_url, code, system.token, system_id, secret)
        yield node, sides
        for side in sides.values():
            side.close()


def _let_in(running: RunningNode, agency: str) -> tuple[str, str]:
    client = running.client(Scope.EXCHANGE, agencies=[agency], name=f"VXP {agency}")

    async def issue(node: Node) -> tuple[str, str]:
        act = Act("operator", datetime.now(UTC))
        done = await system_key_acts.issue(node.systems, act, client.client_id, agency=OrganId.parse(agency))
        return done.value.key.system_id, done.value.secret or ""

    return running.run(issue)
