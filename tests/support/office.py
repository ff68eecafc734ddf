"""A small exchange in working order: agencies in the registry, their seals, systems that write and sign as they do."""

import base64
import io
import itertools
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.edxml.model import (
    Attachment,
    Business,
    DocumentCode,
    DocumentKind,
    DocumentMessage,
    DocumentType,
    Handling,
    Organization,
    Reference,
    ResponseFor,
    Signer,
    StatusCode,
    StatusMessage,
)
from app.edxml.organ_id import OrganId
from app.edxml.write import write
from app.registry.model import Scope
from app.signing.sign import sign
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode
from tests.support.pki import NOW, YEAR, Identity, Pki, shared_pki

GOVERNMENT_OFFICE = "000.00.00.G22"
PROVINCE = "000.00.00.H41"
DISTRICT = "000.00.20.H41"
COMMUNE = "H41.21.05"
PARTY = "000.00.00.A01"

_AGENCIES = (
    # code, alias, name, tier, branch, parent
    (GOVERNMENT_OFFICE, "G22", "Văn phòng Chính phủ", "central", "state", None),
    (PARTY, "A01", "Văn phòng Trung ương Đảng", "central", "party", None),
    (PROVINCE, "H41", "UBND tỉnh Nghệ An", "province", "state", None),
    (DISTRICT, "H41.20", "UBND huyện Mẫu", "district", "state", PROVINCE),
    (COMMUNE, "000.05.21.H41", "UBND xã Mẫu", "commune", "state", DISTRICT),
)

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Office:
    """One agency: its code, its seal, its document-management system."""

    organ_id: str
    seal: Identity
    system: AgencySystem

    def paper(self, *recipients: str, attachment: bytes = b"%PDF-1.7 synthetic", **changes: Any) -> DocumentMessage:
        """Write a new document of real shape; `changes` are fields of the message."""
        number = next(_numbers)
        today = datetime.now(UTC) + timedelta(hours=7)
        message = DocumentMessage(
            sender=Organization(OrganId.parse(self.organ_id), name="Cơ quan gửi"),
            recipients=tuple(Organization(OrganId.parse(code), name="Cơ quan nhận") for code in recipients),
            document_id=f"{self.organ_id},{today:%Y/%m/%d},{number}/VPCP-KSTT",
            code=DocumentCode(str(number), "VPCP-KSTT"),
            promulgated_at_place="Hà Nội",
            promulgated_on=today.date(),
            document_type=DocumentType(1, 0, "Công văn"),
            subject="V/v kết nối, liên thông phần mềm quản lý văn bản",
            signer=Signer("TL.", "Chánh Văn phòng", "Nguyễn Văn Mẫu"),
            due_date=today.date() + timedelta(days=7),
            handling=Handling(priority=0),
            steering_type=0,
            references=(Reference("1", "application/pdf", None, "cong-van.pdf"),),
            attachments=(
                Attachment("1", "cong-van.pdf", None, "application/pdf", base64.b64encode(attachment).decode()),
            ),
        )
        return replace(message, **changes)

    def signed(self, message: DocumentMessage | StatusMessage, **how: Any) -> bytes:
        """Sign a message with the agency's seal."""
        return sign(write(message), **({"key": self.seal.key, "certificate": self.seal.certificate} | how))

    def status(self, document: dict[str, Any], code: StatusCode, *, owner: str, reason: str | None = None) -> bytes:
        """Report on a document: one of the inbox, or for 13 one of the agency's own, then `owner` is whom it asks."""
        return self.signed(
            StatusMessage(
                sender=Organization(OrganId.parse(self.organ_id)),
                response_for=ResponseFor(
                    OrganId.parse(owner), document.get("code"), date(2026, 1, 2), document["document_id"]
                ),
                status=code,
                description=reason,
                reported_at=datetime.now(UTC),
            )
        )

    def receive(self, **params: Any) -> list[dict[str, Any]]:
        """Wait for mail of this agency."""
        answer = self.system.get("/v1/inbox", params={"agency": self.organ_id, "wait": 20} | params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@dataclass(frozen=True)
class Exchange:
    """A node with agencies that can exchange."""

    running: RunningNode
    pki: Pki
    offices: dict[str, Office]
    administrator: AgencySystem
    auditor: AgencySystem
    statistician: AgencySystem

    def __getitem__(self, organ_id: str) -> Office:
        return self.offices[organ_id]


@contextmanager
def exchange_on(
    running: RunningNode, pki: Pki | None = None, *, only: Sequence[str] | None = None
) -> Iterator[Exchange]:
    """Register agencies of every tier over HTTP, as an administrator does, and give them systems.

    It is known that none of their certificates is revoked.

    Args:
        only: codes of those that are needed, where not all are; parents go with their children.
    """
    pki = pki or shared_pki()
    with ExitStack() as stack:
        administrator = stack.enter_context(running.system(Scope.REGISTRY_WRITE))
        created(administrator.post("/v1/trust/anchors", json={"pem": pki.root_pem, "name": "Gốc kiểm thử"}))
        offices = {}
        for code, alias, name, tier, branch, parent in _AGENCIES:
            if only is not None and code not in only:
                continue
            fields = {"organ_id": code, "aliases": [alias], "name": name, "tier": tier, "branch": branch}
            created(administrator.post("/v1/agencies", json=fields | ({"parent": parent} if parent else {})))
            seal = current_seal(pki, code, name)
            register_certificate(administrator, code, seal, pki)
            system = stack.enter_context(running.system(Scope.EXCHANGE, agencies=[code], name=name))
            offices[code] = Office(code, seal, system)
        for issuer in (pki.root, pki.issuing):
            # Good for many years and without a number, so that a test may publish another whenever it likes.
            nothing = pki.crl(issuer=issuer, next_update=NOW + 20 * YEAR, number=None)
            created(administrator.post("/v1/trust/crls", content=nothing))
        auditor = stack.enter_context(running.system(Scope.AUDIT))
        statistician = stack.enter_context(running.system(Scope.STATISTICS))
        yield Exchange(running, pki, offices, administrator, auditor, statistician)


def current_seal(pki: Pki, organ_id: str, name: str, **how: Any) -> Identity:
    """Issue a certificate that is in force while the test runs; the Government Office has an RSA key, others P-256."""
    now = datetime.now(UTC)
    key = "rsa2048" if organ_id == GOVERNMENT_OFFICE else "p256"
    period = {"not_before": now - timedelta(days=1), "not_after": now + timedelta(days=300)}
    return pki.seal(organ_id, name, **({"key": key} | period | how))


def register_certificate(administrator: AgencySystem, organ_id: str, seal: Identity, pki: Pki) -> dict[str, Any]:
    """Enrol a certificate together with the authority that issued it."""
    body = {"pem": seal.pem() + pki.issuing_pem, "kind": "seal"}
    return created(administrator.post(f"/v1/agencies/{organ_id}/certificates", json=body))


def created(answer: Any, status: int = 201) -> dict[str, Any]:
    """Insist that something was created and return it."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    value: dict[str, Any] = answer.json()
    return value


def refused(answer: Any, status: int, slug: str) -> list[str]:
    """Insist that something was refused with a problem of this kind; returns the codes of the findings that refuse."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"].endswith(f"/{slug}"), problem
    return [each["code"] for each in problem["findings"] if each["severity"] in ("error", "fatal")]


def business(kind: DocumentKind, **fields: Any) -> Business:
    """Say what a message does to others."""
    return Business(kind, reason="Lý do thử nghiệm", **fields)


def zipped(name: str, content: bytes) -> str:
    """Wrap a file as the vendor library does: base64 of a ZIP with one entry."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return base64.b64encode(file.getvalue()).decode()


def outcomes(items: Sequence[dict[str, Any]]) -> list[str]:
    """Return what became of acknowledged deliveries."""
    return [item["outcome"] for item in items]
