"""``cap chart``: a picture of stored rows."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import typer

from deploy.charts.scene import read_scene
from deploy.charts.svg import draw
from deploy.cli.errors import WrongUse
from deploy.cli.interrupts import raise_on_signals
from deploy.cli.options import read_settings
from deploy.cli.run import running_stores
from stores.markets import Market
from stores.warehouse import Series, Warehouse


def draw_chart(market: str, timeframe: str, out: Path, *, bars: int, until: str | None, home: Path | None) -> None:
    """Write the chart of a series to a file.

    Raises
    ------
    WrongUse
        If the market or the day has no such form.
    deploy.charts.scene.NothingToDraw
        If no bar of the series is stored there.
    """
    from engines.timeframe import Timeframe

    try:
        series = Series(Market.parse(market), Timeframe(timeframe).value)
        end = None if until is None else _end_of(date.fromisoformat(until))
    except ValueError as error:
        raise WrongUse(str(error)) from error
    with raise_on_signals(), running_stores(read_settings(home)) as settings:
        with closing(Warehouse.connect(settings, origin='{"asset": "chart"}')) as warehouse:
            scene = read_scene(warehouse, series, bars, end)
        out.write_text(draw(scene), encoding="utf-8")
    typer.echo(
        f"{out}: {len(scene.candles)} candles, {len(scene.zones)} zones, {len(scene.breaks)} breaks, "
        f"{len(scene.signals)} signals"
    )


def _end_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
