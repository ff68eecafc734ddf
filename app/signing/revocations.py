"""What is known about revocations, put together from lists, deltas, OCSP answers and what the node was told.

A certificate is known to be in force when lists that are not out of date cover it for every reason (RFC 5280 §6.3.3),
or an OCSP answer that is not out of date says so. It is revoked when anybody who may say so says it. Everything else is
unknown. Point in time: what a later list says counts for earlier moments too, because a certificate that was revoked
keeps the date from when on it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

from cryptography import x509

from app.signing.crl import REMOVED, Revocation, RevocationList, parse_revocation_list
from app.signing.crl_scope import ALL_REASONS, points_of
from app.signing.distinguished_names import comparable, issuer_key
from app.signing.path_building import is_same_authority

__all__ = [
    "Answered",
    "Evidence",
    "EvidenceKind",
    "Revocation",
    "RevocationIndex",
    "RevocationList",
    "Revocations",
    "Standing",
    "Unknown",
    "parse_revocation_list",
]

_ENDLESS: Final = datetime.max.replace(tzinfo=UTC)


class Unknown(StrEnum):
    """Why nothing is known about a certificate's revocation."""

    NO_LIST = "no-list"
    """No list of this issuer was imported, and no OCSP answer came."""
    STALE = "stale"
    """The newest list or answer should have been replaced before the moment in question."""
    NOT_COVERED = "not-covered"
    """There are lists of this issuer, but together they do not speak of this certificate for every reason."""


class EvidenceKind(StrEnum):
    """What a verdict may rest on."""

    CERTIFICATE = "certificate"
    """A certificate of the path."""
    CRL = "crl"
    """A revocation list."""
    OCSP = "ocsp"
    """An OCSP answer."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing a verdict rests on, so that a report can cite it.

    Attributes:
        kind: what it is.
        sha256: hex digest of its DER.
        about: RFC 4514 string of the certificate's subject, or of whoever issued the list or answer.
        since: beginning of the period, thisUpdate.
        until: end of the period, nextUpdate; None where it has none.
    """

    kind: EvidenceKind
    sha256: str
    about: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What an OCSP answer says, once it was judged by `ocsp`.

    Attributes:
        revocation: None where the certificate is in force.
        responder: RFC 4514 string; the issuer's where the responder is not known any more.
        this_update: for when it is right.
        fresh_until: until when it counts.
        sha256: hex digest of the answer.
    """

    revocation: Revocation | None
    responder: str
    this_update: datetime
    fresh_until: datetime
    sha256: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known about one certificate at one moment.

    Attributes:
        known: the revocation, whenever it was; None when it is known not to be revoked; or why that is not known.
        fresh_until: when this stops being known by itself; None for never.
        evidence: what it rests on.
    """

    known: Revocation | Unknown | None
    fresh_until: datetime | None
    evidence: tuple[Evidence, ...]


Counts = Callable[[RevocationList], bool]
"""Tells whether whoever signed a list may be believed."""


class Revocations(Protocol):
    """Where revocations are looked up: a store of the node's own, or `RevocationIndex`."""

    def standing(
        self, certificate: x509.Certificate, *, at: datetime, counts: Counts = lambda _listed: True
    ) -> Standing:
        """Tell what is known about a certificate.

        Args:
            certificate: the one that is asked about.
            at: the moment it was used; decides only whether the knowledge is stale.
            counts: asked of each list before it is used.
        """


