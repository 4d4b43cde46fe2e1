"""Requests to addresses of strangers: nothing that is not public is ever connected to, whatever it is called."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest

from api.security.outbound import Outbound, Refused, Reply, Unreachable
from api.security.public_addresses import is_public
from tests.api.receivers import Answer, Receiver

NOT_PUBLIC = [
    # loopback, this host, private, shared, link-local and what clouds keep there
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("100.64.0.1", "100.100.100.200", "169.254.169.254", "169.254.170.2", "168.63.129.16", "192.0.0.192"),
    # documentation, benchmarks, relays, multicast, reserved, broadcast
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.88.99.1", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "100::1"),
    # an IPv4 address inside: mapped, compatible, translated, 6to4, Teredo, ISATAP
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "::127.0.0.1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b::8.8.8.8", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1", "2002:7f00:1::", "2001:0:53aa:64c::1"),
    *("2001:4860::5efe:7f00:1", "2001:db8::1", "2001:10::1", "3fff::1", "5f00::1", "4000::1"),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1"]

# Spellings that some resolver or other takes for a loopback or link-local address, and ways to hide the host.
SPELLINGS = [
    *("localhost", "localhost.", "LOCALHOST", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001"),
    *(
        "127.1",
        "127.0.1",
        "127.000.000.001",
        "0",
        "127.0.0.1.",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "１２７.0.0.1",
        "ⓛocalhost",
    ),
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
    *("[2002:7f00:1::]", "[::1%25lo]", "[fe80::1%25lo]", "127.0.0.1%2f", "127.0.0.1%00.example.com", "bücher.example"),
    *("user@127.0.0.1", "user:password@127.0.0.1", "example.com@127.0.0.1", "example.com%40127.0.0.1"),
    *("127.0.0.1\\@example.com", "example.com\\.127.0.0.1", "127.0.0.1\t", "127.0.0.1\n", "", ".", "..", "-", "a..b.c"),
]


@pytest.fixture
def canaries() -> Iterator[list[Receiver]]:
    """What must never be connected to, on loopback of both families."""
    with Receiver() as first, Receiver("::1", first.port) as second:
        yield [first, second]


def _post(outbound: Outbound, url: str) -> Reply:
    return asyncio.run(outbound.post(url, {"Content-Type": "application/json"}, b"{}"))


def _names(*answers: Sequence[str]) -> tuple[list[int], object]:
    """A resolver that answers otherwise every time; the last answer stays."""
    asked = [0]

    async def resolve(host: str, port: int) -> Sequence[str]:
        del host, port
        asked[0] += 1
        return answers[min(asked[0], len(answers)) - 1]

    return asked, resolve


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    _, resolver = _names([address])
    with pytest.raises(Refused, match="not on the public internet"):
        _post(Outbound(resolver=resolver), "https://hooks.example.com/")  # type: ignore[arg-type]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_not_refused(address: str) -> None:
    assert is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    assert Outbound().check(f"https://{host}/hook").port == 443


def test_no_spelling_reaches_a_canary(canaries: list[Receiver]) -> None:
    port = canaries[0].port
    for host in SPELLINGS:
        for scheme in ("http", "https"):
            with pytest.raises((Refused, Unreachable)):
                _post(Outbound(timeout_s=2), f"{scheme}://{host}:{port}/hook")
    assert [one.connections for one in canaries] == [0, 0]
    # The canaries do see what a guard that lets loopback through sends them.
    assert _post(Outbound(["127.0.0.0/8"]), f"http://127.0.0.1:{port}/hook").status == 200
    assert _post(Outbound(["::1/128"]), f"http://[::1]:{port}/hook").status == 200
    assert [one.connections for one in canaries] == [1, 1]


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example.com/", "ftp://hooks.example.com/", "file:///etc/passwd", "gopher://a.example.com/"),
        *("https://hooks.example.com:22/", "https://hooks.example.com:6379/", "https://hooks.example.com:0/"),
        *("https://hooks.example.com:/", "https://hooks.example.com:99999/", "https://hooks.example.com/#part"),
        *("//hooks.example.com/", "hooks.example.com", "https:hooks.example.com", "https:///hook", "", "javascript:1"),
        *("https://hooks.example.com/\r\nX-Injected: 1", "https://hooks.example.com/ a", "https://intranet/"),
        *(f"https://{'a' * 64}.com/", f"https://{'a.' * 127}com/", f"https://a.example.com/{'x' * 2_000}"),
    ],
)
def test_only_plain_https_on_usual_ports(url: str) -> None:
    _, resolver = _names(["8.8.8.8"])
    with pytest.raises(Refused):
        _post(Outbound(resolver=resolver), url)  # type: ignore[arg-type]


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    for answers in (["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2606:4700:4700::1111", "::1"]):
        _, resolver = _names(answers)
        with pytest.raises(Refused, match="not on the public internet"):
            _post(Outbound(resolver=resolver), "https://hooks.example.com/")  # type: ignore[arg-type]


def test_a_name_that_changes_its_mind_reaches_nothing(canaries: list[Receiver]) -> None:
    """Rebinding: public when it is looked at, loopback when it is connected to."""
    port = canaries[0].port
    for first in ("127.0.0.2", "127.0.0.1"):
        # 127.0.0.2 stands for the public internet here; nothing listens there.
        asked, resolver = _names([first], ["127.0.0.1"], ["::1"])
        outbound = Outbound(["127.0.0.2/32"], resolver=resolver, timeout_s=2)  # type: ignore[arg-type]
        with pytest.raises((Refused, Unreachable)):
            _post(outbound, f"http://hooks.example.com:{port}/")
        assert asked == [1]
    asked, resolver = _names(["127.0.0.2"], ["127.0.0.1"])
    outbound = Outbound(["127.0.0.2/32"], resolver=resolver, timeout_s=2)  # type: ignore[arg-type]
    for expected in (Unreachable, Refused, Refused):
        with pytest.raises(expected):
            _post(outbound, f"http://hooks.example.com:{port}/")
    assert asked == [3]
    assert [one.connections for one in canaries] == [0, 0]


def test_a_client_that_checks_first_and_connects_by_name_is_caught_by_the_canary(
    canaries: list[Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above: the attack works on whoever resolves twice."""
    answers = iter(["8.8.8.8", "127.0.0.1"])
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *rest: object, **named: object) -> object:
        if host != "hooks.example.com":
            return real(host, port, *rest, **named)  # type: ignore[arg-type]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    port = canaries[0].port
    assert is_public(ip_address(socket.getaddrinfo("hooks.example.com", port)[0][4][0]))
    with httpx.Client(trust_env=False) as naive:
        assert naive.post(f"http://hooks.example.com:{port}/", content=b"{}", headers={"webhook-id": "x"}).is_success
    assert canaries[0].connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(canaries: list[Receiver], status: int) -> None:
    with Receiver("127.0.0.2") as receiver:
        target = f"http://127.0.0.1:{canaries[0].port}/stolen"
        receiver.answer = lambda _: Answer(status, {"Location": target})
        reply = _post(Outbound(["127.0.0.2/32"]), receiver.url)
    assert reply.status == status
    assert receiver.connections == 1
    assert [one.connections for one in canaries] == [0, 0]


