"""Documents and status reports of a bundle, opened once more: whose signatures they bring, and what those cover."""

from dataclasses import dataclass
from typing import Final

from app.edxml.model import Message
from app.edxml.read import read
from app.errors import SubmissionRejected
from app.findings import Severity
from app.ledger.bundle.case import Case
from app.markup import MarkupLimits, parse
from app.signing.path import PathVerdict
from app.signing.presented import PresentedSignature
from app.signing.xmldsig import present_all

DOCUMENT_OCTETS_MAX: Final = 256 * 1024 * 1024
"""Longest document whose signature is verified; twice what a node takes by default."""


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A file whose signatures are those of the certificates they bring; nothing is said of whether these are trusted.

    Attributes:
        signatures: in the message's order, at least one.
        is_covered: whether each covers all that it has to; only then anything else of the file is to be believed.
        message: what it says; None where that cannot be read, or is not covered.
    """

    signatures: tuple[PresentedSignature, ...]
    is_covered: bool
    message: Message | None


def open_signed(case: Case, name: str) -> SignedFile:
    """Read a file of the bundle and verify its signatures, the last one first.

    Raises:
        SubmissionRejected: its markup or a signature is refused; `why` says what for.
    """
    with case.container.source(name, octets_max=DOCUMENT_OCTETS_MAX) as source:
        markup = parse(source, limits=MarkupLimits(body_bytes_max=DOCUMENT_OCTETS_MAX))
        signatures = present_all(markup)
        # Every one of them: one that does not hold refuses the file, whatever another covers.
        covered = [each.verify().covers_document for each in reversed(signatures)]
        is_covered = all(covered)
        return SignedFile(signatures, is_covered, read(markup).message if is_covered else None)


def why(refused: SubmissionRejected) -> str:
    """Say what a file was refused for."""
    return "; ".join(finding.message for finding in refused.findings) or refused.detail


def doubts(verdict: PathVerdict) -> str:
    """Say what speaks against a certificate and what is not known of it; empty where nothing does."""
    return "; ".join(each.message for each in verdict.findings if each.refuses or each.severity is Severity.UNKNOWN)
