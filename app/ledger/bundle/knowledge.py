"""What the evidence in a bundle says of certificates: those between, and which were revoked.

Nothing of it is believed because it is there: lists and answers count where somebody signed them who may.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

from cryptography import x509
from cryptography.x509 import ocsp

from app.errors import RequestInvalid
from app.ledger.bundle import layout
from app.ledger.bundle.case import Case
from app.ledger.bundle.steps import Tally
from app.signing.certificates import CERTIFICATE_OCTETS_MAX, UNREADABLE, UnreadableCertificate, fingerprint, load
from app.signing.crl import LIST_OCTETS_MAX, Revocation, parse_revocation_list
from app.signing.ocsp import ANSWER_OCTETS_MAX, OcspAnswer, OcspStatus, delegated_responder, parse_answer
from app.signing.path import PathVerdict, UnknownRevocation, validate
from app.signing.revocations import Answered, RevocationIndex
from app.signing.timestamps import TOKEN_OCTETS_MAX

PIECES_MAX: Final = 512
"""Most pieces of evidence that are looked at: a document has four signatures, and may be judged again a few times."""
EVIDENCE_OCTETS_MAX: Final = 256 * 1024 * 1024
"""Most octets of evidence together; they are held in memory while they are read."""
_OCTETS_MAX: Final = {
    "cer": CERTIFICATE_OCTETS_MAX,
    "crl": LIST_OCTETS_MAX,
    "ocsp": ANSWER_OCTETS_MAX,
    "tst": TOKEN_OCTETS_MAX,
}
_NOBODY: Final = frozenset({"rfc5280.6.1.no-path", "rfc5280.6.1.self-signed"})
"""Codes that say no more than that nobody who is trusted vouches for a certificate."""


@dataclass(slots=True)
class Knowledge:
    """What certificates are judged by.

    Attributes:
        anchors: what is trusted.
        certificates: from the evidence, by digest; hints for paths.
        revocations: what lists and answers say that somebody signed who may.
        digests: of all pieces that are what their name says.
    """

    anchors: tuple[x509.Certificate, ...] = ()
    certificates: dict[str, x509.Certificate] = field(default_factory=dict)
    revocations: RevocationIndex = field(default_factory=RevocationIndex)
    digests: set[str] = field(default_factory=set)

    def judge(self, leaf: x509.Certificate, chain: Iterable[x509.Certificate], *, at: datetime) -> PathVerdict:
        """Judge a certificate by the anchors; without any, by the roots of the bundle, whom nobody vouches for."""
        between = (*chain, *self.certificates.values())
        roots = self.anchors or tuple(each for each in between if each.issuer == each.subject)
        return validate(
            leaf,
            intermediates=between,
            anchors=roots,
            revocations=self.revocations,
            at=at,
            unknown_revocation=UnknownRevocation.ACCEPT,
        )


def is_unknown_authority(verdict: PathVerdict) -> bool:
    """Whether all that is wrong with a certificate is that nobody vouches for it."""
    return {finding.code for finding in verdict.findings if finding.refuses} <= _NOBODY


def gathered(case: Case, tally: Tally) -> Knowledge:
    """Read the evidence of a bundle and the lists that were given beside it; note what is not what it is called."""
    known = Knowledge(case.trust.anchors)
    names = case.names_of(layout.Role.EVIDENCE)
    octets_all = sum(case.container.size_of(name) for name in names)
    if len(names) > PIECES_MAX or octets_all > EVIDENCE_OCTETS_MAX:
        tally.missing("evidence.too-many", count=len(names), octets=octets_all)
        return known
    pieces: dict[str, list[tuple[str, bytes]]] = {extension: [] for extension in _OCTETS_MAX}
    for name in names:
        path = PurePosixPath(name)
        extension = path.suffix.removeprefix(".")
        octets = case.container.read(name, octets_max=_OCTETS_MAX[extension])
        if hashlib.sha256(octets).hexdigest() != path.stem:
            tally.contradicted("evidence.digest", file=name)
            continue
        known.digests.add(path.stem)
        pieces[extension].append((name, octets))
    for name, octets in pieces["cer"]:
        try:
            certificate = load(octets)
        except UnreadableCertificate as error:
            tally.contradicted("evidence.unreadable", file=name, why=error)
            continue
        known.certificates[fingerprint(certificate)] = certificate
    authorities = (*known.anchors, *known.certificates.values())
    for name, octets in [*pieces["crl"], *(("--crl", each) for each in case.trust.lists)]:
        try:
            known.revocations.add(parse_revocation_list(octets, issuers=authorities))
        except RequestInvalid as error:
            # Of an authority that is not here: it says nothing, and takes nothing away.
            tally.aside("evidence.not-believed", file=name, why=error)
    for name, octets in pieces["ocsp"]:
        try:
            for answer in _answers(octets, authorities, known.revocations):
                known.revocations.answer(answer.issuer, answer.serial, _answered(answer))
        except (RequestInvalid, *UNREADABLE) as error:
            tally.aside("evidence.not-believed", file=name, why=error)
    return known


def _answers(
    octets: bytes, authorities: Sequence[x509.Certificate], revocations: RevocationIndex
) -> Iterable[OcspAnswer]:
    """Judge an answer for the certificates here that it is about, at the moment it says it is right for."""
    if len(octets) > ANSWER_OCTETS_MAX:
        raise RequestInvalid("the OCSP answer is too long")
    loaded = ocsp.load_der_ocsp_response(octets)
    responder = delegated_responder(octets)
    times = {single.serial_number: single.this_update_utc for single in loaded.responses}
    for certificate in authorities:
        at = times.get(certificate.serial_number)
        if at is None:
            continue
        revoked = responder is not None and isinstance(revocations.standing(responder, at=at).known, Revocation)
        answer = parse_answer(octets, certificate=certificate, issuers=authorities, at=at, responder_revoked=revoked)
        if answer.status is not OcspStatus.UNKNOWN:
            yield answer


def _answered(answer: OcspAnswer) -> Answered:
    revocation = None
    if answer.status is OcspStatus.REVOKED:
        revocation = Revocation(answer.revoked_at or answer.this_update, answer.reason or "unspecified")
    return Answered(revocation, answer.responder, answer.this_update, answer.fresh_until, answer.sha256)
