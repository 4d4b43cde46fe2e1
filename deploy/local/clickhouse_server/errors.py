"""Errors in ClickHouse's own terms: code, name, and the HTTP status a client expects for them."""

from __future__ import annotations

import re
from enum import IntEnum


class Code(IntEnum):
    """Codes of the errors this server raises itself; the engine's own codes pass through as numbers."""

    BAD_ARGUMENTS = 36
    CHECKSUM_DOESNT_MATCH = 40
    SYNTAX_ERROR = 62
    UNKNOWN_COMPRESSION_METHOD = 89
    UNKNOWN_SETTING = 115
    READONLY = 164
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    QUERY_IS_TOO_LARGE = 229
    NOT_ENOUGH_SPACE = 243
    CANNOT_DECOMPRESS = 271
    INTO_OUTFILE_NOT_ALLOWED = 358
    SESSION_NOT_FOUND = 372
    SESSION_IS_LOCKED = 373
    INVALID_SESSION_TIMEOUT = 374
    QUERY_WAS_CANCELLED = 394
    ACCESS_DENIED = 497
    AUTHENTICATION_FAILED = 516
    UNKNOWN_EXCEPTION = 1002


class QueryError(Exception):
    """A statement that fails, as its client will read it.

    Parameters
    ----------
    code : int
        ClickHouse error code.
    message : str
        The whole text of the answer, from ``Code:`` on.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message

    @classmethod
    def of(cls, code: Code, text: str) -> QueryError:
        """Build an error this server raises itself."""
        return cls(code, f"Code: {int(code)}. DB::Exception: {text} ({code.name})")

    @property
    def status(self) -> int:
        """HTTP status that goes with the code."""
        return http_status(self.code)


_ENGINE_CODE = re.compile(r"Code: (\d+)\. ")
_PRIVATE_PATH = re.compile(r"\(in file/uri /dev/fd/\d+\)|/dev/fd/\d+")
_REPEATED_HEAD = re.compile(r"^(Code: \d+\. DB::Exception: )(?:\1)+")
_REPEATED_TAIL = re.compile(r"(?: \(version [\d.]+\)\. \(\w+\))+$")
_POSITION = re.compile(r"failed at position (\d+)")


def from_engine(error: BaseException, prefix_length: int = 0) -> QueryError:
    """Translate what the engine raised.

    Parameters
    ----------
    error : BaseException
    prefix_length : int
        Bytes this server put in front of the statement, by which the position in a syntax error is off.
    """
    text = str(error).strip()
    match = _ENGINE_CODE.search(text)
    if match is None:
        return QueryError.of(Code.UNKNOWN_EXCEPTION, text)
    code = int(match.group(1))
    text = _REPEATED_TAIL.sub("", _REPEATED_HEAD.sub(r"\1", text[match.start() :]))
    text = _PRIVATE_PATH.sub("(in the request body)", text)
    if code == Code.SYNTAX_ERROR and prefix_length:
        text = _POSITION.sub(lambda found: f"failed at position {max(1, int(found[1]) - prefix_length)}", text, count=1)
    return QueryError(code, text)


# As the server's own table (src/Server/HTTP/exceptionCodeToHTTPStatus.cpp) has it.
_CODES_OF_STATUS: dict[int, tuple[int, ...]] = {
    401: (194,),
    403: (192, 193, 497, 512, 516),
    400: (
        *(6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72),
        *(117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676),
    ),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511),
    408: (159,),
    411: (381,),
    413: (229,),
    415: (779,),
    501: (48,),
    503: (76, 209, 439),
}
_STATUS_OF_CODE = {code: status for status, codes in _CODES_OF_STATUS.items() for code in codes}


def http_status(code: int) -> int:
    """HTTP status of a ClickHouse error code; 500 for all that have none of their own."""
    return _STATUS_OF_CODE.get(code, 500)
