"""An agency's system as it speaks to a node: signs in, calls, repeats what may be repeated.

For the command line and the simulation; it knows the public HTTP API and nothing of the node's inside. Answers are
values, refusals included: who calls decides what a refusal means to it.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self

import httpx2

from app.errors import NotAuthenticated, Unavailable

XML: Final = "application/xml"
TOKEN_MARGIN_SECONDS: Final = 30
"""A token is renewed this long before it expires, so that none expires on its way."""
_PATIENCE_SECONDS: Final = 30.0
_BUSY_STATUSES: Final = frozenset({429, 503})
_RETRIES_MAX: Final = 5
_RETRY_AFTER_SECONDS_MAX: Final = 10.0


@cache
def _trusted(*, trust_env: bool) -> ssl.SSLContext:
    """Return the authorities this machine trusts; to read them costs more than a call, so all clients share them."""
    return httpx2.create_ssl_context(trust_env=trust_env)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the node answered.

    Attributes:
        status: HTTP status.
        body: the bytes, decoded from any transfer form.
        headers: by lower-case name.
        document: the JSON value, None where the body is none.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]
    document: Any

    @property
    def ok(self) -> bool:
        """Whether the call did what it was to do."""
        return 200 <= self.status < 300

    @property
    def problem(self) -> str:
        """Slug of the problem type (RFC 9457), empty where it is no problem."""
        if self.ok or not isinstance(self.document, dict):
            return ""
        return str(self.document.get("type", "")).rpartition("/")[2]

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the findings that refused, in their order."""
        if self.ok or not isinstance(self.document, dict):
            return ()
        findings = self.document.get("findings") or ()
        return tuple(str(each["code"]) for each in findings if each.get("severity") in ("error", "fatal"))

    @property
    def explanation(self) -> str:
        """The problem in one line, for people."""
        if isinstance(self.document, dict) and "title" in self.document:
            return f"{self.status} {self.document['title']}: {self.document.get('detail', '')}"
        return f"{self.status} {self.body[:200].decode('utf-8', 'replace')}"


