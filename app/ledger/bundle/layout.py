"""What an evidence bundle holds: names of its members, what each is for, and the manifest over them.

Shared by what makes bundles (`app.exchange.evidence_bundle`) and what checks them; no file is opened here. The layout
is ours (decision 0021) within the container of ETSI EN 319 162-1, ASiC-E.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self
from xml.sax.saxutils import quoteattr

from app.errors import RequestInvalid

FORMAT: Final = "truc-evidence"
VERSION: Final = 1
MEDIA_TYPE: Final = "application/vnd.etsi.asic-e+zip"
"""Of the bundle; also the whole content of its first member (ETSI EN 319 162-1 Annex A.1)."""
FILE_EXTENSION: Final = "asice"

MIMETYPE: Final = "mimetype"
MEDIA_TYPES: Final = "META-INF/manifest.xml"
MANIFEST: Final = "manifest.json"
MANIFEST_SIGNATURE: Final = "manifest.jws"
UNLISTED: Final = frozenset({MIMETYPE, MEDIA_TYPES, MANIFEST, MANIFEST_SIGNATURE})
"""Members the manifest does not list: itself, its signature, and what makes the file an ASiC-E container."""

DOCUMENT: Final = "document.edxml"
RECEIPT: Final = "receipt.jws"
TIMESTAMP: Final = "timestamp.json"
PROOFS: Final = "proofs.json"
CHECKPOINT: Final = "checkpoint.txt"
CHECKPOINT_TIMESTAMP: Final = "checkpoint.tst"
KEYS: Final = "keys.json"

SIGNATURE_TYP: Final = "evidence+jwt"
"""`typ` of the manifest's signature; its claims are `manifest_sha256`, `iat` and `iss`."""

MANIFEST_OCTETS_MAX: Final = 64 * 1024 * 1024
"""Longest manifest that is read: about 400,000 files, a document to every agency there is."""


class Content(StrEnum):
    """Whether the document itself is in the bundle."""

    INCLUDED = "included"
    """It is, as sent."""
    WITHHELD = "withheld"
    """The reader may not have it: an auditor, or a recipient it was withdrawn from. Digests stand for it."""
    PURGED = "purged"
    """The node itself has it no more, by the rules of retention. Digests stand for it."""


class Role(StrEnum):
    """What a file of the bundle is for."""

    DOCUMENT = "document"
    """The document exactly as it was sent, with its signature."""
    RECEIPT = "receipt"
    """The receipt the sender was given (compact JWS)."""
    VERIFICATION = "verification"
    """A verification report, exactly the text whose SHA-256 its event carries."""
    VERIFICATION_EXTRACT = "verification-extract"
    """What of such a report tells nothing of the content. The log does not carry its digest; the node says it."""
    EVIDENCE = "evidence"
    """A certificate, revocation list, OCSP answer or time stamp that something else in the bundle rests on, DER."""
    TIMESTAMP = "timestamp"
    """How the receipt is time-stamped, as `GET /v1/documents/{id}/timestamp` shows it."""
    STATUS = "status"
    """A status report exactly as it was sent, with its signature."""
    STATUS_RECEIPT = "status-receipt"
    """The receipt its reporter was given (compact JWS)."""
    EVENT = "event"
    """An entry of the ledger, exactly the octets its leaf hash is made from (canonical JSON)."""
    PROOFS = "proofs"
    """Inclusion proofs of all those events in one tree."""
    CHECKPOINT = "checkpoint"
    """The signed note about that tree, with what witnesses signed under it."""
    CHECKPOINT_TIMESTAMP = "checkpoint-timestamp"
    """A time stamp (RFC 3161 token) over the text of that note."""
    KEYS = "keys"
    """The node's public keys as it publishes them. To be trusted only as far as somebody else vouches for them."""


_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAMES: Final[Mapping[Role, re.Pattern[str]]] = {
    role: re.compile(pattern)
    for role, pattern in {
        Role.DOCUMENT: r"document\.edxml",
        Role.RECEIPT: r"receipt\.jws",
        Role.VERIFICATION: r"verification/[0-9]{4,5}\.json",
        Role.VERIFICATION_EXTRACT: r"verification/[0-9]{4,5}\.extract\.json",
        Role.EVIDENCE: r"evidence/[0-9a-f]{64}\.(?:cer|crl|ocsp|tst)",
        Role.TIMESTAMP: r"timestamp\.json",
        Role.STATUS: rf"statuses/{_UUID}\.edxml",
        Role.STATUS_RECEIPT: rf"statuses/{_UUID}\.jws",
        Role.EVENT: r"events/[0-9]{12}\.json",
        Role.PROOFS: r"proofs\.json",
        Role.CHECKPOINT: r"checkpoint\.txt",
        Role.CHECKPOINT_TIMESTAMP: r"checkpoint\.tst",
        Role.KEYS: r"keys\.json",
    }.items()
}

EVIDENCE_EXTENSIONS: Final[Mapping[str, str]] = {
    "certificate": "cer",
    "crl": "crl",
    "ocsp": "ocsp",
    "timestamp": "tst",
}
"""By the kind of evidence."""

_BY_EXTENSION: Final[Mapping[str, str]] = {
    "edxml": "application/xml",
    "jws": "application/jose",
    "json": "application/json",
    "txt": "text/plain",
    "cer": "application/pkix-cert",
    "crl": "application/pkix-crl",
    "ocsp": "application/ocsp-response",
    "tst": "application/timestamp-token",
}


def verification_name(revision: int) -> str:
    """Return the name of a verification report: `verification/0000.json` is the one of acceptance."""
    return f"verification/{revision:04}.json"


def extract_name(revision: int) -> str:
    """Return the name of what of a verification report tells nothing of the content."""
    return f"verification/{revision:04}.extract.json"


