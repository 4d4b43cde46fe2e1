"""Receives webhooks on port 9000, checks who sent them, and prints each once. Needs Python alone.

Usage: python docs/examples/webhook_receiver.py whsec_... [--once]
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

TOLERANCE_S = 300
secret = base64.b64decode(sys.argv[1].removeprefix("whsec_"))
seen: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what is genuine, 400 to everything else."""

    def do_POST(self) -> None:
        """Check and print one message."""
        body = self.rfile.read(int(self.headers["content-length"]))
        name, moment = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = f"{name}.{moment}.".encode() + body
        expected = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
        # Two signatures come while a secret is being rotated; one that fits is enough.
        given = [one.partition(",")[2] for one in self.headers["webhook-signature"].split()]
        genuine = any(hmac.compare_digest(expected, one) for one in given)
        fresh = abs(time.time() - int(moment)) < TOLERANCE_S
        self.send_response(204 if genuine and fresh else 400)
        self.end_headers()
        if genuine and fresh and name not in seen:  # a repeated delivery has the same id
            seen.add(name)
            sys.stdout.write(json.dumps(json.loads(body), indent=1) + "\n")
            sys.stdout.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 9000), Receiver)
    while not (seen and "--once" in sys.argv):
        server.handle_request()
