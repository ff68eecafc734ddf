"""The evidence bundle of a document: everything that proves its life, in one file that is checked without this node.

Who may look a document up gets its bundle: with the content for those who may have that, else with digests in its
place. It is of one snapshot of the database and only says what a signed checkpoint covers. The layout is in
`app.ledger.bundle.layout`; ours, decision 0021.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from app.exchange import archive
from app.exchange.archive import Dossier
from app.exchange.bundle import cited, container, ledgered
from app.exchange.bundle.container import Member
from app.exchange.bundle.ledgered import Ledgered
from app.exchange.bundle.scratch import Part, Scratch
from app.exchange.desk import Desk
from app.exchange.stamped_receipts import stamped_receipt
from app.exchange.verification_report import without_content
from app.ledger.bundle import layout
from app.ledger.bundle.layout import Content, Direction, Link, Manifest
from app.ledger.events import instant_text
from app.ledger.verified import octets_of
from app.registry.model import Client, Scope
from app.signing.stamped_receipt import StampedReceipt
from app.store import verification_reports
from app.store.blobs import BlobStore
from app.store.database import Transaction

SENT_OCTETS: int = 512 * 1024
"""What is sent at a time."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks for a bundle."""

    client: Client
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class Published:
    """What of the bundle is as the node shows it elsewhere.

    Attributes:
        keys: its key set, as JSON text.
        timestamp: writes the time stamp of a document's receipt as JSON text; takes the document's id first.
    """

    keys: bytes
    timestamp: Callable[[str, StampedReceipt], bytes]


@dataclass(frozen=True, slots=True)
class EvidenceBundle:
    """A bundle that is ready to be sent.

    Attributes:
        document: the node's id of the document.
        size: in octets.
        members: in the order they are written.
        scratch: where they lie, bodies aside.
    """

    document: str
    size: int
    members: Sequence[Member]
    scratch: Scratch

    def pieces(self) -> Iterator[bytes]:
        """Yield it, once; reads files, so it belongs on a thread.

        Raises:
            DataFault: a body went while the bundle was sent.
        """
        try:
            yield from container.joined(container.written(self.members), octets=SENT_OCTETS)
        finally:
            self.scratch.close()


async def evidence_bundle(
    desk: Desk, document: str, *, reader: Reader, published: Published, at: datetime
) -> EvidenceBundle:
    """Put the evidence of a document together; an auditor's reading is an event.

    Args:
        at: when it is made, which the manifest says.

    Raises:
        NotFound: there is no such document for this client.
        Unavailable: the log does not cover the document's acceptance yet; or database, disk or token do not answer.
        DataFault: what is stored contradicts itself.
    """
    scratch = Scratch()
    try:
        return await _gathered(desk, scratch, document, reader, published, at=at)
    except BaseException:
        scratch.close()
        raise


async def _gathered(
    desk: Desk, scratch: Scratch, document: str, reader: Reader, published: Published, *, at: datetime
) -> EvidenceBundle:
    async with desk.database.read() as tx:
        dossier = await archive.dossier_in(tx, document, client=reader.client, scopes=reader.scopes, at=at)
        logged = await ledgered.put_events(tx, scratch, document)
        await _put_reports(tx, scratch, dossier)
        _put_receipts(scratch, dossier)
        await cited.put_reporters(tx, scratch, dossier.reports)
        if logged.stamp is not None:
            await cited.put_authority(tx, scratch, *logged.stamp)
    await _put_timestamp(desk, scratch, dossier, published)
    scratch.put(layout.KEYS, published.keys)
    bodies = _bodies(dossier)
    if not dossier.is_party:
        await archive.note_reading(desk, client=reader.client, at=at, document=document)
    return await desk.judge(
        sum(size for _, size in bodies.values()),
        _assembled,
        desk,
        dossier,
        logged,
        scratch=scratch,
        bodies=bodies,
        at=at,
    )


async def _put_reports(tx: Transaction, scratch: Scratch, dossier: Dossier) -> None:
    rows = await verification_reports.all_of(tx, dossier.document.id)
    for row in rows:
        # What a report tells of the content can be taken out of it, but then it is not what the log has the digest of.
        extract = row.report if dossier.may_read_content else without_content(row.report)
        name = layout.verification_name if extract == row.report else layout.extract_name
        scratch.put(name(row.revision), octets_of(extract))
    await cited.put_cited(tx, scratch, [row.report for row in rows])


