"""Bad inputs: how each is made, and how it must be refused."""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.edxml.model import Handling, ResponseFor, StatusCode, StatusMessage
from app.edxml.organ_id import OrganId
from app.edxml.write import write
from app.node import Node
from app.registry import certificates
from app.registry.acts import Act
from app.registry.model import CertificateKind
from app.signing.sign import sign
from tests.support.office import (
    COMMUNE,
    GOVERNMENT_OFFICE,
    PROVINCE,
    Exchange,
    Office,
    created,
    current_seal,
    register_certificate,
)
from tests.support.pki import Identity

HEADER = "/edXML/edXMLEnvelope/edXMLHeader"
CLOSED = "000.00.00.H97"
SUSPENDED = "000.00.00.H98"
XML = {"Content-Type": "application/xml"}
NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"


@dataclass(frozen=True)
class Posted:
    """One request."""

    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: XML)
    path: str = "/v1/documents"


@dataclass(frozen=True)
class Bad:
    """One bad input and how it is refused.

    Attributes:
        make: the request.
        status: of the answer.
        slug: last part of the problem's type.
        found: every finding that refuses, as `code at location`, locations below edXMLHeader without the path to there.
        counted: the agency it counts for; None where the sender is not known or not the client's.
    """

    name: str
    make: Callable[[Exchange, Office], Posted]
    status: int
    slug: str
    found: Sequence[str]
    counted: str | None = None


def raw(body: bytes, **headers: str) -> Callable[[Exchange, Office], Posted]:
    """Post these bytes."""
    return lambda _exchange, _office: Posted(body, XML | headers)


def sealed(office: Office, document: bytes, by: Identity | None = None, **how: Any) -> bytes:
    """Sign bytes, with the agency's seal unless told."""
    seal = by or office.seal
    return sign(document, **({"key": seal.key, "certificate": seal.certificate} | how))


def paper(**changes: Any) -> Callable[[Exchange, Office], Posted]:
    """Post a document with these fields, signed as it should be."""
    return lambda _exchange, office: Posted(office.signed(office.paper(PROVINCE, **changes)))


def to(*recipients: str) -> Callable[[Exchange, Office], Posted]:
    """Post a good document to these recipients."""
    return lambda _exchange, office: Posted(office.signed(office.paper(*recipients)))


def edited(pattern: str, by: str) -> Callable[[Exchange, Office], Posted]:
    """Post a document of which one place was replaced before it was signed."""

    def make(_exchange: Exchange, office: Office) -> Posted:
        return Posted(sealed(office, _replaced(write(office.paper(PROVINCE)), pattern, by)))

    return make


def tampered(pattern: str, by: str) -> Callable[[Exchange, Office], Posted]:
    """Post a document of which one place was replaced after it was signed."""

    def make(_exchange: Exchange, office: Office) -> Posted:
        return Posted(_replaced(office.signed(office.paper(PROVINCE)), pattern, by))

    return make


def without(element: str) -> Callable[[Exchange, Office], Posted]:
    """Post a document that lacks an element, signed as it should be."""
    return edited(rf"<{element}>.*?</{element}>", "")


def signed_by(make: Callable[[Exchange], Identity]) -> Callable[[Exchange, Office], Posted]:
    """Post a good document signed with another certificate."""
    return lambda exchange, office: Posted(sealed(office, write(office.paper(PROVINCE)), make(exchange)))


def _replaced(document: bytes, pattern: str, by: str) -> bytes:
    found, count = re.subn(pattern, lambda _match: by, document.decode(), count=1, flags=re.DOTALL)
    assert count == 1, pattern
    return found.encode()


def _status(exchange: Exchange, office: Office, **changes: Any) -> bytes:
    answered = ResponseFor(OrganId.parse(PROVINCE), "1/X", None, "000.00.00.H41,2026/01/01,1/X")
    message = StatusMessage(office.paper(PROVINCE).sender, answered, StatusCode.ARRIVED, reported_at=datetime.now(UTC))
    return office.signed(replace(message, **changes))


