"""Every knob of the node: meaning, unit, default and why. Read at the edge only; rooms get values, never this object.

Sources, strongest first: arguments, environment `TRUC_*`, the TOML file that `TRUC_CONFIG` names. Unknown names are
refused, so that a misspelt setting never silently falls back to its default.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from app.errors import RequestInvalid

_PREFIX = "TRUC_"
_CONFIG_VARIABLE = "TRUC_CONFIG"
_NOT_SETTINGS = frozenset(
    {_CONFIG_VARIABLE, "TRUC_TEST_POSTGRES_URL", "TRUC_CLIENT_URL", "TRUC_CLIENT_ID", "TRUC_CLIENT_SECRET"}
)
"""Names of others: of the tests, and of the commands that speak to a node as an agency's system does."""


class Settings(BaseSettings):
    """The node's settings; each field says what it means."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(default=Path("data"), description="Folder of bodies, keys and the default database.")
    database_url: str = Field(
        default="",
        description="`sqlite:///path` or `postgresql://user@host[:port][,host…]/name`; empty: truc.db in `data_dir`.",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8080",
        pattern=r"^https?://[^/?#\s]+(/[^?#\s]*[^/?#\s])?$",
        description="Address clients reach the node by, no slash at its end; issuer of its tokens and receipts.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on.")
    document_bytes_max: int = Field(
        default=128 * 1024 * 1024,
        ge=1024,
        description="Largest message in bytes; more is refused with 413 (default 128 MiB).",
    )
    spool_bytes: int = Field(
        default=1024 * 1024,
        ge=0,
        description="A body longer than this goes to disk while it is received (default 1 MiB).",
    )
    token_seconds: int = Field(default=3600, ge=60, le=3600, description="Lifetime of an access token (at most 1 h).")
    idempotency_days: int = Field(default=30, ge=1, le=365, description="How long an Idempotency-Key is remembered.")
    long_poll_seconds_max: int = Field(default=60, ge=0, le=300, description="Longest `wait` of an inbox poll.")
    strict_rules: bool = Field(
        default=False,
        description="Refuse what real senders get wrong (lengths, codes) of those without a policy of their own.",
    )
    regulations_file: Path | None = Field(
        default=None,
        description="TOML file whose tables replace those of the shipped rules of exchange; none: as shipped.",
    )
    unknown_revocation: Literal["accept", "refuse"] = Field(
        default="accept",
        description="Where it is not known whether a certificate is revoked: `accept` as INDETERMINATE, or `refuse`.",
    )
    seal_interval_seconds: float = Field(
        default=0.2, gt=0, le=1, description="Longest rest of the sealer between two looks for new events."
    )
    ledger_origin: str = Field(
        default="",
        pattern=r"^[^\s+]{0,200}$",
        description="Name the ledger gets with its first checkpoint and keeps for ever; empty: `public_url` without "
        "its scheme, and `/v1/ledger`.",
    )
    ledger_witnesses: str = Field(
        default="",
        description="Verifier keys of witnesses whose cosignatures are taken (C2SP `name+hash+key`), blanks between.",
    )
    ledger_cosignature_seconds: float = Field(
        default=60, ge=0, le=86400, description="Shortest time between two cosignatures of one witness."
    )
    close_months: bool = Field(
        default=True,
        description="Freeze the figures of months that are over; of several processes it is enough that one does.",
    )
    month_grace_days: int = Field(
        default=5,
        ge=0,
        le=31,
        description="Days from the end of a month until it is closed: time to see to a process whose clock was behind.",
    )
    month_reissue_hours: int = Field(
        default=24,
        ge=1,
        le=31 * 24,
        description="Least hours between two versions of a closed month whose figures moved.",
    )
    deadline_interval_seconds: float = Field(
        default=60, gt=0, le=3600, description="Rest between two looks for what is undelivered, expired or overdue."
    )
    verify_threads: int = Field(
        default=2, ge=1, le=64, description="Threads that verify documents too long to be verified on the event loop."
    )
    unpacked_bytes_max: int = Field(
        default=512 * 1024 * 1024,
        ge=1024 * 1024,
        description="Most bytes that come out of all ZIPs around the attachments of one message (default 512 MiB).",
    )
    unpacked_ratio_max: int = Field(
        default=200, ge=2, le=1032, description="Most bytes out of such a ZIP for one byte in, for files over 8 MiB."
    )
    executable_attachments: Literal["refuse", "accept"] = Field(
        default="refuse", description="What to do with programs and scripts; `accept` leaves a warning."
    )
    scanner_address: str = Field(
        default="",
        description="Where a malware scanner listens that speaks clamd's protocol: `tcp://host:port` or "
        "`unix:///path`; empty: attachments are not scanned.",
    )
    scanner_unavailable: Literal["refuse", "accept"] = Field(
        default="refuse",
        description="Where an attachment cannot be scanned: `refuse` (503, the sender tries again; 422 where it is too "
        "long), or `accept`, which leaves a warning.",
    )
    scanner_seconds_max: float = Field(
        default=30.0, gt=0, le=300, description="Longest time for the scan of one attachment."
    )
    scanner_bytes_max: int = Field(
        default=100 * 1024 * 1024,
        ge=1024,
        description="Longest attachment that is sent to the scanner; clamd's StreamMaxLength (default 100 MiB).",
    )
    pdf_processes: int = Field(
        default=1,
        ge=0,
        le=8,
        description="Processes that look into PDF attachments after acceptance; 0: this process does not.",
    )
    pdf_seconds_max: float = Field(
        default=30.0, gt=0, le=300, description="Longest time for one PDF; the process that takes longer is killed."
    )
    pdf_bytes_max: int = Field(
        default=64 * 1024 * 1024,
        ge=1024,
        description="Longest PDF in bytes whose signatures are looked at (default 64 MiB).",
    )
    certificate_proof_required: bool = Field(
        default=False,
        description="Register certificates over the API only with a proof that the agency holds the private key.",
    )
    node_key_pkcs11_module: Path | None = Field(
        default=None,
        description="PKCS#11 module of the token that holds the node's signing key; none: the key lies in a file.",
    )
    node_key_pkcs11_token: str = Field(default="", max_length=32, description="Label of that token.")
    node_key_pkcs11_pin_file: Path | None = Field(
        default=None, description="File with its PIN, closed to everybody but owner and group; none: it needs no PIN."
    )
    node_key_pkcs11_label: str = Field(
        default="truc-node", min_length=1, max_length=64, description="Label of the P-256 key, later ones `…-0002`."
    )
    webhook_private_targets: bool = Field(
        default=False,
        description="Let webhooks use http, and private and loopback addresses; for networks of one's own, and tests.",
    )
    webhook_ca_file: Path | None = Field(
        default=None,
        description="PEM file of authorities that webhook servers may have certificates of, besides the system's.",
    )
    webhook_timeout_seconds: float = Field(
        default=15.0, ge=1, le=30, description="Longest time from connecting to a webhook's server to its answer."
    )
    webhook_retention_days: int = Field(
        default=30, ge=4, le=365, description="How long settled webhook messages and their attempts are kept."
    )
    revocation_fetch: bool = Field(
        default=True, description="Fetch revocation lists and OCSP answers from where certificates say they are."
    )
    revocation_private_targets: bool = Field(
        default=False,
        description="Let revocations and timestamps be fetched from private and loopback addresses.",
    )
    revocation_timeout_seconds: float = Field(
        default=30.0, ge=1, le=300, description="Longest time for one answer of an authority's server."
    )
    revocation_interval_seconds: float = Field(
        default=6 * 3600,
        ge=1,
        le=7 * 86400,
        description="Longest rest between two fetches from one source; sooner where its answer is good for less.",
    )
    timestamp_authority_url: str = Field(
        default="",
        description="Address of the RFC 3161 authority that stamps receipts; empty: none are stamped.",
    )
    timestamp_interval_seconds: float = Field(
        default=60, gt=0, le=3600, description="Rest between two batches of receipts that are stamped together."
    )
    timestamp_policy: str = Field(
        default="",
        pattern=r"^([0-2](\.(0|[1-9][0-9]{0,30})){1,20})?$",
        description="OID of the policy time stamps must be made under; empty: any.",
    )
    log_format: Literal["json", "console"] = Field(default="json", description="Form of log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Lowest level logged.")

    @property
    def effective_database_url(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'truc.db'}"

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        if path := os.environ.get(_CONFIG_VARIABLE):
            # Not the TOML source of the library: it takes a file that is not there for an empty one.
            sources.append(InitSettingsSource(settings_cls, init_kwargs=_in_file(Path(path))))
        return tuple(sources)


def load(**arguments: object) -> Settings:
    """Read the settings from all sources.

    Raises:
        RequestInvalid: a value is out of range, a name is unknown, or the file cannot be read; the detail says which.
    """
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(_PREFIX) and name.upper() not in known | _NOT_SETTINGS
    )
    if unknown:
        raise RequestInvalid(f"unknown settings in the environment: {', '.join(unknown)}")
    try:
        return Settings(**{name: value for name, value in arguments.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise RequestInvalid(f"settings: {problems}") from error


def _in_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestInvalid(f"{_CONFIG_VARIABLE}: {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise RequestInvalid(f"{_CONFIG_VARIABLE}: {path} is not TOML ({error})") from error
