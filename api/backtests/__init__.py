"""Backtests that people ask for. They are run by another process; here they are asked for, followed and read."""
