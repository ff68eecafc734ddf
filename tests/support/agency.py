"""An agency's document-management system, as seen by the node: it signs in, sends, polls, fetches, acknowledges."""

import ssl
import time
from collections.abc import Iterable, Iterator
from typing import Any, Self

import httpx2

XML = "application/xml"

PLAIN_HTTP = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak to nodes of tests: without it each client reads the certificates of this machine anew."""


class AgencySystem:
    """A client of the public API with its own credentials; answers are returned as they come, errors included."""

    def __init__(self, url: str, client_id: str, secret: str) -> None:
        self.client_id = client_id
        self.secret = secret
        self.http = httpx2.Client(base_url=url, timeout=90, verify=PLAIN_HTTP)
        self._token = ""
        self._renew_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.http.close()

    def sign_in(self, *scopes: str) -> httpx2.Response:
        """Ask for a token and keep it for what follows."""
        form = {"grant_type": "client_credentials"} | ({"scope": " ".join(scopes)} if scopes else {})
        answer = self.http.post("/oauth2/token", data=form, auth=(self.client_id, self.secret))
        if answer.status_code == 200:
            self._token = answer.json()["access_token"]
            self._renew_at = time.monotonic() + answer.json()["expires_in"] - 30
        return answer

    @property
    def token(self) -> str:
        """A token that holds."""
        if not self._token or time.monotonic() >= self._renew_at:
            answer = self.sign_in()
            assert answer.status_code == 200, answer.text
        return self._token

    def ask(self, method: str, path: str, **how: Any) -> httpx2.Response:
        """Make any call with the token."""
        headers = {"Authorization": f"Bearer {self.token}"} | how.pop("headers", {})
        return self.http.request(method, path, headers=headers, **how)

    def get(self, path: str, **how: Any) -> httpx2.Response:
        """Read."""
        return self.ask("GET", path, **how)

    def post(self, path: str, **how: Any) -> httpx2.Response:
        """Create or act."""
        return self.ask("POST", path, **how)

    def patch(self, path: str, **how: Any) -> httpx2.Response:
        """Change."""
        return self.ask("PATCH", path, **how)

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Read a listing to its end."""
        cursor: str | None = None
        while True:
            address = httpx2.URL(path).copy_merge_params(params | ({"cursor": cursor} if cursor else {}))
            answer = self.get(str(address))
            assert answer.status_code == 200, answer.text
            yield from answer.json()["items"]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return

    def send(self, document: bytes, **headers: str) -> httpx2.Response:
        """Send a signed document."""
        return self.post("/v1/documents", content=document, headers={"Content-Type": XML} | headers)

    def report(self, status: bytes, **headers: str) -> httpx2.Response:
        """Send a signed status message."""
        return self.post("/v1/statuses", content=status, headers={"Content-Type": XML} | headers)

    def inbox(self, **params: Any) -> list[dict[str, Any]]:
        """List what waits."""
        return list(self.pages("/v1/inbox", **params))

    def content(self, document: str) -> httpx2.Response:
        """Fetch exactly what was sent."""
        return self.get(f"/v1/documents/{document}/content")

    def acknowledge(self, deliveries: Iterable[str]) -> httpx2.Response:
        """Take deliveries over."""
        return self.post("/v1/inbox/acknowledgements", json={"delivery_ids": list(deliveries)})
