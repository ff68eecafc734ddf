"""A public key infrastructure in memory: root, issuing authority, agency seals, persons, and everything that is wrong.

Keys are made once a test run and shared, because RSA keys take long to make; two identities of the same kind that must
not share a key take different slots. Nothing reads the clock: the validity periods lie around `NOW`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal, Self

from asn1crypto import algos as asn1_algos  # type: ignore[import-untyped]
from asn1crypto import core as asn1_core
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
"""The moment the tests call now."""
DAY = timedelta(days=1)
YEAR = timedelta(days=365)

KeyName = Literal["rsa2048", "rsa3072", "rsa1024", "p256", "p384", "p521", "ed25519", "dsa"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey
_CURVES: dict[str, ec.EllipticCurve] = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}


@cache
def make_key(name: KeyName, slot: int = 0) -> PrivateKey:
    """Give the key of this kind and slot, made at its first use."""
    if name in _CURVES:
        return ec.generate_private_key(_CURVES[name])
    if name == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if name == "dsa":
        return dsa.generate_private_key(2048)
    return rsa.generate_private_key(65_537, int(name.removeprefix("rsa")))


@dataclass(frozen=True, eq=False)
class Identity:
    """A private key, its certificate, and the authorities above it, the root left out."""

    key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def sha256(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def pem(self) -> str:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def key_pem(self) -> bytes:
        """The private key in PKCS#8 PEM, unencrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _usage(
    *, sign: bool = False, commit: bool = False, encipher: bool = False, authority: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=commit,
        key_encipherment=encipher,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(eq=False)
