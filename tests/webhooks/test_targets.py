"""Where requests may go: what an address may say, what its name may stand for, and what is done with the answer."""

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import RequestInvalid
from app.remote.addresses import CLOSED, PRIVATE, refusal
from app.remote.call import ADDRESSES_MAX, Failure, Limits, Resolve
from app.remote.post import Post
from app.remote.target import Target
from tests.webhooks.receiver import Receiver

PUBLIC = ["1.1.1.1", "113.160.0.1", "203.119.8.1", "2001:4860:4860::8888", "2405:4800::1"]
"""Addresses that may be called."""

OPENED = ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1", "127.0.0.1", "127.9.9.9", "::1"]
OPENED += ["fd00::1", "fc00::1"]
"""Addresses that may be called where private ones are allowed."""

NEVER = ["0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1"]
NEVER += ["203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"]
NEVER += [
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:1.1.1.1",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::101:101",
]
NEVER += ["64:ff9b:1::1", "2002:7f00:1::1", "2001::1", "2001:db8::1", "3fff::1", "fe80::1", "fe80::1%eth0", "fec0::1"]
NEVER += ["ff02::1", "100::1", "4000::1", "2001:10::1", "2001:20::1", "5f00::1"]
"""Addresses that are never called."""


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_called(text: str) -> None:
    assert refusal(ip_address(text), private=False) is None
    assert refusal(ip_address(text), private=True) is None


@pytest.mark.parametrize("text", OPENED)
def test_private_addresses_may_be_called_where_the_operator_allows_it(text: str) -> None:
    assert refusal(ip_address(text), private=False) is not None
    assert refusal(ip_address(text), private=True) is None


@pytest.mark.parametrize("text", NEVER)
def test_other_addresses_are_never_called(text: str) -> None:
    assert refusal(ip_address(text), private=False) is not None
    assert refusal(ip_address(text), private=True) is not None


@settings(max_examples=100, deadline=None)
@given(st.ip_addresses())
def test_whatever_the_library_calls_not_global_is_refused(address: object) -> None:
    parsed = ip_address(str(address))
    if refusal(parsed, private=False) is None:
        assert parsed.is_global
        assert not parsed.is_multicast


def test_the_table_names_each_network_once_and_without_overlap() -> None:
    networks: list[IPv4Network | IPv6Network] = [*PRIVATE, *CLOSED]
    for one in networks:
        assert [other for other in networks if one.version == other.version and one.overlaps(other)] == [one]


