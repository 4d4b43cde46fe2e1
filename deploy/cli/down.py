"""``cap down``: stop an instance, or what a killed one left behind."""

from __future__ import annotations

import signal
from pathlib import Path

import typer

from deploy.cli.errors import CommandFailed
from deploy.cli.options import read_settings
from deploy.local.home import Home, HomeLock
from deploy.local.processes import gone
from deploy.local.supervisor import Supervisor

_SECONDS = 90.0


def stop_platform(home: Path | None) -> None:
    """Stop what runs on a home folder.

    Raises
    ------
    CommandFailed
        If it does not stop in time.
    """
    folder = Home(read_settings(home).home)
    record = folder.record()
    if record.running and record.supervisor is not None:
        record.supervisor.signal(signal.SIGTERM)
        if not gone([record.supervisor], _SECONDS):
            raise CommandFailed(
                f"process {record.supervisor.pid} did not stop within {_SECONDS:.0f} s; see {folder.logs}, "
                f"or end it with 'kill -9 {record.supervisor.pid}' and run 'cap down' again"
            )
        typer.echo(f"Stopped 'cap {record.command}' on {folder.path}.")
        return
    stopped = 0
    if folder.exists:
        lock = HomeLock(folder, "down")
        lock.acquire()
        try:
            stopped = Supervisor(folder, "down").recover()
            folder.clear_record()
        finally:
            lock.release()
    if stopped:
        typer.echo(f"Stopped {stopped} processes that a killed instance had left on {folder.path}.")
    else:
        typer.echo(f"Nothing runs on {folder.path}.")