class Pki:
    """A root, one issuing authority below it, and what that authority issues."""

    root: Identity
    issuing: Identity
    _serial: int = field(default=1_000)
    _slots: dict[str, int] = field(default_factory=dict)

    @classmethod
    def new(cls, country: str = "Kiểm thử", *, key: KeyName = "p256", slot: int = 900) -> Self:
        """Make root and issuing authority.

        Args:
            country: goes into the names; two hierarchies of one name are look-alikes.
            key: kind of the authorities' keys.
            slot: which keys; look-alikes take another one.
        """
        root_name = name((NameOID.COUNTRY_NAME, "VN"), (NameOID.COMMON_NAME, f"CA gốc {country}"))
        issuing_name = name((NameOID.COUNTRY_NAME, "VN"), (NameOID.COMMON_NAME, f"CA phục vụ cơ quan {country}"))
        root_key, issuing_key = make_key(key, slot), make_key(key, slot + 1)
        root = Identity(
            root_key,
            certify(root_name, root_key, issuer=None, signer=root_key, serial=1, authority=True, years=20),
        )
        issuing = Identity(
            issuing_key,
            certify(issuing_name, issuing_key, issuer=root.certificate, signer=root_key, serial=2, authority=True),
        )
        return cls(root, issuing)

    def look_alike(self) -> "Pki":
        """A hierarchy with the same names, serial numbers and periods, and other keys."""
        other = Pki.new(slot=950)
        assert other.root.certificate.subject == self.root.certificate.subject
        return other

    @property
    def root_pem(self) -> str:
        return self.root.pem()

    @property
    def issuing_pem(self) -> str:
        return self.issuing.pem()

    @property
    def anchors(self) -> tuple[x509.Certificate, ...]:
        return (self.root.certificate,)

    def seal(
        self,
        organ_id: str = "000.00.00.G22",
        organ_name: str = "Văn phòng Chính phủ",
        *,
        key: KeyName = "rsa2048",
        slot: int | None = None,
        serial: int | None = None,
        not_before: datetime = NOW - YEAR,
        not_after: datetime = NOW + YEAR,
        usage: x509.KeyUsage | None = None,
        purposes: Sequence[x509.ObjectIdentifier] = (),
        digest: hashes.HashAlgorithm | None = None,
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
        authority: bool = False,
    ) -> Identity:
        """Issue an agency's certificate; every argument but the names is there to make a bad one."""
        subject = name(
            (NameOID.COUNTRY_NAME, "VN"),
            (NameOID.ORGANIZATION_NAME, organ_name),
            (NameOID.COMMON_NAME, organ_name),
            (NameOID.USER_ID, organ_id),
        )
        return self.issue(
            subject,
            key=key,
            slot=slot,
            serial=serial,
            not_before=not_before,
            not_after=not_after,
            usage=usage,
            purposes=purposes,
            digest=digest,
            extensions=extensions,
            authority=authority,
        )

    def person(
        self, full_name: str = "Nguyễn Thị Mẫu", title: str = "Chánh Văn phòng", *, key: KeyName = "p256"
    ) -> Identity:
        """Issue the certificate of a person who holds an office."""
        return self.issue(
            name(
                (NameOID.COUNTRY_NAME, "VN"),
                (NameOID.ORGANIZATION_NAME, "Văn phòng Chính phủ"),
                (NameOID.TITLE, title),
                (NameOID.COMMON_NAME, full_name),
            ),
            key=key,
        )

    def expired(
        self, organ_id: str = "000.00.00.G22", organ_name: str = "Văn phòng Chính phủ", **more: object
    ) -> Identity:
        return self.seal(organ_id, organ_name, not_before=NOW - 3 * YEAR, not_after=NOW - DAY, **more)  # type: ignore[arg-type]

    def not_yet_valid(
        self, organ_id: str = "000.00.00.G22", organ_name: str = "Văn phòng Chính phủ", **more: object
    ) -> Identity:
        return self.seal(organ_id, organ_name, not_before=NOW + DAY, not_after=NOW + YEAR, **more)  # type: ignore[arg-type]

    def wrong_usage(self, organ_id: str = "000.00.00.G22", organ_name: str = "Văn phòng Chính phủ") -> Identity:
        """A certificate for encryption only."""
        return self.seal(organ_id, organ_name, usage=_usage(encipher=True))

    def wrong_purpose(self, organ_id: str = "000.00.00.G22", organ_name: str = "Văn phòng Chính phủ") -> Identity:
        """A certificate of a web server."""
        return self.seal(organ_id, organ_name, purposes=[ExtendedKeyUsageOID.SERVER_AUTH])

    def short_key(self, organ_id: str = "000.00.00.G22", organ_name: str = "Văn phòng Chính phủ") -> Identity:
        return self.seal(organ_id, organ_name, key="rsa1024")

    def self_signed(self, organ_id: str = "000.00.00.G22", organ_name: str = "Văn phòng Chính phủ") -> Identity:
        """A certificate that nobody but its own key vouches for."""
        key = make_key("p256", 800)
        subject = name((NameOID.ORGANIZATION_NAME, organ_name), (NameOID.USER_ID, organ_id))
        return Identity(key, certify(subject, key, issuer=None, signer=key, serial=77))

    def signed_with_sha1(self, identity: Identity) -> Identity:
        """The same certificate, signed by the issuing authority with SHA-1; the authority's key must be RSA."""
        assert isinstance(self.issuing.key, rsa.RSAPrivateKey)
        certificate = asn1_x509.Certificate.load(identity.der())
        algorithm = asn1_algos.SignedDigestAlgorithm({"algorithm": "sha1_rsa"})
        certificate["tbs_certificate"]["signature"] = algorithm
        certificate["signature_algorithm"] = algorithm
        signed = certificate["tbs_certificate"].dump(force=True)
        certificate["signature_value"] = self.issuing.key.sign(signed, padding.PKCS1v15(), hashes.SHA1())
        loaded = x509.load_der_x509_certificate(certificate.dump(force=True))
        return Identity(identity.key, loaded, identity.chain)

    def issue(
        self,
        subject: x509.Name,
        *,
        key: KeyName = "p256",
        slot: int | None = None,
        serial: int | None = None,
        not_before: datetime = NOW - YEAR,
        not_after: datetime = NOW + YEAR,
        usage: x509.KeyUsage | None = None,
        purposes: Sequence[x509.ObjectIdentifier] = (),
        digest: hashes.HashAlgorithm | None = None,
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
        authority: bool = False,
    ) -> Identity:
        """Issue a certificate from the issuing authority; each call takes the next key of the kind unless told."""
        if slot is None:
            slot = self._slots[key] = self._slots.get(key, -1) + 1
        if serial is None:
            self._serial += 1
            serial = self._serial
        private = make_key(key, slot)
        certificate = certify(
            subject,
            private,
            issuer=self.issuing.certificate,
            signer=self.issuing.key,
            serial=serial,
            not_before=not_before,
            not_after=not_after,
            usage=usage,
            purposes=purposes,
            digest=digest,
            extensions=extensions,
            authority=authority,
        )
        return Identity(private, certificate, (self.issuing.certificate,))

    def crl(
        self,
        revoked: Iterable[x509.Certificate | Identity | int] = (),
        *,
        at: datetime = NOW - DAY,
        reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise,
        this_update: datetime = NOW - timedelta(hours=1),
        next_update: datetime | None = NOW + 7 * DAY,
        number: int | None = 1,
        issuer: Identity | None = None,
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
        pem: bool = True,
    ) -> bytes:
        """Publish a list of revoked certificates, of the issuing authority unless told.

        Args:
            revoked: what is on it, all revoked `at` for the same `reason`.
            at: when they were revoked.
            reason: None leaves the extension out.
            this_update: when the list was made.
            next_update: when the next one is due.
            number: the CRL number.
            issuer: whose list.
            extensions: of the list, with whether they are critical.
            pem: PEM or DER.
        """
        issuer = issuer or self.issuing
        builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, this_update, next_update)
        for entry in revoked:
            entry = entry.certificate if isinstance(entry, Identity) else entry
            serial = entry if isinstance(entry, int) else entry.serial_number
            row = x509.RevokedCertificateBuilder(serial, at)
            if reason is not None:
                row = row.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(row.build())
        if number is not None:
            builder = builder.add_extension(x509.CRLNumber(number), critical=False)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        signed = builder.sign(issuer.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM if pem else serialization.Encoding.DER)

    def ocsp_responder(self, *, key: KeyName = "p256") -> Identity:
        """Issue the certificate of a responder that answers for the issuing authority."""
        return self.issue(
            name((NameOID.COUNTRY_NAME, "VN"), (NameOID.COMMON_NAME, "Máy chủ OCSP")),
            key=key,
            purposes=[ExtendedKeyUsageOID.OCSP_SIGNING],
            extensions=[(x509.OCSPNoCheck(), False)],
        )

    def ocsp(
        self,
        certificate: x509.Certificate | Identity,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        *,
        revoked_at: datetime = NOW - DAY,
        reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise,
        this_update: datetime = NOW - timedelta(minutes=5),
        next_update: datetime | None = NOW + timedelta(hours=1),
        responder: Identity | None = None,
    ) -> bytes:
        """Answer about one certificate of the issuing authority, in DER.

        Args:
            status: good, revoked or unknown.
            revoked_at: where it is revoked, since when.
            responder: who signs; None: the issuing authority itself.
        """
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        signer = responder or self.issuing
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                certificate.certificate if isinstance(certificate, Identity) else certificate,
                self.issuing.certificate,
                hashes.SHA1(),
                status,
                this_update,
                next_update,
                revoked_at if revoked else None,
                reason if revoked else None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        )
        if responder is not None:
            builder = builder.certificates([responder.certificate])
        made = builder.sign(signer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        return _produced_at(made, this_update, signer.key)


def _produced_at(answer: bytes, moment: datetime, key: PrivateKey) -> bytes:
    """Give an OCSP answer another time of making, for the library that makes it always takes the present one."""
    whole = asn1_ocsp.OCSPResponse.load(answer)
    basic = whole["response_bytes"]["response"].parsed
    basic["tbs_response_data"]["produced_at"] = moment
    signed = basic["tbs_response_data"].dump(force=True)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    basic["signature"] = (
        key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        if isinstance(key, rsa.RSAPrivateKey)
        else key.sign(signed, ec.ECDSA(hashes.SHA256()))
    )
    whole["response_bytes"]["response"] = asn1_core.ParsableOctetString(basic.dump(force=True))
    octets: bytes = whole.dump(force=True)
    return octets


def published(*, lists: Iterable[str] = (), responders: Iterable[str] = ()) -> list[tuple[x509.ExtensionType, bool]]:
    """Make the extensions by which a certificate says where its revocation is published."""
    points = [x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None) for url in lists]
    access = [
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url))
        for url in responders
    ]
    found: list[tuple[x509.ExtensionType, bool]] = []
    if points:
        found.append((x509.CRLDistributionPoints(points), False))
    if access:
        found.append((x509.AuthorityInformationAccess(access), False))
    return found


def certify(
    subject: x509.Name,
    key: PrivateKey,
    *,
    issuer: x509.Certificate | None,
    signer: PrivateKey,
    serial: int,
    not_before: datetime = NOW - 2 * YEAR,
    not_after: datetime | None = None,
    years: int = 5,
    usage: x509.KeyUsage | None = None,
    purposes: Sequence[x509.ObjectIdentifier] = (),
    digest: hashes.HashAlgorithm | None = None,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    authority: bool = False,
    path_length: int | None = None,
) -> x509.Certificate:
    """Make one certificate; without an issuer it is self-signed."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after or not_before + years * YEAR)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
        .add_extension(usage or _usage(sign=not authority, commit=not authority, authority=authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    signed_with = None if isinstance(signer, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
    return builder.sign(signer, signed_with)  # type: ignore[arg-type]


@cache
def shared_pki() -> Pki:
    """The hierarchy most tests use."""
    return Pki.new()
