"""What becomes of an agency's certificates is told to its own systems, the end of one before it comes."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.registry import certificate_holds, expiring
from app.registry.model import SuspensionReason
from app.webhooks.topics import Topic
from tests.registry.filling import ACT, Registry, seal_of
from tests.support.pki import DAY, NOW, shared_pki
from tests.webhooks.bench import Bench, bench
from tests.webhooks.receiver import Receiver


@pytest.fixture
async def alone(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    """A process on a database of its own."""
    path = tmp_path / "node.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    async with bench(f"sqlite:///{path}", tmp_path) as opened:
        yield opened


async def test_an_agency_is_told_that_its_certificate_ends(alone: Bench, receiver: Receiver) -> None:
    registry = Registry(alone.hooks.database)
    await registry.trust(shared_pki())
    await registry.add("H44", "H45")
    own, other = await alone.client("H44"), await alone.client("H45")
    hook = await alone.subscribe(own, receiver.url, Topic.CERTIFICATE_EXPIRING, Topic.CERTIFICATE_SUSPENDED)
    elsewhere = await alone.subscribe(other, receiver.url)
    seal = await registry.enrol("H44", seal_of("H44", not_after=NOW + 5 * DAY))
    await expiring.warn(alone.hooks.database, at=NOW)
    await certificate_holds.suspend(alone.hooks.database, seal.sha256, reason=SuspensionReason.REQUESTED, act=ACT)
    await alone.happen()
    await alone.announce()
    told = [json.loads(message.content) for message in await alone.messages(hook, own)]
    assert [each["type"] for each in told] == ["certificate.expiring", "certificate.suspended"]
    assert (told[0]["data"]["sha256"], told[0]["data"]["days"]) == (seal.sha256, 7)
    assert told[0]["data"]["not_after"] == "2026-11-25T09:30:00.000000Z"
    assert await alone.messages(elsewhere, other) == []
