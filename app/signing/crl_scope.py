"""Which certificates a revocation list speaks of, and which lists a certificate says speak of it (RFC 5280 §5.2.5).

A list may cover all certificates of its issuer, or only those of users or of authorities, only those that name a
certain place of publication, only some reasons, or those of other issuers too. `Scope` is one side of that, `Point`
the other.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from cryptography import x509

from app.signing.distinguished_names import comparable, issuer_key
from app.signing.purpose import extension_of, is_authority

ALL_REASONS: Final = frozenset(
    reason.value
    for reason in x509.ReasonFlags
    if reason not in (x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl)
)
"""Reasons a list or a place of publication can be limited to (RFC 5280 §4.2.1.13, ReasonFlags)."""


class Holders(StrEnum):
    """Whose certificates a list speaks of."""

    ALL = "all"
    """Everybody's."""
    USERS = "users"
    """Those of nobody who is an authority."""
    AUTHORITIES = "authorities"
    """Those of authorities."""
    ATTRIBUTES = "attributes"
    """Attribute certificates, which this node does not know."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place of publication a certificate names (RFC 5280 §4.2.1.13).

    Attributes:
        names: of the place, as `Scope.names`; empty where the certificate gives none.
        reasons: which revocations are published there.
        issuers: comparable names of who publishes there, if not the certificate's own issuer.
    """

    names: frozenset[str]
    reasons: frozenset[str]
    issuers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a list speaks of.

    Attributes:
        holders: whose certificates.
        names: of the place it is published at, `uri:…` or `name:…`; empty: not bound to a place.
        reasons: which revocations are on it.
        indirect: whether certificates of other issuers may be on it.
        delta: whether it holds only what changed since another one.
    """

    holders: Holders = Holders.ALL
    names: frozenset[str] = frozenset()
    reasons: frozenset[str] = ALL_REASONS
    indirect: bool = False
    delta: bool = False

    @property
    def text(self) -> str:
        """The scope as it is stored; empty for all certificates of the issuer and all reasons."""
        said: dict[str, object] = {}
        if self.holders is not Holders.ALL:
            said["holders"] = self.holders.value
        if self.names:
            said["names"] = sorted(self.names)
        if self.reasons != ALL_REASONS:
            said["reasons"] = sorted(self.reasons)
        if self.indirect:
            said["indirect"] = True
        if self.delta:
            said["delta"] = True
        return json.dumps(said, ensure_ascii=False, separators=(",", ":")) if said else ""

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Read what `text` wrote."""
        if not text:
            return cls()
        said = json.loads(text)
        return cls(
            holders=Holders(said.get("holders", Holders.ALL)),
            names=frozenset(said.get("names", ())),
            reasons=frozenset(said.get("reasons", ALL_REASONS)),
            indirect=said.get("indirect", False),
            delta=said.get("delta", False),
        )

    @classmethod
    def of_extension(cls, point: x509.IssuingDistributionPoint | None, issuer: x509.Name, *, delta: bool) -> Self:
        """Read the scope from a list's extension.

        Args:
            point: the list's issuingDistributionPoint; None where it has none, and then it covers everything.
            issuer: of the list.
            delta: whether the list has a deltaCRLIndicator.
        """
        if point is None:
            return cls(delta=delta)
        holders = Holders.ALL
        if point.only_contains_user_certs:
            holders = Holders.USERS
        elif point.only_contains_ca_certs:
            holders = Holders.AUTHORITIES
        elif point.only_contains_attribute_certs:
            holders = Holders.ATTRIBUTES
        return cls(
            holders=holders,
            names=_names(point.full_name, point.relative_name, issuer),
            reasons=_reasons(point.only_some_reasons),
            indirect=point.indirect_crl,
            delta=delta,
        )

    def covers(self, certificate: x509.Certificate, point: Point, *, issuer: str) -> bool:
        """Whether a list of this scope is the one a certificate means by a point (RFC 5280 §6.3.3 b).

        Args:
            certificate: the one that is asked about.
            point: one of its own.
            issuer: comparable name of the list's issuer.
        """
        if point.issuers:
            if issuer not in point.issuers or not self.indirect:
                return False
        elif issuer != issuer_key(certificate):
            return False
        if self.names:
            meant = point.names or frozenset(f"name:{each}" for each in point.issuers)
            if not self.names & meant:
                return False
        match self.holders:
            case Holders.ALL:
                return True
            case Holders.USERS:
                return not is_authority(certificate)
            case Holders.AUTHORITIES:
                return is_authority(certificate)
            case Holders.ATTRIBUTES:
                return False


COMPLETE: Final = Scope()
"""The scope of the usual list: all certificates of its issuer, for every reason."""


def points_of(certificate: x509.Certificate) -> tuple[Point, ...]:
    """Give the places a certificate names, and last the one every certificate has: its issuer (RFC 5280 §6.3.3)."""
    named = extension_of(certificate, x509.CRLDistributionPoints) or ()
    implied = Point(frozenset((f"name:{issuer_key(certificate)}",)), ALL_REASONS, frozenset())
    return (*(_point(each, certificate) for each in named), implied)


def publishers_of(certificate: x509.Certificate) -> frozenset[str]:
    """Give who may publish lists about a certificate, as RFC 4514 strings."""
    named = extension_of(certificate, x509.CRLDistributionPoints) or ()
    others = (each for point in named for each in _directory_names(point.crl_issuer or ()))
    return frozenset((certificate.issuer.rfc4514_string(), *(each.rfc4514_string() for each in others)))


def _point(point: x509.DistributionPoint, certificate: x509.Certificate) -> Point:
    issuers = _directory_names(point.crl_issuer or ())
    publisher = issuers[0] if issuers else certificate.issuer
    return Point(
        names=_names(point.full_name, point.relative_name, publisher),
        reasons=_reasons(point.reasons),
        issuers=frozenset(comparable(each.rfc4514_string()) for each in issuers),
    )


def _directory_names(names: Iterable[x509.GeneralName]) -> list[x509.Name]:
    return [name.value for name in names if isinstance(name, x509.DirectoryName)]


def _names(
    full: Iterable[x509.GeneralName] | None, relative: x509.RelativeDistinguishedName | None, above: x509.Name
) -> frozenset[str]:
    if relative is not None:
        return frozenset((_named(x509.Name([*above.rdns, relative])),))
    return frozenset(_place(name) for name in full or ())


def _place(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DirectoryName):
        return _named(name.value)
    if isinstance(name, x509.UniformResourceIdentifier):
        return f"uri:{name.value}"
    return f"{type(name).__name__}:{name.value}"


def _named(name: x509.Name) -> str:
    return f"name:{comparable(name.rfc4514_string())}"


def _reasons(reasons: frozenset[x509.ReasonFlags] | None) -> frozenset[str]:
    return ALL_REASONS if reasons is None else frozenset(reason.value for reason in reasons) & ALL_REASONS
