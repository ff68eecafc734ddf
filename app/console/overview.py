"""The first page: what matters today to whoever looks, by what the client may see."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.console import entrance, session
from app.console.documents import may_list_all
from app.console.frame import SignInNeeded, pages, render
from app.exchange.acting import own_agencies
from app.exchange.inbox import InboxQuery, look
from app.node import Node
from app.registry import directory
from app.registry.certificates import certificate_of
from app.registry.model import Branch, Scope, Tier
from app.routers import clock
from app.routers.access import AtNode, Caller
from app.statistics import reports
from app.statistics.periods import Month
from app.statistics.reports import Asked, GroupBy, Report
from app.store import expiring, journal

router: APIRouter = pages()

EXPIRY_DAYS: Final = 60
"""How long before its end a certificate is shown: ordering a new one takes weeks."""
EXPIRING_MAX: Final = 20
WAITING_MAX: Final = 100
"""Up to how much waiting mail is counted."""
_ROWS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Bars:
    """Figures of one month by tier or branch.

    Attributes:
        group: the group of words the codes belong to.
        rows: (code, counts) of every tier or branch that exchanged, in the order of the regulation.
        longest: the largest figure shown; what a full bar stands for.
    """

    group: str
    rows: list[tuple[str, Any]]
    longest: int


@router.get("/")
async def overview(request: Request, node: AtNode) -> Response:
    """Show the form to strangers, the overview to everybody else."""
    caller = await session.viewer_of(request)
    if caller is None:
        if request.headers.get("sec-fetch-site") == "cross-site":
            raise SignInNeeded
        return entrance.form(request)
    at = clock.now()
    scopes = caller.scopes
    shown: dict[str, Any] = {"figures": None, "ledger": None, "expiring": None, "mail": None}
    if scopes & {Scope.STATISTICS, Scope.AUDIT}:
        shown["figures"] = await _figures(node, at)
    if scopes & {Scope.STATISTICS, Scope.AUDIT, Scope.REGISTRY_WRITE}:
        shown["ledger"] = await _ledger(node)
    if Scope.REGISTRY_WRITE in scopes:
        shown["expiring"] = await _expiring(node, at)
    if Scope.EXCHANGE in scopes and may_list_all(caller.client):
        shown["mail"] = await _mail(node, caller, at)
    async with node.database.read() as tx:
        registered = await directory.count_active(tx)
    shown["tiers"] = [(tier.value, sum(n for (of, _), n in registered.items() if of == tier)) for tier in Tier]
    return render(request, "overview.html", at=at, **shown)


async def _figures(node: Node, at: datetime) -> dict[str, Any]:
    month = Month.of(at)

    async def sums(by: GroupBy) -> Report:
        return await reports.exchange(node.database, Asked(month, month, by, {}, limit=_ROWS_MAX))

    whole, tiers, branches = await sums(GroupBy.MONTH), await sums(GroupBy.TIER), await sums(GroupBy.BRANCH)
    return {
        "month": month,
        "ledger_size": whole.ledger_size,
        "total": whole.rows[0].counts if whole.rows else None,
        "bars": [_bars("tier", tiers, Tier), _bars("branch", branches, Branch)],
    }


def _bars(group: str, report: Report, order: Iterable[str]) -> Bars:
    counts = {row.key[group]: row.counts for row in report.rows}
    rows = [(str(code), counts[code]) for code in order if code in counts]
    longest = max((max(each["sent"], each["received"]) for _, each in rows), default=0)
    return Bars(group, rows, max(longest, 1))


async def _ledger(node: Node) -> dict[str, Any]:
    async with node.database.read() as tx:
        size = await journal.size(tx)
        waiting, oldest = await journal.unsealed_backlog(tx)
    return {"size": size, "waiting": waiting, "oldest": oldest}


async def _expiring(node: Node, at: datetime) -> dict[str, Any]:
    async with node.database.read() as tx:
        rows = await expiring.between(tx, at, at + timedelta(days=EXPIRY_DAYS), limit=EXPIRING_MAX + 1)
    shown = [(certificate_of(row), row.agency_name, (row.not_after - at).days) for row in rows[:EXPIRING_MAX]]
    return {"days": EXPIRY_DAYS, "rows": shown, "more": len(rows) > EXPIRING_MAX}


async def _mail(node: Node, caller: Caller, at: datetime) -> dict[str, Any]:
    agencies = await own_agencies(node.desk, None, client=caller.client, at=at)
    rows = await look(node.desk, InboxQuery(agencies, by_urgency=True, limit=WAITING_MAX + 1))
    urgent = sum(row.delivery_priority > 0 for row in rows[:WAITING_MAX])
    return {"agencies": agencies, "waiting": len(rows[:WAITING_MAX]), "more": len(rows) > WAITING_MAX, "urgent": urgent}
