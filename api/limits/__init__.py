"""Rate limits: how much a caller may ask for, counted in Redis for all processes together."""
