"""When two names of authorities are the same name (RFC 5280 §7.1): capitals and blanks do not tell them apart.

Names are compared as RFC 4514 strings, because that is how they are stored and shown. Equal names prove nothing; whose
key signed does.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from cryptography import x509

_SEPARATOR: Final = re.compile(r" *(?<!\\)([,+=]) *")
_REMEMBERED: Final = 4_096
"""Names kept in their comparable form; a country has a few dozen authorities."""


@lru_cache(maxsize=_REMEMBERED)
def comparable(name: str) -> str:
    """Give the form in which a name is compared: one case, one blank between words, none around values (RFC 4518 §2).

    Args:
        name: RFC 4514 string.
    """
    folded = unicodedata.normalize("NFKC", name.replace("\\ ", " ").casefold())
    return _SEPARATOR.sub(r"\1", " ".join(folded.split()))


def issuer_key(certificate: x509.Certificate) -> str:
    """Give the comparable name of a certificate's issuer."""
    return comparable(certificate.issuer.rfc4514_string())


def subject_key(certificate: x509.Certificate) -> str:
    """Give the comparable name of a certificate's subject."""
    return comparable(certificate.subject.rfc4514_string())