def test_proxies_and_credentials_of_the_environment_are_not_used(
    canaries: list[Receiver], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canaries[0].port}")
    netrc = tmp_path / "netrc"
    netrc.write_text("default login canary password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with Receiver("127.0.0.2") as receiver:
        assert _post(Outbound(["127.0.0.2/32"]), receiver.url).status == 200
    assert "authorization" not in receiver.received[0].headers
    assert canaries[0].connections == 0


def test_the_name_is_kept_though_the_connection_goes_to_the_address() -> None:
    with Receiver() as receiver:
        _, resolver = _names(["127.0.0.1"])
        outbound = Outbound(["127.0.0.0/8"], resolver=resolver)  # type: ignore[arg-type]
        assert _post(outbound, f"http://hooks.example.com:{receiver.port}/a/b?c=d").body == b"ok"
    assert receiver.received[0].headers["host"] == f"hooks.example.com:{receiver.port}"
    assert receiver.received[0].path == "/a/b?c=d"


def test_the_certificate_has_to_be_the_names(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "hooks.example.com")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    asked: list[str | None] = []
    server.sni_callback = lambda _, name, __: asked.append(name)
    believed = ssl.create_default_context(cafile=str(certificate))
    with Receiver(tls=server) as receiver:
        for name, good in (("hooks.example.com", True), ("other.example.com", False)):
            _, resolver = _names(["127.0.0.1"])
            outbound = Outbound(["127.0.0.0/8"], resolver=resolver, tls=believed)  # type: ignore[arg-type]
            url = f"https://{name}:{receiver.port}/"
            if good:
                assert _post(outbound, url).status == 200
            else:
                with pytest.raises(Unreachable, match="certificate"):
                    _post(outbound, url)
        with pytest.raises(Unreachable, match="certificate"):
            _post(Outbound(["127.0.0.0/8"]), f"https://127.0.0.1:{receiver.port}/")
    assert asked == ["hooks.example.com", "other.example.com", None]
    assert len(receiver.received) == 1


def test_a_reply_is_read_in_bounded_size_and_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        sent = [0]
        stop = threading.Event()

        def flood() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    while sent[0] < 500_000_000:
                        sent[0] += connection.send(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                except OSError:
                    pass

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
                    while not stop.wait(0.02):
                        connection.sendall(b"x")
                except OSError:
                    pass

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        assert len(_post(Outbound(["127.0.0.0/8"]), f"http://127.0.0.1:{port}/").body) == 4_096
        thread.join(20)
        assert sent[0] < 50_000_000

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(Unreachable, match="no complete answer"):
            _post(Outbound(["127.0.0.0/8"], timeout_s=0.5), f"http://127.0.0.1:{port}/")
        stop.set()
        thread.join(20)


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private
