"""The console in a real browser: it signs in, opens every page, and nothing is amiss. Needs Chromium; never skipped.

To look at the pages oneself, name a folder in TRUC_TEST_PICTURES: every page is left there, light, dark and narrow.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.console.conftest import World
from tests.support.office import GOVERNMENT_OFFICE

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
LOOKS: tuple[tuple[Literal["light", "dark"], ViewportSize], ...] = (("light", WIDE), ("dark", WIDE), ("light", NARROW))
PATIENCE_SECONDS = 90
"""Longer than a page ever takes, on however busy a machine."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests: starting it takes longer than what they do in it."""
    assert CHROMIUM.exists(), "the tests of the pages need Chromium; make system installs it"
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as opened:
        yield opened


@contextlib.contextmanager
def browsing(browser: Browser, **how: Any) -> Iterator[tuple[Page, list[str]]]:
    """Open a page that knows nothing of earlier ones; the list fills with everything the browser complains about."""
    complaints: list[str] = []
    with browser.new_context(**{"viewport": WIDE} | how) as context:
        context.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: complaints.append(f"error: {error.error}"))
        # What the browser breaks off because it goes on to the next page is nobody's failure.
        context.on(
            "requestfailed",
            lambda request: (
                None
                if request.failure == "net::ERR_ABORTED"
                else complaints.append(f"failed: {request.url} {request.failure}")
            ),
        )
        context.on(
            "response",
            lambda answer: complaints.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None,
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield page, complaints


def picture(page: Page, name: str) -> None:
    """Leave a picture of the page for people, where they asked for it; taking one costs as much as opening it."""
    if folder := os.environ.get("TRUC_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def sign_in(page: Page, world: World, role: str) -> None:
    credentials = world.credentials[role]
    page.goto(world.running.url)
    page.fill("input[name=client_id]", credentials.client_id)
    page.fill("input[name=client_secret]", credentials.secret)
    page.click("form[action='/sign-in'] button")
    page.wait_for_selector("form[action='/sign-out']")


def addresses(world: World) -> dict[str, str]:
    """Name every page there is."""
    return {
        "overview": "/",
        "agencies": "/agencies",
        "agency": "/agencies/H41",
        "tricky": "/agencies/000.00.77.H41",
        "inbox": "/documents?box=inbox",
        "outbox": "/documents?box=outbox",
        "search": f"/documents?box=search&document_id={world.document['document_id']}",
        "document": f"/documents/{world.document['id']}",
        "verification": f"/documents/{world.document['id']}/verification",
        "log": "/log",
        "log-filtered": "/log?event=document.accepted&event=document.refused&tier=central",
        "log-empty": "/log?actor=nobody",
        "ledger": "/ledger",
        "statistics": "/statistics",
        "statistics-agency": "/statistics?by=agency",
        "clients": "/clients",
        "client": f"/clients/{world.exchange[GOVERNMENT_OFFICE].system.client_id}",
    }


def test_every_page_opens_without_a_complaint(world: World, browser: Browser) -> None:
    with browsing(browser) as (page, complaints):
        page.goto(world.running.url)
        looked_at(page, "sign-in")
        sign_in(page, world, "everything")
        for name, address in addresses(world).items():
            page.goto(world.running.url + address)
            looked_at(page, name)
            assert page.locator("h1").count() == 1
        assert complaints == []


def looked_at(page: Page, name: str) -> None:
    """Look at a page as it is by day, by night and on a small screen; what each of them needs is loaded then."""
    for scheme, viewport in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(viewport)
        picture(page, f"{name}-{scheme}-{viewport['width']}")
        # Nothing sticks out sideways: what is wider than the page scrolls in a box of its own.
        overhang = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overhang <= 0, f"{name} is {overhang} px wider than the page of {viewport['width']} px ({scheme})"


def test_people_find_their_way_without_a_mouse_and_without_scripts(world: World, browser: Browser) -> None:
    with browsing(browser, java_script_enabled=False) as (page, complaints):
        page.goto(world.running.url + "/log?event=document.accepted")
        # Asked to sign in first, and back here afterwards.
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.fill("input[name=client_id]", world.credentials["everything"].client_id)
        page.fill("input[name=client_secret]", world.credentials["everything"].secret)
        page.keyboard.press("Enter")
        page.wait_for_url("**/log?event=document.accepted")
        assert page.locator("tbody tr").count() == 2

        # A filter of the form becomes an address to keep.
        page.select_option("select[name=tier]", "central")
        page.fill("input[name=from]", "2026-01-01T00:00")
        page.click("form[action='/log'] button")
        page.wait_for_url("**/log?from=2026-01-01T00%3A00%3A00%2B07%3A00&tier=central&event=document.accepted")
        assert page.locator("tbody tr").count() == 2
        assert page.locator(".chips li").count() == 3

        # A figure opens the events it counts.
        page.click("nav >> text=Thống kê")
        figure = page.locator("tfoot a").first
        counted = int(figure.inner_text())
        figure.click()
        assert page.locator("tbody tr").count() == counted == 2

        page.click("text=English")
        assert page.locator("h1").inner_text() == "The log"
        page.click("text=Sign out")
        page.wait_for_selector("form[action='/sign-in']")
        assert complaints == []


def test_a_link_in_somebody_elses_page_opens_for_who_is_signed_in(world: World, browser: Browser) -> None:
    """The cookie is not sent with what other sites ask for; who follows a permanent link is let in all the same."""
    with browsing(browser) as (page, complaints):
        sign_in(page, world, "everything")
        page.goto("about:blank")
        page.set_content(f"<a href='{world.running.url}/log?tier=central'>xem</a>")
        page.click("a")
        page.wait_for_url("**/log?tier=central")
        page.wait_for_selector("table.log")
        assert complaints == []


def test_a_form_in_somebody_elses_page_does_nothing(world: World, browser: Browser) -> None:
    with browsing(browser) as (page, _complaints):
        sign_in(page, world, "sender")
        page.goto("about:blank")
        page.set_content(f"<form method=post action='{world.running.url}/sign-out'><button>x</button></form>")
        page.click("button")
        page.wait_for_selector(".problem")
        page.goto(world.running.url)
        assert page.locator("form[action='/sign-out']").count() == 1


def test_a_printed_page_is_black_on_white_without_navigation(world: World, browser: Browser) -> None:
    with browsing(browser, color_scheme="dark") as (page, complaints):
        sign_in(page, world, "everything")
        page.emulate_media(media="print")
        for name in ("document", "statistics", "log"):
            page.goto(world.running.url + addresses(world)[name])
            picture(page, name)
            assert not page.locator(".strip nav").is_visible()
            assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
            assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        assert complaints == []
