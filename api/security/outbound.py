"""Requests to addresses that strangers chose: they reach the public internet and nothing else.

A name is resolved, every address it has is checked, and the connection goes to the address that was checked, with the
name kept for the certificate and the ``Host`` header. So a name that answers otherwise a moment later changes nothing.
No redirect is followed, and all of it happens anew for every request.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from api.security.public_addresses import Address, Network, is_public

if TYPE_CHECKING:
    import ssl

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a name."""

MAX_URL_LENGTH = 2_000
_PORTS = frozenset({443, 80, 8443, 8080})
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# The last label is never a number: resolvers read 2130706433, 0x7f.1 and 127.1 as addresses.
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?!0x)(?=[a-z])[a-z0-9-]{{2,63}}", re.ASCII)
_LONGEST_NAME = 253
_VISIBLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
_MOST_ADDRESSES = 8
_CONNECT_S = 5.0
_MOST_HEAD_BYTES = 16_384
_READ_BYTES = 16_384


class Refused(ValueError):
    """An address is none that may be asked. The message is for the person who gave it."""


class Unreachable(RuntimeError):
    """It may be asked and does not answer."""


@dataclass(frozen=True)
class Target:
    """A URL that was looked at.

    Attributes
    ----------
    scheme, host : str
    port : int
    path : str
        With the query.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes
    ----------
    status : int
    headers : mapping
        Names in lower case.
    body : bytes
        Its beginning.
    duration_s : float
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    duration_s: float


class Outbound:
    """Sends requests to addresses that strangers chose.

    Parameters
    ----------
    private : sequence of str
        Networks that are allowed although they are not public, with any port and without TLS: for receivers on one's
        own network.
    resolver : callable, optional
    timeout_s : float
        For all of a request, from the name to the last byte read.
    max_reply_bytes : int
        Of a reply; the rest is not read.
    tls : ssl.SSLContext, optional
        Which certificates are believed; those of the public authorities if not given.
    """

    def __init__(
        self,
        private: Sequence[str] = (),
        *,
        resolver: Resolver | None = None,
        timeout_s: float = 10,
        max_reply_bytes: int = 4_096,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._private: tuple[Network, ...] = tuple(ip_network(one) for one in private)
        self._resolve = resolver if resolver is not None else _system_resolver()
        self._timeout_s = timeout_s
        self._max_reply_bytes = max_reply_bytes
        self._tls = tls

    def check(self, url: str) -> Target:
        """Look at a URL without asking anybody.

        Raises
        ------
        Refused
            If it can be seen from the URL itself.
        """
        target = parse(url)
        literal = _literal(target.host)
        if literal is not None:
            self._check_address(target, literal)
        elif not self._private:
            _check_public_use(target)
        return target

    async def post(self, url: str, headers: Mapping[str, str], content: bytes) -> Reply:
        """Send one POST.

        Raises
        ------
        Refused
            If the URL or one of the addresses of its name is not public.
        Unreachable
            If there is no answer, or not in time.
        """
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                target = self.check(url)
                addresses = await self._addresses(target)
                return await self._send(target, addresses, headers, content, began)
        except TimeoutError:
            raise Unreachable(f"no complete answer within {self._timeout_s:g} s") from None

    async def _addresses(self, target: Target) -> Sequence[Address]:
        literal = _literal(target.host)
        if literal is not None:
            return [literal]
        try:
            names = await self._resolve(target.host, target.port)
        except OSError:
            raise Unreachable(f"the name {target.host} does not resolve") from None
        try:
            # One that is not public refuses all: which of them is taken must not be a matter of luck.
            found = [ip_address(name) for name in dict.fromkeys(names)]
        except ValueError:
            raise Refused(f"{target.host} resolves to something that is no address") from None
        if not found:
            raise Unreachable(f"the name {target.host} does not resolve")
        for address in found:
            self._check_address(target, address)
        return found[:_MOST_ADDRESSES]

    def _check_address(self, target: Target, address: Address) -> None:
        if any(address in network for network in self._private if network.version == address.version):
            return
        if not is_public(address):
            raise Refused(f"{target.host} is not on the public internet")
        _check_public_use(target)

    async def _send(
        self, target: Target, addresses: Sequence[Address], headers: Mapping[str, str], content: bytes, began: float
    ) -> Reply:
        failure = "no address of it answers"
        for address in addresses:
            try:
                async with asyncio.timeout(_CONNECT_S):
                    reader, writer = await self._connect(target, address)
            except TimeoutError:
                continue
            except OSError as error:
                failure = _explained(error)
                continue
            try:
                writer.write(_request(target, headers, content))
                status, named, body = await self._reply(reader)
            except OSError as error:
                raise Unreachable(_explained(error)) from None
            finally:
                # Not closed politely: that would wait for the other side.
                writer.transport.abort()
            return Reply(status, named, body, time.perf_counter() - began)
        raise Unreachable(failure)

    async def _connect(self, target: Target, address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if target.scheme != "https":
            return await asyncio.open_connection(str(address), target.port)
        # The certificate has to be the name's, though the connection goes to the address.
        return await asyncio.open_connection(
            str(address), target.port, ssl=self._trusted(), server_hostname=target.host
        )

    async def _reply(self, reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
        import h11

        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD_BYTES)
        # It is told what was asked, so that it knows what kind of answer can come.
        connection.send(h11.Request(method="POST", target="/", headers=[("Host", "x"), ("Content-Length", "0")]))
        connection.send(h11.EndOfMessage())
        status, headers, body = 0, {}, b""
        try:
            while len(body) < self._max_reply_bytes:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(await reader.read(_READ_BYTES))
                elif isinstance(event, h11.Response):
                    status = event.status_code
                    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    body += event.data
                elif not isinstance(event, h11.InformationalResponse):
                    break
        except h11.RemoteProtocolError:
            raise Unreachable("the answer is not HTTP/1.1, or was cut off") from None
        return status, headers, body[: self._max_reply_bytes]

    def _trusted(self) -> ssl.SSLContext:
        if self._tls is None:
            import httpx

            self._tls = httpx.create_ssl_context(trust_env=False)
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _request(target: Target, headers: Mapping[str, str], content: bytes) -> bytes:
    """Write a request. A connection serves one: what was checked for one attempt is not relied on for the next."""
    lines = {
        "Host": target.authority,
        **headers,
        "Accept-Encoding": "identity",
        "Content-Length": str(len(content)),
        "Connection": "close",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + content


def parse(url: str) -> Target:
    """Take a URL apart, strictly: one that two readers could understand differently is refused.

    Raises
    ------
    Refused
        If it is not plainly ``https://name[:port]/path`` (or http).
    """
    if len(url) > MAX_URL_LENGTH:
        raise Refused(f"a URL may have {MAX_URL_LENGTH} characters")
    if not _VISIBLE.fullmatch(url) or "\\" in url:
        raise Refused(
            "a URL has only visible ASCII characters; write other names in their xn-- form and the rest %-encoded"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("this is not a URL") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise Refused("a URL begins with https://")
    if "@" in parts.netloc:
        raise Refused("a URL must not carry a user name or password; the signature proves who sends")
    if "#" in url:
        raise Refused("a URL must not have a fragment")
    host = (parts.hostname or "").removesuffix(".")
    if port == 0 or parts.netloc.endswith(":"):
        raise Refused("this is not a port")
    if _literal(host) is None and (len(host) > _LONGEST_NAME or not _NAME.fullmatch(host)):
        raise Refused(f"{host[:80] or 'nothing'} is neither a full host name nor an address in its usual form")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], path)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _check_public_use(target: Target) -> None:
    if target.scheme != "https":
        raise Refused("a URL on the public internet begins with https://")
    if target.port not in _PORTS:
        raise Refused(f"port {target.port} is not allowed; use one of {', '.join(map(str, sorted(_PORTS)))}")


def _explained(error: Exception) -> str:
    words = str(error) or type(error).__name__
    return words[:200]


def _system_resolver() -> Resolver:
    # Threads of its own: names whose servers never answer must not take those of everything else.
    pool = ThreadPoolExecutor(32, "resolver")

    async def resolve(host: str, port: int) -> Sequence[str]:
        def ask() -> list[str]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return [str(entry[4][0]) for entry in found]

        return await asyncio.get_running_loop().run_in_executor(pool, ask)

    return resolve
