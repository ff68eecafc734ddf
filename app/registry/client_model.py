"""The values of clients: the systems that sign in, what they may ask for, and whom they act for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from typing_extensions import override

from app.edxml.organ_id import OrganId, OrganIdForm
from app.errors import RequestInvalid
from app.findings import Finding, Severity

if TYPE_CHECKING:
    from app.registry.model import Agency

_SUBTREE_SUFFIX = ".*"


class Scope(StrEnum):
    """What a client may ask for."""

    EXCHANGE = "exchange"
    """Send, read and report for the client's own agencies."""
    REGISTRY_READ = "registry.read"
    """Read the directory; every client may."""
    REGISTRY_WRITE = "registry.write"
    """Change agencies, certificates, trust anchors and clients."""
    AUDIT = "audit"
    """Read the delivery log of every agency, never what documents say."""
    STATISTICS = "statistics"
    """Read statistics."""


class ClientStatus(StrEnum):
    """Whether a client may sign in."""

    ACTIVE = "active"
    """It may."""
    DISABLED = "disabled"
    """An administrator shut it out; it may be enabled again."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One agency a client acts for, or a whole subtree of them.

    Attributes:
        code: the agency's code, or the code the subtree starts at.
        subtree: `H28.*`: the agency `H28` and all whose code begins with `H28.`. The comparison is of text, over an
            agency's own code and its aliases; parents in the directory play no part, and neither do codes of the form
            `000.00.28.H28`, so that nothing is granted that the pattern does not say (ours).
    """

    code: OrganId
    subtree: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code or a subtree pattern.

        Raises:
            RequestInvalid: not a code, or a pattern over a code that has no codes below it.
        """
        if not text.endswith(_SUBTREE_SUFFIX):
            return cls(OrganId.parse(text))
        code = OrganId.parse(text.removesuffix(_SUBTREE_SUFFIX))
        if code.form is not OrganIdForm.HIERARCHICAL:
            finding = Finding(
                code="ours.grant.no-subtree",
                severity=Severity.ERROR,
                message=f"The code {code} of the pattern {text!r} is not of the form that has codes below it.",
                fix="Write a pattern over a code such as H28 or H28.05, or name each agency.",
                source="QĐ 20/2020/QĐ-TTg Đ4; ours",
            )
            raise RequestInvalid(finding.message, findings=[finding])
        return cls(code, subtree=True)

    def covers(self, code: OrganId) -> bool:
        """Whether the grant names this code."""
        return code == self.code or (self.subtree and code.text.startswith(f"{self.code}."))

    @override
    def __str__(self) -> str:
        return f"{self.code}{_SUBTREE_SUFFIX}" if self.subtree else self.code.text


@dataclass(frozen=True, slots=True)
class Client:
    """A system that signs in: of a document office, an administrator, an auditor or a statistician.

    Attributes:
        scopes: what was granted to it; see `may` for what it has without being granted.
        agencies: whom it acts for.
        has_secret: whether it can sign in with a secret; if not, only with a key (RFC 7523).
        version: counts the changes of this record from 1; the ETag.
    """

    client_id: str
    name: str
    scopes: frozenset[Scope]
    agencies: tuple[Grant, ...]
    status: ClientStatus
    has_secret: bool
    version: int
    created_at: datetime

    @property
    def effective_scopes(self) -> frozenset[Scope]:
        """The scopes it may ask a token for: those granted, and reading the directory."""
        return self.scopes | {Scope.REGISTRY_READ}

    def may_act_for(self, who: "Agency | OrganId") -> bool:
        """Whether a grant covers one of the agency's codes; of a bare code, whether one covers that very code."""
        codes = (who,) if isinstance(who, OrganId) else who.codes
        return any(grant.covers(code) for grant in self.agencies for code in codes)
