"""Agencies and certificates as administrators register them; for tests that need somebody to exist."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tests.support.agency import AgencySystem
from tests.support.pki import Identity, KeyName, Pki

_NUMBERS = count(1)


def new_code() -> str:
    """Make a code that no other agency has."""
    return f"H26.{next(_NUMBERS)}"


def agency(organ_id: str | None = None, name: str = "Văn phòng Chính phủ", **more: Any) -> dict[str, Any]:
    """What registers an agency."""
    return {"organ_id": organ_id or new_code(), "name": name, "tier": "central", "branch": "state"} | more


def register(admin: AgencySystem, organ_id: str | None = None, **more: Any) -> str:
    """Register an agency and return its code."""
    body = agency(organ_id, **more)
    answer = admin.post("/v1/agencies", json=body)
    assert answer.status_code == 201, answer.text
    code: str = body["organ_id"]
    return code


def trust(admin: AgencySystem, pki: Pki) -> None:
    """Make the root of a hierarchy an anchor, if it is none yet."""
    answer = admin.post("/v1/trust/anchors", json={"pem": pki.root_pem, "name": "Root"})
    assert answer.status_code in (201, 409), answer.text


def seal(pki: Pki, organ_id: str, *, key: KeyName = "p256") -> Identity:
    """Issue a seal that is in force now: the node goes by the real time."""
    now = datetime.now(UTC).replace(microsecond=0)
    return pki.seal(organ_id, key=key, not_before=now - timedelta(days=1), not_after=now + timedelta(days=365))


def enrol(admin: AgencySystem, pki: Pki, identity: Identity, organ_id: str) -> dict[str, Any]:
    """Register a certificate with the authority above it."""
    body = {"pem": identity.pem() + pki.issuing_pem, "kind": "seal"}
    answer = admin.post(f"/v1/agencies/{organ_id}/certificates", json=body)
    assert answer.status_code == 201, answer.text
    enrolled: dict[str, Any] = answer.json()
    return enrolled
