"""Traces by OTLP over HTTP, sent in batches by a thread of the SDK.

The SDK reads its own standard variables beside the endpoint: headers, timeout, sampler.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, StatusCode, format_span_id, format_trace_id
from typing_extensions import override

from switchboard_operator.tracing import Attributes, Mark, Tracing

_FLUSH_MILLISECONDS = 1000
"""Longest wait for a collector that does not answer when the process ends."""


class _OtelMark(Mark):
    def __init__(self, span: Span) -> None:
        self._span = span

    @override
    def result(self, result: str, why: str = "") -> None:
        self._span.set_attribute("result", result)
        if why:
            self._span.set_status(StatusCode.ERROR, why)


class OtelTracing(Tracing):
    """The real one."""

    def __init__(self, endpoint: str, identity: str) -> None:
        names = {"service.name": "switchboard-operator", "service.instance.id": identity}
        self._provider = TracerProvider(resource=Resource.create(names), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("switchboard_operator")

    @override
    @contextmanager
    def root(self, name: str, attributes: Attributes) -> Iterator[Mark]:
        with self._tracer.start_as_current_span(name, attributes=attributes) as span:
            yield _OtelMark(span)

    @override
    @contextmanager
    def child(self, name: str, attributes: Attributes) -> Iterator[None]:
        if not trace.get_current_span().is_recording():
            yield
            return
        with self._tracer.start_as_current_span(name, attributes=attributes):
            yield

    @override
    def ids(self) -> Mapping[str, str]:
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {
            "trace_id": format_trace_id(context.trace_id),
            "span_id": format_span_id(context.span_id),
        }

    @override
    def close(self) -> None:
        self._provider.force_flush(_FLUSH_MILLISECONDS)
        self._provider.shutdown()
