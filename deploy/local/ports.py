"""Ports on loopback: a taken one is not an error, the next free one is used."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"
_TRIES = 200


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: without it a port of a server stopped a moment ago looks taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def next_free(port: int, host: str = LOOPBACK, *, taken: frozenset[int] = frozenset()) -> int:
    """First free port from the given one on; any free one for 0.

    Parameters
    ----------
    port : int
        Where to start.
    host : str
        Address to listen on.
    taken : frozenset of int
        Ports to pass over although nothing listens there yet.

    Raises
    ------
    OSError
        If none of the next 200 is free.
    """
    if port == 0:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
            return int(probe.getsockname()[1])
    for candidate in range(port, min(port + _TRIES, 65536)):
        if candidate not in taken and is_free(candidate, host):
            return candidate
    raise OSError(f"no free port on {host} from {port} to {port + _TRIES - 1}")
