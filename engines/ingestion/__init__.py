"""Ingestion: candles from files, an exchange or a simulated market, brought into one normal form.

Nothing here knows a store or reads a clock: sources take a clock, and hand over batches of checked bars with a report.
"""
