"""People's own: profiles, keys, sessions, data."""
