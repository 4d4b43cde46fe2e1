"""Snapshots: the one binary form in which every engine's state is stored, moved and restored.

A snapshot is ``CAPS``, the CRC-32 of what follows, the length of the header (both little-endian uint32), a JSON header
(engine, version, parameters, arrays with dtype and shape), and the arrays' bytes in that order. Nothing is pickled, so a
snapshot cannot run code; the checksum keeps a damaged one from becoming wrong rows.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.errors import StateMismatch

_MAGIC = b"CAPS"
_PREFIX = struct.Struct("<4sII")
AnyArray = npt.NDArray[Any]


@dataclass(frozen=True)
class Snapshot:
    """A decoded snapshot.

    Attributes
    ----------
    engine : str
        Name of the engine that made it.
    version : int
        Version of that engine's definition.
    parameters : dict
        The keyword arguments the engine was built with.
    arrays : dict of str to ndarray
        The state, writable copies.
    """

    engine: str
    version: int
    parameters: dict[str, Any]
    arrays: dict[str, AnyArray]


def pack(engine: str, version: int, parameters: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> bytes:
    """Encode an engine's state.

    Parameters
    ----------
    engine, version, parameters
        Identity of the state; checked when it is restored.
    arrays : mapping of str to ndarray
        Arrays of fixed-size dtypes, any shape.

    Returns
    -------
    bytes
    """
    return pack_as(encoded_identity(engine, version, parameters), arrays)


def encoded_identity(engine: str, version: int, parameters: Mapping[str, Any]) -> str:
    """Beginning of a header, for `pack_as`. An engine's never changes, and to encode it takes longer than its state."""
    identity = {"engine": engine, "version": version, "parameters": dict(parameters)}
    return json.dumps(identity, separators=(",", ":"))[:-1]


def pack_as(identity: str, arrays: Mapping[str, AnyArray]) -> bytes:
    """`pack` for an identity that has been encoded."""
    listed = ",".join([_described(name, a.dtype.str, a.shape) for name, a in arrays.items()])
    header = f'{identity},"arrays":[{listed}]}}'.encode()
    body = b"".join([a.tobytes() for a in arrays.values()])
    checksum = zlib.crc32(body, zlib.crc32(header))
    return b"".join((_PREFIX.pack(_MAGIC, checksum, len(header)), header, body))


@lru_cache(maxsize=4096)
def _described(name: str, dtype: str, shape: tuple[int, ...]) -> str:
    """Entry of an array in a header."""
    return json.dumps([name, dtype, list(shape)], separators=(",", ":"))


@lru_cache(maxsize=64)
def _header(encoded: bytes) -> dict[str, Any]:
    """Header from JSON. Kept, because the states of hundreds of markets differ in little else than their bodies."""
    header = json.loads(encoded)
    return {
        "identity": (header["engine"], header["version"]),
        "parameters": json.dumps(dict(header["parameters"])),
        "arrays": header["arrays"],
    }


def unpack(data: bytes, engine: str, version: int) -> Snapshot:
    """Decode a snapshot and check that it belongs to this engine and version.

    Raises
    ------
    StateMismatch
        If the bytes are not a snapshot, are cut short, or belong to another engine or version.
    """
    if not isinstance(data, bytes) or len(data) < _PREFIX.size or data[:4] != _MAGIC:  # pyright: ignore[reportUnnecessaryIsInstance] - states come from stores
        raise StateMismatch("not an engine snapshot; recompute from the bars")
    _, checksum, length = _PREFIX.unpack_from(data)
    if zlib.crc32(memoryview(data)[_PREFIX.size :]) != checksum:
        raise StateMismatch("snapshot is damaged (checksum differs); recompute from the bars")
    try:
        position = _PREFIX.size + length
        header = _header(data[_PREFIX.size : position])
        found = header["identity"]
        if found != (engine, version):
            raise StateMismatch(
                f"snapshot is of {found[0]} version {found[1]}, this is {engine} version {version}; "
                "recompute from the bars"
            )
        arrays: dict[str, AnyArray] = {}
        for name, dtype, shape in header["arrays"]:
            count = prod(shape)
            array = np.frombuffer(data, np.dtype(dtype), count, position).reshape(shape).copy()
            arrays[name] = array
            position += array.nbytes
        return Snapshot(found[0], found[1], json.loads(header["parameters"]), arrays)
    except (ValueError, KeyError, TypeError) as error:
        raise StateMismatch(f"snapshot is damaged ({error}); recompute from the bars") from error


def check_layout(
    engine: str, wanted: Mapping[str, AnyArray], found: Mapping[str, AnyArray], growing: frozenset[str]
) -> None:
    """Raise `StateMismatch` when a snapshot's arrays are not of the form an engine can take.

    Parameters
    ----------
    engine : str
        Name of the engine, for the message.
    wanted : mapping of str to ndarray
        Arrays of that form.
    found : mapping of str to ndarray
        Arrays in the snapshot.
    growing : set of str
        Names of arrays whose first dimension may be any.
    """
    if wanted.keys() != found.keys():
        odd = ", ".join(sorted(wanted.keys() ^ found.keys()))
        raise StateMismatch(f"snapshot of {engine} has other state arrays ({odd}); recompute from the bars")
    for name, array in wanted.items():
        other = found[name]
        skip = 1 if name in growing else 0
        if other.dtype != array.dtype or other.ndim != array.ndim or other.shape[skip:] != array.shape[skip:]:
            raise StateMismatch(
                f"snapshot of {engine} has {name} as {other.dtype}{other.shape}, "
                f"expected {array.dtype}{array.shape}; recompute from the bars"
            )


def check_parameters(engine: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise `StateMismatch` when a snapshot's parameters are not the ones asked for.

    Parameters
    ----------
    engine : str
        Name of the engine, for the message.
    found : mapping
        Parameters in the snapshot.
    expected : mapping
        Parameters that must be equal; those not named here are not checked.
    """
    for name, value in expected.items():
        if name not in found:
            raise StateMismatch(f"snapshot of {engine} knows no parameter {name!r}; it has {', '.join(found)}")
        if found[name] != value:
            raise StateMismatch(
                f"snapshot of {engine} has {name}={found[name]!r}, asked for {value!r}; recompute from the bars"
            )
