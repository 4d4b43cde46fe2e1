"""Alerts: what people want to be told of, when it happens, and how they are told."""
