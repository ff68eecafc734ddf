"""Time stamps: what is asked, what is believed, and each reason not to."""

import hashlib
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import tsp  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from app.findings import Severity
from app.signing.path import UnknownRevocation
from app.signing.revocations import RevocationIndex, parse_revocation_list
from app.signing.timestamps import Timestamp, TimestampRefused, build_request, certificates_of, token_of, verify_token
from app.simulation.stamper import POLICY, Stamper
from tests.support.pki import DAY, NOW, YEAR, Identity, Pki, name, shared_pki

PKI = shared_pki()
OCTETS = b"what was there at that time"
NONCE = 2**63 + 12_345
STAMPING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])


def authority(
    purposes: Iterable[tuple[x509.ExtensionType, bool]] = ((STAMPING, True),),
    *,
    not_after: datetime = NOW + YEAR,
    pki: Pki = PKI,
) -> Identity:
    return pki.issue(name((NameOID.COMMON_NAME, "TSA")), slot=700, extensions=purposes, not_after=not_after)


def stamper(identity: Identity) -> Stamper:
    assert isinstance(identity.key, ec.EllipticCurvePrivateKey)
    return Stamper(identity.key, identity.certificate, identity.chain)


TSA = authority()
RESPONSE = stamper(TSA).answer(build_request(OCTETS, nonce=NONCE), at=NOW)


def known(
    revoked: tuple[Identity, ...] = (), *, at: datetime = NOW - DAY, reason: str = "keyCompromise"
) -> RevocationIndex:
    found = RevocationIndex()
    own = PKI.crl(revoked, at=at, reason=x509.ReasonFlags(reason))
    found.add(parse_revocation_list(own, issuers=[PKI.issuing.certificate]))
    found.add(parse_revocation_list(PKI.crl(issuer=PKI.root), issuers=PKI.anchors))
    return found


def judged(
    response: bytes = RESPONSE,
    *,
    octets: bytes = OCTETS,
    nonce: int = NONCE,
    policy: str | None = None,
    revocations: RevocationIndex | None = None,
    unknown: UnknownRevocation = UnknownRevocation.REFUSE,
) -> Timestamp:
    return verify_token(
        token_of(response),
        octets,
        nonce=nonce,
        policy=policy,
        anchors=PKI.anchors,
        revocations=known() if revocations is None else revocations,
        unknown_revocation=unknown,
    )


def refused(response: bytes = RESPONSE, **how: object) -> list[str]:
    with pytest.raises(TimestampRefused) as caught:
        judged(response, **how)  # type: ignore[arg-type]
    for finding in caught.value.findings:
        assert finding.message
        assert finding.fix
        assert finding.source
    return [finding.code for finding in caught.value.findings if finding.refuses]


def made_by(identity: Identity) -> bytes:
    return stamper(identity).answer(build_request(OCTETS, nonce=NONCE), at=NOW)


def test_an_answer_is_believed_and_says_when() -> None:
    stamp = judged()
    assert stamp.gen_time == NOW
    assert stamp.accuracy == timedelta(seconds=1)
    assert stamp.tsa == TSA.certificate
    assert stamp.path == (TSA.certificate, PKI.issuing.certificate, PKI.root.certificate)
    assert stamp.policy == POLICY
    assert stamp.proven
    assert stamp.findings == ()


def test_the_bare_token_is_believed_alike() -> None:
    token = judged().token
    stamp = verify_token(token, OCTETS, anchors=PKI.anchors, revocations=known())
    assert stamp == judged()


def test_a_token_says_whom_to_ask_about() -> None:
    assert certificates_of(token_of(RESPONSE)) == (TSA.certificate, PKI.issuing.certificate)


def test_a_request_asks_for_certificate_nonce_and_policy() -> None:
    asked = tsp.TimeStampReq.load(build_request(OCTETS, nonce=7, policy="1.2.3.4"))
    assert asked["message_imprint"]["hashed_message"].native == hashlib.sha256(OCTETS).digest()
    assert (asked["nonce"].native, asked["cert_req"].native, asked["req_policy"].native) == (7, True, "1.2.3.4")
    answer = stamper(TSA).answer(asked.dump(), at=NOW)
    assert judged(answer, nonce=7, policy="1.2.3.4").policy == "1.2.3.4"
    assert refused(answer, nonce=7, policy="1.2.3.5") == ["rfc3161.2.4.2.policy"]


def test_other_octets_are_not_what_was_stamped() -> None:
    assert refused(octets=OCTETS + b".") == ["rfc3161.2.4.2.imprint"]


def test_the_answer_to_another_request_is_refused() -> None:
    assert refused(nonce=NONCE + 1) == ["rfc3161.2.4.2.nonce"]
    without = tsp.TimeStampReq.load(build_request(OCTETS, nonce=1))
    del without["nonce"]
    assert refused(stamper(TSA).answer(without.dump(), at=NOW)) == ["rfc3161.2.4.2.nonce"]


def test_what_an_authority_declines_says_so() -> None:
    weak = tsp.TimeStampReq.load(build_request(OCTETS, nonce=NONCE))
    weak["message_imprint"] = {"hash_algorithm": {"algorithm": "sha1"}, "hashed_message": bytes(20)}
    assert refused(stamper(TSA).answer(weak.dump(), at=NOW)) == ["rfc3161.2.4.2.declined"]


@pytest.mark.parametrize("octets", [b"", b"<html>", bytes(70_000), RESPONSE[:-1], RESPONSE + b"\0", RESPONSE[:200]])
def test_what_is_no_response_is_refused(octets: bytes) -> None:
    assert refused(octets)[0] in ("rfc3161.2.4.2.unreadable", "rfc3161.2.4.2.too-long")


