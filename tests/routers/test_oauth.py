"""Tokens: how clients prove who they are, and what is refused."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import httpx2
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from app.ids import new_id
from app.ledger.seal import seal_all
from app.registry.model import Scope
from app.routers.brake import Brake
from tests.routers.registered import enrol, register, seal, trust
from tests.support.agency import AgencySystem
from tests.support.node import Credentials, RunningNode
from tests.support.pki import Identity, KeyName, Pki, shared_pki

GRANT = {"grant_type": "client_credentials"}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def ask(node: RunningNode, form: dict[str, str], **how: Any) -> httpx2.Response:
    return node.http.post("/oauth2/token", data=form, **how)


def assert_refused(answer: httpx2.Response, status: int, error: str) -> dict[str, Any]:
    """Check the shape of RFC 6749 §5.2, with the members of a problem beside it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert body["error"] == error
    assert body["error_description"]
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


@pytest.fixture(autouse=True)
def _patience(node: RunningNode) -> None:
    """Nobody has guessed yet."""
    node.app.state.brake = Brake()


@pytest.fixture(scope="module")
def known(node: RunningNode) -> Credentials:
    """A client that may exchange and read statistics."""
    return node.client(Scope.EXCHANGE, Scope.STATISTICS)


def test_a_client_signs_in_by_basic_authentication(node: RunningNode, known: Credentials) -> None:
    answer = ask(node, GRANT, auth=(known.client_id, known.secret))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()
    assert token["token_type"] == "Bearer"
    assert 0 < token["expires_in"] <= 3600
    assert token["scope"] == "exchange registry.read statistics"


def test_a_client_signs_in_by_the_form(node: RunningNode, known: Credentials) -> None:
    form = GRANT | {"client_id": known.client_id, "client_secret": known.secret}
    assert ask(node, form).status_code == 200


def test_basic_credentials_are_form_encoded(node: RunningNode, known: Credentials) -> None:
    encoded = quote_plus(known.client_id).replace("-", "%2D")
    assert ask(node, GRANT, auth=(encoded, known.secret)).status_code == 200


def test_scopes_can_be_narrowed_but_not_widened(node: RunningNode, known: Credentials) -> None:
    auth = (known.client_id, known.secret)
    assert ask(node, GRANT | {"scope": "statistics"}, auth=auth).json()["scope"] == "statistics"
    refused = assert_refused(ask(node, GRANT | {"scope": "exchange audit"}, auth=auth), 400, "invalid_scope")
    assert "audit" in refused["detail"]
    assert_refused(ask(node, GRANT | {"scope": "all"}, auth=auth), 400, "invalid_scope")


def test_a_wrong_secret_and_an_unknown_client_are_refused_alike(node: RunningNode, known: Credentials) -> None:
    wrong = assert_refused(ask(node, GRANT, auth=(known.client_id, "wrong")), 401, "invalid_client")
    for unknown_id in (new_id(), "no id at all", "x' OR 1=1 --", "\x00"):
        unknown = ask(node, GRANT, auth=(quote_plus(unknown_id), known.secret))
        assert assert_refused(unknown, 401, "invalid_client")["detail"] == wrong["detail"]
        assert unknown.headers["www-authenticate"].startswith("Basic ")


def test_a_request_of_the_wrong_form_is_refused(node: RunningNode, known: Credentials) -> None:
    for form, error in (
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        (GRANT | {"client_id": "other"}, "invalid_request"),
        (GRANT | {"client_secret": "second"}, "invalid_request"),
        (GRANT | {"client_assertion": "second"}, "invalid_request"),
    ):
        assert_refused(ask(node, form, auth=(known.client_id, known.secret)), 400, error)


def test_a_form_that_cannot_be_read_is_refused(node: RunningNode, known: Credentials) -> None:
    for body in (b"grant_type=client_credentials&grant_type=x", b"\xff=1", b"a=1&" * 50, b"grant_type=%ff"):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        auth = (known.client_id, known.secret)
        answer = node.http.post("/oauth2/token", content=body, headers=headers, auth=auth)
        assert_refused(answer, 400, "invalid_request")


def test_a_broken_authorization_header_is_refused(node: RunningNode) -> None:
    for header in ("Basic", "Basic !", "Basic " + base64.b64encode(b"nocolon").decode(), "Bearer x", ""):
        assert_refused(ask(node, GRANT, headers={"Authorization": header}), 401, "invalid_client")


def test_no_authentication_is_refused(node: RunningNode) -> None:
    assert_refused(ask(node, GRANT), 401, "invalid_client")


def test_json_is_refused_as_a_problem(node: RunningNode) -> None:
    assert node.http.post("/oauth2/token", json=GRANT).status_code == 415


def test_guessing_is_braked_and_says_when_to_come_again(node: RunningNode, known: Credentials) -> None:
    for _ in range(10):
        ask(node, GRANT, auth=(known.client_id, "guess"))
    answer = ask(node, GRANT, auth=(known.client_id, known.secret))
    assert_refused(answer, 429, "temporarily_unavailable")
    assert 0 < int(answer.headers["retry-after"]) <= 60


