"""One signature as a report shows it: who, with what, when, up to which anchor, and what was known of revocations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.exchange.shelf import Cited, Material
from app.exchange.verify import CheckedSignature
from app.findings import Finding
from app.ledger.events import instant_text
from app.signing.certificates import fingerprint, issuer_of, kind_hint, serial_of, subject_of, validity_of
from app.signing.indications import sub_indication_of
from app.signing.presented import PresentedSignature


@dataclass(frozen=True, slots=True)
class SignatureFacts:
    """What a report says of one signature, and the certificates it names there by digest.

    Attributes:
        shown: JSON values.
        path: the signer's certificate first, the anchor last; the signer's alone where no path was found.
        cited: everything the verdict about it rests on.
    """

    shown: Mapping[str, Any]
    path: tuple[x509.Certificate, ...]
    cited: tuple[Cited, ...]


def signature_facts(
    number: int, checked: CheckedSignature, findings: Iterable[Finding], *, at: datetime, basis: str
) -> SignatureFacts:
    """Say everything about a signature.

    Args:
        findings: those that are about it.
        at: when it arrived: what a claimed time says proves nothing, so this is the best time that is proven.
        basis: what `at` is: `receipt` or `asking`.
    """
    presented, registered = checked.presented, checked.decision.certificate
    indication, cause = sub_indication_of(findings)
    hint = kind_hint(presented.certificate)
    role = registered.kind if registered is not None else hint
    path = _path(checked)
    shown = {
        "number": number,
        "indication": indication.value,
        "sub_indication": cause.value if cause is not None else None,
        "form": "XMLDSig",
        "role": role.value if role is not None else None,
        "agency": registered.organ_id.text if registered is not None else None,
        "certificate": fingerprint(presented.certificate),
        "intact": checked.intact,
        "algorithm": presented.method.name,
        "canonicalization": presented.canonicalization.value,
        "references": _references(presented),
        "claimed_signing_time": None,
        "best_signing_time": instant_text(at),
        "best_signing_time_by": basis,
        "timestamp": None,
        "path": [{"certificate": fingerprint(each), "revocation": None} for each in path],
    }
    return SignatureFacts(shown, path, cited_by(checked))


def cited_by(checked: CheckedSignature) -> tuple[Cited, ...]:
    """List what the verdict about a signature rests on."""
    return tuple(
        Cited(fingerprint(each), Material.CERTIFICATE, each.public_bytes(Encoding.DER)) for each in _path(checked)
    )


def _path(checked: CheckedSignature) -> tuple[x509.Certificate, ...]:
    return (checked.presented.certificate,)


def certificate_facts(certificate: x509.Certificate) -> Mapping[str, Any]:
    """Say what a certificate says of itself; its octets are found under its digest."""
    return _facts(certificate)


@lru_cache(maxsize=512)
def _facts(certificate: x509.Certificate) -> Mapping[str, Any]:
    # The same few hundred certificates sign everything; names take longer to write than all the rest of a report.
    validity = validity_of(certificate)
    return {
        "sha256": fingerprint(certificate),
        "subject": subject_of(certificate),
        "issuer": issuer_of(certificate),
        "serial": serial_of(certificate),
        "not_before": instant_text(validity.not_before),
        "not_after": instant_text(validity.not_after),
    }


def _references(presented: PresentedSignature) -> list[Mapping[str, Any]]:
    return [
        {
            "uri": reference.uri,
            "covers": "document" if reference.whole else "part",
            "digest_algorithm": reference.digest.name,
            "digest": reference.value.hex(),
        }
        for reference in presented.references
    ]
