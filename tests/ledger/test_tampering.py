"""Tampering: every column of the schema is one whose change is found, by the step named here, or one that says why not.

All changes are made in a transaction that is rolled back, on one database that has a row of everything.
"""

import asyncio
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.exchange.receipts import RECEIPT_TYPE
from app.ids import new_id
from app.ledger import inspected
from app.ledger.canonical import leaf_hash
from app.ledger.check import CheckReport, Means, check_in
from app.ledger.divergence import Likely
from app.ledger.events import Event, EventKind, Standing, instant_text, record
from app.ledger.publish import Publisher, publish
from app.ledger.seal import seal_all
from app.ledger.tree_check import Outside
from app.ledger.verified_before import VerifiedBefore
from app.node import KEYS_FOLDER
from app.signing import merkle
from app.signing.checkpoint import Checkpoint, open_checkpoint
from app.signing.ledger_key import LedgerKey
from app.signing.node_key import NodeKey
from app.signing.note import COSIGNATURE, NoteSigner, text_of
from app.signing.timestamps import build_request, token_of
from app.simulation.stamper import Stamper
from app.store import schema
from app.store.columns import Instant
from app.store.database import Database
from tests.ledger.conftest import Kept
from tests.support.pki import Identity, shared_pki
from tests.support.pki import name as named

AT = datetime(2026, 11, 22, 3, 4, 5, 678900, tzinfo=UTC)
PAST = "2020-01-01T00:00:00.000000Z"
OTHER_ID = "01900000000070008000000000000001"

ORDER, LEAF, DOCUMENTS, DELIVERIES, REPORTS, FIGURES, BODIES, RECEIPTS, STAMPS, TREE, CHECKPOINTS, REGISTRY, MONTHS = (
    "(1) order",
    "(2) leaf",
    "(3) documents",
    "(4) deliveries",
    "(5) reports",
    "(6) figures",
    "(7) bodies",
    "(8) receipts",
    "(9) stamps",
    "(10) tree",
    "(11) checkpoints",
    "(12) registry",
    "(13) months",
)

READ_FROM_THE_BODY = "read from the body, whose digest is proven; what people wrote is in no event"
FOLLOWS = "follows from other columns that are proven, and is made anew from them"
WORK = "says what work waits or was tried; what came of it is an event"
PEOPLE = "what people wrote is in no event, not even as a digest that guesses could be tried against"
SECRET = "a secret; no event may help to guess it"
CLOCK = "when the clock will look again; what it then does is an event"
PASSING = "gone after a while; nothing is proven by it"
LEARNED = "learned from authorities that sign it; kept as evidence where a verdict rests on it"
TOO_LITTLE = "its events name that it changed, not what it became"

