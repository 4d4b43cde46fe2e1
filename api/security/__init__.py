"""Who calls, how he proves it, and what he may do."""
