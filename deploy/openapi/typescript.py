"""Makes the dashboard's types anew from the API's description: ``python -m deploy.openapi.typescript``; ``--check`` compares."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

from deploy.dashboard import UI, install, node
from deploy.openapi.client import description

TYPES = UI / "src" / "api" / "schema.d.ts"
_HEAD = "// Made from the OpenAPI description by `make client`. Description: {digest}\n"


def digest_of(described: object) -> str:
    """Hash by which types and description are told to belong together."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def is_current() -> bool:
    """Whether the types are those of the API as it is."""
    return TYPES.exists() and TYPES.read_text().startswith(_HEAD.format(digest=digest_of(description())))


def write_types() -> None:
    """Make the types with the tool that the dashboard's packages bring."""
    described = description()
    install(lambda text: None)
    source = UI / "openapi.json"
    source.write_text(json.dumps(described))
    tool = UI / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    subprocess.run(  # noqa: S603 - our own arguments
        [str(node()), str(tool), str(source), "--output", str(TYPES), "--alphabetize", "--default-non-nullable=false"],
        check=True,
        cwd=UI,
    )
    source.unlink()
    TYPES.write_text(_HEAD.format(digest=digest_of(described)) + TYPES.read_text())


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(0 if is_current() else "the dashboard's types are not those of the API; run make client")
    write_types()
