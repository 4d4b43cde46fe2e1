"""UUIDv5 in a kernel: SHA-1 (RFC 3174) of a namespace and a name, as RFC 9562 lays it out, written as text.

SHA-1 makes names here, it protects nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engines.bars import TimeArray
from engines.kernel import kernel, lean_kernel

ByteArray = npt.NDArray[np.uint8]
WordArray = npt.NDArray[np.uint32]

_BLOCK = 64
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8).copy()
_BAR, _MINUS, _ZERO = ord("|"), ord("-"), ord("0")
_LONGEST_NUMBER = 20


@lean_kernel
def _rotated(x: np.uint32, by: int) -> np.uint32:
    return np.uint32((x << np.uint32(by)) | (x >> np.uint32(32 - by)))


@lean_kernel
def _digest_block(message: ByteArray, at: int, w: WordArray, digest: WordArray) -> None:
    """Fold 64 bytes of the message into the digest."""
    for i in range(16):
        j = at + 4 * i
        w[i] = np.uint32(
            (np.uint32(message[j]) << np.uint32(24))
            | (np.uint32(message[j + 1]) << np.uint32(16))
            | (np.uint32(message[j + 2]) << np.uint32(8))
            | np.uint32(message[j + 3])
        )
    for i in range(16, 80):
        w[i] = _rotated(np.uint32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16]), 1)
    a, b, c, d, e = digest[0], digest[1], digest[2], digest[3], digest[4]
    for i in range(20):
        following = np.uint32(
            _rotated(a, 5) + np.uint32(d ^ (b & (c ^ d))) + np.uint32(e + w[i] + np.uint32(0x5A827999))
        )
        a, b, c, d, e = following, a, _rotated(b, 30), c, d
    for i in range(20, 40):
        following = np.uint32(_rotated(a, 5) + np.uint32(b ^ c ^ d) + np.uint32(e + w[i] + np.uint32(0x6ED9EBA1)))
        a, b, c, d, e = following, a, _rotated(b, 30), c, d
    for i in range(40, 60):
        following = np.uint32(
            _rotated(a, 5) + np.uint32((b & c) | (d & (b | c))) + np.uint32(e + w[i] + np.uint32(0x8F1BBCDC))
        )
        a, b, c, d, e = following, a, _rotated(b, 30), c, d
    for i in range(60, 80):
        following = np.uint32(_rotated(a, 5) + np.uint32(b ^ c ^ d) + np.uint32(e + w[i] + np.uint32(0xCA62C1D6)))
        a, b, c, d, e = following, a, _rotated(b, 30), c, d
    digest[0] = np.uint32(digest[0] + a)
    digest[1] = np.uint32(digest[1] + b)
    digest[2] = np.uint32(digest[2] + c)
    digest[3] = np.uint32(digest[3] + d)
    digest[4] = np.uint32(digest[4] + e)


@lean_kernel
def _write_number(value: int, message: ByteArray, at: int) -> int:
    """Write a number in decimal; returns the position after it."""
    if value < 0:
        message[at] = _MINUS
        at += 1
        value = -value
    width = 1
    rest = value // 10
    while rest > 0:
        width += 1
        rest //= 10
    for k in range(width - 1, -1, -1):
        message[at + k] = _ZERO + value % 10
        value //= 10
    return at + width


@kernel
def text_uuids(
    namespace: ByteArray, prefixes: ByteArray, lengths: TimeArray, which: TimeArray, numbers: TimeArray, text: ByteArray
) -> None:
    """Write the UUIDv5 of each name: a prefix and then decimal numbers with ``|`` between them.

    Parameters
    ----------
    namespace : ndarray of uint8, shape (16,)
    prefixes : ndarray of uint8, shape (m, width)
        UTF-8, of which ``lengths[k]`` bytes count.
    lengths : ndarray of int64, shape (m,)
    which : ndarray of int64, shape (n,)
        Prefix of each name.
    numbers : ndarray of int64, shape (n, k)
    text : ndarray of uint8, shape (n, 36)
        Filled with the usual text form.
    """
    room = 16 + prefixes.shape[1] + numbers.shape[1] * (_LONGEST_NUMBER + 1) + 9
    message = np.zeros((room + _BLOCK - 1) // _BLOCK * _BLOCK, np.uint8)
    w = np.empty(80, np.uint32)
    digest = np.empty(5, np.uint32)
    raw = np.empty(16, np.uint8)
    for i in range(which.shape[0]):
        prefix = which[i]
        for k in range(16):
            message[k] = namespace[k]
        at = 16
        for k in range(lengths[prefix]):
            message[at + k] = prefixes[prefix, k]
        at += lengths[prefix]
        for k in range(numbers.shape[1]):
            if k > 0:
                message[at] = _BAR
                at += 1
            at = _write_number(numbers[i, k], message, at)
        _digest(message, at, w, digest)
        for k in range(16):
            raw[k] = (digest[k // 4] >> np.uint32(8 * (3 - k % 4))) & np.uint32(0xFF)
        raw[6] = (raw[6] & 0x0F) | 0x50
        raw[8] = (raw[8] & 0x3F) | 0x80
        at = 0
        for k in range(16):
            if k == 4 or k == 6 or k == 8 or k == 10:
                text[i, at] = _MINUS
                at += 1
            text[i, at] = _DIGITS[raw[k] >> 4]
            text[i, at + 1] = _DIGITS[raw[k] & 0x0F]
            at += 2


@lean_kernel
def _digest(message: ByteArray, length: int, w: WordArray, digest: WordArray) -> None:
    """SHA-1 of the first ``length`` bytes; the padding is written behind them."""
    end = (length + 9 + _BLOCK - 1) // _BLOCK * _BLOCK
    message[length] = 0x80
    for k in range(length + 1, end - 8):
        message[k] = 0
    bits = 8 * length
    for k in range(8):
        message[end - 1 - k] = (bits >> (8 * k)) & 0xFF
    digest[0] = np.uint32(0x67452301)
    digest[1] = np.uint32(0xEFCDAB89)
    digest[2] = np.uint32(0x98BADCFE)
    digest[3] = np.uint32(0x10325476)
    digest[4] = np.uint32(0xC3D2E1F0)
    for at in range(0, end, _BLOCK):
        _digest_block(message, at, w, digest)
