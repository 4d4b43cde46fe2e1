"""Many markets of one timeframe, advanced together."""

from engines.panel.panel import Panel

__all__ = ["Panel"]