def _expired(exchange: Exchange) -> Identity:
    now = datetime.now(UTC)
    seal = exchange.pki.seal(
        GOVERNMENT_OFFICE, key="p256", not_before=now - timedelta(days=9), not_after=now - timedelta(days=1)
    )

    async def register(node: Node) -> None:
        # Registered while it was in force, as real ones are.
        act = Act("operator", now - timedelta(days=3))
        bundle = (seal.pem() + exchange.pki.issuing_pem).encode()
        code = OrganId.parse(GOVERNMENT_OFFICE)
        await certificates.register(node.database, code, bundle, CertificateKind.SEAL, act=act)

    exchange.running.run(register)
    return seal


def _revoked(exchange: Exchange) -> Identity:
    seal = current_seal(exchange.pki, GOVERNMENT_OFFICE, "Văn phòng Chính phủ", key="p256")
    registered = register_certificate(exchange.administrator, GOVERNMENT_OFFICE, seal, exchange.pki)
    path = f"/v1/certificates/{registered['sha256']}/revoke"
    created(exchange.administrator.post(path, json={"reason": "keyCompromise"}), 200)
    return seal


def _deep(depth: int) -> bytes:
    return f'<edXML xmlns="{NAMESPACE}">{"<a>" * depth}{"</a>" * depth}</edXML>'.encode()


def _doctype(inside: str, use: str = "") -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE edXML {inside}><edXML xmlns="{NAMESPACE}">{use}</edXML>'.encode()


def _bomb() -> bytes:
    entities = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 12))
    return _doctype(f'[<!ENTITY e0 "boom">{entities}]', "&e11;")


def _attributes() -> bytes:
    many = " ".join(f'a{number}="1"' for number in range(50_000))
    return f'<edXML xmlns="{NAMESPACE}" {many}/>'.encode()


def _only(*elements: str) -> bytes:
    opened = "".join(f"<{element}>" for element in elements)
    closed = "".join(f"</{element}>" for element in reversed(elements))
    return f'<edXML xmlns="{NAMESPACE}">{opened}{closed}</edXML>'.encode()


def _document_as_status(_exchange: Exchange, office: Office) -> Posted:
    return Posted(office.signed(office.paper(PROVINCE)), path="/v1/statuses")


def _edxml_signature(_exchange: Exchange, office: Office) -> Posted:
    body = office.signed(office.paper(PROVINCE)).decode()
    return Posted(body.replace(' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"', "").replace("ds:", "").encode())


def _sha1(_exchange: Exchange, office: Office) -> Posted:
    body = office.signed(office.paper(PROVINCE)).decode()
    weak = body.replace("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1")
    return Posted(weak.replace("2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1").encode())


def _wrong_digest(_exchange: Exchange, office: Office) -> Posted:
    digest = base64.b64encode(hashlib.sha256(b"another body").digest()).decode()
    return Posted(office.signed(office.paper(PROVINCE)), XML | {"Content-Digest": f"sha-256=:{digest}:"})


def _not_granted(_exchange: Exchange, office: Office) -> Posted:
    message = office.paper(PROVINCE)
    return Posted(office.signed(replace(message, sender=replace(message.sender, organ_id=OrganId.parse(COMMUNE)))))


def _sender_unknown(_exchange: Exchange, office: Office) -> Posted:
    message = office.paper(PROVINCE)
    return Posted(office.signed(replace(message, sender=replace(message.sender, organ_id=OrganId.parse("H99.99")))))


def _reused(exchange: Exchange, office: Office) -> Posted:
    message = office.paper(PROVINCE)
    created(office.system.send(office.signed(message)))
    return Posted(office.signed(replace(message, subject="V/v khác")))


