"""The gateway: nginx before the replicas of the API."""
