"""``python -m deploy.local.clickhouse_server --home DIR --port PORT``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="clickhouse_server", description="ClickHouse on loopback, embedded in one process"
    )
    parser.add_argument("--home", type=Path, required=True, help="folder of data, passwords and server.json")
    parser.add_argument("--port", type=int, default=8123, help="first port to try; 0 for any")
    arguments = parser.parse_args()
    from deploy.local.clickhouse_server.server import run

    return run(arguments.home, arguments.port)


if __name__ == "__main__":
    sys.exit(main())
