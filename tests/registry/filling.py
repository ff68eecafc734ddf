"""Short ways to bring a registry into a state, through its own use cases, and to read its events back."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.edxml.organ_id import OrganId
from app.registry import agencies, anchors, certificates
from app.registry.acts import Act
from app.registry.model import (
    Agency,
    Alias,
    Branch,
    CertificateKind,
    RegisteredCertificate,
    Tier,
)
from app.registry.once import Once
from app.store.database import Database
from app.store.schema import events
from tests.support.pki import NOW, Identity, Pki, shared_pki

ACT = Act("operator", NOW)
LEGACY = "000.00.00."


def code(text: str) -> OrganId:
    return OrganId.parse(text)


def agency(organ_id: str = "H44", name: str = "Ủy ban nhân dân tỉnh Phú Thọ", **fields: Any) -> Agency:
    """An agency of province tier and State branch unless told; codes may be given as text."""
    fields = {"tier": Tier.PROVINCE, "branch": Branch.STATE} | fields
    for field in ("parent", "successor"):
        if isinstance(fields.get(field), str):
            fields[field] = code(fields[field])
    aliases = tuple(each if isinstance(each, Alias) else Alias(code(each)) for each in fields.pop("aliases", ()))
    return Agency(organ_id=code(organ_id), name=name, aliases=aliases, **fields)


def once(key: str, body: str = "a" * 64, client_id: str = "01a2022d-fb9b-75ac-92fd-527f80c9bf3a") -> Act:
    """An act with an Idempotency-Key."""
    expires_at = NOW + timedelta(days=30)
    bound = Once.of_body(client_id, key, path="/v1/something", body_sha256=body, expires_at=expires_at)
    return Act(client_id, NOW, bound)


@dataclass
class Registry:
    """A registry that is being filled."""

    database: Database

    async def add(self, *organ_ids: str) -> None:
        """Register agencies that have nothing but a code."""
        for each in organ_ids:
            await agencies.register(self.database, agency(each, f"Cơ quan {each}"), act=ACT)

    async def trust(self, pki: Pki) -> None:
        """Trust a hierarchy's root."""
        await anchors.add_anchor(self.database, pki.root_pem.encode(), name="Gốc", act=ACT)

    async def enrol(
        self, organ_id: str, identity: Identity, *, at: datetime = NOW, chain: bool = True
    ) -> RegisteredCertificate:
        """Register an agency's certificate with the authorities above it."""
        done = await certificates.register(
            self.database, code(organ_id), bundle(identity, chain=chain), CertificateKind.SEAL, act=Act("operator", at)
        )
        return done.value

    async def events(self) -> list[dict[str, Any]]:
        """Every event so far, oldest first."""
        async with self.database.read() as tx:
            found = await tx.execute(sa.select(events.c.body).order_by(events.c.id))
        return [json.loads(body) for body in found.scalars()]

    async def count(self, table: sa.Table) -> int:
        """How many rows a table has."""
        async with self.database.read() as tx:
            return int((await tx.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())


def bundle(identity: Identity, *, chain: bool = True) -> bytes:
    """The identity's certificate in PEM, with its authorities."""
    above = identity.chain if chain else ()
    return (identity.pem() + "".join(Identity(identity.key, each).pem() for each in above)).encode()


def seal_of(organ_id: str, **more: Any) -> Identity:
    """A seal of the hierarchy most tests use; with an elliptic key, for those are made in no time."""
    return shared_pki().seal(organ_id, **({"key": "p256"} | more))
