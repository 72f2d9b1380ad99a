"""An OpenTelemetry collector that only remembers: OTLP over HTTP, traces."""

import contextlib
import gzip
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from switchboard_local.ports import LOOPBACK, free_port


@dataclass
class OtlpReceiver:
    """What arrived."""

    url: str
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    """Statuses with which the next requests are refused."""

    def spans(self) -> Iterator[Span]:
        """Return every span, in order of arrival."""
        for request in self.requests:
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    yield from scope.spans

    def services(self) -> set[str]:
        """Return the names of the services that sent spans."""
        return self._senders("service.name")

    def instances(self) -> set[str]:
        """Return the names of the processes that sent spans."""
        return self._senders("service.instance.id")

    def _senders(self, key: str) -> set[str]:
        return {
            attribute.value.string_value
            for request in self.requests
            for spans in request.resource_spans
            for attribute in spans.resource.attributes
            if attribute.key == key
        }


def attributes(span: Span) -> dict[str, str]:
    """Return a span's attributes that are text."""
    return {a.key: a.value.string_value for a in span.attributes}


@contextlib.asynccontextmanager
async def otlp_receiver() -> AsyncIterator[OtlpReceiver]:
    """Receive traces while the block runs."""
    port = free_port()
    receiver = OtlpReceiver(f"http://{LOOPBACK}:{port}")

    async def traces(request: web.Request) -> web.Response:
        body = await request.read()
        if receiver.refusals:
            return web.Response(status=receiver.refusals.pop(0))
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        receiver.requests.append(ExportTraceServiceRequest.FromString(body))
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", traces)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        yield receiver
    finally:
        await runner.cleanup()
