"""The dbt project's manifests, made ahead: ``python -m orchestration.marts.manifest``.

Parsing takes seconds and the code location is loaded by every Dagster process, so it loads what was parsed before. A
fingerprint of the project's files says whether that still is the project; no store is needed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from orchestration.marts.environment import PROJECT_DIR, Target

_COMMAND = "python -m orchestration.marts.manifest"
_PARSED_FOLDERS = ("models", "macros", "tests", "snapshots", "seeds", "analyses")
_PARSED_FILES = ("dbt_project.yml", "profiles.yml")


class MissingManifest(RuntimeError):
    """The dbt project has not been parsed, or is not as it was when it was."""


class UnparsableProject(RuntimeError):
    """dbt cannot parse the project."""


def require_manifest(target: Target) -> Path:
    """Path of a target's manifest.

    Raises
    ------
    MissingManifest
        If it has not been made. One that is older than the project is taken as it is: a code location that refuses to
        load while a model is being edited would take the whole graph from view.
    """
    if not (target.manifest_path.is_file() and target.parsed_path.is_file()):
        raise MissingManifest(
            f"the manifest of the dbt project's {target} target is missing ({target.manifest_path}); make it with "
            f"'{_COMMAND}'"
        )
    return target.manifest_path


def is_current(target: Target) -> bool:
    """Whether a target's manifest was made from the project's files as they are now."""
    stamp = _stamp_path(target)
    artifacts = (stamp, target.manifest_path, target.parsed_path)
    return all(path.is_file() for path in artifacts) and stamp.read_text() == _fingerprint()


def make_manifests() -> list[Target]:
    """Parse the project for every target whose manifest is not current.

    Returns
    -------
    list of Target
        Targets that were parsed now.

    Raises
    ------
    UnparsableProject
        With what dbt has to say.
    """
    stale = [target for target in Target if not is_current(target)]
    fingerprint = _fingerprint()
    # Side by side: most of a parse is dbt's own import.
    running = [(target, _parse(target)) for target in stale]
    failures: list[str] = []
    for target, process in running:
        output, _ = process.communicate()
        if process.returncode == 0:
            _stamp_path(target).write_text(fingerprint)
        else:
            failures.append(f"dbt cannot parse the project for its {target} target:\n{output.strip()}")
    if failures:
        raise UnparsableProject("\n".join(failures))
    return stale


def dbt_executable() -> Path:
    """The ``dbt`` command beside this interpreter: a service's PATH need not hold it."""
    return Path(sys.executable).parent / "dbt"


def _parse(target: Target) -> subprocess.Popen[str]:
    target.target_dir.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(  # noqa: S603
        [
            str(dbt_executable()),
            *("--quiet", "--no-use-colors", "--log-level-file", "none"),
            "parse",
            *("--target", target.value, "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)),
            # Partial parsing would compare with the artifacts of another version of dbt, and saves nothing here.
            "--no-partial-parse",
        ],
        env={**os.environ, "DBT_TARGET_PATH": str(target.target_dir)},
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _stamp_path(target: Target) -> Path:
    return target.target_dir / "fingerprint.txt"


def _fingerprint() -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    files = [PROJECT_DIR / name for name in _PARSED_FILES]
    for folder in _PARSED_FOLDERS:
        files += (path for path in (PROJECT_DIR / folder).rglob("*") if path.is_file())
    for path in sorted(files):
        digest.update(path.relative_to(PROJECT_DIR).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(_dbt_version().encode())
    return digest.hexdigest()


def _dbt_version() -> str:
    from importlib.metadata import version

    return " ".join(f"{name}={version(name)}" for name in ("dbt-core", "dbt-clickhouse", "dbt-postgres"))


def main() -> int:
    """Make the manifests; the exit code says whether they could be made."""
    try:
        made = make_manifests()
    except UnparsableProject as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(f"dbt project parsed: {', '.join(made)}" if made else "dbt project: manifests are current")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
