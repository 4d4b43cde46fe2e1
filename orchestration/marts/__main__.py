"""dbt on this project and these stores: ``python -m orchestration.marts docs generate --target serving``.

Takes any dbt command; the stores come from the ``CAP_..._URL`` variables, and the project and its profile are found.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from orchestration.marts.environment import PROJECT_DIR, dbt_environment
from orchestration.marts.manifest import dbt_executable
from stores.settings import get_settings


def main(arguments: Sequence[str]) -> None:
    """Become the dbt command. What the caller's environment says of the project wins."""
    where = {"DBT_PROJECT_DIR": str(PROJECT_DIR), "DBT_PROFILES_DIR": str(PROJECT_DIR)}
    executable = str(dbt_executable())
    environment = {**where, **os.environ, **dbt_environment(get_settings())}
    os.execve(executable, [executable, *arguments], environment)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
