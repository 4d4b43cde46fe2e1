"""Replay anything that turns bars into readings, and see whether more bars change what fewer showed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import cast

import polars as pl

from engines.audit.compare import Readings, Tally
from engines.audit.findings import AuditReport, BadReading, Replay

Read = Callable[[pl.DataFrame], pl.DataFrame]
"""Turns bars (`engines.bars.BAR_SCHEMA`) into readings: a frame with ``ts``, the open time of the bar each is known at."""


def rewritten_readings(
    read: Read,
    bars: pl.DataFrame,
    ends: Iterable[int],
    key: Sequence[str] = (),
    *,
    columns: Sequence[str] | None = None,
    name: str = "",
    limit: int = 20,
    told: Callable[[int], object] | None = None,
) -> AuditReport:
    """Replay prefixes of bars and count the readings that do not stay what they were.

    A reading is a row that ``read`` returns, stamped with ``ts``. Once it was shown after a bar, every longer prefix must
    show it again, equal in every bit, and must show no other reading stamped up to that bar. What a prefix shows is
    compared with what the next longer one shows, so that a reading which changes and changes back counts as well; each
    reading counts once, whatever the number of prefixes that change it.

    Parameters
    ----------
    read : callable
        Turns a prefix of ``bars`` into a frame of readings. It must be a function of its bars alone.
    bars : DataFrame
        In the normal form (`engines.bars.BAR_SCHEMA`).
    ends : iterable of int
        Lengths of the prefixes, each from 1 to ``bars.height``. Two that follow each other show what one bar changes;
        many bars apart are cheaper, and say only between which two bars a change was made.
    key : sequence of str
        Columns that, with ``ts``, tell a reading from others of its bar. All other columns are its values.
    columns : sequence of str, optional
        Values that must stay what they were; all by default. To be named where a column is *meant* to be filled in later.
    name : str
        What is audited, for the report; ``read``'s own name by default.
    limit : int
        Findings to keep of each kind; all are counted.
    told : callable, optional
        Called with the number of bars just replayed, for progress.

    Returns
    -------
    AuditReport
        With one table. Its counts of ``rewritten``, ``withdrawn`` and ``late`` are of distinct readings; ``readings`` are
        all that were ever shown, those withdrawn since included.

    Raises
    ------
    BadReading
        If ``read`` fails, or returns something else than readings of the bars it was given.

    Notes
    -----
    Many libraries return one row a bar, aligned by index, with NaN where nothing is. Such an output becomes readings by
    dropping the rows that show nothing and stamping the others with the open time of their bar::

        def order_blocks(bars: pl.DataFrame) -> pl.DataFrame:
            found = library.ob(bars.to_pandas(), ...)                     # as many rows as bars
            table = pl.DataFrame({"OB": found["OB"], "Top": found["Top"], "Bottom": found["Bottom"]}, nan_to_null=True)
            return bars.select("ts").hstack(table).drop_nulls("OB")

        report = rewritten_readings(order_blocks, bars, range(500, bars.height + 1), key=("OB",))

    A library that stamps a reading with an earlier bar than the one it needed to know makes every such reading ``late`` by
    the definition. Where that is the library's declared way (a pivot stands at its own bar and is shown ``n`` bars later),
    look at ``rewritten`` and ``withdrawn`` alone: they count what was shown and did not stay.

    Examples
    --------
    >>> centred = lambda bars: bars.select("ts", mean=pl.col("close").rolling_mean(5, center=True))
    >>> rewritten_readings(centred, bars, range(100, 200)).rewritten
    99
    """
    title = name or getattr(read, "__name__", "") or type(read).__name__
    readings = Readings(title, tuple(key), None if columns is None else tuple(columns))
    tally = Tally(readings, limit)
    lengths = _lengths(ends, bars.height)
    shown: pl.DataFrame | None = None
    shown_at: datetime | None = None
    for length in lengths:
        known = cast("datetime", bars["ts"][length - 1])
        found = show(read, bars.head(length), readings)
        if shown is not None and shown_at is not None:
            tally.compare(shown, found, shown_at, known, Replay.MORE_BARS)
        shown, shown_at = found, known
        if told is not None:
            told(length)
    tables = () if shown is None else (tally.finish(shown),)
    first = cast("datetime", bars["ts"][0]) if shown is not None else None
    return AuditReport(
        title, lengths[-1] if lengths else 0, first, shown_at, max(len(lengths) - 1, 0), tables, tuple(tally.findings)
    )


def show(read: Read, bars: pl.DataFrame, readings: Readings) -> pl.DataFrame:
    """What a reader shows after some bars.

    Raises
    ------
    BadReading
        If it fails, or returns something else than readings of these bars.
    """
    last = cast("datetime", bars["ts"][-1])
    who = f"{readings.table}, given {bars.height:,} bars up to {last:%Y-%m-%d %H:%M},"
    try:
        returned = read(bars)
    except Exception as error:
        raise BadReading(f"{who} failed with {type(error).__name__}: {error}") from error
    return readings.check(returned, who, last)


def _lengths(ends: Iterable[int], count: int) -> list[int]:
    lengths = sorted(set(ends))
    if lengths and not 1 <= lengths[0] <= lengths[-1] <= count:
        odd = lengths[0] if lengths[0] < 1 else lengths[-1]
        raise BadReading(f"a prefix of {odd:,} bars is asked for; there are {count:,}, and a prefix has at least one")
    return lengths
