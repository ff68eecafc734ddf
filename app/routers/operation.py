"""Operation: health, figures for Prometheus, help on problems, and the API's description for people.

None of it needs a token: it is for the machines around the node and says nothing about documents. The pages load
nothing from elsewhere.
"""

import asyncio
import base64
import hashlib
import html
import os
from collections import Counter
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from typing_extensions import override

from app.errors import DataFault, NotFound, Unavailable
from app.ledger.publish import doubt
from app.ledger.standing import standing
from app.node import Node
from app.registry import expiring, revocation_sources
from app.registry.revocation_sources import SourceState
from app.routers import clock, kinds, metrics, problems
from app.routers.calls import calls
from app.routers.conditions import JSON, negotiate
from app.routers.kinds import Kind
from app.store import inspections
from app.store.blobs import BlobStore

_log = structlog.get_logger("truc.operation")

router = calls(tag="Operation", guarded=False)

BEHIND_SECONDS_MAX = 60
"""A ledger that is further behind is not sealing at all: mail that was accepted does not reach inboxes."""
CHECK_SECONDS_MAX = 5
"""A part that takes longer to answer counts as not answering."""

_SWAGGER_SCRIPT = """
window.onload = () => SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true});
"""
_PAGE_STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_DOCS_POLICY = (
    f"default-src 'none'; script-src 'self' {_hash(_SWAGGER_SCRIPT)}; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self' data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_REDOC_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src blob:; child-src blob:; font-src 'self' data:; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HELP_POLICY = f"default-src 'none'; style-src {_hash(_PAGE_STYLE)}; base-uri 'none'; frame-ancestors 'none'"


class Health(BaseModel):
    """The process answers."""

    status: str = Field(description="Always `ok`.", examples=["ok"])


class Check(BaseModel):
    """How one part of the node is."""

    ok: bool = Field(description="Whether it works.")
    detail: str = Field(description="What was seen.", examples=["0 events wait to be sealed"])


class Readiness(BaseModel):
    """The node can take requests."""

    ready: bool = Field(description="Whether all parts work.")
    checks: dict[str, Check] = Field(
        description="By part: `database`, `blobs`, `ledger`, `checkpoints`, `background`, `revocations`; the last "
        "never makes a node unready, for mail flows without it. `checkpoints` does where the database does not "
        "continue what was signed, as after an old backup was restored: an operator has to decide what is to hold."
    )


class KindView(BaseModel):
    """What a kind of problem means."""

    type: str = Field(description="URI of the kind.")
    code: str = Field(description="Stable slug, the last part of the URI.", examples=["not-found"])
    status: int = Field(description="HTTP status it comes with, mostly.")
    title: str = Field(description="English title.")
    title_vi: str = Field(description="Vietnamese title.")
    meaning: str = Field(description="What happened.")
    fix: str = Field(description="What to do about it.")


@router.get("/healthz", summary="Is the process alive", response_model=Health)
async def healthz() -> Health:
    """Answer without looking at anything else, for whoever restarts dead processes."""
    return Health(status="ok")


@router.get("/readyz", summary="Can the node take requests", response_model=Readiness)
async def readyz(request: Request) -> Response:
    """Look at database, blobs and ledger; 503 names what does not work, for whoever spreads requests over nodes."""
    node: Node = request.app.state.node
    checks = {
        "database": Check(ok=True, detail="answers"),
        "blobs": await _check_blobs(node),
        "ledger": await _check_ledger(node),
        "checkpoints": await _check_checkpoints(node),
        "background": Check(ok=not request.app.state.broken, detail=request.app.state.broken or "runs"),
        "revocations": await _check_revocations(node),
    }
    if checks["ledger"].detail == _NO_DATABASE:
        checks["database"] = Check(ok=False, detail="does not answer")
    ready = all(check.ok for check in checks.values())
    shown = {name: check.model_dump() for name, check in checks.items()}
    if ready:
        return JSONResponse({"ready": True, "checks": shown})
    broken = ", ".join(name for name, check in checks.items() if not check.ok)
    kind = kinds.kind_of(Unavailable)
    headers = {"Retry-After": str(problems.UNAVAILABLE_RETRY_SECONDS)}
    return problems.answer(request.scope, kind, f"Not ready: {broken}.", headers=headers, ready=False, checks=shown)


_NO_DATABASE = "not known while the database does not answer"


async def _check_ledger(node: Node) -> Check:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX), node.database.read() as tx:
            found = await standing(tx)
    except Exception as error:  # noqa: BLE001 -- whatever it is (no tables, no server), the node is not ready
        _log.warning("readiness.database", cause=repr(error)[:500])
        return Check(ok=False, detail=_NO_DATABASE)
    at = clock.now()
    behind = found.unsealed_seconds(now=at)
    detail = (
        f"{found.waiting} events wait to be sealed, the oldest for {behind:.1f} s; "
        f"{found.size - (found.published or 0)} to be signed, for {found.unsigned_seconds(now=at):.1f} s"
    )
    return Check(ok=behind <= BEHIND_SECONDS_MAX, detail=detail)


