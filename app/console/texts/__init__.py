"""Every text of the pages, in both languages, a module a page. A test compares them with what pages ask for.

Keys are `page.text`, or `group.code` for the word of a code. `{name}` is filled in; nothing here is markup.
"""

from typing import Final

from app.console.texts import (
    agencies,
    clients,
    documents,
    figures,
    frame,
    ledger,
    log,
    overview,
    statistics,
    trust,
    verification,
)
from app.console.texts.text import Text

_PAGES: Final = (frame, overview, agencies, clients, documents, verification, trust, ledger, log, statistics, figures)

TEXTS: Final[dict[str, Text]] = {key: text for page in _PAGES for key, text in page.TEXTS.items()}
"""By key."""
