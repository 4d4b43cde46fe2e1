"""Asking a server on loopback whether it is well."""

from __future__ import annotations

import urllib.request
from http.client import HTTPException


def answers(url: str, *, timeout: float = 3.0) -> bool:
    """Whether an HTTP server answers a GET with success.

    Parameters
    ----------
    url : str
        Without credentials.
    timeout : float
        Seconds to wait.
    """
    # Without the environment's proxies: they do not know this machine's loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as reply:
            return bool(200 <= reply.status < 300)
    except (OSError, HTTPException, ValueError):
        return False
