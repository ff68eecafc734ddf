"""The simulated authorities' servers say what real ones would, and are gone while they are switched off."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.signing.ocsp import OcspStatus, parse_answer, request_for
from app.signing.path import UnknownRevocation
from app.signing.revocation_addresses import revocation_addresses
from app.signing.revocations import RevocationIndex, parse_revocation_list
from app.signing.timestamps import build_request, token_of, verify_token
from app.simulation.authorities import LIFE, PublicServices
from app.simulation.authority_server import AuthorityServer
from app.simulation.pki import Authority, make_issuer, make_root, seal_name

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def services() -> Iterator[PublicServices]:
    with AuthorityServer() as server:
        yield PublicServices(server)


@pytest.fixture(scope="module")
def root(services: PublicServices) -> Authority:
    return make_root("root", at=datetime.now(UTC).replace(microsecond=0), services=services.of("root"))


@pytest.fixture(scope="module")
def issuer(services: PublicServices, root: Authority) -> Authority:
    at = datetime.now(UTC).replace(microsecond=0)
    made = make_issuer("issuer", root, at=at, services=services.of("issuer"))
    services.publish("root", root)
    services.publish("issuer", made)
    services.stamp_as(made.issue_stamper(not_before=at - DAY, not_after=at + DAY))
    return made


def fetched(url: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=10) as answer:
        return bytes(answer.read())


def test_certificates_say_where_they_are_revoked_and_lists_and_answers_agree(
    services: PublicServices, issuer: Authority
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    good, bad = (
        issuer.issue(seal_name("Cơ quan", code), not_before=now - DAY, not_after=now + DAY).certificate
        for code in ("G01", "G02")
    )
    services.revoked[bad] = now
    addresses = revocation_addresses(good)
    assert (addresses.lists, addresses.responders) == (
        (services.of("issuer").revocation_list,),
        (services.of("issuer").responder,),
    )
    listed = parse_revocation_list(fetched(addresses.lists[0]), issuers=[issuer.certificate])
    assert set(listed.revoked) == {bad.serial_number}
    for certificate, status in ((good, OcspStatus.GOOD), (bad, OcspStatus.REVOKED)):
        octets = fetched(addresses.responders[0], request_for(certificate, issuer.certificate))
        answer = parse_answer(octets, certificate=certificate, issuers=[issuer.certificate], at=datetime.now(UTC))
        assert answer.status is status
        assert answer.fresh_until - answer.this_update <= LIFE


def test_stamps_are_had_while_it_is_on_and_nobody_listens_while_it_is_off(
    services: PublicServices, root: Authority, issuer: Authority
) -> None:
    assert issuer.chain
    request = build_request(b"octets", nonce=1)

    def stamped() -> None:
        verify_token(
            token_of(fetched(services.stamps, request)),
            b"octets",
            anchors=[root.certificate],
            revocations=RevocationIndex(),
            unknown_revocation=UnknownRevocation.ACCEPT,
        )

    stamped()
    services.server.switch_off()
    with pytest.raises(urllib.error.URLError, match="refused"):
        fetched(services.stamps, request)
    services.server.switch_on()
    stamped()


@pytest.mark.parametrize("body", [b"", b"no request"])
def test_what_is_no_request_gets_no_answer(services: PublicServices, issuer: Authority, body: bytes) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        fetched(services.stamps, body)
