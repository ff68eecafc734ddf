"""`truc sign` with properties, with a timestamp, and over signatures that are there."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.edxml.write import write
from app.markup import parse
from app.signing.path import UnknownRevocation
from app.signing.revocations import RevocationIndex
from app.signing.timestamps import verify_token
from app.signing.xmldsig import present, present_all
from app.simulation.stamper import Stamper
from tests.cli.conftest import Truc
from tests.support.authority_server import AuthorityServer
from tests.support.office import Office
from tests.support.pki import NOW, YEAR, Identity, name, shared_pki


@pytest.fixture
def unsigned(tmp_path: Path) -> Path:
    path = tmp_path / "document.edxml"
    office = Office("000.00.00.G22", shared_pki().seal(key="p256"), None)  # type: ignore[arg-type]
    path.write_bytes(write(office.paper("000.00.00.H41")))
    return path


def options(folder: Path, identity: Identity) -> list[object]:
    key, certificate = folder / f"{identity.sha256[:8]}.key", folder / f"{identity.sha256[:8]}.pem"
    key.write_bytes(identity.key_pem())
    certificate.write_text(identity.pem())
    return ["--key", key, "--cert", certificate]


def test_properties_say_when_it_was_signed(truc: Truc, unsigned: Path, tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    signed = tmp_path / "signed.edxml"
    assert truc("sign", unsigned, *options(tmp_path, shared_pki().seal(key="p256")), "--xades", "-o", signed).code == 0
    found = present(parse(signed.read_bytes()))
    assert found.verify().covers_document
    assert found.signing_time is not None
    assert before <= found.signing_time <= datetime.now(UTC)
    assert found.timestamp_tokens == ()


def test_a_person_signs_and_then_the_seal(truc: Truc, unsigned: Path, tmp_path: Path) -> None:
    person, seal = shared_pki().person(), shared_pki().seal(key="p256")
    once, twice = tmp_path / "once.edxml", tmp_path / "twice.edxml"
    assert truc("sign", unsigned, *options(tmp_path, person), "-o", once).code == 0
    assert truc("sign", once, *options(tmp_path, seal), "-o", twice).code == 1
    assert truc("sign", once, *options(tmp_path, seal), "--add", "-o", twice).code == 0
    presented = present_all(parse(twice.read_bytes()))
    assert [each.certificate for each in presented] == [person.certificate, seal.certificate]
    assert all(each.verify().covers_document for each in reversed(presented))


def test_an_authority_stamps_the_signature(truc: Truc, unsigned: Path, tmp_path: Path) -> None:
    pki = shared_pki()
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    authority = pki.issue(name((NameOID.COMMON_NAME, "TSA")), extensions=[(purpose, True)], not_after=NOW + 30 * YEAR)
    assert isinstance(authority.key, ec.EllipticCurvePrivateKey)
    stamper = Stamper(authority.key, authority.certificate, authority.chain)
    signed = tmp_path / "signed.edxml"
    with AuthorityServer() as server:
        server.responders["/tsa"] = lambda request: stamper.answer(request, at=NOW)
        address = f"http://127.0.0.1:{server.port}/tsa"
        signer = options(tmp_path, pki.seal(key="p256"))
        assert truc("sign", unsigned, *signer, "--tsa", address, "-o", signed).code == 0
        server.status = 503
        assert truc("sign", unsigned, *signer, "--tsa", address, "-o", tmp_path / "none.edxml").code != 0
    assert not (tmp_path / "none.edxml").exists()
    found = present(parse(signed.read_bytes()))
    assert found.verify().covers_document
    (token,) = found.timestamp_tokens
    stamp = verify_token(
        token.token,
        token.imprint_octets,
        anchors=pki.anchors,
        revocations=RevocationIndex(),
        unknown_revocation=UnknownRevocation.ACCEPT,
    )
    assert stamp.gen_time == NOW