@pytest.mark.parametrize(
    ("url", "defect"),
    [
        ("http://example.vn/hook", "scheme"),
        ("ftp://example.vn/hook", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("//example.vn/hook", "scheme"),
        ("example.vn/hook", "scheme"),
        ("https://user@example.vn/", "credentials"),
        ("https://user:secret@example.vn/", "credentials"),
        ("https://example.vn@127.0.0.1/", "credentials"),
        ("https://example.vn/#part", "fragment"),
        ("https://example.vn:25/", "port"),
        ("https://example.vn:22/", "port"),
        ("https://example.vn:80/", "port"),
        ("https://example.vn:0/", "port"),
        ("https://example.vn:65536/", "form"),
        ("https://example.vn:x/", "form"),
        ("https://[::1/", "form"),
        ("https:///hook", "host"),
        ("https://exa mple.vn/", "characters"),
        ("https://example.vn/\n", "characters"),
        ("https://example.vn\\@127.0.0.1/", "characters"),
        ("https://vănbản.vn/", "characters"),
        ("https://example.vn/" + "a" * 2000, "characters"),
        ("https://127.0.0.1/", "address"),
        ("https://[::1]/", "address"),
        ("https://[::ffff:127.0.0.1]/", "address"),
        ("https://169.254.169.254/latest/meta-data/", "address"),
        ("https://10.1.2.3:8443/", "address"),
        ("https://localhost/", "address"),
        ("https://a.localhost/", "address"),
        ("https://LOCALHOST/", "address"),
        ("https://metadata.google.internal/", "address"),
        ("https://printer.local/", "address"),
        ("https://2130706433/", "host"),
        ("https://0x7f.1/", "host"),
        ("https://0x7f000001/", "host"),
        ("https://127.1/", "host"),
        ("https://0177.0.0.1/", "host"),
        ("https://example.vn./", "host"),
        ("https://-example.vn/", "host"),
        ("https://exam%70le.vn/", "host"),
        ("", "characters"),
    ],
)
def test_an_address_that_cannot_be_a_target_is_refused_with_the_reason(url: str, defect: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        Target.parse(url, private=False)
    [finding] = refused.value.findings
    assert (finding.code, finding.location) == (f"ours.target.{defect}", "/url")
    assert finding.fix


@pytest.mark.parametrize(
    ("url", "host", "port", "resource", "authority"),
    [
        ("https://example.vn", "example.vn", 443, "/", "example.vn"),
        ("https://Example.VN:8443/a/b?c=d", "example.vn", 8443, "/a/b?c=d", "example.vn:8443"),
        ("https://xn--vnbn-5na6b.vn/x", "xn--vnbn-5na6b.vn", 443, "/x", "xn--vnbn-5na6b.vn"),
        ("https://[2405:4800::1]:9443/", "2405:4800::1", 9443, "/", "[2405:4800::1]:9443"),
        ("https://1.1.1.1/?q", "1.1.1.1", 443, "/?q", "1.1.1.1"),
    ],
)
def test_an_address_is_read(url: str, host: str, port: int, resource: str, authority: str) -> None:
    target = Target.parse(url, private=False)
    assert (target.host, target.port, target.resource, target.authority) == (host, port, resource, authority)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:80/", "http://localhost:8080/", "https://10.0.0.1/", "http://a.local/"]
)
def test_private_addresses_and_http_are_read_where_the_operator_allows_them(url: str) -> None:
    assert Target.parse(url, private=True).url == url


def _answering(*addresses: str, asked: list[str] | None = None) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:
        if asked is not None:
            asked.append(host)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return addresses

    return resolve


async def _send(
    url: str, *, private: bool = True, resolve: Resolve | None = None, **limits: float
) -> tuple[object, ...]:
    post = Post(limits=Limits(**limits), private=private, resolve=resolve)
    try:
        outcome = await post.send(url, b"{}", {"webhook-id": "x"})
    finally:
        post.close()
    return outcome.status, outcome.failure


async def test_a_request_arrives_with_the_name_it_was_addressed_to(receiver: Receiver) -> None:
    url = f"http://hooks.example.vn:{receiver.port}/a?b=c"
    assert await _send(url, resolve=_answering("127.0.0.1")) == (200, None)
    [request] = receiver.received
    assert request.path == "/a?b=c"
    assert request.headers["host"] == f"hooks.example.vn:{receiver.port}"
    assert (request.body, request.headers["webhook-id"]) == (b"{}", "x")
    assert "cookie" not in request.headers


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:1.1.1.1"])
async def test_a_name_that_stands_for_a_closed_address_is_not_called(address: str) -> None:
    for addresses in ([address], ["1.1.1.1", address], [address, "1.1.1.1"]):
        sent = await _send("https://hooks.example.vn/", private=False, resolve=_answering(*addresses))
        assert sent == (None, Failure.TARGET_REFUSED)


async def test_a_name_is_looked_up_once_so_a_second_answer_changes_nothing(receiver: Receiver) -> None:
    """DNS rebinding: judged and connected to is one and the same address."""
    asked: list[str] = []
    sent = await _send(f"http://hooks.example.vn:{receiver.port}/", resolve=_answering("127.0.0.1", asked=asked))
    assert sent == (200, None)
    assert asked == ["hooks.example.vn"]


async def test_the_next_address_is_tried_where_nobody_takes_the_connection(receiver: Receiver) -> None:
    url = f"http://hooks.example.vn:{receiver.port}/"
    assert await _send(url, resolve=_answering("127.0.0.2", "127.0.0.1")) == (200, None)
    many = [f"127.0.0.{number}" for number in range(2, 2 + ADDRESSES_MAX)]
    assert await _send(url, resolve=_answering(*many, "127.0.0.1")) == (None, Failure.CONNECTION_FAILED)
    assert len(receiver.received) == 1


async def test_a_name_that_nobody_knows_is_said_so() -> None:
    assert await _send("https://hooks.example.vn/", resolve=_answering()) == (None, Failure.NAME_UNKNOWN)


async def test_the_system_looks_names_up(receiver: Receiver) -> None:
    assert await _send(f"http://localhost:{receiver.port}/") in ((200, None), (None, Failure.CONNECTION_FAILED))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    with Receiver() as other:
        receiver.answers.append(status)
        receiver.headers["Location"] = other.url
        assert await _send(receiver.url) == (status, None)
        assert other.received == []


async def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await _send(receiver.url) == (200, None)


async def test_a_long_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.body = b"x" * 50_000_000
    assert await _send(receiver.url) == (200, None)


@asynccontextmanager
async def _speaking(said: bytes, *, then_silent: bool) -> AsyncIterator[str]:
    """A server that says something of its own to whatever comes; gives its address."""
    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.append(task)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        if then_silent:
            await reader.read()
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await asyncio.gather(*served)


async def test_an_answer_whose_body_never_comes_counts_all_the_same() -> None:
    async with _speaking(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", then_silent=True) as url:
        assert await _send(url, total=0.5) == (200, None)


@pytest.mark.parametrize(
    ("said", "then_silent", "failure"),
    [
        (b"", False, Failure.BROKEN_OFF),
        (b"SSH-2.0-OpenSSH\r\n", False, Failure.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000, False, Failure.BROKEN_OFF),
        (b"", True, Failure.TIMED_OUT),
    ],
)
async def test_what_is_no_answer_is_a_failure(said: bytes, then_silent: bool, failure: Failure) -> None:
    async with _speaking(said, then_silent=then_silent) as url:
        assert await _send(url, total=0.5 if failure is Failure.TIMED_OUT else 15.0) == (None, failure)


def _server_tls(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Máy chủ thử nghiệm")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    both = folder / "server.pem"
    both.write_bytes(
        pem
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    authority = folder / "authority.pem"
    authority.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, authority


async def test_tls_proves_the_name_that_was_addressed(tmp_path: Path) -> None:
    context, authority = _server_tls(tmp_path, "hooks.example.vn")
    with Receiver(tls=context) as server:
        for name, ca_file, expected in (
            ("hooks.example.vn", authority, (200, None)),
            ("other.example.vn", authority, (None, Failure.TLS_FAILED)),
            ("hooks.example.vn", None, (None, Failure.TLS_FAILED)),
        ):
            post = Post(limits=Limits(), private=True, ca_file=ca_file, resolve=_answering("127.0.0.1"))
            outcome = await post.send(f"https://{name}:{server.port}/", b"{}", {})
            post.close()
            assert (outcome.status, outcome.failure) == expected, name
        assert [request.headers["host"] for request in server.received] == [f"hooks.example.vn:{server.port}"]


def test_a_file_without_certificates_is_found_at_the_start(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        if path.stem == "empty":
            path.write_text("nothing", encoding="ascii")
        with pytest.raises(RequestInvalid, match="certificates"):
            Post(limits=Limits(), private=False, ca_file=path)
