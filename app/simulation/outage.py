"""Half-way the authorities are switched off: mail goes on, the alarm is raised, and afterwards nothing is missing.

Checks what the node promises of such a day: documents are accepted and delivered meanwhile, it says once that time
stamps are late and that revocations are out of date, and when the authorities are back every receipt of that time has
its stamp, which is checked here with nothing but the country's root, and every document whose certificate's standing
was unknown is judged again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509

from app.client import NodeClient
from app.signing.path import UnknownRevocation
from app.signing.revocations import RevocationIndex
from app.signing.stamped_receipt import StampedReceipt
from app.signing.timestamps import TimestampRefused
from app.simulation.authority_server import AuthorityServer
from app.simulation.screen import Screen
from app.simulation.settlement import at_once, expect
from app.simulation.tally import SimulationFailed

Accepted = dict[str, Any]
"""The node's answer to an accepted document."""

ALARMS: Final = ("timestamps.late", "revocations.stale")
"""Kinds of event that say so."""
ALARM_SECONDS: Final = 60.0
"""How long to wait for them; the node's settings here make it seconds, on a busy machine some more."""
BACK_SECONDS: Final = 60.0
"""How long to wait until what is missing is there."""
_LOOK_SECONDS: Final = 0.5


@dataclass(slots=True)
class Outage:
    """One outage, from its beginning until all is well again.

    Attributes:
        anchor: the country's root.
        rows: what was seen, for the screen: what was looked at, and what it showed.
    """

    server: AuthorityServer
    auditor: NodeClient
    anchor: x509.Certificate
    rows: list[tuple[str, str]] = field(default_factory=list)
    _began: datetime | None = None

    def begin(self, screen: Screen) -> None:
        """Switch the authorities off."""
        self.server.switch_off()
        self._began = datetime.now(UTC)
        screen.step("the authorities are switched off: no revocation lists, no OCSP, no time stamps")

    async def end(self, documents: Sequence[Accepted], screen: Screen) -> None:
        """Wait until the node has said what is wrong, and switch the authorities on again.

        Args:
            documents: those that were accepted meanwhile.

        Raises:
            SimulationFailed: nothing was accepted, or the node says nothing.
        """
        if not documents:
            raise SimulationFailed("no document was accepted while the authorities were away")
        self.rows.append(("documents accepted and delivered meanwhile", str(len(documents))))
        for kind in ALARMS:
            told = await self._event(kind, ALARM_SECONDS)
            self.rows.append((f"alarm {kind}", f"after {self._after(told):.0f} s"))
        self.server.switch_on()
        screen.step(f"the node has raised the alarm ({', '.join(ALARMS)}); the authorities are switched on again")

    async def made_good(self, documents: Sequence[Accepted]) -> None:
        """Wait until nothing is missing any more.

        Raises:
            SimulationFailed: something is, or a stamp does not hold.
        """
        fresh = await self._event("revocations.fresh", BACK_SECONDS)
        self.rows.append(("revocations fresh again", f"after {self._after(fresh):.0f} s"))
        undecided = {each["id"] for each in documents if each["verification"]["indication"] == "INDETERMINATE"}
        await self._judged(undecided)
        self.rows.append(("accepted without knowing of revocations, judged again", f"{len(undecided)}, all passed"))
        moments = await at_once(self._stamped(each["id"]) for each in documents)
        self.rows.append(("receipts stamped since, checked with the root alone", f"{len(moments)} of {len(documents)}"))

    async def _judged(self, undecided: set[str]) -> None:
        assert self._began is not None, "an outage begins before it ends"
        deadline = asyncio.get_running_loop().time() + BACK_SECONDS
        while True:
            since = self._began.isoformat()
            events = self.auditor.pages("/v1/audit/events", event="document.judged", limit=500, **{"from": since})
            passed = {each["document"] async for each in events if each["detail"]["indication"] == "TOTAL-PASSED"}
            if undecided <= passed:
                return
            if asyncio.get_running_loop().time() > deadline:
                raise SimulationFailed(f"{len(undecided - passed)} of {len(undecided)} documents were not judged again")
            await asyncio.sleep(_LOOK_SECONDS)

    def _after(self, event: dict[str, Any]) -> float:
        assert self._began is not None, "an outage begins before it ends"
        return (datetime.fromisoformat(event["time"]) - self._began).total_seconds()

    async def _event(self, kind: str, seconds: float) -> dict[str, Any]:
        """Return the first event of a kind since the beginning, waited for."""
        assert self._began is not None, "an outage begins before it ends"
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            found = expect(await self.auditor.get("/v1/audit/events", event=kind, **{"from": self._began.isoformat()}))
            if found["items"]:
                first: dict[str, Any] = found["items"][0]
                return first
            if asyncio.get_running_loop().time() > deadline:
                raise SimulationFailed(f"the authorities were away, and the node did not say {kind} in {seconds:.0f} s")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _stamped(self, document: str) -> datetime:
        deadline = asyncio.get_running_loop().time() + BACK_SECONDS
        while not (answer := await self.auditor.get(f"/v1/documents/{document}/timestamp")).ok:
            if asyncio.get_running_loop().time() > deadline:
                raise SimulationFailed(f"document {document} has no time stamp: {answer.explanation}")
            await asyncio.sleep(_LOOK_SECONDS)
        try:
            stamp = StampedReceipt.read(answer.document).verify(
                anchors=(self.anchor,), revocations=RevocationIndex(), unknown_revocation=UnknownRevocation.ACCEPT
            )
        except TimestampRefused as error:
            raise SimulationFailed(f"the time stamp of document {document} does not hold: {error}") from error
        return stamp.gen_time
