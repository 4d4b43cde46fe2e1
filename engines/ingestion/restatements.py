"""Which incoming bars are new, which are known, and which say something else than what was stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from engines.bars import BAR_SCHEMA
from engines.ingestion.source import RESTATEMENT_SCHEMA

_VALUES = BAR_SCHEMA.names()[1:]


@dataclass(frozen=True)
class Comparison:
    """Incoming bars set against stored ones; the three frames of bars add up to the incoming.

    Attributes
    ----------
    new : DataFrame
        `BAR_SCHEMA`: bars whose time is not stored.
    unchanged : DataFrame
        `BAR_SCHEMA`: bars stored already, equal in every bit.
    changed : DataFrame
        `BAR_SCHEMA`: bars stored with other values, as they are now.
    differences : DataFrame
        `RESTATEMENT_SCHEMA`: one row a changed bar, old values and new.
    """

    new: pl.DataFrame
    unchanged: pl.DataFrame
    changed: pl.DataFrame
    differences: pl.DataFrame


def restatements(stored: pl.DataFrame, incoming: pl.DataFrame) -> Comparison:
    """Compare incoming bars with stored ones.

    Parameters
    ----------
    stored, incoming : DataFrame
        Bars in normal form (`BAR_SCHEMA` columns, strictly increasing in ``ts``), of one market and timeframe. Values
        are compared bit for bit.

    Returns
    -------
    Comparison
    """
    incoming = incoming.select(BAR_SCHEMA.names())
    old_ts = stored["ts"].to_physical().to_numpy()
    new_ts = incoming["ts"].to_physical().to_numpy()
    at = np.searchsorted(old_ts, new_ts)
    inside = np.flatnonzero(at < old_ts.shape[0])
    known = np.zeros(new_ts.shape[0], dtype=np.bool_)
    known[inside] = old_ts[at[inside]] == new_ts[inside]
    differs = np.zeros(new_ts.shape[0], dtype=np.bool_)
    for name in _VALUES:
        old = np.ascontiguousarray(stored[name].to_numpy()).view(np.int64)
        new = np.ascontiguousarray(incoming[name].to_numpy()).view(np.int64)
        differs[known] |= old[at[known]] != new[known]
    changed = incoming.filter(pl.Series(differs))
    before = stored.select(BAR_SCHEMA.names())[at[differs]]
    differences = pl.DataFrame(
        {
            "ts": changed["ts"],
            **{f"old_{name}": before[name] for name in _VALUES},
            **{f"new_{name}": changed[name] for name in _VALUES},
        },
        schema=RESTATEMENT_SCHEMA,
    )
    return Comparison(
        new=incoming.filter(pl.Series(~known)),
        unchanged=incoming.filter(pl.Series(known & ~differs)),
        changed=changed,
        differences=differences,
    )
