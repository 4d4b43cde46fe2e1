"""UUIDv5 in a kernel: SHA-1 (RFC 3174) of a namespace and a name, as RFC 9562 lays it out, written as text.

SHA-1 makes names here, it protects nothing. Names are hashed a few at a time, side by side: each step is one loop over them,
of which the compiler makes vector instructions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engines.bars import TimeArray
from engines.kernel import inlined_kernel, kernel

ByteArray = npt.NDArray[np.uint8]
WordArray = npt.NDArray[np.uint32]

LANES = 16
"""Names that are hashed side by side."""
_BLOCK, _BLOCK_WORDS = 64, 16
_LENGTH_BYTES = 9
"""What SHA-1 puts behind a message: a bit, and the length in eight bytes."""
_ROUNDS = 80
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8).copy()
_BAR, _MINUS, _ZERO = ord("|"), ord("-"), ord("0")
_LONGEST_NUMBER = 20
_NAMESPACE_BYTES = 16
_FIRST = tuple(np.uint32(word) for word in (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0))
_K_0, _K_1, _K_2, _K_3 = (np.uint32(word) for word in (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6))


@inlined_kernel
def _rotated(x: np.uint32, by: int) -> np.uint32:
    return np.uint32((x << np.uint32(by)) | (x >> np.uint32(32 - by)))


@inlined_kernel
def _big_endian(x: np.uint32) -> np.uint32:
    return np.uint32(
        (x << np.uint32(24))
        | ((x & np.uint32(0xFF00)) << np.uint32(8))
        | ((x >> np.uint32(8)) & np.uint32(0xFF00))
        | (x >> np.uint32(24))
    )


@kernel
def _fold_block(words: WordArray, steps: WordArray, digests: WordArray) -> None:
    """Fold a block of each name into its digest.

    Parameters
    ----------
    words : ndarray of uint32, shape (80 * LANES,)
        The block's sixteen words of each name; the rest is room.
    steps : ndarray of uint32, shape (85 * LANES,)
        Room. What a round makes of its five words is one new word; the four others are those of the rounds before, three of
        them rotated. So one row a round is all there is to keep.
    digests : ndarray of uint32, shape (5 * LANES,)
        Changed in place.
    """
    for i in range(16 * LANES, _ROUNDS * LANES):
        words[i] = _rotated(
            np.uint32(words[i - 3 * LANES] ^ words[i - 8 * LANES] ^ words[i - 14 * LANES] ^ words[i - 16 * LANES]), 1
        )
    for j in range(LANES):
        steps[4 * LANES + j] = digests[j]
        steps[3 * LANES + j] = digests[LANES + j]
        for k in range(2, 5):
            steps[(4 - k) * LANES + j] = _rotated(digests[k * LANES + j], 2)
    for i in range(20 * LANES):
        b = steps[i + 3 * LANES]
        c, d = _rotated(steps[i + 2 * LANES], 30), _rotated(steps[i + LANES], 30)
        f = np.uint32(d ^ (b & (c ^ d)))
        e = np.uint32(_rotated(steps[i], 30) + words[i])
        steps[i + 5 * LANES] = np.uint32(np.uint32(_rotated(steps[i + 4 * LANES], 5) + f) + np.uint32(e + _K_0))
    for i in range(20 * LANES, 40 * LANES):
        c, d = _rotated(steps[i + 2 * LANES], 30), _rotated(steps[i + LANES], 30)
        f = np.uint32(steps[i + 3 * LANES] ^ c ^ d)
        e = np.uint32(_rotated(steps[i], 30) + words[i])
        steps[i + 5 * LANES] = np.uint32(np.uint32(_rotated(steps[i + 4 * LANES], 5) + f) + np.uint32(e + _K_1))
    for i in range(40 * LANES, 60 * LANES):
        b = steps[i + 3 * LANES]
        c, d = _rotated(steps[i + 2 * LANES], 30), _rotated(steps[i + LANES], 30)
        f = np.uint32((b & c) | (d & (b | c)))
        e = np.uint32(_rotated(steps[i], 30) + words[i])
        steps[i + 5 * LANES] = np.uint32(np.uint32(_rotated(steps[i + 4 * LANES], 5) + f) + np.uint32(e + _K_2))
    for i in range(60 * LANES, 80 * LANES):
        c, d = _rotated(steps[i + 2 * LANES], 30), _rotated(steps[i + LANES], 30)
        f = np.uint32(steps[i + 3 * LANES] ^ c ^ d)
        e = np.uint32(_rotated(steps[i], 30) + words[i])
        steps[i + 5 * LANES] = np.uint32(np.uint32(_rotated(steps[i + 4 * LANES], 5) + f) + np.uint32(e + _K_3))
    for j in range(LANES):
        digests[j] += steps[84 * LANES + j]
        digests[LANES + j] += steps[83 * LANES + j]
        for k in range(2, 5):
            digests[k * LANES + j] += _rotated(steps[(84 - k) * LANES + j], 30)


@inlined_kernel
def _write_number(value: int, message: ByteArray, at: int) -> int:
    """Write a number in decimal; returns the position after it."""
    if value < 0:
        message[at] = _MINUS
        at += 1
        value = -value
    width = 1
    above = 10
    while value >= above and width < _LONGEST_NUMBER - 2:
        width += 1
        above *= 10
    if value >= above:
        width += 1
    for k in range(width - 1, -1, -1):
        message[at + k] = _ZERO + value % 10
        value //= 10
    return at + width


@inlined_kernel
def _write_text(digests: WordArray, lane: int, text: ByteArray) -> None:
    """Write the first 16 bytes of a digest as a UUID of version 5."""
    at = 0
    for k in range(16):
        byte = (np.int64(digests[(k // 4) * LANES + lane]) >> (8 * (3 - k % 4))) & 0xFF
        if k == 6:
            byte = (byte & 0x0F) | 0x50
        elif k == 8:
            byte = (byte & 0x3F) | 0x80
        if k == 4 or k == 6 or k == 8 or k == 10:
            text[at] = _MINUS
            at += 1
        text[at] = _DIGITS[byte >> 4]
        text[at + 1] = _DIGITS[byte & 0x0F]
        at += 2


@kernel
def _text_uuids(
    names: WordArray,
    lengths: TimeArray,
    which: TimeArray,
    numbers: TimeArray,
    message: ByteArray,
    message_words: WordArray,
    text: ByteArray,
) -> None:
    """Write the UUIDv5 of each name; ``message`` and ``message_words`` are the same memory, of one name for each lane."""
    count, width = which.shape[0], names.shape[1]
    words = np.empty(_ROUNDS * LANES, np.uint32)
    steps = np.empty((_ROUNDS + 5) * LANES, np.uint32)
    digests = np.empty(5 * LANES, np.uint32)
    blocks = np.zeros(LANES, np.int64)
    for first in range(0, count, LANES):
        lanes = min(LANES, count - first)
        most = 0
        for lane in range(lanes):
            prefix = which[first + lane]
            for k in range(width):
                message_words[lane, k] = names[prefix, k]
            at = lengths[prefix]
            row = message[lane]
            for k in range(numbers.shape[1]):
                if k > 0:
                    row[at] = _BAR
                    at += 1
                at = _write_number(numbers[first + lane, k], row, at)
            row[at] = 0x80
            blocks[lane] = (at + _LENGTH_BYTES + _BLOCK - 1) // _BLOCK
            most = max(most, blocks[lane])
            end = blocks[lane] * _BLOCK
            for k in range(4):
                row[end - 1 - k] = (8 * at >> (8 * k)) & 0xFF
        for lane in range(LANES):
            for k in range(5):
                digests[k * LANES + lane] = _FIRST[k]
        for block in range(most):
            for lane in range(lanes):
                for k in range(_BLOCK_WORDS):
                    words[k * LANES + lane] = _big_endian(message_words[lane, block * _BLOCK_WORDS + k])
            _fold_block(words, steps, digests)
            for lane in range(lanes):
                if blocks[lane] == block + 1:
                    _write_text(digests, lane, text[first + lane])


def text_uuids(namespace: bytes, prefixes: list[bytes], which: TimeArray, numbers: TimeArray, text: ByteArray) -> None:
    """Write the UUIDv5 of each name: a prefix and then decimal numbers with ``|`` between them.

    Parameters
    ----------
    namespace : bytes
        Sixteen of them.
    prefixes : list of bytes
        UTF-8.
    which : ndarray of int64, shape (n,)
        Prefix of each name.
    numbers : ndarray of int64, shape (n, k)
    text : ndarray of uint8, shape (n, 36)
        Filled with the usual text form.
    """
    longest = max((len(prefix) for prefix in prefixes), default=0)
    room = _NAMESPACE_BYTES + longest + numbers.shape[1] * (_LONGEST_NUMBER + 1) + _LENGTH_BYTES
    room = (room + _BLOCK - 1) // _BLOCK * _BLOCK
    names = np.zeros((max(len(prefixes), 1), room), np.uint8)
    for row, prefix in zip(names, prefixes, strict=False):
        beginning = namespace + prefix
        row[: len(beginning)] = np.frombuffer(beginning, np.uint8)
    lengths = np.array([_NAMESPACE_BYTES + len(prefix) for prefix in prefixes], np.int64)
    message = np.zeros((LANES, room), np.uint8)
    _text_uuids(names.view(np.uint32), lengths, which, numbers, message, message.view(np.uint32), text)
