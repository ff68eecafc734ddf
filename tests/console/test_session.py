"""Signing in and out, the cookie, forms from elsewhere, and who may open which page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from app.console import session
from app.console.session import cookie_of, local_path
from app.node import Node
from app.registry import clients
from app.registry.acts import Act
from app.registry.model import ClientStatus, Scope
from tests.console.conftest import ROLES, Browse, Visitor, World
from tests.support.node import Credentials, RunningNode, running_node


def newest(world: World, kind: str, actor: str) -> dict[str, object]:
    """Return the last sealed event of a kind by one client, as auditors see it; they sign in themselves to look."""
    world.seal()
    events = list(world.exchange.auditor.pages("/v1/audit/events", event=kind, actor=actor, limit=500))
    return events[-1]


def test_a_stranger_sees_the_form_and_what_this_is(stranger: Visitor) -> None:
    page = stranger.get("/")
    assert page.status_code == 200
    assert 'name="client_secret" type="password"' in page.text
    assert "bảng điều khiển" in page.text
    assert "Đăng xuất" not in page.text


def test_signing_in_sets_a_strict_cookie_and_leads_back(world: World, stranger: Visitor) -> None:
    asked = stranger.get("/log?event=token.issued&tier=central")
    assert asked.status_code == 303
    form = urlsplit(asked.headers["location"])
    assert form.path == "/sign-in"
    wanted = parse_qs(form.query)["next"][0]
    answer = stranger.sign_in(world.credentials["auditor"], next=wanted)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/log?event=token.issued&tier=central"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("truc=")
    for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=3600"):
        assert part in cookie
    assert "Domain" not in cookie
    assert stranger.get(wanted).status_code == 200
    assert stranger.get("/sign-in").headers["location"] == "/"


def test_signing_in_and_its_refusal_are_the_events_of_the_token_endpoint(world: World, stranger: Visitor) -> None:
    credentials = world.credentials["reader"]
    stranger.sign_in(credentials)
    event = newest(world, "token.issued", credentials.client_id)
    assert event["actor"] == credentials.client_id
    assert event["detail"] == {"method": "client_secret_post", "scopes": ["registry.read"]}
    refused = stranger.sign_in(Credentials(credentials.client_id, "not the secret"))
    assert refused.status_code == 401
    assert "WWW-Authenticate" in refused.headers
    assert "set-cookie" not in refused.headers
    assert "Không đăng nhập được" in refused.text
    assert credentials.client_id in refused.text
    assert "not the secret" not in refused.text
    event = newest(world, "token.refused", credentials.client_id)
    assert (event["actor"], event["outcome"]) == (credentials.client_id, "refused")


def test_guessing_is_braked_as_at_the_token_endpoint(migrated_node: RunningNode, browse: Browse) -> None:
    credentials = migrated_node.client(Scope.AUDIT)
    visitor = browse(migrated_node.url)
    wrong = Credentials(credentials.client_id, "wrong")
    assert {visitor.sign_in(wrong).status_code for _ in range(10)} == {401}
    braked = visitor.sign_in(credentials)
    assert braked.status_code == 429
    assert int(braked.headers["retry-after"]) > 0
    assert "Quá nhiều lần thử" in braked.text
    # One brake for both doors.
    form = {"grant_type": "client_credentials"}
    token = visitor.http.post("/oauth2/token", data=form, auth=(credentials.client_id, credentials.secret))
    assert token.status_code == 429


def test_signing_out_takes_the_cookie_away(world: World, stranger: Visitor) -> None:
    stranger.sign_in(world.credentials["reader"])
    assert "Đăng xuất" in stranger.get("/").text
    answer = stranger.post("/sign-out")
    assert answer.status_code == 303
    assert 'truc=""' in answer.headers["set-cookie"]
    assert "Đăng xuất" not in stranger.get("/").text
    assert stranger.get("/agencies").status_code == 303


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_form_from_elsewhere_is_refused(world: World, path: str, site: str) -> None:
    visitor = world.visitor("reader")
    credentials = world.credentials["auditor"]
    form = {"client_id": credentials.client_id, "client_secret": credentials.secret}
    answer = visitor.post(path, site=site, data=form)
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers
    assert "Người dùng reader" in visitor.get("/").text


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 400), ("null", 400), ("https://example.org", 400), ("http://127.0.0.1:1", 400), ("own", 303)],
)
def test_without_fetch_metadata_the_origin_decides(
    world: World, stranger: Visitor, origin: str | None, status: int
) -> None:
    headers = {} if origin is None else {"Origin": world.running.url if origin == "own" else origin}
    credentials = world.credentials["reader"]
    form = {"client_id": credentials.client_id, "client_secret": credentials.secret}
    assert stranger.post("/sign-in", site=None, headers=headers, data=form).status_code == status


def test_a_change_of_the_client_ends_its_sessions_at_once(migrated_node: RunningNode, browse: Browse) -> None:
    credentials = migrated_node.client(Scope.AUDIT)
    visitor = browse(migrated_node.url)
    visitor.sign_in(credentials)
    assert visitor.get("/log").status_code == 200

    async def disable(node: Node) -> None:
        act = Act("operator", datetime.now(UTC))
        await clients.change(node.database, credentials.client_id, {"status": ClientStatus.DISABLED}, act=act)

    migrated_node.run(disable)
    assert visitor.get("/log").status_code == 303


def test_a_session_ends_after_an_hour(world: World, stranger: Visitor) -> None:
    stranger.sign_in(world.credentials["reader"])
    cookie = {"Cookie": f"truc={stranger.http.cookies['truc']}"}
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=59), tick=True):
        assert stranger.get("/agencies", headers=cookie).status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=61), tick=True):
        assert stranger.get("/agencies", headers=cookie).status_code == 303


def test_a_session_is_no_token_and_a_token_is_no_session(world: World, stranger: Visitor) -> None:
    stranger.sign_in(world.credentials["auditor"])
    cookie = stranger.http.cookies["truc"]
    as_token = stranger.get("/v1/audit/events", headers={"Authorization": f"Bearer {cookie}"})
    assert as_token.status_code == 401
    stranger.http.cookies.clear()
    token = world.exchange.auditor.token
    assert stranger.get("/log", headers={"Cookie": f"truc={token}"}).status_code == 303
    # The API does not look at cookies at all.
    assert stranger.get("/v1/audit/events", headers={"Cookie": f"truc={cookie}"}).status_code == 401


@pytest.mark.parametrize("spoil", [lambda text: text[:-4] + "AAAA", lambda text: "x", lambda text: text + "." + text])
def test_a_spoilt_cookie_is_nobody(world: World, stranger: Visitor, spoil: Callable[[str], str]) -> None:
    stranger.sign_in(world.credentials["reader"])
    cookie = spoil(stranger.http.cookies["truc"])
    stranger.http.cookies.clear()
    assert stranger.get("/agencies", headers={"Cookie": f"truc={cookie}"}).status_code == 303


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://truc.example.vn", "__Host-truc"),
        ("http://127.0.0.1:8080", "truc"),
        ("http://localhost:8080", "truc"),
        ("http://[::1]:8080", "truc"),
        ("http://10.0.0.7:8080", None),
        ("http://truc.example.vn", None),
    ],
)
def test_the_cookie_fits_the_address(url: str, name: str | None) -> None:
    cookie = cookie_of(url)
    assert (cookie.name if cookie else None) == name
    assert cookie is None or cookie.secure == url.startswith("https")


def test_over_https_the_cookie_is_bound_to_the_host(sqlite_url: str, tmp_path: Path, browse: Browse) -> None:
    with running_node(tmp_path / "data", sqlite_url, public_url="https://truc.example.vn") as node:
        visitor = browse(node.url)
        visitor = browse(f"http://127.0.0.1:{node.settings.port}")
        answer = visitor.sign_in(node.client(Scope.AUDIT))
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-truc=")
        assert "Secure" in cookie


def test_where_the_session_would_travel_in_the_clear_nobody_signs_in(
    sqlite_url: str, tmp_path: Path, browse: Browse
) -> None:
    with running_node(tmp_path / "data", sqlite_url, public_url="http://10.0.0.7") as node:
        visitor = browse(f"http://127.0.0.1:{node.settings.port}")
        assert "TRUC_PUBLIC_URL" in visitor.get("/").text
        assert visitor.sign_in(node.client(Scope.AUDIT)).status_code == 403


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/log?a=b", "/log?a=b"),
        (None, "/"),
        ("", "/"),
        ("//example.org", "/"),
        ("/\\example.org", "/"),
        ("https://example.org", "/"),
        ("/\nX: y", "/"),
        ("/" + "a" * session.PATH_CHARACTERS_MAX, "/"),
    ],
)
def test_after_signing_in_nobody_is_sent_elsewhere(path: str | None, kept: str) -> None:
    assert local_path(path) == kept


def test_a_link_from_elsewhere_is_opened_once_more_from_here(world: World, stranger: Visitor) -> None:
    path = "/log?tier=central&actor=%22%3E%3Cscript%3E"
    page = stranger.get(path, headers={"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 200
    assert 'http-equiv="refresh"' in page.text
    assert "<script" not in page.text
    assert "/log?tier=central&amp;actor=%22%3E%3Cscript%3E" in page.text


ALLOWED = {
    "/": set(ROLES),
    "/agencies": set(ROLES),
    "/documents": {"auditor", "sender", "recipient", "subtree", "everything"},
    "/log": {"auditor", "everything"},
    "/ledger": {"auditor", "everything"},
    "/log.csv": {"auditor", "everything"},
    "/log.ndjson": {"auditor", "everything"},
    "/statistics": {"statistician", "everything"},
    "/statistics.csv": {"statistician", "everything"},
    "/statistics.xlsx": {"statistician", "everything"},
}


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize("role", sorted(ALLOWED["/"]))
def test_pages_open_by_scope_alone(world: World, role: str, path: str) -> None:
    visitor = world.visitor(role)
    page = visitor.get(path)
    assert page.status_code == (200 if role in ALLOWED[path] else 403)
    if page.status_code == 403:
        assert "Không đủ quyền" in page.text
        assert page.headers["content-type"].startswith("text/html")
    if "." not in path:
        shown_in_navigation = f'<a href="{path}"' in visitor.get("/").text.split("</nav>")[0]
        assert shown_in_navigation == (role in ALLOWED[path])
