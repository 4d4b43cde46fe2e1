"""Asking a server on loopback whether it is well."""

from __future__ import annotations

import ssl
import urllib.request
from http.client import HTTPException
from pathlib import Path


def answers(url: str, *, timeout: float = 3.0, trust: Path | None = None) -> bool:
    """Whether an HTTP server answers a GET with success.

    Parameters
    ----------
    url : str
        Without credentials.
    timeout : float
        Seconds to wait.
    trust : pathlib.Path, optional
        Certificate the server must have, whatever name is in it.
    """
    # Without the environment's proxies: they do not know this machine's loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), *_tls(trust))
    try:
        with opener.open(url, timeout=timeout) as reply:
            return bool(200 <= reply.status < 300)
    except (OSError, HTTPException, ValueError):
        return False


def _tls(trust: Path | None) -> list[urllib.request.BaseHandler]:
    if trust is None:
        return []
    context = ssl.create_default_context(cafile=str(trust))
    context.check_hostname = False
    # The server's own certificate is trusted, not only who signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return [urllib.request.HTTPSHandler(context=context)]