FOUND: dict[str, dict[str, str]] = {
    "documents": {
        "id": DOCUMENTS,
        "sender": DOCUMENTS,
        "sender_tier": DOCUMENTS,
        "document_id": DOCUMENTS,
        "sha256": DOCUMENTS,
        "size": DOCUMENTS,
        "kind": DOCUMENTS,
        "document_type": DOCUMENTS,
        "priority": DOCUMENTS,
        "with_paper": DOCUMENTS,
        "on_time": DOCUMENTS,
        "client_id": DOCUMENTS,
        "accepted_at": DOCUMENTS,
        "verification": DOCUMENTS,
        "receipt": RECEIPTS,
        "indication": DOCUMENTS,
        "signature": DOCUMENTS,
        "certificate": DOCUMENTS,
        "purged_at": BODIES,
    },
    "verification_reports": {
        "document": DOCUMENTS,
        "revision": DOCUMENTS,
        "indication": DOCUMENTS,
        "sub_indication": DOCUMENTS,
        "report": DOCUMENTS,
        "made_at": DOCUMENTS,
    },
    "inspections": {"document": DOCUMENTS, "state": DOCUMENTS, "result": DOCUMENTS},
    "timestamp_batches": {"id": STAMPS, "root": STAMPS, "size": STAMPS, "token": STAMPS},
    "timestamp_members": {"batch": STAMPS, "position": STAMPS, "receipt": STAMPS, "digest": STAMPS},
    "document_links": {
        "document": DOCUMENTS,
        "ordinal": DOCUMENTS,
        "relation": DOCUMENTS,
        "concerned_document_id": DOCUMENTS,
    },
    "status_reports": {
        "id": REPORTS,
        "document": REPORTS,
        "delivery": REPORTS,
        "reporter": REPORTS,
        "status_code": REPORTS,
        "accepted_at": REPORTS,
        "state": REPORTS,
        "sha256": REPORTS,
        "client_id": REPORTS,
        "indication": REPORTS,
        "verification": REPORTS,
        "receipt": RECEIPTS,
        "purged_at": BODIES,
    },
    "deliveries": dict.fromkeys(
        (
            "id",
            "document",
            "kind",
            "status_report",
            "notice",
            "concerns",
            "recipient",
            "addressed_to",
            "progress",
            "change",
            "change_by",
            "superseded_by",
            "added_by",
            "priority",
            "available_at",
            "overdue_at",
            "acknowledged_at",
            "in_inbox",
            "position",
        ),
        DELIVERIES,
    ),
    "events": {
        "position": ORDER,
        **dict.fromkeys(
            (
                "id",
                "at",
                "kind",
                "outcome",
                "actor",
                "agency",
                "tier",
                "branch",
                "document_type",
                "peer_tier",
                "document",
                "delivery",
                "measures",
                "durations",
                "body",
                "leaf_hash",
            ),
            LEAF,
        ),
    },
    "ledger_state": {"id": ORDER, "size": ORDER, "origin": CHECKPOINTS},
    "ledger_tiles": {"level": TREE, "number": TREE, "hashes": TREE},
    "checkpoints": {
        "size": CHECKPOINTS,
        "root": CHECKPOINTS,
        "note": CHECKPOINTS,
        "token": STAMPS,
        "stamped_at": STAMPS,
    },
    "cosignatures": dict.fromkeys(("size", "witness", "line", "cosigned_at"), CHECKPOINTS),
    "closed_months": {
        "ledger_size": CHECKPOINTS,
        "root": CHECKPOINTS,
        **dict.fromkeys(("month", "version", "digest"), MONTHS),
    },
    "figures": dict.fromkeys((*schema.FIGURE_KEY, *schema.MEASURES), FIGURES),
    "rolled_figures": dict.fromkeys(
        (*(name for name in schema.FIGURE_KEY if name != "agency"), *schema.MEASURES), FIGURES
    ),
    "durations": dict.fromkeys((*schema.FIGURE_KEY, "measure", "counts"), FIGURES),
    "counted_months": dict.fromkeys(("month", "ledger_size"), FIGURES),
    "agencies": dict.fromkeys(
        ("organ_id", "tier", "branch", "parent", "status", "successor", "version", "created_at"), REGISTRY
    ),
    "certificates": dict.fromkeys(
        (
            "sha256",
            "organ_id",
            "kind",
            "status",
            "revoked_at",
            "revocation_reason",
            "der",
            "registered_at",
            "suspended_at",
            "possession",
        ),
        REGISTRY,
    ),
    "trust_anchors": dict.fromkeys(("sha256", "der", "added_at"), REGISTRY),
    "authorities": dict.fromkeys(("sha256", "der"), REGISTRY),
    "crls": dict.fromkeys(("sha256", "issuer_sha256", "number", "entries", "der"), REGISTRY),
    "evidence": dict.fromkeys(("sha256", "der"), REGISTRY),
    "clients": dict.fromkeys(("client_id", "scopes", "agencies", "status", "version", "created_at"), REGISTRY),
    "system_keys": dict.fromkeys(
        ("id", "client_id", "system_id", "agency", "valid_from", "valid_until", "revoked_at", "created_at"), REGISTRY
    ),
    "webhooks": dict.fromkeys(("id", "client_id", "events", "agencies", "signing", "created_at"), REGISTRY),
    "reorganisations": dict.fromkeys(("id", "effective_on", "state", "applied_at"), REGISTRY),
}
"""Step that finds a change, by table and column."""

