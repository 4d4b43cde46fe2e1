"""Times polars-talib, in an environment of its own: ``python polars_talib.py REQUEST ANSWER``.

The request names files of bars and the functions to compute; the answer holds the seconds of each run, and the columns are
written beside it for comparison.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

# The peer's own module has the name of this file.
sys.path.pop(0)
import polars_talib as talib


def main() -> None:
    """Answer a request."""
    request_path, answer_path = map(Path, sys.argv[1:])
    request = json.loads(request_path.read_text())
    bars = np.load(request["bars"])
    frame = pl.DataFrame({name: bars[k] for k, name in enumerate(("open", "high", "low", "close", "volume"))})
    expressions = []
    for k, function in enumerate(request["functions"]):
        call = getattr(talib, function["name"].lower())
        arguments = function["arguments"]
        expressions.append(call(*(pl.col(name) for name in function["inputs"]), **arguments).alias(str(k)))
    seconds = []
    for run in range(request["runs"] + 1):
        began = time.perf_counter()
        found = frame.select(expressions)
        if run:
            seconds.append(time.perf_counter() - began)
    columns = {}
    for k, function in enumerate(request["functions"]):
        column = found[str(k)]
        parts = column.struct.unnest().get_columns() if column.dtype == pl.Struct else [column]
        for name, part in zip(function["columns"], parts, strict=True):
            columns[name] = part.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    np.savez(request["columns"], **{name: column for name, column in columns.items() if name})
    answer_path.write_text(json.dumps({"seconds": seconds, "threads": pl.thread_pool_size()}))


main()