async def _check_checkpoints(node: Node) -> Check:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            reason = await doubt(node.publisher)
    except DataFault as error:
        reason = error.detail
    except Exception:  # noqa: BLE001 -- the check of the ledger says what is wrong
        return Check(ok=True, detail=_NO_DATABASE)
    return Check(ok=reason is None, detail=reason or "the ledger continues what was signed")


async def _check_revocations(node: Node) -> Check:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX), node.database.read() as tx:
            sources = await revocation_sources.every_source(tx)
    except Exception:  # noqa: BLE001 -- the check of the ledger says what is wrong
        return Check(ok=True, detail=_NO_DATABASE)
    at = clock.now()
    states = Counter(source.state(at) for source in sources)
    degraded = states[SourceState.STALE] + states[SourceState.FAILING]
    shown = ", ".join(f"{states[state]} {state.value}" for state in SourceState if states[state])
    detail = f"{len(sources)} sources: {shown}" if sources else "no sources"
    return Check(ok=True, detail=f"degraded, {detail}" if degraded else detail)


def _write_and_remove(blobs: BlobStore) -> None:
    descriptor, path = blobs.open_incoming()
    os.close(descriptor)
    path.unlink()


async def _check_blobs(node: Node) -> Check:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            await asyncio.to_thread(_write_and_remove, node.blobs)
    except (Unavailable, TimeoutError):
        return Check(ok=False, detail="the disk takes nothing")
    return Check(ok=True, detail="writable")


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics_page(request: Request) -> Response:
    """Return counters and durations by route, and figures of webhooks, in the text format of Prometheus."""
    node: Node = request.app.state.node
    others = [node.hooks.figures.registry]
    if node.stamping is not None:
        others.append(node.stamping.figures.registry)
    with suppress(Unavailable):
        async with node.database.read() as tx:
            sources = await revocation_sources.every_source(tx)
            ending = await expiring.counts(tx, at=clock.now())
            waiting = await inspections.waiting(tx)
            ledger = await standing(tx)
        doubted = not (await _check_checkpoints(node)).ok
        others.append(metrics.ledger(ledger, doubted=doubted, at=clock.now()))
        others += [metrics.freshness(sources, at=clock.now()), metrics.endings(ending)]
        others.append(metrics.inspections(waiting))
    exposition = request.app.state.metrics.exposition(*others)
    return Response(exposition, media_type=metrics.CONTENT_TYPE)


@router.get(
    "/problems/{code}",
    summary="What a kind of problem means",
    response_model=KindView,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, **problems.answers(404, 406)},
)
async def problem_help(code: str, request: Request) -> Response:
    """Explain a kind of problem; its `type` is the address of this page."""
    kind = kinds.all_kinds().get(code)
    if kind is None:
        raise NotFound("there is no such kind of problem")
    if negotiate(request.headers.get("accept"), (JSON, "text/html")) == JSON:
        view = KindView(type=f"{request.app.state.public_url}/problems/{code}", **_members(kind))
        return JSONResponse(view.model_dump(), headers={"Vary": "Accept"})
    return HTMLResponse(_help_page(kind), headers={"Content-Security-Policy": _HELP_POLICY, "Vary": "Accept"})


def _members(kind: Kind) -> dict[str, Any]:
    return {name: getattr(kind, name) for name in ("code", "status", "title", "title_vi", "meaning", "fix")}


def _help_page(kind: Kind) -> str:
    text = {name: html.escape(str(value)) for name, value in _members(kind).items()}
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{text["title"]} · Trục</title>'
        f"<style>{_PAGE_STYLE}</style><h1>{text['title']}</h1><p lang=vi>{text['title_vi']}</p>"
        f"<p><code>{text['code']}</code>, HTTP {text['status']}</p><h2>What it means</h2><p>{text['meaning']}</p>"
        f"<h2>What to do</h2><p>{text['fix']}</p></html>"
    )


@router.get("/docs", include_in_schema=False)
async def docs() -> HTMLResponse:
    """Show the API description with Swagger UI."""
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Trục API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/docs/assets/swagger-ui.css"><link rel="icon" href="data:,">'
        '<div id="swagger-ui"></div><script src="/docs/assets/swagger-ui-bundle.js"></script>'
        f"<script>{_SWAGGER_SCRIPT}</script></html>"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _DOCS_POLICY})


@router.get("/redoc", include_in_schema=False)
async def redoc() -> HTMLResponse:
    """Show the API description with Redoc."""
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Trục API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        '<redoc spec-url="/openapi.json"></redoc><script src="/docs/assets/redoc.standalone.js"></script></html>'
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _REDOC_POLICY})


@router.get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Request) -> JSONResponse:
    """Return the API description."""
    return JSONResponse(request.app.openapi())


class _Assets(StaticFiles):
    @override
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        answer = super().file_response(*args, **kwargs)
        answer.headers["Cache-Control"] = "public, max-age=86400"
        return answer


def mount_assets(app: FastAPI) -> None:
    """Serve the scripts of the description pages from the installed package."""
    folder = Path(str(resources.files("fastapi_offline"))) / "static"
    app.mount("/docs/assets", _Assets(directory=folder), name="docs-assets")
