"""The ``cap`` command line."""
