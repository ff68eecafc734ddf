"""Where a certificate says its revocation is published: distribution points of lists, and OCSP responders.

Sources: RFC 5280 §4.2.1.13 (cRLDistributionPoints), §4.2.2.1 (authorityInfoAccess). Whoever issued the certificate
wrote the addresses; they are bounded here, and judged again before they are called.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from app.signing.certificates import UNREADABLE

ADDRESSES_MAX: Final = 4
"""Addresses of one kind that are taken from one certificate; real ones have one or two."""
LENGTH_MAX: Final = 500
"""Longest address that is taken."""
_SCHEMES: Final = ("http://", "https://")
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class RevocationAddresses:
    """What a certificate names.

    Attributes:
        lists: where lists that cover it are published.
        responders: who answers about it by OCSP.
        ignored: how many addresses were passed over: of other schemes, such as ldap, too long, or too many.
    """

    lists: tuple[str, ...]
    responders: tuple[str, ...]
    ignored: int


def revocation_addresses(certificate: x509.Certificate) -> RevocationAddresses:
    """Read where a certificate's revocation is published; unreadable extensions name nothing."""
    lists, more = _usable(_points(certificate))
    responders, others = _usable(_responders(certificate))
    return RevocationAddresses(lists, responders, more + others)


def _points(certificate: x509.Certificate) -> Iterator[str]:
    points = _extension(certificate, x509.CRLDistributionPoints)
    for point in points or ():
        # A list of another issuer (indirect) says nothing here: it would be looked up under the wrong name.
        if point.crl_issuer is None:
            yield from _urls(point.full_name or ())


def _responders(certificate: x509.Certificate) -> Iterator[str]:
    access = _extension(certificate, x509.AuthorityInformationAccess)
    for description in access or ():
        if description.access_method == AuthorityInformationAccessOID.OCSP:
            yield from _urls([description.access_location])


def _urls(names: Iterable[x509.GeneralName]) -> Iterator[str]:
    return (name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))


def _usable(found: Iterable[str]) -> tuple[tuple[str, ...], int]:
    every = tuple(dict.fromkeys(found))
    usable = [url for url in every if len(url) <= LENGTH_MAX and url.lower().startswith(_SCHEMES) and url.isprintable()]
    taken = tuple(usable[:ADDRESSES_MAX])
    return taken, len(every) - len(taken)


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return None
