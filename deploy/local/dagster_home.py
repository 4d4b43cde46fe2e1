"""Dagster's home folder: storage in the serving database, no telemetry, bounded history."""

from __future__ import annotations

from pathlib import Path

_CONFIG = """\
# Written by 'cap' at every start; changes made here are lost.
storage:
  postgres:
    postgres_url:
      env: CAP_DAGSTER_POSTGRES_URL

# A run starts as soon as it is asked for. The queue would add its polling interval to every sensor's latency, and the
# sensors bound how much they ask for.
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator

# A run whose process was killed is marked failed, and what it held is given back.
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  cancel_timeout_seconds: 60
  max_resume_run_attempts: 0
  poll_interval_seconds: 15
  free_slots_after_run_end_seconds: 60

# Ticks are the part of the history that grows by the clock, not by the work.
retention:
  schedule:
    purge_after_days: 30
  sensor:
    purge_after_days:
      skipped: 1
      failure: 14
      success: 7
  auto_materialize:
    purge_after_days:
      skipped: 1
      failure: 14
      success: 7

code_servers:
  local_startup_timeout: 180

telemetry:
  enabled: false

nux:
  enabled: false
"""


def write_dagster_home(folder: Path) -> None:
    """Write ``dagster.yaml``; the database's URL is read from ``CAP_DAGSTER_POSTGRES_URL``, never stored in it.

    Parameters
    ----------
    folder : pathlib.Path
        What ``DAGSTER_HOME`` points at; made if absent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "dagster.yaml"
    if not path.exists() or path.read_text() != _CONFIG:
        path.write_text(_CONFIG)
