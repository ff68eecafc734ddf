"""Where a request may go, as far as its address says: https, no credentials, a usual port, a name or a public address.

What a name stands for is looked up and judged at each request, in `call`; here nothing is looked up.
"""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from app.errors import RequestInvalid
from app.findings import Finding, Severity
from app.remote.addresses import literal, refusal

URL_LENGTH_MAX: Final = 2_000
SYSTEM_PORTS_END: Final = 1024
"""Below are the ports of well-known services (RFC 6335 §6), mail and remote log-in among them."""

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_VISIBLE: Final = re.compile(r"[!-~]+")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# The last label has a letter, as every top-level domain does; or 0x7f.1 would be a name that means an address.
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)*(?=[a-z0-9-]*[a-z])(?!0x){_LABEL}")
_OWN_NAMES: Final = ("localhost", "local", "internal", "home.arpa")
"""Names that by their definition stand for this machine or its own network (RFC 6761, RFC 6762, RFC 8375)."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address of a server outside that may be called, as far as it can be told without looking the name up.

    Attributes:
        url: as it was given.
        host: lower case; without brackets where it is an IPv6 address.
        resource: path and query, beginning with a slash.
    """

    url: str
    scheme: str
    host: str
    port: int
    resource: str

    @classmethod
    def parse(cls, url: str, *, private: bool, plain: bool | None = None) -> Self:
        """Read and judge an address.

        Args:
            private: whether private and loopback addresses are allowed.
            plain: whether http is allowed; None: where private addresses are.

        Raises:
            RequestInvalid: it cannot be a target; the finding says why.
        """
        _require(
            len(url) <= URL_LENGTH_MAX and _VISIBLE.fullmatch(url) is not None and "\\" not in url,
            "characters",
            f"The address must have at most {URL_LENGTH_MAX} visible ASCII characters and no backslash.",
            "Write other characters percent-encoded, and names of other scripts in their xn-- form.",
        )
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _refused("form", "The address cannot be read.", "Write https://host/path.") from None
        schemes = ("https", "http") if (private if plain is None else plain) else ("https",)
        _require(
            parts.scheme in schemes,
            "scheme",
            f"The scheme is {parts.scheme[:20]!r}.",
            f"Use {' or '.join(schemes)}.",
        )
        _require(
            "@" not in parts.netloc,
            "credentials",
            "The address holds a user name or a password.",
            "Leave them out: messages are signed, and the signature proves who sends.",
        )
        _require(not parts.fragment, "fragment", "The address has a fragment.", "Leave out everything from # on.")
        host = (parts.hostname or "").lower()
        _judge_host(host, private=private)
        port = _DEFAULT_PORTS[parts.scheme] if port is None else port
        _require(
            port >= SYSTEM_PORTS_END or port in map(_DEFAULT_PORTS.__getitem__, schemes),
            "port",
            f"Port {port} belongs to another service.",
            f"Use 443, or a port from {SYSTEM_PORTS_END} on.",
        )
        resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(url, parts.scheme, host, port, resource)

    @property
    def authority(self) -> str:
        """Host and port as the Host header names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def _judge_host(host: str, *, private: bool) -> None:
    address = literal(host)
    if address is not None:
        reason = refusal(address, private=private)
        _require(
            reason is None,
            "address",
            f"The address {host} is {reason}.",
            "Name a server that is reachable from outside.",
        )
        return
    _require(
        len(host) <= 253 and _NAME.fullmatch(host) is not None,
        "host",
        f"{host[:60]!r} is no name of a host.",
        "Name the host as it stands in the DNS.",
    )
    own = any(host == name or host.endswith(f".{name}") for name in _OWN_NAMES)
    _require(
        private or not own, "address", f"The name {host[:60]} stands for an own network.", "Name a server outside."
    )


def _require(holds: bool, defect: str, message: str, fix: str) -> None:  # noqa: FBT001
    if not holds:
        raise _refused(defect, message, fix)


def _refused(defect: str, message: str, fix: str) -> RequestInvalid:
    finding = Finding(f"ours.target.{defect}", Severity.ERROR, message, fix, "ours, decision 0011", "/url")
    return RequestInvalid(message, findings=[finding])
