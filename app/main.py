"""The application: routers around one node, and the log it writes.

`create_app` builds it for given settings; `application` is the factory that server processes call.
"""

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType
from typing import Any, Final

import structlog
from fastapi import APIRouter, FastAPI

import app as product
from app import console, worker
from app import settings as configuration
from app.errors import TrucError
from app.exchange.ledger_readers import LedgerReaders
from app.node import Node, open_node
from app.routers import (
    agencies,
    audit,
    certificate_import,
    certificates,
    clients,
    documents,
    evidence,
    ledger,
    mailbox,
    mistakes,
    oauth,
    openapi,
    operation,
    problems,
    refusals,
    regulations,
    reorganisations,
    requests,
    revocation_sources,
    statistics,
    statistics_months,
    statuses,
    system_keys,
    timestamps,
    trust,
    verifications,
    webhooks,
)
from app.routers.brake import Brake
from app.routers.calls import WrongMethods
from app.routers.compat.doors import DOORS
from app.routers.compat.known_lists import KnownLists
from app.routers.metrics import Metrics
from app.routers.quick_polls import KnownPolls, QuickPolls
from app.routers.requests import Named, Requests
from app.settings import Settings

ROUTERS: Final[tuple[APIRouter, ...]] = (
    documents.router,
    verifications.router,
    evidence.router,
    statuses.router,
    timestamps.router,
    mailbox.router,
    webhooks.router,
    refusals.router,
    agencies.router,
    reorganisations.router,
    certificates.router,
    certificate_import.router,
    trust.router,
    revocation_sources.router,
    regulations.router,
    clients.router,
    system_keys.router,
    mistakes.router,
    audit.router,
    ledger.router,
    statistics.router,
    statistics_months.router,
    oauth.router,
    operation.router,
    console.router,
)
"""Every router, in the order of the API description."""

SERVER_OPTIONS: Final[dict[str, Any]] = {
    "access_log": False,
    "log_config": None,
    "server_header": False,
    "ws": "none",
    "lifespan": "on",
    # A thousand recipients are 34 kB in the headers of an older protocol; by itself h11 takes 64 KiB of them all.
    "h11_max_incomplete_event_size": 2 * 1024 * 1024,
    "timeout_keep_alive": 75,
    "timeout_graceful_shutdown": 30,
}
"""How uvicorn serves it: our own access log, no word about versions, no web sockets."""

Background = Callable[[Node], Awaitable[None]]
"""What runs beside the requests as long as the node is open; it is cancelled at the end."""

_log = structlog.get_logger("truc.node")


def create_app(settings: Settings, *, background: Background | None = worker.run) -> FastAPI:
    """Build the application; nothing is opened before it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        node = await open_node(settings)
        app.state.node = node
        try:
            with _released_when_told_to_stop(node):
                async with _running(app, node, background):
                    yield
        finally:
            await node.close()

    app = FastAPI(
        title="Trục",
        version=product.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # What it would record holds contents of requests, and asking whether somebody wants it costs each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.public_url = settings.public_url.rstrip("/")
    app.state.metrics = Metrics()
    app.state.brake = Brake()
    app.state.quick_polls = KnownPolls()
    app.state.known_lists = KnownLists()
    app.state.ledger_readers = LedgerReaders()
    app.state.broken = ""
    problems.install(app)
    openapi.install(app)
    for router in ROUTERS:
        # Their paths are whole, so the routes can be taken as they are; an inclusion would match every request twice.
        app.router.routes.extend(router.routes)
    app.router.routes.extend(DOORS)
    app.router.routes.insert(0, WrongMethods(app.router.routes))
    operation.mount_assets(app)
    console.mount_static(app)
    # The last one is the outermost.
    app.add_middleware(Named)
    app.add_middleware(QuickPolls)
    app.add_middleware(Requests)
    return app


def application() -> FastAPI:
    """Build the application from the environment; what server processes call."""
    settings = configuration.load()
    configure_logs(settings)
    return create_app(settings)


def configure_logs(settings: Settings) -> None:
    """Write one line an event to standard error, also for what libraries log."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if settings.log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    # The descriptor itself: whatever happens to sys.stderr, and whatever the locale, lines get out as UTF-8.
    stream = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        # A process may open one node after another, each with its own level and form.
        cache_logger_on_first_use=False,
    )
    requests.lines.write = None
    if settings.log_format != "console":
        shown = level <= logging.INFO
        requests.lines.write = structlog.PrintLogger(stream).msg if shown else _nowhere
    library = logging.StreamHandler(stream)
    library.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[library], level=max(level, logging.WARNING), force=True)


def _nowhere(_line: str) -> None:
    """Take a line that nobody wants to see."""


@asynccontextmanager
async def _running(app: FastAPI, node: Node, background: Background | None) -> AsyncIterator[None]:
    async def run() -> None:
        if background is None:
            return
        try:
            await background(node)
        except Exception as error:  # noqa: BLE001 -- whatever it was, the node must say that it is not ready
            why = f": {error.detail}" if isinstance(error, TrucError) else ""
            app.state.broken = f"stopped by {type(error).__name__}{why}"
            _log.exception("background.failed")

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@contextmanager
def _released_when_told_to_stop(node: Node) -> Iterator[None]:
    # The server waits for open requests before it ends the lifespan, so a long poll would hold a restart up for as long
    # as it waits. The signal is passed on to whoever handled it before.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    earlier = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def release(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(node.desk.doorbell.close)
        handler = earlier[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in earlier:
        signal.signal(number, release)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