def _put_receipts(scratch: Scratch, dossier: Dossier) -> None:
    scratch.put(layout.RECEIPT, dossier.document.receipt.encode("ascii"))
    for report in dossier.reports:
        scratch.put(layout.status_receipt_name(report.id), report.receipt.encode("ascii"))


async def _put_timestamp(desk: Desk, scratch: Scratch, dossier: Dossier, published: Published) -> None:
    found = await stamped_receipt(desk.database, dossier.document.id, dossier.document.receipt)
    if isinstance(found, StampedReceipt):
        scratch.put(layout.TIMESTAMP, published.timestamp(dossier.document.id, found))
        async with desk.database.read() as tx:
            await cited.put_authority(tx, scratch, found.token, found.root)


def _bodies(dossier: Dossier) -> Mapping[str, tuple[str, int]]:
    """Return digest and size of the bodies the reader may have, by the names they get."""
    document = dossier.document
    found = {}
    if _content(dossier) is Content.INCLUDED:
        found[layout.DOCUMENT] = (document.sha256, document.size)
    for report in dossier.reports:
        # What one recipient reports in words is between it and the sender, also when the content was withdrawn.
        if dossier.is_party and report.delivery in dossier.own and report.purged_at is None:
            found[layout.status_name(report.id)] = (report.sha256, report.size)
    return found


def _content(dossier: Dossier) -> Content:
    if dossier.document.purged_at is not None:
        return Content.PURGED
    return Content.INCLUDED if dossier.may_read_content else Content.WITHHELD


def _assembled(
    desk: Desk,
    dossier: Dossier,
    logged: Ledgered,
    *,
    scratch: Scratch,
    bodies: Mapping[str, tuple[str, int]],
    at: datetime,
) -> EvidenceBundle:
    """Read the bodies through once for their checksums, and sign the manifest."""
    for name, (sha256, _) in bodies.items():
        scratch.add(Part(_kept(desk.blobs, name, sha256), sha256))
    parts = sorted(scratch.parts, key=lambda part: part.member.name)
    manifest = _manifest(desk.policy.issuer, dossier, logged, parts, at=at).octets()
    claims = {
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        "iat": int(at.timestamp()),
        "iss": desk.policy.issuer,
    }
    signature = desk.key.sign_jws(claims, typ=layout.SIGNATURE_TYP).encode("ascii")
    own = {
        layout.MANIFEST: manifest,
        layout.MANIFEST_SIGNATURE: signature,
        layout.MEDIA_TYPES: layout.media_types(
            [*(part.member.name for part in parts), layout.MANIFEST, layout.MANIFEST_SIGNATURE]
        ),
    }
    members = [part.member for part in parts] + [_short(name, octets) for name, octets in own.items()]
    members.sort(key=lambda member: member.name)
    members.insert(0, _short(layout.MIMETYPE, layout.MEDIA_TYPE.encode("ascii")))
    return EvidenceBundle(dossier.document.id, container.length(members), members, scratch)


def _kept(blobs: BlobStore, name: str, sha256: str) -> Member:
    size, crc = 0, 0
    # Not the size and digest of its row: where the disk has another body, whoever checks the bundle has to see it.
    for piece in blobs.slices(sha256):
        size += len(piece)
        crc = zlib.crc32(piece, crc)
    return Member(name, size, crc, partial(blobs.slices, sha256))


def _short(name: str, octets: bytes) -> Member:
    return Member(name, len(octets), zlib.crc32(octets), lambda: iter((octets,)))


def _manifest(issuer: str, dossier: Dossier, logged: Ledgered, parts: Sequence[Part], *, at: datetime) -> Manifest:
    document: Any = dossier.document
    return Manifest(
        node=issuer,
        document=document.id,
        document_id=document.document_id,
        sha256=document.sha256,
        made_at=instant_text(at),
        content=_content(dossier),
        events_pending=logged.pending,
        links=[
            Link(
                link.relation,
                Direction.OUTGOING if link.outgoing else Direction.INCOMING,
                link.document_id or document.document_id,
                link.document,
            )
            for link in dossier.links
        ],
        files=[part.listed for part in parts],
    )
