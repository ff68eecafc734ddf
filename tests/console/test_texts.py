"""Every text exists in both languages, every text that is asked for exists, none lies about unused."""

import importlib
import pkgutil
import re
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path

import pytest

from app.console import texts
from app.console.locale import Language, Locale, language_of
from app.console.texts import TEXTS
from app.edxml.model import StatusCode
from app.exchange.inbox import InboxKind
from app.exchange.notices import NoticeKind
from app.exchange.pdf_verdict import PdfStatus
from app.exchange.states import Change, Progress
from app.findings import Indication, Severity
from app.ledger.events import EventKind, Outcome
from app.registry.model import AgencyStatus, Branch, CertificateKind, CertificateStatus, ClientStatus, Scope, Tier
from app.registry.revocation_sources import SourceKind, SourceState
from app.registry.system_key_acts import SystemKeyState
from app.routers.audit import Order
from app.signing.legacy import LegacyForm
from app.signing.pdf_found import Changes, Coverage
from app.statistics.definitions import DEFINITIONS, PARTICIPATION, Group
from app.statistics.rates import PERCENTILES
from app.statistics.reports import Direction, GroupBy, View

CONSOLE = Path(__file__).parents[2] / "app" / "console"
SOURCES = [*CONSOLE.glob("*.py"), *CONSOLE.glob("templates/*.html")]
KEY = re.compile(r"""["']([a-z]+(?:-[a-z]+)*\.[a-z][a-z0-9-]*)["']""")

GROUPS: dict[str, type[Enum] | tuple[str, ...]] = {
    "tier": Tier,
    "branch": Branch,
    "status": AgencyStatus,
    "certificate-status": CertificateStatus,
    "certificate-kind": CertificateKind,
    "outcome": Outcome,
    "happened": EventKind,
    "scope": Scope,
    "client-status": ClientStatus,
    "key-state": SystemKeyState,
    "severity": Severity,
    "indication": Indication,
    "signature-form": LegacyForm,
    "inspection": ("waiting", "done", "failed"),
    "pdf": PdfStatus,
    "covers": Coverage,
    "changes": Changes,
    "report": StatusCode,
    "inbox-kind": InboxKind,
    "notice": NoticeKind,
    "by": GroupBy,
    "column": (*GroupBy, "peer_tier"),
    "measure": (*DEFINITIONS, *PARTICIPATION),
    "figure-group": Group,
    "direction": Direction,
    "view": View,
    "listing": Order,
    "source-kind": SourceKind,
    "source-state": SourceState,
    "percentile": tuple(str(percent) for percent in PERCENTILES.values()),
    "state": tuple(member.value for kind in (Progress, Change) for member in kind),
    "priority": tuple("01234"),
    "kind": ("new", "revocation", "update", "replacement"),
    "contact": ("email", "telephone", "address", "website"),
    "link.outgoing": ("revokes", "updates", "replaces", "answers"),
    "link.incoming": ("revokes", "updates", "replaces", "answers"),
    "actor": ("node", "operator", "unknown"),
}
BY_CODE = {
    "documents.inbox",
    "documents.outbox",
    "documents.search",
    "documents.role-sender",
    "documents.role-recipient",
}
BY_CODE |= {"overview.by-tier", "overview.by-branch", "certificate-status.expired", "certificate-status.not-yet"}


def members(group: type[Enum] | tuple[str, ...]) -> list[str]:
    return list(group) if isinstance(group, tuple) else [str(member.value) for member in group]


def asked_for() -> set[str]:
    """Return every key that stands in a template or in code."""
    files = {f"{name.stem}.{name.suffix[1:]}" for name in CONSOLE.rglob("*.*")}
    found = {key for path in SOURCES for key in KEY.findall(path.read_text(encoding="utf-8"))}
    return {key for key in found if key in TEXTS or (key not in files and key.split(".")[0] in PAGES)}


PAGES = {key.split(".")[0] for key in TEXTS}


@pytest.mark.parametrize("key", TEXTS)
def test_every_text_exists_in_both_languages_with_the_same_places(key: str) -> None:
    text = TEXTS[key]
    assert text.vi.strip()
    assert text.en.strip()
    places = [sorted(re.findall(r"\{(\w+)\}", said)) for said in text]
    assert places[0] == places[1]


def test_every_module_of_texts_is_read_and_no_key_stands_in_two() -> None:
    modules = [
        importlib.import_module(f"{texts.__name__}.{each.name}") for each in pkgutil.iter_modules(texts.__path__)
    ]
    keys = [key for module in modules for key in getattr(module, "TEXTS", ())]
    assert sorted(keys) == sorted(TEXTS)


@pytest.mark.parametrize("group", GROUPS)
def test_every_code_has_its_word(group: str) -> None:
    assert [code for code in members(GROUPS[group]) if f"{group}.{code}" not in TEXTS] == []


def test_every_text_that_is_asked_for_exists() -> None:
    templates = "".join(path.read_text(encoding="utf-8") for path in CONSOLE.glob("templates/*.html"))
    asked = set(re.findall(r"""\bt\(["']([^"'~]+)["'][,)]""", templates))
    assert asked
    assert sorted(asked - TEXTS.keys()) == []
    code = "".join(path.read_text(encoding="utf-8") for path in CONSOLE.glob("*.py"))
    in_code = set(re.findall(r"""\.text\(["']([^"']+)["']""", code))
    assert in_code
    assert sorted(in_code - TEXTS.keys()) == []


def test_no_text_lies_about_unused() -> None:
    words = {f"{group}.{code}" for group, codes in GROUPS.items() for code in members(codes)}
    assert sorted(TEXTS.keys() - words - BY_CODE - asked_for()) == []


def test_moments_are_written_in_vietnamese_time() -> None:
    at = datetime(2026, 10, 31, 17, 30, 5, tzinfo=UTC)
    vi, en = Locale(Language.VI), Locale(Language.EN)
    assert vi.moment(at) == "01/11/2026 00:30:05"
    assert en.moment(at) == "2026-11-01 00:30:05"
    assert vi.day(at) == "01/11/2026"
    assert vi.day(date(2026, 10, 31)) == "31/10/2026"
    assert vi.month("2026-11") == "11/2026"


def test_numbers_have_the_marks_of_the_language() -> None:
    vi, en = Locale(Language.VI), Locale(Language.EN)
    assert (vi.number(1234567), en.number(1234567)) == ("1.234.567", "1,234,567")
    assert (vi.number(1234.56), en.number(1234.56)) == ("1.234,6", "1,234.6")
    assert (vi.percent(1.0), vi.percent(0.3333), vi.percent(None)) == ("100 %", "33,3 %", "–")
    assert (vi.size(17), vi.size(4096), vi.size(5 * 1024**3)) == ("17 B", "4,0 KiB", "5,0 GiB")


def test_an_unknown_code_stands_for_itself() -> None:
    assert Locale(Language.VI).term("state", "teleported") == "teleported"


@pytest.mark.parametrize(
    ("wishes", "language"),
    [((), "vi"), ((None, "en"), "en"), (("vi", "en"), "vi"), (("fr", None), "vi"), (("fr", "en"), "en")],
)
def test_vietnamese_comes_first(wishes: tuple[str | None, ...], language: str) -> None:
    assert language_of(*wishes) == language
