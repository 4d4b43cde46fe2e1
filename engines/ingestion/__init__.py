"""Ingestion: candles from files, an exchange or a simulated market, brought into one normal form.

`open_source` gives the source that a text such as ``files:candles`` names; every source hands over batches of checked
bars, each with a report of what was done to it.
"""

from engines.ingestion.opening import open_source, parse_source
from engines.ingestion.vocabulary import NoSeries, SourceError, SourceUnavailable

__all__ = ["NoSeries", "SourceError", "SourceUnavailable", "open_source", "parse_source"]
