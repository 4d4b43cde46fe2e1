"""The embedded stack: each store is the real engine, on loopback, under one home folder."""
