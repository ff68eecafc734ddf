"""The values of the registry: what is known about agencies, certificates, trust anchors and clients.

Frozen values without behaviour beyond questions about themselves; nothing here touches the database. Those of clients
are written down in `client_model`, and asked for here like the others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from app.edxml.organ_id import OrganId
from app.ledger.events import Standing
from app.registry.client_model import Client as Client
from app.registry.client_model import ClientStatus as ClientStatus
from app.registry.client_model import Grant as Grant
from app.registry.client_model import Scope as Scope
from app.regulations.provisions import Leniency as Leniency
from app.signing.certificates import CertificateKind as CertificateKind
from app.signing.legacy import LegacyForm as LegacyForm
from app.signing.possession import Possession as Possession


class Tier(StrEnum):
    """Level of administration an agency belongs to (QĐ 28/2018/QĐ-TTg Đ11)."""

    CENTRAL = "central"
    """Trung ương: central bodies, ministries and what belongs to them."""
    PROVINCE = "province"
    """Tỉnh, thành phố trực thuộc trung ương, and their departments."""
    DISTRICT = "district"
    """Huyện: ended on 1/7/2025, kept for what happened before."""
    COMMUNE = "commune"
    """Xã, phường, đặc khu."""

    @property
    def depth(self) -> int:
        """How far below the centre: 0 for central, 3 for commune."""
        return _DEPTHS[self]


_DEPTHS = {tier: depth for depth, tier in enumerate(Tier)}


class Branch(StrEnum):
    """Part of the political system an agency belongs to (blocks A to K of QĐ 20/2020/QĐ-TTg Phụ lục I)."""

    PARTY = "party"
    """Communist Party bodies, block A."""
    STATE = "state"
    """President's office, Government, ministries, People's Committees, State Audit: blocks B, F, G, H."""
    ASSEMBLY = "assembly"
    """National Assembly and People's Councils, blocks C and K."""
    COURT = "court"
    """People's courts, block D."""
    PROCURACY = "procuracy"
    """People's procuracies, block E."""
    FRONT = "front"
    """Fatherland Front, I01."""
    MASS_ORGANISATION = "mass_organisation"
    """The other political-social organisations and the associations, blocks I and J."""
    OTHER = "other"
    """Enterprises and whoever else takes part."""


class AgencyStatus(StrEnum):
    """Whether an agency takes part in the exchange."""

    ACTIVE = "active"
    """It sends and receives."""
    SUSPENDED = "suspended"
    """An administrator stopped it; it may be reinstated."""
    CLOSED = "closed"
    """It has ended, for good; its successor, where there is one, takes its mail."""


class SuspensionReason(StrEnum):
    """Why an agency, or one of its certificates, is suspended. Ours: the ledger keeps codes, not what people wrote."""

    REQUESTED = "requested"
    """The agency or the body above it asked for it."""
    KEY_COMPROMISED = "key_compromised"
    """Its signing key may be in other hands."""
    SYSTEM_COMPROMISED = "system_compromised"
    """Its document-management system may be in other hands."""
    REORGANISATION = "reorganisation"
    """It is being reorganised."""
    MALFUNCTION = "malfunction"
    """Its system sends what harms others."""


class CertificateStatus(StrEnum):
    """What this node was told about a certificate; what its issuer says is asked at each decision."""

    ACTIVE = "active"
    """Registered and neither suspended nor revoked here. It may have expired."""
    SUSPENDED = "suspended"
    """Does not count at this node until it is reinstated."""
    REVOKED = "revoked"
    """Revoked at this node, for good."""


class RevocationReason(StrEnum):
    """Why a certificate no longer counts (RFC 5280 §5.3.1)."""

    UNSPECIFIED = "unspecified"
    """No reason given."""
    KEY_COMPROMISE = "keyCompromise"
    """Its private key may be in other hands."""
    CA_COMPROMISE = "cACompromise"
    """The issuer's key may be in other hands."""
    AFFILIATION_CHANGED = "affiliationChanged"
    """The holder no longer belongs to the agency."""
    SUPERSEDED = "superseded"
    """Another certificate took its place."""
    CESSATION_OF_OPERATION = "cessationOfOperation"
    """It is no longer needed."""
    CERTIFICATE_HOLD = "certificateHold"
    """Held for the time being; only an issuer's list can say so and take it back."""
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"
    """The holder may no longer sign for the agency."""
    AA_COMPROMISE = "aACompromise"
    """The attribute authority's key may be in other hands."""


@dataclass(frozen=True, slots=True)
class Alias:
    """Another code an agency is or was addressed by: the other form, or one it had before.

    Attributes:
        valid_from: first day it is in force; None: since ever.
        valid_to: last day it is in force; None: without end.
    """

    code: OrganId
    valid_from: date | None = None
    valid_to: date | None = None

    def in_force(self, on: date) -> bool:
        """Whether the code stands for the agency on that day."""
        return _in_force(self.valid_from, self.valid_to, on)


