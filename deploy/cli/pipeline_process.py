"""The run that ``cap up`` starts with, in a process of its own.

The supervisor stays small and outlives whatever happens in here: the libraries of a run take hundreds of megabytes and
run compiled code. What to do is in the environment, as for every process; what happened is told in lines of JSON on a
descriptor that the supervisor passes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback

from deploy.cli.errors import CommandFailed
from deploy.cli.graph import prepare_stores, run_graph
from deploy.cli.interrupts import raise_on_signals
from deploy.cli.quiet import terminal
from deploy.cli.summary import show_summary
from deploy.local.home import Home
from orchestration.pipeline_request import PipelineError
from stores.settings import Settings

PREPARED = "prepared"
ANSWERED = "answered"
FINISHED = "finished"


def main() -> int:
    """Run the graph once; the exit code says whether that went well."""
    parser = argparse.ArgumentParser(prog="pipeline_process")
    parser.add_argument("--events", type=int, required=True, help="descriptor to tell on")
    parser.add_argument("--or-simulate", action="store_true")
    parser.add_argument("--debug", action="store_true")
    arguments = parser.parse_args()
    settings = Settings()
    with os.fdopen(arguments.events, "w", buffering=1) as events:

        def tell(event: str, **values: object) -> None:
            events.write(json.dumps({"event": event, **values}) + "\n")

        log = None if arguments.debug else Home(settings.home).logs / "run.log"
        with raise_on_signals(), terminal(log) as console:
            try:
                prepare_stores(settings)
                tell(PREPARED)
                summary = run_graph(
                    settings,
                    console,
                    or_simulate=arguments.or_simulate,
                    answered=lambda used: tell(ANSWERED, source=used.source),
                )
            except (CommandFailed, PipelineError) as error:
                console.print(f"cap: {' '.join(str(error).split())}", style="red", highlight=False)
                return 1
            except KeyboardInterrupt:
                return 130
            except Exception as error:
                if arguments.debug:
                    raise
                traceback.print_exc()  # into the log
                console.print(
                    f"cap: something unforeseen went wrong ({type(error).__name__}: {error}); the details are in {log}",
                    style="red",
                    highlight=False,
                )
                return 1
            show_summary(console, summary)
            tell(FINISHED, failed_checks=summary.failed_checks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