@dataclass(slots=True)
class RevocationIndex:
    """The newest list of each issuer and scope, OCSP answers, and revocations the node was told of in another way."""

    _lists: dict[tuple[str, str], RevocationList] = field(default_factory=dict)
    _by_issuer: dict[str, list[RevocationList]] = field(default_factory=dict)
    _answers: dict[tuple[str, int], Answered] = field(default_factory=dict)
    _told: dict[tuple[str, int], Revocation] = field(default_factory=dict)

    def add(self, revocation_list: RevocationList) -> bool:
        """Take a list over.

        Returns:
            whether it is now the one in use; an older one than that of the same issuer and scope is not.
        """
        issuer, part = revocation_list.issuer_key, revocation_list.scope.text
        present = self._lists.get((issuer, part))
        if present and (present.number, present.this_update) > (revocation_list.number, revocation_list.this_update):
            return False
        self._lists[issuer, part] = revocation_list
        kept = [each for each in self._by_issuer.get(issuer, ()) if each is not present]
        # Lists of everything first, so that the usual certificate needs one.
        self._by_issuer[issuer] = sorted([*kept, revocation_list], key=lambda each: len(each.scope.text))
        return True

    def answer(self, issuer: str, serial: int, answered: Answered) -> None:
        """Take over an OCSP answer about a certificate; the newest counts."""
        key = (comparable(issuer), serial)
        present = self._answers.get(key)
        if present is None or present.this_update <= answered.this_update:
            self._answers[key] = answered

    def tell(self, issuer: str, serial: int, revocation: Revocation) -> None:
        """Take over one revocation, such as an administrator's; the earlier of two counts."""
        key = (comparable(issuer), serial)
        present = self._told.get(key)
        if present is None or revocation.at < present.at:
            self._told[key] = revocation

    def standing(
        self, certificate: x509.Certificate, *, at: datetime, counts: Counts = lambda _listed: True
    ) -> Standing:
        """Tell what is known about a certificate; see `Revocations.standing`."""
        key = (issuer_key(certificate), certificate.serial_number)
        answered = self._answers.get(key)
        listed = self._listed(certificate, at, counts)
        sources = [listed] if answered is None else [_answered(answered, at), listed]
        evidence = tuple(each for source in sources for each in source.evidence)
        revocations = [source.known for source in sources if isinstance(source.known, Revocation)]
        if (told := self._told.get(key)) is not None:
            revocations.append(told)
        if revocations:
            return Standing(min(revocations, key=lambda each: each.at), None, evidence)
        knowing = [source for source in sources if source.known is None]
        if knowing:
            # As long as one of them knows, it is known.
            until = max(source.fresh_until or _ENDLESS for source in knowing)
            return Standing(None, None if until == _ENDLESS else until, evidence)
        stale = any(source.known is Unknown.STALE for source in sources)
        return Standing(Unknown.STALE if stale else listed.known, None, evidence)

    def _listed(self, certificate: x509.Certificate, at: datetime, counts: Counts) -> Standing:
        """Go through the places a certificate names until every reason is covered (RFC 5280 §6.3.3)."""
        issuer, serial = issuer_key(certificate), certificate.serial_number
        covered: frozenset[str] = frozenset()
        evidence: list[Evidence] = []
        until, seen, stale = _ENDLESS, False, False
        for point in points_of(certificate):
            for publisher in point.issuers or (issuer,):
                for listed in self._standing_alone(publisher):
                    seen = True
                    reasons = listed.scope.reasons & point.reasons
                    if not reasons - covered or not listed.scope.covers(certificate, point, issuer=publisher):
                        continue
                    if not counts(listed):
                        continue
                    deltas = [delta for delta in self._deltas(listed) if counts(delta)]
                    due = max(each.next_update or _ENDLESS for each in (listed, *deltas))
                    found = next((entry for each in (*deltas, listed) if (entry := each.entry(issuer, serial))), None)
                    used = [_cited(each) for each in (listed, *deltas)]
                    if found is not None and found.reason != REMOVED:
                        return Standing(found, None, (*evidence, *used))
                    if at > due:
                        stale = True
                        continue
                    evidence.extend(used)
                    until = min(until, due)
                    covered |= reasons
        if covered == ALL_REASONS:
            return Standing(None, None if until == _ENDLESS else until, tuple(evidence))
        unknown = Unknown.STALE if stale else Unknown.NOT_COVERED if seen else Unknown.NO_LIST
        return Standing(unknown, None, tuple(evidence))

    def _standing_alone(self, issuer: str) -> Iterator[RevocationList]:
        return (each for each in self._by_issuer.get(issuer, ()) if not each.scope.delta)

    def _deltas(self, listed: RevocationList) -> Iterator[RevocationList]:
        """Give what changed since a list was made, if that builds on it (RFC 5280 §5.2.4)."""
        for delta in self._by_issuer.get(listed.issuer_key, ()):
            if not delta.scope.delta or (delta.base or 0) > listed.number or delta.number <= listed.number:
                continue
            same_scope = (delta.scope.holders, delta.scope.names, delta.scope.reasons, delta.scope.indirect) == (
                listed.scope.holders,
                listed.scope.names,
                listed.scope.reasons,
                listed.scope.indirect,
            )
            same_key = delta.signer is None or listed.signer is None or is_same_authority(delta.signer, listed.signer)
            if same_scope and same_key:
                yield delta


def _answered(answered: Answered, at: datetime) -> Standing:
    evidence = Evidence(
        EvidenceKind.OCSP, answered.sha256, answered.responder, answered.this_update, answered.fresh_until
    )
    if answered.revocation is None and at > answered.fresh_until:
        return Standing(Unknown.STALE, None, ())
    return Standing(answered.revocation, answered.fresh_until, (evidence,))


def _cited(listed: RevocationList) -> Evidence:
    return Evidence(EvidenceKind.CRL, listed.sha256, listed.issuer, listed.this_update, listed.next_update)