NOT_FOUND: dict[str, dict[str, str]] = {
    "documents": {
        **dict.fromkeys(("code", "subject", "type_name", "promulgation_date", "due_date"), READ_FROM_THE_BODY),
        "held_at": "set and lifted by orders; whether the body is there is proven",
    },
    "inspections": dict.fromkeys(("attempts", "next_try_at", "inspected_at"), WORK),
    "timestamp_batches": {
        **dict.fromkeys(("through", "attempts", "problem", "next_try_at"), WORK),
        **dict.fromkeys(("made_at", "stamped_at"), "the token says when; the rows only repeat it"),
    },
    "document_links": {"concerned": FOLLOWS},
    "status_reports": {
        "description": READ_FROM_THE_BODY,
        "reported_at": READ_FROM_THE_BODY,
        "size": READ_FROM_THE_BODY,
    },
    "deliveries": {
        **dict.fromkeys(("undelivered_at", "expires_at", "due_at"), CLOCK),
        "overdue_sender": FOLLOWS,
    },
    "ledger_state": dict.fromkeys(("sealed_at", "sealer", "lease_until", "epoch"), WORK),
    "checkpoints": {
        "published_at": "when it was signed is nowhere signed; a witness or a time stamp proves when it was there",
        **dict.fromkeys(("kept", "attempts", "problem", "next_try_at"), WORK),
    },
    "closed_months": {"made_at": "repeats the moment of its event"},
    "agencies": {
        **dict.fromkeys(("name", "name_fold", "contact"), PEOPLE),
        **dict.fromkeys(("valid_from", "valid_to", "policies", "updated_at"), TOO_LITTLE),
    },
    "certificates": {
        **dict.fromkeys(("subject", "issuer", "serial", "not_before", "not_after"), FOLLOWS),
        "chain_pem": "proven by the signatures in it each time it is used",
        "warned_days": WORK,
    },
    "trust_anchors": {"name": PEOPLE, **dict.fromkeys(("subject", "not_before", "not_after"), FOLLOWS)},
    "authorities": {"subject": FOLLOWS},
    "crls": {
        **dict.fromkeys(("issuer", "part", "signer", "this_update", "next_update"), FOLLOWS),
        "imported_at": WORK,
    },
    "evidence": {"kind": FOLLOWS, "kept_at": WORK},
    "clients": {"name": PEOPLE, "secret_hash": SECRET, "updated_at": TOO_LITTLE},
    "system_keys": {"key_number": WORK, "secret": SECRET},
    "webhooks": {
        **dict.fromkeys(("url", "description"), PEOPLE),
        **dict.fromkeys(("secret", "earlier_secret", "earlier_secret_until"), SECRET),
        **dict.fromkeys(("status", "disabled_reason", "updated_at", "version"), TOO_LITTLE),
    },
    "reorganisations": {
        **dict.fromkeys(("title", "source"), PEOPLE),
        **dict.fromkeys(("plan", "report", "actor", "created_at", "version"), TOO_LITTLE),
    },
}
"""Why a change of a column is not found, by table and column."""

TABLES_NOT_FOUND = {
    "agency_history": TOO_LITTLE,
    "agency_aliases": TOO_LITTLE,
    "agency_terms": FOLLOWS,
    "registry_versions": WORK,
    "revocations": LEARNED,
    "revocation_sources": WORK,
    "ocsp_answers": LEARNED,
    "used_assertions": PASSING,
    "idempotency_keys": PASSING,
    "mistakes": "an aid for operators; each refusal is an event",
    "document_terms": FOLLOWS,
    "term_cursor": WORK,
    "event_blocks": FOLLOWS,
    "webhook_messages": PASSING,
    "webhook_attempts": PASSING,
    "webhook_cursor": WORK,
}
"""Why changes of whole tables are not found."""

ALONE = {
    "documents": {"id", "receipt", "purged_at"},
    "verification_reports": {"document", "revision", "report"},
    "inspections": {"document", "state"},
    "timestamp_batches": {"id", "root"},
    "timestamp_members": {"batch", "position", "receipt", "digest"},
    "document_links": {"document", "ordinal", "relation", "concerned_document_id"},
    "status_reports": {"id", "document", "receipt", "purged_at"},
    "deliveries": {"id", "document", "kind", "position"},
    "events": {"position", "body", "leaf_hash"},
    "ledger_state": {"id", "size", "origin"},
    "ledger_tiles": {"level", "number", "hashes"},
    "checkpoints": {"size", "root", "note", "token"},
    "cosignatures": {"size", "witness", "line", "cosigned_at"},
    "closed_months": {"month", "version", "root", "ledger_size"},
    "durations": {"counts"},
    "counted_months": {"month", "ledger_size"},
    "agencies": {"organ_id"},
    "certificates": {"sha256"},
    "trust_anchors": {"sha256"},
    "authorities": {"sha256", "der"},
    "crls": {"sha256"},
    "evidence": {"sha256", "der"},
    "clients": {"client_id"},
    "system_keys": {"id"},
    "webhooks": {"id"},
    "reorganisations": {"id"},
}
"""Columns that are changed by themselves; of all others of a row at once, each is named."""

