"""Noting what a refused request got wrong, whichever door it came by; one call, made where the refusal is answered."""

from typing import Final

from starlette.requests import Request

from app.errors import NodeFault, TrucError
from app.findings import Finding, Severity
from app.node import Node
from app.registry.mistakes import Origin
from app.routers import clock, kinds

_SOURCE: Final = "API description, /openapi.json"


def note_refused(request: Request, error: TrucError, *, strangers: bool = False) -> None:
    """Count what a client's request was refused for; what is the node's own fault is no mistake of anybody.

    Args:
        strangers: count requests of those who have not proven who they are, too: under the client that has the id in
            `request.state.system_id`, or under nobody.
    """
    client: str | None = getattr(request.state, "client_id", None)
    if isinstance(error, NodeFault) or (client is None and not strangers):
        return
    system_id: str = getattr(request.state, "system_id", "")
    node: Node = request.app.state.node
    node.mistakes.refused(Origin(client, system_id, _asked(request)), _findings(error), at=clock.now())


def _asked(request: Request) -> str:
    route = getattr(request.scope.get("route"), "path", "")
    return f"{request.method[:10]} {route}" if route else ""


def _findings(error: TrucError) -> tuple[Finding, ...]:
    """Return what refused it; where no rule did, the problem as one."""
    if any(finding.refuses for finding in error.findings):
        return error.findings
    return (Finding(error.code, Severity.ERROR, error.detail, kinds.kind_of(type(error)).fix, _SOURCE),)
