"""The ledger as a tree: tiles over the events of before, checkpoints, closed months, retention, words to search by."""

import hashlib
import json
from itertools import groupby

import sqlalchemy as sa
from alembic import op

from app.store.columns import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_EVENTS_AT_ONCE = 256 * 40

_MEASURES = (
    "sent", "received", "acknowledged", "statuses", "refused", "withdrawn", "signed", "with_paper", "electronic_only",
    "revocations", "updates", "replacements", "on_time", "late", "withdrawal_requests", "changes_accepted",
    "changes_refused", "arrived", "accepted", "returned", "completed", "completed_on_time", "completed_late",
    "overdue", "undelivered", "expired", "redirected", "not_proven", "not_judged", "with_pdf", "pdf_signed",
)  # fmt: skip
_PLACE = ("tier", "branch", "document_type", "unit", "peer_tier")
_ROLLED = (("tier", "branch", "unit"), ("document_type",), ("tier", "peer_tier"))
_SPAN_KEY = ("month", "agency", "tier", "branch", "document_type", "unit", "peer_tier", "measure")
_ROWS_AT_ONCE = 5_000


def upgrade() -> None:
    op.create_table(
        "ledger_tiles",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False, comment="1 to 256 hashes of 32 octets (C2SP tlog-tiles)"),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_ledger_tiles")),
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, comment="as the log signed it (C2SP signed-note)"),
        sa.Column("published_at", Instant(length=27), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False, comment="false: gone when the next one is published"),
        sa.Column(
            "token",
            sa.String(length=64),
            nullable=True,
            comment="RFC 3161 token over the note's text, in `evidence`",
        ),
        sa.Column("stamped_at", Instant(length=27), nullable=True, comment="genTime of the token"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column(
            "next_try_at",
            Instant(length=27),
            nullable=True,
            comment="null where no time stamp is wanted, or it is there",
        ),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoints")),
    )
    op.create_index("ix_checkpoints_published_at", "checkpoints", ["published_at"], unique=False)
    op.create_index("ix_checkpoints_next_try_at", "checkpoints", ["next_try_at"], unique=False)
    op.create_table(
        "cosignatures",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("witness", sa.String(length=300), nullable=False, comment="its verifier key"),
        sa.Column("line", sa.Text(), nullable=False, comment="its signature line (C2SP tlog-cosignature)"),
        sa.Column("cosigned_at", Instant(length=27), nullable=False, comment="when it says it saw the checkpoint"),
        sa.ForeignKeyConstraint(["size"], ["checkpoints.size"], name=op.f("fk_cosignatures_size_checkpoints")),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_cosignatures")),
    )
    op.create_table(
        "closed_months",
        sa.Column("month", sa.String(length=7), nullable=False, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False, comment="from 1"),
        sa.Column("ledger_size", sa.BigInteger(), nullable=False, comment="events its figures cover"),
        sa.Column("root", sa.String(length=64), nullable=False, comment="of the ledger at that size"),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of the report, a body of its own"),
        sa.Column("made_at", Instant(length=27), nullable=False),
        sa.PrimaryKeyConstraint("month", "version", name=op.f("pk_closed_months")),
    )
    op.create_table(
        "counted_months",
        sa.Column("month", sa.String(length=7), nullable=False, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
        sa.Column(
            "ledger_size",
            sa.BigInteger(),
            nullable=False,
            comment="one past the last event that counts in this month",
        ),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_counted_months")),
    )
    op.create_table(
        "rolled_figures",
        sa.Column("month", sa.String(length=7), nullable=False, comment="YYYY-MM in Asia/Ho_Chi_Minh"),
        sa.Column(
            "tier",
            sa.String(length=16),
            nullable=False,
            comment="* where rows of figures of all tiers are added up",
        ),
        sa.Column("branch", sa.String(length=20), nullable=False),
        sa.Column("document_type", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("peer_tier", sa.String(length=16), nullable=False),
        *(sa.Column(measure, sa.BigInteger(), server_default="0", nullable=False) for measure in _MEASURES),
        sa.PrimaryKeyConstraint(
            "month", "tier", "branch", "document_type", "unit", "peer_tier", name=op.f("pk_rolled_figures")
        ),
    )
    op.create_table(
        "document_terms",
        sa.Column(
            "term",
            sa.String(length=40).with_variant(sa.String(length=40, collation="C"), "postgresql"),
            nullable=False,
            comment="word of its code or subject, folded",
        ),
        sa.Column("document", sa.Uuid(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name=op.f("fk_document_terms_document_documents")),
        sa.PrimaryKeyConstraint("term", "document", name=op.f("pk_document_terms")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_document_terms_document", "document_terms", ["document"], unique=False)
    op.create_table(
        "term_cursor",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "position",
            sa.BigInteger(),
            nullable=False,
            comment="ledger index up to which documents have their words",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_term_cursor")),
    )
    op.execute("INSERT INTO term_cursor (id, position) VALUES (1, -1)")
    op.create_table(
        "event_blocks",
        sa.Column(
            "number",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="index of its first event / 1024",
        ),
        sa.Column(
            "first_at",
            Instant(length=27),
            nullable=False,
            comment="least moment of its events, which are not in order of time",
        ),
        sa.Column("last_at", Instant(length=27), nullable=False, comment="greatest"),
        sa.Column(
            "holds",
            sa.Text(),
            nullable=False,
            comment="what its events are of: type, tier, measure …, one a line",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_event_blocks")),
    )
    op.drop_index("ix_events_at", table_name="events")
    op.drop_index("ix_events_document", table_name="events")
    op.create_index("ix_events_document_position", "events", ["document", "position"], unique=False)
    for column in ("agency", "actor"):
        op.create_index(
            f"ix_events_{column}_position",
            "events",
            [column, "position"],
            unique=False,
            sqlite_where=sa.text("position IS NOT NULL"),
            postgresql_where=sa.text("position IS NOT NULL"),
        )
    op.create_index(
        "ix_events_refused",
        "events",
        ["outcome", "position"],
        unique=False,
        sqlite_where=sa.text("outcome = 'refused'"),
        postgresql_where=sa.text("outcome = 'refused'"),
    )
    for table in ("documents", "status_reports"):
        op.add_column(
            table,
            sa.Column(
                "purged_at",
                Instant(length=27),
                nullable=True,
                comment="when its body was thrown away by the rules of retention",
            ),
        )
        op.create_index(f"ix_{table}_sha256", table, ["sha256"], unique=False)
    op.add_column(
        "documents",
        sa.Column(
            "held_at",
            Instant(length=27),
            nullable=True,
            comment="since when an order keeps its bodies from being purged",
        ),
    )
    op.add_column(
        "status_reports",
        sa.Column(
            "indication",
            sa.String(length=16),
            server_default="TOTAL-PASSED",
            nullable=False,
            comment="of the newest verification: TOTAL-PASSED, INDETERMINATE or TOTAL-FAILED",
        ),
    )
    reports = sa.table("status_reports", sa.column("indication", sa.String), sa.column("verification", sa.JSON))
    was = reports.c.verification["indication"].as_string()
    op.execute(reports.update().where(was.in_(("INDETERMINATE", "TOTAL-FAILED"))).values(indication=was))
    still_open = sa.text("indication = 'INDETERMINATE' AND purged_at IS NULL")
    op.create_index(
        "ix_status_reports_indeterminate",
        "status_reports",
        ["id"],
        unique=False,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.add_column(
        "ledger_state",
        sa.Column("origin", sa.Text(), nullable=True, comment="name of the log, fixed by its first checkpoint"),
    )
    op.add_column(
        "ledger_state",
        sa.Column("sealer", sa.String(length=64), nullable=True, comment="process that seals until lease_until"),
    )
    op.add_column("ledger_state", sa.Column("lease_until", Instant(length=27), nullable=True))
    op.add_column(
        "ledger_state",
        sa.Column(
            "epoch", sa.BigInteger(), server_default="0", nullable=False, comment="how often another process took over"
        ),
    )
    _plant(op.get_bind())
    _count_months(op.get_bind())
    _roll_up(op.get_bind())
    _pack(op.get_bind())


def _count_months(connection: sa.Connection) -> None:
    """Note for each month which event was the last to count in it, by the columns that were written with the event."""
    columns = ("position", "at", "measures", "durations")
    events = sa.table("events", *(sa.column(name) for name in columns))
    # Moments are text on SQLite, which rounds fractions; the zone of the months is seven hours ahead all year.
    local = (
        sa.func.strftime("%Y-%m", sa.func.substr(events.c.at, 1, 19), "+7 hours")
        if connection.dialect.name == "sqlite"
        else sa.func.to_char(sa.func.timezone("Asia/Ho_Chi_Minh", events.c.at), "YYYY-MM")
    )
    counted = sa.or_(events.c.measures.is_not(None), events.c.durations.is_not(None))
    last = (
        sa.select(local.label("month"), sa.func.max(events.c.position) + 1)
        .where(events.c.position.is_not(None), counted)
        .group_by(sa.text("month"))
    )
    months = sa.table("counted_months", sa.column("month"), sa.column("ledger_size"))
    connection.execute(months.insert().from_select(["month", "ledger_size"], last))


def _roll_up(connection: sa.Connection) -> None:
    """Add figures up over what most reports do not tell apart."""
    names = ("month", *_PLACE, *_MEASURES)
    figures, rolled = (sa.table(each, *(sa.column(name) for name in names)) for each in ("figures", "rolled_figures"))
    for kept in _ROLLED:
        told = ["month", *kept]
        place = [figures.c[name] if name in kept else sa.literal_column("'*'") for name in _PLACE]
        sums = (sa.cast(sa.func.sum(figures.c[name]), sa.BigInteger) for name in _MEASURES)
        query = sa.select(figures.c.month, *place, *sums).group_by(*(figures.c[name] for name in told))
        connection.execute(rolled.insert().from_select(names, query))


def _pack(connection: sa.Connection) -> None:
    """Keep the buckets of one key in one row."""
    op.rename_table("durations", "durations_before")
    if connection.dialect.name == "postgresql":
        # Else the new table's primary key could not have its name.
        op.execute("ALTER TABLE durations_before RENAME CONSTRAINT pk_durations TO pk_durations_before")
    lengths = {"month": 7, "agency": 35, "tier": 16, "branch": 20, "document_type": 40, "unit": 8, "peer_tier": 16}
    comments = {"month": "YYYY-MM in Asia/Ho_Chi_Minh"}
    op.create_table(
        "durations",
        *(
            sa.Column(name, sa.String(length=length), nullable=False, comment=comments.get(name))
            for name, length in lengths.items()
        ),
        sa.Column("measure", sa.String(length=24), nullable=False),
        sa.Column(
            "counts", sa.Text(), nullable=False, comment="JSON: bucket (see statistics.spread), how many, bucket, …"
        ),
        sa.PrimaryKeyConstraint(*_SPAN_KEY, name=op.f("pk_durations")),
    )
    before = sa.table("durations_before", *(sa.column(name) for name in (*_SPAN_KEY, "bucket", "count")))
    packed = sa.table("durations", *(sa.column(name) for name in (*_SPAN_KEY, "counts")))
    order = [before.c[name] for name in (*_SPAN_KEY, "bucket")]
    for month in connection.execute(sa.select(before.c.month).distinct()).scalars().all():
        rows = connection.execute(sa.select(*order, before.c["count"]).where(before.c.month == month).order_by(*order))
        written = []
        for key, several in groupby(rows.all(), key=lambda row: tuple(row[:-2])):
            counts = json.dumps([number for row in several for number in row[-2:]], separators=(",", ":"))
            written.append({**dict(zip(_SPAN_KEY, key, strict=True)), "counts": counts})
        for start in range(0, len(written), _ROWS_AT_ONCE):
            connection.execute(packed.insert(), written[start : start + _ROWS_AT_ONCE])
    op.drop_table("durations_before")


def _unpack(connection: sa.Connection) -> None:
    op.rename_table("durations", "durations_packed")
    if connection.dialect.name == "postgresql":
        op.execute("ALTER TABLE durations_packed RENAME CONSTRAINT pk_durations TO pk_durations_packed")
    lengths = {"month": 7, "agency": 35, "tier": 16, "branch": 20, "document_type": 40, "unit": 8, "peer_tier": 16}
    op.create_table(
        "durations",
        *(sa.Column(name, sa.String(length=length), nullable=False) for name, length in lengths.items()),
        sa.Column("measure", sa.String(length=24), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*_SPAN_KEY, "bucket", name=op.f("pk_durations")),
    )
    packed = sa.table("durations_packed", *(sa.column(name) for name in (*_SPAN_KEY, "counts")))
    after = sa.table("durations", *(sa.column(name) for name in (*_SPAN_KEY, "bucket", "count")))
    for row in connection.execute(sa.select(packed)).mappings().all():
        try:
            counts = json.loads(row["counts"])
        except ValueError:
            # Somebody spoilt it; a recount says what is missing.
            continue
        key = {name: row[name] for name in _SPAN_KEY}
        connection.execute(
            after.insert(),
            [{**key, "bucket": counts[at], "count": counts[at + 1]} for at in range(0, len(counts), 2)],
        )
    op.drop_table("durations_packed")


def _plant(connection: sa.Connection) -> None:
    """Build the tree over what was sealed before there was one, from the bodies, as far as indices have no gap."""
    events = sa.table("events", sa.column("position", sa.BigInteger), sa.column("body", sa.Text))
    tiles = sa.table("ledger_tiles", *(sa.column(name) for name in ("level", "number")), sa.column("hashes"))
    levels: list[_Level] = []
    expected = 0
    while True:
        query = sa.select(events.c.position, events.c.body).where(events.c.position >= expected)
        rows = connection.execute(query.order_by(events.c.position).limit(_EVENTS_AT_ONCE)).all()
        written: list[dict[str, object]] = []
        for position, body in rows:
            if position != expected:
                break
            expected += 1
            _append(levels, 0, hashlib.sha256(b"\x00" + body.encode("utf-8")).digest(), written)
        if written:
            connection.execute(tiles.insert(), written)
        if len(rows) < _EVENTS_AT_ONCE or rows[-1].position != expected - 1:
            break
    left = [
        {"level": number, "number": level.full, "hashes": b"".join(level.begun)}
        for number, level in enumerate(levels)
        if level.begun
    ]
    if left:
        connection.execute(tiles.insert(), left)


class _Level:
    """How many tiles of a level are full, and the hashes of the one that is not; of ten million events nothing else."""

    def __init__(self) -> None:
        self.full = 0
        self.begun: list[bytes] = []


def _append(levels: list[_Level], number: int, digest: bytes, written: list[dict[str, object]]) -> None:
    if len(levels) == number:
        levels.append(_Level())
    level = levels[number]
    level.begun.append(digest)
    if len(level.begun) < 256:
        return
    tile, level.begun = level.begun, []
    written.append({"level": number, "number": level.full, "hashes": b"".join(tile)})
    level.full += 1
    while len(tile) > 1:
        tile = [hashlib.sha256(b"\x01" + tile[at] + tile[at + 1]).digest() for at in range(0, len(tile), 2)]
    _append(levels, number + 1, tile[0], written)


def downgrade() -> None:
    _unpack(op.get_bind())
    op.drop_table("rolled_figures")
    op.drop_column("ledger_state", "epoch")
    op.drop_column("ledger_state", "lease_until")
    op.drop_column("ledger_state", "sealer")
    op.drop_column("ledger_state", "origin")
    op.drop_column("documents", "held_at")
    still_open = sa.text("indication = 'INDETERMINATE' AND purged_at IS NULL")
    op.drop_index(
        "ix_status_reports_indeterminate",
        table_name="status_reports",
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.drop_column("status_reports", "indication")
    for table in ("status_reports", "documents"):
        op.drop_index(f"ix_{table}_sha256", table_name=table)
        op.drop_column(table, "purged_at")
    op.drop_index("ix_events_refused", table_name="events")
    for column in ("actor", "agency"):
        op.drop_index(f"ix_events_{column}_position", table_name="events")
    op.drop_index("ix_events_document_position", table_name="events")
    op.create_index("ix_events_document", "events", ["document"], unique=False)
    op.create_index("ix_events_at", "events", ["at"], unique=False)
    op.drop_table("event_blocks")
    op.drop_table("term_cursor")
    op.drop_index("ix_document_terms_document", table_name="document_terms")
    op.drop_table("document_terms")
    op.drop_table("counted_months")
    op.drop_table("closed_months")
    op.drop_table("cosignatures")
    op.drop_index("ix_checkpoints_next_try_at", table_name="checkpoints")
    op.drop_index("ix_checkpoints_published_at", table_name="checkpoints")
    op.drop_table("checkpoints")
    op.drop_table("ledger_tiles")
