"""Who may sign one document together, and in which order (ours, decision 0015)."""

from collections.abc import Sequence

from app.findings import Finding, Severity
from app.registry.model import CertificateKind

_SOURCE = "TT 41/2017/TT-BTTTT Đ8; NĐ 30/2020/NĐ-CP Đ5; ours, decision 0015"
_FIX = "Let the persons sign first, and seal the document once, last, with the sending agency's seal."


def role_findings(kinds: Sequence[CertificateKind]) -> tuple[Finding, ...]:
    """Judge the roles of a document's signatures.

    One alone may be a person's or the agency's. Of several the last is the agency's seal and covers those of the
    persons before it, so that what is delivered is what the agency sealed, and nobody can add or take away a signature.

    Args:
        kinds: of the registered certificates, in the document's order.
    """
    if len(kinds) < 2:
        return ()
    seals = [number for number, kind in enumerate(kinds, start=1) if kind is CertificateKind.SEAL]
    if not seals:
        return (
            Finding(
                "ours.signature.seal-missing",
                Severity.ERROR,
                f"none of the {len(kinds)} signatures is made with the seal of the agency",
                _FIX,
                _SOURCE,
            ),
        )
    if len(seals) > 1:
        return (
            Finding(
                "ours.signature.seals-several",
                Severity.ERROR,
                f"{len(seals)} of the {len(kinds)} signatures are made with a seal",
                _FIX,
                _SOURCE,
            ),
        )
    if seals != [len(kinds)]:
        return (
            Finding(
                "ours.signature.seal-not-last",
                Severity.ERROR,
                f"the agency's seal is signature {seals[0]} of {len(kinds)} and does not cover those behind it",
                _FIX,
                _SOURCE,
            ),
        )
    return ()