ROW = {
    "deliveries": "kind = 'document'",
    "events": "kind = 'document.accepted'",
    "inspections": "state = 'done'",
    "evidence": "kind = 'timestamp'",
    "timestamp_members": "position = 0",
}
"""Which row is changed; else the first."""

NAMED = {
    ("documents", "verification"): "certificate is",
    ("documents", "certificate"): "named certificate",
    ("status_reports", "verification"): "certificate is",
    ("timestamp_batches", "size"): "receipts",
}
"""How a divergence calls a column, where not by its name."""

OTHERWISE = {
    ("timestamp_members", "position"): "position + 100",
    ("ledger_tiles", "hashes"): "CAST(substr(hashes, 1, 31) || X'00' || substr(hashes, 33) AS BLOB)",
    ("events", "position"): "position + 1000",
    ("durations", "counts"): "'[7,1]'",
    ("checkpoints", "size"): "size - 1",
    ("cosignatures", "size"): "size - 1",
    ("closed_months", "ledger_size"): "ledger_size - 1",
}
"""What a column is changed to, where not by its type."""


def test_every_column_is_found_or_says_why_not() -> None:
    for table in schema.metadata.sorted_tables:
        columns = set(table.columns.keys())
        if table.name in TABLES_NOT_FOUND:
            assert table.name not in FOUND | NOT_FOUND
            continue
        found, not_found = FOUND.get(table.name, {}).keys(), NOT_FOUND.get(table.name, {}).keys()
        assert not found & not_found
        assert found | not_found == columns, (table.name, columns ^ (found | not_found))
    assert FOUND.keys() | NOT_FOUND.keys() | TABLES_NOT_FOUND.keys() == schema.metadata.tables.keys()


class _Undone(Exception):
    """Ends a transaction without a trace."""


STAMPING = shared_pki().issue(
    named((NameOID.COMMON_NAME, "TSA")),
    slot=700,
    extensions=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),),
    not_after=AT + timedelta(days=365),
)


def _stamped(authority: Identity, text: str, *, at: datetime) -> bytes:
    """Return a token over a text."""
    assert isinstance(authority.key, ec.EllipticCurvePrivateKey)
    stamper = Stamper(authority.key, authority.certificate, authority.chain)
    return token_of(stamper.answer(build_request(text.encode(), nonce=2**64), at=at))


@dataclass(frozen=True)
class Made:
    """A database with a row of everything, and what its check uses."""

    database: Database
    means: Means
    publisher: Publisher
    loop: asyncio.AbstractEventLoop

    def checked(self, *statements: str, means: Means | None = None) -> CheckReport:
        """Check it after changes that are then undone."""
        return self.loop.run_until_complete(self._checked(statements, means or self.means))

    async def _checked(self, statements: Sequence[str], means: Means) -> CheckReport:
        report = None
        try:
            async with self.database.write() as tx:
                await tx.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
                for statement in statements:
                    assert (await tx.exec_driver_sql(statement)).rowcount, statement
                report = await check_in(tx, means)
                raise _Undone
        except _Undone:
            pass
        assert report is not None
        return report

    def rows(self, query: str) -> Sequence[Any]:
        """Read."""

        async def work() -> Sequence[Any]:
            async with self.database.read() as tx:
                return (await tx.exec_driver_sql(query)).all()

        return self.loop.run_until_complete(work())


