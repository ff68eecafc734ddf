"""What `truc inspect` judges certificates by: anchors and revocation lists from files."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

    from app.signing.revocations import RevocationIndex


@dataclass(frozen=True, slots=True)
class Known:
    """What certificates are judged by.

    Attributes:
        anchors: authorities that are trusted; without any no path is judged.
        lists: revocation lists, PEM or DER; each counts where an anchor or an authority of the file signed it.
    """

    anchors: "tuple[x509.Certificate, ...]" = ()
    lists: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def read(cls, anchors: Iterable[bytes], lists: Iterable[bytes]) -> "Known":
        """Read certificates and take lists along.

        Raises:
            RequestInvalid: an anchor cannot be read.
        """
        from app.signing.certificates import parse_certificates

        return cls(tuple(each for octets in anchors for each in parse_certificates(octets)), tuple(lists))

    def revocations(self, between: "Iterable[x509.Certificate]") -> "RevocationIndex":
        """Give what the lists say.

        Raises:
            RequestInvalid: a list cannot be read, or none of the authorities here signed it.
        """
        from app.signing.revocations import RevocationIndex, parse_revocation_list

        index, issuers = RevocationIndex(), (*self.anchors, *between)
        for octets in self.lists:
            index.add(parse_revocation_list(octets, issuers=issuers))
        return index
