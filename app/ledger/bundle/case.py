"""What the steps of one check hand on to each other. Each step fills in what it found; None means it did not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509

from app.errors import NotAuthenticated
from app.ledger.bundle import layout
from app.ledger.bundle.bounded_json import JsonRefused, read_object
from app.ledger.bundle.container import Container, ContainerUnreadable
from app.ledger.bundle.steps import Tally
from app.ledger.bundle.trust import Trust
from app.ledger.events import EventKind
from app.signing.checkpoint import Checkpoint
from app.signing.node_key import TOKEN_CHARACTERS_MAX, verify_jws

RECEIPT_TYP: Final = "receipt+jwt"
"""`typ` of receipts, as the rooms above that write them call it."""
CLOCKS_APART_MAX: Final = timedelta(minutes=5)
"""How far the clock of whoever made something may be ahead of ours."""
_JSON_OCTETS_MAX: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the ledger, as the bundle has it.

    Attributes:
        body: the octets its leaf is made from.
        said: what they say.
    """

    index: int
    body: bytes
    said: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Kind of event."""
        return str(self.said.get("kind"))

    @property
    def detail(self) -> Mapping[str, Any]:
        """Further ids, digests and codes."""
        detail = self.said.get("detail")
        return detail if isinstance(detail, dict) else {}


@dataclass(slots=True)
class Case:
    """A bundle while it is checked.

    Attributes:
        now: the moment of checking; only to find what says it comes from the future.
        manifest: what the bundle says it is about; to be relied on as far as step 1 went.
        checkpoint: the tree the log signed; None where that is not proven.
        text: of the checkpoint's note.
        seen_at: until when the log was seen not to have forgotten anything, by stamp or witness; None: nobody says.
        events: those that are proven to be in the tree, in order.
        receipt: what the receipt says, once its signature holds.
        stamp: when the receipt existed at the latest, if that is proven.
        signers: certificates that made the document's signatures, the last one last.
        signature_holds: whether all of its signatures are proven, trust included; None where they were not looked at.
        moment: when the signature existed at the latest, as far as proven.
        reports: verification reports that are what the log says they are, by revision.
    """

    container: Container
    trust: Trust
    now: datetime
    manifest: layout.Manifest | None = None
    checkpoint: Checkpoint | None = None
    text: str = ""
    seen_at: datetime | None = None
    events: tuple[Entry, ...] = ()
    receipt: Mapping[str, Any] | None = None
    stamp: datetime | None = None
    signers: tuple[x509.Certificate, ...] = ()
    signature_holds: bool | None = None
    moment: datetime | None = None
    reports: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    _roles: dict[layout.Role | None, list[str]] = field(default_factory=dict)

    @property
    def accepted(self) -> Entry | None:
        """The event of the document's acceptance."""
        return next(self.of_kind(EventKind.DOCUMENT_ACCEPTED), None)

    @property
    def is_pending(self) -> bool:
        """Whether the node says that the tree does not cover all events yet; then some may be missing rightly."""
        return self.manifest is not None and self.manifest.events_pending > 0

    def of_kind(self, kind: EventKind) -> Iterator[Entry]:
        """Give the proven events of a kind."""
        return (each for each in self.events if each.kind == kind.value)

    def text_of(self, name: str, *, octets_max: int = TOKEN_CHARACTERS_MAX) -> str:
        """Return a member as text.

        Raises:
            ContainerUnreadable: it is too long, broken, or no UTF-8.
        """
        try:
            return self.container.read(name, octets_max=octets_max).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ContainerUnreadable("it is no text in UTF-8", name) from error

    def object_of(self, name: str, *, octets_max: int = _JSON_OCTETS_MAX) -> dict[str, Any]:
        """Return a member as a JSON object.

        Raises:
            ContainerUnreadable: it is too long, broken, or none.
        """
        try:
            return read_object(self.container.read(name, octets_max=octets_max))
        except JsonRefused as error:
            raise ContainerUnreadable(f"it cannot be read as JSON: {error}", name) from error

    def names_of(self, role: layout.Role) -> list[str]:
        """Return the members of a role, sorted."""
        if not self._roles:
            for name in sorted(self.container.names):
                self._roles.setdefault(layout.role_of(name), []).append(name)
        return self._roles.get(role, [])

    def signed_by_node(self, tally: Tally, name: str, *, typ: str) -> Mapping[str, Any] | None:
        """Return the claims of a member that the node signed; note it where it did not."""
        token = self.text_of(name)
        if not self.trust.receipts:
            tally.missing("jws.no-key", file=name)
            return None
        try:
            return verify_jws(token, keys=self.trust.receipts, typ=typ)
        except NotAuthenticated as error:
            if "names an unknown key" in error.detail:
                tally.missing("jws.unknown-key", file=name, why=error)
            else:
                tally.contradicted("jws.refused", file=name, why=error)
            return None


def moment_of(text: object) -> datetime | None:
    """Read an instant as events write it; None for anything else, and beyond years that any zone can show."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None and 1 < moment.year < MAXYEAR else None
