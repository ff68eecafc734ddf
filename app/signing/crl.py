"""Lists of revoked certificates, read once and looked up in no time (RFC 5280 §5).

A list of 100,000 entries takes a path validator more than a second each time; here it becomes a dictionary when it is
imported. Issuers are known by name, because a list covers every key its issuer ever had; who signed the list is kept,
because that certificate has to hold too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa

from app.errors import RequestInvalid
from app.signing.certificates import UNREADABLE
from app.signing.crl_scope import COMPLETE, Scope
from app.signing.distinguished_names import comparable, subject_key
from app.signing.purpose import extension_of
from app.signing.soundness import Strength

LIST_OCTETS_MAX: Final = 64 * 1024 * 1024
"""Longest list that is read; a million entries stay below."""
REMOVED: Final = x509.ReasonFlags.remove_from_crl.value
"""The reason of an entry that takes an earlier one back; only on deltas (RFC 5280 §5.3.1)."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a certificate was revoked.

    Attributes:
        at: from when on it does not count, aware, UTC.
        reason: RFC 5280 §5.3.1, such as `keyCompromise`; `certificateHold` is a suspension.
    """

    at: datetime
    reason: str = "unspecified"


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """A list whose signature was checked.

    Attributes:
        issuer: RFC 4514 string.
        number: of the list, grows with each; 0 when it has none.
        this_update: when it was made.
        next_update: when the next is due; None when the issuer does not say.
        revoked: certificates of the list's issuer, by serial number.
        others: certificates of other issuers, by comparable name and serial number; empty unless indirect.
        scope: what it speaks of.
        base: number of the list a delta builds on; None for one that stands alone.
        signer: whose key signed it; None where that is not known any more.
        sha256: hex digest of the DER; empty where it was made up.
    """

    issuer: str
    number: int
    this_update: datetime
    next_update: datetime | None
    revoked: Mapping[int, Revocation]
    others: Mapping[str, Mapping[int, Revocation]] = field(default_factory=dict)
    scope: Scope = COMPLETE
    base: int | None = None
    signer: x509.Certificate | None = None
    sha256: str = ""

    @property
    def issuer_key(self) -> str:
        """Comparable name of the issuer."""
        return comparable(self.issuer)

    def entry(self, issuer: str, serial: int) -> Revocation | None:
        """Give what it says of a certificate, by the comparable name of that one's issuer."""
        if issuer == self.issuer_key:
            return self.revoked.get(serial)
        return self.others.get(issuer, {}).get(serial)


def parse_revocation_list(
    octets: bytes, *, issuers: Iterable[x509.Certificate], strength: Strength = Strength.STRICT
) -> RevocationList:
    """Read a list in PEM or DER and check that one of the authorities signed it.

    Args:
        octets: the list.
        issuers: authorities that are trusted to publish lists: anchors and those below them.
        strength: what its signature has to be.

    Raises:
        RequestInvalid: not a list, of an unknown issuer, with something critical in it that is unknown here, or its
            signature does not hold.
    """
    loaded = _loaded(octets)
    signer = _signer(loaded, issuers, strength)
    return _read(loaded, signer)


def read_revocation_list(octets: bytes) -> RevocationList:
    """Read a list whose signature was checked when it came.

    Raises:
        RequestInvalid: it is not readable.
    """
    return _read(_loaded(octets), None)


def _loaded(octets: bytes) -> x509.CertificateRevocationList:
    if len(octets) > LIST_OCTETS_MAX:
        raise RequestInvalid(f"the revocation list has {len(octets)} octets; at most {LIST_OCTETS_MAX} are read")
    try:
        if octets.lstrip().startswith(b"-----BEGIN"):
            loaded = x509.load_pem_x509_crl(octets)
        else:
            loaded = x509.load_der_x509_crl(octets)
        # Decoded on access; what is broken must break here.
        loaded.issuer.rfc4514_string()
        loaded.extensions  # noqa: B018
        loaded.last_update_utc  # noqa: B018
        loaded.next_update_utc  # noqa: B018
    except UNREADABLE as error:
        raise RequestInvalid(f"this is no readable revocation list, neither PEM nor DER: {error}") from error
    return loaded