REFUSED: tuple[Bad, ...] = (
    # What is no XML, or XML that is not looked into.
    Bad("nothing", raw(b""), 400, "malformed-xml", ["xml1.0.2.1.not-well-formed at 1:1"]),
    Bad(
        "a PDF",
        raw(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"),
        400,
        "malformed-xml",
        ["xml1.0.2.1.not-well-formed at 1:1"],
    ),
    Bad("JSON", raw(b'{"document": 1}'), 400, "malformed-xml", ["xml1.0.2.1.not-well-formed at 1:1"]),
    Bad(
        "cut short",
        lambda _exchange, office: Posted(office.signed(office.paper(PROVINCE))[:-200]),
        400,
        "malformed-xml",
        ["xml1.0.2.1.not-well-formed at 55:32"],
    ),
    Bad("nested 10,000 deep", raw(_deep(10_000)), 422, "document-refused", ["ours.markup.depth at 1:823"]),
    Bad("an entity bomb", raw(_bomb()), 422, "document-refused", ["ours.markup.doctype at 1:22"]),
    Bad(
        "an external entity",
        raw(_doctype('[<!ENTITY x SYSTEM "file:///etc/passwd">]', "&x;")),
        422,
        "document-refused",
        ["ours.markup.doctype at 1:22"],
    ),
    Bad(
        "a DTD",
        raw(_doctype('SYSTEM "http://127.0.0.1:1/edxml.dtd"')),
        422,
        "document-refused",
        ["ours.markup.doctype at 1:22"],
    ),
    Bad("50,000 attributes", raw(_attributes()), 422, "document-refused", ["ours.markup.attributes at 1:208941"]),
    Bad(
        "UTF-16",
        raw('<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16")),
        422,
        "document-refused",
        ["ours.markup.encoding at 1:1"],
    ),
    # What the request says of its body.
    Bad(
        "declared as PDF",
        raw(b"<a/>", **{"Content-Type": "application/pdf"}),
        415,
        "unsupported-media-type",
        ["rfc9110.8.3.media-type at header parameter Content-Type"],
    ),
    Bad(
        "not declared",
        lambda _exchange, _office: Posted(b"<a/>", {}),
        415,
        "unsupported-media-type",
        ["rfc9110.8.3.media-type at header parameter Content-Type"],
    ),
    Bad(
        "declared as gzip",
        raw(b"<a/>", **{"Content-Encoding": "gzip"}),
        415,
        "unsupported-media-type",
        ["rfc9110.8.4.content-encoding at header parameter Content-Encoding"],
    ),
    Bad(
        "another digest",
        _wrong_digest,
        400,
        "digest-mismatch",
        ["rfc9530.2.digest-mismatch at header parameter Content-Digest"],
    ),
    # What a message must have.
    Bad(
        "an old namespace",
        tampered(NAMESPACE, "http://www.mic.gov.vn/TBT/QCVN_102_2015"),
        422,
        "document-refused",
        ["ours.signature.misplaced at Signature", "qcvn102.1.1.namespace at /edXML"],
    ),
    Bad(
        "another root",
        raw(b"<invoice/>"),
        422,
        "document-refused",
        ["ours.signature.missing at Signature", "qcvn102.1.1.namespace at /invoice"],
    ),
    Bad(
        "no envelope",
        raw(f'<edXML xmlns="{NAMESPACE}"/>'.encode()),
        422,
        "document-refused",
        ["ours.signature.missing at Signature", "qcvn102.1.1.envelope-missing at /edXML/edXMLEnvelope"],
    ),
    Bad(
        "no header",
        raw(_only("edXMLEnvelope")),
        422,
        "document-refused",
        ["ours.signature.missing at Signature", "qcvn102.1.1.header-missing at /edXML/edXMLEnvelope/edXMLHeader"],
    ),
    Bad(
        "no message header",
        without("MessageHeader"),
        422,
        "document-refused",
        ["qcvn102.1.1.message-header-missing at MessageHeader"],
    ),
    Bad("no From", without("From"), 422, "document-refused", ["qcvn102.1.1.from-missing at MessageHeader/From"]),
    Bad(
        "no code of the sender",
        edited(r"<OrganId>.*?</OrganId>", ""),
        422,
        "document-refused",
        ["qcvn102.1.1.organ-id-missing at MessageHeader/From/OrganId"],
    ),
    Bad("no To", without("To"), 422, "document-refused", ["qcvn102.1.2.to-missing at MessageHeader/To"]),
    Bad(
        "no DocumentId",
        without("DocumentId"),
        422,
        "document-refused",
        ["qcvn102.1.14.document-id-missing at MessageHeader/DocumentId"],
    ),
    Bad(
        "no number",
        without("CodeNumber"),
        422,
        "document-refused",
        ["qcvn102.1.3.code-number-missing at MessageHeader/Code/CodeNumber"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "no notation",
        without("CodeNotation"),
        422,
        "document-refused",
        ["qcvn102.1.3.code-notation-missing at MessageHeader/Code/CodeNotation"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "no day",
        without("PromulgationDate"),
        422,
        "document-refused",
        ["qcvn102.1.4.promulgation-date-missing at MessageHeader/PromulgationInfo/PromulgationDate"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "no subject",
        without("Subject"),
        422,
        "document-refused",
        ["qcvn102.1.6.subject-missing at MessageHeader/Subject"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "no content of an attachment",
        without("ContentTransferEncoded"),
        422,
        "document-refused",
        ["qcvn102.4.attachment-content-missing at /edXML/AttachmentEncoded/Attachment/ContentTransferEncoded"],
        counted=GOVERNMENT_OFFICE,
    ),
    # What its values must be.
    Bad(
        "no day of any calendar",
        edited(r"(?<=<PromulgationDate>)[^<]*", "2026/02/30"),
        422,
        "document-refused",
        ["qcvn102.1.4.promulgation-date-malformed at MessageHeader/PromulgationInfo/PromulgationDate"],
    ),
    Bad(
        "words for a day",
        edited(r"(?<=<PromulgationDate>)[^<]*", "hôm qua"),
        422,
        "document-refused",
        ["qcvn102.1.4.promulgation-date-malformed at MessageHeader/PromulgationInfo/PromulgationDate"],
    ),
    Bad(
        "a day to come",
        paper(promulgated_on=datetime.now(UTC).date() + timedelta(days=3)),
        422,
        "document-refused",
        ["qcvn102.1.4.promulgation-date-in-future at MessageHeader/PromulgationInfo/PromulgationDate"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "base64 cut short",
        edited(r"(?<=<ContentTransferEncoded>)[^<]*", "JVBERi0xLjcgc3lud"),
        422,
        "document-refused",
        ["rfc4648.4.base64-truncated at /edXML/AttachmentEncoded/Attachment/ContentTransferEncoded"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "base64 with other signs",
        edited(r"(?<=<ContentTransferEncoded>)[^<]*", "JVBE!!!!"),
        422,
        "document-refused",
        ["rfc4648.4.base64-malformed at /edXML/AttachmentEncoded/Attachment/ContentTransferEncoded"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a recipient twice",
        to(PROVINCE, PROVINCE),
        422,
        "document-refused",
        ["qcvn102.1.2.recipient-repeated at MessageHeader/To[2]/OrganId"],
        counted=GOVERNMENT_OFFICE,
    ),
    # The signature.
    Bad(
        "unsigned",
        lambda _exchange, office: Posted(write(office.paper(PROVINCE))),
        422,
        "document-refused",
        ["ours.signature.missing at Signature"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a signature in the namespace of edXML",
        _edxml_signature,
        422,
        "document-refused",
        ["xmldsig.4.1.foreign-namespace at Signature"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "SHA-1",
        _sha1,
        422,
        "document-refused",
        ["ours.signature.sha1 at Signature/SignedInfo/SignatureMethod"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "changed after signing",
        tampered("V/v kết nối", "V/v chuyển tiền"),
        422,
        "document-refused",
        ["xmldsig.3.2.1.digest-mismatch at Signature/SignedInfo/Reference[1]"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "another attachment after signing",
        tampered("(?<=<ContentTransferEncoded>)....", "JVBF"),
        422,
        "document-refused",
        ["xmldsig.3.2.1.digest-mismatch at Signature/SignedInfo/Reference[1]"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "another signature value",
        tampered("(?<=<ds:SignatureValue>)....", "AAAA"),
        422,
        "document-refused",
        ["xmldsig.3.2.2.signature-invalid at Signature"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "somebody else's seal",
        signed_by(lambda exchange: exchange[PROVINCE].seal),
        422,
        "document-refused",
        ["ours.signature.signer-not-sender at MessageHeader/From/OrganId"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "an expired seal",
        signed_by(_expired),
        422,
        "document-refused",
        ["rfc5280.4.1.2.5.expired at Signature/KeyInfo/X509Data/X509Certificate"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a seal that is not registered",
        signed_by(lambda exchange: current_seal(exchange.pki, GOVERNMENT_OFFICE, "Văn phòng Chính phủ", key="p256")),
        422,
        "document-refused",
        ["ours.trust.not-registered at Signature/KeyInfo/X509Data/X509Certificate"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a revoked seal",
        signed_by(_revoked),
        422,
        "document-refused",
        ["rfc5280.6.3.revoked at Signature/KeyInfo/X509Data/X509Certificate"],
        counted=GOVERNMENT_OFFICE,
    ),
    # Who sends, and to whom.
    Bad(
        "an unknown recipient",
        to("H99.99"),
        422,
        "document-refused",
        ["ours.route.recipient-unknown at MessageHeader/To[1]/OrganId"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a suspended recipient",
        to(SUSPENDED),
        422,
        "document-refused",
        ["ours.route.recipient-suspended at MessageHeader/To[1]/OrganId"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a closed recipient",
        to(CLOSED),
        422,
        "document-refused",
        ["ours.route.recipient-closed at MessageHeader/To[1]/OrganId"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "one of three recipients unknown",
        to(PROVINCE, "H99.99", COMMUNE),
        422,
        "document-refused",
        ["ours.route.recipient-unknown at MessageHeader/To[2]/OrganId"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "for an agency that is not the client's",
        _not_granted,
        403,
        "agency-not-granted",
        ["ours.access.agency-not-granted at MessageHeader/From/OrganId"],
    ),
    Bad(
        "for an agency nobody knows",
        _sender_unknown,
        403,
        "agency-not-granted",
        ["ours.access.agency-not-granted at MessageHeader/From/OrganId"],
    ),
    Bad(
        "a DocumentId again, for other content",
        _reused,
        409,
        "document-id-taken",
        ["ours.exchange.document-id-taken at MessageHeader/DocumentId"],
        counted=GOVERNMENT_OFFICE,
    ),
    # Secrets.
    Bad(
        "a secret by its subject",
        paper(subject="(MẬT) V/v kế hoạch"),
        422,
        "secret-document",
        ["qd28.1.2.secret-mark at MessageHeader/Subject"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a secret by its sphere",
        paper(handling=Handling(priority=0, sphere="Tối mật")),
        422,
        "secret-document",
        ["qd28.1.2.secret-mark at MessageHeader/OtherInfo/SphereOfPromulgation"],
        counted=GOVERNMENT_OFFICE,
    ),
    # The wrong door.
    Bad(
        "a status",
        lambda exchange, office: Posted(_status(exchange, office)),
        422,
        "document-refused",
        ["ours.exchange.status-as-document at MessageHeader/StatusCode"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a document as status",
        _document_as_status,
        422,
        "document-refused",
        ["ours.exchange.document-as-status at MessageHeader"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a status of no document",
        lambda exchange, office: Posted(_status(exchange, office), path="/v1/statuses"),
        422,
        "document-refused",
        ["ours.status.no-such-delivery at MessageHeader/ResponseFor"],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a status without its document",
        lambda exchange, office: Posted(
            _status(exchange, office, response_for=ResponseFor(OrganId.parse(PROVINCE), "1/X", None, None)),
            path="/v1/statuses",
        ),
        422,
        "document-refused",
        [
            "qcvn102.1.12.document-id-missing at MessageHeader/ResponseFor/DocumentId",
            "ours.status.no-such-delivery at MessageHeader/ResponseFor",
        ],
        counted=GOVERNMENT_OFFICE,
    ),
    Bad(
        "a refusal without a reason",
        lambda exchange, office: Posted(_status(exchange, office, status=StatusCode.REFUSED), path="/v1/statuses"),
        422,
        "document-refused",
        [
            "qd28.5.4.reason-missing at MessageHeader/Description",
            "ours.status.no-such-delivery at MessageHeader/ResponseFor",
        ],
        counted=GOVERNMENT_OFFICE,
    ),
)
