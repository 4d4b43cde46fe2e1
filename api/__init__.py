"""The HTTP API: one router a service, reading materialized tables only."""
