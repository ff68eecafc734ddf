"""One signature as a report shows it: who, with what, when, up to which anchor, and what was known of revocations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
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
from app.signing.revocations import Revocation, Standing
from app.signing.timestamps import Timestamp


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
    number: int, checked: CheckedSignature, findings: Iterable[Finding], *, basis: str
) -> SignatureFacts:
    """Say everything about a signature.

    Args:
        findings: those that are about it.
        basis: what the best signing time is without a timestamp: `receipt` or `asking`. What the signer claims proves
            nothing.
    """
    presented, registered = checked.presented, checked.decision.certificate
    indication, cause = sub_indication_of(findings)
    # What is registered goes first; the names in a certificate are a hint, and take long to read.
    role = registered.kind if registered is not None else kind_hint(presented.certificate)
    stamp, claimed = checked.moment.timestamp, presented.signing_time
    path = _path(checked)
    shown = {
        "number": number,
        "indication": indication.value,
        "sub_indication": cause.value if cause is not None else None,
        "form": _form(presented),
        "role": role.value if role is not None else None,
        "agency": registered.organ_id.text if registered is not None else None,
        "certificate": fingerprint(presented.certificate),
        "intact": checked.intact,
        "algorithm": presented.method.name,
        "canonicalization": presented.canonicalization.value,
        "references": _references(presented),
        "claimed_signing_time": instant_text(claimed) if claimed is not None else None,
        "best_signing_time": instant_text(checked.moment.at),
        "best_signing_time_by": "timestamp" if stamp is not None else basis,
        "timestamp": _timestamp(stamp) if stamp is not None else None,
        "path": _judged_path(checked),
    }
    stamped = stamp.path if stamp is not None else ()
    return SignatureFacts(shown, (*path, *stamped), cited_by(checked))


def cited_by(checked: CheckedSignature) -> tuple[Cited, ...]:
    """List what the verdict about a signature rests on."""
    stamp = checked.moment.timestamp
    certificates = (*_path(checked), *(stamp.path if stamp is not None else ()))
    cited = [certificate_cited(each) for each in certificates]
    cited += [
        Cited(each.sha256, Material(each.kind.value), about=each.about, since=each.since, until=each.until)
        for standing in checked.decision.standings
        for each in standing.evidence
        if each.sha256
    ]
    if stamp is not None:
        about = subject_of(stamp.tsa)
        cited.append(Cited(_digest(stamp.token), Material.TIMESTAMP, stamp.token, about=about, since=stamp.gen_time))
    return tuple(cited)


def _path(checked: CheckedSignature) -> tuple[x509.Certificate, ...]:
    """Give the path that was judged; the signer's certificate alone where there was none."""
    return checked.decision.path or (checked.presented.certificate,)


def _judged_path(checked: CheckedSignature) -> list[Mapping[str, Any]]:
    path, standings = _path(checked), checked.decision.standings
    return [
        {
            "certificate": fingerprint(certificate),
            "revocation": _revocation(standings[number], checked.moment.at) if number < len(standings) else None,
            # Where there is a path, the standings end below its anchor.
            "anchor": bool(checked.decision.path) and number == len(path) - 1,
        }
        for number, certificate in enumerate(path)
    ]


def _revocation(standing: Standing, at: datetime) -> Mapping[str, Any]:
    known = standing.known
    shown: dict[str, Any] = {"status": "good", "reason": None, "revoked_at": None}
    if isinstance(known, Revocation):
        status = "revoked" if known.at <= at else "revoked-later"
        shown = {"status": status, "reason": known.reason, "revoked_at": instant_text(known.at)}
    elif known is not None:
        shown = {"status": "unknown", "reason": known.value, "revoked_at": None}
    fresh_until = instant_text(standing.fresh_until) if standing.fresh_until is not None else None
    return shown | {"fresh_until": fresh_until, "evidence": [each.sha256 for each in standing.evidence if each.sha256]}


def _form(presented: PresentedSignature) -> str:
    if presented.properties is None:
        return "XMLDSig"
    return "XAdES-BASELINE-T" if presented.timestamp_tokens else "XAdES-BASELINE-B"


def _timestamp(stamp: Timestamp) -> Mapping[str, Any]:
    return {
        "time": instant_text(stamp.gen_time),
        "authority": fingerprint(stamp.tsa),
        "evidence": _digest(stamp.token),
    }


def _digest(octets: bytes) -> str:
    return sha256(octets).hexdigest()


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


@lru_cache(maxsize=512)
def certificate_cited(certificate: x509.Certificate) -> Cited:
    """Cite a certificate."""
    validity = validity_of(certificate)
    return Cited(
        fingerprint(certificate),
        Material.CERTIFICATE,
        certificate.public_bytes(Encoding.DER),
        about=subject_of(certificate),
        since=validity.not_before,
        until=validity.not_after,
    )


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
