"""Benchmarks: how fast each stage is, and the whole run, on this machine."""