def test_sign_ins_and_refused_ones_are_events(fresh_node: RunningNode) -> None:
    known = fresh_node.client(Scope.EXCHANGE)
    ask(fresh_node, GRANT, auth=(known.client_id, known.secret))
    ask(fresh_node, GRANT, auth=(known.client_id, "wrong"))
    for _ in range(15):
        ask(fresh_node, GRANT, auth=(new_id(), "wrong"))
    with fresh_node.system(Scope.AUDIT) as auditor:
        assert auditor.token
        fresh_node.run(lambda running: seal_all(running.database, now=datetime.now(UTC)))
        everything = auditor.pages("/v1/audit/events", limit=500)
        found = [each for each in everything if each["event"].startswith("token.")]
    mine = [(each["event"], each["outcome"]) for each in found if each["actor"] == known.client_id]
    assert mine == [("token.issued", "accepted"), ("token.refused", "refused")]
    unknown = [each for each in found if each["actor"] == "unknown"]
    assert len(unknown) == 10, "under ids that nobody has, events are bounded"


# Assertions (RFC 7523).

HOURS = (-3600, 3600)
"""Times that are meant from now on."""
WRONG_CLAIMS: tuple[dict[str, Any], ...] = (
    {"aud": "https://elsewhere.example"},
    {"aud": None},
    {"aud": []},
    {"iss": "someone-else"},
    {"sub": None},
    {"sub": 7, "iss": 7},
    {"jti": None},
    {"jti": ""},
    {"jti": "x" * 256},
    {"jti": "\ud800"},
    {"exp": None},
    {"exp": "tomorrow"},
    {"exp": True},
    {"exp": 10**400},
    {"exp": -1},
    {"exp": -3600},
    {"exp": 3600},
    {"nbf": 3600},
    {"iat": 3600},
)

_HEADERS = jws.JWSRegistry(algorithms=["ES256", "ES384", "RS256", "RS512", "PS256"])


@pytest.fixture(scope="module")
def pki(admin: AgencySystem) -> Pki:
    """A hierarchy that is trusted."""
    trust(admin, shared_pki())
    return shared_pki()


@pytest.fixture(scope="module")
def office(admin: AgencySystem) -> str:
    """An agency's code."""
    return register(admin)


@pytest.fixture(scope="module")
def sealed(admin: AgencySystem, pki: Pki, office: str) -> Identity:
    """The office's registered seal."""
    identity = seal(pki, office)
    enrol(admin, pki, identity, office)
    return identity


@pytest.fixture(scope="module")
def of_office(node: RunningNode, office: str) -> Credentials:
    """A client of the office."""
    return node.client(Scope.EXCHANGE, agencies=[office])


def thumbprint(identity: Identity) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(identity.sha256)).rstrip(b"=").decode()


def asserted(
    node: RunningNode, client_id: str, identity: Identity, *, alg: str = "ES256", header: Any = None, **claims: Any
) -> str:
    now = int(time.time())
    standard = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{node.url}/oauth2/token",
        "jti": new_id(),
        "iat": now,
        "exp": now + 120,
    }
    family = ECKey if alg.startswith("ES") else RSAKey
    key = family.import_key(identity.key_pem())
    protected = {"alg": alg} | (header if header is not None else {"x5t#S256": thumbprint(identity)})
    present = {name: value for name, value in (standard | claims).items() if value is not None}
    # Not jwt.encode: it would not write some of the nonsense that is sent here.
    return jws.serialize_compact(protected, json.dumps(present), key, registry=_HEADERS)


