"""``cap backtester``: runs the backtests that people ask for, one after the other, on all cores."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from deploy.backtests import documents
from deploy.backtests.catalogue import catalogue
from deploy.backtests.documents import Findings
from deploy.backtests.queue import LEASE_S, BacktestQueue, Claim
from deploy.backtests.studies import (
    BacktestOptions,
    WalkForwardOptions,
    conduct_study,
    load_strategies_for,
    make_study,
    read_given,
    space_of,
    timeframe_of,
)
from deploy.cli.errors import CommandFailed, WrongUse
from deploy.cli.given_bars import STORED, GivenBars
from deploy.cli.options import Options
from stores import database
from stores.settings import Settings
from stores.tables import BacktestKind

if TYPE_CHECKING:
    from deploy.reports.study import Study
    from engines.timeframe import Timeframe

_POLL_S = 0.5
_TOLD_EVERY_S = 0.3
_log = structlog.get_logger("backtester")


class _GivenUp(Exception):
    """Somebody does not want it any more."""


class Runner:
    """Runs what waits.

    Parameters
    ----------
    settings : Settings
        With the URLs of all stores.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = database.engine(settings, pool_size=2, max_overflow=1)
        self._queue = BacktestQueue(self._engine, f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")

    def run(self, stopping: threading.Event) -> None:
        """Go on until told to stop. ``KeyboardInterrupt`` puts back what is being run."""
        from sqlalchemy.exc import DBAPIError

        told = False
        while not stopping.is_set():
            try:
                if not told:
                    self._queue.tell(catalogue(self._settings.strategies))
                    told = True
                claim = self._queue.claim()
                if claim is None:
                    stopping.wait(_POLL_S)
                else:
                    self.conduct(claim)
            except DBAPIError as error:
                # Whatever was being run is taken up again when its time is over.
                _log.warning("database_unavailable", error=type(error).__name__)
                stopping.wait(2)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def conduct(self, claim: Claim) -> None:
        """Run one, and store what came of it."""
        began = time.monotonic()
        try:
            with self._kept_alive(claim) as gone:
                findings = _find(claim, self._progress(claim, gone))
        except _GivenUp:
            _log.info("backtest", backtest_id=claim.backtest_id, status="cancelled")
            return
        except (WrongUse, CommandFailed) as error:
            self._failed(claim, str(error))
            return
        except KeyboardInterrupt:
            self._queue.release(claim)
            raise
        except MemoryError:
            self._failed(claim, "it needs more memory than there is; ask for fewer bars or parameter sets")
            return
        except Exception:
            _log.exception("backtest_fault", backtest_id=claim.backtest_id)
            self._failed(claim, f"a fault of the platform; quote {claim.backtest_id} when reporting it")
            return
        stored = self._queue.finish(claim, findings)
        _log.info(
            "backtest",
            backtest_id=claim.backtest_id,
            status="done" if stored else "cancelled",
            seconds=round(time.monotonic() - began, 2),
        )

    def _failed(self, claim: Claim, why: str) -> None:
        self._queue.fail(claim, why)
        _log.info("backtest", backtest_id=claim.backtest_id, status="failed", why=why)

    def _progress(self, claim: Claim, gone: threading.Event) -> _Progress:
        return _Progress(self._queue, claim, gone)

    @contextmanager
    def _kept_alive(self, claim: Claim) -> Iterator[threading.Event]:
        """Say now and then that it is being run; the event is set when it is not wanted any more."""
        over, gone = threading.Event(), threading.Event()

        def tell() -> None:
            from sqlalchemy.exc import DBAPIError

            while not over.wait(LEASE_S / 10):
                try:
                    if not self._queue.alive(claim):
                        gone.set()
                        return
                except DBAPIError:
                    # Said again at the next beat, of which there are several before it is taken for dead.
                    continue

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield gone
        finally:
            over.set()
            thread.join()


class _Progress:
    """Tells how far a backtest is, not too often, and stops it when it is not wanted any more."""

    def __init__(self, queue: BacktestQueue, claim: Claim, gone: threading.Event) -> None:
        self._queue = queue
        self._claim = claim
        self._gone = gone
        self._told_at = float("-inf")

    def stage(self, stage: str, total: int | None) -> None:
        self._tell(stage, 0, total)

    def sets(self, done: int, total: int) -> None:
        if self._gone.is_set():
            raise _GivenUp
        if done == total or time.monotonic() - self._told_at >= _TOLD_EVERY_S:
            self._tell("Parameter sets", done, total)

    def _tell(self, stage: str, done: int, total: int | None) -> None:
        self._told_at = time.monotonic()
        if self._gone.is_set() or not self._queue.progress(self._claim, stage, done, total):
            raise _GivenUp


def _find(claim: Claim, progress: _Progress) -> Findings:
    from engines.backtest.errors import BadBacktest
    from engines.errors import EngineError

    options = _options(claim)
    timeframe = timeframe_of(options)
    load_strategies_for(options, None)
    try:
        progress.stage("Bars", None)
        given = [_known(one, timeframe, claim.known_before) for one in read_given(options, timeframe, None)]
        progress.stage("Indicators, structure, zones", None)
        study = make_study(options, timeframe, given)
        if claim.kind == BacktestKind.SWEEP:
            return _sweep(study, options, progress)
        return documents.of_study(conduct_study(options, study, progress.stage))
    except (BadBacktest, EngineError) as error:
        raise WrongUse(str(error)) from error


def _sweep(study: Study, options: BacktestOptions, progress: _Progress) -> Findings:
    from deploy.reports.study import traded_source
    from engines.backtest.sweeps import run_sweep

    space = space_of(options)
    result = run_sweep(
        study.bars,
        traded_source(study),
        space,
        study.config,
        finer=study.finer,
        funding=study.funding,
        mark=study.mark,
        market=study.market,
        progress=progress.sets,
    )
    return documents.of_sweep(result, list(space))


def _known(given: GivenBars, timeframe: Timeframe, before: datetime) -> GivenBars:
    """The bars that were closed by then."""
    import polars as pl

    whole = given.bars.filter(pl.col("ts") + timedelta(milliseconds=timeframe.milliseconds) <= before)
    if not whole.height:
        raise CommandFailed(f"no {timeframe.value} bars of {given.market} are stored that your plan shows")
    finer = given.finer
    if finer is not None:
        end = whole["ts"].max()
        # The finer ones say what happened within the bars, so they end with them.
        finer = finer.filter(pl.col("ts") < pl.lit(end) + timedelta(milliseconds=timeframe.milliseconds))
    return replace(given, bars=whole, finer=finer)


def _options(claim: Claim) -> BacktestOptions:
    request = claim.request
    walk = request["walk_forward"]
    return BacktestOptions(
        strategy=request["strategy"],
        series=Options(
            source=STORED,
            markets=(request["market"],),
            timeframes=(request["timeframe"],),
            since=_day(request["start"]),
            until=_day(request["end"]) or claim.known_before.astimezone(UTC).date(),
        ),
        settings=_texts({**request["parameters"], **request["config"]}),
        varied=tuple(f"{name}={_joined(values)}" for name, values in request["vary"].items()),
        walk_forward=None
        if walk is None
        else WalkForwardOptions(train=walk["train_days"], test=walk["test_days"], anchored=walk["anchored"]),
        robust=request["robust"],
    )


def _texts(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name}={_text(value)}" for name, value in values.items())


def _joined(values: Sequence[Any]) -> str:
    for value in values:
        if isinstance(value, str) and "," in value:
            raise WrongUse(f"vary: {value!r} cannot be tried: it has a comma")
    return ",".join(map(_text, values))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
