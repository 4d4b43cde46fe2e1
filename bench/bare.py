"""A FastAPI route that does nothing: what the framework and the server alone cost. Run by the section ``serving``."""

from __future__ import annotations

import socket
import sys

import uvicorn
from fastapi import FastAPI
from starlette.responses import Response

app = FastAPI(openapi_url=None)


@app.get("/")
async def nothing() -> Response:
    """Answer with fixed bytes."""
    return Response(b'{"ok":true}', media_type="application/json")


if __name__ == "__main__":
    listener = socket.socket(fileno=int(sys.argv[1]))
    config = uvicorn.Config(app, http="httptools", access_log=False, log_level="error", proxy_headers=False)
    uvicorn.Server(config).run(sockets=[listener])
