"""What the API asks of the stores: one module a kind of row. Nothing here writes."""
