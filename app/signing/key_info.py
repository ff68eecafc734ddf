"""The signer's certificate as KeyInfo presents it: steps (10) and (11) of the strict profile.

KeyInfo is not covered by the signature, so nothing in it is believed: names and bare keys are passed over, and the
certificate counts only after `path` and the registry have said so.
"""

from typing import Final

from cryptography import x509
from lxml import etree

from app.markup import Markup, local_name
from app.signing.algorithms import EC_COORDINATE_OCTETS, KeyKind, SignatureMethod
from app.signing.certificates import (
    CERTIFICATE_OCTETS_MAX,
    UnreadableCertificate,
    key_defect,
    key_kind,
    load,
    subject_of,
)
from app.signing.refusal import OURS, refuse, shortened, xmldsig
from app.signing.shape import attributes_within, children_of, strict_base64

CERTIFICATES_MAX: Final = 5
"""Leaf, three authorities, root: the longest chain in use has four."""
_X509_DATA_MAX: Final = 3
_PASSED_OVER: Final = frozenset(("KeyName", "KeyValue"))
_BESIDE_CERTIFICATES: Final = frozenset(("X509SubjectName", "X509IssuerSerial", "X509SKI"))
_CLAUSE: Final = "4.4"


def read_certificates(
    key_information: "etree._Element", markup: Markup
) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
    """Read the certificates and tell which one is the signer's: the one that issued no other (10).

    KeyName and KeyValue are passed over; the certificate's key is used, never a bare one.

    Returns:
        the signer's certificate, and the others as they came.

    Raises:
        DocumentRefused: none, too many, an unreadable one, more than one that could be the signer's, or a way to
            fetch keys from elsewhere.
    """
    certificates = _certificates(key_information, markup)
    leaves = [
        candidate
        for candidate in certificates
        if not any(other is not candidate and other.issuer == candidate.subject for other in certificates)
    ]
    if len(leaves) != 1:
        refuse(
            "xmldsig.4.4.signer-ambiguous",
            f"KeyInfo holds {len(certificates)} certificates, and it is not clear which one is the signer's.",
            fix="Put the signer's certificate alone into X509Data, or with the authorities above it.",
            source=f"{xmldsig('4.4.4')}; {OURS}",
            place=key_information,
        )
    leaf = leaves[0]
    return leaf, tuple(certificate for certificate in certificates if certificate is not leaf)


def check_key(
    certificate: x509.Certificate, method: SignatureMethod, value: bytes, place: "etree._Element | None"
) -> None:
    """Check that key, method and the length of the value fit, and that the key is strong enough (11).

    Raises:
        DocumentRefused: the key is weak or of another family than the method, or the value has another length.
    """
    defect = key_defect(certificate)
    if defect is not None:
        refuse(
            "ours.signature.key-weak",
            f"The certificate of {shortened(subject_of(certificate))} is not accepted: {defect}.",
            fix="Use a certificate with an RSA key of 2048 bits or more, or an ECDSA key on P-256 or P-384.",
            source=OURS,
            place=place,
        )
    if key_kind(certificate) is not method.key:
        refuse(
            "xmldsig.4.4.key-mismatch",
            f"SignatureMethod is {method.name}, but the certificate holds no {method.key} key.",
            fix="Name the algorithm the key was used with.",
            source=xmldsig("4.4"),
            place=place,
        )
    if len(value) != value_octets(certificate):
        refuse(
            "xmldsig.4.2.value-length",
            f"SignatureValue has {len(value)} octets; this key gives {value_octets(certificate)}.",
            fix="For RSA write the whole value; for ECDSA write r and s, each padded to the length of the curve, "
            "not a DER sequence.",
            source=f"{xmldsig('4.2')}; RFC 9231 §2.3.6",
            place=place,
        )


def value_octets(certificate: x509.Certificate) -> int:
    """Give the length of a signature value of this certificate's key, which `key_defect` has passed."""
    key = certificate.public_key()
    if key_kind(certificate) is KeyKind.EC:
        return 2 * EC_COORDINATE_OCTETS[key.curve.name]  # type: ignore[union-attr]
    return (key.key_size + 7) // 8  # type: ignore[union-attr]


def _certificates(key_information: "etree._Element", markup: Markup) -> list[x509.Certificate]:
    attributes_within(key_information, ("Id",), clause=_CLAUSE)
    elements: list[etree._Element] = []
    for child in children_of(key_information, most=_X509_DATA_MAX + len(_PASSED_OVER), clause=_CLAUSE):
        name = local_name(child)
        if name in _PASSED_OVER:
            continue
        if name != "X509Data":
            refuse(
                "xmldsig.4.4.key-info",
                f"KeyInfo holds {shortened(name)}; the signer's key is taken from X509Data/X509Certificate only.",
                fix="Put the signer's certificate into KeyInfo/X509Data/X509Certificate.",
                source=f"{xmldsig('4.4')}; {OURS}",
                place=child,
            )
        attributes_within(child, (), clause=_CLAUSE)
        for part in children_of(child, most=CERTIFICATES_MAX + len(_BESIDE_CERTIFICATES), clause=_CLAUSE):
            if local_name(part) == "X509Certificate":
                elements.append(part)
            elif local_name(part) not in _BESIDE_CERTIFICATES:
                refuse(
                    "xmldsig.4.4.key-info",
                    f"X509Data holds {shortened(local_name(part))}, which is not read.",
                    fix="Put certificates only into X509Data.",
                    source=f"{xmldsig('4.4.4')}; {OURS}",
                    place=part,
                )
    if not elements:
        refuse(
            "xmldsig.4.4.certificate-missing",
            "KeyInfo holds no certificate.",
            fix="Put the signer's certificate into KeyInfo/X509Data/X509Certificate.",
            source=f"{xmldsig('4.4.4')}; {OURS}",
            place=key_information,
        )
    if len(elements) > CERTIFICATES_MAX:
        refuse(
            "ours.signature.certificates-too-many",
            f"KeyInfo holds {len(elements)} certificates; at most {CERTIFICATES_MAX} are read.",
            fix="Send the signer's certificate and the authorities above it, nothing else.",
            source=OURS,
            place=key_information,
        )
    return list(dict.fromkeys(_certificate(element, markup) for element in elements))


def _certificate(element: "etree._Element", markup: Markup) -> x509.Certificate:
    attributes_within(element, (), clause=_CLAUSE)
    octets = strict_base64(element, markup, octets_max=CERTIFICATE_OCTETS_MAX, clause=_CLAUSE)
    try:
        return load(octets)
    except UnreadableCertificate as error:
        refuse(
            "xmldsig.4.4.certificate-unreadable",
            f"X509Certificate holds no readable X.509 certificate: {shortened(str(error), 160)}.",
            fix="Put the certificate's DER into X509Certificate, in base64.",
            source=f"{xmldsig('4.4.4')}; RFC 5280 §4.1",
            place=element,
        )
