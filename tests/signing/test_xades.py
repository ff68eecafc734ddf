"""XAdES-BASELINE-B and -T: what is written is read, what it says is bound to the signature, nothing else gets in."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from app.errors import RequestInvalid
from app.signing.algorithms import XMLDSIG, Canonicalization
from app.signing.xmldsig import Xades
from tests.signing.documents import document, present, refusal_of, seal, signed
from tests.support import xmlsec
from tests.support.pki import NOW, shared_pki

HANOI = timezone(timedelta(hours=7))
TOKEN = b"0\x03\x02\x01\x01 stands for a token"

LEVEL_B = Xades(NOW.astimezone(HANOI))
LEVEL_T = Xades(NOW, timestamp=lambda _octets: TOKEN)
B = signed(xades=LEVEL_B)
T = signed(xades=LEVEL_T)

ways = pytest.mark.parametrize("spliced", [False, True], ids=["whole", "spliced"])


def changed(old: str, new: str, octets: bytes = T) -> bytes:
    assert old.encode() in octets
    return octets.replace(old.encode(), new.encode(), 1)


@ways
@pytest.mark.parametrize("prefix", ["ds", None], ids=["prefix", "default"])
@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
def test_what_is_written_is_read_and_accepted_by_xmlsec(
    tmp_path: Path, canonicalization: Canonicalization, prefix: str | None, spliced: bool
) -> None:
    octets = signed(chain=seal().chain, canonicalization=canonicalization, prefix=prefix, xades=LEVEL_T)
    found = present(octets, spliced=spliced)
    assert found.signing_time == NOW
    assert found.verify().covers_document
    if not spliced:
        assert xmlsec.accepts(octets, tmp_path, shared_pki())


def test_signing_time_is_a_claim_with_the_zone_it_was_written_in() -> None:
    found = present(B)
    assert found.signing_time == NOW
    assert found.signing_time.utcoffset() == timedelta(hours=7)
    assert found.timestamp_tokens == ()


def test_plain_signature_claims_no_time() -> None:
    assert present(signed()).signing_time is None


def test_signing_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(RequestInvalid):
        signed(xades=Xades(datetime(2026, 11, 20, 9, 30)))  # noqa: DTZ001 - this is what is refused


@pytest.mark.parametrize("canonicalization", list(Canonicalization), ids=lambda each: each.name)
def test_timestamp_is_over_the_signature_value(canonicalization: Canonicalization) -> None:
    asked: list[bytes] = []
    xades = Xades(NOW, timestamp=lambda octets: (asked.append(octets), TOKEN)[1])
    found = present(signed(canonicalization=canonicalization, xades=xades))
    (token,) = found.timestamp_tokens
    assert token.token == TOKEN
    assert [token.imprint_octets] == asked
    assert b"<ds:SignatureValue " in token.imprint_octets
    assert token.imprint_octets.endswith(b"</ds:SignatureValue>")
    other = present(signed(document(subject="khác"), canonicalization=canonicalization, xades=xades))
    assert other.timestamp_tokens[0].imprint_octets != token.imprint_octets


def test_signing_twice_gives_the_same_properties() -> None:
    first, second = (signed(xades=LEVEL_B, by=seal("rsa2048")) for _ in range(2))
    assert first == second


@ways
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-11-20T09:30:00+00:00", "2020-01-01T00:00:00+00:00"),
        ("<xades:MimeType>text/xml<", "<xades:MimeType>text/html<"),
        ("<xades:SignedDataObjectProperties>", "<xades:SignedDataObjectProperties> "),
    ],
)
def test_properties_that_were_changed_are_refused(old: str, new: str, spliced: bool) -> None:
    assert refusal_of(changed(old, new), spliced=spliced)[0] == "etsi319132.4.4.properties-changed"


@ways
def test_certificate_of_somebody_else_in_the_properties_is_refused(spliced: bool) -> None:
    """The key was certified twice: the properties bind the signature to one of the certificates."""
    first = shared_pki().seal(key="p256", slot=77)
    second = shared_pki().seal(key="p256", slot=77)
    octets = signed(by=first, xades=LEVEL_B)
    swapped = octets.replace(base64_of(first.der()), base64_of(second.der()))
    assert refusal_of(swapped, spliced=spliced)[0] == "etsi319132.5.2.certificate-mismatch"
    plain = signed(by=first).replace(base64_of(first.der()), base64_of(second.der()))
    assert present(plain, spliced=spliced).verify().covers_document


def base64_of(der: bytes) -> bytes:

    return base64.b64encode(der)


def test_first_version_of_signing_certificate_is_read() -> None:
    octets = changed("SigningCertificateV2>", "SigningCertificate>").replace(
        b"</xades:SigningCertificateV2>", b"</xades:SigningCertificate>"
    )
    octets = octets.replace(
        b"</xades:CertDigest></xades:Cert>",
        b"</xades:CertDigest><xades:IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName>"
        b"<ds:X509SerialNumber>1</ds:X509SerialNumber></xades:IssuerSerial></xades:Cert>",
    )
    assert present(octets).certificate == seal().certificate


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        # Anything but the one Object in its one shape.
        ("<ds:Object>", "<ds:Object><evil/>", "ours.signature.object"),
        ("</ds:Object>", "</ds:Object><ds:Object/>", "ours.signature.object"),
        ("<ds:Object>", '<ds:Object MimeType="text/xml">', "ours.signature.object"),
        ("</xades:QualifyingProperties>", "</xades:QualifyingProperties><edXML/>", "ours.signature.object"),
        ("</xades:QualifyingProperties>", "<evil/></xades:QualifyingProperties>", "etsi319132.4.3.shape"),
        ("<xades:SignedProperties ", "evil<xades:SignedProperties ", "etsi319132.4.3.shape"),
        ("</xades:SignedSignatureProperties>", "<evil/></xades:SignedSignatureProperties>", "etsi319132.4.3.shape"),
        ("<xades:SigningTime>", "<xades:SigningTime/><xades:SigningTime>", "etsi319132.4.3.shape"),
        ("<xades:SignatureTimeStamp>", "<xades:CounterSignature/><xades:SignatureTimeStamp>", "etsi319132.4.3.shape"),
        ("<xades:SignatureTimeStamp>", "<xades:CertificateValues/><xades:SignatureTimeStamp>", "etsi319132.4.3.shape"),
        ("<xades:SignatureTimeStamp>", "<xades:SignatureTimeStamp><xades:Include/>", "etsi319132.4.3.shape"),
        # Bound to this signature.
        ('Target="#signature-', 'Target="#', "etsi319132.4.3.target"),
        (f"<ds:Signature xmlns:ds=\"{XMLDSIG}\" Id=", f"<ds:Signature xmlns:ds=\"{XMLDSIG}\" x=", "xmldsig.4.1.shape"),
        (' Type="http://uri.etsi.org/01903#SignedProperties"', "", "xmldsig.4.3.reference-into-signature"),
        ('URI="#properties-', 'URI="#document-', "etsi319132.4.4.properties-not-signed"),
        # Values.
        ("T09:30:00+00:00", "T09:30:00", "etsi319132.5.2.1.signing-time"),
        ("2026-11-20T", "2026-13-20T", "etsi319132.5.2.1.signing-time"),
        ("2026-11-20T09:30:00+00:00", "9" * 5000, "etsi319132.5.2.1.signing-time"),
        ("<xades:EncapsulatedTimeStamp>", "<xades:EncapsulatedTimeStamp>!", "xmldsig.4.5.base64"),
        ("<xades:EncapsulatedTimeStamp>", '<xades:EncapsulatedTimeStamp Encoding="x">', "etsi319132.4.3.shape"),
        ("<xades:SignatureTimeStamp>", "<xades:Other/>" * 4 + "<xades:SignatureTimeStamp>", "etsi319132.4.3.shape"),
        ("<xades:MimeType>", "<xades:MimeType/>" * 200 + "<xades:MimeType>", "ours.signature.properties-too-many"),
        ("<xades:MimeType>", "<xades:MimeType>" + "x" * 200_000, "ours.signature.properties-too-many"),
    ],
)  # fmt: skip
@ways
def test_anything_else_is_refused_by_name(old: str, new: str, code: str, spliced: bool) -> None:
    assert refusal_of(changed(old, new), spliced=spliced)[0] == code


def test_properties_that_nobody_signed_are_refused() -> None:
    """Put into a signature that was made without them."""
    start, end = T.index(b"<ds:Object>"), T.index(b"</ds:Signature>")
    octets = signed().replace(b"</ds:Signature>", T[start:end] + b"</ds:Signature>")
    octets = octets.replace(b"<ds:Signature ", b'<ds:Signature Id="' + T.split(b'Target="#')[1].split(b'"')[0] + b'" ')
    assert refusal_of(octets)[0] == "etsi319132.4.4.properties-not-signed"


def test_reference_to_properties_that_are_gone_is_refused() -> None:
    start, end = B.index(b"<ds:Object>"), B.index(b"</ds:Signature>")
    assert refusal_of(B[:start] + B[end:])[0] == "etsi319132.4.4.properties-not-signed"


def test_signature_over_its_properties_alone_is_refused() -> None:
    start = T.index(b"<ds:Reference Id=")
    end = T.index(b"</ds:Reference>", start) + len(b"</ds:Reference>")
    assert refusal_of(T[:start] + T[end:])[0] == "xmldsig.4.3.shape"


def test_weak_digest_of_the_certificate_is_refused() -> None:
    at = T.index(b"<xades:CertDigest>")
    weak = T[:at] + T[at:].replace(b"http://www.w3.org/2001/04/xmlenc#sha256", f"{XMLDSIG}sha1".encode(), 1)
    assert refusal_of(weak)[0] == "ours.signature.sha1"


def test_signing_time_may_have_fractions_and_a_z() -> None:
    at = changed("2026-11-20T09:30:00+00:00", "2026-11-20T09:30:00.123456789Z")
    assert present(at).signing_time == datetime(2026, 11, 20, 9, 30, 0, 123456, tzinfo=UTC)