def _read(loaded: x509.CertificateRevocationList, signer: x509.Certificate | None) -> RevocationList:
    point: x509.IssuingDistributionPoint | None = None
    number, base = 0, None
    for extension in loaded.extensions:
        value = extension.value
        if isinstance(value, x509.IssuingDistributionPoint):
            point = value
        elif isinstance(value, x509.CRLNumber):
            number = value.crl_number
        elif isinstance(value, x509.DeltaCRLIndicator):
            base = value.crl_number
        elif extension.critical:
            raise RequestInvalid(f"the list has the critical extension {extension.oid.dotted_string}, unknown here")
    issuer = loaded.issuer.rfc4514_string()
    scope = Scope.of_extension(point, loaded.issuer, delta=base is not None)
    by_issuer = _entries(loaded, comparable(issuer), indirect=scope.indirect)
    return RevocationList(
        issuer=issuer,
        number=number,
        this_update=loaded.last_update_utc,
        next_update=loaded.next_update_utc,
        revoked=by_issuer.pop(comparable(issuer)),
        others=by_issuer,
        scope=scope,
        base=base,
        signer=signer,
        sha256=sha256(loaded.public_bytes(serialization.Encoding.DER)).hexdigest(),
    )


def _entries(
    loaded: x509.CertificateRevocationList, issuer: str, *, indirect: bool
) -> dict[str, dict[int, Revocation]]:
    by_issuer: dict[str, dict[int, Revocation]] = {issuer: {}}
    current = issuer
    try:
        for entry in loaded:
            reason = "unspecified"
            for extension in entry.extensions:
                value = extension.value
                if isinstance(value, x509.CRLReason):
                    reason = value.reason.value
                elif isinstance(value, x509.CertificateIssuer):
                    # It goes for this entry and all behind it (RFC 5280 §5.3.3).
                    current = _certificate_issuer(value, indirect=indirect)
                elif extension.critical:
                    raise ValueError(f"it has the critical extension {extension.oid.dotted_string}")
            revocation = Revocation(entry.revocation_date_utc.astimezone(UTC), reason)
            by_issuer.setdefault(current, {})[entry.serial_number] = revocation
    except UNREADABLE as error:
        raise RequestInvalid(f"an entry of the revocation list cannot be read: {error}") from error
    return by_issuer


def _certificate_issuer(value: x509.CertificateIssuer, *, indirect: bool) -> str:
    if not indirect:
        raise ValueError("it belongs to another issuer")
    names = value.get_values_for_type(x509.DirectoryName)
    if len(names) != 1:
        raise ValueError("it belongs to an issuer without one distinguished name")
    return comparable(names[0].rfc4514_string())


def _signer(
    loaded: x509.CertificateRevocationList, issuers: Iterable[x509.Certificate], strength: Strength
) -> x509.Certificate:
    issuer = loaded.issuer.rfc4514_string()
    candidates = [certificate for certificate in issuers if subject_key(certificate) == comparable(issuer)]
    if not candidates:
        raise RequestInvalid(f"the list is of {issuer[:200]!r}, which is no authority known here")
    strong = isinstance(loaded.signature_hash_algorithm, (hashes.SHA256, hashes.SHA384, hashes.SHA512))
    if strength is Strength.STRICT and not strong:
        raise RequestInvalid("the list is signed with another hash than SHA-256, SHA-384 or SHA-512")
    for candidate in candidates:
        if _signed_by(loaded, candidate):
            return candidate
    raise RequestInvalid(f"the list's signature is not that of {issuer[:200]!r}")


def _signed_by(loaded: x509.CertificateRevocationList, candidate: x509.Certificate) -> bool:
    usage = extension_of(candidate, x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        return False
    try:
        key = candidate.public_key()
        if isinstance(key, dsa.DSAPublicKey) and loaded.signature_hash_algorithm is not None:
            # Met in the vectors of standards alone; `is_signature_valid` says no to all of these.
            key.verify(loaded.signature, loaded.tbs_certlist_bytes, loaded.signature_hash_algorithm)
            return True
        return loaded.is_signature_valid(key)  # type: ignore[arg-type]
    except (InvalidSignature, *UNREADABLE):
        return False
