"""How far to trust a result: resampled curves, random entries, harder conditions, parameters next to the chosen ones."""
