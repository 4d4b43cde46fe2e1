"""OpenTelemetry traces, sent by OTLP over HTTP to where ``OTEL_EXPORTER_OTLP_ENDPOINT`` says; none if it says nothing.

A ``traceparent`` that a request brings is continued. Spans hold no query, no header and no body, and what a fault wrote
into one goes through the redactor before it leaves the process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from api.observability.redaction import Redactor

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})
_DROPPED = frozenset({"url.query", "url.full", "http.url", "http.target", "user_agent.original"})
_OFF: AbstractContextManager[None] = nullcontext()


class _State:
    """Whether this process traces; the library's provider can be set once only."""

    on = False


def start(redactor: Redactor) -> TelemetryConfig:
    """Begin to trace if the environment names a collector.

    Returns
    -------
    fastapi.telemetry.TelemetryConfig
        For the application.
    """
    if not _State.on and any(os.environ.get(name) for name in _ENDPOINTS):
        _set_provider(redactor)
        _State.on = True
    return {
        "tracing": _State.on,
        # Prometheus has them, and our own logs.
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
        "exclude": _is_quiet,
    }


def span(name: str, **attributes: str) -> AbstractContextManager[None]:
    """Trace a part of a request; free of cost where nothing is traced."""
    return _span(name, attributes) if _State.on else _OFF


def identity() -> tuple[str, str] | None:
    """Ids of the trace and span that run now, as logs write them; None outside of one."""
    if not _State.on:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return format(context.trace_id, "032x"), format(context.span_id, "016x")


@contextmanager
def _span(name: str, attributes: dict[str, str]) -> Iterator[None]:
    tracer = trace.get_tracer("api")
    with tracer.start_as_current_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes):
        yield


def _is_quiet(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in _UNTRACED


def _set_provider(redactor: Redactor) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "crypto-analytics-platform-api")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(redacting(OTLPSpanExporter(), redactor)))
    trace.set_tracer_provider(provider)


def redacting(exporter: SpanExporter, redactor: Redactor) -> SpanExporter:
    """Wrap an exporter so that no secret passes it."""
    from opentelemetry.sdk.trace.export import SpanExporter

    class Redacting(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return exporter.export([_cleaned(one, redactor) for one in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return Redacting()


def _cleaned(span: ReadableSpan, redactor: Redactor) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status

    attributes = {
        name: redactor.named(name, value) for name, value in (span.attributes or {}).items() if name not in _DROPPED
    }
    if "url.path" in attributes:
        # The template: what stands in its places may be a secret, and what matches no route may be anything.
        attributes["url.path"] = attributes.get("http.route", "unmatched")
    status = Status(span.status.status_code, span.status.description and redactor.text(span.status.description))
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=[_cleaned_event(event, redactor) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _cleaned_event(event: Event, redactor: Redactor) -> Event:
    from opentelemetry.sdk.trace import Event

    attributes = {name: redactor.named(name, value) for name, value in (event.attributes or {}).items()}
    return Event(event.name, attributes, event.timestamp)
