"""What a certificate may be used for: key usage, extended key usage, and that no authority signs documents."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, TypeVar, assert_never

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from app.findings import Finding
from app.signing.certificate_findings import LAW, certificate_finding

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_OTHERS: Final = frozenset(
    (
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CODE_SIGNING,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.OCSP_SIGNING,
    )
)


class Purpose(StrEnum):
    """What the certificate at the lower end of a path is used for."""

    DOCUMENTS = "documents"
    """To sign documents and status reports."""
    TIME_STAMPS = "time-stamps"
    """To sign time stamps, and nothing else (RFC 3161 §2.3)."""
    REVOCATION_LISTS = "revocation-lists"
    """To sign lists of revoked certificates (RFC 5280 §4.2.1.3, cRLSign)."""
    ANY = "any"
    """Not asked here; whoever asks has looked at it already."""


def extension_of(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """Give a certificate's extension of a kind, or None."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether a certificate says that it is an authority's (RFC 5280 §4.2.1.9)."""
    constraints = extension_of(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def check_purpose(leaf: x509.Certificate, purpose: Purpose) -> Iterator[Finding]:
    """Say why a certificate is not for this purpose."""
    match purpose:
        case Purpose.DOCUMENTS:
            yield from _check_documents(leaf)
        case Purpose.TIME_STAMPS:
            yield from _check_time_stamps(leaf)
        case Purpose.REVOCATION_LISTS:
            yield from _check_lists(leaf)
        case Purpose.ANY:
            return
        case _:
            assert_never(purpose)


def _check_documents(leaf: x509.Certificate) -> Iterator[Finding]:
    fix = "Sign with the certificate that was issued to the agency for signing."
    usage = extension_of(leaf, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        yield certificate_finding(
            "rfc5280.4.2.1.3.wrong-usage",
            leaf,
            "is not for signatures: its key usage has neither digitalSignature nor nonRepudiation",
            fix,
            f"RFC 5280 §4.2.1.3; {LAW}",
        )
    if is_authority(leaf):
        yield certificate_finding(
            "rfc5280.4.2.1.9.authority",
            leaf,
            "is that of an authority, which signs certificates and no documents",
            fix,
            f"RFC 5280 §4.2.1.9; {LAW}",
        )
    purposes = extension_of(leaf, x509.ExtendedKeyUsage)
    if purposes is not None and set(purposes) <= _OTHERS:
        yield certificate_finding(
            "rfc5280.4.2.1.12.wrong-purpose",
            leaf,
            "is for servers, code, time stamps or OCSP only",
            fix,
            f"RFC 5280 §4.2.1.12; {LAW}",
        )


def _check_time_stamps(leaf: x509.Certificate) -> Iterator[Finding]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        found = None
    if found is None or not found.critical or set(found.value) != {ExtendedKeyUsageOID.TIME_STAMPING}:
        yield certificate_finding(
            "rfc5280.4.2.1.12.wrong-purpose",
            leaf,
            "is not for time stamps: id-kp-timeStamping must be its only purpose, and critical",
            "Use a time stamping authority whose certificate was issued for that.",
            "RFC 3161 §2.3; RFC 5280 §4.2.1.12",
        )


def _check_lists(leaf: x509.Certificate) -> Iterator[Finding]:
    usage = extension_of(leaf, x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        yield certificate_finding(
            "rfc5280.4.2.1.3.wrong-usage",
            leaf,
            "is not for revocation lists: its key usage has no cRLSign",
            "Have the list published by an authority that may.",
            "RFC 5280 §4.2.1.3, §6.3.3",
        )
