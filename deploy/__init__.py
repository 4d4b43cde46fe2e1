"""How the platform runs: the ``cap`` command line and the local embedded stack."""
