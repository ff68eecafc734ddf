"""What lies in a node: rows, bodies, events; taken before and after, to show what a request left behind."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.ledger.check import CheckReport, check
from app.ledger.seal import seal_all
from app.node import Node
from app.store.schema import deliveries, documents, events, status_reports
from tests.support.office import Exchange

KEPT = {"documents": documents, "deliveries": deliveries, "reports": status_reports, "events": events}


@dataclass(frozen=True)
class Remains:
    """How much lies in a node.

    Attributes:
        sealed: index of the last event.
        at: when this was.
    """

    rows: Counter[str]
    bodies: frozenset[str]
    incoming: frozenset[str]
    sealed: int
    at: datetime = field(compare=False)

    def less_events(self) -> tuple[dict[str, int], frozenset[str], frozenset[str]]:
        """Everything that content could be found in."""
        return {name: count for name, count in self.rows.items() if name != "events"}, self.bodies, self.incoming


def remains(exchange: Exchange) -> Remains:
    """Count what lies in the node, when all of it is sealed."""

    async def count(node: Node) -> tuple[Counter[str], int]:
        await seal_all(node.database, now=datetime.now(UTC))
        rows: Counter[str] = Counter()
        async with node.database.read() as tx:
            for name, table in KEPT.items():
                rows[name] = (await tx.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
            sealed = (await tx.execute(sa.select(sa.func.max(events.c.position)))).scalar_one()
        return rows, -1 if sealed is None else sealed

    at = datetime.now(UTC)
    rows, sealed = exchange.running.run(count)
    folder = exchange.running.settings.data_dir
    return Remains(rows, files(folder / "bodies"), files(folder / "incoming"), sealed, at)


def files(folder: Path) -> frozenset[str]:
    """Names of the files below a folder."""
    return frozenset(path.name for path in folder.rglob("*") if path.is_file())


def events_since(exchange: Exchange, before: Remains, **query: Any) -> list[dict[str, Any]]:
    """Ask the log, as an auditor does, for what happened since."""
    remains(exchange)
    asked = {"from": before.at.isoformat(), "limit": 500, **query}
    return [event for event in exchange.auditor.pages("/v1/audit/events", **asked) if event["index"] > before.sealed]


def holds(exchange: Exchange, marker: bytes) -> list[str]:
    """Look for bytes in every file of the node: bodies, incoming, keys, and the database where it is a file."""
    settings = exchange.running.settings
    found = [path for path in settings.data_dir.rglob("*") if path.is_file()]
    address = urlsplit(settings.effective_database_url)
    if address.scheme == "sqlite":
        found += Path(address.path).parent.glob(f"{Path(address.path).name}*")
    return [path.name for path in found if marker in path.read_bytes()]


def checked(exchange: Exchange) -> CheckReport:
    """Compare the whole database and every body with the log, after sealing."""

    async def compare(node: Node) -> CheckReport:
        await seal_all(node.database, now=datetime.now(UTC))
        return await check(node.database, node.blobs)

    return exchange.running.run(compare)