def present(node: RunningNode, assertion: str, **more: str) -> httpx2.Response:
    form = GRANT | {"client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    return ask(node, form | more)


def test_a_client_signs_in_with_the_key_of_a_registered_certificate(
    node: RunningNode, of_office: Credentials, sealed: Identity
) -> None:
    answer = present(node, asserted(node, of_office.client_id, sealed), client_id=of_office.client_id)
    assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert node.http.get("/v1/agencies", headers=headers).status_code == 200


def test_every_allowed_algorithm_works(
    node: RunningNode, admin: AgencySystem, pki: Pki, office: str, of_office: Credentials
) -> None:
    keys: dict[KeyName, tuple[str, ...]] = {"p384": ("ES384",), "rsa2048": ("RS256", "PS256", "RS512")}
    for key, algorithms in keys.items():
        identity = seal(pki, office, key=key)
        enrol(admin, pki, identity, office)
        for alg in algorithms:
            answer = present(node, asserted(node, of_office.client_id, identity, alg=alg))
            assert answer.status_code == 200, answer.text


def test_the_certificate_may_be_named_in_every_usual_way(
    node: RunningNode, of_office: Credentials, sealed: Identity
) -> None:
    x5c = base64.b64encode(sealed.der()).decode()
    for header in ({"x5c": [x5c]}, {"kid": sealed.sha256}, {"kid": sealed.sha256.upper()}, {"kid": thumbprint(sealed)}):
        answer = present(node, asserted(node, of_office.client_id, sealed, header=header))
        assert answer.status_code == 200, f"{header}: {answer.text}"


def test_the_issuer_is_an_audience_too(node: RunningNode, of_office: Credentials, sealed: Identity) -> None:
    assert present(node, asserted(node, of_office.client_id, sealed, aud=node.url)).status_code == 200
    both = ["https://elsewhere.example", f"{node.url}/oauth2/token"]
    assert present(node, asserted(node, of_office.client_id, sealed, aud=both)).status_code == 200


def test_an_assertion_is_taken_once(node: RunningNode, of_office: Credentials, sealed: Identity) -> None:
    assertion = asserted(node, of_office.client_id, sealed)
    assert present(node, assertion).status_code == 200
    assert "before" in assert_refused(present(node, assertion), 401, "invalid_client")["detail"]


def test_wrong_claims_are_refused(node: RunningNode, of_office: Credentials, sealed: Identity) -> None:
    now = int(time.time())
    for claims in WRONG_CLAIMS:
        moved = {name: now + value if value in HOURS else value for name, value in claims.items()}
        assertion = asserted(node, of_office.client_id, sealed, **moved)
        answer = present(node, assertion)
        if answer.status_code == 429:
            node.app.state.brake = Brake()
            answer = present(node, assertion)
        assert_refused(answer, 401, "invalid_client")


def test_what_is_no_assertion_is_refused(node: RunningNode) -> None:
    for assertion in ("", "x", "a.b.c", "é", "e30.e30.", "x" * 40_000, "....", "W10.W10.AAAA"):
        assert_refused(present(node, assertion), 401, "invalid_client")


def test_an_assertion_without_signature_or_with_a_shared_secret_is_refused(
    node: RunningNode, of_office: Credentials, sealed: Identity
) -> None:
    good = asserted(node, of_office.client_id, sealed)
    _, claims, signature = good.split(".")
    for alg in ("none", "HS256", "RS1", "EdDSA", "ES512"):
        text = f'{{"alg":"{alg}","x5t#S256":"{thumbprint(sealed)}"}}'
        header = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
        for end in ("", signature):
            assert_refused(present(node, f"{header}.{claims}.{end}"), 401, "invalid_client")


def test_a_key_in_the_header_is_never_used(
    node: RunningNode, of_office: Credentials, sealed: Identity, pki: Pki, office: str
) -> None:
    forger = seal(pki, office)
    jwk = ECKey.import_key(forger.key_pem()).as_dict(private=False)
    for header in (
        {"x5t#S256": thumbprint(sealed), "jwk": jwk},
        {"x5t#S256": thumbprint(sealed)},
        {"x5c": [base64.b64encode(forger.der()).decode()]},
        {},
    ):
        forged = asserted(node, of_office.client_id, forger, header=header)
        assert_refused(present(node, forged), 401, "invalid_client")


def test_the_certificate_of_an_agency_the_client_does_not_act_for_is_refused(
    node: RunningNode, sealed: Identity
) -> None:
    stranger = node.client(Scope.EXCHANGE, agencies=["H28.*"])
    assert_refused(present(node, asserted(node, stranger.client_id, sealed)), 401, "invalid_client")


def test_a_revoked_certificate_is_refused(
    node: RunningNode, admin: AgencySystem, of_office: Credentials, pki: Pki, office: str
) -> None:
    identity = seal(pki, office)
    enrol(admin, pki, identity, office)
    assert admin.post(f"/v1/certificates/{identity.sha256}/revoke", json={}).status_code == 200
    assert_refused(present(node, asserted(node, of_office.client_id, identity)), 401, "invalid_client")


def test_the_type_of_the_assertion_must_be_named(node: RunningNode, of_office: Credentials, sealed: Identity) -> None:
    form = GRANT | {"client_assertion": asserted(node, of_office.client_id, sealed)}
    assert_refused(ask(node, form), 401, "invalid_client")


# Discovery.


def test_the_server_describes_itself(node: RunningNode, known: Credentials) -> None:
    described = node.http.get("/.well-known/oauth-authorization-server").json()
    assert described["issuer"] == node.url
    assert described["scopes_supported"] == ["exchange", "registry.read", "registry.write", "audit", "statistics"]
    answer = httpx2.post(described["token_endpoint"], data=GRANT, auth=(known.client_id, known.secret))
    assert answer.status_code == 200


def test_a_token_can_be_checked_with_the_published_keys(node: RunningNode, known: Credentials) -> None:
    token = ask(node, GRANT, auth=(known.client_id, known.secret)).json()["access_token"]
    keys = node.http.get("/.well-known/jwks.json").json()["keys"]
    assert all("d" not in key for key in keys)
    decoded = jwt.decode(token, ECKey.import_key(keys[0]), algorithms=["ES256"])
    assert decoded.header["typ"] == "at+jwt"
    claims = decoded.claims
    assert (claims["iss"], claims["aud"], claims["sub"]) == (node.url, node.url, known.client_id)
    assert {"exp", "iat", "jti", "client_id", "scope"} <= set(claims)
