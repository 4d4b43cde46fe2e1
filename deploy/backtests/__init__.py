"""Backtests: what the command line and the runner have in common, and the runner."""
