"""One running node: the parts the rooms work with, put together once from the settings.

The composition root. Rooms get values and parts; nobody below reads the settings.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from app.edxml.attachments import AttachmentRules
from app.edxml.wrapper import UnpackLimits
from app.errors import RequestInvalid
from app.exchange.desk import Desk, Policy
from app.exchange.doorbell import Doorbell
from app.exchange.pdf_readers import PdfReaders
from app.exchange.scan import NotScanned, Scanning
from app.exchange.stamping import Stamping
from app.findings import Severity
from app.ledger.closing import Closing
from app.ledger.publish import Publisher
from app.registry.agency_list import AgencyLists
from app.registry.mistakes import Mistakes
from app.registry.system_keys import SystemKeys
from app.registry.trust import TrustCache
from app.regulations.file import load as load_regulations
from app.remote.call import Limits
from app.remote.fetch import Fetch
from app.remote.post import Post
from app.remote.scanner import Scanner, ScannerAddress
from app.remote.target import Target
from app.settings import Settings
from app.signing.ledger_key import LedgerKey
from app.signing.node_key import KeyToken, NodeKey
from app.signing.note import COSIGNATURE, VerifierKey
from app.signing.path import UnknownRevocation
from app.signing.pkcs11 import Token, pin_of
from app.signing.sealing_key import SealingKey
from app.store.blobs import BlobStore
from app.store.database import Database
from app.webhooks.hooks import Hooks
from app.webhooks.hooks import Policy as HookPolicy

KEYS_FOLDER = "keys"
"""Below the data folder; 0700."""

FETCHED_BYTES_MAX = 32 * 1024 * 1024
"""Longest answer of an authority's server: a list of 900,000 revocations."""

_WITNESS_CHARS_MAX = 300
"""Longest verifier key of a witness, as its cosignatures are kept by it."""

_EXECUTABLES = {"refuse": Severity.ERROR, "accept": Severity.WARNING}
_UNKNOWN_REVOCATION = {"accept": UnknownRevocation.ACCEPT, "refuse": UnknownRevocation.REFUSE}


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is open for work.

    Attributes:
        settings: as it was started with.
        desk: what the exchange works with; the other parts are in there.
        hooks: what webhooks work with.
        fetch: how revocations and timestamps are fetched, by the worker alone.
        readers: the processes that look into PDFs.
        stamping: what time stamps of receipts need; None where no authority is configured.
        publisher: what signs checkpoints of the ledger.
        systems: whose requests are signed with a secret instead of carrying a token.
        lists: of all agencies, as older protocols ask for them.
        witnesses: whose cosignatures of them are taken.
    """

    settings: Settings
    desk: Desk
    hooks: Hooks
    fetch: Fetch
    readers: PdfReaders
    stamping: Stamping | None
    publisher: Publisher
    systems: SystemKeys
    lists: AgencyLists
    witnesses: tuple[VerifierKey, ...] = ()

    @property
    def database(self) -> Database:
        """Where state is."""
        return self.desk.database

    @property
    def blobs(self) -> BlobStore:
        """Where bodies are."""
        return self.desk.blobs

    @property
    def key(self) -> NodeKey:
        """What receipts and tokens are signed with."""
        return self.desk.key

    @property
    def closing(self) -> Closing:
        """What closes months."""
        settings = self.settings
        return Closing(
            self.publisher,
            self.blobs,
            grace=timedelta(days=settings.month_grace_days),
            rest=timedelta(hours=settings.month_reissue_hours),
        )

    @property
    def trust(self) -> TrustCache:
        """What is trusted."""
        return self.desk.trust

    @property
    def mistakes(self) -> Mistakes:
        """Where it is counted what systems send wrongly."""
        return self.desk.mistakes

    async def close(self) -> None:
        """Give everything back; the node must not be used afterwards."""
        await self.desk.gatherer.close()
        with suppress(Exception):
            # An aid: what cannot be written now is given up, whatever the reason.
            await self.mistakes.flush(self.database)
        self.desk.verifiers.shutdown(wait=True, cancel_futures=True)
        await self.readers.close()
        self.hooks.post.close()
        self.fetch.close()
        await self.database.close()


async def open_node(settings: Settings) -> Node:
    """Open a node on its data folder and database; makes the folder and the node's key where they are missing.

    Raises:
        RequestInvalid: the database URL, the regulations file, the file of authorities, the address of the
            time-stamping authority or the key of a witness cannot be used.
        DataFault: a key of the node is readable by others, damaged, or not in the token it should be in.
        Unavailable: the token of the node's key does not answer.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    witnesses = witnesses_of(settings.ledger_witnesses)
    database = Database(settings.effective_database_url)
    policy = Policy(
        body_bytes_max=settings.document_bytes_max,
        spool_bytes=settings.spool_bytes,
        strict=settings.strict_rules,
        unknown_revocation=_UNKNOWN_REVOCATION[settings.unknown_revocation],
        idempotency_days=settings.idempotency_days,
        issuer=settings.public_url,
        regulations=load_regulations(settings.regulations_file),
        attachments=_attachment_rules(settings),
    )
    desk = Desk(
        database=database,
        blobs=BlobStore(settings.data_dir),
        key=NodeKey.open(settings.data_dir / KEYS_FOLDER, key_token(settings)),
        trust=TrustCache(),
        doorbell=Doorbell(),
        verifiers=ThreadPoolExecutor(settings.verify_threads, thread_name_prefix="verify"),
        policy=policy,
        scanning=_scanning(settings),
    )
    sealing = SealingKey.open(settings.data_dir / KEYS_FOLDER)
    hooks = Hooks(
        database=database,
        sealing=sealing,
        post=Post(
            limits=Limits(total=settings.webhook_timeout_seconds),
            private=settings.webhook_private_targets,
            ca_file=settings.webhook_ca_file,
        ),
        policy=HookPolicy(settings.public_url, settings.webhook_retention_days),
    )
    fetch = Fetch(
        limits=Limits(total=settings.revocation_timeout_seconds),
        private=settings.revocation_private_targets,
        bytes_max=FETCHED_BYTES_MAX,
    )
    readers = PdfReaders(settings.pdf_processes, settings.pdf_seconds_max)
    publisher = publisher_of(settings, database)
    stamping = _stamping(settings, database, fetch)
    systems, lists = SystemKeys(database, sealing), AgencyLists(database)
    return Node(settings, desk, hooks, fetch, readers, stamping, publisher, systems, lists, witnesses)