async def _filled(database: Database, publisher: Publisher) -> None:
    """Add what the traffic did not bring: a stamped batch, an inspection, a witness, a closed month, a plan, a hook."""
    standing = Standing("000.00.00.G22", "central", "state")

    def event(kind: EventKind, **detail: Any) -> Event:
        return Event(new_id(), kind, AT, "operator", detail=detail)

    async with database.write() as tx:
        receipts = (await tx.execute(sa.select(schema.documents.c.id, schema.documents.c.receipt).limit(2))).all()
        digests = [hashlib.sha256(row.receipt.encode()).hexdigest() for row in receipts]
        root = merkle.root([bytes.fromhex(each) for each in digests]).hex()
        token, batch = hashlib.sha256(b"token").hexdigest(), new_id()
        kept = {"sha256": token, "kind": "timestamp", "der": b"token", "kept_at": AT}
        await tx.execute(schema.evidence.insert().values(kept))
        await tx.execute(
            schema.timestamp_batches.insert().values(
                id=batch, root=root, size=2, through=1, made_at=AT, stamped_at=AT, token=token
            )
        )
        members = zip(receipts, digests, strict=True)
        await tx.execute(
            schema.timestamp_members.insert(),
            [
                {"batch": batch, "position": number, "receipt": row.id, "digest": digest}
                for number, (row, digest) in enumerate(members)
            ],
        )
        result = {"pdfs": [{"number": 1, "status": "valid"}]}
        looked = schema.inspections.update().where(schema.inspections.c.document == receipts[0].id)
        await tx.execute(looked.values(state="done", result=result, next_try_at=None, inspected_at=AT))
        client = (await tx.execute(sa.select(schema.clients.c.client_id).limit(1))).scalar_one()
        hook, plan = new_id(), new_id()
        asked = {"events": ["document.available"], "agencies": [], "signing": "hmac"}
        others = {"url": "https://hook.example", "description": "", "secret": b"x", "status": "active"}
        written = {"created_at": AT, "updated_at": AT, "version": 1}
        await tx.execute(schema.webhooks.insert().values(id=hook, client_id=client, **asked, **others, **written))
        key = {"id": new_id(), "client_id": client, "system_id": "H28.01", "agency": standing.agency}
        moments = {"valid_from": AT, "valid_until": AT, "revoked_at": None, "created_at": AT}
        await tx.execute(schema.system_keys.insert().values(**key, **moments, secret=b"x", key_number=1))
        order = {"title": "x", "source": "x", "effective_on": AT.date(), "state": "applied", "plan": {}, "report": {}}
        applied = {"actor": "operator", "created_at": AT, "applied_at": AT, "version": 1}
        await tx.execute(schema.reorganisations.insert().values(id=plan, **order, **applied))
        told = [
            event(EventKind.RECEIPTS_TIMESTAMPED, batch=batch, root=root, receipts=2, token=token),
            replace(
                event(EventKind.DOCUMENT_INSPECTED, **inspected.detail_of(result)),
                standing=standing,
                document=receipts[0].id,
            ),
            event(EventKind.WEBHOOK_CREATED, webhook=hook, client_id=client, **asked),
            replace(
                event(
                    EventKind.SYSTEM_KEY_ISSUED,
                    system_key=key["id"],
                    client_id=client,
                    system_id="H28.01",
                    valid_from=instant_text(AT),
                    valid_until=instant_text(AT),
                ),
                standing=standing,
            ),
            event(EventKind.REORGANISATION_APPLIED, reorganisation=plan, effective_on=AT.date().isoformat()),
        ]
        await record(tx, told)
    await seal_all(database, now=AT)
    published = await publish(publisher, now=AT)
    assert published is not None
    signer = NoteSigner("witness.example", COSIGNATURE, Ed25519PrivateKey.generate())
    at = AT.replace(microsecond=0)
    stamped = _stamped(STAMPING, published.text, at=at)
    async with database.write() as tx:
        proof = {"sha256": hashlib.sha256(stamped).hexdigest(), "kind": "timestamp", "der": stamped, "kept_at": AT}
        await tx.execute(schema.evidence.insert().values(proof))
        noted = schema.checkpoints.update().where(schema.checkpoints.c.size == published.size)
        await tx.execute(noted.values(token=proof["sha256"], stamped_at=at))
        line = {"line": signer.line(published.text, at=at), "cosigned_at": at}
        witness = {"size": published.size, "witness": str(signer.verifier), **line}
        await tx.execute(schema.cosignatures.insert().values(witness))
        closed = {"month": "2026-10", "version": 1, "ledger_size": published.size, "root": published.root.hex()}
        await tx.execute(schema.closed_months.insert().values(**closed, digest="0" * 64, made_at=AT))
        await record(tx, [event(EventKind.MONTH_CLOSED, **closed, digest="0" * 64)])
    await seal_all(database, now=AT)


