"""Times smartmoneyconcepts and shows its readings, in an environment of its own.

``python smartmoneyconcepts.py REQUEST ANSWER``: one run over all bars; for a replay, the readings after each of some prefixes are
written, a file a prefix.
"""

import contextlib
import io
import json
import sys
import time
from pathlib import Path

# The peer's own module has the name of this file.
sys.path.pop(0)
import numpy as np
import pandas as pd

with contextlib.redirect_stdout(io.StringIO()):
    from smartmoneyconcepts import smc


def readings(bars: pd.DataFrame, swing_length: int) -> dict[str, pd.DataFrame]:
    """Everything it reads off bars."""
    swings = smc.swing_highs_lows(bars, swing_length)
    return {
        "swings": swings,
        "structure": smc.bos_choch(bars, swings),
        "order_blocks": smc.ob(bars, swings),
        "gaps": smc.fvg(bars),
        "liquidity": smc.liquidity(bars, swings),
    }


def main() -> None:
    """Answer a request."""
    request_path, answer_path = map(Path, sys.argv[1:])
    request = json.loads(request_path.read_text())
    values = np.load(request["bars"])
    bars = pd.DataFrame({name: values[k] for k, name in enumerate(("open", "high", "low", "close", "volume"))})
    readings(bars.head(2_000), request["swing_length"])  # its own compiler is warm then
    seconds = []
    for _ in range(request["runs"]):
        began = time.perf_counter()
        readings(bars, request["swing_length"])
        seconds.append(time.perf_counter() - began)
    for end in request.get("ends", []):
        for name, table in readings(bars.head(end), request["swing_length"]).items():
            np.save(Path(request["folder"]) / f"{name}_{end}.npy", table.to_numpy(np.float64))
    answer_path.write_text(json.dumps({"seconds": seconds}))


main()
