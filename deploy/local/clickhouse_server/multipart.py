"""Bodies of the kind ``multipart/form-data``."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message

from deploy.local.clickhouse_server.errors import Code, QueryError


@dataclass(frozen=True)
class Part:
    """A field of a form; a file if it has a file name."""

    name: str
    filename: str | None
    data: bytes

    def text(self) -> str:
        """The value of a field."""
        return self.data.decode("utf-8", "surrogateescape")


def parse_multipart(body: bytes, content_type: str) -> list[Part]:
    """Split a form into its parts.

    Raises
    ------
    QueryError
        If it is not a well-formed form.
    """
    boundary = _parameter("Content-Type", content_type, "boundary")
    if not boundary:
        raise _malformed("the Content-Type header names no boundary")
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    # The first delimiter may stand at the very beginning, without the line break the others have.
    sections = (b"\r\n" + body).split(delimiter)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise _malformed("it does not end with its boundary")
    return [_part(section) for section in sections[1:-1]]


def _part(section: bytes) -> Part:
    head, separator, data = section.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not separator:
        raise _malformed("a part has no end of its headers")
    for line in head.decode("utf-8", "surrogateescape").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            field = _parameter("Content-Disposition", value.strip(), "name")
            if field is None:
                break
            return Part(field, _parameter("Content-Disposition", value.strip(), "filename"), data)
    raise _malformed("a part has no name")


def _parameter(header: str, value: str, name: str) -> str | None:
    message = Message()
    message[header] = value
    found = message.get_param(name, header=header)
    return found if isinstance(found, str) else None


def _malformed(reason: str) -> QueryError:
    return QueryError.of(Code.BAD_ARGUMENTS, f"The multipart form cannot be read: {reason}")
