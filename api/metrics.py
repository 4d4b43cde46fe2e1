"""Prometheus metrics of one application: rate, errors and duration by route, and of every store behind it."""

from __future__ import annotations

import os

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["CONTENT_TYPE", "Metrics"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Said by `cap api --workers`; the library reads it when it is imported.
_SEVERAL_PROCESSES = "PROMETHEUS_MULTIPROC_DIR" in os.environ
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one application, in a registry of its own so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        if not _SEVERAL_PROCESSES:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
        labels = ("method", "route", "status")
        self._requests = Counter("cap_http_requests", "Requests answered.", labels, registry=self.registry)
        self._duration = Histogram(
            "cap_http_request_duration_seconds",
            "Time until the answer was complete.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "cap_http_requests_in_flight",
            "Requests being answered.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.reads_in_flight = Gauge(
            "cap_store_reads_in_flight",
            "Reads from a store that run or wait for one of its connections.",
            ("store",),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._reads = Histogram(
            "cap_store_read_duration_seconds",
            "Time of reads from a store, by result: ok, timeout or unavailable.",
            ("store", "result"),
            buckets=_BUCKETS,
            registry=self.registry,
        )

        self._deliveries = Counter(
            "cap_delivery_attempts", "Attempts to deliver, by result.", ("topic", "result"), registry=self.registry
        )
        self._attempts = Histogram(
            "cap_delivery_attempt_duration_seconds",
            "Time of attempts to deliver.",
            ("topic",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._lag = Histogram(
            "cap_delivery_lag_seconds",
            "From when a message was to be sent until it was.",
            ("topic",),
            buckets=(*_BUCKETS, 60.0, 600.0, 3_600.0, 86_400.0),
            registry=self.registry,
        )
        self._queued = Gauge(
            "cap_outbox_messages", "Messages of the outbox.", ("topic", "state"), registry=self.registry
        )
        self._oldest = Gauge(
            "cap_outbox_oldest_due_seconds", "Age of the oldest message due.", ("topic",), registry=self.registry
        )
        self._limits = Counter(
            "cap_limit_decisions",
            "Requests by what the rate limits did: admitted, refused, exempt; open and closed without Redis.",
            ("route_class", "result"),
            registry=self.registry,
        )
        self._sign_ins = Counter(
            "cap_sign_ins", "Sign-ins, by outcome: opened, challenged or refused.", ("outcome",), registry=self.registry
        )
        self._duties = Counter(
            "cap_worker_duties", "Periodic duties, by result.", ("duty", "result"), registry=self.registry
        )

        self.stream_clients = Gauge(
            "cap_stream_clients", "Open streams.", registry=self.registry, multiprocess_mode="livesum"
        )
        self.stream_events = Counter("cap_stream_events", "Events sent to readers of streams.", registry=self.registry)
        self._stream_endings = Counter(
            "cap_stream_endings", "Streams ended by the server, by reason.", ("reason",), registry=self.registry
        )
        self._stream_position = Gauge(
            "cap_stream_position", "Number of the newest event this process knows.", registry=self.registry
        )
        self._stream_on_redis = Gauge(
            "cap_stream_on_redis", "1 while events come by Redis, 0 while Postgres is polled.", registry=self.registry
        )
        self._relay_position = Gauge(
            "cap_relay_position", "Number of the newest event relayed to Redis.", registry=self.registry
        )
        self._relay_lag = Gauge("cap_relay_lag_events", "Events that wait to be relayed.", registry=self.registry)

    def stream_ended(self, reason: str) -> None:
        """Count a stream that the server ended."""
        self._stream_endings.labels(reason).inc()

    def stream_position(self, position: int, source: str) -> None:
        """Say how far the streams of this process are, and by which store."""
        self._stream_position.set(position)
        self._stream_on_redis.set(source == "redis")

    def relayed(self, position: int, head: int) -> None:
        """Say how far the relay is."""
        self._relay_position.set(position)
        self._relay_lag.set(head - position)

    def sign_in(self, outcome: str) -> None:
        """Count a sign-in: opened, challenged or refused."""
        self._sign_ins.labels(outcome).inc()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request. ``route`` is the template of the path, never the path itself."""
        # Anyone can invent methods; each would be a time series of its own.
        method = method if method in _METHODS else "OTHER"
        self._requests.labels(method, route, str(status)).inc()
        self._duration.labels(method, route).observe(seconds)

    def store_read(self, store: str, result: str, seconds: float) -> None:
        """Count a read from a store."""
        self._reads.labels(store, result).observe(seconds)

    def delivered(self, topic: str, result: str, seconds: float, lag_s: float) -> None:
        """Count an attempt of the worker: sent, retry, later or dead.

        Parameters
        ----------
        topic, result : str
        seconds : float
            The attempt took.
        lag_s : float
            From when the message was to be sent to the end of the attempt.
        """
        self._deliveries.labels(topic, result).inc()
        self._attempts.labels(topic).observe(seconds)
        if result == "sent":
            self._lag.labels(topic).observe(max(0.0, lag_s))

    def queue(self, topic: str, waiting: int, dead: int, oldest_s: float) -> None:
        """Set what the outbox holds of a topic: messages that are due, dead letters, age of the oldest due one."""
        for state, value in (("waiting", waiting), ("dead", dead)):
            self._queued.labels(topic, state).set(value)
        self._oldest.labels(topic).set(oldest_s)

    def limited(self, route_class: str, result: str) -> None:
        """Count what the rate limits did with a request."""
        self._limits.labels(route_class, result).inc()

    def duty(self, name: str, result: str) -> None:
        """Count a periodic duty of the worker: done or failed."""
        self._duties.labels(name, result).inc()

    def render(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        if not _SEVERAL_PROCESSES:
            return generate_latest(self.registry)
        # Each process counts in a file of its own; whichever is asked adds them up.
        together = CollectorRegistry()
        MultiProcessCollector(together)
        return generate_latest(together)
