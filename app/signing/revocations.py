"""Lists of revoked certificates, read once and looked up in no time (RFC 5280 §5).

A list of 100,000 entries takes a path validator more than a second each time; here it becomes a dictionary when it is
imported. Issuers are known by name (RFC 4514 string), because a list covers every key its issuer ever had.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID

from app.errors import RequestInvalid
from app.signing.certificates import UNREADABLE, subject_of

LIST_OCTETS_MAX: Final = 64 * 1024 * 1024
"""Longest list that is read; a million entries stay below."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a certificate was revoked.

    Attributes:
        at: from when on it does not count, aware, UTC.
        reason: RFC 5280 §5.3.1, such as `keyCompromise`; `certificateHold` is a suspension.
    """

    at: datetime
    reason: str = "unspecified"


class Unknown(StrEnum):
    """Why nothing is known about a certificate's revocation."""

    NO_LIST = "no-list"
    """No list of this issuer was imported."""
    STALE = "stale"
    """The newest list should have been replaced before the moment in question."""


class Revocations(Protocol):
    """Where revocations are looked up: a store of the node's own, or `RevocationIndex`."""

    def find(self, issuer: str, serial: int, *, at: datetime) -> Revocation | Unknown | None:
        """Tell what is known about a certificate.

        Args:
            issuer: RFC 4514 string of the certificate's issuer.
            serial: its serial number.
            at: the moment the certificate was used; decides only whether the knowledge is stale.

        Returns:
            the revocation, whenever it was; None when it is known not to be revoked; or why that is not known.
        """

    def fresh_until(self, issuer: str) -> datetime | None:
        """Tell until when what is known about an issuer's certificates counts as fresh; None for without end."""


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """A list whose signature was checked.

    Attributes:
        issuer: RFC 4514 string.
        number: of the list, grows with each; 0 when it has none.
        this_update: when it was made.
        next_update: when the next is due; None when the issuer does not say.
        revoked: by serial number.
    """

    issuer: str
    number: int
    this_update: datetime
    next_update: datetime | None
    revoked: Mapping[int, Revocation]


@dataclass(slots=True)
class RevocationIndex:
    """The newest list of each issuer, and revocations the node was told of in another way."""

    _lists: dict[str, RevocationList] = field(default_factory=dict)
    _told: dict[tuple[str, int], Revocation] = field(default_factory=dict)

    def add(self, revocation_list: RevocationList) -> bool:
        """Take a list over.

        Returns:
            whether it is now the one in use; an older one than that of the same issuer is not.
        """
        present = self._lists.get(revocation_list.issuer)
        if present and (present.number, present.this_update) > (revocation_list.number, revocation_list.this_update):
            return False
        self._lists[revocation_list.issuer] = revocation_list
        return True

    def tell(self, issuer: str, serial: int, revocation: Revocation) -> None:
        """Take over one revocation, such as an administrator's; the earlier of two counts."""
        present = self._told.get((issuer, serial))
        if present is None or revocation.at < present.at:
            self._told[issuer, serial] = revocation

    def find(self, issuer: str, serial: int, *, at: datetime) -> Revocation | Unknown | None:
        """Tell what is known about a certificate; see `Revocations.find`."""
        told = self._told.get((issuer, serial))
        listed = self._lists.get(issuer)
        found = listed.revoked.get(serial) if listed else None
        if told or found:
            return min((each for each in (told, found) if each), key=lambda each: each.at)
        if listed is None:
            return Unknown.NO_LIST
        if listed.next_update is not None and at > listed.next_update:
            return Unknown.STALE
        return None

    def fresh_until(self, issuer: str) -> datetime | None:
        """Tell when the issuer's next list is due; see `Revocations.fresh_until`."""
        listed = self._lists.get(issuer)
        return listed.next_update if listed else None


def parse_revocation_list(octets: bytes, *, issuers: Iterable[x509.Certificate]) -> RevocationList:
    """Read a list in PEM or DER and check that one of the authorities signed it.

    Args:
        octets: the list.
        issuers: authorities that are trusted to publish lists: anchors and those below them.

    Raises:
        RequestInvalid: not a list, partial, indirect or a delta, of an unknown issuer, or its signature does not hold.
    """
    if len(octets) > LIST_OCTETS_MAX:
        raise RequestInvalid(f"the revocation list has {len(octets)} octets; at most {LIST_OCTETS_MAX} are read")
    try:
        loaded = (
            x509.load_pem_x509_crl(octets)
            if octets.lstrip().startswith(b"-----BEGIN")
            else x509.load_der_x509_crl(octets)
        )
        issuer = loaded.issuer.rfc4514_string()
        extensions = loaded.extensions
        updates = (loaded.last_update_utc, loaded.next_update_utc)
    except UNREADABLE as error:
        raise RequestInvalid(f"this is no readable revocation list, neither PEM nor DER: {error}") from error
    _check_scope(extensions)
    _check_signature(loaded, issuer, issuers)
    try:
        revoked = {entry.serial_number: _revocation(entry) for entry in loaded}
    except UNREADABLE as error:
        raise RequestInvalid(f"an entry of the revocation list cannot be read: {error}") from error
    return RevocationList(issuer, _number(extensions), *updates, revoked)


def _check_scope(extensions: x509.Extensions) -> None:
    for extension in extensions:
        point = extension.value
        if extension.oid == ExtensionOID.DELTA_CRL_INDICATOR:
            raise RequestInvalid("this is a delta list; import the complete one")
        if isinstance(point, x509.IssuingDistributionPoint):
            partial = (
                point.only_contains_user_certs,
                point.only_contains_ca_certs,
                point.only_contains_attribute_certs,
                point.only_some_reasons,
                point.indirect_crl,
            )
            if any(partial):
                raise RequestInvalid("this list covers a part of the issuer's certificates only, or those of others")
        elif extension.critical:
            raise RequestInvalid(f"the list has the critical extension {extension.oid.dotted_string}, unknown here")


def _check_signature(loaded: x509.CertificateRevocationList, issuer: str, issuers: Iterable[x509.Certificate]) -> None:
    candidates = [certificate for certificate in issuers if subject_of(certificate) == issuer]
    if not candidates:
        raise RequestInvalid(f"the list is of {issuer[:200]!r}, which is no authority known here")
    if not isinstance(loaded.signature_hash_algorithm, (hashes.SHA256, hashes.SHA384, hashes.SHA512)):
        raise RequestInvalid("the list is signed with another hash than SHA-256, SHA-384 or SHA-512")
    if not any(_signed_by(loaded, candidate) for candidate in candidates):
        raise RequestInvalid(f"the list's signature is not that of {issuer[:200]!r}")


def _signed_by(loaded: x509.CertificateRevocationList, candidate: x509.Certificate) -> bool:
    try:
        usage = candidate.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.crl_sign:
            return False
    except x509.ExtensionNotFound:
        pass
    try:
        return loaded.is_signature_valid(candidate.public_key())  # type: ignore[arg-type]
    except (InvalidSignature, *UNREADABLE):
        return False


def _number(extensions: x509.Extensions) -> int:
    try:
        return extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def _revocation(entry: x509.RevokedCertificate) -> Revocation:
    reason = "unspecified"
    for extension in entry.extensions:
        if isinstance(extension.value, x509.CRLReason):
            reason = extension.value.reason.value
        elif isinstance(extension.value, x509.CertificateIssuer):
            raise ValueError("it belongs to another issuer")
    return Revocation(entry.revocation_date_utc.astimezone(UTC), reason)
