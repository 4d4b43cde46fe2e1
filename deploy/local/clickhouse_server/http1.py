"""HTTP/1.1 on a blocking socket: requests with streamed bodies in, chunked responses out.

One thread serves one connection. That keeps back-pressure free of charge (a slow client blocks its own thread and
nothing else), and a request costs some tens of microseconds.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools

_READ_SIZE = 1 << 18
_MAX_HEAD = 1 << 20
_DRAIN_LIMIT = 64 << 20


class BadRequest(Exception):
    """Bytes that are no HTTP request."""


class Disconnected(Exception):
    """The client went away."""


class Request:
    """A request whose body is read on demand.

    Attributes
    ----------
    method, path : str
    query : list of (str, str)
        Parameters of the URL, decoded, in their order.
    headers : dict of str to str
        Names in lower case.
    keep_alive : bool
    """

    def __init__(self) -> None:
        self.method = ""
        self.target = b""
        self.path = "/"
        self.query: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.keep_alive = True
        self.http_version = "1.1"
        self.head_done = False
        self.complete = False
        self.pending: deque[bytes] = deque()


class Connection:
    """The server's end of one client connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._parser: Any = httptools.HttpRequestParser(self)
        self._requests: deque[Request] = deque()
        self._open: Request | None = None
        self._head_size = 0
        self.idle = True

    # -- callbacks of the parser ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Start the next request."""
        self._open = Request()
        self._head_size = 0
        self._requests.append(self._open)

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target."""
        if self._open is not None:
            self._open.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if self._open is not None:
            self._open.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Finish the head."""
        request = self._open
        if request is None:
            return
        request.method = self._parser.get_method().decode("latin-1")
        request.http_version = self._parser.get_http_version()
        request.keep_alive = bool(self._parser.should_keep_alive())
        _split_target(request)
        request.head_done = True

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._open is not None:
            self._open.pending.append(body)

    def on_message_complete(self) -> None:
        """Finish the request."""
        if self._open is not None:
            self._open.complete = True

    # -- reading ----------------------------------------------------------------------------------------------------

    def _feed(self) -> bool:
        try:
            data = self.socket.recv(_READ_SIZE)
        except OSError as error:
            raise Disconnected from error
        if not data:
            return False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise BadRequest("protocol upgrades are not supported") from error
        except httptools.HttpParserError as error:
            raise BadRequest(str(error)) from error
        current = self._requests[-1] if self._requests else None
        if current is not None and not current.head_done:
            self._head_size += len(data)
            if self._head_size > _MAX_HEAD:
                raise BadRequest("the request's head is larger than 1 MiB")
        return True

    def next_request(self) -> Request | None:
        """Wait for the head of the next request; None when the client has closed.

        Raises
        ------
        BadRequest, Disconnected
        """
        self.idle = not self._requests
        while not (self._requests and self._requests[0].head_done):
            if not self._feed():
                return None
            self.idle = False
        self.idle = False
        return self._requests[0]

    def body(self, request: Request) -> Iterator[bytes]:
        """Read the body piece by piece.

        Raises
        ------
        Disconnected
            If the client goes away before its end.
        """
        if not request.complete and request.headers.get("expect", "").lower() == "100-continue":
            request.headers.pop("expect")
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while True:
            while request.pending:
                yield request.pending.popleft()
            if request.complete:
                return
            if not self._feed():
                raise Disconnected

    def finish(self, request: Request) -> bool:
        """Leave a request behind, reading what is left of its body. Returns whether the connection can go on."""
        if not request.complete and request.headers.get("expect", "").lower() == "100-continue":
            return False
        drained = 0
        for piece in self.body(request):
            drained += len(piece)
            if drained > _DRAIN_LIMIT:
                return False
        self._requests.popleft()
        return request.keep_alive

    def is_gone(self) -> bool:
        """Whether the client has closed its end."""
        poller = select.poll()
        poller.register(self.socket, select.POLLIN | select.POLLHUP | select.POLLERR)
        events = poller.poll(0)
        if not events:
            return False
        if events[0][1] & (select.POLLHUP | select.POLLERR):
            return True
        try:
            return not self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    # -- writing ----------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send bytes.

        Raises
        ------
        Disconnected
        """
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Disconnected from error


class Response:
    """A response on the wire: whole, or in chunks as they come."""

    def __init__(self, connection: Connection, request: Request) -> None:
        self._connection = connection
        self._request = request
        self._chunked = False
        self.started = False

    def _head(self, status: int, headers: dict[str, str], length: int | None) -> bytes:
        request = self._request
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        elif request.http_version == "1.0":
            request.keep_alive = False
        else:
            self._chunked = True
            lines.append("Transfer-Encoding: chunked")
        lines.append(f"Connection: {'keep-alive' if request.keep_alive else 'close'}")
        self.started = True
        return "\r\n".join([*lines, "\r\n"]).encode("latin-1", "replace")

    def whole(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Send a response of known length."""
        head = self._head(status, headers, len(body))
        self._connection.send(head if self._request.method == "HEAD" else head + body)

    def start(self, status: int, headers: dict[str, str]) -> None:
        """Send the head of a streamed response."""
        self._connection.send(self._head(status, headers, None))

    def chunk(self, data: bytes) -> None:
        """Send a piece of a streamed response."""
        if not data or self._request.method == "HEAD":
            return
        if self._chunked:
            self._connection.send(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._connection.send(data)

    def end(self) -> None:
        """End a streamed response as complete."""
        if self._chunked and self._request.method != "HEAD":
            self._connection.send(b"0\r\n\r\n")

    def abort(self) -> None:
        """Leave a streamed response without its end, by which the client knows that something is missing."""
        self._request.keep_alive = False


def _split_target(request: Request) -> None:
    path, _, query = request.target.partition(b"?")
    if path.startswith((b"http://", b"https://")):
        path = b"/" + path.split(b"/", 3)[3] if path.count(b"/") > 2 else b"/"
    request.path = unquote_to_bytes(path).decode("utf-8", "surrogateescape")
    request.query = parse_form(query)


def parse_form(query: bytes) -> list[tuple[str, str]]:
    """Decode ``a=1&b=2``; a plus sign is a blank."""
    pairs: list[tuple[str, str]] = []
    for part in query.split(b"&"):
        if part:
            name, _, value = part.replace(b"+", b" ").partition(b"=")
            pairs.append(
                (
                    unquote_to_bytes(name).decode("utf-8", "surrogateescape"),
                    unquote_to_bytes(value).decode("utf-8", "surrogateescape"),
                )
            )
    return pairs
