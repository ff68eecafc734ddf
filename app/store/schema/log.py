"""Events in their order, what finds them, and what proves that they are whole."""

import sqlalchemy as sa

from app.store.columns import Instant
from app.store.schema.conventions import Code, Id, Sha256, metadata

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=True, unique=True, comment="ledger index; null until sealed"),
    sa.Column("at", Instant, nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("outcome", sa.String(12), nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("agency", Code, nullable=True),
    sa.Column("tier", sa.String(16), nullable=True),
    sa.Column("branch", sa.String(20), nullable=True),
    sa.Column("document_type", sa.String(40), nullable=True),
    sa.Column("peer_tier", sa.String(16), nullable=True, comment="tier of the document's sender, on deliveries"),
    sa.Column("document", Id, nullable=True),
    sa.Column("delivery", Id, nullable=True, index=True),
    sa.Column("measures", sa.String(80), nullable=True, comment="figures it counts in, between blanks"),
    sa.Column("durations", sa.String(120), nullable=True, comment="name:seconds of each time it ends, between blanks"),
    sa.Column("body", sa.Text, nullable=False, comment="canonical JSON (RFC 8785); what the leaf hashes"),
    sa.Column("leaf_hash", Sha256, nullable=False, comment="RFC 6962 §2.1 leaf hash of body"),
)
_unsealed = events.c.position.is_(None)
sa.Index("ix_events_unsealed", events.c.id, sqlite_where=_unsealed, postgresql_where=_unsealed)
sa.Index("ix_events_kind_position", events.c.kind, events.c.position)
sa.Index("ix_events_agency_kind_position", events.c.agency, events.c.kind, events.c.position)
sa.Index("ix_events_document_position", events.c.document, events.c.position)
# Written when an event is sealed and not before: whoever searches by them asks for sealed events alone.
_sealed = events.c.position.is_not(None)
sa.Index(
    "ix_events_agency_position",
    events.c.agency,
    events.c.position,
    sqlite_where=_sealed,
    postgresql_where=_sealed,
)
sa.Index("ix_events_actor_position", events.c.actor, events.c.position, sqlite_where=_sealed, postgresql_where=_sealed)
REFUSED = "outcome = 'refused'"
"""Few events among many; queries say it in the same words."""
sa.Index(
    "ix_events_refused",
    events.c.outcome,
    events.c.position,
    sqlite_where=sa.text(REFUSED),
    postgresql_where=sa.text(REFUSED),
)
NOBODYS_REFUSAL = "agency IS NULL AND outcome = 'refused'"
"""Which refusals no agency could be told of, because the message did not come as far as its sender."""
sa.Index(
    "ix_events_nobodys_refusal",
    events.c.actor,
    events.c.kind,
    events.c.position,
    sqlite_where=sa.text(NOBODYS_REFUSAL),
    postgresql_where=sa.text(NOBODYS_REFUSAL),
)

event_blocks = sa.Table(
    "event_blocks",
    metadata,
    sa.Column(
        "number", sa.BigInteger, primary_key=True, autoincrement=False, comment="index of its first event / 1024"
    ),
    sa.Column(
        "first_at", Instant, nullable=False, comment="least moment of its events, which are not in order of time"
    ),
    sa.Column("last_at", Instant, nullable=False, comment="greatest"),
    sa.Column("holds", sa.Text, nullable=False, comment="what its events are of: type, tier, measure …, one a line"),
)

ledger_state = sa.Table(
    "ledger_state",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False, comment="number of sealed events; the next index"),
    sa.Column("sealed_at", Instant, nullable=True),
    sa.Column("origin", sa.Text, nullable=True, comment="name of the log, fixed by its first checkpoint"),
    sa.Column("sealer", sa.String(64), nullable=True, comment="process that seals until lease_until"),
    sa.Column("lease_until", Instant, nullable=True),
    sa.Column(
        "epoch", sa.BigInteger, nullable=False, server_default="0", comment="how often another process took over"
    ),
)

ledger_tiles = sa.Table(
    "ledger_tiles",
    metadata,
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hashes", sa.LargeBinary, nullable=False, comment="1 to 256 hashes of 32 octets (C2SP tlog-tiles)"),
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("root", Sha256, nullable=False),
    sa.Column("note", sa.Text, nullable=False, comment="as the log signed it (C2SP signed-note)"),
    sa.Column("published_at", Instant, nullable=False),
    sa.Column("kept", sa.Boolean, nullable=False, comment="false: gone when the next one is published"),
    sa.Column("token", Sha256, nullable=True, comment="RFC 3161 token over the note's text, in `evidence`"),
    sa.Column("stamped_at", Instant, nullable=True, comment="genTime of the token"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("problem", sa.Text, nullable=True),
    sa.Column("next_try_at", Instant, nullable=True, comment="null where no time stamp is wanted, or it is there"),
)
sa.Index("ix_checkpoints_published_at", checkpoints.c.published_at)
sa.Index("ix_checkpoints_next_try_at", checkpoints.c.next_try_at)

cosignatures = sa.Table(
    "cosignatures",
    metadata,
    sa.Column("size", sa.BigInteger, sa.ForeignKey("checkpoints.size"), primary_key=True),
    sa.Column("witness", sa.String(300), primary_key=True, comment="its verifier key"),
    sa.Column("line", sa.Text, nullable=False, comment="its signature line (C2SP tlog-cosignature)"),
    sa.Column("cosigned_at", Instant, nullable=False, comment="when it says it saw the checkpoint"),
)
