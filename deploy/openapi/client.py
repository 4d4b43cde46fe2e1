"""Makes the Python client anew: ``python -m deploy.openapi.client`` (``make client``); with ``--check`` it only compares."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from deploy.openapi.operations import write_operations

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "api" / "client"
_MODELS_HEAD = '"""What the API takes and answers. Made from the OpenAPI description by ``make client``."""\n\n'


def description() -> dict[str, Any]:
    """Describe the whole API."""
    from api.main import create_app
    from stores.settings import Settings

    return create_app(Settings()).openapi()


def write_client() -> dict[Path, str]:
    """Write the generated modules, without storing them."""
    described = description()
    return {
        FOLDER / "models.py": _formatted(_models(described)),
        FOLDER / "operations.py": _formatted(write_operations(described)),
    }


def _models(described: dict[str, Any]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "openapi.json", Path(folder) / "models.py"
        source.write_text(json.dumps(described))
        options = [
            "--input-file-type=openapi",
            "--output-model-type=pydantic_v2.BaseModel",
            "--target-python-version=3.11",
            "--formatters=builtin",
            "--extra-fields=ignore",
            "--enum-field-as-literal=all",
            "--use-standard-collections",
            "--use-union-operator",
            "--use-schema-description",
            "--use-annotated",
            "--disable-timestamp",
            "--openapi-scopes=schemas",
        ]
        subprocess.run(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "datamodel_code_generator", "--input", source, "--output", target, *options],
            check=True,
        )
        text = target.read_text()
    body = text[text.index("from __future__") :]
    return _MODELS_HEAD + body


def _formatted(text: str) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    stdin = ["--stdin-filename", str(FOLDER / "generated.py"), "-"]
    for command in (["check", "--fix", "--quiet", "--exit-zero"], ["format", "--quiet"]):
        made = subprocess.run(  # noqa: S603 - our own arguments
            [*ruff, *command, *stdin], input=text, capture_output=True, text=True, check=True, cwd=ROOT
        )
        text = made.stdout
    return text


def main() -> int:
    """Make the client, or say whether it is up to date."""
    made = write_client()
    if "--check" in sys.argv[1:]:
        stale = [path.name for path, text in made.items() if not path.exists() or path.read_text() != text]
        if stale:
            sys.stderr.write(f"api/client: {', '.join(stale)} no longer fits the API; run 'make client'\n")
        return 1 if stale else 0
    for path, text in made.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
