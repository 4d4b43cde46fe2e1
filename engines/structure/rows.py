"""What structure events look like: names and codes, arrays of the kernels, schema of the frame, the way between them."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.bars import TS_DTYPE, FloatArray, TimeArray
from engines.errors import EngineError

CodeArray = npt.NDArray[np.int8]
FlagArray = npt.NDArray[np.uint8]


class BadStructure(EngineError):
    """Structure events that do not belong to the bars they came with. Nothing was advanced.

    Attributes
    ----------
    row : int
        Zero-based index of the first bad row; -1 if the frame as a whole is bad.
    rule : str
        The rule that row breaks, in words.
    """

    def __init__(self, rule: str, row: int = -1) -> None:
        self.rule = rule
        self.row = row
        where = f"row {row}: " if row >= 0 else ""
        super().__init__(f"bad structure events: {where}{rule}")


class Scale(IntEnum):
    """Size of the moves a pivot stands out of; larger for larger moves."""

    MICRO = 0
    INTERNAL = 1
    SWING = 2


class StructureKind(IntEnum):
    """What happened."""

    SWING_HIGH = 0
    SWING_LOW = 1
    BOS = 2
    CHOCH = 3
    EQH = 4
    EQL = 5


class Label(IntEnum):
    """A pivot against the one before it of its side and scale; `NONE` for the first, and for other events."""

    NONE = 0
    HH = 1
    LH = 2
    HL = 3
    LL = 4


SCALE_NAMES = tuple(scale.name.lower() for scale in Scale)
"""Name in frames by `Scale`."""
KIND_NAMES = tuple(kind.name.lower() for kind in StructureKind)
"""Name in frames by `StructureKind`."""
LABEL_NAMES = tuple(label.name for label in Label)
"""Name in frames by `Label`; null is shown for the first."""

STRUCTURE_SCHEMA = pl.Schema(
    {
        "ts": TS_DTYPE,
        "scale": pl.String,
        "kind": pl.String,
        "direction": pl.Int8,
        "level": pl.Float64,
        "origin_ts": TS_DTYPE,
        "label": pl.String,
        "bias": pl.Int8,
    }
)


class StructureRows(NamedTuple):
    """Structure events as arrays of equal length, in order of ``ts`` and, within a bar, of ENGINES section 3.

    Attributes
    ----------
    ts : ndarray of int64
        Open time (ms UTC) of the bar at whose close the event is known.
    scale, kind : ndarray of int8
        `Scale` and `StructureKind`.
    direction : ndarray of int8
        +1 up-break, swing low, eql; -1 down-break, swing high, eqh.
    level : ndarray of float64
        Price of the pivot or of the equal level.
    origin_ts : ndarray of int64
        Open time of the pivot bar.
    label : ndarray of int8
        `Label`.
    bias : ndarray of int8
        Bias of the scale after the event: +1, -1, or 0 while there was no break. The micro scale has none: 0.
    """

    ts: TimeArray
    scale: CodeArray
    kind: CodeArray
    direction: CodeArray
    level: FloatArray
    origin_ts: TimeArray
    label: CodeArray
    bias: CodeArray


def empty_rows(count: int) -> StructureRows:
    """Unfilled arrays for ``count`` events."""
    return StructureRows(
        np.empty(count, np.int64),
        np.empty(count, np.int8),
        np.empty(count, np.int8),
        np.empty(count, np.int8),
        np.empty(count, np.float64),
        np.empty(count, np.int64),
        np.empty(count, np.int8),
        np.empty(count, np.int8),
    )


def names_of(codes: CodeArray, names: tuple[str, ...], null: int | None = None) -> pl.Series:
    """String column of codes; the code ``null`` becomes null."""
    series = pl.Series(codes, dtype=pl.Int8)
    if null is not None:
        series = pl.select(pl.when(series != null).then(series)).to_series()
    return pl.Series(names, dtype=pl.String).gather(series.cast(pl.UInt32))


def codes_of(column: pl.Series, names: tuple[str, ...], null: int | None = None) -> CodeArray:
    """Codes of a string column; null has the code ``null``.

    Raises
    ------
    BadStructure
        For a name that is not among ``names``, and for null where no code stands for it.
    """
    codes = column.cast(pl.Enum(names), strict=False).to_physical().cast(pl.Int8)
    odd = codes.is_null() if null is None else codes.is_null() & column.is_not_null()
    if odd.any():
        row = int(odd.to_numpy().argmax())
        raise BadStructure(f"{column.name} is {column[row]!r}, it must be one of {', '.join(names)}", row)
    return codes.fill_null(null).to_numpy(writable=True) if codes.null_count() else codes.to_numpy(writable=True)


def structure_frame(rows: StructureRows, count: int) -> pl.DataFrame:
    """First ``count`` events as a frame of `STRUCTURE_SCHEMA`."""
    cut = StructureRows(*(column[:count].copy() for column in rows))  # pyright: ignore[reportArgumentType] - one type a field
    bias = pl.Series(cut.bias)
    return pl.DataFrame(
        {
            "ts": pl.Series(cut.ts).cast(TS_DTYPE),
            "scale": names_of(cut.scale, SCALE_NAMES),
            "kind": names_of(cut.kind, KIND_NAMES),
            "direction": cut.direction,
            "level": cut.level,
            "origin_ts": pl.Series(cut.origin_ts).cast(TS_DTYPE),
            "label": names_of(cut.label, LABEL_NAMES, Label.NONE),
            "bias": pl.select(pl.when(pl.Series(cut.scale) != Scale.MICRO).then(bias)).to_series(),
        },
        schema=STRUCTURE_SCHEMA,
    )


def structure_rows(frame: pl.DataFrame) -> StructureRows:
    """Events of a frame of `STRUCTURE_SCHEMA` as arrays.

    Raises
    ------
    BadStructure
        If a column is missing or of another type, a name is unknown, or a value is null that must not be.
    """
    for name, dtype in STRUCTURE_SCHEMA.items():
        if name not in frame.columns:
            raise BadStructure(f"column {name!r} is missing; events have {', '.join(STRUCTURE_SCHEMA.names())}")
        if frame.schema[name] != dtype:
            raise BadStructure(f"column {name!r} is {frame.schema[name]}, it must be {dtype}")
        if name not in {"label", "bias"} and frame[name].null_count():
            raise BadStructure(f"{name} is null", int(frame[name].is_null().to_numpy().argmax()))
    return StructureRows(
        frame["ts"].to_physical().to_numpy(writable=True),
        codes_of(frame["scale"], SCALE_NAMES),
        codes_of(frame["kind"], KIND_NAMES),
        frame["direction"].to_numpy(writable=True),
        frame["level"].to_numpy(writable=True),
        frame["origin_ts"].to_physical().to_numpy(writable=True),
        codes_of(frame["label"], LABEL_NAMES, Label.NONE),
        frame["bias"].fill_null(0).to_numpy(writable=True),
    )
