"""Revocation along a path: each certificate below the anchor is looked up, and so is whoever signed the lists."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never

from cryptography import x509

from app.findings import Finding, Severity
from app.signing.certificate_findings import LAW, certificate_finding
from app.signing.path_building import is_same_authority
from app.signing.revocations import Revocation, RevocationList, Revocations, Standing, Unknown

_SOURCE: Final = f"RFC 5280 §6.3; {LAW}"
_UNKNOWN: Final = {
    Unknown.NO_LIST: "no revocation list of its issuer is known",
    Unknown.STALE: "the revocation list of its issuer is out of date",
    Unknown.NOT_COVERED: "the revocation lists of its issuer that are known do not cover it",
}


class UnknownRevocation(StrEnum):
    """What follows when it is not known whether a certificate was revoked."""

    REFUSE = "refuse"
    """An error: what is unknown is never valid."""
    ACCEPT = "accept"
    """Unknown it stays: the verdict is INDETERMINATE until it is known (ETSI EN 319 102-1 §5.2.6)."""


@dataclass(frozen=True, slots=True)
class Lookups:
    """How revocations are looked up.

    Attributes:
        revocations: what is known.
        at: the moment the certificates were used.
        unknown: what follows when nothing is known.
        signer_holds: whether somebody who signs lists, and is no authority of the path, holds itself.
    """

    revocations: Revocations
    at: datetime
    unknown: UnknownRevocation
    signer_holds: Callable[[x509.Certificate], bool]

    def of_path(self, path: tuple[x509.Certificate, ...]) -> tuple[Standing, ...]:
        """Look up every certificate below the anchor, signer first."""

        def counts(listed: RevocationList) -> bool:
            signer = listed.signer
            if signer is None or any(is_same_authority(signer, each) for each in path[1:]):
                return True
            return self.signer_holds(signer)

        return tuple(self.revocations.standing(each, at=self.at, counts=counts) for each in path[:-1])


def check_revocation(
    certificate: x509.Certificate, standing: Standing, *, at: datetime, unknown: UnknownRevocation
) -> Iterator[Finding]:
    """Say what is known of a certificate's revocation, where it is not simply in force."""
    known = standing.known
    match known:
        case None:
            return
        case Revocation():
            yield _revoked(certificate, known, at)
        case Unknown():
            yield certificate_finding(
                f"rfc5280.6.3.revocation-unknown.{known.value}",
                certificate,
                f"may have been revoked: {_UNKNOWN[known]}",
                "Nothing the sender can do; the operator imports the issuer's current revocation list.",
                _SOURCE,
                Severity.ERROR if unknown is UnknownRevocation.REFUSE else Severity.UNKNOWN,
            )
        case _:
            assert_never(known)


def _revoked(certificate: x509.Certificate, revocation: Revocation, at: datetime) -> Finding:
    since = f"{revocation.at:%Y-%m-%dT%H:%M:%SZ}"
    if revocation.at > at:
        return certificate_finding(
            "rfc5280.6.3.revoked-later",
            certificate,
            f"was revoked at {since} ({revocation.reason}), after it was used",
            "Nothing; what was signed before stays valid.",
            _SOURCE,
            Severity.INFO,
        )
    return certificate_finding(
        "rfc5280.6.3.revoked",
        certificate,
        f"was revoked at {since} ({revocation.reason})",
        "Sign with a certificate that is in force.",
        _SOURCE,
    )
