"""Reports of backtests: one page that needs no network, and files for other programs."""