def publisher_of(settings: Settings, database: Database) -> Publisher:
    """Make what signs checkpoints, and knows what was signed; the first call makes the ledger's key.

    Raises:
        DataFault: a key file can be read by group or others, is no regular file, or holds no such key.
    """
    return Publisher(
        database,
        LedgerKey.open(settings.data_dir / KEYS_FOLDER),
        settings.ledger_origin or origin_of(settings.public_url),
        stamped=bool(settings.timestamp_authority_url),
    )


def origin_of(public_url: str) -> str:
    """Return the name of the ledger of a node at this address: the address of its tiles without the scheme."""
    return f"{public_url.partition('://')[2]}/v1/ledger"


def witnesses_of(text: str) -> tuple[VerifierKey, ...]:
    """Read the keys of witnesses from the setting.

    Raises:
        RequestInvalid: one of them is none, is that of a log, or has too long a name to be kept.
    """
    found = tuple(VerifierKey.read(each) for each in text.split())
    for key in found:
        if key.algorithm != COSIGNATURE:
            raise RequestInvalid(f"settings: ledger_witnesses: {key.name!r} has the key of a log, not of a witness")
        if len(str(key)) > _WITNESS_CHARS_MAX:
            raise RequestInvalid(f"settings: ledger_witnesses: {key.name[:60]!r}… is too long a name")
    return found


def _scanning(settings: Settings) -> Scanning | None:
    if not settings.scanner_address:
        return None
    address = ScannerAddress.parse(settings.scanner_address)
    scanner = Scanner(address, settings.scanner_seconds_max, settings.scanner_bytes_max)
    return Scanning(scanner, NotScanned(settings.scanner_unavailable))


def _attachment_rules(settings: Settings) -> AttachmentRules:
    total = settings.unpacked_bytes_max
    usual = UnpackLimits()
    return AttachmentRules(
        UnpackLimits(
            file_bytes_max=min(usual.file_bytes_max, total),
            total_bytes_max=total,
            ratio_max=settings.unpacked_ratio_max,
        ),
        _EXECUTABLES[settings.executable_attachments],
    )


def _stamping(settings: Settings, database: Database, fetch: Fetch) -> Stamping | None:
    url = settings.timestamp_authority_url
    if not url:
        return None
    # An address that can never be called is to be found at the start, not by its receipts having no time stamps.
    Target.parse(url, private=fetch.private, plain=True)
    interval = timedelta(seconds=settings.timestamp_interval_seconds)
    return Stamping(database, fetch, url, interval, settings.timestamp_policy or None)


def key_token(settings: Settings) -> KeyToken | None:
    """Return where the node's signing key lies by the settings, None for a file.

    Raises:
        RequestInvalid: a module without a token, or the other way round.
    """
    module, pin_file = settings.node_key_pkcs11_module, settings.node_key_pkcs11_pin_file
    if (module is None) != (not settings.node_key_pkcs11_token):
        raise RequestInvalid("settings: node_key_pkcs11_module and node_key_pkcs11_token go together")
    if module is None:
        return None
    pin = partial(pin_of, pin_file) if pin_file is not None else None
    return KeyToken(Token(module, settings.node_key_pkcs11_token, pin), settings.node_key_pkcs11_label)
