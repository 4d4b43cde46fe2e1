"""What a person may ask of a run beyond its partitions."""

from __future__ import annotations

import dagster as dg


class Recompute(dg.Config):
    """Whether rows that stand are made anew.

    Rows computed from a bar that the exchange restated later stay as they are until someone asks for this.
    """

    recompute: bool = False
