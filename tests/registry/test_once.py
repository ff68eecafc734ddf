"""The Idempotency-Key as the exchange uses it: looked up in a reading transaction, remembered in the writing one."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.errors import IdempotencyKeyReused
from app.registry.once import Once
from app.store.database import Database
from app.store.schema import idempotency_keys
from tests.registry.filling import Registry
from tests.support.pki import NOW

CLIENT = "01a2022d-fb9b-75ac-92fd-527f80c9bf3a"
ONCE = Once.of_body(CLIENT, "k1", path="/v1/documents", body_sha256="0" * 64, expires_at=NOW + timedelta(days=30))
OTHER_BODY = replace(ONCE, fingerprint="1" * 64)


async def remember(database: Database, once: Once, answer: dict[str, str]) -> bool:
    async with database.write() as tx:
        return await once.remember(tx, answer)


async def claim_and_fail(database: Database) -> None:
    async with database.write() as tx:
        assert await ONCE.claim(tx) is None
        raise ZeroDivisionError


async def test_an_answer_is_found_again_by_the_same_request_only(registry: Registry) -> None:
    async with registry.database.read() as tx:
        assert await ONCE.earlier(tx) is None
    assert await remember(registry.database, ONCE, {"document": "d1"})
    async with registry.database.read() as tx:
        assert await ONCE.earlier(tx) == {"document": "d1"}
        assert await replace(ONCE, key="k2").earlier(tx) is None
        with pytest.raises(IdempotencyKeyReused):
            await OTHER_BODY.earlier(tx)


async def test_the_first_answer_stays_whoever_comes_later(registry: Registry, other_database: Database) -> None:
    rivals = [ONCE, OTHER_BODY, ONCE, OTHER_BODY]
    kept = await asyncio.gather(
        *(
            remember(database, once, {"document": f"d{number}"})
            for number, (database, once) in enumerate(zip([registry.database, other_database] * 2, rivals, strict=True))
        )
    )
    assert kept.count(True) == 1
    first = kept.index(True)
    async with registry.database.read() as tx:
        assert await rivals[first].earlier(tx) == {"document": f"d{first}"}


async def test_a_claim_ends_with_a_transaction_that_fails(registry: Registry) -> None:
    with pytest.raises(ZeroDivisionError):
        await claim_and_fail(registry.database)
    assert await registry.count(idempotency_keys) == 0
    async with registry.database.write() as tx:
        assert await ONCE.claim(tx) is None
        assert await ONCE.remember(tx, {"agency": "H44"})
    async with registry.database.write() as tx:
        assert await ONCE.claim(tx) == {"agency": "H44"}
        with pytest.raises(IdempotencyKeyReused):
            await OTHER_BODY.claim(tx)