@pytest.fixture(scope="module")
def made(leave: Callable[[str], Kept], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A database with a row of everything."""
    left = leave("sqlite")
    path = tmp_path_factory.mktemp("made") / "node.sqlite"
    shutil.copyfile(left.url.removeprefix("sqlite:///"), path)
    key, ledger_key = NodeKey.open(left.folder / KEYS_FOLDER), LedgerKey.open(left.folder / KEYS_FOLDER)
    database = Database(f"sqlite:///{path}")
    publisher = Publisher(database, ledger_key, "unnamed")
    means = Means(open_receipt=partial(key.verify_jws, typ=RECEIPT_TYPE), log_keys=ledger_key.verifiers)
    with asyncio.Runner() as runner:
        runner.run(_filled(database, publisher))
        yield Made(database, means, publisher, runner.get_loop())
        runner.run(database.close())


def test_what_was_made_is_consistent(made: Made) -> None:
    report = made.checked()
    assert report.consistent, report.divergences
    assert min(report.tiles, report.checkpoints, report.stamps, report.registry) > 0


def _token(der: bytes) -> list[str]:
    sha256 = hashlib.sha256(der).hexdigest()
    kept = f"'{sha256}', 'timestamp', X'{der.hex()}', '2026-11-22T03:04:05.678900Z'"
    return [
        f"INSERT INTO evidence (sha256, kind, der, kept_at) VALUES ({kept})",
        f"UPDATE checkpoints SET token = '{sha256}' WHERE token IS NOT NULL",
    ]


def test_what_a_token_of_a_checkpoint_stamps_is_looked_at_and_who_signed_it_is_said(made: Made) -> None:
    [(note,)] = made.rows("SELECT note FROM checkpoints WHERE token IS NOT NULL")
    at = AT.replace(microsecond=0)
    others = {
        "another note": _stamped(STAMPING, text_of(note) + "x", at=at),
        "another moment": _stamped(STAMPING, text_of(note), at=at + timedelta(seconds=1)),
        "no token": b"no token",
    }
    for what, der in others.items():
        report = made.checked(*_token(der))
        assert {each.step for each in report.divergences} == {STAMPS}, (what, report.divergences)
    assert made.checked("UPDATE checkpoints SET token = NULL WHERE token IS NOT NULL").divergences[0].step == STAMPS
    gone = made.checked("UPDATE checkpoints SET token = NULL, stamped_at = NULL WHERE token IS NOT NULL")
    assert [(each.step, each.likely) for each in gone.divergences] == [(STAMPS, Likely.DELETED)]
    own = _stamped(STAMPING, text_of(note), at=at)
    root = shared_pki().root.certificate.public_bytes(Encoding.DER)
    anchored = f"UPDATE trust_anchors SET der = X'{root.hex()}'"
    forged = made.checked(anchored, *_token(own[:-1] + bytes([own[-1] ^ 1])))
    assert any(each.step == STAMPS and "not signed" in each.message for each in forged.divergences)
    assert not any(each.startswith(STAMPS) for each in made.checked(anchored).passed_over)
    stranger = made.checked("UPDATE trust_anchors SET der = X'00'")
    assert any(each.startswith(STAMPS) and "not trusted" in each for each in stranger.passed_over)
    assert not any(each.step == STAMPS for each in stranger.divergences)


def test_the_last_event_of_a_month_cannot_be_another_one_that_counts_in_it(made: Made) -> None:
    counted = made.rows("SELECT position FROM events WHERE measures IS NOT NULL ORDER BY position DESC LIMIT 2")
    (last,), (before,) = counted
    report = made.checked(f"UPDATE counted_months SET ledger_size = {before + 1} WHERE ledger_size = {last + 1}")
    [found] = [each for each in report.divergences if each.step == FIGURES]
    assert str(before + 1) in found.message
    assert str(last) in found.message


def _changed(column: sa.Column[Any]) -> str:
    name, told = column.name, (column.table.name, column.name)
    match column.type:
        case _ if told in OTHERWISE:
            return OTHERWISE[told]
        case sa.Uuid():
            return f"'{OTHER_ID}'"
        case sa.Boolean():
            return f"NOT coalesce({name}, 0)"
        case sa.Integer():
            return f"coalesce({name}, 0) + 1"
        case Instant():
            return f"'{PAST}'"
        case sa.Date():
            return "'2001-01-01'"
        case sa.JSON():
            return """'["x"]'"""
        case sa.LargeBinary():
            return "X'00'"
        case sa.String(length=64) if name != "actor":
            return f"'{'f' * 64}'"
        case _:
            return f"coalesce({name}, '') || 'x'"


SUMS = {
    "figures": schema.FIGURE_KEY,
    "rolled_figures": tuple(name for name in schema.FIGURE_KEY if name != "agency"),
    "durations": (*schema.FIGURE_KEY, "measure"),
}
"""Keys of sums: a row whose key is changed is one too many, and one is missing."""


def _update(table: str, columns: Sequence[str], row: int = 0) -> str:
    shown = schema.metadata.tables[table]
    key = ", ".join(shown.primary_key.columns.keys())
    values = ", ".join(f"{name} = {_changed(shown.c[name])}" for name in columns)
    one = f"SELECT {key} FROM {table} WHERE {ROW.get(table, 'true')} ORDER BY {key} LIMIT 1 OFFSET {row}"
    return f"UPDATE {table} SET {values} WHERE ({key}) = ({one})"


def _groups() -> Iterator[Any]:
    for table, columns in FOUND.items():
        alone = ALONE.get(table, set())
        for name in sorted(alone):
            yield pytest.param(table, (name,), id=f"{table}.{name}")
        if rest := tuple(columns.keys() - alone - set(SUMS.get(table, ()))):
            yield pytest.param(table, rest, id=f"{table}-others")


@pytest.mark.parametrize(("table", "columns"), _groups())
def test_a_changed_column_is_found_by_its_step(made: Made, table: str, columns: tuple[str, ...]) -> None:
    report = made.checked(_update(table, columns))
    for name in columns:
        told = rf"\b{NAMED.get((table, name), name)}\b" if len(columns) > 1 else ""
        found = [
            each for each in report.divergences if each.step == FOUND[table][name] and re.search(told, each.message)
        ]
        assert found, (name, report.divergences)


@pytest.mark.parametrize("table", SUMS)
def test_a_changed_key_of_a_sum_is_found(made: Made, table: str) -> None:
    statements = [_update(table, [name], row) for row, name in enumerate(SUMS[table])]
    found = [each for each in made.checked(*statements).divergences if each.step == FIGURES]
    # Where that changes the order of rows, one of them is changed twice.
    assert len(found) > len(statements), found


def _rewritten(made: Made, index: int) -> list[str]:
    """Change an event and all that follows from it, as somebody with the database and no key can."""
    body = made.rows(f"SELECT body FROM events WHERE position = {index}")[0][0]
    other = body.replace('"method":"client_secret_basic"', '"method":"client_secret_other"')
    assert other != body
    leaves = [row[0] for row in made.rows("SELECT leaf_hash FROM events ORDER BY position")]
    leaves[index] = leaf_hash(other.encode())
    return [
        f"UPDATE events SET body = '{other}', leaf_hash = '{leaves[index]}' WHERE position = {index}",
        f"UPDATE ledger_tiles SET hashes = X'{''.join(leaves)}'",
    ]


def _sign_in(made: Made) -> int:
    index: int = made.rows("SELECT position FROM events WHERE kind = 'token.issued' ORDER BY position LIMIT 1")[0][0]
    return index


def test_an_event_rewritten_with_its_hash_is_found_by_the_tree(made: Made) -> None:
    index = _sign_in(made)
    report = made.checked(_rewritten(made, index)[0])
    [tile] = [each for each in report.divergences if each.step == TREE]
    assert f"event {index} " in tile.message
    assert {each.step for each in report.divergences} == {TREE, CHECKPOINTS}


def test_an_event_rewritten_with_its_tiles_is_found_by_the_checkpoints(made: Made) -> None:
    report = made.checked(*_rewritten(made, _sign_in(made)))
    assert {each.step for each in report.divergences} == {CHECKPOINTS}


def test_a_rewritten_history_is_found_by_a_checkpoint_somebody_keeps(made: Made) -> None:
    """Even without any checkpoint in the database, or with newly signed ones."""
    index = _sign_in(made)
    forgotten = ["DELETE FROM cosignatures", "DELETE FROM checkpoints", "DELETE FROM closed_months"]
    gone = made.checked(*forgotten)
    silent = made.checked(*_rewritten(made, index), *forgotten)
    assert silent.divergences == gone.divergences
    note = made.rows("SELECT note FROM checkpoints WHERE size > 0 ORDER BY size LIMIT 1")[0][0]
    origin = made.rows("SELECT origin FROM ledger_state")[0][0]
    assert made.means.log_keys is not None
    kept, _ = open_checkpoint(note, log=made.means.log_keys(origin))
    means = replace(made.means, outside=(Outside("the auditor's copy", kept),))
    assert made.checked(means=means).consistent
    report = made.checked(*_rewritten(made, index), *forgotten, means=means)
    [found] = set(report.divergences) - set(gone.divergences)
    assert (found.step, found.place) == (CHECKPOINTS, str(kept.size))
    assert "was rewritten" in found.message


def test_a_ledger_that_was_cut_is_found_by_a_checkpoint_somebody_keeps(made: Made) -> None:
    size = made.rows("SELECT size FROM ledger_state")[0][0]
    origin = made.rows("SELECT origin FROM ledger_state")[0][0]
    later = Outside("the auditor's copy", Checkpoint(origin, size + 1, bytes(32)))
    [found] = made.checked(means=replace(made.means, outside=(later,))).divergences
    assert (found.step, found.likely) == (CHECKPOINTS, Likely.DELETED)


def test_what_was_done_to_an_event_is_told(made: Made) -> None:
    first = _sign_in(made)
    size = made.rows("SELECT size FROM ledger_state")[0][0]
    gone = made.checked(f"DELETE FROM events WHERE position = {first}")
    assert gone.divergences[0].likely is Likely.DELETED
    assert gone.divergences[0].place == str(first)
    moved = made.checked(f"UPDATE events SET position = NULL WHERE position = {first}")
    assert moved.divergences[0].likely is Likely.REORDERED
    assert "has no index" in moved.divergences[0].message
    closed_up = made.checked(
        f"DELETE FROM events WHERE position = {first}",
        f"UPDATE events SET position = -position WHERE position > {first}",
        "UPDATE events SET position = -position - 1 WHERE position < 0",
        f"UPDATE ledger_state SET size = {size - 1}",
    )
    [tile, *_] = [each for each in closed_up.divergences if each.step == TREE]
    assert (tile.likely, f"event {first} " in tile.message) == (Likely.DELETED, True)
    swapped = made.checked(
        f"UPDATE events SET position = -1 WHERE position = {first}",
        f"UPDATE events SET position = {first} WHERE position = {first + 1}",
        f"UPDATE events SET position = {first + 1} WHERE position = -1",
    )
    assert [each.likely for each in swapped.divergences if each.step == TREE] == [Likely.REORDERED]


def test_a_check_goes_on_from_where_another_one_was(made: Made) -> None:
    kept: list[VerifiedBefore] = []

    def keep(made_one: Callable[[], VerifiedBefore], *, now: bool = False) -> None:
        kept.append(VerifiedBefore.read(made_one().written()) if now or not kept else kept[-1])

    whole = made.checked(means=replace(made.means, keep=keep))
    begun, done = kept[0], kept[-1]
    assert (begun.whole, done.whole, done.size) == (False, True, whole.size)
    for since, read in ((begun, whole.documents), (done, 0)):
        again = made.checked(means=replace(made.means, since=since))
        assert again.consistent, again.divergences
        assert (again.size, again.since, again.documents, again.figures) == (
            whole.size,
            since.size,
            read,
            whole.figures,
        )
        assert again.passed_over == []
        changed = made.checked("UPDATE figures SET sent = sent + 1", means=replace(made.means, since=since))
        assert {each.step for each in changed.divergences} == {FIGURES}


def test_a_check_does_not_go_on_from_what_was_changed_since(made: Made) -> None:
    size = made.rows("SELECT size FROM ledger_state")[0][0]
    before = VerifiedBefore(size, bytes(32), whole=True)
    report = made.checked(means=replace(made.means, since=before))
    assert [each.step for each in report.divergences] == [TREE]
    assert (report.since, report.size) == (0, size)
    assert report.documents > 0


def test_only_what_came_after_a_checkpoint_is_read(made: Made) -> None:
    sent = made.rows("SELECT position FROM events WHERE kind = 'document.accepted' ORDER BY position DESC LIMIT 1")[0][
        0
    ]
    entries = [
        row[0].encode() for row in made.rows(f"SELECT body FROM events WHERE position < {sent} ORDER BY position")
    ]
    since = VerifiedBefore(sent, merkle.root(entries), whole=True)
    report = made.checked(means=replace(made.means, since=since))
    assert report.consistent, report.divergences
    assert 0 < report.documents < made.checked().documents
    assert [each.split(":")[0] for each in report.passed_over] == ["(6) figures"]
    assert report.figures == 0


def test_events_that_wait_too_long_are_told(made: Made) -> None:
    means = replace(made.means, sealed_until=AT)
    waiting = "UPDATE events SET position = NULL WHERE position = (SELECT max(position) FROM events)"
    told = [each.place for each in made.checked(waiting, means=means).divergences]
    assert "unsealed" not in told
    later = replace(means, sealed_until=datetime.now(UTC))
    assert "unsealed" in [each.place for each in made.checked(waiting, means=later).divergences]