@settings(max_examples=60)
@given(st.integers(0, len(RESPONSE) - 1), st.integers(1, 255))
def test_a_changed_octet_is_refused_or_changes_nothing(place: int, change: int) -> None:
    changed = bytearray(RESPONSE)
    changed[place] ^= change
    try:
        stamp = judged(bytes(changed))
    except TimestampRefused:
        return
    assert replace(stamp, token=b"") == replace(judged(), token=b"")


@pytest.mark.parametrize(
    "purposes",
    [
        (),
        [(STAMPING, False)],
        [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), True)],
        [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING]), True)],
    ],
    ids=["none", "not critical", "another", "another besides"],
)
def test_a_certificate_for_anything_else_stamps_nothing(purposes: list[tuple[x509.ExtensionType, bool]]) -> None:
    assert refused(made_by(authority(purposes))) == ["rfc5280.4.2.1.12.wrong-purpose"]


def test_an_authority_that_had_expired_is_refused_and_one_that_expired_since_is_not() -> None:
    assert refused(made_by(authority(not_after=NOW - DAY))) == ["rfc5280.4.1.2.5.expired"]
    assert judged(made_by(authority(not_after=NOW + timedelta(seconds=1)))).gen_time == NOW


def test_an_authority_of_another_root_is_refused() -> None:
    assert refused(made_by(authority(pki=PKI.look_alike()))) == ["rfc5280.6.1.no-path"]


@pytest.mark.parametrize(
    ("at", "reason", "codes"),
    [
        (NOW - DAY, "keyCompromise", ["rfc5280.6.3.revoked"]),
        (NOW - DAY, "superseded", ["rfc5280.6.3.revoked"]),
        (NOW + DAY, "keyCompromise", ["rfc3161.4.compromised"]),
        (NOW + DAY, "cessationOfOperation", []),
    ],
)
def test_a_revoked_authority_is_refused_later_only_if_its_key_was_lost(
    at: datetime, reason: str, codes: list[str]
) -> None:
    told = known((TSA,), at=at, reason=reason)
    if codes:
        assert refused(revocations=told) == codes
    else:
        assert [each.severity for each in judged(revocations=told).findings] == [Severity.INFO]


def test_unknown_revocation_is_refused_or_leaves_the_time_unproven() -> None:
    nothing = RevocationIndex()
    assert set(refused(revocations=nothing)) == {"rfc5280.6.3.revocation-unknown.no-list"}
    stamp = judged(revocations=nothing, unknown=UnknownRevocation.ACCEPT)
    assert not stamp.proven
    assert {each.severity for each in stamp.findings} == {Severity.UNKNOWN}


def test_a_token_made_with_sha1_is_refused() -> None:
    asked = tsp.TimeStampReq.load(build_request(OCTETS, nonce=NONCE))
    signed = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": asked["message_imprint"],
            "serial_number": 1,
            "gen_time": NOW,
        }
    )
    token = stamper(TSA).token(signed.dump(), at=NOW, digest="sha1").dump()
    with pytest.raises(TimestampRefused) as caught:
        verify_token(token, OCTETS, anchors=PKI.anchors, revocations=known())
    assert [each.code for each in caught.value.findings] == ["ours.timestamp.weak-hash"]


_CONFIGURATION = """
[tsa]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384
accuracy = secs:1, millisecs:500
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
"""


def test_tokens_of_openssl_are_believed(tmp_path: Path) -> None:
    """An authority that shares no code with this node: `openssl ts -reply`."""
    moment = datetime.now(UTC)
    tsa = authority(not_after=moment + YEAR)
    (tmp_path / "tsa.pem").write_text(tsa.pem())
    (tmp_path / "tsa.key").write_bytes(tsa.key_pem())
    (tmp_path / "chain.pem").write_text(PKI.issuing_pem)
    (tmp_path / "serial").write_text("01")
    (tmp_path / "request").write_bytes(build_request(OCTETS, nonce=NONCE))
    (tmp_path / "tsa.cnf").write_text(_CONFIGURATION.format(folder=tmp_path))
    command = "openssl ts -reply -config tsa.cnf -section tsa -queryfile request -signer tsa.pem -inkey tsa.key"
    subprocess.run(
        [*command.split(), "-chain", "chain.pem", "-out", "response"], cwd=tmp_path, check=True, capture_output=True
    )
    response = (tmp_path / "response").read_bytes()
    # The machine's clock may be far from the lists' week; the times are not what is tested here.
    stamp = judged(response, revocations=RevocationIndex(), unknown=UnknownRevocation.ACCEPT)
    assert abs(stamp.gen_time - moment) < timedelta(minutes=10)
    assert (stamp.policy, stamp.accuracy) == ("1.2.3.4.1", timedelta(seconds=1, milliseconds=500))
    assert stamp.tsa == tsa.certificate


def test_openssl_believes_our_own_authority(tmp_path: Path) -> None:
    (tmp_path / "octets").write_bytes(OCTETS)
    (tmp_path / "token").write_bytes(judged().token)
    (tmp_path / "root.pem").write_text(PKI.root_pem)
    seconds = str(int(NOW.timestamp()))
    command = "openssl ts -verify -data octets -in token -token_in -CAfile root.pem -attime"
    done = subprocess.run(
        [*command.split(), seconds],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert "Verification: OK" in done.stdout, done.stderr
