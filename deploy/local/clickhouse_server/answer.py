"""The response to a query: held back while it is small, streamed when it is not, and honest when it breaks off."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from deploy.local.clickhouse_server.compression import Encoder, encoder
from deploy.local.clickhouse_server.errors import QueryError
from deploy.local.clickhouse_server.execution import Progress
from deploy.local.clickhouse_server.http1 import Response
from deploy.local.clickhouse_server.spool import Spool

_HELD_BACK = 1 << 20
"""Bytes kept before the head is sent: an error within them still gets its own status, and the summary is complete."""


class Answer:
    """Where the rows of a statement go: an `Output` that ends up as an HTTP response.

    Parameters
    ----------
    response : Response
    headers : dict
        Headers of every answer (query id, server name, time zone); may still be added to before the first row.
    content_types : mapping
        By format.
    version : str
        Of the engine; ends every error.
    """

    def __init__(
        self, response: Response, headers: dict[str, str], content_types: Mapping[str, str], version: str
    ) -> None:
        self._response = response
        self._headers = headers
        self._content_types = content_types
        self._version = version
        self._encoding: str | None = None
        self._native_frames: Callable[[], Encoder] | None = None
        self._hold_all: Spool | None = None
        self._held: list[bytes] = []
        self._held_size = 0
        self._encoder: Encoder | None = None
        self._format = ""
        self._tag = ""

    def encode_as(self, encoding: str | None) -> None:
        """Send the body in a content encoding."""
        self._encoding = encoding

    def frame_natively(self, make_encoder: Callable[[], Encoder]) -> None:
        """Send the body in ClickHouse's own framing (``compress=1``)."""
        self._native_frames = make_encoder

    def hold_all(self, spool: Spool) -> None:
        """Keep everything until the statement has ended (``wait_end_of_query``)."""
        self._hold_all = spool

    def format_is(self, name: str) -> None:
        """Learn the format of the rows."""
        self._format = name

    def write(self, data: bytes) -> None:
        """Take a piece of the formatted rows."""
        if not data:
            return
        if self._hold_all is not None:
            self._hold_all.write(data)
            return
        if self._response.started:
            self._response.chunk(self._encode(data))
            return
        self._held.append(data)
        self._held_size += len(data)
        if self._held_size > _HELD_BACK:
            self._start(None)
            self._send_held()

    def _encode(self, data: bytes) -> bytes:
        return self._encoder.compress(data) if self._encoder is not None else data

    def _send_held(self) -> None:
        for piece in self._held:
            self._response.chunk(self._encode(piece))
        self._held.clear()

    def _result_headers(self, progress: Progress | None) -> dict[str, str]:
        headers = dict(self._headers)
        if self._format:
            headers["Content-Type"] = self._content_types.get(self._format) or "text/plain; charset=UTF-8"
            headers["X-ClickHouse-Format"] = self._format
        else:
            headers["Content-Type"] = "text/plain; charset=UTF-8"
        if progress is not None:
            headers["X-ClickHouse-Summary"] = summary(progress)
        return headers

    def _make_encoder(self, headers: dict[str, str]) -> None:
        if self._native_frames is not None:
            self._encoder = self._native_frames()
        elif self._encoding is not None:
            self._encoder = encoder(self._encoding)
            headers["Content-Encoding"] = self._encoding

    def _start(self, progress: Progress | None) -> None:
        headers = self._result_headers(progress)
        self._tag = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(16))
        headers["X-ClickHouse-Exception-Tag"] = self._tag
        self._make_encoder(headers)
        self._response.start(200, headers)

    def finish(self, progress: Progress) -> None:
        """End the answer of a statement that went well."""
        if self._hold_all is not None and self._hold_all.size > _HELD_BACK:
            self._start(progress)
            for piece in self._hold_all.pieces():
                self._response.chunk(self._encode(piece))
        elif self._hold_all is not None:
            self._held = [self._hold_all.read()]
        if not self._response.started:
            body = b"".join(self._held)
            headers = self._result_headers(progress)
            if body or self._native_frames is not None:
                self._make_encoder(headers)
                if self._encoder is not None:
                    body = self._encoder.compress(body) + self._encoder.flush()
            self._response.whole(200, headers, body)
            return
        if self._encoder is not None:
            self._response.chunk(self._encoder.flush())
        self._response.end()

    def fail(self, error: QueryError) -> None:
        """Report an error: by status and headers, or at the end of a body that is already on its way."""
        text = f"{error.message} (version {self._version} (embedded))\n"
        if not self._response.started:
            refuse(self._response, self._headers, error, text)
            return
        message = text.encode("utf-8", "replace")
        tag = self._tag.encode()
        trailer = b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (tag, message, len(message), tag)
        piece = self._encode(trailer)
        if self._encoder is not None:
            piece += self._encoder.flush()
        self._response.chunk(piece)
        # No last chunk: a client that does not know the trailer still sees that the body is not complete.
        self._response.abort()


def summary(progress: Progress) -> str:
    """Write the ``X-ClickHouse-Summary`` header."""
    fields: dict[str, Any] = {
        "read_rows": progress.read_rows,
        "read_bytes": progress.read_bytes,
        "written_rows": progress.written_rows,
        "written_bytes": progress.written_bytes,
        "total_rows_to_read": progress.read_rows,
        "result_rows": progress.written_rows,
        "result_bytes": progress.written_bytes,
        "elapsed_ns": progress.elapsed_ns,
    }
    return json.dumps({name: str(value) for name, value in fields.items()}, separators=(",", ":"))


def refuse(
    response: Response, headers: Mapping[str, str], error: QueryError, text: str, *, status: int | None = None
) -> None:
    """Answer with an error alone; its status unless another is given."""
    response.whole(
        status or error.status,
        {
            **headers,
            "Content-Type": "text/plain; charset=UTF-8",
            "X-ClickHouse-Exception-Code": str(error.code),
        },
        text.encode("utf-8", "replace"),
    )
