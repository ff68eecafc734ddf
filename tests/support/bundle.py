"""Real evidence bundles, made once a process through the API, and what it takes to change and to check them."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.edxml.model import ResponseFor, StatusCode
from app.edxml.organ_id import OrganId
from app.exchange.checkpoint_stamping import stamp_checkpoint
from app.ledger.bundle import layout
from app.ledger.bundle.check import check
from app.ledger.bundle.steps import Outcome, Result, Step
from app.ledger.bundle.trust import Trust
from app.node import KEYS_FOLDER, Node
from app.signing.node_key import NodeKey
from app.store.schema import checkpoints
from tests.exchange.bundles import publish_all
from tests.exchange.test_stamping import stamping_on
from tests.support.office import DISTRICT, PROVINCE, created
from tests.support.pki import Pki

_made: list["Made"] = []

ANSWERED = ResponseFor(OrganId.parse(DISTRICT), "7/UBND-VP", date(2026, 1, 5), f"{DISTRICT},2026/01/05,7/UBND-VP")
"""What the document in the bundles says it answers; the node does not hold it."""


@dataclass(frozen=True)
class Made:
    """What a node gave out.

    Attributes:
        whole: the sender's bundle, stamped, with reports of the recipient and files of every role but extracts; its
            document answers another one.
        audited: the auditor's of the same document.
        keys: the node's key set, as published.
        key: what the node signs manifests with.
    """

    whole: bytes
    audited: bytes
    keys: bytes
    key: NodeKey
    pki: Pki

    @property
    def keys_alone(self) -> Trust:
        """The node's keys; checks are quicker without anchors, and never hold."""
        return Trust.read([self.keys])

    @property
    def trust(self) -> Trust:
        """The node's keys and the root of all certificates."""
        return Trust.read([self.keys], anchors=[self.pki.root_pem.encode()])

    def members(self, octets: bytes | None = None) -> dict[str, bytes]:
        """Files of a bundle, the whole one where none is given."""
        with zipfile.ZipFile(io.BytesIO(octets or self.whole)) as archive:
            return {each.filename: archive.read(each) for each in archive.infolist()}

    def signed(self, members: Mapping[str, bytes], **changes: Any) -> bytes:
        """Pack files as the node would that had these instead: everything is signed anew."""
        changed = {name: octets for name, octets in members.items() if name not in layout.UNLISTED}
        before = layout.Manifest.read(members[layout.MANIFEST])
        files = []
        for name, octets in sorted(changed.items()):
            role = layout.role_of(name)
            assert role is not None
            files.append(layout.BundledFile(name, hashlib.sha256(octets).hexdigest(), len(octets), role))
        manifest = replace(before, **({"files": files} | changes))
        octets = manifest.octets()
        claims = {
            "manifest_sha256": hashlib.sha256(octets).hexdigest(),
            "iat": int(datetime.fromisoformat(manifest.made_at).timestamp()),
            "iss": manifest.node,
        }
        own = {
            layout.MANIFEST: octets,
            layout.MANIFEST_SIGNATURE: self.key.sign_jws(claims, typ=layout.SIGNATURE_TYP).encode(),
            layout.MEDIA_TYPES: layout.media_types([*changed, layout.MANIFEST, layout.MANIFEST_SIGNATURE]),
        }
        return packed({layout.MIMETYPE: layout.MEDIA_TYPE.encode(), **changed, **own})


def packed(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Make a ZIP of files, the first one stored."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, octets in members.items():
            archive.writestr(name, octets, zipfile.ZIP_STORED if name == layout.MIMETYPE else method)
    return file.getvalue()


def checked(octets: bytes, trust: Trust, *, now: datetime | None = None) -> Result:
    """Check a bundle."""
    return check(io.BytesIO(octets), trust=trust, now=now or datetime.now(UTC))


def outcomes(result: Result) -> dict[int, Outcome]:
    """Return how each step ended."""
    return {each.step.value: each.outcome for each in result.steps}


def codes(result: Result, step: Step | None = None, *, outcome: Outcome | None = None) -> list[str]:
    """Return what was found, in order."""
    return [
        each.code
        for each in result.statements
        if (step is None or each.step is step) and (outcome is None or each.outcome is outcome)
    ]


def bundles_made(request: pytest.FixtureRequest, factory: pytest.TempPathFactory) -> Made:
    """Run a node once a process, let a document live in it, and fetch its bundles."""
    if not _made:
        _made.append(_lived(request, factory))
    return _made[0]


def _lived(request: pytest.FixtureRequest, factory: pytest.TempPathFactory) -> Made:
    folder = factory.mktemp("bundles")
    with stamping_on("sqlite", request, folder) as stamps:
        exchange = stamps.exchange
        province, district = exchange[PROVINCE], exchange[DISTRICT]
        sent = created(province.system.send(province.signed(province.paper(DISTRICT, response_for=(ANSWERED,)))))
        [waiting] = district.receive()
        created(district.system.acknowledge([waiting["delivery_id"]]), 200)
        created(district.system.report(district.status(waiting["document"], StatusCode.RECEIVED, owner=PROVINCE)))

        async def stamp(node: Node) -> None:
            now = datetime.now(UTC)
            async with node.database.write() as tx:
                # Whoever published it: the newest one is to have a stamp.
                newest = sa.select(sa.func.max(checkpoints.c.size)).scalar_subquery()
                waits = {"kept": True, "next_try_at": now}
                await tx.execute(checkpoints.update().where(checkpoints.c.size == newest).values(waits))
            assert await stamp_checkpoint(stamps.parts(node), now=lambda: datetime.now(UTC)) is not None

        stamps.at = datetime.now(UTC)
        assert stamps.stamp(later=timedelta(0)) == 2
        publish_all(exchange)
        exchange.running.run(stamp)
        return Made(
            whole=_fetched(province.system, sent["id"]),
            audited=_fetched(exchange.auditor, sent["id"]),
            keys=exchange.running.http.get("/.well-known/jwks.json").content,
            key=NodeKey.open(exchange.running.settings.data_dir / KEYS_FOLDER),
            pki=exchange.pki,
        )


def _fetched(system: Any, document: str) -> bytes:
    answer = system.get(f"/v1/documents/{document}/evidence")
    assert answer.status_code == 200, answer.text
    octets: bytes = answer.content
    return octets


def json_of(value: Any) -> bytes:
    """Write JSON as the node does."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
