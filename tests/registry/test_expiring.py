"""Certificates that end soon: warned of three times, whoever looks and however late."""

import asyncio
from datetime import timedelta

import pytest

from app.registry import certificate_holds, expiring
from app.registry.model import SuspensionReason
from app.store.database import Database
from tests.registry.filling import ACT, Registry, seal_of
from tests.support.pki import DAY, NOW, shared_pki


@pytest.fixture
async def trusting(registry: Registry) -> Registry:
    """A registry with one anchor and an agency."""
    await registry.trust(shared_pki())
    await registry.add("H44")
    return registry


async def _warned(registry: Registry) -> list[tuple[str, int]]:
    found = [event for event in await registry.events() if event["kind"] == "certificate.expiring"]
    assert all((each["actor"], each["agency"], each["tier"]) == ("node", "H44", "province") for each in found)
    return [(each["detail"]["sha256"], each["detail"]["days"]) for each in found]


async def test_each_threshold_is_warned_of_once(trusting: Registry) -> None:
    seal = seal_of("H44", not_after=NOW + 90 * DAY)
    await trusting.enrol("H44", seal)
    for days, made in ((89, 0), (60, 1), (59, 0), (30, 1), (8, 0), (7, 1), (1, 0), (-1, 0)):
        at = NOW + (90 - days) * DAY
        assert await expiring.warn(trusting.database, at=at) == made, days
    assert await _warned(trusting) == [(seal.sha256, 60), (seal.sha256, 30), (seal.sha256, 7)]
    last = (await trusting.events())[-1]
    assert last["detail"]["not_after"] == "2027-02-18T09:30:00.000000Z"


async def test_who_looks_late_warns_of_the_nearest_only(trusting: Registry) -> None:
    seal = seal_of("H44", not_after=NOW + 5 * DAY)
    await trusting.enrol("H44", seal)
    assert await expiring.warn(trusting.database, at=NOW) == 1
    assert await _warned(trusting) == [(seal.sha256, 7)]


async def test_what_is_not_in_use_is_not_warned_of(trusting: Registry) -> None:
    suspended = await trusting.enrol("H44", seal_of("H44", not_after=NOW + 5 * DAY))
    await certificate_holds.suspend(trusting.database, suspended.sha256, reason=SuspensionReason.REQUESTED, act=ACT)
    assert await expiring.warn(trusting.database, at=NOW) == 0
    async with trusting.database.read() as tx:
        assert await expiring.counts(tx, at=NOW) == {60: 0, 30: 0, 7: 0}


async def test_several_processes_warn_once(trusting: Registry, other_database: Database) -> None:
    for days in (3, 20, 50, 100):
        await trusting.enrol("H44", seal_of("H44", not_after=NOW + days * DAY))
    made = await asyncio.gather(*(expiring.warn(each, at=NOW) for each in (trusting.database, other_database)))
    assert sum(made) == 3
    assert sorted(days for _, days in await _warned(trusting)) == [7, 30, 60]
    async with trusting.database.read() as tx:
        assert await expiring.counts(tx, at=NOW + timedelta(seconds=1)) == {60: 3, 30: 2, 7: 1}
