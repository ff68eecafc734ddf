"""The console: pages for people, drawn on the server, in Vietnamese and English, without a single script.

    texts, locale     what pages say, and how they write moments and numbers
    session           who looks at a page: the cookie, its end, forms from elsewhere
    frame             what all pages share: route, headers, errors as pages
    entrance, overview, agencies, documents, verification, log, ledger, statistics, closed_months, trust, clients
                      the pages
    templates, static

Pages call the functions behind the API's calls, with the same access rules, and draw what those answer.
"""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from typing_extensions import override

from app.console import (
    agencies,
    clients,
    closed_months,
    documents,
    entrance,
    ledger,
    log,
    overview,
    statistics,
    trust,
    verification,
)

router = APIRouter(include_in_schema=False)
for _pages in (
    overview,
    entrance,
    agencies,
    documents,
    verification,
    log,
    ledger,
    statistics,
    closed_months,
    trust,
    clients,
):
    router.routes.extend(_pages.router.routes)


class _Static(StaticFiles):
    @override
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        answer = super().file_response(*args, **kwargs)
        # The address names the content, so a changed file has another one.
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


def mount_static(app: FastAPI) -> None:
    """Serve the style sheet and the sign of the console."""
    app.mount("/static", _Static(directory=Path(__file__).parent / "static"), name="console-static")
