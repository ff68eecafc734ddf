"""Letting time pass for a node: what its clock would do by itself is done for a later moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from app.exchange import deadlines
from app.exchange.deadlines import Passed
from app.ledger.seal import seal_all
from app.node import Node
from app.routers import clock
from tests.support.agency import AgencySystem
from tests.support.office import Exchange, Office


def passed(exchange: Exchange, **later: float) -> Passed:
    """Do what is due so much later than now, and seal it."""
    at = datetime.now(UTC) + timedelta(**later)

    async def settle(node: Node) -> Passed:
        # What the sealer is just placing is held by it, and would be left for the next look.
        await seal_all(node.database, now=at)
        found = await deadlines.settle(node.desk, at=at)
        await seal_all(node.database, now=at)
        return found

    return exchange.running.run(settle)


@contextmanager
def living_at(moment: datetime, *systems: AgencySystem) -> Iterator[None]:
    """Let every node of this process live by a clock that stands at this moment.

    These systems sign in for that time; to be used afterwards they sign in again.
    """
    with clock.steered(lambda: moment):
        for system in systems:
            assert system.sign_in().status_code == 200
        yield


def notices(office: Office, **asked: Any) -> list[tuple[str, str, str]]:
    """List the notices that wait for an agency: (kind, document, state of the delivery they are about)."""
    return [
        (item["notice"]["kind"], item["document"]["id"], (item["notice"]["delivery"] or {}).get("state", ""))
        for item in office.system.inbox(kind="notice", agency=office.organ_id, **asked)
    ]
