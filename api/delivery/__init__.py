"""Delivery: the worker that sends what the outbox holds, the webhooks, and the duties that run beside it."""
