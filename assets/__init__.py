"""The asset graph: one module a stage, each thin: read a table, call an engine, write a table."""

import warnings

import dagster as dg

# Single-run backfills are a beta parameter of the pinned Dagster; we rely on them knowingly.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
