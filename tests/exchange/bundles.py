"""Short words for evidence bundles under test: getting one, and reading it with nothing of what wrote it."""

import asyncio
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from app.ledger.publish import publish
from app.ledger.seal import seal_all
from app.node import Node
from app.store import checkpoints, journal
from tests.support.agency import AgencySystem
from tests.support.office import Exchange


@dataclass(frozen=True)
class Opened:
    """A bundle."""

    octets: bytes
    headers: Any

    @cached_property
    def members(self) -> dict[str, bytes]:
        """Its members, in their order; opening checks every checksum."""
        with zipfile.ZipFile(io.BytesIO(self.octets)) as archive:
            return {each.filename: archive.read(each) for each in archive.infolist()}

    @property
    def manifest(self) -> dict[str, Any]:
        """What it says of itself."""
        return self.json("manifest.json")

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its events, in the order of the log."""
        return [json.loads(octets) for name, octets in self.members.items() if name.startswith("events/")]

    def json(self, name: str) -> dict[str, Any]:
        """A member as JSON."""
        value: dict[str, Any] = json.loads(self.members[name])
        return value

    def named(self, folder: str, extension: str = "") -> list[str]:
        """Names of the members of a folder."""
        return [name for name in self.members if name.startswith(f"{folder}/") and name.endswith(extension)]

    def lasting(self) -> dict[str, str]:
        """Digests of what does not tell when it was made."""
        passing = ("manifest.json", "manifest.jws")
        return {
            name: hashlib.sha256(octets).hexdigest() for name, octets in self.members.items() if name not in passing
        }


def publish_all(exchange: Exchange) -> None:
    """Let a checkpoint cover everything that happened so far."""

    async def work(node: Node) -> None:
        await seal_all(node.database, now=datetime.now(UTC))
        async with node.database.read() as tx:
            size = await journal.size(tx)
        for _ in range(400):
            await publish(node.publisher, now=datetime.now(UTC))
            async with node.database.read() as tx:
                newest = await checkpoints.latest(tx)
            if newest is not None and newest.size >= size:
                return
            # The node's own worker is at it in this very moment.
            await asyncio.sleep(0.05)
        raise AssertionError(f"no checkpoint of {size} events")

    exchange.running.run(work)


def bundle_of(system: AgencySystem, document: str) -> Opened:
    """Fetch a bundle."""
    answer = system.get(f"/v1/documents/{document}/evidence")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-length"] == str(len(answer.content))
    return Opened(answer.content, answer.headers)
