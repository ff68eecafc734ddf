"""The signed headers of the VXP protocol: read from raw header bytes, proven, and reduced to what a method means.

A client keeps one map of names and values for years and never clears it. Every call sends the whole map: once as JSON
in `XroadVnpt-sign-header`, which is what the MAC covers, and once as a header an entry, which nothing covers. So values
come from the JSON alone, and each method takes the few that are meant for it; the rest is left over from earlier calls.

Source: the protocol as measured on the SDK, versions 2.0.0 and 2.0.1. Pure: no clock, no database.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from app.errors import NotAuthenticated
from app.findings import Finding, Severity

PREFIX: Final = "XroadVnpt-"
SIGNED_HEADER: Final = b"xroadvnpt-sign-header"
MAC_HEADER: Final = b"xroadvnpt-hash-header"
SIGNED_BYTES_MAX: Final = 1024 * 1024
"""Longest signed header: 60,000 recipients in one `to`; there are 111,000 units in all."""
_SOURCE: Final = "VXP SDK 2.0, signature of requests"


@dataclass(frozen=True, slots=True)
class SignedHeaders:
    """What a request says of itself, before it is known whether it is true.

    Attributes:
        message: exactly the bytes the MAC is over.
        mac: hex, lower case, as the request gives it.
        pairs: names without their prefix, spelled as signed, and values, in the order of the JSON.
    """

    message: bytes
    mac: bytes
    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, headers: Iterable[tuple[bytes, bytes]]) -> Self:
        """Read raw headers, their names in lower case.

        Raises:
            NotAuthenticated: there is no signed header, or no MAC, or one of them cannot be read; the finding says
                what the system has to send.
        """
        found: dict[bytes, list[bytes]] = {SIGNED_HEADER: [], MAC_HEADER: []}
        for name, value in headers:
            if name in found:
                found[name].append(value)
        if [len(values) for values in found.values()] != [1, 1]:
            raise _unreadable(
                "header-missing",
                "the request does not have exactly one XroadVnpt-sign-header and one XroadVnpt-hash-header",
                "Call through the SDK, and let no proxy drop or repeat headers.",
            )
        message, mac = found[SIGNED_HEADER][0], found[MAC_HEADER][0]
        return cls(message, mac.strip().lower(), _pairs(message))

    @property
    def system_id(self) -> str:
        """Who says it is calling; the last of several, as the client's own map would have it."""
        return self.value("systemid") or ""

    def is_proven_by(self, secrets: Sequence[bytes]) -> bool:
        """Whether one of these secrets made the MAC; takes the same time whichever it is.

        Args:
            secrets: each the octets of its text as it stands: not decoded, whatever it looks like.
        """
        fits = [
            hmac.compare_digest(hmac.new(secret, self.message, hashlib.sha256).hexdigest().encode(), self.mac)
            for secret in secrets
        ]
        return any(fits)

    def value(self, *spellings: str) -> str | None:
        """Return the value of a name: of the first of these spellings that was signed, else of it in any case.

        Clients have `docId` and `docid` in one map, with different values; which is meant hangs on the method.
        """
        exact = dict(self.pairs)
        for spelling in spellings:
            if spelling in exact:
                return exact[spelling]
        folded = {name.lower(): value for name, value in self.pairs}
        return next((folded[each.lower()] for each in spellings if each.lower() in folded), None)

    def meant(self, names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        """Return the values of these names that are given, each by its own spellings; all others are stale."""
        chosen = {name: self.value(*spellings) for name, spellings in names.items()}
        return {name: value for name, value in chosen.items() if value is not None}


def _pairs(message: bytes) -> tuple[tuple[str, str], ...]:
    if len(message) > SIGNED_BYTES_MAX:
        raise _unreadable(
            "header-too-long",
            f"XroadVnpt-sign-header has {len(message)} bytes",
            "Leave `to` out; the recipients are those of the edXML.",
        )
    try:
        parsed = json.loads(message.decode("utf-8", "replace"), object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise _not_json() from error
    if not isinstance(parsed, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in parsed):
        raise _not_json()
    return tuple((_bare(str(name)), _text(value)) for name, value in parsed)


def _bare(name: str) -> str:
    return name[len(PREFIX) :] if name.lower().startswith(PREFIX.lower()) else name


def _text(value: Any) -> str:
    # The SDK signs texts only; other clients also numbers, and lists of recipients as lists.
    return value if isinstance(value, str) else json.dumps(value)


def _not_json() -> NotAuthenticated:
    return _unreadable(
        "header-not-json",
        "XroadVnpt-sign-header is not a JSON object of names and values",
        "Send the header as the SDK writes it, unchanged.",
    )


def _unreadable(defect: str, message: str, fix: str) -> NotAuthenticated:
    return NotAuthenticated(
        message, findings=[Finding(f"ours.vxp.{defect}", Severity.ERROR, message, fix, _SOURCE, "headers")]
    )
