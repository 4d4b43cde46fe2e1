"""The dashboard's files, served from memory beside the API: what is not in its folder at the start does not exist."""

from __future__ import annotations

import base64
import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

DEFAULT_FOLDER = Path(__file__).resolve().parents[1] / "ui" / "out"
"""Where the build leaves it."""

_NOT_FOUND = "404.html"
# Their names are hashes of what is in them.
_FOR_EVER = "/_next/static/"
_IMMUTABLE, _ASK = "public, max-age=31536000, immutable", "no-cache"
_SMALL = 1_024
_TYPES = {".webmanifest": "application/manifest+json", ".js": "text/javascript", ".woff2": "font/woff2"}
_TEXT = ("text/", "application/json", "application/manifest+json", "image/svg+xml")
_WORKER = "sw.js"
# A worker is held to the policy of its own file, not to that of the page.
_POLICY_OF_WORKER = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class _File:
    """One file as it is sent."""

    body: bytes
    packed: bytes | None
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)


class DashboardRoute(BaseRoute):
    """Answers for every file of a folder; whatever else is asked for is left to the other routes.

    Parameters
    ----------
    folder : Path
        A static export: pages are folders with an ``index.html``.
    """

    path = "/{dashboard}"
    """Name in metrics and logs."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            f"/{path.relative_to(folder).as_posix()}": _read(folder, path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def __len__(self) -> int:
        return len(self._files)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for a file, or from somebody who looks for a page."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return Match.NONE, {}
        path: str = scope["path"]
        if self._find(path) is None and not self._is_for_people(scope):
            return Match.NONE, {}
        return Match.FULL, {"endpoint": self, "route": self}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, the address with a slash at its end, or the page that says that there is none."""
        path: str = scope["path"]
        found = self._find(path)
        if found is None:
            await _reply(self._files[f"/{_NOT_FOUND}"], scope, 404)(scope, receive, send)
        elif isinstance(found, str):
            query = scope["query_string"].decode("latin-1")
            target = f"{found}?{query}" if query else found
            await Response(status_code=308, headers={"Location": target})(scope, receive, send)
        else:
            await _reply(found, scope, 200)(scope, receive, send)

    def _find(self, path: str) -> _File | str | None:
        if path.endswith("/"):
            return self._files.get(f"{path}index.html")
        found = self._files.get(path)
        if found is None and f"{path}/index.html" in self._files:
            # Never anything but a path that is known here: it cannot lead elsewhere.
            return f"{path}/"
        return found

    def _is_for_people(self, scope: Scope) -> bool:
        """Whether a page that says so is the right answer to a path that leads nowhere."""
        path: str = scope["path"]
        if path.startswith(("/v1/", "/problems/")) or f"/{_NOT_FOUND}" not in self._files:
            return False
        return path.count(".") == 0 and "text/html" in Headers(scope=scope).get("accept", "")


def add_dashboard(application: FastAPI, folder: Path | None) -> None:
    """Serve the dashboard, if it was built.

    Parameters
    ----------
    application : fastapi.FastAPI
        With all its other routes: these count first.
    folder : Path, optional
        `DEFAULT_FOLDER` if not given.
    """
    found = folder or DEFAULT_FOLDER
    if (found / "index.html").is_file():
        application.router.routes.append(DashboardRoute(found))


def _read(folder: Path, path: Path) -> _File:
    body = path.read_bytes()
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    text = media_type.startswith(_TEXT)
    packed = gzip.compress(body, 9, mtime=0) if text and len(body) > _SMALL else None
    fixed = f"/{path.relative_to(folder).as_posix()}".startswith(_FOR_EVER)
    headers = {"Cache-Control": _IMMUTABLE if fixed else _ASK, "Vary": "Accept-Encoding"}
    if not fixed:
        headers["ETag"] = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if path.suffix == ".html":
        headers["Content-Security-Policy"] = _policy(body)
    if path == folder / _WORKER:
        headers["Content-Security-Policy"] = _POLICY_OF_WORKER
    charset = "; charset=utf-8" if text else ""
    return _File(body, packed, f"{media_type}{charset}", headers)


def _policy(page: bytes) -> str:
    """What a page may load: only what is ours, and the scripts that are written in it as they were built."""
    hashes = sorted({_hash(script) for script in _INLINE_SCRIPT.findall(page)})
    scripts = " ".join(["'self'", *hashes])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    )


def _hash(script: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"


def _reply(file: _File, scope: Scope, status: int) -> Response:
    asked = Headers(scope=scope)
    headers = dict(file.headers)
    tag = headers.get("ETag")
    if (
        status == 200
        and tag is not None
        and tag in (part.strip() for part in asked.get("if-none-match", "").split(","))
    ):
        return Response(status_code=304, headers=headers)
    packed = file.packed is not None and "gzip" in asked.get("accept-encoding", "")
    body = file.packed if packed and file.packed is not None else file.body
    if packed:
        headers["Content-Encoding"] = "gzip"
    reply = Response(b"" if scope["method"] == "HEAD" else body, status, headers, file.media_type)
    if scope["method"] == "HEAD":
        reply.headers["Content-Length"] = str(len(body))
    return reply
