"""How findings speak of a certificate: by its subject and serial number."""

from typing import Final

from cryptography import x509

from app.findings import Finding, Severity
from app.signing.certificates import serial_of, subject_of
from app.signing.refusal import shortened

LAW: Final = "NĐ 68/2024/NĐ-CP Đ31, Đ32"
"""What Vietnamese law asks of every certificate: in its period, fit for the purpose, not revoked when it was used."""


def certificate_finding(
    code: str, certificate: x509.Certificate, says: str, fix: str, source: str, severity: Severity = Severity.ERROR
) -> Finding:
    """Make a finding about a certificate.

    Args:
        code: stable code.
        certificate: the one it is about.
        says: how the sentence goes on behind the certificate's name, without a full stop.
        fix: what to do.
        source: the clause.
        severity: how much it weighs.
    """
    name = f"{shortened(subject_of(certificate), 120)} (serial {serial_of(certificate)})"
    return Finding(code, severity, f"The certificate of {name} {says}.", fix, source)
