"""The simulated country's own certificates: a root, issuing authorities, seals of agencies, persons.

Made on the fly and kept nowhere: every run has other keys. Two of the seals are of no use, one expired and one named
in its issuer's revocation list, and one comes from a root nobody trusts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from app.signing.certificates import fingerprint, pem_of

RSA_BITS: Final = 2048
_YEAR: Final = timedelta(days=365)
_CRL_LIFE: Final = timedelta(days=7)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Credential:
    """A private key with its certificate and the authorities above it.

    Attributes:
        chain: issuing authorities, the certificate's own issuer first, without the root.
    """

    key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def sha256(self) -> str:
        """Hex digest of the certificate's DER form."""
        return fingerprint(self.certificate)


@dataclass(frozen=True, slots=True)
class Services:
    """Where an authority tells what it revoked; its certificates name both.

    Attributes:
        revocation_list: address of its list.
        responder: address of its OCSP responder.
    """

    revocation_list: str
    responder: str


@dataclass(frozen=True, slots=True)
class Authority:
    """Somebody who issues certificates."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    """What a holder must present above its own certificate: this authority, unless it is a root."""
    services: Services | None = None
    """None: its certificates do not say."""

    def issue(
        self,
        subject: x509.Name,
        *,
        not_before: datetime,
        not_after: datetime,
        with_rsa: bool = False,
    ) -> Credential:
        """Issue a certificate for signing documents.

        Args:
            with_rsa: an RSA key instead of one on P-256, as older tokens have.
        """
        key: PrivateKey = (
            rsa.generate_private_key(public_exponent=65_537, key_size=RSA_BITS)
            if with_rsa
            else ec.generate_private_key(ec.SECP256R1())
        )
        certificate = (
            _builder(
                subject,
                self.certificate.subject,
                key.public_key(),
                not_before=not_before,
                not_after=not_after,
                services=self.services,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True, content_commitment=True), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Credential(key, certificate, self.chain)

    def issue_stamper(self, *, not_before: datetime, not_after: datetime) -> Credential:
        """Issue a certificate for time stamps, and for nothing else."""
        key = ec.generate_private_key(ec.SECP256R1())
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        certificate = (
            _builder(
                _authority_name("Dịch vụ cấp dấu thời gian (mô phỏng)"),
                self.certificate.subject,
                key.public_key(),
                not_before=not_before,
                not_after=not_after,
                services=self.services,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True, content_commitment=True), critical=True)
            .add_extension(stamping, critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Credential(key, certificate, self.chain)

    def revocation_list(
        self,
        revoked: tuple[x509.Certificate, ...],
        *,
        at: datetime,
        life: timedelta = _CRL_LIFE,
        number: int = 1,
        since: datetime | None = None,
    ) -> str:
        """Publish which certificates no longer count, in PEM.

        Args:
            life: after which the next list is due.
            since: when the certificates were revoked; None: now.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(at)
            .next_update(at + life)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(since or at)
                .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
                .build()
            )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode("ascii")

    @property
    def pem(self) -> str:
        """The authority's own certificate in PEM."""
        return pem_of(self.certificate)


def make_root(name: str, *, at: datetime, services: Services | None = None) -> Authority:
    """Make a root authority, in force since ten years before `at`."""
    key = ec.generate_private_key(ec.SECP384R1())
    subject = _authority_name(name)
    certificate = (
        _builder(subject, subject, key.public_key(), not_before=at - 10 * _YEAR, not_after=at + 10 * _YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA384())
    )
    return Authority(key, certificate, (), services)


def make_issuer(name: str, root: Authority, *, at: datetime, services: Services | None = None) -> Authority:
    """Make an issuing authority below a root, in force since five years before `at`."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(
            _authority_name(name),
            root.certificate.subject,
            key.public_key(),
            not_before=at - 5 * _YEAR,
            not_after=at + 5 * _YEAR,
            services=root.services,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False)
        .sign(root.key, hashes.SHA384())
    )
    return Authority(key, certificate, (certificate,), services)


def seal_name(agency: str, code: str) -> x509.Name:
    """Name an agency's seal: the common name repeats the organisation, as seals of public bodies do."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, agency[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, agency[:64]),
            x509.NameAttribute(NameOID.USER_ID, code),
        ]
    )


def person_name(agency: str, code: str, name: str, position: str) -> x509.Name:
    """Name a person who signs in an office of an agency."""
    surname, _, given = name.partition(" ")
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, agency[:64]),
            x509.NameAttribute(NameOID.TITLE, position[:64]),
            x509.NameAttribute(NameOID.SURNAME, surname),
            x509.NameAttribute(NameOID.GIVEN_NAME, given),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.USER_ID, code),
        ]
    )


def _authority_name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Nước mô phỏng"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    *,
    not_before: datetime,
    not_after: datetime,
    services: Services | None = None,
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    if services is None:
        return builder
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(services.revocation_list)], None, None, None)
    responder = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(services.responder)
    )
    return builder.add_extension(x509.CRLDistributionPoints([point]), critical=False).add_extension(
        x509.AuthorityInformationAccess([responder]), critical=False
    )


def _key_usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