@dataclass(frozen=True, slots=True)
class LeniencyPeriod:
    """How what an agency gets wrong is taken during some days (ours, decisions 0013 and 0015).

    Attributes:
        mode: how mistakes of content weigh, or a form of signature that is let in although it proves nothing.
        valid_from: first day, in Vietnam; None: since ever.
        valid_to: last day; None: without end.
    """

    mode: Leniency | LegacyForm
    valid_from: date | None = None
    valid_to: date | None = None

    def in_force(self, on: date) -> bool:
        """Whether the day is one of them."""
        return _in_force(self.valid_from, self.valid_to, on)


def policy_mode(text: str) -> Leniency | LegacyForm:
    """Read the mode of a period.

    Raises:
        ValueError: there is no such mode.
    """
    return Leniency(text) if text in tuple(Leniency) else LegacyForm(text)


def oldest_first(periods: Iterable[LeniencyPeriod]) -> tuple[LeniencyPeriod, ...]:
    """Return periods in the order of their first days."""
    return tuple(sorted(periods, key=lambda period: period.valid_from or date.min))


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency of the directory.

    Attributes:
        organ_id: its code; never changes.
        aliases: its other codes, in the order of their text.
        parent: the agency it is part of.
        valid_from: first day it exists; None: since ever.
        valid_to: last day it exists; None: without end.
        successor: who took over when it was closed.
        contact: how to reach it, by `email`, `telephone`, `address`, `website`.
        policies: how its mistakes are taken, oldest period first; those about content do not overlap, nor do those
            that let in the same form of signature.
        version: counts the changes of this record from 1; the ETag.
    """

    organ_id: OrganId
    name: str
    tier: Tier
    branch: Branch
    aliases: tuple[Alias, ...] = ()
    parent: OrganId | None = None
    status: AgencyStatus = AgencyStatus.ACTIVE
    valid_from: date | None = None
    valid_to: date | None = None
    successor: OrganId | None = None
    contact: Mapping[str, str] = field(default_factory=dict)
    policies: tuple[LeniencyPeriod, ...] = ()
    version: int = 1

    @property
    def standing(self) -> Standing:
        """Where it stands now, as its events record it."""
        return Standing(self.organ_id.text, self.tier.value, self.branch.value)

    @property
    def codes(self) -> tuple[OrganId, ...]:
        """Every code it is or was known by, its own first."""
        return (self.organ_id, *(alias.code for alias in self.aliases))

    def has_code(self, text: str, *, on: date) -> bool:
        """Whether the code stands for it on that day; its own always does."""
        return text == self.organ_id.text or any(
            alias.code.text == text and alias.in_force(on) for alias in self.aliases
        )

    def leniency_on(self, day: date) -> Leniency | None:
        """How its mistakes are taken on that day; None where it has no policy then."""
        modes = (period.mode for period in self.policies if period.in_force(day))
        return next((mode for mode in modes if isinstance(mode, Leniency)), None)

    def legacy_forms_on(self, day: date) -> frozenset[LegacyForm]:
        """Which forms of signatures that prove nothing are let in on that day."""
        modes = (period.mode for period in self.policies if period.in_force(day))
        return frozenset(mode for mode in modes if isinstance(mode, LegacyForm))

    def in_force(self, on: date) -> bool:
        """Whether it exists on that day, going by its dates alone."""
        return _in_force(self.valid_from, self.valid_to, on)


@dataclass(frozen=True, slots=True)
class RegisteredCertificate:
    """A certificate that speaks for an agency.

    Attributes:
        sha256: hex digest of its DER form.
        organ_id: the agency it was registered for.
        subject: distinguished name, RFC 4514.
        issuer: distinguished name of the issuer, RFC 4514.
        serial: lower-case hex, without leading zeros.
        revoked_at: from when on it no longer counts, where an administrator revoked it here.
        suspended_at: since when it does not count for the time being.
        possession: how it was proven that the agency holds its key; None where it was not.
    """

    sha256: str
    organ_id: OrganId
    kind: CertificateKind
    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    status: CertificateStatus
    revoked_at: datetime | None = None
    revocation_reason: RevocationReason | None = None
    suspended_at: datetime | None = None
    possession: Possession | None = None


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A root certificate this node trusts without asking further.

    Attributes:
        sha256: hex digest of its DER form.
        name: what administrators call it.
        subject: distinguished name, RFC 4514.
    """

    sha256: str
    name: str
    subject: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class ImportedCrl:
    """A certificate revocation list as it was taken in.

    Attributes:
        sha256: hex digest of its DER form.
        issuer: distinguished name, RFC 4514.
        number: CRL number (RFC 5280 §5.2.3), hex; None where the list has none.
        next_update: when the issuer promised the next one.
        entries: how many certificates it names.
    """

    sha256: str
    issuer: str
    number: str | None
    this_update: datetime
    next_update: datetime | None
    entries: int


def _in_force(first: date | None, last: date | None, on: date) -> bool:
    return (first is None or first <= on) and (last is None or on <= last)