class NodeClient:
    """One client of a node, with its credentials; use it as an async context manager."""

    def __init__(
        self,
        url: str,
        client_id: str,
        secret: str,
        *,
        trust_env: bool = True,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Sign in when first needed.

        Args:
            trust_env: whether proxies named in the environment are used.
            seconds: the clock by which tokens grow old; another one only where the node lives by another one, too.
        """
        self.client_id = client_id
        self._secret = secret
        self._seconds = seconds
        self._http = httpx2.AsyncClient(
            base_url=url.rstrip("/"),
            timeout=_PATIENCE_SECONDS,
            limits=httpx2.Limits(max_connections=200, max_keepalive_connections=50),
            trust_env=trust_env,
            verify=_trusted(trust_env=trust_env),
        )
        self._token = ""
        self._renew_at = 0.0
        self._signing_in = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | Sequence[str]] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> Answer:
        """Call the API with a token that holds; waits and tries again while the node says that it is busy.

        Args:
            patience_seconds: how long to wait for the answer.

        Raises:
            NotAuthenticated: the node does not take the credentials.
            Unavailable: the node does not answer.
        """

        async def ask(bearer: Mapping[str, str]) -> Answer:
            return await self._request(
                method,
                path,
                params=params,
                json=json,
                content=content,
                headers={**bearer, **(headers or {})},
                timeout=patience_seconds,
            )

        return await self._patiently(ask)

    async def get(self, path: str, **params: str | int | Sequence[str]) -> Answer:
        """Read."""
        return await self.call("GET", path, params=params)

    async def post(self, path: str, document: Any) -> Answer:
        """Create or act, with a JSON body."""
        return await self.call("POST", path, json=document)

    async def pages(self, path: str, **params: str | int | Sequence[str]) -> AsyncIterator[Any]:
        """Read a listing to its end, item by item.

        Raises:
            Unavailable: a page is refused.
        """
        cursor: str | None = None
        while True:
            answer = await self.get(path, **params, **({"cursor": cursor} if cursor else {}))
            if not answer.ok:
                raise Unavailable(f"{path} was refused: {answer.explanation}")
            for each in answer.document["items"]:
                yield each
            cursor = answer.document["next_cursor"]
            if cursor is None:
                return

    async def send(self, document: bytes, **headers: str) -> Answer:
        """Send a signed document message."""
        return await self.call("POST", "/v1/documents", content=document, headers={"Content-Type": XML, **headers})

    async def report(self, status: bytes) -> Answer:
        """Send a signed status message."""
        return await self.call("POST", "/v1/statuses", content=status, headers={"Content-Type": XML})

    async def inbox(self, *, wait_seconds: int = 0, **params: str | int | Sequence[str]) -> Answer:
        """Read one page of the inbox, waiting for mail up to so many seconds when it is empty."""
        return await self.call(
            "GET",
            "/v1/inbox",
            params={**params, **({"wait": wait_seconds} if wait_seconds else {})},
            patience_seconds=_PATIENCE_SECONDS + wait_seconds,
        )

    async def acknowledge(self, deliveries: Iterable[str]) -> Answer:
        """Take deliveries over."""
        return await self.post("/v1/inbox/acknowledgements", {"delivery_ids": list(deliveries)})

    async def evidence(self, document: str, take: Callable[[bytes], object]) -> Answer:
        """Fetch the evidence bundle of a document, which may be long, piece by piece.

        Args:
            take: is given the pieces as they come; what it was given is whole when the answer is `ok`, whose body is
                empty.

        Raises:
            NotAuthenticated: the node does not take the credentials.
            Unavailable: the node does not answer, or not to the end.
        """

        async def ask(bearer: Mapping[str, str]) -> Answer:
            return await self._download(f"/v1/documents/{document}/evidence", bearer, take)

        return await self._patiently(ask)

    async def anonymous(self, path: str) -> Answer:
        """Read what needs no token.

        Raises:
            Unavailable: the node does not answer.
        """
        return await self._request("GET", path)

    async def _patiently(self, ask: Callable[[Mapping[str, str]], Awaitable[Answer]]) -> Answer:
        """Ask with a token that holds, and again while the node says that it is busy."""
        renewed, busy = False, 0
        while True:
            answer = await ask({"Authorization": f"Bearer {await self._bearer()}"})
            if answer.status == 401 and not renewed:
                # The client's record changed since the token was issued; a new token says what holds now.
                self._token, renewed = "", True
            elif answer.status in _BUSY_STATUSES and busy < _RETRIES_MAX:
                busy += 1
                await asyncio.sleep(_retry_after(answer))
            else:
                return answer

    async def _bearer(self) -> str:
        async with self._signing_in:
            if not self._token or self._seconds() >= self._renew_at:
                await self._sign_in()
            return self._token

    async def _sign_in(self) -> None:
        answer = await self._request(
            "POST",
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=httpx2.BasicAuth(self.client_id, self._secret),
        )
        if not answer.ok:
            raise NotAuthenticated(f"client {self.client_id} cannot sign in: {answer.explanation}")
        self._token = str(answer.document["access_token"])
        self._renew_at = self._seconds() + max(int(answer.document["expires_in"]) - TOKEN_MARGIN_SECONDS, 1)

    async def _request(self, method: str, path: str, **how: Any) -> Answer:
        try:
            return _answer(await self._http.request(method, path, **how))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._silent(error) from error

    async def _download(self, path: str, headers: Mapping[str, str], take: Callable[[bytes], object]) -> Answer:
        try:
            async with self._http.stream("GET", path, headers=dict(headers)) as response:
                if response.is_success:
                    async for piece in response.aiter_bytes():
                        take(piece)
                    return Answer(response.status_code, b"", _named(response), None)
                await response.aread()
                return _answer(response)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._silent(error) from error

    def _silent(self, error: Exception) -> Unavailable:
        return Unavailable(f"{self._http.base_url} does not answer: {str(error) or type(error).__name__}")


def _answer(response: httpx2.Response) -> Answer:
    media_type = response.headers.get("content-type", "").partition(";")[0]
    is_json = media_type == "application/json" or media_type.endswith("+json")
    try:
        document = response.json() if is_json else None
    except ValueError:
        document = None
    return Answer(response.status_code, response.content, _named(response), document)


def _named(response: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _retry_after(answer: Answer) -> float:
    try:
        seconds = float(answer.headers.get("retry-after", "1"))
    except ValueError:
        seconds = 1.0
    return min(max(seconds, 0.1), _RETRY_AFTER_SECONDS_MAX)
