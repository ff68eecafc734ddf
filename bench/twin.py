"""The naive twin: what a team writes in a week with FastAPI, SQLAlchemy's ORM and signxml; kept to be compared with.

    python -m bench.twin --port PORT [--workers 2]      (TWIN_DATABASE in the environment)

It does the same job in the usual way: looks the token up, reads the body, verifies the signature with signxml, asks the
database whether the certificate is registered, in force, issued by who is trusted and not revoked, reads the message,
looks its recipients up, and keeps document, body, deliveries and log in one transaction a request; a log entry names
the hash of the one before. It lacks most of the node's rules, its receipts, its proofs and its statistics.
"""

import argparse
import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from lxml import etree
from pydantic import BaseModel
from signxml import XMLVerifier
from sqlalchemy import ForeignKey, LargeBinary, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

_EDXML = "{http://www.mic.gov.vn/TBT/QCVN_102_2016}"


class Base(DeclarativeBase):
    """Every table."""


class Client(Base):
    __tablename__ = "clients"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class Agency(Base):
    __tablename__ = "agencies"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class Certificate(Base):
    __tablename__ = "certificates"
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.code"))
    pem: Mapped[str]
    issuer_pem: Mapped[str]
    revoked: Mapped[bool] = mapped_column(default=False)


class Document(Base):
    __tablename__ = "documents"
    id: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(unique=True)
    sender: Mapped[str] = mapped_column(ForeignKey("agencies.code"))
    subject: Mapped[str]
    sha256: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[str]
    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="document")


class Delivery(Base):
    __tablename__ = "deliveries"
    id: Mapped[str] = mapped_column(primary_key=True)
    document_key: Mapped[str] = mapped_column(ForeignKey("documents.id"))
    recipient: Mapped[str] = mapped_column(ForeignKey("agencies.code"), index=True)
    state: Mapped[str]
    document: Mapped[Document] = relationship(back_populates="deliveries")


class Entry(Base):
    __tablename__ = "log"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[str]
    kind: Mapped[str]
    document_key: Mapped[str] = mapped_column(ForeignKey("documents.id"), index=True)
    recipient: Mapped[str | None]
    previous: Mapped[str]
    hash: Mapped[str]


class Receipt(BaseModel):
    id: str
    document_id: str
    sha256: str
    deliveries: list[str]


def sessions_of(url: str) -> async_sessionmaker[AsyncSession]:
    """Open the database, as durable as the node's."""
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    parsed = make_url(url)
    engine = create_async_engine(parsed.set(drivername=driver[parsed.drivername]))
    if parsed.drivername == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def _connected(connection: object, _record: object) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}").close()  # type: ignore[attr-defined]

    return async_sessionmaker(engine, expire_on_commit=False)


app = FastAPI()


async def session() -> AsyncIterator[AsyncSession]:
    """Give each request a session."""
    async with app.state.sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def client(db: Session, authorization: Annotated[str, Header()]) -> Client:
    """Find out who asks."""
    found = await db.get(Client, hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest())
    if found is None:
        raise HTTPException(401)
    return found


def _verified(body: bytes, pem: str, issuer_pem: str) -> etree._Element:
    certificate, issuer = (x509.load_pem_x509_certificate(each.encode()) for each in (pem, issuer_pem))
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise HTTPException(422, "not in force")
    key = issuer.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert certificate.signature_hash_algorithm is not None
    key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(certificate.signature_hash_algorithm))
    signed = XMLVerifier().verify(body, x509_cert=pem).signed_xml
    assert signed is not None
    return signed


@app.get("/healthz")
async def healthz(db: Session) -> int:
    """Say that it lives."""
    return await db.scalar(select(func.count()).select_from(Document)) or 0


@app.post("/v1/documents", status_code=201, response_model=Receipt)
async def send(request: Request, db: Session, _client: Annotated[Client, Depends(client)]) -> Receipt:
    """Take a document in."""
    body = await request.body()
    shown = etree.fromstring(body).findtext(".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate") or ""
    fingerprint = hashlib.sha256(x509.load_pem_x509_certificate(_pem(shown)).public_bytes(Encoding.DER))
    registered = await db.get(Certificate, fingerprint.hexdigest())
    if registered is None or registered.revoked:
        raise HTTPException(422, "certificate not registered or revoked")
    message = _verified(body, registered.pem, registered.issuer_pem)
    header = message.find(f".//{_EDXML}MessageHeader")
    assert header is not None
    sender = header.findtext(f"{_EDXML}From/{_EDXML}OrganId")
    recipients = [each.text or "" for each in header.findall(f"{_EDXML}To/{_EDXML}OrganId")]
    known = (await db.scalars(select(Agency).where(Agency.code.in_(recipients)))).all()
    if sender != registered.agency or len(known) != len(recipients):
        raise HTTPException(422, "not the sender's certificate, or an unknown recipient")
    document_id = header.findtext(f"{_EDXML}DocumentId") or ""
    if await db.scalar(select(Document).where(Document.document_id == document_id)) is not None:
        raise HTTPException(409, "taken")
    now = datetime.now(UTC).isoformat()
    document = Document(
        id=str(uuid.uuid4()),
        document_id=document_id,
        sender=sender,
        subject=header.findtext(f"{_EDXML}Subject") or "",
        sha256=hashlib.sha256(body).hexdigest(),
        body=body,
        received_at=now,
    )
    document.deliveries = [Delivery(id=str(uuid.uuid4()), recipient=each, state="waiting") for each in recipients]
    db.add(document)
    await db.flush()
    previous = await db.scalar(select(Entry.hash).order_by(Entry.number.desc()).limit(1)) or ""
    for kind, recipient in (("accepted", None), *(("available", each) for each in recipients)):
        text = f"{previous}|{now}|{kind}|{document.id}|{recipient}"
        entry = Entry(at=now, kind=kind, document_key=document.id, recipient=recipient, previous=previous, hash="")
        entry.hash = previous = hashlib.sha256(text.encode()).hexdigest()
        db.add(entry)
    await db.commit()
    return Receipt(
        id=document.id,
        document_id=document_id,
        sha256=document.sha256,
        deliveries=[each.id for each in document.deliveries],
    )


def _pem(text: str) -> bytes:
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n".encode()


async def register(url: str, token: str, agencies: dict[str, str], seals: dict[str, str], issuer: str) -> None:
    """Make the tables and say who there is.

    Args:
        agencies: names by code.
        seals: certificates in PEM by code of the agency.
        issuer: certificate in PEM of whoever issued them.
    """
    sessions = sessions_of(url)
    async with sessions() as db:
        await (await db.connection()).run_sync(Base.metadata.create_all)
        db.add(Client(token_hash=hashlib.sha256(token.encode()).hexdigest(), name="measuring"))
        db.add_all(Agency(code=code, name=name) for code, name in agencies.items())
        await db.flush()
        for code, pem in seals.items():
            der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
            fingerprint = hashlib.sha256(der).hexdigest()
            db.add(Certificate(fingerprint=fingerprint, agency=code, pem=pem, issuer_pem=issuer))
        await db.commit()
    await sessions.kw["bind"].dispose()


def application() -> FastAPI:
    """Open the database of the environment."""
    app.state.sessions = sessions_of(os.environ["TWIN_DATABASE"])
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    options = {"port": asked.port, "workers": asked.workers, "access_log": False, "log_level": "warning"}
    uvicorn.run("bench.twin:application", factory=True, **options)
