"""CityHash128 as ClickHouse's compressed blocks are checked with: version 1.0.2, by Pike and Alakuijala (Google, 2011).

Later versions of CityHash give other values. Plain Python does some 20 MB/s, enough for the interactive clients that
ask for this framing; bulk clients use content encodings.
"""

from __future__ import annotations

import struct

_MASK = (1 << 64) - 1
_K0, _K1, _K2, _K3 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_MUL = 0x9DDFEA08EB382D69


def _rotate(value: int, shift: int) -> int:
    value &= _MASK
    return ((value >> shift) | (value << (64 - shift))) & _MASK


def _shift_mix(value: int) -> int:
    value &= _MASK
    return value ^ (value >> 47)


def _fold(low: int, high: int) -> int:
    """128 bits down to 64, as in Murmur."""
    low, high = low & _MASK, high & _MASK
    a = _shift_mix((low ^ high) * _MUL)
    b = _shift_mix((high ^ a) * _MUL)
    return (b * _MUL) & _MASK


def _word(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 8], "little")


def _short(data: bytes) -> int:
    size = len(data)
    if size > 8:
        a, b = _word(data, 0), _word(data, size - 8)
        return _fold(a, _rotate(b + size, size)) ^ b
    if size >= 4:
        a = int.from_bytes(data[:4], "little")
        return _fold(size + (a << 3), int.from_bytes(data[-4:], "little"))
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return (_shift_mix(((y * _K2) ^ (z * _K3)) & _MASK) * _K2) & _MASK
    return _K2


def _murmur(data: bytes, a: int, b: int) -> tuple[int, int]:
    """The variant for fewer than 128 bytes."""
    size = len(data)
    if size <= 16:
        a = (_shift_mix(a * _K1) * _K1) & _MASK
        c = (b * _K1 + _short(data)) & _MASK
        d = _shift_mix(a + (_word(data, 0) if size >= 8 else c))
    else:
        c = _fold(_word(data, size - 8) + _K1, a)
        d = _fold(b + size, c + _word(data, size - 16))
        a = (a + d) & _MASK
        for position in range(0, size - 16, 16):
            a = ((a ^ (_shift_mix(_word(data, position) * _K1) * _K1)) * _K1) & _MASK
            b ^= a
            c = ((c ^ (_shift_mix(_word(data, position + 8) * _K1) * _K1)) * _K1) & _MASK
            d ^= c
    a, b = _fold(a, c), _fold(d, b)
    return a ^ b, _fold(b, a)


def _weak(s0: int, s1: int, s2: int, s3: int, a: int, b: int) -> tuple[int, int]:
    """32 bytes with two seeds."""
    a = a + s0
    b = _rotate(b + a + s3, 21)
    c = a
    a = (a + s1 + s2) & _MASK
    b += _rotate(a, 44)
    return (a + s3) & _MASK, (b + c) & _MASK


def _seeded(data: bytes, low: int, high: int) -> tuple[int, int]:
    size = len(data)
    if size < 128:
        return _murmur(data, low, high)
    x, y, z = low, high, (size * _K1) & _MASK
    v0 = (_rotate(y ^ _K1, 49) * _K1 + _word(data, 0)) & _MASK
    v1 = (_rotate(v0, 42) * _K1 + _word(data, 8)) & _MASK
    w0 = (_rotate(y + z, 35) * _K1 + x) & _MASK
    w1 = (_rotate(x + _word(data, 88), 53) * _K1) & _MASK
    chunks = size // 128 * 2
    for s0, s1, s2, s3, s4, s5, s6, s7 in struct.iter_unpack("<8Q", data[: chunks * 64]):
        x = (_rotate(x + y + v0 + s2, 37) * _K1 ^ w1) & _MASK
        y = (_rotate(y + v1 + s6, 42) * _K1 ^ v0) & _MASK
        z = _rotate(z ^ w0, 33)
        v0, v1 = _weak(s0, s1, s2, s3, v1 * _K1, x + w0)
        w0, w1 = _weak(s4, s5, s6, s7, z + w1, y)
        z, x = x, z
    y = (y + _rotate(w0, 37) * _K0 + z) & _MASK
    x = (x + _rotate(v0 + z, 49) * _K0) & _MASK
    position, left = chunks * 64, size - chunks * 64
    done = 0
    while done < left:
        done += 32
        at = position + left - done
        y = (_rotate(y - x, 42) * _K0 + v1) & _MASK
        w0 = (w0 + _word(data, at + 16)) & _MASK
        x = (_rotate(x, 49) * _K0 + w0) & _MASK
        w0 = (w0 + v0) & _MASK
        v0, v1 = _weak(_word(data, at), _word(data, at + 8), _word(data, at + 16), _word(data, at + 24), v0, v1)
    x, y = _fold(x, v0), _fold(y, w0)
    return (_fold(x + v1, w1) + y) & _MASK, _fold(x + w1, y + v1)


def cityhash128(data: bytes) -> bytes:
    """Hash bytes.

    Returns
    -------
    bytes
        16 bytes, low word first, both little-endian, as they stand in front of a compressed block.
    """
    size = len(data)
    if size >= 16:
        low, high = _seeded(data[16:], _word(data, 0) ^ _K3, _word(data, 8))
    elif size >= 8:
        low, high = _seeded(b"", (_word(data, 0) ^ (size * _K0)) & _MASK, _word(data, size - 8) ^ _K1)
    else:
        low, high = _seeded(data, _K0, _K1)
    return struct.pack("<QQ", low, high)
