"""Reports for those who ask: of a document that is here, with the evidence it cites, or of any file, which is not kept.

Who may look up a document may read its report; auditors and recipients it was withdrawn from get it without what tells
what the document says.
"""

import os
from collections.abc import AsyncIterable, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from app.errors import DocumentRefused, MalformedMarkup, NotFound, Unavailable
from app.exchange import archive, parties
from app.exchange.desk import Clock, Desk
from app.exchange.pdf_readers import PdfNotRead, PdfReaders
from app.exchange.pdf_report import JudgedSignature, report_of_pdf
from app.exchange.pdf_verdict import judged
from app.exchange.receive import Body
from app.exchange.refuse import XML_MEDIA_TYPES, Declared, received
from app.exchange.signature_facts import cited_by
from app.exchange.steps import Step, StepFindings
from app.exchange.verification_report import (
    ASKING,
    PDF,
    XML,
    Examined,
    Report,
    cited_in,
    report_of,
    report_of_unread,
    without_content,
)
from app.exchange.verify import Verified, verify
from app.findings import Finding, Severity, Verdict
from app.registry.model import Client, Scope
from app.signing.certificates import load
from app.signing.pdf_found import PdfLimits, PdfSignature
from app.store import evidence as evidence_rows
from app.store import verification_reports as rows


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report that was stored with its document.

    Attributes:
        revision: 0 for the one made when the document was accepted; each later judgement adds one.
        revisions: how many there are.
        inspection: row of what was found in its PDF attachments since; None where none is looked into.
        may_read_content: whether the asking client may know what the document says.
    """

    document: str
    revision: int
    revisions: int
    made_at: datetime
    report: Report
    inspection: Any | None
    may_read_content: bool


async def of_document(
    desk: Desk,
    document: str,
    *,
    revision: int | None,
    client: Client,
    scopes: frozenset[Scope],
    at: datetime,
) -> KeptReport:
    """Return a report of a document, the newest where no revision is named.

    Raises:
        NotFound: no such document for this client, no such revision, or it was accepted before reports were kept.
    """
    dossier = await archive.dossier(desk, document, client=client, scopes=scopes, at=at)
    async with desk.database.read() as tx:
        newest = await rows.newest(tx, document)
        row = newest if revision is None else await rows.revision_of(tx, document, revision)
    if newest is None:
        raise NotFound("the document was accepted before reports were kept")
    if row is None:
        raise NotFound(f"the document's reports have the revisions 0 to {newest.revision}")
    report = row.report if dossier.may_read_content else without_content(row.report)
    return KeptReport(
        document,
        row.revision,
        newest.revision + 1,
        row.made_at,
        report,
        dossier.inspection,
        dossier.may_read_content,
    )


async def evidence(
    desk: Desk, document: str, sha256: str, *, client: Client, scopes: frozenset[Scope], at: datetime
) -> Any:
    """Return a row of the evidence that a report of this document cites.

    Raises:
        NotFound: no such document for this client, or none of its reports cites this.
    """
    await archive.dossier(desk, document, client=client, scopes=scopes, at=at)
    async with desk.database.read() as tx:
        reports = await rows.all_of(tx, document)
        found = await evidence_rows.find(tx, sha256) if any(sha256 in cited_in(row.report) for row in reports) else None
    if found is None:
        raise NotFound("no report of this document cites such evidence")
    return found


@dataclass(frozen=True, slots=True)
class PdfReading:
    """How PDFs are looked into.

    Attributes:
        readers: the processes that do.
        limits: how far.
    """

    readers: PdfReaders
    limits: PdfLimits


async def examine(
    desk: Desk, stream: AsyncIterable[bytes], *, declared: Declared, pdfs: PdfReading | None, now: Clock
) -> Report:
    """Verify any message or PDF and return its report; nothing is stored and nobody is told.

    Steps (1) to (8) are taken as for a document that is sent; whether it could be delivered is not asked. A certificate
    is judged at the moment of asking, unless a trusted timestamp proves an earlier one.

    Args:
        pdfs: how PDFs are looked into; None where this node does not.

    Raises:
        DocumentTooLarge, UnsupportedMediaType, DigestMismatch: there is nothing to give a report on.
        Unavailable: the disk or the database does not answer, or the PDF could not be looked into this time.
    """
    media_types = XML_MEDIA_TYPES if pdfs is None else XML_MEDIA_TYPES | {PDF}
    async with received(desk, stream, declared=declared, media_types=media_types) as body:
        if pdfs is not None and declared.media_type == PDF:
            return await _pdf(desk, body, pdfs, at=now())
        return await _message(desk, body, at=now())


async def _message(desk: Desk, body: Body, *, at: datetime) -> Report:
    examined = Examined(XML, body.sha256, body.size)
    try:
        verified = await verify(desk, body, at=at)
    except (MalformedMarkup, DocumentRefused) as error:
        return report_of_unread(examined, error.findings, at=at)
    findings, taken = await _weighed(desk, verified, at=at)
    if verified.secret is not None:
        verified = replace(verified, attachments=(), steps=_untold(verified.steps))
        findings, taken = [finding for found in verified.steps.values() for finding in found], ()
    cited = [each.sha256 for signature in verified.signatures for each in cited_by(signature)]
    async with desk.database.read() as tx:
        kept = await evidence_rows.kept_among(tx, cited)
    return report_of(examined, verified, Verdict.of(findings), at=at, basis=ASKING, taken=taken, kept=kept)


async def _weighed(desk: Desk, verified: Verified, *, at: datetime) -> tuple[Sequence[Finding], Collection[Step]]:
    """Take step (8) where the sender can be read and is registered; whether the client acts for it is not asked."""
    code = verified.message.sender.organ_id.text if verified.message is not None else None
    sender = (await parties.look_up(desk, [code])).get(code) if code is not None else None
    findings = parties.weighed(verified, sender, policy=desk.policy, at=at).verdict.findings
    if sender is None:
        return findings, ()
    return (*findings, *parties.signer_findings(sender, verified, at=at)), (Step.SIGNER,)


def _untold(steps: StepFindings) -> StepFindings:
    """Leave out what reading a state secret found: nothing of it is told, not even what is wrong with it."""
    return {step: found for step, found in steps.items() if step not in (Step.READING, Step.RULES)}


async def _pdf(desk: Desk, body: Body, pdfs: PdfReading, *, at: datetime) -> Report:
    async with _as_file(desk, body) as path:
        try:
            found = await pdfs.readers.examine(path, limits=pdfs.limits)
        except PdfNotRead as error:
            raise Unavailable("the PDF could not be looked into; try again") from error
    verdict = await judged(desk.database, found, received_at=at)
    signatures = [
        _signature(signature, shown)
        for signature, shown in zip(found.signatures, verdict.shown["signatures"], strict=True)
    ]
    return report_of_pdf(Examined(PDF, body.sha256, body.size), found, signatures, detail=verdict.shown, at=at)


def _signature(found: PdfSignature, shown: Mapping[str, Any]) -> JudgedSignature:
    signer = shown["signer"]
    return JudgedSignature(
        found,
        load(found.certificates[0]) if signer is not None else None,
        tuple(Finding(**{**each, "severity": Severity(each["severity"])}) for each in shown["findings"]),
        datetime.fromisoformat(shown["judged_at"]),
        stamped=shown["timestamp"] is not None and shown["timestamp"]["at"] is not None,
        role=signer["kind"] if signer is not None else None,
        agency=signer["agency"] if signer is not None else None,
    )


@asynccontextmanager
async def _as_file(desk: Desk, body: Body) -> AsyncIterator[Path]:
    """Give a body as a file that another process can read, also where it is short."""
    if body.path is not None:
        yield body.path
        return
    assert body.octets is not None, "a body lies in memory or in a file"
    descriptor, path = desk.blobs.open_incoming()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body.octets)
        yield path
    finally:
        path.unlink(missing_ok=True)