def evidence_name(sha256: str, kind: str) -> str:
    """Return the name of a piece of evidence of one of the kinds of `EVIDENCE_EXTENSIONS`."""
    return f"evidence/{sha256}.{EVIDENCE_EXTENSIONS[kind]}"


def status_name(report: str) -> str:
    """Return the name of a status report, by its id."""
    return f"statuses/{report}.edxml"


def status_receipt_name(report: str) -> str:
    """Return the name of the receipt of a status report, by its id."""
    return f"statuses/{report}.jws"


def event_name(index: int) -> str:
    """Return the name of an event, by its index in the ledger."""
    return f"events/{index:012}.json"


def role_of(name: str) -> Role | None:
    """Return what a member of this name is for, None for a name this layout does not know."""
    return next((role for role, pattern in _NAMES.items() if pattern.fullmatch(name)), None)


def media_type_of(name: str) -> str:
    """Return the media type of a member this layout knows."""
    return _BY_EXTENSION[name.rpartition(".")[2]]


def media_types(names: Iterable[str]) -> bytes:
    """Write META-INF/manifest.xml (OASIS OpenDocument 1.2 part 3 §3.2), which says what the members are.

    It has one form only, so that whoever checks a bundle writes it again and compares.

    Args:
        names: of all members but `mimetype` and itself, in any order.
    """
    named = [("/", MEDIA_TYPE), *((name, media_type_of(name)) for name in names)]
    entries = "".join(
        f"<manifest:file-entry manifest:full-path={quoteattr(name)} manifest:media-type={quoteattr(media_type)}/>\n"
        for name, media_type in sorted(named)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" '
        f'manifest:version="1.2">\n{entries}</manifest:manifest>\n'
    ).encode()


@dataclass(frozen=True, slots=True)
class BundledFile:
    """A member of the bundle, as the manifest lists it.

    Attributes:
        sha256: of its octets, hex.
        size: their number.
    """

    name: str
    sha256: str
    size: int
    role: Role


class Direction(StrEnum):
    """Which of two documents it is that speaks of the other."""

    OUTGOING = "outgoing"
    """This one says it of the other."""
    INCOMING = "incoming"
    """The other one says it of this."""


@dataclass(frozen=True, slots=True)
class Link:
    """What one document says about another, so that a reader can fetch the other's bundle.

    Attributes:
        relation: `revokes`, `updates`, `replaces` or `answers`.
        direction: a `Direction`, or whatever else a manifest that was read has there.
        document_id: DocumentId of the one it is said of, as written.
        document: the node's id of the other; None where it has none, or the reader may not know of it.
    """

    relation: str
    direction: str
    document_id: str
    document: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle is about and what is in it.

    Attributes:
        node: the issuer of its receipts, an address.
        document: the node's id of the document.
        document_id: DocumentId as the sender wrote it.
        sha256: of the document's octets, hex, also where they are not in the bundle.
        made_at: when the bundle was made, RFC 3339 UTC.
        events_pending: events of the document that are committed and not in the tree of the bundle's checkpoint.
        links: documents this one speaks of, and those that speak of this one.
        files: sorted by name; all members but those of `UNLISTED`.
    """

    node: str
    document: str
    document_id: str
    sha256: str
    made_at: str
    content: Content
    events_pending: int
    links: Sequence[Link]
    files: Sequence[BundledFile]

    def octets(self) -> bytes:
        """Write it as JSON with sorted keys and no blanks: the octets that are signed."""
        members = {
            "format": FORMAT,
            "version": VERSION,
            "node": self.node,
            "document": self.document,
            "document_id": self.document_id,
            "sha256": self.sha256,
            "made_at": self.made_at,
            "content": self.content.value,
            "events_pending": self.events_pending,
            "links": [{name: getattr(link, name) for name in Link.__slots__} for link in self.links],
            "files": [
                {"name": file.name, "sha256": file.sha256, "size": file.size, "role": file.role.value}
                for file in self.files
            ],
        }
        return json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")

    @classmethod
    def read(cls, octets: bytes) -> Self:
        """Read a manifest; members it has beyond those known here are passed over.

        Raises:
            RequestInvalid: it is none, of another version, or lists a name twice or one this layout does not know.
        """
        if len(octets) > MANIFEST_OCTETS_MAX:
            raise RequestInvalid(f"{MANIFEST} has {len(octets)} bytes; at most {MANIFEST_OCTETS_MAX} are read")
        try:
            members = json.loads(octets)
            if (members["format"], members["version"]) != (FORMAT, VERSION):
                raise RequestInvalid(f"{MANIFEST} is not of the format {FORMAT} version {VERSION}")
            files = tuple(_file(each) for each in members["files"])
            links = tuple(
                Link(_text(each["relation"]), _text(each["direction"]), _text(each["document_id"]), each["document"])
                for each in members["links"]
            )
            manifest = cls(
                **{name: _text(members[name]) for name in ("node", "document", "document_id", "sha256", "made_at")},
                content=Content(members["content"]),
                events_pending=_number(members["events_pending"]),
                links=links,
                files=files,
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise RequestInvalid(f"{MANIFEST} cannot be read: {error}") from error
        names = [file.name for file in files]
        if len(set(names)) != len(names):
            raise RequestInvalid(f"{MANIFEST} lists a name twice")
        return manifest


def _file(entry: Any) -> BundledFile:
    file = BundledFile(_text(entry["name"]), _text(entry["sha256"]), _number(entry["size"]), Role(entry["role"]))
    if role_of(file.name) is not file.role:
        raise RequestInvalid(f"{MANIFEST} lists {file.name[:100]!r} as {file.role.value}, which has other names")
    return file


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r:.60} is no count")
    return value
