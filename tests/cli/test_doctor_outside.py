"""The doctor asks the servers outside that the settings name."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.cli.doctor_outside import outside
from app.errors import RequestInvalid
from app.settings import Settings
from app.simulation.authority_server import AuthorityServer
from app.simulation.stamper import Stamper
from tests.exchange.test_stamping import authority
from tests.support.clamd import Mood, clamd
from tests.support.pki import shared_pki


def found(**settings: Any) -> list[tuple[str, str]]:
    """What the doctor says of these settings: name and grade of each check."""
    return [(each.name, each.grade.value) for each in outside(Settings(**settings))]


def test_of_what_is_not_configured_nothing_is_said() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("mood", "unavailable", "grade"),
    [(Mood.WELL, "refuse", "ok"), (Mood.ERROR, "refuse", "failure"), (Mood.ERROR, "accept", "warning")],
)
def test_a_scanner_scans_or_stops_the_mail_as_the_setting_says(mood: Mood, unavailable: str, grade: str) -> None:
    with clamd() as scanner:
        scanner.mood = mood
        assert found(scanner_address=scanner.address, scanner_unavailable=unavailable) == [("scanner", grade)]


def test_an_authority_stamps_or_receipts_wait() -> None:
    tsa = authority(shared_pki())
    assert isinstance(tsa.key, ec.EllipticCurvePrivateKey)
    stamper = Stamper(tsa.key, tsa.certificate, tsa.chain)
    with AuthorityServer() as server:
        named = {
            "timestamp_authority_url": f"http://127.0.0.1:{server.port}/tsa",
            "revocation_private_targets": True,
        }
        assert found(**named) == [("time stamps", "warning")], "there is nothing at this address"
        server.offer(
            "/tsa", "application/timestamp-reply", lambda request: stamper.answer(request, at=datetime.now(UTC))
        )
        assert found(**named) == [("time stamps", "ok")]


def test_an_address_that_cannot_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match="scanner_address"):
        found(scanner_address=str(tmp_path))
