"""The asset graph: one module a stage, each thin: read a table, call an engine, write a table."""
