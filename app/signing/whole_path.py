"""A path as a whole after RFC 5280 §6.1: names, constraints, policies, usages of authorities, critical extensions.

pyhanko-certvalidator does it. It is given the path and the moment, no way to the network, and no say on revocation,
which `path_revocation` judges.
"""

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from asn1crypto import x509 as asn1  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pyhanko_certvalidator.authority import CertTrustAnchor, TrustQualifiers, derive_quals_from_cert
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.errors import ValidationError
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    NO_REVOCATION,
    AcceptAllAlgorithms,
    CertRevTrustPolicy,
    PKIXValidationParams,
)
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.validate import async_validate_path

from app.findings import Finding, Severity
from app.signing.certificate_findings import certificate_finding
from app.signing.refusal import shortened
from app.signing.soundness import Strength


@dataclass(frozen=True, slots=True)
class Policies:
    """What is asked of certificate policies (RFC 5280 §6.1.1 c to g); as it stands, nothing.

    Attributes:
        accepted: policies that are acceptable, dotted; empty: any.
        explicit: whether one of them must be valid for the whole path.
        mapping_inhibited: whether authorities may not say that one policy is another.
        any_inhibited: whether anyPolicy stands for no other.
    """

    accepted: frozenset[str] = frozenset()
    explicit: bool = False
    mapping_inhibited: bool = False
    any_inhibited: bool = False


ANY_POLICY: Final = Policies()
"""Certificate policies are not looked at, except where the certificates themselves ask for that."""


def check_path(
    path: tuple[x509.Certificate, ...], at: datetime, *, policies: Policies, strength: Strength
) -> Iterator[Finding]:
    """Say what contradicts itself on a path; signer first, anchor last."""
    try:
        _validate(path, at, policies, strength)
    except ValidationError as error:
        yield certificate_finding(
            "rfc5280.6.1.path-invalid",
            path[0],
            f"has a path to an anchor that does not hold: {shortened(str(error), 300)}",
            "Ask the authority that issued it; the certificates contradict each other.",
            "RFC 5280 §6.1",
        )
    except Exception as error:  # noqa: BLE001 - whatever breaks in there, the path was not validated
        yield certificate_finding(
            "rfc5280.6.1.path-unchecked",
            path[0],
            f"has a path that could not be checked: {type(error).__name__} {shortened(str(error), 200)}",
            "Ask the authority that issued it whether its certificates follow RFC 5280.",
            "RFC 5280 §6.1",
            Severity.FATAL,
        )


def _validate(path: tuple[x509.Certificate, ...], at: datetime, policies: Policies, strength: Strength) -> None:
    loaded = [_asn1(certificate) for certificate in path]
    root = loaded[-1]
    anchor = CertTrustAnchor(root, _qualifiers(root, policies))
    context = ValidationContext(
        trust_manager=SimpleTrustManager.build(trust_roots=[anchor]),
        other_certs=loaded[1:-1],
        moment=at,
        allow_fetching=False,
        revinfo_policy=CertRevTrustPolicy(NO_REVOCATION),
        time_tolerance=timedelta(0),
        algorithm_usage_policy=AcceptAllAlgorithms() if strength is Strength.ANY else None,
    )
    _run(async_validate_path(context, ValidationPath(anchor, loaded[-2:0:-1], loaded[0])))


def _qualifiers(root: asn1.Certificate, policies: Policies) -> TrustQualifiers:
    """Keep an anchor's own limits on length and names; its policies describe it and bind nobody below."""
    derived = derive_quals_from_cert(root)
    limits = derived.standard_parameters or PKIXValidationParams()
    return TrustQualifiers(
        max_path_length=derived.max_path_length,
        standard_parameters=PKIXValidationParams(
            user_initial_policy_set=policies.accepted or frozenset(("any_policy",)),
            initial_explicit_policy=policies.explicit,
            initial_policy_mapping_inhibit=policies.mapping_inhibited,
            initial_any_policy_inhibit=policies.any_inhibited,
            initial_permitted_subtrees=limits.initial_permitted_subtrees,
            initial_excluded_subtrees=limits.initial_excluded_subtrees,
        ),
    )


def _asn1(certificate: x509.Certificate) -> asn1.Certificate:
    return asn1.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def _run(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine that has nothing to wait for; works inside and outside event loops alike.

    Raises:
        RuntimeError: it waited.
    """
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("the path validator waited, but it has no way to fetch anything")
