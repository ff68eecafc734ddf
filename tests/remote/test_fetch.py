"""Fetching: what an answer may be, and how each way of failing is told."""

from collections.abc import Iterator, Sequence

import pytest

from app.remote.call import Failure, Limits
from app.remote.fetch import REDIRECTS_MAX, Answer, Fetch, Unfetched
from tests.support.authority_server import AuthorityServer

MOST = 100_000


@pytest.fixture
def server() -> Iterator[AuthorityServer]:
    """An authority's server."""
    with AuthorityServer() as working:
        working.files["/list.crl"] = b"a list"
        yield working


async def _get(url: str, *, private: bool = True, total: float = 15.0, address: str = "127.0.0.1") -> object:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [address]

    fetch = Fetch(limits=Limits(total=total), private=private, bytes_max=MOST, resolve=resolve)
    try:
        return await fetch.get(url)
    finally:
        fetch.close()


async def test_an_answer_comes_with_its_body(server: AuthorityServer) -> None:
    assert await _get(server.url("/list.crl")) == Answer(200, b"a list")
    assert await _get(f"http://ca.example.vn:{server.port}/list.crl") == Answer(200, b"a list")


async def test_an_error_of_the_server_is_an_answer(server: AuthorityServer) -> None:
    answered = await _get(server.url("/nothing"))
    assert isinstance(answered, Answer)
    assert answered.status == 404


async def test_what_is_posted_arrives(server: AuthorityServer) -> None:
    server.responders["/ocsp"] = lambda body: body[::-1]
    fetch = Fetch(limits=Limits(), private=True, bytes_max=MOST)
    answered = await fetch.post(server.url("/ocsp"), b"abc", {"Content-Type": "application/ocsp-request"})
    fetch.close()
    assert answered == Answer(200, b"cba")
    assert (server.asked[0].method, server.asked[0].content_type) == ("POST", "application/ocsp-request")


async def test_an_answer_that_is_too_long_is_given_up(server: AuthorityServer) -> None:
    server.files["/long"] = bytes(MOST + 1)
    assert await _get(server.url("/long")) is Unfetched.TOO_LONG
    server.files["/just"] = bytes(MOST)
    assert await _get(server.url("/just")) == Answer(200, bytes(MOST))
    server.endless = 100
    assert await _get(server.url("/list.crl")) is Unfetched.TOO_LONG, "even where no length was promised"


async def test_silence_ends_in_time(server: AuthorityServer) -> None:
    server.silent = True
    assert await _get(server.url("/list.crl"), total=0.3) is Failure.TIMED_OUT


async def test_a_redirect_leads_on_a_few_steps_for_a_get_only(server: AuthorityServer) -> None:
    server.redirects["/old"] = "/list.crl"
    assert await _get(server.url("/old")) == Answer(200, b"a list")
    server.redirects["/round"] = "/round"
    server.asked.clear()
    assert await _get(server.url("/round")) is Unfetched.REDIRECTED
    assert len(server.asked) == 1 + REDIRECTS_MAX
    fetch = Fetch(limits=Limits(), private=True, bytes_max=MOST)
    assert await fetch.post(server.url("/old"), b"", {}) is Unfetched.REDIRECTED
    fetch.close()


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/", "file:///etc/passwd", "http://127.0.0.1:22/", "ldap://ca.example.vn/", "//@/"],
)
async def test_a_redirect_is_judged_like_the_first_target(server: AuthorityServer, location: str) -> None:
    server.redirects["/old"] = location
    assert await _get(server.url("/old")) is Failure.TARGET_REFUSED


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
async def test_no_private_address_is_called_unless_the_operator_allows_it(address: str) -> None:
    assert await _get("http://ca.example.vn/list.crl", private=False, address=address) is Failure.TARGET_REFUSED
    assert await _get("http://127.0.0.1:9/list.crl", private=False) is Failure.TARGET_REFUSED
