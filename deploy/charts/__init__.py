"""Charts of stored rows: candles with zones, structure and signals, drawn as they were known."""
